"""`panther spec order`: in which order the open changes are safely implemented and archived."""

from __future__ import annotations

from pathlib import Path

from pantheros.cli.output import paragraph, print_json, say, table
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, settled
from pantheros.specs.planning import overlaps, plan
from pantheros.specs.tree import required_root


def command(json: JsonOption = False, directory: DirectoryOption = Path()) -> int:
    root = settled(required_root(directory))
    found, both = plan(root), overlaps(root)
    if json:
        print_json(
            {
                "order": [{"change": name, "after": found.waits_for(name)} for name in found.order],
                "errors": [trouble._asdict() for trouble in found.troubles],
                "overlaps": [each._asdict() for each in both],
            }
        )
        return int(bool(found.troubles))
    rows = []
    for number, name in enumerate(found.order, 1):
        said = found.of[name]
        rows.append([str(number), name, said.priority, said.phase, ", ".join(found.waits_for(name))])
    if rows:
        table(["", "change", "priority", "phase", "after"], rows)
    else:
        say("there are no open changes")
    for trouble in found.troubles:
        paragraph(("error: ", "bold red"), f"{trouble.change}: {trouble.message}", error=True)
    for each in both:
        one, other = each.changes
        message = (
            f"{one} and {other} both change “{each.requirement}” of {each.capability}: archive one, rebase the other"
        )
        paragraph(("warning: ", "bold yellow"), message, error=True)
    return int(bool(found.troubles))
