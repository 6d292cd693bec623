"""What an archived change leaves in the documentation: a line of the changelog, its entry in the index of changes.

Both files are the project's own and are only kept where they are wanted: where they are there already, with the marks
between which pantherOS writes.
"""

from __future__ import annotations

import os
import re

from pantheros.findings import PantherError
from pantheros.specs.listing import title_of
from pantheros.specs.record import Record, read_record
from pantheros.specs.tree import Root, archived_names, read

BEGIN, END = "<!-- panther spec: begin -->", "<!-- panther spec: end -->"
FILES = ("CHANGELOG.md", "docs/CHANGELOG.md", "docs/changes.md", "docs/README.md")
_BETWEEN = re.compile(rf"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)


def write_down(root: Root) -> list[str]:
    """Bring the lists of archived changes up to date, in each file that has the marks for it; the files."""
    done = []
    for name in FILES:
        path = root.path / name
        try:
            text = path.read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            continue
        found = _BETWEEN.search(text)
        if not found:
            continue
        end = "\r\n" if "\r\n" in found[0] else "\n"
        new = text[: found.start()] + end.join([BEGIN, *_lines(root, name), END]) + text[found.end() :]
        if new != text:
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            beside.write_bytes(new.encode())
            beside.replace(path)
            done.append(name)
    return done


def _lines(root: Root, file: str) -> list[str]:
    """A line for each change of the archive, the newest first."""
    up = "../" * file.count("/")
    found = []
    for name in reversed(archived_names(root)):
        change = root.archive / name
        try:
            record = read_record(change) or Record()
        except PantherError:
            record = Record()  # its own commands tell of it
        try:
            title = title_of(read(change / "proposal.md"), name[11:] or name)
        except OSError:
            title = name[11:] or name
        summary, lessons = (" ".join(text.split()) for text in (record.summary, record.lessons))
        said = f": {summary.rstrip('.')}." if summary else ""
        learned = f" Learned: {lessons}" if lessons else ""
        found.append(f"- {name[:10]} [{title}]({up}openspec/changes/archive/{name}/){said}{learned}")
    return found
