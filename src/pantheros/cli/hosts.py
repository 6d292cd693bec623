"""`panther hosts`: the machines of a fleet."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.table import Table

from pantheros.cli.fleet import FleetArgument, JsonOption, model_of
from pantheros.cli.output import finding_json, out, print_json, report


def command(fleet: FleetArgument = Path(), json: JsonOption = False) -> int:
    model = model_of(fleet)
    hosts = [model.resolver.host(name) for name in model.declared.hosts]
    findings = [*model.declared.findings, *(found for host in hosts for found in host.declared.findings)]
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
    table = Table(box=box.SIMPLE_HEAD if out.is_terminal else None, pad_edge=False)
    for title in ("host", "kind", "stage", "system", "profiles", "people", "address"):
        table.add_column(title)
    for host in hosts:
        table.add_row(
            host.name,
            host.kind,
            host.stage,
            host.system,
            ", ".join(model.declared.profiles_of(host.declared)),
            ", ".join(person.name for person in host.people),
            host.address,
        )
    out.print(table)
    return report(findings, fleet)
