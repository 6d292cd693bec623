"""Delta specs: what a change adds to, modifies in, removes from and renames in a main spec."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pantheros.specs.text import compiled, fenced, plain, trimmed, trimmed_end

Operation = Literal["ADDED", "MODIFIED", "REMOVED", "RENAMED"]
OPERATIONS: tuple[Operation, ...] = ("ADDED", "MODIFIED", "REMOVED", "RENAMED")


class Block(NamedTuple):
    """A requirement as it is written: its header, and all up to the next."""

    name: str
    text: str
    """Header and body, white space at the end left out."""
    line: int

    @property
    def header(self) -> str:
        return self.text.partition("\n")[0]

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")


class Renaming(NamedTuple):
    """A requirement that gets another name."""

    old: str
    new: str


class Unpaired(NamedTuple):
    """One half of a renaming without the other."""

    side: Literal["FROM", "TO"]
    name: str
    line: int


class Skipped(NamedTuple):
    """A header of the third level that is no requirement's."""

    header: str
    section: str
    line: int


class Orphan(NamedTuple):
    """A requirement that stands in no section of a delta; `section` is None above the first."""

    name: str
    section: str | None
    line: int


@dataclass(frozen=True)
class Delta:
    """What one delta spec says. Lines count from 1."""

    added: list[Block] = field(default_factory=list)
    modified: list[Block] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    removed_blocks: list[Block] = field(default_factory=list)
    renamed: list[Renaming] = field(default_factory=list)
    unpaired: list[Unpaired] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    orphans: list[Orphan] = field(default_factory=list)
    sections: tuple[Operation, ...] = ()
    """The sections that there are, in the order of `OPERATIONS`."""

    @property
    def entries(self) -> int:
        """How many requirements it is about."""
        return len(self.added) + len(self.modified) + len(self.removed) + len(self.renamed)


_SECTION = compiled(r"(##)\s+(.+)$")
_TITLES: dict[str, Operation] = {f"{name.lower()} requirements": name for name in OPERATIONS}
_HEADER = compiled(r"###\s*Requirement:\s*(.+)\s*$", re.IGNORECASE)
_THIRD = compiled(r"###\s+(.+?)\s*$")
_BULLET = compiled(r"\s*[-*+]\s*`?###\s*Requirement:\s*(.+?)`?\s*$")
_SIDE = compiled(r"\s*[-*+]?\s*(FROM|TO):\s*`?###\s*Requirement:\s*(.+?)`?\s*$")
_CLOSING = re.compile(r"[ \t]+#+[ \t]*\Z")
_SPACES = compiled(r"\s+")


def requirement_name(header: str) -> str | None:
    """The name in a requirement's header; None where the line is no such header."""
    found = _HEADER.match(header)
    return name_of(found[1]) if found else None


def name_of(text: str) -> str:
    """A requirement's name without the marks that may close a header."""
    return trimmed(_CLOSING.sub("", text))


def folded(name: str) -> str:
    """What two names have in common that differ in nothing but case and spacing."""
    return _SPACES.sub(" ", name_of(name).lower())


def read_delta(text: str) -> Delta:
    """What a delta spec says."""
    lines = plain(text).split("\n")
    mask = fenced(lines)
    sections: dict[Operation, list[_Section]] = {}
    orphans: list[Orphan] = []
    title: str | None = None
    current: _Section | None = None
    for number, (line, in_fence) in enumerate(zip(lines, mask, strict=True), 1):
        found = None if in_fence else _SECTION.match(line)
        if found:
            title = trimmed(found[2])
            operation = _TITLES.get(title.lower())
            current = _Section(title, number) if operation else None
            if operation and current:
                sections.setdefault(operation, []).append(current)
        elif current is not None:
            current.lines.append(line)
        elif not in_fence and (name := requirement_name(line)) is not None:
            orphans.append(Orphan(name, title, number))
    renamed, unpaired = _renamings(sections.get("RENAMED", ()))
    return Delta(
        added=[block for section in sections.get("ADDED", ()) for block in blocks(section.lines, section.first)],
        modified=[block for section in sections.get("MODIFIED", ()) for block in blocks(section.lines, section.first)],
        removed=[name for section in sections.get("REMOVED", ()) for name in _removed(section)],
        removed_blocks=[
            block for section in sections.get("REMOVED", ()) for block in blocks(section.lines, section.first)
        ],
        renamed=renamed,
        unpaired=unpaired,
        skipped=_skipped(sections),
        orphans=orphans,
        sections=tuple(operation for operation in OPERATIONS if operation in sections),
    )


