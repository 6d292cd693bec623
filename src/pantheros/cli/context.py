"""`panther context`: what somebody who comes to a repository anew has to know."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.day import today
from pantheros.cli.output import markdown, plain, print_json, report, say, write
from pantheros.findings import PantherError
from pantheros.git import commit_day, is_shallow, knows
from pantheros.insight.context import Context, context
from pantheros.insight.context_page import RECENT, as_json, as_markdown, short
from pantheros.insight.kept import page_in, read_part, write_part
from pantheros.insight.roadmap import read_pace
from pantheros.insight.standing import Standing, standing
from pantheros.scan.repository import top

NAME = "context"
PAGE = Path("docs/context.md")
FRESH_DAYS = 7
"""Days by which the history that the page tells may lag behind."""
_ROUNDS = 3
"""Writing the page may change what it tells: that it is there."""


def command(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The repository.", show_default="here")] = Path(),
    update: Annotated[bool, typer.Option("--write", help="Bring the page up to date.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Fail where the page is stale.")] = False,
    page: Annotated[Path, typer.Option("--page", metavar="FILE", help="The page, from the repository's top.")] = PAGE,
    in_short: Annotated[bool, typer.Option("--short", help="For assistants: short, and of bounded size.")] = False,
    most: Annotated[int, typer.Option("--max", metavar="N", min=200, help="With --short: characters at most.")] = 4000,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    if update and check:
        raise PantherError("say --write or --check")
    if in_short and json:
        raise PantherError("say --short or --json")
    found = standing(top(path))
    root = found.survey.repository.root
    where = page_in(root, page)
    if check:
        return _check(found, where, page)
    here = context(found, today())
    wrong = [*found.findings, *here.way.findings]
    failed = report(wrong, root) if wrong else 0
    if failed:
        return failed
    if update:
        return _write(root, here, where, page)
    if json:
        print_json(plain(as_json(here)))
    elif in_short:
        write(short(here, most))
    else:
        markdown(as_markdown(here))
    return 0


def _write(root: Path, here: Context, where: Path, page: Path) -> int:
    changed = False
    for _ in range(_ROUNDS):
        made_from = {"day": f"{here.today}", "pace": f"{here.way.pace}", "at": here.revision}
        if not write_part(where, NAME, {key: it for key, it in made_from.items() if it}, as_markdown(here)):
            break
        changed = True
        here = context(standing(root), here.today, here.revision, here.way.pace)
    say(f"{page}: {'brought up to date' if changed else 'it was up to date'}")
    return 0


def _check(found: Standing, where: Path, page: Path) -> int:
    """Whether the page says what the repository does, as of the day and the revision that it was made on; and whether
    anything was committed since without it."""
    part = read_part(where, NAME)
    if part is None:
        raise PantherError(f"{page} has no context", help="`panther context --write` puts one there")
    root = found.survey.repository.root
    day = part.day(page)
    at = part.made_from.get("at", "")
    told, now = part.body, as_markdown(context(found, day, at, read_pace(part.made_from.get("pace", ""))))
    if at and (is_shallow(root) or not knows(root, at)):
        told, now = _without_history(told), _without_history(now)
        say(("not verified: ", "cyan"), f"the recent changes: this clone has no history up to {at[:12]}", error=True)
    elif at and (newest := commit_day(root)) and newest > day + timedelta(days=FRESH_DAYS):
        say((f"{page} is stale: ", "bold red"), f"it is of {day}, and the last commit of {newest}")
        return 1
    if told != now:
        say((f"{page} is stale: ", "bold red"), "`panther context --write` brings it up to date")
        return 1
    say(f"{page} is up to date")
    return 0


def _without_history(text: str) -> str:
    """A page without what only git tells."""
    before, heading, after = text.partition(RECENT)
    return before + after[after.find("\n## ") :] if heading else text
