"""Mistakes in TOML, told plainly; and what can be read in spite of them.

tomli stops at the first mistake. So it is told, blanked out with the statement it is in, and the rest is read
again: one run tells all of them, and the files that refer to this one find what they look for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import tomli

from pantheros.document import Span
from pantheros.findings import Finding, Related
from pantheros.fleet.toml_places import Statement, places, statements
from pantheros.nix.values import join_path
from pantheros.source import origin_at

_MOST = 20
_STATEMENT = re.compile(r"^[ \t]*(?:\[|[\w.\"'-][^=\n#]*=)", re.MULTILINE)
_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)
_ENDLESS_NUMBER = re.compile(r"[0-9][0-9_]{4000,}")
_BARE = re.compile(r"[^\s,\]}#]+")
_CLASHES = ("Cannot overwrite", "Cannot declare", "Cannot mutate", "Cannot redefine", "Duplicate inline")
_HEADERS = ("at the end of a table declaration", "at the end of an array declaration")


@dataclass(frozen=True, slots=True)
class _Mistake:
    """A finding, and the part of the text to leave out. After a guess at that part nothing more is told."""

    finding: Finding
    start: int
    end: int
    guess: bool = False


def salvaged(file: str, text: str) -> tuple[dict[str, Any], list[Finding], str]:
    """What a malformed TOML text holds apart from its mistakes, a finding for each of these, and the text with blanks
    in their place: in what is left, everything still stands where it did."""
    findings: list[Finding] = []
    for _ in range(_MOST):
        try:
            return tomli.loads(text), findings, text
        except tomli.TOMLDecodeError as error:
            mistake = _mistake(file, text, error)
        except ValueError:
            mistake = _endless_number(file, text)
        except RecursionError:
            mistake = _too_deep(file, text)
        findings.append(mistake.finding)
        blank = re.sub(r"[^\n]", " ", text[mistake.start : mistake.end])
        if blank == text[mistake.start : mistake.end]:
            break
        text = text[: mistake.start] + blank + text[mistake.end :]
        if mistake.guess:
            try:
                return tomli.loads(text), findings, text
            except (ValueError, RecursionError):
                break
    return {}, findings, text


def _mistake(file: str, text: str, error: tomli.TOMLDecodeError) -> _Mistake:
    position = min(error.pos, len(text))
    if error.msg.startswith(_CLASHES):
        clash = _clash(file, text, position)
        if clash:
            return clash
    if error.msg in ("Unclosed array", "Unterminated string", "Invalid value"):
        opened = _opened(file, text, position)
        if opened:
            return opened
    if error.msg.startswith("Unescaped"):
        # tomli points behind the escape.
        position = max(text.rfind("\\", 0, position), 0)
    if not text[position:].strip():
        position = len(text.rstrip())
    message, advice = _plainly(error.msg, text, position)
    bare = _BARE.match(text, position)
    finding = Finding(
        "toml-syntax",
        message,
        help=advice,
        origin=origin_at(file, text, position, len(bare[0]) if bare else 1),
    )
    start, end = _line(text, position)
    line = text[start:end]
    if error.msg.endswith(_HEADERS) or (line.lstrip().startswith("[") and error.msg.startswith(_CLASHES)):
        # Without its header a table's content would go to the table before.
        return _Mistake(finding, start, _next(_HEADER, text, end))
    if error.msg.startswith(("Invalid statement", "Expected '=' after")):
        return _Mistake(finding, start, end)
    if _STATEMENT.match(line) and not line.lstrip().startswith("[") and _whole(line):
        return _Mistake(finding, start, end)
    begun = [match.start() for match in _STATEMENT.finditer(text, 0, end)]
    return _Mistake(finding, begun[-1] if begun else 0, _next(_STATEMENT, text, end), guess=True)


def _line(text: str, position: int) -> tuple[int, int]:
    end = text.find("\n", position)
    return text.rfind("\n", 0, position) + 1, len(text) if end < 0 else end


def _next(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.search(text, position)
    return match.start() if match else len(text)


def _whole(line: str) -> bool:
    """Whether a statement looks complete on its line."""
    return not any(mark in line for mark in ('"""', "'''")) and all(
        line.count(left) == line.count(right) for left, right in ("[]", "{}")
    )