@dataclass
class _Section:
    title: str
    header_at: int
    lines: list[str] = field(default_factory=list)

    @property
    def first(self) -> int:
        """The number of its first line."""
        return self.header_at + 1


def blocks(lines: Sequence[str], first: int = 1) -> list[Block]:
    """The requirements of a section; `first` is the number of its first line."""
    found: list[Block] = []
    mask = fenced(lines)
    starts = [at for at, line in enumerate(lines) if not mask[at] and requirement_name(line) is not None]
    for start, end in zip(starts, [*starts, len(lines)][1:], strict=True):
        name = requirement_name(lines[start])
        assert name is not None
        found.append(Block(name, trimmed_end("\n".join(lines[start:end])), first + start))
    return found


def _removed(section: _Section) -> list[str]:
    names = []
    for line, in_fence in zip(section.lines, fenced(section.lines), strict=True):
        if in_fence:
            continue
        name = requirement_name(line)
        if name is None and (bullet := _BULLET.match(line)):
            name = name_of(bullet[1])
        if name is not None:
            names.append(name)
    return names


def _renamings(sections: Sequence[_Section]) -> tuple[list[Renaming], list[Unpaired]]:
    pairs: list[Renaming] = []
    unpaired: list[Unpaired] = []
    for section in sections:
        pending: Unpaired | None = None
        for at, (line, in_fence) in enumerate(zip(section.lines, fenced(section.lines), strict=True)):
            found = None if in_fence else _SIDE.match(line)
            if not found:
                continue
            half = Unpaired("FROM" if found[1] == "FROM" else "TO", name_of(found[2]), section.first + at)
            if half.side == "TO" and pending is not None:
                pairs.append(Renaming(pending.name, half.name))
                pending = None
                continue
            displaced = pending if half.side == "FROM" else half
            if displaced is not None:
                unpaired.append(displaced)
            if half.side == "FROM":
                pending = half
        if pending is not None:
            unpaired.append(pending)
    return pairs, sorted(unpaired, key=lambda half: half.line)


def _skipped(sections: dict[Operation, list[_Section]]) -> list[Skipped]:
    found = []
    for operation in ("ADDED", "MODIFIED"):
        copies = sections.get(operation, [])
        for section in copies:
            for at, (line, in_fence) in enumerate(zip(section.lines, fenced(section.lines), strict=True)):
                third = None if in_fence or requirement_name(line) is not None else _THIRD.match(line)
                if third:
                    found.append(Skipped(trimmed(third[1]), copies[0].title, section.first + at))
    return sorted(found, key=lambda header: header.line)


# Inside a requirement -----------------------------------------------------------------------------------------

_ANY_HEADER = compiled(r"#{1,6}\s")
_METADATA = compiled(r"\*\*[^*]+\*\*:")
_FOURTH = compiled(r"####\s+")
_UP_TO_FOURTH = compiled(r"#{1,4}\s")
_KEYWORD = compiled(r"\b(SHALL|MUST)\b")
_SCENARIO = compiled(r"Scenario:\s*", re.IGNORECASE)


def body(lines: Sequence[str]) -> str:
    """The text of a requirement, from the lines below its header: up to its scenarios, without code."""
    prose: list[str] = []
    metadata: list[str] = []
    for line, in_fence in zip(lines, fenced(lines), strict=True):
        if in_fence:
            continue
        if _ANY_HEADER.match(line):
            break
        text = trimmed(line)
        if text:
            (metadata if _METADATA.match(text) else prose).append(text)
    return "\n".join(prose or metadata)


def has_keyword(text: str) -> bool:
    """Whether a text has one of the words that make a requirement of it (RFC 2119)."""
    return _KEYWORD.search(text) is not None


class Scenarios(NamedTuple):
    """The scenarios of a requirement in a delta."""

    names: list[str]
    """Of all headers of the fourth level, those with nothing below included."""
    filled: int
    """How many have something below their header."""


def scenarios(block: Block) -> Scenarios:
    """The scenarios of a requirement: whatever has a header of the fourth level."""
    lines = block.lines
    mask = fenced(lines)
    names: list[str] = []
    filled = 0
    counted = True
    for line, in_fence in zip(lines, mask, strict=True):
        header = not in_fence and _UP_TO_FOURTH.match(line) is not None
        fourth = _FOURTH.match(line) if not in_fence else None
        if fourth:
            name = _CLOSING.sub("", line[fourth.end() :])
            prefix = _SCENARIO.match(name)
            names.append(trimmed(name[prefix.end() :] if prefix else name))
            counted = False
        elif header:
            counted = True
        elif not counted and trimmed(line):
            filled += 1
            counted = True
    return Scenarios(names, filled)
