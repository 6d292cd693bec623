"""Changing several files of a tree together or not at all, whenever the process may end.

What is to be done is written down first, with the new files and the old ones beside it; from the moment that the list
is whole it will be done, if not by this process then by the next one that takes the lock. Where the system refuses a
step, everything is put back instead. A file that somebody has edited meanwhile is not touched.

The lock is one of the system's, on the archive's directory, so that it ends with the process. The file that the
reference locks by is made too, and respected: it would otherwise archive at the same time.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pantheros.findings import PantherError
from pantheros.specs.changelog import Documented, write_down
from pantheros.specs.tree import Root, read_bytes

_JOURNAL = ".pantheros-journal"
_LOCK = ".openspec-archive.lock"
_LIST = "list.json"
_BACK = "back.json"
"""What the list is called once it is to be taken back."""
_UNDO = "undo.json"
_PAUSE = 0.02
"""Seconds between two tries to get the lock."""


class Busy(PantherError):
    """Another process changes the tree now."""


class Edited(PantherError):
    """A file is not what it was when the change of it was begun."""


class Write(NamedTuple):
    """A file to be written, or, where `after` is None, to be deleted. `before` is what it has to be until then."""

    path: Path
    before: bytes | None
    after: bytes | None


class Move(NamedTuple):
    """A directory to be moved, to where nothing is."""

    source: Path
    target: Path


@contextmanager
def locked(root: Root, wait: float = 0) -> Iterator[None]:
    """Nobody else changes the tree meanwhile; what another process had begun is finished first. Raises `Busy` where
    another process is at it for longer than `wait` seconds."""
    root.archive.mkdir(parents=True, exist_ok=True)
    directory = os.open(root.archive, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(directory, time.monotonic() + wait)
        lock = root.archive / _LOCK
        _lock_out_the_reference(lock)
        try:
            recover(root)
            yield
        finally:
            lock.unlink(missing_ok=True)
    finally:
        os.close(directory)


def _lock(directory: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if time.monotonic() >= until:
                raise Busy("another process changes something here now", help="wait for it, and try again") from error
            time.sleep(_PAUSE)
        else:
            return


def _lock_out_the_reference(lock: Path) -> None:
    """Make the file by which the reference knows that it has to wait. It comes to be there whole, or not at all."""
    written = lock.with_name(".pantheros-lock")
    content = {"pid": os.getpid(), "nonce": str(uuid.uuid4()), "by": "pantheros"}
    try:
        written.write_text(json.dumps(content), encoding="utf-8")
        if _ours(lock):
            # One of ours that is left over belongs to a process that has ended: it had the system's lock, too.
            lock.unlink(missing_ok=True)
        os.link(written, lock)
    except FileExistsError as error:
        message = f"openspec archives something here now, or was stopped: {lock} is there"
        raise Busy(message, help="remove the file if no such process is running") from error
    except OSError as error:
        raise PantherError(f"{lock} cannot be made: {error.strerror}") from error
    finally:
        written.unlink(missing_ok=True)


def _ours(lock: Path) -> bool:
    try:
        known = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(known, dict) and known.get("by") == "pantheros"


def left_over(root: Root) -> bool:
    """Whether a change of the tree was begun and not finished."""
    return (root.archive / _JOURNAL).is_dir()


def recover(root: Root) -> None:
    """Finish what was begun, or take it away: where it was not yet written down whole, or cannot be done. To be called
    under the lock. Raises `PantherError` for what can be neither finished nor taken back."""
    journal = root.archive / _JOURNAL
    if not journal.is_dir():
        return
    back = (journal / _BACK).exists()
    try:
        todo = json.loads((journal / (_BACK if back else _LIST)).read_bytes())
    except FileNotFoundError:
        shutil.rmtree(journal)
        return
    except (OSError, ValueError) as error:
        raise _not_ours(journal) from error
    if not _sound(root, todo):
        raise _not_ours(journal)
    if back:
        _take_back(root, journal, todo)
    else:
        _carry_out(root, journal, todo)


def _not_ours(journal: Path) -> PantherError:
    return PantherError(
        f"{journal} is not what pantherOS writes", help="look at it, and delete it if nothing is missing"
    )


def _sound(root: Root, todo: Any) -> bool:
    """Whether a list is one that we may have written: of files and directories of this tree, and of nothing else."""
    try:
        paths = [write["path"] for write in todo["writes"]] + list(todo["move"] or ())
        names = [todo.get(key, "") for key in ("keep", "forget")]
        digests = [write[key] for write in todo["writes"] for key in ("before", "after")]
        numbers = [write["new"] for write in todo["writes"]]
    except (KeyError, TypeError, AttributeError):
        return False
    return (
        all(isinstance(path, str) and _inside(root, path) for path in paths)
        and all(isinstance(digest, str | None) for digest in digests)
        and all(type(number) is int for number in numbers)
        and all(isinstance(name, str) and "/" not in name and "\0" not in name for name in names)
        and (todo["move"] is None or len(todo["move"]) == 2)
    )


def _inside(root: Root, path: str) -> bool:
    try:
        real = (root.path / path).resolve()
    except (OSError, ValueError, RuntimeError):
        return False
    top = root.path.resolve()
    return real.is_relative_to(top) and real != top and ".git" not in real.relative_to(top).parts


def change_together(
    root: Root, writes: Sequence[Write], move: Move | None, *, keep: str = "", forget: str = ""
) -> Documented:
    """Write the files and move the directory, all or nothing. To be called under the lock. Raises `Edited` where a file
    is not what it was, and `PantherError` where the system refuses it, with nothing done.

    With `keep` or `forget` it is about a change that is called so in the archive: how to undo all this is remembered by
    that name, or forgotten, and the lists of archived changes are brought up to date.
    """
    journal = root.archive / _JOURNAL
    _see_that_it_can_be_done(writes, move)
    journal.mkdir()
    try:
        todo = {**_staged(root, journal, writes, move), "keep": keep, "forget": forget}
        if keep and move is not None:
            undo = json.dumps(_undo_data(root, Undo(tuple(writes), move)))
            _write_through(journal / _UNDO, undo.encode())
        _check(root, todo, begun=False)
        _write_through(journal / f"{_LIST}.new", json.dumps(todo).encode())
        (journal / f"{_LIST}.new").rename(journal / _LIST)
    except (OSError, PantherError) as error:
        shutil.rmtree(journal, ignore_errors=True)
        if isinstance(error, OSError):
            raise PantherError(f"{journal} cannot be written: {error.strerror}; nothing was changed") from error
        raise
    _sync(journal)
    _sync(root.archive)
    return _carry_out(root, journal, todo)


def _see_that_it_can_be_done(writes: Sequence[Write], move: Move | None) -> None:
    """Refuse what the system would refuse, as far as that can be told."""
    for write in writes:
        if write.path.is_dir():
            raise _refused(write.path, errno.EISDIR)
        _see_that_it_takes_entries(write.path.parent)
    if move is None:
        return
    source, target = move
    if target.is_relative_to(source):
        raise PantherError(f"{source} cannot be moved into itself; nothing was changed")
    if not source.is_dir():
        raise _refused(source, errno.ENOTDIR if source.exists() else errno.ENOENT)
    above = _see_that_it_takes_entries(target.parent)
    _see_that_it_takes_entries(source.parent)
    _see_that_it_takes_entries(source)
    if source.stat().st_dev != above.stat().st_dev:
        raise _refused(source, errno.EXDEV)


def _see_that_it_takes_entries(directory: Path) -> Path:
    """The directory, or the nearest above it that there is."""
    while not os.path.lexists(directory):
        directory = directory.parent
    if not directory.is_dir():
        raise _refused(directory, errno.ENOTDIR)
    if not os.access(directory, os.W_OK | os.X_OK):
        raise _refused(directory, errno.EACCES)
    return directory


def _refused(path: Path, number: int) -> PantherError:
    return PantherError(f"{path}: {os.strerror(number)}; nothing was changed")


def _staged(root: Root, journal: Path, writes: Sequence[Write], move: Move | None) -> dict[str, Any]:
    """Put the new files into the journal, and the old ones. What is to be done, as its list says it."""
    listed = []
    for number, (path, before, after) in enumerate(writes):
        if after is not None:
            _write_through(journal / str(number), after)
        if before is not None:
            (journal / f"{number}.old").write_bytes(before)
        states = {"before": _digest(before), "after": _digest(after)}
        listed.append({"path": os.path.relpath(path, root.path), **states, "new": number})
    moved = None if move is None else [os.path.relpath(each, root.path) for each in move]
    return {"writes": listed, "move": moved}


def _carry_out(root: Root, journal: Path, todo: dict[str, Any]) -> Documented:
    _check(root, todo, begun=True)
    try:
        _change(root, journal, todo)
    except OSError as error:
        with suppress(OSError):
            (journal / _LIST).rename(journal / _BACK)
        _take_back(root, journal, todo)
        raise PantherError(f"{error.filename or journal}: {error.strerror}; everything is as it was") from error
    done = _close(root, journal, todo)
    try:
        shutil.rmtree(journal)
    except OSError as error:
        done.warnings.append(f"{journal} could not be deleted: {error.strerror}")
    return done


def _change(root: Root, journal: Path, todo: dict[str, Any]) -> None:
    for write in todo["writes"]:
        path, new = _place(root, todo, write["path"]), journal / str(write["new"])
        if write["after"] is None:
            path.unlink(missing_ok=True)
            _prune(path.parent, root.specs)
        elif new.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                new.chmod(path.stat().st_mode & 0o777)
            _put(new, path)
    if todo["move"] is not None:
        source, target = (root.path / each for each in todo["move"])
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)


def _place(root: Root, todo: dict[str, Any], path: str) -> Path:
    """Where a file of the list is now: what lies in the directory that is moved has moved along with it."""
    now = root.path / path
    if todo["move"] is not None:
        source, target = (root.path / str(each) for each in todo["move"])
        if now.is_relative_to(source) and not source.exists() and target.exists():
            return target / now.relative_to(source)
    return now


def _take_back(root: Root, journal: Path, todo: dict[str, Any]) -> None:
    """Put everything back as it was; what somebody has edited meanwhile is left to them."""
    try:
        if todo["move"] is not None:
            source, target = (root.path / each for each in todo["move"])
            if not source.exists() and target.exists():
                target.rename(source)
        for write in reversed(todo["writes"]):
            path, old = root.path / write["path"], journal / f"{write['new']}.old"
            if _state(path) != write["after"] or write["after"] == write["before"]:
                continue
            if write["before"] is None:
                path.unlink()
                _prune(path.parent, root.specs if path.is_relative_to(root.specs) else root.changes)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):
                    old.chmod(path.stat().st_mode & 0o777)
                _put(old, path)
        shutil.rmtree(journal)
    except OSError as error:
        message = (
            f"{error.filename or journal}: {error.strerror}; what was begun can be neither finished nor taken back"
        )
        raise PantherError(message, help=_way_out(journal)) from error


def _way_out(journal: Path) -> str:
    return (
        "put that right, and the next command goes on with it; or take from"
        f" {journal} what is missing, and delete it: then everything stays as it is"
    )


def _close(root: Root, journal: Path, todo: dict[str, Any]) -> Documented:
    """What follows on archiving a change and on taking it back; may be done twice."""
    keep, forget = todo.get("keep", ""), todo.get("forget", "")
    if not (keep or forget):
        return Documented()
    done = write_down(root)
    try:
        if keep and (journal / _UNDO).exists():
            _keep_undo(_undo_file(root, keep), (journal / _UNDO).read_bytes())
        if forget:
            _undo_file(root, forget).unlink(missing_ok=True)
    except OSError as error:
        if keep:
            what = f"{error.filename or _undo_file(root, keep)}: {error.strerror}"
            done.warnings.append(f"how to take it back could not be kept here ({what}): `unarchive` will need git")
    return done


def _put(new: Path, path: Path) -> None:
    """Put a file in another's place, also where a link has led to another file system."""
    try:
        new.replace(path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        shutil.copy(new, beside)
        beside.replace(path)


def _check(root: Root, todo: dict[str, Any], *, begun: bool) -> None:
    """See that each file is what it was, or is already what it is to be."""
    for write in todo["writes"]:
        path = _place(root, todo, write["path"])
        try:
            now = _state(path)
        except OSError as error:
            raise PantherError(f"{path} cannot be read: {error.strerror}") from error
        if now not in (write["before"], write["after"]):
            if not begun:
                raise Edited(f"{path} has changed since it was looked at: nothing is done", help="try again")
            message = f"{path} was edited while it was to be changed: nothing more is done"
            raise Edited(message, help=_way_out(root.archive / _JOURNAL))
    if todo["move"] is not None:
        source, target = (root.path / each for each in todo["move"])
        if source.exists() and target.exists():
            raise Edited(
                f"{target} came to be there meanwhile: nothing more is done",
                help=_way_out(root.archive / _JOURNAL) if begun else "",
            )


def _state(path: Path) -> str | None:
    """The digest of what a file holds; None where it is not there."""
    try:
        return _digest(read_bytes(path))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


def _write_through(path: Path, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prune(directory: Path, top: Path) -> None:
    """Remove a directory that is empty, and those around it that become so."""
    while directory != top and directory.is_relative_to(top):
        try:
            directory.rmdir()
        except OSError:
            return
        directory = directory.parent


@dataclass(frozen=True)
class Undo:
    """What a change of the tree has to be undone by."""

    writes: tuple[Write, ...]
    move: Move


def _undo_data(root: Root, undo: Undo) -> dict[str, Any]:
    return {
        "writes": [
            [
                os.path.relpath(write.path, root.path),
                *(None if each is None else each.decode("latin-1") for each in (write.before, write.after)),
            ]
            for write in undo.writes
        ],
        "move": [os.path.relpath(each, root.path) for each in undo.move],
    }


def _keep_undo(path: Path, content: bytes) -> None:
    """Remember how to put everything back, outside of the tree, which holds only what OpenSpec's own would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    # Whoever may not read the tree is not to read what it said.
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    new.replace(path)


def kept_undo(root: Root, name: str) -> Undo | None:
    """How to put back what archiving a change has done; None where it is not remembered."""
    try:
        data = json.loads(_undo_file(root, name).read_text(encoding="utf-8"))
        writes = tuple(
            Write(root.path / path, *(None if each is None else each.encode("latin-1") for each in (before, after)))
            for path, before, after in data["writes"]
        )
        source, target = data["move"]
        if not all(_inside(root, path) for path in (source, target, *(path for path, _, _ in data["writes"]))):
            return None
        return Undo(writes, Move(root.path / source, root.path / target))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _undo_file(root: Root, name: str) -> Path:
    directory = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    tree = hashlib.sha256(os.fsencode(root.path)).hexdigest()[:32]
    return Path(directory) / "pantheros" / "archived" / tree / f"{name}.json"
