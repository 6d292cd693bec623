"""The written tree: what is to change in it, and changing it without ever losing anything.

`.pantheros` in the tree lists every file that we wrote with its SHA-256, in the format of `sha256sum`. A file that is
not in that list, or that no longer is what we wrote, is somebody's, and is left alone. Before a build changes files,
the list gains their new digests beside the old ones, so that after a kill at any moment every file is one that the
list knows, and the next build finishes the work. New contents are written in full before the first is moved into its
place: a disk that fills up changes nothing. Only one build at a time writes to a tree.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pantheros.findings import Finding, Origin, PantherError

MANIFEST = ".pantheros"
_STAGING = ".pantheros.staging"
_HARMLESS = {".git", ".gitattributes", ".gitignore", "flake.lock", f"{MANIFEST}.new", _STAGING}
"""What a tree may hold before we first write to it: git's, Nix's, and what a build that was killed has left."""
_HEAD = "# Written by pantherOS: the files of this tree that are its own. Check them with sha256sum --check.\n"


class Wanted(NamedTuple):
    """What a file is to be: its content, or the digest alone of one that is known to be there."""

    digest: str
    content: bytes | None
    executable: bool = False

    @classmethod
    def of(cls, content: bytes, *, executable: bool = False) -> Wanted:
        return cls(hashlib.sha256(content).hexdigest(), content, executable)


@dataclass
class Plan:
    """What a build would do to the tree. Paths are relative to it (posix)."""

    create: list[str] = field(default_factory=list)
    change: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """Files of ours that this build is not about."""
    foreign: list[Finding] = field(default_factory=list)
    """What stands in the way and is not ours."""

    @property
    def stale(self) -> bool:
        return bool(self.create or self.change or self.remove or self.foreign)


class Tree:
    """A directory that holds, or is to hold, a fleet's flake."""

    def __init__(self, directory: Path, shown: str) -> None:
        self.directory = directory
        self.shown = shown
        """The directory's name for people."""
        self.manifest: dict[str, set[str]] = {}
        # By directory, since a large tree has many files in few of them:
        self._present: dict[str, bool] = {}
        self._obstacles: dict[str, Finding | None] = {}
        if os.path.lexists(directory) and not os.path.isdir(directory):
            raise PantherError(f"{shown} is no directory", help="choose another with `--out`")
        self._list = self._read(MANIFEST)
        text = (self._list or b"").decode(errors="replace")
        # After a merge with conflicts both sides' lines are ours, and the markers are no lines of ours.
        for line in text.splitlines():
            digest, _, path = line.partition("  ")
            if len(digest) == 64 and path and not _leaves(path):
                self.manifest.setdefault(path, set()).add(digest)

    @cached_property
    def hosts(self) -> set[str]:
        """The hosts that the tree holds."""
        return {path.split("/")[1] for path in self.manifest if path.startswith("hosts/")}

    def plan(
        self,
        wanted: Mapping[str, Wanted],
        *,
        known_same: Iterable[str] = (),
        partial: bool = False,
        force: bool = False,
    ) -> Plan:
        """Compare the tree with what it is to be. `known_same` need not be looked at again.

        A `partial` build leaves alone what it does not want. With `force`, a file of ours that was edited is written
        over.
        """
        plan = Plan()
        if not os.path.lexists(self.directory):
            plan.create = sorted(wanted)
            return plan
        known = set(known_same)
        for path in sorted(wanted):
            if path in known:
                plan.same.append(path)
                continue
            now = self._digest(path)
            if now is None:
                obstacle = self._obstacle(path)
                if obstacle:
                    plan.foreign.append(obstacle)
                else:
                    plan.create.append(path)
            elif now == wanted[path].digest:
                executable = bool((self.directory / path).stat().st_mode & stat.S_IXUSR)
                (plan.same if executable == wanted[path].executable else plan.change).append(path)
            elif now in self.manifest.get(path, ()) or (force and path in self.manifest):
                plan.change.append(path)
            else:
                plan.foreign.append(self._foreign(path))
        if not self.manifest and not force and not plan.foreign:
            plan.foreign += self._inhabited()
        if partial:
            plan.kept = sorted(path for path in self.manifest if path not in wanted)
        for path in sorted(self.manifest):
            if path not in wanted and not partial:
                now = self._digest(path)
                if now in self.manifest[path] or (force and now is not None):
                    plan.remove.append(path)
                elif now is not None:
                    plan.foreign.append(self._foreign(path))
        if plan.foreign:
            self._still()  # or it may well be ours by now
        return plan

    def apply(self, plan: Plan, wanted: Mapping[str, Wanted]) -> None:
        """Make the tree what it is to be; `plan` is that of the same `wanted`. Raises `PantherError`, tree unharmed."""
        if plan.foreign:
            raise PantherError(plan.foreign[0].message, help=plan.foreign[0].help)
        ours = {path: {w.digest} for path, w in wanted.items()}
        ours |= {path: self.manifest[path] for path in plan.kept}
        manifest = _manifest(ours)
        written = [*plan.create, *plan.change]
        if not written and not plan.remove:
            if self._list != manifest:
                self._guarded(lambda: self._replace({MANIFEST: manifest}))
            return
        self._guarded(lambda: self._apply(plan, written, wanted, manifest))

    def _apply(self, plan: Plan, written: list[str], wanted: Mapping[str, Wanted], manifest: bytes) -> None:
        staging = self.directory / _STAGING
        if staging.exists():
            shutil.rmtree(staging)
        staging.mkdir(parents=True)
        directories = _Directories()
        for path in written:
            content = wanted[path].content
            assert content is not None, path
            staged = f"{staging}/{path}"
            directories.make_for(staged)
            _write_new(staged, content, executable=wanted[path].executable)
        both = {path: set(digests) for path, digests in self.manifest.items()}
        for path, w in wanted.items():
            both.setdefault(path, set()).add(w.digest)
        self._replace({MANIFEST: _manifest(both)})
        _move(str(staging), str(self.directory))
        for path in plan.remove:
            (self.directory / path).unlink(missing_ok=True)
            self._prune(path)
        self._replace({MANIFEST: manifest})
        shutil.rmtree(staging)

    def _guarded(self, action: object) -> None:
        assert callable(action)
        try:
            with self._alone():
                try:
                    action()
                except OSError:
                    shutil.rmtree(self.directory / _STAGING, ignore_errors=True)
                    (self.directory / f"{MANIFEST}.new").unlink(missing_ok=True)
                    raise
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise PantherError(
                f"cannot write {self.shown}: {reason}", help="nothing is half written; build again to finish"
            ) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the tree while it changes. `PantherError` when another build does, or has since the plan was made."""
        self.directory.mkdir(parents=True, exist_ok=True)
        # The directory itself is locked, so that no file is left behind, and the kernel lets go after a kill.
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise PantherError(
                    f"another build is writing {self.shown}", help="wait for it to end, then build again"
                ) from None
            except OSError:
                pass  # a file system that has no locks
            self._still()
            yield
        finally:
            os.close(descriptor)

    def _still(self) -> None:
        """`PantherError` when another build has written since we looked."""
        if self._read(MANIFEST) != self._list:
            raise PantherError(f"another build has written {self.shown} meanwhile", help="build again")

    def _replace(self, contents: Mapping[str, bytes]) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            target = self.directory / path
            new = target.with_name(target.name + ".new")
            _write_new(str(new), content)
            os.replace(new, target)

    def _prune(self, path: str) -> None:
        """Remove the directories that a removed file leaves empty."""
        for parent in (self.directory / path).parents:
            if parent == self.directory:
                return
            try:
                parent.rmdir()
            except OSError:
                return

    def _read(self, path: str) -> bytes | None:
        try:
            with open(f"{self.directory}/{path}", "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            reason = (error.strerror or "unreadable").lower()
            raise PantherError(f"cannot read {self.shown}/{path}: {reason}") from error

    def _digest(self, path: str) -> str | None:
        """What a file holds; None where there is none."""
        parent = path.rpartition("/")[0]
        if parent not in self._present:
            self._present[parent] = os.path.isdir(f"{self.directory}/{parent}")
        if not self._present[parent]:
            return None
        if os.path.islink(f"{self.directory}/{path}"):
            return "a link"
        content = self._read(path)
        return None if content is None else hashlib.sha256(content).hexdigest()

    def _obstacle(self, path: str) -> Finding | None:
        """A directory where a file is to be, or a file (or a link) where a directory is to be."""
        parent = path.rpartition("/")[0]
        if self._present.get(parent) and os.path.isdir(f"{self.directory}/{path}"):
            return self._foreign(path, "a directory")
        if not parent:
            return None
        if parent not in self._obstacles:
            self._obstacles[parent] = self._obstacle_of_directory(parent)
        return self._obstacles[parent]

    def _obstacle_of_directory(self, path: str) -> Finding | None:
        while path:
            full = f"{self.directory}/{path}"
            if os.path.islink(full) or (os.path.lexists(full) and not os.path.isdir(full)):
                return self._foreign(path)
            path = path.rpartition("/")[0]
        return None

    def _inhabited(self) -> list[Finding]:
        """A directory that we never wrote to, and that holds something: most likely it was named by mistake."""
        try:
            names = set(os.listdir(self.directory))
        except OSError:
            return []
        found = sorted(names - _HARMLESS)
        if not found or MANIFEST in names:  # the list may have come meanwhile, by another build
            return []
        return [
            Finding(
                "foreign-output",
                f"{self.shown} holds files that pantherOS did not write: {', '.join(found[:3])}"
                + (f" and {len(found) - 3} more" if len(found) > 3 else ""),
                origin=Origin(self.shown, 1, 1, 1, 1),
                help="name another directory with `--out`; `--force` writes beside them",
            )
        ]

    def _foreign(self, path: str, what: str = "") -> Finding:
        shown = f"{self.shown}/{path}"
        origin = Origin(shown, 1, 1, 1, 1)
        if path in self.manifest and not what:
            return Finding(
                "edited-output",
                f"{shown} was edited after pantherOS wrote it",
                origin=origin,
                help="move the edit to the fleet's files or to a raw module; `--force` writes over it",
            )
        return Finding(
            "foreign-output",
            f"{shown} is in the way{f', {what}' if what else ''}: pantherOS did not write it",
            origin=origin,
            help="move it away, or choose another directory with `--out`",
        )


def _manifest(digests: Mapping[str, set[str]]) -> bytes:
    lines = (f"{digest}  {path}\n" for path in sorted(digests) for digest in sorted(digests[path]))
    return (_HEAD + "".join(lines)).encode()


def _leaves(path: str) -> bool:
    return path.startswith("/") or ".." in path.split("/")


class _Directories:
    """Makes the directories of files, each once."""

    def __init__(self) -> None:
        self._made: set[str] = set()

    def make_for(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent not in self._made:
            self._made.add(parent)
            try:
                os.mkdir(parent)
            except FileExistsError:
                pass
            except FileNotFoundError:
                self.make_for(parent)
                os.mkdir(parent)


def _move(source: str, target: str) -> None:
    """Move what one directory holds into another, a whole directory at once where there is none of its name."""
    with os.scandir(source) as scan:
        entries = list(scan)
    for entry in entries:
        to = f"{target}/{entry.name}"
        if entry.is_dir(follow_symlinks=False) and os.path.lexists(to):
            _move(entry.path, to)
        else:
            os.replace(entry.path, to)


def _write_new(path: str, content: bytes, *, executable: bool = False) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o777 if executable else 0o666)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)
