"""Main specs: what a capability does today. Read twice, as the reference does: as a tree of sections, and as the
requirements that a change can be merged into."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pantheros.specs.delta import Block, blocks, body, name_of
from pantheros.specs.text import compiled, fenced, plain, trimmed, trimmed_end, with_plain_ends

# As a tree of sections ----------------------------------------------------------------------------------------

_HEADER = compiled(r"(#{1,6})\s+(.+)$")
_ANY_HEADER = compiled(r"(#{1,6})\s+")


@dataclass
class Section:
    """A header of Markdown and what stands below it, down to the next of its level or above."""

    level: int
    title: str
    content: str
    children: list[Section] = field(default_factory=list)


def sections(text: str) -> list[Section]:
    """The sections of a document; those of a deeper level lie within."""
    lines = plain(text).split("\n")
    mask = fenced(lines)
    headers = [
        (at, len(found[1]))
        for at, line in enumerate(lines)
        if line.startswith("#") and not mask[at] and (found := _ANY_HEADER.match(line))
    ]
    top: list[Section] = []
    above: list[Section] = []
    for place, (at, level) in enumerate(headers):
        titled = _HEADER.match(lines[at])
        if titled is None:
            continue
        end = next((other for other, deep in headers[place + 1 :] if deep <= level), len(lines))
        section = Section(level, trimmed(titled[2]), trimmed("\n".join(lines[at + 1 : end])))
        while above and above[-1].level >= level:
            above.pop()
        (above[-1].children if above else top).append(section)
        above.append(section)
    return top


def section_named(title: str, among: Sequence[Section]) -> Section | None:
    """The first section of a title, whatever its level and case."""
    for section in among:
        if section.title.lower() == title:
            return section
        if (below := section_named(title, section.children)) is not None:
            return below
    return None


class Requirement(NamedTuple):
    """A requirement as it is listed: whatever has a header below `Requirements`."""

    title: str
    text: str
    """What it demands, or else its title."""
    scenarios: list[str]
    """What stands below each of its headers that has something below it."""


class NotASpec(ValueError):
    """A main spec lacks a section; `section` is its title."""

    def __init__(self, section: str) -> None:
        super().__init__(f"there is no section `## {section}`" + (" with text" if section == "Purpose" else ""))
        self.section = section


class MainSpec(NamedTuple):
    """A capability: what it is for, and what it has to do."""

    purpose: str
    requirements: list[Requirement]


def read_main_spec(text: str) -> MainSpec:
    """What a main spec says; raises `NotASpec`."""
    tree = sections(text)
    purpose = section_named("purpose", tree)
    if purpose is None or not purpose.content:
        raise NotASpec("Purpose")
    requirements = section_named("requirements", tree)
    if requirements is None:
        raise NotASpec("Requirements")
    return MainSpec(
        purpose.content,
        [
            Requirement(
                each.title,
                body(each.content.split("\n")) or each.title,
                [scenario.content for scenario in each.children if scenario.content],
            )
            for each in requirements.children
        ],
    )


# As requirements to merge into ----------------------------------------------------------------------------------

_REQUIREMENTS = compiled(r"##\s+Requirements\s*$", re.IGNORECASE)
_SECOND = compiled(r"##\s+")


class Parts(NamedTuple):
    """A main spec taken apart around its requirements."""

    before: str
    header: str
    """The header of the requirements as it is written."""
    preamble: str
    """What stands between that header and the first requirement."""
    blocks: list[Block]
    after: str


def parts(text: str) -> Parts:
    """The requirements of a main spec, and what stands around them."""
    lines = plain(text).split("\n")
    mask = fenced(lines)
    start = next((at for at, line in enumerate(lines) if not mask[at] and _REQUIREMENTS.match(line)), None)
    if start is None:
        kept = trimmed_end(text)
        return Parts(f"{kept}\n\n" if kept else "", "## Requirements", "", [], "\n")
    end = next((at for at in range(start + 1, len(lines)) if not mask[at] and _SECOND.match(lines[at])), len(lines))
    inside = lines[start + 1 : end]
    found = blocks(inside, start + 2)
    above = inside[: found[0].line - start - 2] if found else inside
    before, after = "\n".join(lines[:start]), "\n".join(lines[end:])
    return Parts(
        f"{before}\n" if trimmed_end(before) else before,
        lines[start],
        trimmed_end("\n".join(above)),
        found,
        after if after.startswith("\n") else f"\n{after}",
    )


class Misplaced(NamedTuple):
    """A header that makes a main spec read otherwise than it looks."""

    kind: str
    """`delta-header`, `outside` (a requirement outside the section) or `twice` (a name that was there before)."""
    header: str
    line: int
    first: int = 0
    """Where the name stood before."""

    @property
    def message(self) -> str:
        if self.kind == "delta-header":
            return f'"{self.header}" belongs into the spec of a change; here it ends the section of the requirements'
        if self.kind == "outside":
            return f'"{self.header}" stands outside the section "## Requirements", so nothing knows of it'
        return f'"{self.header}" has the name of the requirement on line {self.first}'


_OF_A_DELTA = compiled(r"##\s+(ADDED|MODIFIED|REMOVED|RENAMED)\s+Requirements\s*$", re.IGNORECASE)
_SPACED_HEADER = compiled(r"###\s+Requirement:\s*(.+)\s*$", re.IGNORECASE)


def misplaced(text: str) -> list[Misplaced]:
    """The headers of a main spec that stand where they must not."""
    lines = with_plain_ends(text).split("\n")
    mask = fenced(lines)
    start = next((at for at, line in enumerate(lines) if not mask[at] and _REQUIREMENTS.match(line)), None)
    end = len(lines)
    if start is not None:
        end = next((at for at in range(start + 1, end) if not mask[at] and _SECOND.match(lines[at])), end)
    found: list[Misplaced] = []
    known: dict[str, int] = {}
    for at, line in enumerate(lines):
        if mask[at] or not line.startswith("##"):
            continue
        header = trimmed(line)
        if _OF_A_DELTA.match(line):
            found.append(Misplaced("delta-header", header, at + 1))
        elif named := _SPACED_HEADER.match(line):
            name = name_of(named[1])
            if start is None or not start < at < end:
                found.append(Misplaced("outside", header, at + 1))
            elif name in known:
                found.append(Misplaced("twice", header, at + 1, known[name]))
            else:
                known[name] = at + 1
    return found


# The purpose ----------------------------------------------------------------------------------------------------

GENERATED = ("TBD - created by archiving change ", ". Update Purpose after archive.")
"""What stands around the name of the change in the purpose that archiving gives a new capability."""
_TO_BE_DONE = re.compile(r"TBD|TODO", re.IGNORECASE | re.ASCII)
_AFTER_IT = re.compile("[ \t]*(?:\\Z|\n|[-:\u2013\u2014.,;()\\[\\]{}])")
_PURPOSE = compiled(r" {0,3}##(?!#)[ \t]+Purpose[ \t]*$", re.IGNORECASE)
_FIRST_OR_SECOND = compiled(r" {0,3}#{1,2}(?!#)[ \t]+")


class Placeholder(NamedTuple):
    """A purpose that nobody has written; the line is None where the section is not found by its header."""

    line: int | None


def placeholder(purpose: str, text: str) -> Placeholder | None:
    """Where the purpose of a main spec still waits to be written."""
    lines = with_plain_ends(purpose).split("\n")
    prose = trimmed("\n".join(line for line, hidden in zip(lines, fenced(lines), strict=True) if not hidden))
    at_start = _to_be_done(prose)
    if not at_start and _generated(prose) is None:
        return None
    lines = with_plain_ends(text).split("\n")
    mask = fenced(lines)
    start = next((at for at, line in enumerate(lines) if not mask[at] and _PURPOSE.match(line)), None)
    shown: list[int] = []
    for at in range(start + 1, len(lines)) if start is not None else ():
        if mask[at]:
            continue
        if _FIRST_OR_SECOND.match(lines[at]):
            break
        if at_start and trimmed(lines[at]):
            return Placeholder(at + 1)
        shown.append(at)
    inside = "\n".join(lines[at] for at in shown)
    place = None if at_start else _generated(inside)
    return Placeholder(None if place is None else shown[inside.count("\n", 0, place)] + 1)


def _to_be_done(prose: str) -> bool:
    """Whether a purpose begins with a mark that it is to be written."""
    found = _TO_BE_DONE.match(prose)
    if not found:
        return False
    following = prose[found.end() :]
    if following and (following[0] == "_" or unicodedata.category(following[0])[0] in "LNM"):
        return False
    return found[0].isupper() or _AFTER_IT.match(following) is not None


def _generated(prose: str) -> int | None:
    """Where the sentence begins that archiving writes, the last such beginning before the first end that has one."""
    begins, ends = GENERATED
    end = prose.find(ends)
    while end != -1:
        start = prose.rfind(begins, 0, end + len(begins))
        if start != -1:
            return start
        end = prose.find(ends, end + 1)
    return None


# The purpose that a change brings along --------------------------------------------------------------------------

_PURPOSE_TO_CARRY = compiled(r"##\s+Purpose\s*$", re.IGNORECASE)
_COMMENT_ENDS = re.compile(r"--!?>")
_NOT_A_LINE_END = re.compile(r"[^\n]")


def purpose_in(text: str) -> str | None:
    """The text below `## Purpose`, unless it consists of comments and code; None where there is none."""
    text = with_plain_ends(text)
    lines = text.split("\n")
    without = _without_comments(text).split("\n")
    mask = fenced(without)
    start = next((at for at, line in enumerate(without) if not mask[at] and _PURPOSE_TO_CARRY.match(line)), None)
    if start is None:
        return None
    inside = range(start + 1, len(lines))
    end = next((at for at in inside if not mask[at] and _SECOND.match(without[at])), len(lines))
    if not trimmed("\n".join(without[at] for at in range(start + 1, end) if not mask[at])):
        return None
    return trimmed("\n".join(lines[start + 1 : end])) or None


def _without_comments(text: str) -> str:
    """The text with blanks for HTML comments; one that is never closed goes on to the end."""
    out, at = [], 0
    while (start := text.find("<!--", at)) != -1:
        end = _COMMENT_ENDS.search(text, start + 4)
        out.append(text[at:start])
        at = end.end() if end else len(text)
        out.append(_NOT_A_LINE_END.sub(" ", text[start:at]))
    return "".join(out) + text[at:]
