"""Merging a delta into a main spec, byte for byte as the reference does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pantheros.specs.delta import Block, Delta, folded, name_of, read_delta, scenarios
from pantheros.specs.main_spec import GENERATED, NotASpec, Parts, misplaced, parts, purpose_in, read_main_spec
from pantheros.specs.text import compiled, fenced, length, plain, trimmed, trimmed_end, with_plain_ends
from pantheros.specs.validate_spec import BRIEF

HEADER = "### Requirement: "


class CannotMerge(ValueError):
    """A delta and the main spec do not go together."""


@dataclass
class Counts:
    """How many requirements a merge has changed."""

    added: int = 0
    modified: int = 0
    removed: int = 0
    renamed: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.modified or self.removed or self.renamed)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.added + other.added,
            self.modified + other.modified,
            self.removed + other.removed,
            self.renamed + other.renamed,
        )


@dataclass
class Merge:
    """A main spec as it is after a change."""

    text: str
    """Each line ended by a line feed: `with_ends_of` gives it those of the file before."""
    counts: Counts
    warnings: list[str] = field(default_factory=list)
    empty: bool = False
    """Whether no requirement is left."""
    unaccounted: list[str] = field(default_factory=list)
    """Lines of the spec before that are neither its purpose nor part of a requirement."""


def with_ends_of(text: str, before: str) -> str:
    """The text with the line ends that most lines of the file before have."""
    if "\n" not in before:
        return text
    crlf = before.count("\r\n")
    text = text.replace("\r\n", "\n")
    return text.replace("\n", "\r\n") if crlf >= before.count("\n") - crlf else text


def merge(delta_text: str, before: str | None, capability: str, change: str) -> Merge:
    """What a main spec (None where there is none yet) becomes by a delta; raises `CannotMerge`."""
    delta = read_delta(delta_text)
    _contradictions(delta, capability)
    warnings = [_orphan(orphan.name, orphan.line, orphan.section, capability) for orphan in delta.orphans]
    if before is None:
        text = _new(delta, delta_text, capability, change, warnings)
    else:
        text = before
        carried, kept = purpose_in(delta_text), purpose_in(before)
        if carried and kept and carried != kept:
            warnings.append(f"{capability}: the purpose in the change is not used, since the spec has one")
    slips = misplaced(text)
    if slips:
        told = "; ".join(f"line {slip.line}: {slip.message}" for slip in slips)
        raise CannotMerge(f"{capability}: the main spec has to be put right first: {told}")
    apart = parts(text)
    requirements = _Requirements(apart.blocks, capability, before is None)
    counts = requirements.apply(delta, warnings)
    merged = _written(apart, requirements.result(warnings))
    return Merge(merged, counts, warnings, not requirements.current, _unaccounted(apart))


def _orphan(name: str, line: int, section: str | None, capability: str) -> str:
    where = "above the first section" if section is None else f'under "## {section}"'
    return f'{capability}: requirement "{name}" (line {line}) stands {where} of the change, and is left out'


# What contradicts itself ------------------------------------------------------------------------------------------


def _contradictions(delta: Delta, capability: str) -> None:
    """Refuse a delta that cannot be applied to any spec."""
    if delta.unpaired:
        side, name, line = delta.unpaired[0]
        other = "TO" if side == "FROM" else "FROM"
        raise CannotMerge(f'{capability}: the {side} of "{name}" (line {line}) has no {other} beside it')
    added = _distinct((block.name for block in delta.added), "ADDED", capability)
    modified = _distinct((block.name for block in delta.modified), "MODIFIED", capability)
    removed = _distinct(delta.removed, "REMOVED", capability)
    old: dict[str, None] = {}
    new: dict[str, None] = {}
    for renaming in delta.renamed:
        for name, names, side in ((name_of(renaming.old), old, "FROM"), (name_of(renaming.new), new, "TO")):
            if name in names:
                raise CannotMerge(f'{capability}: "{name}" is twice under RENAMED as {side}')
            names[name] = None
    for before, after in zip(old, new, strict=True):
        if (gone := next((name for name in removed if folded(name) == folded(before)), None)) is not None:
            spelt = "" if gone == before else f' (spelt "{gone}" there)'
            raise CannotMerge(f'{capability}: "{before}" is both renamed and removed{spelt}')
        if before in modified:
            raise CannotMerge(f'{capability}: what is renamed is modified by its new name, "{after}"')
        if after in added:
            raise CannotMerge(f'{capability}: "{after}" is both added and what another is renamed to')
    both = [
        *((name, "modified", other) for name in modified for other, names in (("removed", removed), ("added", added))),
        *((name, "added", "removed") for name in added),
    ]
    for name, one, other in both:
        if name in {"removed": removed, "added": added}[other]:
            raise CannotMerge(f'{capability}: "{name}" is both {one} and {other}')
    if not delta.entries:
        raise CannotMerge(f"{capability}: the change names no requirement")


def _distinct(names: Iterable[str], section: str, capability: str) -> dict[str, None]:
    found: dict[str, None] = {}
    for name in map(name_of, names):
        if name in found:
            raise CannotMerge(f'{capability}: "{name}" is twice under {section}')
        found[name] = None
    return found


# A new capability -------------------------------------------------------------------------------------------------


def _new(delta: Delta, delta_text: str, capability: str, change: str, warnings: list[str]) -> str:
    """The main spec of a capability that has none, before its first requirement."""
    if delta.modified or delta.renamed:
        raise CannotMerge(f"{capability}: there is no main spec yet, so that requirements can only be added")
    if delta.removed:
        warnings.append(f"{capability}: nothing to remove, since there is no main spec yet")
    carried = purpose_in(delta_text)
    text = _skeleton(capability, carried or change.join(GENERATED))
    if carried is None:
        return text
    readable = _readable_purpose(text)
    if readable is None:
        warnings.append(f"{capability}: the spec could not be read with the purpose in the change, so it has none yet")
        return _skeleton(capability, change.join(GENERATED))
    if length(readable) < BRIEF:
        warnings.append(f"{capability}: the purpose is shorter than {BRIEF} characters")
    return text


def _skeleton(capability: str, purpose: str) -> str:
    return f"# {capability} Specification\n\n## Purpose\n{purpose}\n\n## Requirements\n"


def _readable_purpose(text: str) -> str | None:
    if "<!--" in text or misplaced(text):
        return None
    try:
        return trimmed(read_main_spec(text).purpose) or None
    except NotASpec:
        return None


# The requirements -------------------------------------------------------------------------------------------------


class _Requirements:
    """The requirements of a main spec while a delta is applied."""

    def __init__(self, before: Sequence[Block], capability: str, new: bool) -> None:
        self.before = before
        self.capability = capability
        self.new = new
        self.current = {name_of(block.name): block for block in before}
        self.places = [name_of(block.name) for block in before]
        """By what name the requirement in each place is known now."""

    def apply(self, delta: Delta, warnings: list[str]) -> Counts:
        counts = Counts()
        for old, new in delta.renamed:
            counts.renamed += self.rename(name_of(old), name_of(new))
        for name in delta.removed:
            counts.removed += self.remove(name_of(name), warnings)
        for block in delta.modified:
            counts.modified += self.modify(block)
        for block in delta.added:
            counts.added += self.add(block)
        return counts

    def alike(self, name: str, *besides: str) -> str | None:
        """A requirement whose name differs in nothing but case and spacing."""
        return next((known for known in self.current if known not in besides and folded(known) == folded(name)), None)

    def rename(self, old: str, new: str) -> bool:
        if old not in self.current:
            if new not in self.current:
                raise CannotMerge(f'{self.capability}: there is no requirement "{old}" to rename')
            near = self.alike(old, new)
            if near is not None:
                raise CannotMerge(f'{self.capability}: there is no requirement "{old}" to rename, but "{near}"')
            return False
        if new in self.current:
            raise CannotMerge(f'{self.capability}: "{old}" cannot be renamed to "{new}", which there is already')
        near = self.alike(new, old)
        if near is not None:
            raise CannotMerge(f'{self.capability}: "{old}" cannot be renamed to "{new}": there is "{near}" already')
        block = self.current.pop(old)
        _, end, rest = block.text.partition("\n")
        self.current[new] = Block(new, HEADER + new + end + rest, block.line)
        if old in self.places:
            self.places[self.places.index(old)] = new
        return True

    def remove(self, name: str, warnings: list[str]) -> bool:
        if name in self.current:
            del self.current[name]
            return True
        near = self.alike(name)
        if near is not None and not self.new:
            raise CannotMerge(f'{self.capability}: there is no requirement "{name}" to remove, but "{near}"')
        if not self.new:
            warnings.append(f'{self.capability}: "{name}", which is to be removed, is not there any more')
        return False

    def modify(self, block: Block) -> bool:
        name = name_of(block.name)
        now = self.current.get(name)
        if now is None:
            raise CannotMerge(f'{self.capability}: there is no requirement "{name}" to modify')
        if name != block.name:
            raise CannotMerge(f'{self.capability}: the name "{block.name}" ends with more than one run of "#"')
        lost = lost_scenarios(now, block)
        if lost:
            raise CannotMerge(f'{self.capability}: "{block.name}" would lose {quoted(lost)}: {KEEP}')
        self.current[name] = block
        return _bare(now.text) != _bare(block.text)

    def add(self, block: Block) -> bool:
        name = name_of(block.name)
        now = self.current.get(name)
        if now is not None:
            if _bare(now.text) == _bare(block.text):
                return False
            raise CannotMerge(f'{self.capability}: requirement "{block.name}" is there already, with another text')
        near = self.alike(name)
        if near is not None:
            raise CannotMerge(f'{self.capability}: "{name}" cannot be added: there is "{near}" already')
        self.current[name] = block
        return True

    def result(self, warnings: list[str]) -> list[Block]:
        """The requirements in their order, what is new behind the others; tells what goes with those that go."""
        kept: list[Block] = []
        for block, name in zip(self.before, self.places, strict=True):
            now = self.current.get(name)
            kept += [now] if now is not None else []
            tail = foreign(block.text) if now is not block else None
            if tail is not None:
                text = _bare(tail.text)
                if now is None or _bare(now.text).count(text) < _bare(block.text).count(text):
                    told = f'"{tail.header}" stands inside the requirement "{block.name}", and goes with it'
                    warnings.append(f"{self.capability}: {told}")
        return kept + [block for name, block in self.current.items() if name not in self.places]


KEEP = "a modified requirement replaces the whole text, so repeat the scenarios that stay"


def lost_scenarios(now: Block, then: Block) -> list[str]:
    """The names of the scenarios that a requirement has, and would not have any more."""
    remaining = Counter(scenarios(then).names)
    lost = []
    for name in scenarios(now).names:
        if remaining[name]:
            remaining[name] -= 1
        else:
            lost.append(name)
    return lost


def quoted(names: Sequence[str]) -> str:
    """Scenarios to name in a sentence."""
    listed = ", ".join(f'"{name}"' for name in names)
    return f"the scenario{'s' if len(names) > 1 else ''} {listed}"


def _bare(text: str) -> str:
    return trimmed(with_plain_ends(text))


class Tail(NamedTuple):
    """What follows within a requirement on a header that is not its own."""

    header: str
    text: str


_UP_TO_THIRD = compiled(r" {0,3}#{1,3}(?:[ \t]|$)")


def foreign(text: str) -> Tail | None:
    """The first header of a requirement's level or above inside its text, and what follows."""
    lines = with_plain_ends(text).split("\n")
    mask = fenced(lines)
    for at in range(1, len(lines)):
        if not mask[at] and _UP_TO_THIRD.match(lines[at]):
            return Tail(trimmed(lines[at]), trimmed_end("\n".join(lines[at:])))
    return None


