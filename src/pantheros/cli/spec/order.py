"""`panther spec order`: in which order the open changes are safely implemented and archived."""

from __future__ import annotations

from pathlib import Path

from pantheros.cli.output import paragraph, print_json, say, table
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, settled
from pantheros.specs.planning import overlaps, plan
from pantheros.specs.tree import required_root

_SELDOM = ("milestone", "days")
"""Columns that are shown where any change has something in them."""


def command(json: JsonOption = False, directory: DirectoryOption = Path()) -> int:
    root = settled(required_root(directory))
    found, both = plan(root), overlaps(root)
    stuck = sorted(name for name in found.graph if name not in found.order)
    if json:
        print_json(
            {
                "order": [{"change": name, "after": found.waits_for(name)} for name in found.order],
                "errors": [trouble._asdict() for trouble in found.troubles],
                "stuck": stuck,
                "overlaps": [each._asdict() for each in both],
            }
        )
        return int(bool(found.troubles))
    rows = []
    for number, name in enumerate(found.order, 1):
        said = found.of[name]
        days = "" if said.estimate is None else f"{said.estimate:g}"
        after = ", ".join(found.waits_for(name))
        rows.append([str(number), name, said.priority, said.phase, said.milestone, days, after])
    if rows:
        titles = ["", "change", "priority", "phase", "milestone", "days", "after"]
        shown = [at for at, title in enumerate(titles) if title not in _SELDOM or any(row[at] for row in rows)]
        table([titles[at] for at in shown], [[row[at] for at in shown] for row in rows])
    elif not stuck:
        say("there are no open changes")
    if stuck:
        paragraph(("stuck: ", "bold red"), ", ".join(stuck))
    for trouble in found.troubles:
        paragraph(("error: ", "bold red"), f"{trouble.change}: {trouble.message}", error=True)
    for each in both:
        one, other = each.changes
        message = (
            f"{one} and {other} both change “{each.requirement}” of {each.capability}: archive one, rebase the other"
        )
        paragraph(("warning: ", "bold yellow"), message, error=True)
    return int(bool(found.troubles))
