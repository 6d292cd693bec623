"""What the last build of a tree came to, so that the next need not work out again what has not changed.

An answer is kept under a digest of everything that it was worked out from: our own code and data, the fleet's common
file and modules, the host's own files and, for a host whose modules looked at other hosts, those of all hosts. The
files of a host are known to be unchanged by their sizes, inodes and times, as git knows its own. Whatever is missing
or does not fit is worked out again; without a cache a build takes longer and comes to the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pantheros
from pantheros.findings import Finding, Origin, Related
from pantheros.synth.flake import FlakeInput, HostPart

_FORMAT = 4
_CLOCK_STEP = 20_000_000
"""Nanoseconds within which two changes of a file may bear the same time."""


class Entry(NamedTuple):
    """What one host came to. `files` are digest and executability by path below the host's directory of the tree;
    `across` is the digest of all hosts' files where the host's modules looked at them."""

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
    states: dict[str, str] = field(default_factory=dict)
    """By directory in the tree, as `_directory` has it: what its files were like when they were last looked at."""

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
                if isinstance(data["states"], dict):
                    cache.states = data["states"]
                if data["shared"] == shared:
                    cache.entries = {name: _entry(value) for name, value in data["entries"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(cache.path, shared)
        return cache

    def save(self) -> None:
        """Keep it for next time; where that cannot be, next time takes longer."""
        if self.path is None:
            return
        data = {"format": _FORMAT, "shared": self.shared, "entries": self.entries, "states": self.states}
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(data, default=_encode, separators=(",", ":")), encoding="utf-8")
            new.replace(self.path)
        except (OSError, UnicodeEncodeError):
            new.unlink(missing_ok=True)

    def unchanged(self, tree: Path, digests: Mapping[str, str]) -> set[str]:
        """The files of the tree that are known to have the digest they are to have."""
        known: set[str] = set()
        for directory, paths in _by_directory(digests):
            if directory in self.states and self.states[directory] == _state(tree, paths, digests)[0]:
                known.update(paths)
        return known

    def remember(self, tree: Path, digests: Mapping[str, str], unchanged: Collection[str]) -> None:
        """Note the state of the tree's files, which have these digests now; those `unchanged` are noted already."""
        noted: dict[str, str] = {}
        for directory, paths in _by_directory(digests):
            if directory in self.states and all(path in unchanged for path in paths):
                noted[directory] = self.states[directory]
                continue
            now = time.time_ns()
            state, newest = _state(tree, paths, digests)
            # A change after our look must bear another time than what we saw; what is too new is looked at next time.
            if state is not None and newest < now - _CLOCK_STEP:
                noted[directory] = state
        self.states = noted


def _by_directory(digests: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Paths in the tree by what they are part of: one host, or (under no name) the rest."""
    found: dict[str, list[str]] = {}
    for path in digests:
        top, _, below = path.partition("/")
        found.setdefault(below.partition("/")[0] if top == "hosts" else "", []).append(path)
    yield from found.items()


def _state(tree: Path, paths: Iterable[str], digests: Mapping[str, str]) -> tuple[str | None, int]:
    """What tells these files from any others (their times, sizes, inodes and digests), None when one is not there;
    and the time (ns) of the newest."""
    seen: list[str] = []
    newest = 0
    for path in paths:
        try:
            found = os.lstat(f"{tree}/{path}")
        except OSError:
            return None, newest
        newest = max(newest, found.st_mtime_ns)
        seen.append(f"{path}/{digests[path]}/{found.st_mtime_ns}/{found.st_size}/{found.st_ino}/{found.st_mode}\n")
    return digest("".join(seen)), newest


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
    code, message, severity, help, at, option, host, origin, related, private, text, fix = value
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
        private,
        text,
        fix,
    )
