"""What the fleet's files say: people, secrets, profiles and hosts, and the layers that each host is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pantheros.document import Document
from pantheros.findings import Finding, Origin
from pantheros.fleet.layers import Stack, Table
from pantheros.fleet.tables import FleetTable, HostTable, PersonTable, SecretTable
from pantheros.releases.release import Release


@dataclass(frozen=True, slots=True)
class Import:
    """A raw NixOS module that somebody named; `path` is relative to the fleet (posix)."""

    path: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Layer:
    """One named layer: its assignments and its raw modules."""

    name: str
    tables: tuple[Table, ...] = ()
    imports: tuple[Import, ...] = ()


@dataclass(frozen=True, slots=True)
class DeclaredPerson:
    name: str
    table: PersonTable
    layer: Layer
    origin: Origin


@dataclass(frozen=True, slots=True)
class DeclaredSecret:
    name: str
    table: SecretTable
    origin: Origin


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    include: tuple[str, ...]
    layer: Layer
    origin: Origin


@dataclass(frozen=True, slots=True)
class DeclaredHost:
    """One machine as its file describes it. `directory` is relative to the fleet (posix)."""

    name: str
    directory: str
    document: Document
    table: HostTable
    layer: Layer
    people: dict[str, Layer]
    """What the host's file sets for each person there, by name, in the order written."""
    findings: tuple[Finding, ...] = ()
    """What is wrong with the file."""

    @property
    def file(self) -> str:
        return self.document.file


class DeclaredHosts(Mapping[str, DeclaredHost]):
    """The hosts by name. A host's file is read when somebody asks for the host.

    `files` are the hosts' files, relative to the fleet, in the order of their paths.
    """

    def __init__(self, files: Mapping[str, str], read: Callable[[str, str], DeclaredHost]) -> None:
        self.files = files
        self._read = read
        self._known: dict[str, DeclaredHost] = {}

    def __getitem__(self, name: str) -> DeclaredHost:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._read(name, self.files[name])
        return found

    def __contains__(self, name: object) -> bool:
        return name in self.files

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def forget(self, name: str) -> None:
        """Let go of a host; it is read again when somebody asks."""
        self._known.pop(name, None)


@dataclass
class DeclaredFleet:
    """Everything that the fleet's files say. `findings` are about `fleet.toml` and the directories of hosts."""

    root: Path
    document: Document
    table: FleetTable
    release: Release
    defaults: Layer
    hosts: DeclaredHosts
    people: dict[str, DeclaredPerson] = field(default_factory=dict)
    secrets: dict[str, DeclaredSecret] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    _shared: dict[tuple[tuple[str, ...], str | None], Stack] = field(default_factory=dict)

    def layers(self, host: DeclaredHost) -> list[Layer]:
        """The layers of a host, the lowest first."""
        return [
            self.defaults,
            *(self.profiles[name].layer for name in self.profiles_of(host)),
            host.layer,
        ]

    def profiles_of(self, host: DeclaredHost) -> tuple[str, ...]:
        """A host's profiles with those they include, the lowest first, each once."""
        found: dict[str, None] = {}
        seen: set[str] = set()
        pending = [(name, False) for name in reversed(host.table.profiles)]
        while pending:
            name, complete = pending.pop()
            if complete:
                found[name] = None
            elif name in self.profiles and name not in seen:
                seen.add(name)
                pending.append((name, True))
                pending += [(included, False) for included in reversed(self.profiles[name].include)]
        return tuple(found)

    def stack(self, host: DeclaredHost, person: str | None = None) -> Stack:
        """A host's layers, or, with `person`, those that hold for that person's home there."""
        stack = self._shared_stack(self.profiles_of(host), person).extended(host.layer.tables)
        if person is not None and person in host.people:
            stack = stack.extended(host.people[person].tables)
        return stack

    def _shared_stack(self, profiles: tuple[str, ...], person: str | None) -> Stack:
        found = self._shared.get((profiles, person))
        if found is None:
            if person is None:
                found = Stack().extended(self.defaults.tables)
                for name in profiles:
                    found = found.extended(self.profiles[name].layer.tables)
            else:
                found = self._shared_stack(profiles, None)
                if person in self.people:
                    found = found.extended(self.people[person].layer.tables)
            self._shared[profiles, person] = found
        return found
