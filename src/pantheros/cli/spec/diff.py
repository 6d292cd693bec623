"""`panther spec diff`: a change against the specs as they are, and where they have moved, three ways."""

from __future__ import annotations

import difflib
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import paragraph, say
from pantheros.cli.spec.shared import DirectoryOption, open_change, settled
from pantheros.specs.archive import Archiving
from pantheros.specs.planning import Moved, compared, overlaps
from pantheros.specs.record import Record, read_record
from pantheros.specs.text import decoded
from pantheros.specs.tree import SPEC, Root, required_root


def command(
    change: Annotated[str, typer.Argument(metavar="NAME", help="A change.")], directory: DirectoryOption = Path()
) -> int:
    root = settled(required_root(directory))
    open_change(root, change)
    archiving = Archiving(root, change, date.today())
    archiving.merge()
    for update in archiving.updates:
        if update.changes:
            print_change(f"openspec/specs/{update.capability}/{SPEC}", update.before, update.after)
    if archiving.refusal:
        paragraph(("error: ", "bold red"), archiving.refusal, error=True)
    base = compared(root, change, read_record(root.changes / change) or Record())
    stale = base.moved
    for each in stale:
        print_three_ways(each)
    print_overlaps(root, change)
    if base.unknown:
        say(f"not verified: whether the specs have moved: no fingerprint of {', '.join(base.unknown)}", error=True)
    return int(bool(archiving.refusal or stale))


def print_change(name: str, before: bytes | None, after: bytes | None) -> None:
    """How a file would change, as a unified diff."""
    old, new = "/dev/null" if before is None else name, "/dev/null" if after is None else name
    was, now = (decoded(each or b"").splitlines() for each in (before, after))
    for line in difflib.unified_diff(was, now, old, new, lineterm=""):
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[0], "")
        say((line, style) if style else line)


def print_overlaps(root: Root, change: str) -> None:
    """The open changes that are about what a change is about, too."""
    for both in overlaps(root, change):
        other = next(name for name in both.changes if name != change)
        said = f"{other} is about “{both.requirement}” of {both.capability}, too: it has to be brought up to date after"
        paragraph(("warning: ", "bold yellow"), said, error=True)


def print_three_ways(each: Moved) -> None:
    """What a requirement said, says now, and is to say."""
    say((f"“{each.requirement}” of {each.capability} has moved since the change was written", "bold yellow"))
    for title, text in (("when it was written", each.base), ("now", each.now), ("by the change", each.change)):
        say((f"── {title}", "bold"))
        say(text if text is not None else "(it is not there)")
