"""Where OpenSpec's files lie: `openspec/specs`, `openspec/changes`, and the changes in the archive."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pantheros.findings import PantherError
from pantheros.specs.delta import read_delta
from pantheros.specs.text import decoded

Kind = Literal["change", "spec"]

SPEC = "spec.md"
POLICY = "policy.toml"
ARCHIVE = "archive"
CONFIGS = ("config.yaml", "config.yml")
LARGEST = 16 * 2**20
"""Bytes of the largest file that is read: no document that people write comes near."""


class Outside(PantherError):
    """A link leads out of the directory that it lies in."""


class TooLarge(PantherError):
    """A file is larger than any document."""


class NoFile(OSError):
    """What has the name of a file is a pipe, a socket or a device, which might never end, or wait for ever."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(errno.EINVAL, "it is no regular file", os.fspath(path))


class NoRoot(PantherError):
    """There is no `openspec/` to speak of."""

    code = "no_openspec_root"
    """As the reference names it."""


@dataclass(frozen=True)
class Root:
    """A directory with `openspec/`. `found` says how it came to be taken: `nearest` by its files, `implicit` for want
    of any."""

    path: Path
    found: str = "nearest"

    @property
    def specs(self) -> Path:
        return self.path / "openspec" / "specs"

    @property
    def changes(self) -> Path:
        return self.path / "openspec" / "changes"

    @property
    def archive(self) -> Path:
        return self.changes / ARCHIVE

    @property
    def schemas(self) -> Path:
        return self.path / "openspec" / "schemas"

    def as_json(self) -> dict[str, str]:
        return {"path": str(self.path), "source": self.found}


def find_root(start: Path) -> Root | None:
    """The nearest directory, from `start` upwards, that OpenSpec's files lie in."""
    here = start.resolve()
    for path in (here, *here.parents):
        inside = path / "openspec"
        if (inside / "specs").is_dir() or (inside / "changes").is_dir():
            return Root(path)
        if any((inside / name).is_file() for name in CONFIGS):
            return Root(path)
    return None


def root_of(start: Path) -> Root:
    """As `find_root`, or `start` itself where there is none."""
    return find_root(start) or Root(start.resolve(), "implicit")


def required_root(start: Path) -> Root:
    """As `find_root`; raises `NoRoot` where there is none."""
    found = find_root(start)
    if found is None:
        raise NoRoot(f"there is no openspec/ in {start.resolve()} or above", help="`panther spec gen NAME` begins one")
    return found


def entries(directory: Path) -> list[os.DirEntry[str]]:
    """What lies in a directory, in the order of the names' bytes."""
    with os.scandir(directory) as scan:
        return sorted(scan, key=lambda entry: os.fsencode(entry.name))


def change_names(root: Root, *, hidden: bool = False) -> list[str]:
    """The open changes: the directories in `openspec/changes`; a link to one is none."""
    try:
        found = entries(root.changes)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [
        entry.name
        for entry in found
        if entry.is_dir(follow_symlinks=False) and entry.name != ARCHIVE and (hidden or not entry.name.startswith("."))
    ]


