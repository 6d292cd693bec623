"""Putting everything back as it was before a change was archived."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from pantheros.findings import PantherError, nearest
from pantheros.git import added_in, content_at
from pantheros.specs.archive import Archiving
from pantheros.specs.changelog import Documented
from pantheros.specs.journal import Move, Undo, Write, change_together, kept_undo, locked
from pantheros.specs.merge import CannotMerge
from pantheros.specs.tree import SPEC, Root, archived_names, read_bytes, spec_files, without_day


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


def unarchive(root: Root, name: str) -> tuple[Undo, Documented]:
    """Put a change of the archive and the specs back; what was done. Raises `CannotUnarchive`, `Busy`, `Edited`."""
    undo = kept_undo(root, name) or _by_git(root, name)
    back = undo.move.source
    if back.exists():
        raise CannotUnarchive(f"there is an open change '{back.name}' already")
    for write in undo.writes:
        now = _archived(write.path, undo.move)
        if _content(now) != write.after:
            raise _moved_on(root, name, now, write.after)
    with locked(root):
        writes = [Write(_archived(path, undo.move), after, before) for path, before, after in undo.writes]
        return undo, change_together(root, writes, Move(undo.move.target, back), forget=name)


def _archived(path: Path, move: Move) -> Path:
    """Where a file is now that was written before the change was moved: what lay in it has moved along."""
    return move.target / path.relative_to(move.source) if path.is_relative_to(move.source) else path


def _content(path: Path) -> bytes | None:
    try:
        return read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


# What came later --------------------------------------------------------------------------------------------------


def _moved_on(root: Root, name: str, path: Path, after: bytes | None) -> CannotUnarchive:
    """Why a change cannot be taken back whose spec is not as it left it."""
    message = f"{path.relative_to(root.path)} has changed since {name} was archived"
    later = _later(root, name, path, after)
    if later:
        listed = ", then ".join(reversed(later))
        return CannotUnarchive(f"{message}, by {' and '.join(later)}", help=f"unarchive first {listed}")
    help = "put it back as it was then, or take the change out of the archive, and its text out of the spec, by hand"
    return CannotUnarchive(message, help=help)


def _later(root: Root, name: str, path: Path, after: bytes | None) -> list[str]:
    """The changes that were archived after one and are about the same spec, in their order as far as it is known."""
    others = [each for each in archived_names(root) if each != name and _is_about(root, each, path)]
    undone = {each: undo for each in others if (undo := kept_undo(root, each)) is not None}
    steps = {each: write for each, undo in undone.items() for write in undo.writes if write.path == path}
    found: list[str] = []
    while following := [each for each, write in steps.items() if write.before == after and each not in found]:
        found.append(following[0])
        after = steps[following[0]].after
    if found:
        return found
    return [each for each in others if each[:10] >= name[:10] and each not in steps]


def _is_about(root: Root, name: str, path: Path) -> bool:
    try:
        about = spec_files(root.archive / name / "specs")
    except (OSError, PantherError):
        return False
    return any((root.specs / capability / SPEC).resolve() == path for capability in about)


# Without memory ---------------------------------------------------------------------------------------------------


def _by_git(root: Root, name: str) -> Undo:
    """What archiving has changed, by the commits that it came with. What git had before them counts only where the
    change makes of it, byte for byte, what there was afterwards: such a commit may hold more than this change."""
    directory = root.archive / name
    below = directory.relative_to(root.path).as_posix()
    commit = added_in(root.path, below)
    if not commit:
        message = f"nothing remembers how the specs were before {name} was archived: not this machine, and not git"
        raise CannotUnarchive(
            message, help="take the change back out of the archive by hand, and the specs from a backup"
        )
    called = without_day(name)
    was = f"openspec/changes/{name}/proposal.md"
    source = root.changes / (name if content_at(root.path, f"{commit}^", was) is not None else called)
    move = Move(source, directory)
    writes = [
        _by_one_commit(root, name, source.name, capability, delta)
        for capability, delta in spec_files(directory / "specs").items()
    ]
    return Undo(tuple(writes), move)


def _by_one_commit(root: Root, name: str, called: str, capability: str, delta: Path) -> Write:
    """What a change has made of one spec."""
    commit = added_in(root.path, delta.relative_to(root.path).as_posix())
    path = (root.specs / capability / SPEC).resolve()
    if not path.is_relative_to(root.path):
        raise CannotUnarchive(f"{root.specs / capability} leads out of the project, to {path}")
    shown = path.relative_to(root.path).as_posix()
    before, after = (content_at(root.path, revision, shown) for revision in (f"{commit}^", commit))
    if not commit or before == after:
        raise _unknown(name, shown, "no commit that brought it there changed that spec")
    if _content(path) != after:
        raise _moved_on(root, name, path, after)
    for candidate in _candidates(root, name, capability, path, before, commit):
        if after in _made_of(root, name, called, capability, path, candidate):
            return Write(path, candidate, after)
    why = f"what {commit[:10]} did to that spec is not what this change does, or not this alone"
    raise _unknown(name, shown, why)


def _unknown(name: str, path: str, why: str) -> CannotUnarchive:
    message = f"it cannot be told how {path} was before {name} was archived: {why}"
    help = "take the change out of the archive, and its text out of the spec, by hand; nothing was changed"
    return CannotUnarchive(message, help=help)


def _candidates(
    root: Root, name: str, capability: str, path: Path, before: bytes | None, commit: str
) -> Iterator[bytes | None]:
    """What a spec may have held before a change: what the commit's parent has, and what the other changes that the
    commit brought into the archive made of it."""
    yield before
    others = [
        each
        for each in archived_names(root)
        if each != name and commit == added_in(root.path, f"{root.archive.relative_to(root.path)}/{each}")
    ]
    for each in others:
        made = _made_of(root, each, without_day(each), capability, path, before)
        if made:
            before = made[0]
            yield before


def _made_of(
    root: Root, name: str, called: str, capability: str, path: Path, before: bytes | None
) -> list[bytes | None]:
    """What a change of the archive makes of a main spec, with regard to mistakes and without; nothing where it makes
    none of it."""
    made = []
    for checked in (True, False):
        archiving = Archiving(root, called, date.min, checked=checked, archived=name)
        try:
            update = archiving.update(capability, path, before, archiving.change / "specs" / capability / SPEC)
        except (CannotMerge, OSError, PantherError):
            continue
        if update.changes:
            made.append(update.after)
    return made


def paths(undo: Undo, root: Root) -> list[Path]:
    """The main specs that an undoing changes."""
    return [write.path.relative_to(root.path) for write in undo.writes if write.path.is_relative_to(root.specs)]
