"""The text of a fleet's files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pantheros.findings import Finding, Origin

_LARGEST_FILE = 4 * 1024 * 1024


def read_text(root: Path, file: str, *, errors: str = "strict") -> tuple[str | None, list[Finding]]:
    """The text of a file of the fleet; None, and why, when there is none to be had. With `errors="replace"`, bytes that
    are no UTF-8 are shown as such."""
    start = Origin(file, 1, 1, 1, 1)
    try:
        # A pipe would be waited for, and a device need not end.
        if not stat.S_ISREG(os.stat(root / file).st_mode) and not os.path.isdir(root / file):
            return None, [Finding("unreadable-file", f"{file} is not a file but a pipe or a device", origin=start)]
        with (root / file).open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        return None, [Finding("unreadable-file", f"cannot read {file}: {reason}", origin=start)]
    if len(content) > _LARGEST_FILE:
        message = f"{file} is larger than {_LARGEST_FILE} bytes"
        return None, [Finding("unreadable-file", message, origin=start)]
    try:
        return content.decode(errors=errors), []
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = len(content[content.rfind(b"\n", 0, error.start) + 1 : error.start].decode()) + 1
        where = Origin(file, line, column, line, column + 1)
        return None, [Finding("unreadable-file", f"{file} is not UTF-8 text", origin=where)]
