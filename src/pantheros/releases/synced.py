"""The lists of options that `panther options sync` has fetched: where they are kept, and how they are read.

They lie in the user's cache directory, a file for each scope and release, packed like the data beside this file (see
`data/README.md`): a line that says what it is, then the types, then a line per option. Nothing is fetched here. A file
that is damaged, or of another format, counts as none.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pantheros.nix.values import Scope

_FORMAT = 1
_SCOPES: Final[tuple[Scope, ...]] = ("nixos", "home")

State = tuple[int, int, int]
"""What tells a file from what it was before: its time (ns), size (bytes) and inode."""
Stamp = tuple[tuple[Scope, State | None], ...]
"""The states of a release's lists; None where there is none."""
NOTHING: Final[Stamp] = tuple((scope, None) for scope in _SCOPES)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a list comes from."""

    url: str
    """The address it was found at in the end, or the file."""
    sha256: str
    """Of the file as it was fetched; hexadecimal."""


@dataclass(frozen=True, slots=True)
class Synced:
    """A fetched list: the types, and the rest of each option's line by its name, in order."""

    source: Source
    types: list[str]
    lines: Mapping[str, str]


def path(scope: Scope, release: str) -> Path:
    """The file of a list, be there one or not."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache) / "pantheros" / "releases" / f"{scope}-{release}.txt.gz"


def stamp(release: str) -> Stamp:
    """The states of a release's lists now."""
    return tuple((scope, _state(path(scope, release))) for scope in _SCOPES)


def _state(file: Path) -> State | None:
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read(scope: Scope, release: str) -> Synced | None:
    """A list; None where there is none that can be used. The checksum in the file tells whether it is whole."""
    try:
        first, types, *lines = zlib.decompress(path(scope, release).read_bytes(), 31).decode().splitlines()
        about = json.loads(first.removeprefix("# "))
        if (about["format"], about["scope"], about["release"]) != (_FORMAT, scope, release):
            return None
        by_name = dict(line.split("\t", 1) for line in lines)
        return Synced(Source(**about["source"]), json.loads(types), MappingProxyType(by_name))
    except (OSError, zlib.error, ValueError, KeyError, TypeError):
        return None


def text(scope: Scope, release: str, source: Source, types: Sequence[str], lines: Sequence[str]) -> str:
    """What `read` reads, not yet compressed."""
    about = {"format": _FORMAT, "scope": scope, "release": release, "source": asdict(source)}
    return "\n".join((f"# {json.dumps(about)}", json.dumps(types), *lines)) + "\n"