# What is never closed ---------------------------------------------------------------------------------


def _opened(file: str, text: str, position: int) -> _Mistake | None:
    """A list or text that still goes on at the next statement or the file's end."""
    start, end = _line(text, position)
    fresh = _STATEMENT.match(text, start, end) and not text[start:position].strip()
    if text[position:].strip() and not fresh:
        return None
    before = text[:position]
    kind, quote = "list", "]"
    opener = max(before.rfind('"""'), before.rfind("'''"))
    if opener >= 0 and position == len(text) and before.count(before[opener : opener + 3]) % 2:
        kind, quote = "text", before[opener : opener + 3]
    else:
        opener, depth = len(before), 1
        while depth and opener >= 0:
            opener = max(before.rfind("[", 0, opener), before.rfind("]", 0, opener))
            depth += -1 if before[opener] == "[" else 1
        if opener < 0:
            return None
    finding = Finding(
        "toml-syntax",
        f"this {kind} is never closed",
        help=f"end it with `{quote}`",
        origin=origin_at(file, text, opener, 3 if kind == "text" else 1),
    )
    begun = [match.start() for match in _STATEMENT.finditer(text, 0, opener)]
    return _Mistake(finding, begun[-1] if begun else 0, start if fresh else len(text), guess=not fresh)


# What clashes -----------------------------------------------------------------------------------------


def _clash(file: str, text: str, position: int) -> _Mistake | None:
    """A key or table that is there twice, with the place of the first."""
    origin = origin_at(file, text, position)
    point = (origin.line, origin.column)
    around = [
        statement
        for statement in statements(file, text)
        if (statement.whole.line, statement.whole.column)
        <= point
        <= (statement.whole.end_line, statement.whole.end_column)
    ]
    if not around:
        return None
    # The innermost is the last to begin.
    second = max(around, key=lambda statement: (statement.whole.line, statement.whole.column))
    first, path = _first(places(file, text), second)
    if first is None:
        return None
    name = _shown(path)
    if path == second.path:
        message = f"the table `[{name}]` is there twice" if second.table else f"`{name}` is there twice"
        advice = "put both into one" if second.table else "keep one of the two"
    else:
        message = f"`{_shown(second.path)}` cannot be set: `{name}` is complete already"
        advice = f"write it where `{name}` is"
    finding = Finding(
        "toml-syntax", message, help=advice, origin=second.key, related=(Related("first here", first.key),)
    )
    start = _offset(text, second.whole.line, second.whole.column)
    end = _offset(text, second.whole.end_line, second.whole.end_column)
    if second.table:
        return _Mistake(finding, start, _next(_HEADER, text, end))
    line_start, line_end = _line(text, start)
    if text[line_start:start].strip():
        # Within an inline table: the whole line goes, for the commas around it.
        return _Mistake(finding, line_start, max(line_end, end), guess=True)
    return _Mistake(finding, start, end)


def _first(spans: dict[tuple[str | int, ...], Span], second: Statement) -> tuple[Span | None, tuple[str | int, ...]]:
    """The nearest thing on the way to a statement that stands before it."""
    for length in range(len(second.path), 0, -1):
        path = second.path[:length]
        span = spans.get(path)
        if span and (span.key.line, span.key.column) < (second.whole.line, second.whole.column):
            return span, path
    return None, ()


def _shown(path: tuple[str | int, ...]) -> str:
    return join_path([part for part in path if isinstance(part, str)])


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.index("\n", start) + 1
    return start + column - 1


# What tomli says --------------------------------------------------------------------------------------


