"""`panther gaps`: what a repository of NixOS machines has, and what it lacks."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import paragraph, print_json, printable, report, say, table, write
from pantheros.findings import PantherError, nearest
from pantheros.git import revision
from pantheros.insight.gaps import lacks
from pantheros.insight.gaps_report import MARKS, as_json, as_markdown, in_short, known, not_verified, ordered
from pantheros.insight.standing import Since, Standing, since, standing
from pantheros.specs.metadata import PRIORITIES

_COLOURS = {"present": "green", "partial": "yellow", "missing": "bold red"}
_URGENT = PRIORITIES[:2]


def command(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The repository.", show_default="here")] = Path(),
    area: Annotated[str, typer.Option("--area", metavar="A", help="One area alone.")] = "",
    every: Annotated[bool, typer.Option("--all", help="What is there, too, and what is less urgent.")] = False,
    revision_before: Annotated[
        str, typer.Option("--since", metavar="REV", help="What is better or worse than at a revision.")
    ] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the whole report, as Markdown.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    found = standing(path)
    if area and area not in found.model.areas:
        guess = nearest(area, found.model.areas)
        raise PantherError(
            f"there is no area '{area}'", help=f"did you mean {guess}?" if guess else ", ".join(found.model.areas)
        )
    failed = report(found.findings, path) if found.findings else 0
    changed = since(found, revision_before) if revision_before else None
    if json:
        print_json(as_json(found, changed))
    elif markdown:
        write(as_markdown(found, changed, f"{date.today()}", revision(path)))
    else:
        _print(found, changed, area, every=every)
    return failed


def _print(found: Standing, changed: Since | None, area: str, *, every: bool) -> None:
    if not area:
        say((found.survey.repository.root.name, "bold"))
        for line in in_short(found):
            paragraph("  ", line)
        say()
        _changes(found)
        _hosts(found)
    _gaps(found, area, every=every)
    if changed is not None:
        _since(changed)
    if not area:
        _proposals(found)
    doubts = list(not_verified(found))
    for doubt in doubts if every else doubts[:5]:
        paragraph(("not verified: ", "cyan"), printable(doubt))
    if len(doubts) > 5 and not every:
        say(("not verified: ", "cyan"), f"{len(doubts) - 5} more, which `--all` lists")
