"""Mending what has one safe fix: a few characters of a file, the rest of it untouched."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pantheros.findings import Finding, Origin
from pantheros.fleet.toml import read_toml
from pantheros.nix.reader import read_nix


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be written at a place instead of what is there."""

    origin: Origin
    before: str
    after: str


def edits(root: Path, findings: Iterable[Finding]) -> list[Edit]:
    """The edits that mend findings, in the order of their places.

    None where two findings want different ones, where more stands at the place than the word or the value at fault,
    and where a file would be read worse than before: a name may be there already.
    """
    wanted: dict[str, dict[Origin, set[str]]] = defaultdict(lambda: defaultdict(set))
    for finding in findings:
        if finding.fix and finding.origin is not None and finding.origin.line == finding.origin.end_line:
            wanted[finding.origin.file][finding.origin].add(finding.fix)
    found: list[Edit] = []
    for file, places in wanted.items():
        text = _text(root, file)
        if text is None:
            continue
        # From the end, so that no edit moves the place of another.
        for origin, fixes in sorted(places.items(), reverse=True):
            before = _at(text, origin)
            if len(fixes) != 1 or not _ONE_WORD.fullmatch(before):
                continue
            edit = Edit(origin, before, _quoted_alike(before, next(iter(fixes))))
            edited = _edited(text, edit)
            if edit.before != edit.after and _mistakes(file, edited) <= _mistakes(file, text):
                text = edited
                found.append(edit)
    return sorted(found, key=lambda edit: edit.origin)


def apply(root: Path, wanted: Iterable[Edit]) -> None:
    """Write the edits; each file is whole at any time, and keeps its line ends and its permissions."""
    by_file: dict[str, list[Edit]] = defaultdict(list)
    for edit in wanted:
        by_file[edit.origin.file].append(edit)
    for file, all_edits in by_file.items():
        text = _text(root, file)
        if text is None:
            continue
        for edit in sorted(all_edits, key=lambda edit: edit.origin, reverse=True):
            if _at(text, edit.origin) == edit.before:
                text = _edited(text, edit)
        # A link stays one.
        path = (root / file).resolve()
        new = path.with_name(f".{path.name}.{os.getpid()}")
        new.write_bytes(text.encode())
        new.chmod(path.stat().st_mode)
        new.replace(path)


_ONE_WORD = re.compile(r"""[\w+-]+|"[^"\\$]*"|'[^']*'""")


def _text(root: Path, file: str) -> str | None:
    """What a file of the fleet holds; None where it cannot be read, or lies elsewhere."""
    path = (root / file).resolve()
    try:
        return path.read_bytes().decode() if path.is_relative_to(root.resolve()) else None
    except (OSError, UnicodeDecodeError):
        return None


def _mistakes(file: str, text: str) -> int:
    """How much of a file cannot be read as it stands."""
    return len((read_nix(file, text) if file.endswith(".nix") else read_toml(file, text)).findings)


def _edited(text: str, edit: Edit) -> str:
    lines = text.split("\n")
    number, start = edit.origin.line - 1, _start(lines, edit.origin)
    line = lines[number]
    lines[number] = line[:start] + edit.after + line[start + len(edit.before) :]
    return "\n".join(lines)


def _at(text: str, origin: Origin) -> str:
    """What stands at a place."""
    lines = text.split("\n")
    if not 0 < origin.line <= len(lines):
        return ""
    start = _start(lines, origin)
    return lines[origin.line - 1][start : start + origin.end_column - origin.column]


def _start(lines: list[str], origin: Origin) -> int:
    # Editors and our readers do not count a byte order mark.
    return origin.column - 1 + (origin.line == 1 and lines[0].startswith("\ufeff"))


def _quoted_alike(before: str, after: str) -> str:
    """A name in quotes where the one it takes the place of had some."""
    if before[:1] in ('"', "'") and before[-1:] == before[:1] and after.replace("-", "").replace("_", "").isalnum():
        quotes = before[0] if after not in ("true", "false") and not after.lstrip("-").isdecimal() else ""
        return f"{quotes}{after}{quotes}"
    return after
