"""`roadmap.toml`: goals, phases, milestones and dates, as people set them."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from pantheros.document import Document
from pantheros.findings import Finding, Origin, Severity, nearest
from pantheros.fleet.files import read_text
from pantheros.fleet.toml import read_toml
from pantheros.fleet.typed import check
from pantheros.scan.repository import lies_there

FILE = "roadmap.toml"


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


_Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="a day, such as 2026-01-31")]


class Phase(_Table):
    """A stretch of the way. Changes belong to it by their own `phase`, or by being named here."""

    id: str
    title: str = ""
    goal: str = ""
    begins: _Day | None = None
    due: _Day | None = None
    changes: list[str] = []


class Milestone(_Table):
    """A point on the way. Changes belong to it by their own `milestone`, or by being named here."""

    id: str
    title: str = ""
    phase: str = ""
    due: _Day | None = None
    changes: list[str] = []


class Service(_Table):
    """Something that several hosts use together."""

    id: str
    title: str = ""
    hosts: list[str] = []


class Schedule(_Table):
    """How the time that work takes is reckoned."""

    days_per_task: Annotated[float, Field(gt=0)] | None = None
    """Instead of the pace so far."""
    at_once: Annotated[int, Field(gt=0)] | None = None
    """How many changes are worked on at a time; without, as many as can be."""


class RoadmapFile(_Table):
    """The whole file."""

    title: str = "Roadmap"
    goals: list[str] = []
    non_goals: list[str] = []
    phase: list[Phase] = []
    milestone: list[Milestone] = []
    service: list[Service] = []
    schedule: Schedule = Schedule()


def read_roadmap_file(
    root: Path, phases: Collection[str] = (), hosts: Collection[str] = ()
) -> tuple[RoadmapFile, list[Finding]]:
    """What a repository's roadmap.toml says, and what is wrong with it; an empty one where there is none. `phases` are
    those that changes name; `hosts`, those of the repository, as far as they are known."""
    if not lies_there(root.resolve(), FILE):
        return RoadmapFile(), []
    text, findings = read_text(root, FILE)
    if text is None:
        return RoadmapFile(), findings
    document = read_toml(FILE, text, days=True)
    findings = [*findings, *document.findings]

    def locate(path: tuple[str | int, ...], key: bool) -> Any:
        return document.origin(path, key=key)

    found, wrong = check(RoadmapFile, document.data, locate, noun="key")
    found = found or RoadmapFile()
    wrong += [*_doubles(found, document), *_unknown(found, document, phases, hosts), *_no_days(found, document)]
    return found, [*findings, *wrong]


def _doubles(found: RoadmapFile, document: Document) -> list[Finding]:
    """Phases, milestones and services that have the same `id` as one before."""
    findings = []
    for name in ("phase", "milestone", "service"):
        seen: set[str] = set()
        for index, each in enumerate(getattr(found, name)):
            if each.id in seen:
                origin = document.origin((name, index, "id"))
                findings.append(Finding("roadmap-file", f"there is a {name} `{each.id}` already", origin=origin))
            seen.add(each.id)
    return findings


def _unknown(
    found: RoadmapFile, document: Document, phases: Collection[str], hosts: Collection[str]
) -> Iterator[Finding]:
    """Phases that nothing else names, and hosts that are not there."""
    known = {phase.id for phase in found.phase} | set(phases)
    for index, milestone in enumerate(found.milestone):
        if milestone.phase and milestone.phase not in known:
            origin = document.origin(("milestone", index, "phase"))
            yield _is_not_there("phase", milestone.phase, known, origin, "error")
    for index, service in enumerate(found.service):
        for at, host in enumerate(service.hosts):
            if hosts and host not in hosts:
                origin = document.origin(("service", index, "hosts", at))
                yield _is_not_there("host", host, hosts, origin, "warning")


def _is_not_there(what: str, name: str, known: Collection[str], origin: Origin | None, severity: Severity) -> Finding:
    guess = nearest(name, known)
    help = f"did you mean {guess}?" if guess else ""
    return Finding("roadmap-file", f"there is no {what} `{name}`", severity, help, origin=origin)


def _no_days(found: RoadmapFile, document: Document) -> list[Finding]:
    """Dates that no calendar has, and phases that are due before they begin."""
    findings = []
    for name, entries in (("phase", found.phase), ("milestone", found.milestone)):
        for index, each in enumerate(entries):
            for field in ("begins", "due"):
                said = getattr(each, field, None)
                if said is not None and day(said) is None:
                    origin = document.origin((name, index, field))
                    findings.append(Finding("roadmap-file", f"`{said}` is no day", origin=origin))
    for index, phase in enumerate(found.phase):
        begins, due = day(phase.begins), day(phase.due)
        if begins is not None and due is not None and due < begins:
            origin = document.origin(("phase", index, "due"))
            message = f"it is due before it begins, on {begins}"
            findings.append(Finding("roadmap-file", message, "warning", origin=origin))
    return findings


def day(text: str | None) -> datetime.date | None:
    """The day that a text names; None where it names none."""
    try:
        return datetime.date.fromisoformat(text) if text else None
    except ValueError:
        return None
