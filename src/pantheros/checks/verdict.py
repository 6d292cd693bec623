"""What becomes of the findings: chosen, given the severity that the fleet wants, waived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase

from pantheros.checks.pages import codes
from pantheros.document import Path
from pantheros.findings import Finding, nearest
from pantheros.fleet.model import DeclaredFleet
from pantheros.fleet.tables import WaiverTable


@dataclass
class Verdict:
    """The findings that count, and those that the fleet puts up with."""

    findings: list[Finding] = field(default_factory=list)
    waived: list[Finding] = field(default_factory=list)
    left_out: int = 0
    """How many are not looked at because of `select` and `ignore`."""

    @property
    def failed(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)


def judged(
    fleet: DeclaredFleet,
    findings: Iterable[Finding],
    today: date,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Verdict:
    """The findings as the fleet wants them; `select` and `ignore` are patterns of codes.

    What keeps a file from being read stays what it is: with it put up with, nothing else could be relied on.
    """
    checks = fleet.table.checks
    verdict = Verdict()
    used: set[int] = set()
    for finding in findings:
        found = finding
        if finding.code not in ESSENTIAL:
            if (select and not _named(finding.code, select)) or _named(finding.code, ignore):
                verdict.left_out += finding.severity != "info"
                continue
            if _named(finding.code, checks.ignore):
                continue
            severity = next((said for code, said in checks.severity.items() if fnmatchcase(finding.code, code)), None)
            found = replace(found, severity=severity or finding.severity)
            fitting = [index for index, waiver in enumerate(checks.waivers) if _waives(waiver, finding)]
            used.update(fitting)
            if any(not _expired(checks.waivers[index], today) for index in fitting):
                verdict.waived.append(found)
                continue
        verdict.findings.append(found)
    verdict.findings += _unknown_codes(fleet)
    for index, waiver in enumerate(checks.waivers):
        if not select:
            verdict.findings += _about(fleet, waiver, today, used=index in used)
    return verdict


ESSENTIAL = frozenset({"toml-syntax", "nix-syntax", "unreadable-file"})
"""Codes of findings that say that something could not be read."""


def _unknown_codes(fleet: DeclaredFleet) -> Iterator[Finding]:
    """Codes in `[checks]` that no finding has: what they are to do is not done."""
    checks, known = fleet.table.checks, codes()
    places: list[tuple[str, Path]] = [(code, ("checks", "ignore", i)) for i, code in enumerate(checks.ignore)]
    places += [(code, ("checks", "severity", code)) for code in checks.severity]
    places += [(waiver.code, (*_where(fleet, waiver), "code")) for waiver in checks.waivers]
    for pattern, place in places:
        if not any(fnmatchcase(code, pattern) for code in known):
            guess = nearest(pattern, known)
            help = f"did you mean `{guess}`?" if guess else "`panther explain` lists them"
            where = fleet.document.origin(place, key="severity" in place)
            yield Finding("unknown-code", f"no finding has the code `{pattern}`", "warning", help, origin=where)


def _where(fleet: DeclaredFleet, waiver: WaiverTable) -> Path:
    """Where a waiver stands among those of the file, of which some may have been refused."""
    said = waiver.model_dump(exclude_unset=True, exclude={"expires"})  # a day may be written without quotes
    written = fleet.document.data["checks"]["waivers"]
    index = next((index for index, table in enumerate(written) if said.items() <= table.items()), 0)
    return ("checks", "waivers", index)


def _named(code: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(code, pattern) for pattern in patterns)


def _waives(waiver: WaiverTable, finding: Finding) -> bool:
    file = finding.origin.file if finding.origin else ""
    return (
        fnmatchcase(finding.code, waiver.code)
        and waiver.host in ("", finding.host)
        and waiver.file in ("", file)
        and (not waiver.option or f"{finding.option}.".startswith(f"{waiver.option}."))
    )


def _expired(waiver: WaiverTable, today: date) -> bool:
    try:
        return waiver.expires is not None and date.fromisoformat(waiver.expires) < today
    except ValueError:  # no such day
        return True


def _about(fleet: DeclaredFleet, waiver: WaiverTable, today: date, *, used: bool) -> list[Finding]:
    """What is wrong with a waiver itself."""
    place = _where(fleet, waiver)
    where = fleet.document.origin((*place, "code"))
    if not used:
        message = f"nothing is waived by this: there is no finding `{waiver.code}` that it is about"
        return [Finding("unused-waiver", message, "warning", "take it out", origin=where)]
    if _expired(waiver, today):
        where = fleet.document.origin((*place, "expires"))
        message = f"this waiver of `{waiver.code}` held until {waiver.expires}"
        help = "mend what it is about, or decide anew and give it another day"
        return [Finding("expired-waiver", message, "error", help, origin=where)]
    return []
