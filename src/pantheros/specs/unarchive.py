"""Putting everything back as it was before a change was archived."""

from __future__ import annotations

from pathlib import Path

from pantheros.findings import PantherError, nearest
from pantheros.git import added_in, content_at
from pantheros.specs.journal import Move, Undo, Write, change_together, forget_undo, kept_undo, locked
from pantheros.specs.tree import SPEC, Root, archived_names, spec_files, without_day


class CannotUnarchive(PantherError):
    """It cannot be told what was there before, or it is not there any more."""


def find_archived(root: Root, name: str) -> str:
    """The name in the archive of a change that is called so, or by its whole name there; the newest of several."""
    names = archived_names(root)
    if name in names:
        return name
    called = [each for each in names if without_day(each) == name]
    if not called:
        guess = nearest(name, names)
        help = f"did you mean {guess}?" if guess else ""
        raise CannotUnarchive(f"there is no '{name}' in the archive", help=help)
    return called[-1]


def unarchive(root: Root, name: str) -> Undo:
    """Put a change of the archive and the specs back; what was done. Raises `CannotUnarchive`, `Busy`, `Edited`."""
    undo = kept_undo(root, name) or _by_git(root, name)
    back = undo.move.source
    if back.exists():
        raise CannotUnarchive(f"there is an open change '{back.name}' already")
    with locked(root):
        writes = [Write(_archived(path, undo.move), after, before) for path, before, after in undo.writes]
        change_together(root, writes, Move(undo.move.target, back))
    forget_undo(root, name)
    return undo


def _archived(path: Path, move: Move) -> Path:
    """Where a file is now that was written before the change was moved: what lay in it has moved along."""
    return move.target / path.relative_to(move.source) if path.is_relative_to(move.source) else path


def _by_git(root: Root, name: str) -> Undo:
    """What archiving has changed, by the commit that it came with: only where nothing of it has changed since."""
    directory = root.archive / name
    below = directory.relative_to(root.path).as_posix()
    commit = added_in(root.path, below)
    if not commit:
        message = f"nothing remembers how the specs were before {name} was archived: not this machine, and not git"
        raise CannotUnarchive(
            message, help="take the change back out of the archive by hand, and the specs from a backup"
        )
    writes = []
    for capability in spec_files(directory / "specs"):
        path = f"openspec/specs/{capability}/{SPEC}"
        before, after = content_at(root.path, f"{commit}^", path), content_at(root.path, commit, path)
        if before != after:
            writes.append(Write(root.path / path, before, after))
    was = f"openspec/changes/{name}/"
    dated = content_at(root.path, f"{commit}^", f"{was}proposal.md") is not None
    return Undo(tuple(writes), Move(root.changes / (name if dated else without_day(name)), directory))


def paths(undo: Undo, root: Root) -> list[Path]:
    """The main specs that an undoing changes."""
    return [write.path.relative_to(root.path) for write in undo.writes if write.path.is_relative_to(root.specs)]
