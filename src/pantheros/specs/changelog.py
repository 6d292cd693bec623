"""What an archived change leaves in the documentation: a line of the changelog, its entry in the index of changes.

Both files are the project's own and are only kept where they are wanted: where they are there already, with the marks
between which pantherOS writes.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from pantheros.findings import PantherError
from pantheros.specs.listing import title_of
from pantheros.specs.record import Record, read_record
from pantheros.specs.tree import Root, archived_names, read, read_bytes, without_day

BEGIN, END = "<!-- panther spec: begin -->", "<!-- panther spec: end -->"
FILES = ("CHANGELOG.md", "docs/CHANGELOG.md", "docs/changes.md", "docs/README.md")
_BETWEEN = re.compile(rf"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)


@dataclass
class Documented:
    """What came of listing the archived changes."""

    updated: list[str] = field(default_factory=list)
    """The files that were written."""
    marked: list[str] = field(default_factory=list)
    """Those that have the marks."""
    unmarked: list[str] = field(default_factory=list)
    """Those that are there and have none."""
    warnings: list[str] = field(default_factory=list)


def write_down(root: Root) -> Documented:
    """Bring the lists of archived changes up to date, in each file that has the marks for it. What cannot be written is
    told, and is no reason to stop."""
    done = Documented()
    top = root.path.resolve()
    seen: set[Path] = set()
    for name in FILES:
        try:
            path = (top / name).resolve(strict=True)
            if not path.is_relative_to(top):
                done.warnings.append(f"{name} leads out of the project, to {path}: it is left as it was")
                continue
            if path not in seen:
                seen.add(path)
                _write_one(root, name, path, done)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, RuntimeError, PantherError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or error
            done.warnings.append(f"{name} could not be brought up to date: {why}")
    return done


def _write_one(root: Root, name: str, path: Path, done: Documented) -> None:
    text = read_bytes(path).decode()
    found = _BETWEEN.search(text)
    if not found:
        done.unmarked.append(name)
        return
    done.marked.append(name)
    end = "\r\n" if "\r\n" in found[0] else "\n"
    lines = _lines(root, len(path.relative_to(root.path.resolve()).parts) - 1)
    new = text[: found.start()] + end.join([BEGIN, *lines, END]) + text[found.end() :]
    if new == text:
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(new.encode())
    beside.chmod(path.stat().st_mode & 0o777)
    beside.replace(path)
    done.updated.append(name)


def _lines(root: Root, depth: int) -> list[str]:
    """A line for each change of the archive, the newest first, for a file that lies so deep."""
    found = []
    for name in reversed(archived_names(root)):
        change = root.archive / name
        called = without_day(name)
        try:
            record = read_record(change) or Record()
        except PantherError:
            record = Record()  # its own commands tell of it
        try:
            title = title_of(read(change / "proposal.md"), called)
        except (OSError, PantherError):
            title = called
        title, summary, lessons = (_one_line(text) for text in (title, record.summary, record.lessons))
        day = f"{name[:10]} " if called != name else ""
        said = f": {summary.rstrip('.')}." if summary else ""
        learned = f" Learned: {lessons}" if lessons else ""
        found.append(f"- {day}[{title}]({'../' * depth}openspec/changes/archive/{name}/){said}{learned}")
    return found


def _one_line(text: str) -> str:
    """A text in one line, and without the marks of comments: they would hide what follows, or end our block."""
    return " ".join(text.split()).replace("<!--", "&lt;!--").replace("-->", "--&gt;")
