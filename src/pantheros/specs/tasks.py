"""Tasks: the checkboxes of `tasks.md`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pantheros.specs.text import compiled, trimmed, trimmed_end

_TASK = compiled(r"\s*(?:[-*+]|\d{1,9}[.)])\s*\[(?:\s*([^\]\s]?)\s*\](?![([])|\s+\])\s*(.*)")
_ASTRAL = "\uffff"
_SPELLED = compiled(r"(?P<mark>\*\*|__|[*_`])?(?P<number>\d+(?:\.\d+)*[A-Za-z]?)[.):]?(?(mark)(?P=mark)[.):]?)(?=\s|$)")
_NUMBER = compiled(r"(\d+(?:\.\d+)+(?:[A-Za-z]+)?)(?=\s|$)")


class Task(NamedTuple):
    """A line with a checkbox."""

    done: bool
    description: str
    line: int
    indent: int
    """How many characters of white space stand before it."""

    @property
    def number(self) -> str:
        """What it is called by, such as `1.2`; empty where it is not numbered."""
        found = _NUMBER.match(self.description)
        return found[1] if found else ""

    @property
    def spelled(self) -> str:
        """Its number in whatever way people write one: `1.2`, `**1.2**`, `2.`, `2)` or `2`."""
        found = _SPELLED.match(self.description)
        return self.number or (found["number"] if found else "")


def called(found: Sequence[Task]) -> list[str]:
    """What each of a change's tasks is called by: its number, or, where that is none or another's, too, its place
    among all of them: `@3`. (A word that begins with `#` is a comment to a shell.)"""
    times = Counter(task.spelled for task in found)
    return [task.spelled if times[task.spelled] == 1 and task.spelled else f"@{at}" for at, task in enumerate(found, 1)]


def tasks(text: str) -> list[Task]:
    """The tasks of a document: every line with a checkbox, wherever it stands. Anything in the box but an `x` is open;
    more than one character makes no box."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        box = _TASK.match(line) if "[" in line else None
        if box and not (box[1] and box[1] > _ASTRAL):
            indent = len(line) - len(line.lstrip())
            found.append(Task((box[1] or "").lower() == "x", trimmed(box[2]), number, indent))
    return found


class Document(NamedTuple):
    """A file of tasks, with its path below the change."""

    path: str
    text: str
    file: Path | None = None
    """The file itself, where a link leads to it."""


class Slip(NamedTuple):
    """Something about a file of tasks that is probably not meant."""

    path: str
    line: int
    message: str


_GROUP = compiled(r" {0,3}##[ \t]+(\d+)\.(?:[ \t]|\r?$)")
_SECOND = compiled(r" {0,3}##(?!#)(?:[ \t]+|[ \t]*\r?$)")


def misnumbered(documents: Sequence[Document]) -> Iterator[Slip]:
    """Tasks that have the number of another, or of another group than the one they stand in."""
    first: dict[str, tuple[str, int]] = {}
    for path, text, _ in documents:
        lines = text.split("\n")
        if not any(_GROUP.match(line) for line in lines):
            continue
        by_line = {task.line: task for task in tasks(text)}
        group: str | None = None
        for at, line in enumerate(lines, 1):
            if _SECOND.match(line):
                found = _GROUP.match(line)
                group = found[1] if found else None
            number = by_line[at].number if at in by_line else ""
            if group is None or not number:
                continue
            leading = number.partition(".")[0]
            if int(leading) != int(group):
                yield Slip(path, at, f'task "{number}" stands in group {group}, and its number says group {leading}')
            if number in first:
                where, before = first[number]
                place = f"on line {before}" if where == path else f"in {where} on line {before}"
                yield Slip(path, at, f'there is a task "{number}" already, {place}')
            else:
                first[number] = (path, at)


_LIST = compiled(r"\s*(?:[-*+]|\d{1,9}[.)])\s+\S")
_FENCE = compiled(r" {0,3}(`{3,}|~{3,})(.*)")
_RULE = compiled(r"-{3}\s*$")
_CODE = 4
"""As many columns of white space make a line code."""


def without_checkbox(documents: Sequence[Document]) -> Iterator[Slip]:
    """Where a list begins that was probably meant to be of tasks, if there is no task at all."""
    if any(tasks(document.text) for document in documents):
        return
    for path, text, _ in documents:
        for at, line in _shown(text.split("\n")):
            if _LIST.match(line) and _columns(line) < _CODE:
                message = "no line is a checkbox, so this change has no tasks: write each as `- [ ] 1.1 What to do`"
                yield Slip(path, at, message)
                break


def _shown(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The lines, with their numbers, that are neither front matter nor code nor comment."""
    start = 0
    if _RULE.match(trimmed_end(lines[0].removeprefix("\ufeff"))):
        start = next((at + 1 for at in range(1, len(lines)) if _RULE.match(trimmed_end(lines[at]))), 0)
    fence = ""
    in_comment = False
    for at in range(start, len(lines)):
        line = lines[at]
        if in_comment:
            in_comment = "-->" not in line
        elif found := _FENCE.match(line):
            if not fence:
                fence = found[1]
            elif found[1][0] == fence[0] and len(found[1]) >= len(fence) and not trimmed(found[2]):
                fence = ""
        elif not fence:
            if trimmed(line).startswith("<!--"):
                in_comment = "-->" not in line.partition("<!--")[2]
            else:
                yield at + 1, line


def _columns(line: str) -> int:
    """How far a line is indented, a tab reaching to the next multiple of four."""
    column = 0
    for char in line:
        if char == "\t":
            column += _CODE - column % _CODE
        elif char == " ":
            column += 1
        else:
            break
    return column


def ticked(text: str, task: Task, done: bool) -> str:
    """The text with a task done or open; nothing else is touched."""
    lines = text.split("\n")
    line = lines[task.line - 1]
    found = _TASK.match(line)
    assert found
    start = line.index("[") + 1
    end = line.index("]", start)
    lines[task.line - 1] = line[:start] + ("x" if done else " ") + line[end:]
    return "\n".join(lines)
