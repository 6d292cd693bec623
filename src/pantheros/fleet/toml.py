"""Reading TOML: data by tomli at once, places by tree-sitter when somebody asks.

tomli is fast and the judge of what is TOML, but keeps no places and stops at the first mistake. tree-sitter,
and what explains mistakes, take longer to import than a fleet takes to read, so both wait until wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from math import isfinite
from typing import Any

import tomli

from pantheros.document import Document, Path, Span
from pantheros.findings import Finding, Origin

_DEEPEST = 100
"""How far tables and lists may nest: far beyond any fleet, far below what would exhaust Python's stack."""


def read_toml(file: str, text: str, *, days: bool = False) -> Document:
    """The data of a TOML file; a finding for each mistake and for each value that Nix cannot hold."""
    # Editors count neither a byte order mark nor the carriage returns of Windows.
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    findings: list[Finding] = []
    try:
        data = tomli.loads(text)
    except (ValueError, RecursionError):
        # It loads tree-sitter, which a sound file does without.
        from pantheros.fleet.toml_mistakes import salvaged  # noqa: PLC0415

        data, findings, text = salvaged(file, text)
    if days:
        data = _with_days_as_text(data)
    elif "checks" in data:
        data["checks"] = _with_days_as_text(data["checks"])
    foreign = list(_foreign(data))
    if not foreign:
        return Document(file, data, findings, lambda: _places(file, text))
    spans = _places(file, text)
    places = Document(file, data, locate=lambda: spans)
    for path, code, message, advice in foreign:
        findings.append(Finding(code, message, help=advice, origin=places.origin(path)))
    for path, *_ in foreign:
        _take_out(data, path)
        spans = _renumbered(spans, path)
    return Document(file, data, sorted(findings, key=_order), lambda: spans)


def _places(file: str, text: str) -> dict[Path, Span]:
    # As above: places are wanted only where something is wrong.
    from pantheros.fleet.toml_places import places  # noqa: PLC0415

    return places(file, text)


def _order(finding: Finding) -> Origin:
    return finding.origin or Origin("", 1, 1, 1, 1)


# Values that Nix cannot hold --------------------------------------------------------------------------


def _foreign(data: dict[str, Any]) -> Iterator[tuple[Path, str, str, str]]:
    """What Nix has no value for: path, code, message, help. The last in a list comes first."""
    ahead: list[tuple[Path, Any]] = [((), data)]
    while ahead:
        path, value = ahead.pop()
        kind = type(value)
        if kind is bool:
            continue
        if kind is str:
            if "\0" in value:
                yield path, "toml-value", "this text holds a NUL character, which Nix cannot", "leave it out"
        elif kind is dict or kind is list:
            if len(path) > _DEEPEST:
                yield (
                    path,
                    "toml-too-deep",
                    f"values nest more than {_DEEPEST} levels deep",
                    "write it flatter",
                )
            elif kind is list:
                ahead += [((*path, index), item) for index, item in enumerate(value)]
            else:
                for name, item in value.items():
                    if "\0" in name:
                        inner = (*path, name)
                        yield (
                            inner,
                            "toml-value",
                            "this key holds a NUL character, which Nix cannot",
                            "leave it out",
                        )
                    else:
                        ahead.append(((*path, name), item))
        elif kind is int:
            if not -(2**63) <= value < 2**63:
                yield (
                    path,
                    "toml-value",
                    "this number is too large for Nix",
                    "whole numbers there have 64 bits",
                )
        elif kind is float:
            if not isfinite(value):
                yield (
                    path,
                    "toml-value",
                    "Nix has no such number: this is infinite or undefined",
                    "leave it out",
                )
        elif kind in (datetime, date, time):
            yield path, "toml-value", "Nix has no dates and times", f'write text: "{value}"'


def _with_days_as_text(value: Any) -> Any:
    """What no host's settings are made of, so that a day may stand there as TOML writes it."""
    if isinstance(value, dict):
        return {name: _with_days_as_text(below) for name, below in value.items()}
    if isinstance(value, list):
        return [_with_days_as_text(below) for below in value]
    return value.isoformat() if type(value) is date else value


def _take_out(data: dict[str, Any], path: Path) -> None:
    holder: Any = data
    for name in path[:-1]:
        holder = holder[name]
    del holder[path[-1]]


def _renumbered(spans: dict[Path, Span], gone: Path) -> dict[Path, Span]:
    """The places without one value: in a list, what came behind it moves up."""
    *_, last = gone
    depth = len(gone) - 1
    kept = {}
    for path, span in spans.items():
        if path[: depth + 1] == gone:
            continue
        moved = path
        if isinstance(last, int) and len(path) > depth and path[:depth] == gone[:depth]:
            index = path[depth]
            if isinstance(index, int) and index > last:
                moved = (*path[:depth], index - 1, *path[depth + 1 :])
        kept[moved] = span
    return kept
