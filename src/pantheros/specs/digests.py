"""What tells a change, and the fleet that it is implemented in, from what they were."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from pantheros.git import tracked_and_new
from pantheros.specs.metadata import FILE as METADATA
from pantheros.specs.record import Record
from pantheros.specs.tasks import tasks, ticked
from pantheros.specs.text import decoded
from pantheros.specs.tree import Root, entries, read_bytes

_NOT_THE_FLEET = ("openspec/", "nixos/", "docs/")


def proposal_digest(change: Path, record: Record) -> str:
    """What tells a proposal from what it was: its files, but for the boxes of tasks; what it says of itself; and the
    requirements that it is written against."""
    found = _digest(change, boxes=False)
    base = {capability: dict(sorted(texts.items())) for capability, texts in sorted(record.base.items())}
    found.update(json.dumps(base).encode())
    return found.hexdigest()


def implementation_digest(root: Root, change: Path) -> str:
    """What tells a change and its implementation from what they were: all of its files, and the fleet's."""
    found = _digest(change, boxes=True)
    found.update(fleet_digest(root).encode())
    return found.hexdigest()


def fleet_digest(root: Root) -> str:
    """What tells the fleet's files from what they were; specs, documentation and the written flake do not count."""
    found = hashlib.sha256()
    for name in tracked_and_new(root.path):
        if name.startswith(_NOT_THE_FLEET):
            continue
        try:
            content = (root.path / name).read_bytes()
        except OSError:
            continue
        found.update(f"{name}\0{len(content)}\0".encode(errors="surrogateescape") + content)
    return found.hexdigest()


def _digest(change: Path, *, boxes: bool) -> hashlib._Hash:
    found = hashlib.sha256()
    for name, path in _files(change, ()):
        content = read_bytes(path)
        if name == "tasks.md" and not boxes:
            content = _without_boxes(decoded(content)).encode()
        found.update(f"{name}\0{len(content)}\0".encode(errors="surrogateescape") + content)
    return found


def _without_boxes(text: str) -> str:
    for task in tasks(text):
        text = ticked(text, task, False)
    return text


def _files(directory: Path, names: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """The files of a change; of what begins with a dot, its metadata alone."""
    for entry in entries(directory):
        if entry.name.startswith(".") and (names or entry.name != METADATA):
            continue
        path = directory / entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _files(path, (*names, entry.name))
        elif path.is_file():
            yield "/".join((*names, entry.name)), path
