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
from pantheros.specs.planning import Moved, moved, overlaps, without_fingerprint
from pantheros.specs.text import decoded
from pantheros.specs.tree import SPEC, required_root


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
    stale = list(moved(root, change))
    for each in stale:
        _three_ways(each)
    for both in overlaps(root):
        if change in both.changes:
            other = next(name for name in both.changes if name != change)
            said = f"{other} is about “{both.requirement}” of {both.capability}, too"
            paragraph(("warning: ", "bold yellow"), said, error=True)
    unknown = without_fingerprint(root, change)
    if unknown:
        say(f"not verified: whether the specs have moved: no fingerprint of {', '.join(unknown)}", error=True)
    return int(bool(archiving.refusal or stale))


def print_change(name: str, before: bytes | None, after: bytes | None) -> None:
    """How a file would change, as a unified diff."""
    old, new = "/dev/null" if before is None else name, "/dev/null" if after is None else name
    was, now = (decoded(each or b"").splitlines() for each in (before, after))
    for line in difflib.unified_diff(was, now, old, new, lineterm=""):
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[0], "")
        say((line, style) if style else line)


def _three_ways(each: Moved) -> None:
    """What a requirement said, says now, and is to say."""
    say((f"“{each.requirement}” of {each.capability} has moved since the change was written", "bold yellow"))
    for title, text in (("when it was written", each.base), ("now", each.now), ("by the change", each.change)):
        say((f"── {title}", "bold"))
        say(text if text is not None else "(it is not there)")