# Writing ----------------------------------------------------------------------------------------------------------


def _written(apart: Parts, requirements: Sequence[Block]) -> str:
    preamble = [trimmed_end(apart.preamble)] if trimmed(apart.preamble) else []
    inside = trimmed_end("\n\n".join([*preamble, *(block.text for block in requirements)]))
    pieces = (trimmed_end(apart.before), apart.header, inside, trimmed(apart.after))
    lines = "\n\n".join(piece for piece in pieces if piece).split("\n")
    mask = fenced(lines)
    kept = [line for at, line in enumerate(lines) if mask[at] or line or not at or mask[at - 1] or lines[at - 1]]
    return trimmed_end("\n".join(kept)) + "\n"


# What a merge could not account for, were the spec deleted ----------------------------------------------------------

_SECOND_TITLE = compiled(r" {0,3}##\s+(.+?)\s*$")
_FIRST_TITLE = compiled(r" {0,3}#\s+.+$")
_UNDERLINE = compiled(r" {0,3}(?:=+|-+)\s*$")
_HTML_HEADER = compiled(r" {0,3}<h[1-6]\b", re.IGNORECASE)


def _unaccounted(apart: Parts) -> list[str]:
    """The lines of a spec that are neither title nor purpose nor, as far as can be told, part of a requirement."""
    found = [*_above(apart.before)]
    for text in (apart.preamble, apart.after):
        found += [trimmed(line) for line in text.split("\n") if trimmed(line)]
    for block in apart.blocks:
        found += _beside_scenarios(block)
    return list(dict.fromkeys(found))


