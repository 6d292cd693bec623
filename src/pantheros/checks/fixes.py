"""Mending what has one safe fix: a few characters of a file, the rest of it untouched."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pantheros.findings import Finding, Origin


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be written at a place instead of what is there."""

    origin: Origin
    before: str
    after: str


def edits(root: Path, findings: Iterable[Finding]) -> list[Edit]:
    """The edits that mend findings, in the order of their places; none where two findings want different ones."""
    wanted: dict[Origin, set[str]] = defaultdict(set)
    for finding in findings:
        if finding.fix and finding.origin is not None and finding.origin.line == finding.origin.end_line:
            wanted[finding.origin].add(finding.fix)
    found = []
    for origin, texts in sorted(wanted.items()):
        line = _line(root, origin)
        if len(texts) == 1 and line is not None:
            before = line[origin.column - 1 : origin.end_column - 1]
            after = _quoted_alike(before, next(iter(texts)))
            if before != after and before:
                found.append(Edit(origin, before, after))
    return found


def apply(root: Path, wanted: Iterable[Edit]) -> None:
    """Write the edits; each file is whole at any time, and keeps its line ends."""
    by_file: dict[str, list[Edit]] = defaultdict(list)
    for edit in wanted:
        by_file[edit.origin.file].append(edit)
    for file, all_edits in by_file.items():
        path = root / file
        lines = path.read_bytes().decode().split("\n")
        for edit in sorted(all_edits, key=lambda edit: edit.origin, reverse=True):
            number, start = edit.origin.line - 1, edit.origin.column - 1 + _bom(lines[0], edit.origin.line)
            line = lines[number]
            if line[start : start + len(edit.before)] == edit.before:
                lines[number] = line[:start] + edit.after + line[start + len(edit.before) :]
        new = path.with_name(f".{path.name}.{os.getpid()}")
        new.write_bytes("\n".join(lines).encode())
        new.chmod(path.stat().st_mode)
        new.replace(path)


def _line(root: Path, origin: Origin) -> str | None:
    try:
        lines = (root / origin.file).read_bytes().decode().split("\n")
    except (OSError, UnicodeDecodeError):
        return None
    if not 0 < origin.line <= len(lines):
        return None
    return lines[origin.line - 1][_bom(lines[0], origin.line) :].rstrip("\r")


def _bom(first: str, line: int) -> int:
    """Characters of the line that editors and our readers do not count."""
    return int(line == 1 and first.startswith("\ufeff"))


def _quoted_alike(before: str, after: str) -> str:
    """A name in quotes where the one it takes the place of had some."""
    if before[:1] in ('"', "'") and before[-1:] == before[:1] and after.replace("-", "").replace("_", "").isalnum():
        quotes = before[0] if after not in ("true", "false") and not after.lstrip("-").isdecimal() else ""
        return f"{quotes}{after}{quotes}"
    return after
