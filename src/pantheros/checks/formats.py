"""Findings for programs: SARIF 2.1.0 (code scanning), GitHub's workflow commands, JUnit's XML."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pantheros import __version__
from pantheros.checks.pages import page
from pantheros.findings import Finding, Origin
from pantheros.fleet.secrecy import masked

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def sarif(findings: Sequence[Finding], base: str) -> dict[str, Any]:
    """A SARIF log. `base` is the fleet's directory, as the paths in it are to begin."""
    codes = sorted({finding.code for finding in findings})
    rules = [_rule(code) for code in codes]
    results = []
    for finding in findings:
        result: dict[str, Any] = {
            "ruleId": finding.code,
            "ruleIndex": codes.index(finding.code),
            "level": _LEVELS[finding.severity],
            "message": {"text": _whole(finding)},
        }
        if finding.origin:
            result["locations"] = [_location(finding.origin, base)]
        if finding.related:
            result["relatedLocations"] = [
                {**_location(related.origin, base), "message": {"text": related.message}} for related in finding.related
            ]
        results.append(result)
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "pantherOS", "version": __version__, "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    found = page(code)
    if found is None:
        return {"id": code}
    return {
        "id": code,
        "shortDescription": {"text": found.title},
        "help": {"text": found.text, "markdown": found.text},
    }


def _location(origin: Origin, base: str) -> dict[str, Any]:
    region: dict[str, int] = {"startLine": origin.line, "startColumn": origin.column}
    if (origin.end_line, origin.end_column) > (origin.line, origin.column):
        region |= {"endLine": origin.end_line, "endColumn": origin.end_column}
    return {"physicalLocation": {"artifactLocation": {"uri": _path(origin, base)}, "region": region}}


def _path(origin: Origin, base: str) -> str:
    return posixpath.normpath(posixpath.join(base, origin.file))


def _whole(finding: Finding) -> str:
    host = f" (host {finding.host})" if finding.host else ""
    return masked(f"{finding.message}{host}" + (f"\nhelp: {finding.help}" if finding.help else ""))


def github(findings: Sequence[Finding], base: str) -> str:
    """Workflow commands, a line each: GitHub shows them beside the lines of a pull request."""
    lines = []
    for finding in findings:
        fields = {"title": finding.code}
        if finding.origin:
            place = finding.origin
            fields = {"file": _path(place, base), "line": str(place.line), "col": str(place.column), **fields}
            if place.end_line == place.line and place.end_column > place.column:
                fields |= {"endLine": str(place.end_line), "endColumn": str(place.end_column - 1)}
        written = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in fields.items())
        lines.append(f"::{_COMMANDS[finding.severity]} {written}::{_escaped(_whole(finding))}\n")
    return "".join(lines)


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def junit(findings: Sequence[Finding], hosts: Sequence[str], fleet: str) -> str:
    """JUnit's XML: a case for each host, and one for the fleet; what is no error is told as output."""
    suite = Element("testsuite", name=f"pantherOS {fleet}".strip(), tests=str(len(hosts) + 1))
    failures = 0
    for host in ["", *hosts]:
        case = SubElement(suite, "testcase", classname="panther check", name=host or "fleet")
        own = [finding for finding in findings if finding.host == host]
        errors = [finding for finding in own if finding.severity == "error"]
        failures += bool(errors)
        for finding in errors:
            failure = SubElement(case, "failure", type=finding.code, message=_printable(masked(finding.message)))
            failure.text = _printable(_line(finding))
        rest = [_line(finding) for finding in own if finding not in errors]
        if rest:
            SubElement(case, "system-out").text = _printable("\n".join(rest))
    suite.set("failures", str(failures))
    indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, encoding="unicode") + "\n"


def _printable(text: str) -> str:
    # XML has no place for control characters.
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def _line(finding: Finding) -> str:
    where = f"{finding.origin}: " if finding.origin else ""
    help = f"\n  help: {finding.help}" if finding.help else ""
    return masked(f"{where}{finding.severity}[{finding.code}]: {finding.message}{help}")