def _above(text: str) -> Iterator[str]:
    lines = plain(text).split("\n")
    mask = fenced(lines)
    in_purpose = titled = False
    before = ""
    for at, line in enumerate(lines):
        shown = trimmed(line)
        above, before = before, line if shown else ""
        if not shown:
            continue
        if not mask[at]:
            if second := _SECOND_TITLE.match(line):
                in_purpose = trimmed(second[1]).lower() == "purpose"
                if not in_purpose:
                    yield shown
                continue
            underlined = bool(in_purpose and above and _UNDERLINE.match(line))
            if underlined or _HTML_HEADER.match(line):
                in_purpose = False
                yield trimmed(above) if underlined else shown
                continue
            if _FIRST_TITLE.match(line):
                if titled or in_purpose:
                    yield shown
                titled = titled or not in_purpose
                in_purpose = False
                continue
        if not in_purpose:
            yield shown


_INTERRUPTS = compiled(r" {0,3}(?:>|(?:[-*_][ \t]*){3,}$|(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)|[<|])")
_ITEM = compiled(r"(\s*(?:[-*+]|\d{1,9}[.)])\s+)")
_HEADER_INSIDE = compiled(r" {0,3}#{1,6}(?:[ \t]|$)")
_HTML_INSIDE = compiled(r"\s*<h[1-6]\b", re.IGNORECASE)
_SCENARIO = compiled(r" {0,3}####\s+Scenario:", re.IGNORECASE)
_TABLE_OR_HTML = compiled(r"\s*[|<]")
_BLANKS = re.compile(r"[ \t]*")
_TAB = 4


