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
from pantheros.specs.tree import CONFIGS, SPEC, Root, opened

_FORMAT = 1


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


class Keys:
    """The keys of one tree's answers."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._specs: dict[str, bytes] = {}
        """By capability: what its main spec holds, digested."""
        digest = hashlib.blake2b(f"{_FORMAT} {__version__}".encode())
        for name in CONFIGS:
            digest.update(_content(os.path.join(root.path, "openspec", name)))
        data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
        schemas = [str(root.schemas), os.path.join(data, "openspec", "schemas")]
        self._own_schemas = any(map(os.path.isdir, schemas))
        """Whether a project's schema may say that other documents hold the tasks."""
        for directory in schemas:
            self._directory(digest, directory, "")
        self._shared = digest.digest()

    def spec(self, content: bytes) -> str:
        """The key of a main spec."""
        return hashlib.blake2b(b"spec\0" + self._shared + content, digest_size=20).hexdigest()

    def change(self, name: str) -> str:
        """The key of a change."""
        digest = hashlib.blake2b(b"change\0" + self._shared + os.fsencode(name), digest_size=20)
        for capability in self._directory(digest, os.path.join(self._root.changes, name), ""):
            if capability not in self._specs:
                content = _content(os.path.join(self._root.specs, capability, SPEC))
                self._specs[capability] = hashlib.blake2b(content, digest_size=20).digest()
            digest.update(self._specs[capability])
        return digest.hexdigest()

    def _directory(self, digest: hashlib.blake2b, directory: str, below: str) -> list[str]:
        """Take in all that lies in a directory; the capabilities among it that have a delta."""
        found: list[str] = []
        try:
            with os.scandir(directory) as scan:
                entries = sorted((entry.name, entry) for entry in scan)
        except OSError as error:
            digest.update(b"\0?%d" % (error.errno or 0))
            return found
        for name, entry in entries:
            digest.update(b"\0/" + os.fsencode(name))
            if entry.is_dir(follow_symlinks=False):
                found += self._directory(digest, entry.path, f"{below}{name}/")
                digest.update(b"\0.")
                continue
            if entry.is_symlink():
                # Where it leads decides what is read, and whether that is allowed.
                digest.update(b"\0@" + os.fsencode(os.path.realpath(entry.path)))
                if os.path.isdir(entry.path):
                    digest.update(os.fsencode(",".join(sorted(os.listdir(entry.path)))))
            if self._matters(below, name):
                digest.update(_content(entry.path))
            if name == SPEC and below.startswith("specs/") and below != "specs/":
                found.append(below[len("specs/") : -1])
        return found

    def _matters(self, below: str, name: str) -> bool:
        """Whether an answer may depend on what a file holds, and not on its being there alone."""
        if below or self._own_schemas:
            return name.lower().endswith((".md", ".yaml", ".yml"))
        return name in _READ_AT_TOP


_READ_AT_TOP = frozenset({"tasks.md", ".openspec.yaml"})


def _content(path: str) -> bytes:
    """What a file holds, or why it cannot be read."""
    try:
        descriptor = opened(path)
    except OSError as error:
        return b"\0?%d" % (error.errno or 0)
    try:
        size = os.fstat(descriptor).st_size
        content = os.read(descriptor, size + 1)
        while len(content) > size and (more := os.read(descriptor, 1 << 20)):
            content += more
            size = len(content) - 1
        return b"\0=%d\0" % len(content) + content
    except OSError as error:
        return b"\0?%d" % (error.errno or 0)
    finally:
        os.close(descriptor)
