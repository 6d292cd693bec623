"""What people and programs see: findings, tables, JSON. Plain text where there is no terminal."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TextIO

from pantheros.checks.pages import file, page
from pantheros.findings import Finding, Origin
from pantheros.fleet.files import read_text
from pantheros.fleet.secrecy import masked, masked_line
from pantheros.nix.values import Expression, Override, Value
from pantheros.nix.words import shown
from pantheros.nix.writer import Unwritable, Writer

if TYPE_CHECKING:
    from rich.console import Console

Part = str | tuple[str, str]
"""Some text, or a text and rich's name of its style."""

_ALIKE = 4
"""As many findings of the same words are shown in full; the rest are counted."""
_WIDEST = 140
"""Of longer lines, a part is shown."""
_LABEL_SHARE = 4
"""Of a terminal's width, a label may take one in this many."""
_COLOURS = {"error": "bold red", "warning": "bold yellow", "info": "bold cyan"}


_outputs: list[TextIO] = []


@contextmanager
def alone_on_output() -> Iterator[None]:
    """Standard output is ours for a while: what a module's code prints goes to standard error, not into our JSON."""
    _outputs.append(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _outputs.pop()


def _output() -> TextIO:
    return _outputs[-1] if _outputs else sys.stdout


def say(*parts: Part, error: bool = False) -> None:
    """Print a line; in its styles where a terminal shows it."""
    stream = sys.stderr if error else _output()
    if error:
        # Where both go to one place, they stand there as they were said. A reader who left is told of at the end.
        with suppress(OSError, ValueError):
            _output().flush()
    if not stream.isatty():
        stream.write("".join(part if isinstance(part, str) else part[0] for part in parts) + "\n")
        return
    # Loaded for people only: programs that read our output do not wait for it.
    from rich.text import Text  # noqa: PLC0415

    _console(stream).print(Text.assemble(*parts), soft_wrap=True)


def paragraph(label: Part, *parts: Part, error: bool = False) -> None:
    """Print prose behind a label; a terminal too narrow for it breaks it between words.

    What follows the first line stands beside the label, or, where that would take a good part of the terminal's
    width, is indented a little.
    """
    stream = sys.stderr if error else _output()
    if not stream.isatty():
        say(label, *parts, error=error)
        return
    # Loaded for people only, as above.
    from rich.text import Text  # noqa: PLC0415

    console = _console(stream)
    head, text = Text.assemble(label), Text.assemble(*parts)
    indent = head.cell_len
    if indent * _LABEL_SHARE > console.width:
        head, text = Text(), head + text
        indent = min(4, console.width // 10)
    lines = text.wrap(console, max(1, console.width - indent))
    for number, line in enumerate(lines):
        line.rstrip()
        console.print((head if number == 0 else Text(" " * indent)) + line, soft_wrap=True)


@lru_cache(maxsize=2)
def _console(stream: TextIO) -> Console:
    # Loaded for people only, as above.
    from rich.console import Console  # noqa: PLC0415

    return Console(file=stream, highlight=False)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; as columns of plain text where there is no terminal, and row by row in one too narrow for it."""
    widths = [max(_cells(row[number]) for row in [titles, *rows]) for number in range(len(titles))]
    if not _output().isatty():
        for row in [titles, *rows]:
            say(
                "  ".join(cell + " " * (width - _cells(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
            )
        return
    # Loaded for people only, as above.
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = _console(_output())
    fitting = _fitting(titles, rows, widths, console.width)
    if fitting is None:
        _row_by_row(titles, rows)
        return
    shown_table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title, width in zip(titles, fitting, strict=True):
        shown_table.add_column(title, width=width, overflow="fold")
    for row in rows:
        shown_table.add_row(*(Text(cell) for cell in row))
    console.print(shown_table)


def _fitting(
    titles: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], width: int
) -> list[int] | None:
    """The columns' widths in a terminal of a width, the widest narrowed first; None where words would be broken."""
    words = [
        max(_cells(word) for row in [titles, *rows] for word in row[number].split(" ")) for number in range(len(titles))
    ]
    found = list(widths)
    while sum(found) + 2 * (len(found) - 1) > width:
        broken = [number for number in range(len(found)) if found[number] > words[number]]
        if not broken:
            return None
        found[max(broken, key=lambda number: found[number])] -= 1
    return found


def _row_by_row(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table as a list: of each row the first cell, and below it the others by their titles."""
    widest = max(map(_cells, titles))
    for first, *others in rows:
        paragraph("", (first, "bold"))
        for title, cell in zip(titles[1:], others, strict=True):
            if cell:
                paragraph(f"  {title.ljust(widest)}  ", cell)


def write(text: str) -> None:
    """Text as it is, on standard output."""
    _output().write(text)


def markdown(text: str) -> None:
    """Markdown, set for reading where there is a terminal."""
    if not _output().isatty():
        write(text)
        return
    # Loaded for people only, as above.
    from rich.markdown import Markdown  # noqa: PLC0415

    _console(_output()).print(Markdown(text))


def print_json(data: Any) -> None:
    """JSON on standard output, with a newline at its end."""
    _output().write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def report(findings: Iterable[Finding], root: Path, closing: str = "") -> int:
    """Print findings the way compilers do; 1 when one of them is an error, else 0. `closing` ends the line that counts
    them."""
    findings, hosts_of = _once(findings)
    lines: dict[str, list[str]] = {}
    explained: set[str] = set()
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.code, finding.message), []).append(finding)
    for finding in findings:
        same = alike[finding.code, finding.message]
        if finding in same[_ALIKE:]:
            if finding is same[_ALIKE]:
                more = len(same) - _ALIKE
                first, last = finding.host, same[-1].host
                one = {other.host for other in same[_ALIKE:]} == {first}
                hosts = f" (host {first})" if one else f" (hosts {first} to {last})"
                hosts = hosts if first and last else ""
                paragraph(*_headline(finding), error=True)
                say(f"  ... in {more} more place{'s' * (more > 1)}{hosts}\n", error=True)
            continue
        paragraph(*_headline(finding), error=True)
        if finding.origin is not None:
            say(*_excerpt(finding.origin, root, lines, private=finding.private), error=True)
        for related in finding.related:
            paragraph(("   = ", "blue"), printable(f"{related.message}: {related.origin}"), error=True)
        hosts_here = [host for host in hosts_of[finding] if host]
        if len(hosts_here) > 1:
            paragraph(("   = hosts: ", "blue"), _few(hosts_here), error=True)
        elif hosts_here and finding.origin is not None and f"/{hosts_here[0]}/" not in finding.origin.file:
            paragraph(("   = host: ", "blue"), hosts_here[0], error=True)
        for line in finding.text.splitlines():
            say(("   | ", "blue"), printable(line), error=True)
        if finding.help:
            paragraph(("   = help: ", "blue"), printable(finding.help), error=True)
        if finding.code not in explained and page(finding.code):
            explained.add(finding.code)
            say(("   = see: ", "blue"), f"`panther explain {finding.code}`", error=True)
        say(error=True)
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = sum(finding.severity == "warning" for finding in findings)
    if errors or warnings:
        counts = [(errors, "error", "bold red"), (warnings, "warning", "bold yellow")]
        parts: list[Part] = [(f"{n} {word}{'s' * (n > 1)}", style) for n, word, style in counts if n]
        say(*(parts if len(parts) == 1 else [parts[0], " and ", parts[1]]), closing, error=True)
    return 1 if errors else 0


def _once(findings: Iterable[Finding]) -> tuple[list[Finding], dict[Finding, list[str]]]:
    """Findings without those that differ from one before in their host alone; and the hosts of each."""
    first: dict[Finding, Finding] = {}
    hosts: dict[Finding, list[str]] = {}
    for finding in findings:
        shared = replace(finding, host="") if finding.origin is not None else finding
        kept = first.setdefault(shared, finding)
        hosts.setdefault(kept, []).append(finding.host)
    return list(first.values()), hosts


def _few(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding as `--json` gives it everywhere."""
    place: dict[str, Any] = dict.fromkeys(("file", "line", "column", "end_line", "end_column"))
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": masked(finding.message),
        "help": masked(finding.help),
        "host": finding.host or None,
        "option": finding.option or None,
        **(finding.origin._asdict() if finding.origin else place),
        "text": masked(finding.text) or None,
        "related": [{"message": r.message, **r.origin._asdict()} for r in finding.related],
    }


def _headline(finding: Finding) -> list[Part]:
    colour = _COLOURS[finding.severity]
    host = f" (host {finding.host})" if finding.host and finding.origin is None else ""
    label = f"{finding.severity}[{finding.code}]"
    # A terminal that knows links opens the code's page.
    link = f" link {where.as_uri()}" if (where := file(finding.code)).is_file() else ""
    return [(label, colour + link), (f": {printable(finding.message)}{host}", "bold")]


def _excerpt(origin: Origin, root: Path, cache: dict[str, list[str]], *, private: bool) -> list[Part]:
    """The place, and its line with the span underlined, where the file can be read and the line is for all eyes."""
    if origin.file not in cache:
        text = read_text(root, origin.file, errors="replace")[0] or ""
        # As the readers count.
        cache[origin.file] = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    parts: list[Part] = [("  --> ", "blue"), printable(str(origin))]
    lines = cache[origin.file]
    if private or not 0 < origin.line <= len(lines) or origin[1:] == (1, 1, 1, 1):
        return parts  # a whole file has no line to show
    line = lines[origin.line - 1]
    start = min(origin.column, len(line) + 1) - 1
    end = min(origin.end_column - 1, len(line)) if origin.end_line == origin.line else len(line)
    line = masked_line(line, start, end)
    # Of a line too long to take in at a glance, what is around the place.
    number = str(origin.line)
    gap = " " * len(number)
    widest = min(_WIDEST, get_terminal_size().columns - len(gap) - 6) if sys.stderr.isatty() else _WIDEST
    cut = max(0, start - widest // 2) if len(line) > widest else 0
    before, marked, after = (printable(part) for part in (line[cut:start], line[start:end], line[max(start, end) :]))
    marked = marked[: max(1, widest - len(before))]
    after = after[: max(0, widest - len(before) - len(marked))]
    lead, tail = "…" * (cut > 0), "…" * (cut + widest < len(line))
    underline = " " * _cells(lead + before) + "^" * max(1, _cells(marked))
    return [
        *parts,
        (f"\n {gap} |\n {number} | ", "blue"),
        f"{lead}{before}{marked}{after}{tail}\n",
        (f" {gap} | ", "blue"),
        (underline, "bold red"),
    ]


def printable(text: str) -> str:
    """Text as a terminal may have it: a tab is one column, what would steer the terminal is told by its place alone,
    and of a secret no more than its beginning."""
    return "".join(c if c.isprintable() else " " if c in "\t\u00a0" else "\ufffd" for c in masked(text))


def _cells(text: str) -> int:
    """The columns that a terminal gives a text."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def plain(value: Any) -> Any:
    """A value for JSON: what only Nix can compute becomes `{"nix": "the expression"}`; of a secret that carries a
    mark, no more than its beginning."""
    if isinstance(value, dict):
        return {name: plain(below) for name, below in value.items()}
    if isinstance(value, list | tuple):
        return [plain(below) for below in value]
    if isinstance(value, Expression | Override) or (isinstance(value, str) and "\0" in value):
        return {"nix": nix(value)}
    if isinstance(value, str):
        return masked(value)
    return value if value is None or isinstance(value, bool | int | float) else shown(value)


def nix(value: Value) -> str:
    """A value as Nix code on as few lines as it takes."""
    writer = Writer(place=lambda file: getattr(file, "path", None) or f"./{getattr(file, 'name', '')}")
    try:
        return writer.value(value)
    except Unwritable:
        return shown(value)


def one_line(value: Value, width: int = 72) -> str:
    """A value as Nix code on one line, shortened."""
    text = printable(" ".join(nix(value).split()))
    return text if len(text) <= width else text[: width - 1] + "…"
