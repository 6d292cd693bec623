"""`panther hosts`: the machines of a fleet."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pantheros.cli.fleet import FleetArgument, JsonOption, model_of, support_ended
from pantheros.cli.output import finding_json, print_json, report, say, table


def command(fleet: FleetArgument = Path(), json: JsonOption = False) -> int:
    model = model_of(fleet)
    hosts = [model.resolver.host(name) for name in model.declared.hosts]
    findings = [
        *support_ended(model.declared, date.today()),
        *model.declared.findings,
        *(found for host in hosts for found in host.declared.findings),
    ]
    if json:
        rows = [
            {
                "name": host.name,
                "kind": host.kind,
                "stage": host.stage,
                "system": host.system,
                "release": host.release.name,
                "profiles": list(model.declared.profiles_of(host.declared)),
                "people": [person.name for person in host.people],
                "tags": host.tags,
                "address": host.address or None,
                "file": host.declared.file,
            }
            for host in hosts
        ]
        print_json({"fleet": model.declared.table.name, "hosts": rows, "findings": list(map(finding_json, findings))})
        return int(any(finding.severity == "error" for finding in findings))
    if not hosts:
        say(f"no hosts yet: each has a file of its own, {fleet / 'hosts/NAME/host.toml'}")
        return report(findings, fleet)
    titles = ("host", "kind", "stage", "system", "profiles", "people", "address")
    table(
        titles,
        [
            (
                host.name,
                host.kind,
                host.stage,
                host.system,
                ", ".join(model.declared.profiles_of(host.declared)),
                ", ".join(person.name for person in host.people),
                host.address,
            )
            for host in hosts
        ],
    )
    return report(findings, fleet)
