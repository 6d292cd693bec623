"""What validating came to, by the content that it was made from, so that only what has changed is looked at again.

Whatever an answer rests on is in its key: every file of the change (and whether it could be read), the main specs that
its deltas are about, the project's schemas, and our own version. Without a cache everything takes longer and comes to
the same.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from pantheros import __version__
from pantheros.specs.issues import Issue
from pantheros.specs.tree import CONFIGS, SPEC, Root

_FORMAT = 1
_READ = (".md", ".yaml", ".yml")
"""Ends of the names of files whose content may matter; of others, that they are there."""


class Cache:
    """The answers for one tree."""

    def __init__(self, root: Root) -> None:
        directory = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        name = hashlib.sha256(os.fsencode(root.path)).hexdigest()[:32]
        self._path = Path(directory) / "pantheros" / "specs" / f"{name}.json"
        self._known: dict[str, list[Issue]] = {}
        self._used: dict[str, list[Issue]] = {}
        self._load()

    def _load(self) -> None:
        try:
            data = json.loads(self._path.read_bytes())
            if data["format"] == _FORMAT:
                self._known = {key: [Issue(*issue) for issue in issues] for key, issues in data["answers"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._known = {}

    def get(self, key: str) -> list[Issue] | None:
        found = self._known.get(key)
        if found is not None:
            self._used[key] = found
        return found

    def put(self, key: str, issues: Iterable[Issue]) -> None:
        self._used[key] = list(issues)

    def save(self, *, whole: bool) -> None:
        """Write the answers, if there are new ones; those that were not asked for are kept unless this was all."""
        answers = self._used if whole else {**self._known, **self._used}
        if answers.keys() == self._known.keys():
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            new.write_text(json.dumps({"format": _FORMAT, "answers": answers}), encoding="utf-8")
            new.replace(self._path)
        except (OSError, UnicodeEncodeError):
            return  # a file system that is full or cannot be written: the next run takes as long as this one


def shared_key(root: Root) -> bytes:
    """What every answer of a tree rests on."""
    digest = hashlib.blake2b(f"{_FORMAT} {__version__}".encode())
    for name in CONFIGS:
        _file(digest, root.path / "openspec" / name)
    _directory(digest, str(root.schemas))
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    _directory(digest, os.path.join(data, "openspec", "schemas"))
    return digest.digest()


def spec_key(shared: bytes, content: bytes) -> str:
    """The key of a main spec."""
    return hashlib.blake2b(b"spec\0" + shared + content, digest_size=20).hexdigest()


def change_key(shared: bytes, root: Root, name: str) -> str:
    """The key of a change."""
    digest = hashlib.blake2b(b"change\0" + shared + os.fsencode(name), digest_size=20)
    for capability in _directory(digest, os.path.join(root.changes, name)):
        _file(digest, root.specs / capability / SPEC)
    return digest.hexdigest()


def _directory(digest: hashlib.blake2b, directory: str) -> list[str]:
    """Take in all that lies in a directory; the capabilities among it that have a delta."""
    found: list[str] = []
    pending = [""]
    while pending:
        below = pending.pop()
        try:
            with os.scandir(os.path.join(directory, below)) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            digest.update(f"{below}\0?{error.errno}\0".encode(errors="surrogateescape"))
            continue
        for entry in entries:
            path = f"{below}{entry.name}"
            digest.update(os.fsencode(path))
            if entry.is_dir(follow_symlinks=False):
                digest.update(b"\0/")
                pending.append(f"{path}/")
                continue
            if entry.is_symlink():
                # Where it leads decides what is read, and whether that is allowed.
                digest.update(b"\0@" + os.fsencode(os.path.realpath(entry.path)))
                if os.path.isdir(entry.path):
                    digest.update(os.fsencode(",".join(sorted(os.listdir(entry.path)))))
            if entry.name.endswith(_READ) or entry.name.lower().endswith(".md"):
                _file(digest, entry.path)
            else:
                digest.update(b"\0.")
            if entry.name == SPEC and below.startswith("specs/") and below != "specs/":
                found.append(below.removeprefix("specs/").rstrip("/"))
    return found


def _file(digest: hashlib.blake2b, path: str | Path) -> None:
    try:
        with open(path, "rb") as file:
            content = file.read()
        digest.update(b"\0=" + len(content).to_bytes(8, "big") + content)
    except OSError as error:
        digest.update(f"\0?{error.errno}".encode())