def archived_names(root: Root) -> list[str]:
    """The changes in the archive, in the order of their names' UTF-16."""
    try:
        found = entries(root.archive)
    except (FileNotFoundError, NotADirectoryError):
        return []
    names = [entry.name for entry in found if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")]
    return sorted(names, key=utf16)


_DATED = re.compile(r"\d{4}-\d{2}-\d{2}-(.+)\Z", re.ASCII | re.DOTALL)


def without_day(name: str) -> str:
    """What a change of the archive was called before."""
    found = _DATED.match(name)
    return found[1] if found else name


def archived_as(root: Root) -> dict[str, str]:
    """The changes in the archive by what they were called, the newest of several."""
    return {without_day(name): name for name in archived_names(root)}


def utf16(text: str) -> bytes:
    """A key to sort by UTF-16 units."""
    return text.encode("utf-16-be", errors="surrogatepass")


def spec_files(directory: Path) -> dict[str, Path]:
    """The specs below a directory by capability, which is the path of the directory they lie in. Raises `Outside` for a
    link that leads elsewhere."""
    found: dict[str, Path] = {}
    _gather(directory, directory, (), found)
    return dict(sorted(found.items(), key=lambda item: utf16(item[0])))


def _gather(top: Path, directory: Path, names: tuple[str, ...], found: dict[str, Path]) -> None:
    try:
        inside = entries(directory)
    except FileNotFoundError:
        return
    for entry in inside:
        if entry.name.startswith("."):
            continue
        path = directory / entry.name
        if entry.is_dir(follow_symlinks=False):
            _gather(top, path, (*names, entry.name), found)
        elif entry.name == SPEC and names:
            if entry.is_symlink():
                if not path.is_file():
                    continue
                real = path.resolve()
                if not (real.is_relative_to(top.resolve()) or real.is_relative_to(directory.resolve())):
                    raise Outside(f"the link {path} leads out of {top}")
            found["/".join(names)] = path


def stray_deltas(directory: Path) -> Iterator[tuple[str, str]]:
    """Files below a change's `specs` that hold a delta and are not called `spec.md`, with where they belong."""
    return iter(sorted(_strays(directory, ()), key=lambda item: utf16(item[0])))


def _strays(directory: Path, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    try:
        inside = entries(directory)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in inside:
        path = directory / entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _strays(path, (*names, entry.name))
            continue
        document = entry.name != SPEC and entry.name.lower().endswith(".md") and path.is_file()
        if document and read_delta(read(path)).sections:
            yield "/".join((*names, entry.name)), f"{'/'.join(names) or entry.name[:-3]}/{SPEC}"


def any_file(directory: Path) -> bool:
    """Whether anything lies below a directory that is no directory itself; what begins with a dot does not count."""
    try:
        inside = entries(directory)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return any(
        entry.is_symlink() or entry.is_file() or (entry.is_dir(follow_symlinks=False) and any_file(Path(entry.path)))
        for entry in inside
        if not entry.name.startswith(".")
    )


def read(path: Path) -> str:
    """The text of a file; what is no UTF-8 is replaced. Raises `OSError`, and `TooLarge`."""
    return decoded(read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """What a file holds. Raises `OSError`, `NoFile` among them, and `TooLarge`."""
    with open(opened(path), "rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST:
            raise TooLarge(f"{path} is larger than {LARGEST // 2**20} MB, which is no document")
        return file.read()


def is_special(path: Path) -> bool:
    """Whether something is there that is neither a file nor a directory, such as a pipe."""
    return path.exists() and not (path.is_file() or path.is_dir())


def opened(path: str | os.PathLike[str]) -> int:
    """The descriptor of a file that is to be read; it does not wait for one who writes. Raises `OSError`, `NoFile`
    among them."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    raise NoFile(path)


# A directory that holds changes instead of being one ---------------------------------------------------------------

_OWN_FILES = (".openspec.yaml", "proposal.md", "tasks.md", "design.md")
_DEEPEST = 3


def looks_like_a_change(directory: Path) -> bool:
    """Whether a directory has what changes have."""
    return any((directory / name).is_file() for name in _OWN_FILES) or any_file(directory / "specs")


def nested_changes(root: Root, name: str) -> list[str]:
    """The changes in a directory that is none itself, and has nothing else; by their paths below `openspec/changes`."""
    directory = root.changes / name
    try:
        if looks_like_a_change(directory):
            return []
        inside = [entry for entry in entries(directory) if not entry.name.startswith(".")]
    except OSError:
        return []
    if not all(entry.is_dir(follow_symlinks=False) for entry in inside):
        return []
    return sorted(_changes_below(directory, name, 1), key=utf16)


def _changes_below(directory: Path, name: str, depth: int) -> Iterator[str]:
    try:
        inside = entries(directory)
    except OSError:
        return
    for entry in inside:
        if entry.name.startswith(".") or not entry.is_dir(follow_symlinks=False):
            continue
        path, below = directory / entry.name, f"{name}/{entry.name}"
        if looks_like_a_change(path):
            yield below
        elif depth < _DEEPEST:
            yield from _changes_below(path, below, depth + 1)


def about_nested(name: str, nested: list[str]) -> str:
    """What to say of a directory that holds changes."""
    listed = ", ".join(f"openspec/changes/{path}/" for path in nested)
    flat = nested[0].replace("/", "-")
    return (
        f'"{name}" is no change but holds some: {listed}. A change lies directly below openspec/changes/:'
        f' move each there under a name of its own, such as "{flat}"'
    )