def _beside_scenarios(block: Block) -> Iterator[str]:
    """What stands in a requirement and is neither its text nor a list below a scenario."""
    tail = foreign(block.text)
    if tail is not None:
        yield tail.header
    lines = with_plain_ends(block.text).split("\n")
    mask = fenced(lines)
    seen = in_scenario = listed = in_paragraph = False
    column: int | None = None
    """Where the text of the list's current item begins."""
    for at, line in enumerate(lines):
        if not trimmed(line):
            if listed:
                in_scenario = False
            column, in_paragraph = None, False
            continue
        if at == 0:
            continue
        blanks = _BLANKS.match(line)
        inside = column is not None and _width(blanks[0] if blanks else "") >= column
        text = _dedented(line, column) if inside and column is not None else line
        if mask[at]:
            column = column if inside else None
            in_paragraph = False
        elif at > 1 and _UNDERLINE.match(text) and trimmed(lines[at - 1]):
            yield trimmed(lines[at - 1])
            column, in_paragraph = None, False
        elif (inside or (in_paragraph and in_scenario and not _INTERRUPTS.match(text))) and not (
            _HEADER_INSIDE.match(text) or _HTML_INSIDE.match(text)
        ):
            in_paragraph = not _INTERRUPTS.match(text)
        else:
            item = _ITEM.match(line)
            column = _width(item[1]) if item else None
            in_paragraph = item is not None
            if _SCENARIO.match(line):
                seen = in_scenario = True
                listed = False
            elif item and in_scenario:
                listed = True
            elif seen or (item is None and _TABLE_OR_HTML.match(line)):
                yield trimmed(line)


def _width(text: str) -> int:
    column = 0
    for char in text:
        column += _TAB - column % _TAB if char == "\t" else 1
    return column


def _dedented(line: str, columns: int) -> str:
    column = at = 0
    while at < len(line) and column < columns and line[at] in " \t":
        column += _TAB - column % _TAB if line[at] == "\t" else 1
        at += 1
    return line[at:]
