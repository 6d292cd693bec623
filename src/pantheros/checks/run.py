"""A fleet checked: every rule, on every host, all findings at once."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pantheros.checks import (
    assertions,
    conflicts,
    disko,
    disks,
    fleet,
    network,
    packages,
    raw_modules,
    secrets,
    settings,
    state,
    units,
)
from pantheros.checks.verdict import ESSENTIAL
from pantheros.checks.view import HostView, NotVerified
from pantheros.findings import Finding, Origin
from pantheros.releases.release import Release
from pantheros.synth.build import Model, copied, unique
from pantheros.synth.layout import lay_out
from pantheros.synth.parallel import in_parallel

_WORTH_A_PROCESS = 40
"""Hosts that take longer to check than a process takes to start."""

OF_A_HOST: tuple[Callable[[HostView], Iterator[Finding]], ...] = (
    settings.findings,
    disko.findings,
    packages.findings,
    conflicts.findings,
    assertions.findings,
    network.findings,
    disks.findings,
    state.findings,
    units.findings,
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
    across: bool
    """Whether its modules looked at other hosts."""


def check(root: Path, release: Release | None = None) -> Checked:
    """Everything that can be found in the fleet in `root` without Nix. Raises `PantherError` when there is no fleet."""
    return Checker(root, release).check()


class Checker:
    """Checks one fleet, time and again: what came of a host stands until its files change, or what hosts share."""

    def __init__(self, root: Path, release: Release | None = None) -> None:
        self.root = root
        self.release = release
        self._shared: Signature = ()
        self._hosts: dict[str, tuple[Signature, _OfHost]] = {}
        self._copied: tuple[object, list[Finding]] = (None, [])

    def check(self) -> Checked:
        """What is wrong with the fleet now."""
        model = Model.of(self.root, self.release)
        files = signatures(self.root)
        own = {name: _own(files, file) for name, file in model.declared.hosts.files.items()}
        mine = {path for signature in own.values() for path, *_ in signature}
        shared = tuple((path, *state) for path, state in files.items() if path not in mine)
        if shared != self._shared:
            self._hosts.clear()
            raw_modules.forget()
        self._shared = shared
        changed = [name for name in own if name not in self._hosts or self._hosts[name][0] != own[name]]
        if changed and any(found.across for _, found in self._hosts.values()):
            changed = list(own)
        found = in_parallel(lambda some: [_host(model, name) for name in some], changed, _WORTH_A_PROCESS)
        self._hosts |= {name: (own[name], of_host) for name, of_host in zip(changed, found, strict=True)}
        self._hosts = {name: self._hosts[name] for name in own}
        return self._checked(model)

    def _checked(self, model: Model) -> Checked:
        hosts = [of_host for _, of_host in self._hosts.values()]
        findings = [*model.declared.findings, *(finding for of_host in hosts for finding in of_host.findings)]
        findings += model.beyond(findings)
        findings += secrets.shared(model.declared)
        findings += self._of_copies({path for of_host in hosts for path in of_host.copies})
        facts = [of_host.facts for of_host in hosts]
        findings += fleet.findings(model, facts)
        if any(finding.code == "unknown-secret" for finding in findings):
            # One name is mistaken for the other.
            findings = [finding for finding in findings if finding.code != "unused-secret"]
        findings = _without_echoes(unique(findings))
        notes = [*(note for of_host in hosts for note in of_host.notes), *fleet.not_verified(model, facts)]
        return Checked(model, findings, notes)

    def _of_copies(self, paths: set[str]) -> list[Finding]:
        """What is wrong with the files that are copied as they are."""
        reports = [state for own, _ in self._hosts.values() for state in own if str(state[0]).endswith("/facter.json")]
        state = (self._shared, paths, reports)
        if self._copied[0] != state:
            findings: list[Finding] = []
            for path, wanted, wrong in copied(self.root, paths):
                findings += wrong
                if wanted is not None and wanted.content is not None and not path.endswith("/facter.json"):
                    findings += secrets.of_file(path, wanted.content)
            self._copied = (state, findings)
        return self._copied[1]


Signature = tuple[tuple[object, ...], ...]
"""What tells the files of a fleet from what they were: path, time (ns), size and inode of each."""


def signatures(root: Path) -> dict[str, tuple[int, int, int]]:
    """The state of every file of a fleet that may matter, by path: time (ns), size and inode."""
    found: dict[str, tuple[int, int, int]] = {}
    pending = [""]
    while pending:
        directory = pending.pop()
        try:
            with os.scandir(root / directory) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            path = f"{directory}{entry.name}"
            if entry.name.startswith(".") or path == "nixos":
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(f"{path}/")
                else:
                    state = entry.stat()
                    found[path] = (state.st_mtime_ns, state.st_size, state.st_ino)
            except OSError:
                found[path] = (0, 0, 0)
    return found


def _own(files: dict[str, tuple[int, int, int]], file: str) -> Signature:
    """The state of the files that are a host's own."""
    paths = (file, f"{posixpath.dirname(file)}/facter.json")
    return tuple((path, *files[path]) for path in paths if path in files)


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
    if fleet.unread(host.declared):
        # What its file does not say it may say where it could not be read.
        whole = Origin(host.declared.file, 1, 1, 1, 1)
        findings = [finding for finding in findings if finding.origin != whole or finding.code in ESSENTIAL]
    findings += secrets.of_layers([host.declared.layer, *host.declared.people.values()], name)
    facts = fleet.Facts.of(view)
    across = model.resolver.looked_across
    if not across:
        model.resolver.forget(host)
    return _OfHost(findings, view.notes, files.copies, facts, across)
