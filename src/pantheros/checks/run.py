"""A fleet checked: every rule, on every host, all findings at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pantheros.checks import conflicts, packages, settings
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
    packages.findings,
    conflicts.findings,
)
"""The rules about one host."""


@dataclass
class Checked:
    """What is wrong with a fleet, and what could not be looked into."""

    model: Model
    findings: list[Finding] = field(default_factory=list)
    not_verified: list[NotVerified] = field(default_factory=list)


def check(root: Path, release: Release | None = None) -> Checked:
    """Everything that can be found in the fleet in `root` without Nix. Raises `PantherError` when there is no fleet."""
    model = Model.of(root, release)
    checked = Checked(model)
    names = list(model.declared.hosts)

    def work_out(some: list[str]) -> list[tuple[list[Finding], list[NotVerified], set[str]]]:
        return [_host(model, name) for name in some]

    findings = [*model.declared.findings]
    copies: set[str] = set()
    for found, notes, files in in_parallel(work_out, names, _WORTH_A_PROCESS):
        findings += found
        checked.not_verified += notes
        copies |= files
    findings += [finding for _, _, found in copied(root, copies) for finding in found]
    checked.findings = unique(findings)
    return checked


def _host(model: Model, name: str) -> tuple[list[Finding], list[NotVerified], set[str]]:
    host = model.resolver.host(name)
    expansions, findings = model.expand(host)
    files = lay_out(model.resolver, host, expansions)
    findings += files.findings
    view = HostView.of(model, host, expansions)
    for rule in OF_A_HOST:
        findings += rule(view)
    if not model.resolver.looked_across:
        model.resolver.forget(host)
    return findings, view.notes, files.copies
