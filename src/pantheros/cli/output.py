"""What people and programs see: findings, tables, JSON. Plain text where there is no terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from pantheros.findings import Finding, Origin
from pantheros.fleet.typed import shown
from pantheros.nix.values import Expression, Override, Value
from pantheros.nix.writer import Unwritable, Writer

_ALIKE = 4
"""As many findings of the same words are shown in full; the rest are counted."""
_COLOURS = {"error": "bold red", "warning": "bold yellow", "info": "bold cyan"}

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(data: Any) -> None:
    """JSON on standard output, with a newline at its end."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def report(findings: Iterable[Finding], root: Path, console: Console = err) -> int:
    """Print findings the way compilers do; 1 when one of them is an error, else 0."""
    findings = list(findings)
    lines: dict[str, list[str]] = {}
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.code, finding.message), []).append(finding)
    for finding in findings:
        same = alike[finding.code, finding.message]
        if finding in same[_ALIKE:]:
            if finding is same[_ALIKE]:
                more = len(same) - _ALIKE
                hosts = f" (hosts {finding.host} to {same[-1].host})" if finding.host and same[-1].host else ""
                console.print(_headline(finding))
                console.print(f"  ... in {more} more place{'s' * (more > 1)}{hosts}\n")
            continue
        console.print(_headline(finding))
        if finding.origin is not None:
            console.print(_excerpt(finding.origin, root, lines))
        for related in finding.related:
            console.print(Text.assemble(("   = ", "blue"), f"{related.message}: {related.origin}"))
        if finding.help:
            console.print(Text.assemble(("   = help: ", "blue"), finding.help))
        console.print()
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = sum(finding.severity == "warning" for finding in findings)
    if errors or warnings:
        counts = [(errors, "error", "bold red"), (warnings, "warning", "bold yellow")]
        parts = [(f"{n} {word}{'s' * (n > 1)}", style) for n, word, style in counts if n]
        console.print(Text(" and ").join(Text(*part) for part in parts))
    return 1 if errors else 0


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding as `--json` gives it everywhere."""
    place: dict[str, Any] = dict.fromkeys(("file", "line", "column", "end_line", "end_column"))
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "help": finding.help,
        "host": finding.host or None,
        "option": finding.option or None,
        **(finding.origin._asdict() if finding.origin else place),
        "related": [{"message": r.message, **r.origin._asdict()} for r in finding.related],
    }


def _headline(finding: Finding) -> Text:
    colour = _COLOURS[finding.severity]
    host = f" (host {finding.host})" if finding.host and finding.origin is None else ""
    return Text.assemble((f"{finding.severity}[{finding.code}]", colour), (f": {finding.message}{host}", "bold"))


def _excerpt(origin: Origin, root: Path, cache: dict[str, list[str]]) -> Text:
    """The place, and its line with the span underlined, where the file can be read."""
    if origin.file not in cache:
        try:
            cache[origin.file] = (root / origin.file).read_text(encoding="utf-8").split("\n")
        except (OSError, ValueError):
            cache[origin.file] = []
    text = Text.assemble(("  --> ", "blue"), str(origin))
    lines = cache[origin.file]
    if not 0 < origin.line <= len(lines) or origin[1:] == (1, 1, 1, 1):
        return text  # a whole file has no line to show
    line = lines[origin.line - 1]
    end = origin.end_column if origin.end_line == origin.line else len(line) + 1
    width = max(1, min(end, len(line) + 1) - origin.column)
    shown_line = line.replace("\t", " ")
    number = str(origin.line)
    gap = " " * len(number)
    text.append(f"\n {gap} |\n", "blue")
    text.append(f" {number} | ", "blue")
    text.append(f"{shown_line}\n")
    text.append(f" {gap} | ", "blue")
    text.append(" " * (origin.column - 1) + "^" * width, "bold red")
    return text


def plain(value: Any) -> Any:
    """A value for JSON: what only Nix can compute becomes `{"nix": "the expression"}`."""
    if isinstance(value, dict):
        return {name: plain(below) for name, below in value.items()}
    if isinstance(value, list | tuple):
        return [plain(below) for below in value]
    if isinstance(value, Expression | Override) or (isinstance(value, str) and "\0" in value):
        return {"nix": nix(value)}
    return value


def nix(value: Value) -> str:
    """A value as Nix code on as few lines as it takes."""
    writer = Writer(place=lambda file: getattr(file, "path", None) or f"./{getattr(file, 'name', '')}")
    try:
        return writer.value(value)
    except Unwritable:
        return shown(value)


def one_line(value: Value, width: int = 72) -> str:
    """A value as Nix code on one line, shortened."""
    text = " ".join(nix(value).split())
    return text if len(text) <= width else text[: width - 1] + "…"


__all__ = ["err", "escape", "finding_json", "nix", "one_line", "out", "plain", "print_json", "report"]
