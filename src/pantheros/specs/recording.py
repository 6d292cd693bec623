"""Adding to what is kept of a change, so that of several who do it at the same time nobody's words are lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pantheros.findings import PantherError
from pantheros.specs.journal import Write, locked
from pantheros.specs.record import FILE, Record, as_bytes, read_record, record_in, write_record
from pantheros.specs.tree import Root, read_bytes

PATIENCE = 20.0
"""Seconds that are waited for others, each of whom is done in a moment."""

Update = Callable[[Record], Record]


def update_record(root: Root, change: Path, update: Update) -> Record:
    """Change what is kept of a change; what it is now. Raises `Busy`, and `PantherError` where the change is not there
    any more, or its record cannot be read."""
    with locked(root, wait=PATIENCE):
        if not change.is_dir():
            raise PantherError(f"{change} is not there any more: somebody archived it meanwhile")
        record = update(read_record(change) or Record())
        write_record(change, record)
    return record


def record_write(change: Path, update: Update) -> Write:
    """The same as a part of something larger: what is read here has to be there still when that is done."""
    path = change / FILE
    try:
        before = read_bytes(path)
    except FileNotFoundError:
        return Write(path, None, as_bytes(update(Record())))
    except OSError as error:
        raise PantherError(f"{path} cannot be read: {error.strerror}", help="take it from git, or delete it") from error
    return Write(path, before, as_bytes(update(record_in(path, before))))