def _plainly(message: str, text: str, position: int) -> tuple[str, str]:
    """tomli's message in plain words, and what to do."""
    start, end = _line(text, position)
    rest = text[position:end].strip()
    before = text[start:position].strip()
    bare = _BARE.match(text, position)
    word = bare[0] if bare else ""
    if text.startswith("\r", position):
        return "a carriage return that ends no line", "save the file with Unix or Windows line ends"
    match message:
        case "Invalid value":
            if not rest or rest.startswith("#"):
                return "a value is missing here", 'write one: "text", 5, true, ["a", "b"]'
            if word.lower() in ("true", "yes", "on", "false", "no", "off"):
                meant = "true" if word.lower() in ("true", "yes", "on") else "false"
                return f"`{word}` is no value in TOML", f"write `{meant}`"
            if word.lower() in ("null", "none", "nil"):
                return f"`{word}` is no value in TOML", "leave the key out"
            return f"`{rest[:40]}` is no value in TOML", "text needs double quotes"
        case "Invalid date or datetime":
            return f"`{word}` is no date", "text needs double quotes"
        case "Expected newline or end of document after a statement":
            if before.startswith("[") and "=" not in before:
                return f"`{rest[:40]}` is not expected after the header", "a header has a line of its own"
            advice = "every setting has a line of its own; text needs double quotes"
            if before.endswith(("= 0", "=0")):
                advice = "numbers begin with no 0; text needs double quotes"
            return f"`{rest[:40]}` is not expected after the value", advice
        case "Invalid statement":
            return f"`{rest[:40]}` is neither `key = value` nor a `[table]`", "a comment begins with `#`"
        case "Expected '=' after a key in a key/value pair":
            if rest.startswith(":"):
                return "`:` instead of `=`", "TOML assigns with `=`"
            return (
                f"`=` is missing after `{before[:40]}`",
                "write `key = value`; keys with blanks need quotes",
            )
        case "Invalid initial character for a key part":
            return "a key is missing here", "keys are letters, digits, `_` and `-`, or in double quotes"
        case "Expected ']' at the end of a table declaration":
            return "the header is not closed", "end it with `]`"
        case "Expected ']]' at the end of an array declaration":
            return "the header is not closed", "end it with `]]`"
        case "Unclosed array":
            if rest and not rest.startswith("#"):
                return (
                    f"`,` or `]` is missing before `{rest[:40]}`",
                    "a list's elements are separated by commas",
                )
            return "a list is not closed", "end it with `]`"
        case "Unclosed inline table":
            if rest and not rest.startswith("#"):
                return f"`,` or `}}` is missing before `{rest[:40]}`", "its entries are separated by commas"
            return "an inline table is not closed", "end it with `}`"
        case "Unterminated string" | r"Illegal character '\n'":
            return "a text is not closed", "end it with the quote it began with"
        case "Unescaped '\\' in a string":
            return "a `\\` that means nothing", "write `\\\\`, or put the text in single quotes"
        case "Escaped character is not a Unicode scalar value":
            return "an escape that is no character", "write the character itself"
        case "Invalid hex value":
            return "an escape that is no character", "`\\u` takes four hexadecimal digits, `\\U` eight"
    if message.startswith(("Illegal character", "Found invalid character")):
        character = message.rpartition(" ")[2]
        return f"a character that TOML does not allow: {character}", "delete it"
    if message.startswith(_CLASHES):
        return "this is there already", "keep one of the two"
    return message[:1].lower() + message[1:], ""


# What Python cannot hold ------------------------------------------------------------------------------


def _endless_number(file: str, text: str) -> _Mistake:
    match = _ENDLESS_NUMBER.search(text)
    position = match.start() if match else 0
    finding = Finding(
        "toml-value",
        "this number is too large for Nix",
        help="whole numbers there have 64 bits",
        origin=origin_at(file, text, position, len(match[0]) if match else 1),
    )
    return _Mistake(finding, *_line(text, position), guess=True)


def _too_deep(file: str, text: str) -> _Mistake:
    depth = deepest = position = 0
    for match in re.finditer(r"[\[{}\]\n]", text):
        depth = max(depth + (1 if match[0] in "[{" else -1 if match[0] in "}]" else 0), 0)
        if depth > deepest:
            deepest, position = depth, match.start()
            if deepest > 100:
                break
    finding = Finding(
        "toml-too-deep",
        "values nest too deep",
        help="write it flatter",
        origin=origin_at(file, text, position),
    )
    begun = [match.start() for match in _STATEMENT.finditer(text, 0, position + 1)]
    start = begun[-1] if begun else 0
    return _Mistake(finding, start, _next(_STATEMENT, text, position + 1), guess=True)
