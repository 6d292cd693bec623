"""What the last build of a tree came to, so that the next need not work out again what has not changed.

An answer is kept under a digest of everything that it was worked out from: our own code and data, the fleet's common
file and modules, the host's own files and, for a host whose modules looked at other hosts, those of all hosts. A
written file is known to be unchanged by its size, inode and time, as git knows it. Whatever is missing or does not
fit is worked out again; without a cache a build takes longer and comes to the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pantheros
from pantheros.findings import Finding, Origin, Related
from pantheros.synth.flake import FlakeInput, HostPart

_FORMAT = 1
_ABSENT: list[Any] = []
"""Stands for the state of a file that is not there; no file's is like it."""
_CLOCK_STEP = 0.02
"""Seconds within which two changes of a file may bear the same time."""


class Entry(NamedTuple):
    """What one host came to. `files` are digest and executability by path; `across` is the digest of all hosts'
    files where the host's modules looked at them."""

    key: str
    across: str | None
    part: HostPart
    files: dict[str, tuple[str, bool]]
    copies: list[str]
    findings: list[Finding]


@dataclass
class Cache:
    """The answers kept for one written tree."""

    path: Path | None
    shared: str = ""
    """Digest of what all hosts' answers rest on."""
    entries: dict[str, Entry] = field(default_factory=dict)
    stats: dict[str, list[Any]] = field(default_factory=dict)
    """By path in the tree: time (ns), size, inode and digest of each file, when it was last known."""

    @classmethod
    def load(cls, tree: Path, shared: str) -> Cache:
        """The cache of a tree; an empty one where there is none, or it was made from something else."""
        directory = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        name = hashlib.sha256(os.path.realpath(tree).encode(errors="surrogateescape")).hexdigest()[:32]
        cache = cls(Path(directory) / "pantheros" / f"{name}.json", shared)
        try:
            assert cache.path is not None
            data = json.loads(cache.path.read_bytes())
            if data["format"] == _FORMAT:
                if isinstance(data["stats"], dict):
                    cache.stats = data["stats"]
                if data["shared"] == shared:
                    cache.entries = {name: _entry(value) for name, value in data["entries"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(cache.path, shared)
        return cache

    def save(self) -> None:
        """Keep it for next time; where that cannot be, next time takes longer."""
        if self.path is None:
            return
        data = {"format": _FORMAT, "shared": self.shared, "entries": self.entries, "stats": self.stats}
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(data, default=_encode, separators=(",", ":")), encoding="utf-8")
            new.replace(self.path)
        except (OSError, UnicodeEncodeError):
            new.unlink(missing_ok=True)

    def unchanged(self, tree: Path, digests: Mapping[str, str]) -> set[str]:
        """The files of the tree that are known to have the digest they are to have."""
        return {
            path
            for path, digest in digests.items()
            if (known := self.stats.get(path)) and known == _signature(tree, path, digest)
        }

    def remember(self, tree: Path, digests: Mapping[str, str], unchanged: Collection[str]) -> None:
        """Note the state of the tree's files, which have these digests now; those `unchanged` are noted already."""
        noted = {path: self.stats[path] for path in unchanged}
        if len(noted) < len(digests):
            # A change after ours must bear another time than ours.
            time.sleep(_CLOCK_STEP)
        for path, digest in digests.items():
            if path not in noted and (signature := _signature(tree, path, digest)) != _ABSENT:
                noted[path] = signature
        self.stats = noted


def _signature(tree: Path, path: str, digest: str) -> list[Any]:
    """What tells a file from any other: its time (ns), size, inode and, of the digest it has, enough to know it by."""
    try:
        found = os.lstat(f"{tree}/{path}")
    except OSError:
        return _ABSENT
    return [found.st_mtime_ns, found.st_size, found.st_ino * 8 + bool(found.st_mode & 0o100), digest[:16]]


def digest(*parts: bytes | str) -> str:
    """A digest of parts that tells apart where one ends and the next begins."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode(errors="surrogateescape") if isinstance(part, str) else part
        total.update(len(content).to_bytes(8, "big") + content)
    return total.hexdigest()


def code_digest(directories: Iterable[Path]) -> str:
    """A digest of our own code and data, and of the modules in other directories."""
    parts: list[bytes | str] = [pantheros.__version__, sys.version]
    for directory in (Path(pantheros.__file__).parent, *directories):
        for folder, folders, files in os.walk(directory):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(files):
                parts += [f"{folder}/{name}", read_or_empty(f"{folder}/{name}")]
    return digest(*parts)


def read_or_empty(path: str | Path) -> bytes:
    try:
        # A pipe is not waited for, and a device has no end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            return file.read() if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    except OSError:
        return b""


def _encode(value: Any) -> Any:
    if isinstance(value, HostPart):
        return [getattr(value, name) for name in HostPart.__slots__]
    if isinstance(value, Finding):
        return [getattr(value, name) for name in Finding.__slots__]
    if isinstance(value, Related):
        return [value.message, value.origin]
    raise TypeError(type(value).__name__)


def _entry(value: list[Any]) -> Entry:
    key, across, part, files, copies, findings = value
    name, system, address, tags, modules, shared_modules, inputs = part
    return Entry(
        key,
        across,
        HostPart(
            name,
            system,
            address,
            tuple(tags),
            tuple(modules),
            tuple(shared_modules),
            tuple(FlakeInput(name, url, tuple(follows)) for name, url, follows in inputs),
        ),
        {path: (file[0], file[1]) for path, file in files.items()},
        copies,
        [_finding(finding) for finding in findings],
    )


def _finding(value: list[Any]) -> Finding:
    code, message, severity, help, at, option, host, origin, related = value
    return Finding(
        code,
        message,
        severity,
        help,
        at,
        option,
        host,
        Origin(*origin) if origin is not None else None,
        tuple(Related(message, Origin(*place)) for message, place in related),
    )
