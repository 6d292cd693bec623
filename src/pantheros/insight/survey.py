"""All that can be told of a repository: its files, its hosts, and its changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pantheros.findings import PantherError
from pantheros.fleet.read import FLEET_FILE
from pantheros.scan.facts import Facts
from pantheros.scan.fleet import read_fleet_hosts
from pantheros.scan.host import Host
from pantheros.scan.hosts import hosts
from pantheros.scan.repository import Repository, scan
from pantheros.specs.listing import progress
from pantheros.specs.metadata import Planning, read_planning
from pantheros.specs.tree import Root, archived_names, change_names, read_bytes, spec_files


@dataclass(frozen=True)
class Change:
    """An open change, as far as it is."""

    name: str
    done: int
    total: int
    planning: Planning
    about: tuple[str, ...] = ()
    """The capabilities that it has deltas for."""

    @property
    def status(self) -> str:
        """As `openspec list` has it: `complete`, `in-progress` or `no-tasks`."""
        if not self.total:
            return "no-tasks"
        return "complete" if self.done == self.total else "in-progress"


@dataclass(frozen=True)
class Survey:
    """A repository, its hosts and its changes."""

    repository: Repository
    is_fleet: bool
    """Whether it is a pantherOS fleet."""
    flake: Facts
    """Inputs and outputs; a fleet's are those of the flake that is built of it."""
    hosts: tuple[Host, ...]
    secrets: tuple[str, ...]
    """The names of the secrets that are referred to."""
    changes: tuple[Change, ...] = ()
    archived: tuple[str, ...] = ()
    """The changes in the archive, by the names that they have there."""
    specs: tuple[str, ...] = ()
    """The capabilities that are specified."""
    unread: tuple[str, ...] = ()
    """What could not be looked into, and why."""


def survey(root: Path, kept_for: Path | None = None) -> Survey:
    """Look at a repository. Raises `PantherError` where there is no such directory."""
    repository = scan(root, kept_for)
    tree = Root(repository.root)
    changes: tuple[Change, ...] = ()
    specs: tuple[str, ...] = ()
    archived: tuple[str, ...] = ()
    unread: list[str] = []
    try:
        changes = tuple(_change(tree, name) for name in change_names(tree))
        archived = tuple(archived_names(tree))
        specs = tuple(spec_files(tree.specs))
        unread += _unread(tree)
    except (OSError, PantherError) as error:
        unread.append(f"openspec/: {error.strerror if isinstance(error, OSError) else error}")
    common = Survey(
        repository,
        False,
        repository.flake or Facts(),
        (),
        tuple(repository.secrets),
        changes,
        archived,
        specs,
        tuple(unread),
    )
    if not (repository.root / FLEET_FILE).is_file():
        return replace(common, hosts=hosts(repository))
    try:
        fleet = read_fleet_hosts(repository)
    except PantherError as error:
        return replace(common, hosts=hosts(repository), unread=(*unread, f"the fleet: {error.message}"))
    return replace(
        common,
        repository=replace(repository, imported_elsewhere=fleet.imports),
        is_fleet=True,
        flake=fleet.flake,
        hosts=fleet.hosts,
        secrets=tuple(sorted({*common.secrets, *fleet.secrets})),
    )


def _change(tree: Root, name: str) -> Change:
    path = tree.changes / name
    done, total = progress(tree, path)
    return Change(name, done, total, read_planning(path), tuple(spec_files(path / "specs")))


def _unread(tree: Root) -> Iterator[str]:
    """What of the changes cannot be read."""
    for name in change_names(tree):
        path = tree.changes / name
        for file in ("tasks.md", "proposal.md"):
            try:
                read_bytes(path / file)
            except FileNotFoundError:
                continue
            except (OSError, PantherError) as error:
                why = error.strerror if isinstance(error, OSError) else error
                yield f"{file} of the change {name}: {why}"
        for fault in read_planning(path).faults:
            yield f".openspec.yaml of the change {name}: {fault}"
