"""All that can be told of a repository: its files, its hosts, and its changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pantheros.findings import PantherError
from pantheros.fleet.read import FLEET_FILE
from pantheros.scan.facts import Facts
from pantheros.scan.fleet import read_fleet_hosts
from pantheros.scan.hosts import Host, hosts
from pantheros.scan.repository import Repository, scan
from pantheros.specs.listing import progress
from pantheros.specs.main_spec import section_named, sections
from pantheros.specs.metadata import Metadata, NotMetadata, Planning, planning, read_metadata
from pantheros.specs.tree import Root, archived_names, change_names, read, spec_files


@dataclass(frozen=True)
class Change:
    """An open change, as far as it is."""

    name: str
    done: int
    total: int
    planning: Planning
    about: str = ""
    """The capabilities that it has deltas for, and what it says that it changes."""

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
    changes = tuple(_change(tree, name) for name in change_names(tree))
    common = Survey(
        repository,
        False,
        repository.flake or Facts(),
        (),
        tuple(repository.secrets),
        changes,
        tuple(archived_names(tree)),
        tuple(spec_files(tree.specs)),
    )
    if not (repository.root / FLEET_FILE).is_file():
        return replace(common, hosts=hosts(repository))
    try:
        fleet = read_fleet_hosts(repository)
    except PantherError as error:
        return replace(common, hosts=hosts(repository), unread=(f"the fleet: {error.message}",))
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
    try:
        metadata = read_metadata(path) or Metadata()
    except NotMetadata:
        metadata = Metadata()
    about = [*spec_files(path / "specs"), _what_changes(path)]
    return Change(name, done, total, planning(metadata.more), "\n".join(about))


def _what_changes(change: Path) -> str:
    """The section of a proposal that says what the change does."""
    try:
        text = read(change / "proposal.md")
    except (OSError, PantherError):
        return ""
    section = section_named("what changes", sections(text))
    return section.content if section is not None else ""
