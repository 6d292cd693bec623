"""`panther roadmap`: phases, milestones and changes; what stands in the way, and when it can be done."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.day import today
from pantheros.cli.output import paragraph, plain, print_json, printable, report, say, table, write
from pantheros.findings import PantherError
from pantheros.insight.capabilities import read_model
from pantheros.insight.kept import Part, page_in, read_part, write_part
from pantheros.insight.roadmap import Pace, Roadmap, read_pace, roadmap
from pantheros.insight.roadmap_page import MARKS, PICTURES, as_json, as_markdown, mermaid, svg
from pantheros.insight.survey import Survey, survey
from pantheros.scan.repository import top

NAME = "roadmap"
PAGE = Path("docs/roadmap.md")


class Format(StrEnum):
    TEXT = "text"
    MARKDOWN = "markdown"
    MERMAID = "mermaid"
    SVG = "svg"


class Picture(StrEnum):
    DEPENDENCIES = "dependencies"
    SCHEDULE = "schedule"
    SERVICES = "services"


def command(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The repository.", show_default="here")] = Path(),
    format: Annotated[Format, typer.Option("--format", help="How to show it.")] = Format.TEXT,
    picture: Annotated[
        Picture, typer.Option("--picture", help="With mermaid and svg: which picture.")
    ] = Picture.DEPENDENCIES,
    update: Annotated[bool, typer.Option("--write", help="Bring the page up to date.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Fail where the page is stale.")] = False,
    page: Annotated[Path, typer.Option("--page", metavar="FILE", help="The page, from the repository's top.")] = PAGE,
    pictures: Annotated[
        Path | None, typer.Option("--pictures", metavar="DIR", help="Write all pictures there, as SVG.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    if update and check:
        raise PantherError("say --write or --check")
    found = survey(top(path))
    root = found.repository.root
    where = page_in(root, page)
    if check:
        return _check(found, where, page)
    here = _roadmap(found, today())
    failed = report(here.findings, root) if here.findings else 0
    if failed:
        return failed
    if update:
        changed = write_part(where, NAME, _made_from(here), as_markdown(here))
        say(f"{page}: {'brought up to date' if changed else 'it was up to date'}")
    if pictures is not None:
        for each in PICTURES:
            _write_picture(pictures / f"{each}.svg", svg(here, each))
    if update or pictures is not None:
        return 0
    if json:
        print_json(plain(as_json(here)))
    elif format is Format.MARKDOWN:
        write(as_markdown(here))
    elif format is Format.MERMAID:
        write(mermaid(here, picture.value))
    elif format is Format.SVG:
        write(svg(here, picture.value))
    else:
        _print(here)
    return 0


def _roadmap(found: Survey, today: date, pace: Pace | None = None) -> Roadmap:
    model, _ = read_model(found.repository.root)
    return roadmap(found, model, today, pace)


def _made_from(here: Roadmap) -> dict[str, str]:
    return {"day": f"{here.today}", "pace": f"{here.pace}"}


def _check(found: Survey, where: Path, page: Path) -> int:
    """Whether the page says what the repository does, as of the day that the page was made on; and whether anything has
    become overdue since."""
    part = read_part(where, NAME)
    if part is None:
        raise PantherError(f"{page} has no roadmap", help="`panther roadmap --write` puts one there")
    day, pace = _of(part, page)
    then = _roadmap(found, day, pace)
    if as_markdown(then) != part.body:
        say((f"{page} is stale: ", "bold red"), "`panther roadmap --write` brings it up to date")
        return 1
    late = {item.name for item in _roadmap(found, today(), pace).open if item.state == "overdue"}
    new = sorted(late - {item.name for item in then.open if item.state == "overdue"})
    if new:
        say((f"{page} is stale: ", "bold red"), f"{', '.join(new)} became overdue since {day}")
        return 1
    say(f"{page} is up to date")
    return 0


def _of(part: Part, page: Path) -> tuple[date, Pace]:
    pace = read_pace(part.made_from.get("pace", ""))
    if pace is None:
        raise PantherError(
            f"the mark in {page} does not say at which pace", help="`panther roadmap --write` makes it again"
        )
    return part.day(page), pace


def _write_picture(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PantherError(f"{path} cannot be written: {error.strerror}") from error
    say(path.as_posix())


def _print(here: Roadmap) -> None:
    say((printable(here.title), "bold"), f", as of {here.today}")
    for goal in here.goals:
        paragraph("  - ", printable(goal))
    say()
    if not here.items:
        say("there are no changes yet: `panther spec gen` begins one")
        return
    for phase in here.phases:
        done = sum(item.state == "done" for item in phase.items)
        due = f", due {phase.due}" if phase.due else ""
        title = f"{MARKS[phase.state]} {printable(phase.title)}"
        say((title, "bold"), f": {phase.state}, {done} of {len(phase.items)} changes done{due}")
        for milestone in phase.milestones:
            due = f", due {milestone.due}" if milestone.due else ""
            reached = sum(item.state == "done" for item in milestone.items)
            paragraph("  ◆ ", f"{printable(milestone.title)}: {reached} of {len(milestone.items)}{due}")
        rows = [
            [
                f"  {MARKS[item.state]} {item.name}",
                f"{item.done}/{item.total}" if item.total else "",
                item.planning.priority,
                f"{item.ended or item.ends or ''}",
                item.why,
            ]
            for item in phase.items
        ]
        if rows:
            table(["  change", "tasks", "priority", "by", ""], rows)
        say()
    for trouble in here.troubles:
        paragraph(("error: ", "bold red"), printable(trouble))
    if here.next:
        paragraph("can be worked on now: ", ", ".join(item.name for item in here.next))
    if here.critical:
        paragraph(
            "critical path: ", f"{' → '.join(here.critical)} (all of it takes {here.days:.3g} days, to {here.end})"
        )
        paragraph("", here.reckoning)
    for use in here.services:
        paragraph(f"{use.title}: ", ", ".join(use.hosts))
