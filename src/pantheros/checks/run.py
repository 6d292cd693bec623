"""A fleet checked: every rule, on every host, all findings at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pantheros.checks import conflicts, disko, disks, fleet, network, networkd, packages, secrets, settings
from pantheros.checks.view import HostView, NotVerified
from pantheros.findings import Finding
from pantheros.releases.release import Release
from pantheros.synth.build import Model, copied, unique
from pantheros.synth.layout import lay_out
from pantheros.synth.parallel import in_parallel

_WORTH_A_PROCESS = 40
"""Hosts that take longer to check than a process takes to start."""

OF_A_HOST: tuple[Callable[[HostView], Iterator[Finding]], ...] = (
    settings.findings,
    disko.findings,
    networkd.findings,
    packages.findings,
    conflicts.findings,
    network.findings,
    disks.findings,
)
"""The rules about one host."""


@dataclass
class Checked:
    """What is wrong with a fleet, and what could not be looked into."""

    model: Model
    findings: list[Finding] = field(default_factory=list)
    not_verified: list[NotVerified] = field(default_factory=list)


class _OfHost(NamedTuple):
    """What came of one host."""

    findings: list[Finding]
    notes: list[NotVerified]
    copies: set[str]
    facts: fleet.Facts


def check(root: Path, release: Release | None = None) -> Checked:
    """Everything that can be found in the fleet in `root` without Nix. Raises `PantherError` when there is no fleet."""
    model = Model.of(root, release)
    checked = Checked(model)
    names = list(model.declared.hosts)
    found = in_parallel(lambda some: [_host(model, name) for name in some], names, _WORTH_A_PROCESS)
    checked.not_verified = [note for of_host in found for note in of_host.notes]
    findings = [*model.declared.findings, *(finding for of_host in found for finding in of_host.findings)]
    findings += secrets.shared(model.declared)
    for path, wanted, wrong in copied(root, {path for of_host in found for path in of_host.copies}):
        findings += wrong
        if wanted is not None and wanted.content is not None:
            findings += secrets.of_file(path, wanted.content)
    findings += fleet.findings(model, [of_host.facts for of_host in found])
    checked.findings = _without_echoes(unique(findings))
    return checked


_OF_VALUES = frozenset(
    {"wrong-type", "not-one-of", "out-of-range", "pattern-mismatch", "invalid-value", "missing-option"}
)
"""Codes of findings that say that an option's value could not be taken: what went on without it has more to say."""


def _without_echoes(findings: list[Finding]) -> list[Finding]:
    """The findings without those that only follow from another at the very same place."""
    refused = {(f.origin, f.option) for f in findings if f.code in _OF_VALUES and f.origin and f.option}
    published = {f.origin for f in findings if f.code == "duplicate-port"}
    return [
        found
        for found in findings
        if not (found.code not in _OF_VALUES and (found.origin, found.option) in refused)
        and not (found.code == "port-taken" and found.origin in published)
    ]


def _host(model: Model, name: str) -> _OfHost:
    host = model.resolver.host(name)
    expansions, findings = model.expand(host)
    files = lay_out(model.resolver, host, expansions)
    findings += files.findings
    view = HostView.of(model, host, expansions)
    for rule in OF_A_HOST:
        findings += rule(view)
    findings += secrets.of_layers([host.declared.layer, *host.declared.people.values()], name)
    facts = fleet.Facts.of(view)
    if not model.resolver.looked_across:
        model.resolver.forget(host)
    return _OfHost(findings, view.notes, files.copies, facts)
