"""`panther spec gen`: a change is begun, with what its kind has to say."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import paragraph, say, table
from pantheros.cli.spec.shared import DirectoryOption
from pantheros.findings import PantherError, nearest
from pantheros.specs.generate import New, begin, home, hosts_of, needless, when_needed
from pantheros.specs.kinds import KINDS, PHASES
from pantheros.specs.metadata import PRIORITIES
from pantheros.specs.tree import Root, archived_as, change_names

Words = list[str] | None


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name, such as add-restic-backup.")] = "",
    kind: Annotated[str, typer.Option("--kind", metavar="K", help="What kind of proposal it is.")] = "",
    capability: Annotated[
        Words, typer.Option("--capability", metavar="C", help="A capability that it changes; may be said repeatedly.")
    ] = None,
    phase: Annotated[str, typer.Option("--phase", metavar="1|2|3", help="Hardware, modules or hosts.")] = "",
    priority: Annotated[str, typer.Option("--priority", metavar="P", help="critical, high, medium or low.")] = "",
    depends_on: Annotated[
        Words, typer.Option("--depends-on", metavar="NAME", help="A change that comes first; repeatedly, too.")
    ] = None,
    blocks: Annotated[
        Words, typer.Option("--blocks", metavar="NAME", help="An open change that has to wait; repeatedly, too.")
    ] = None,
    milestone: Annotated[str, typer.Option("--milestone", metavar="M", help="What it is to be done for.")] = "",
    estimate: Annotated[
        float | None, typer.Option("--estimate", metavar="DAYS", min=0, help="How many days of work it takes.")
    ] = None,
    directory: DirectoryOption = Path(),
) -> int:
    root = home(directory)
    if not (name or kind):
        return _explain(root)
    if not kind:
        _explain(root)
        raise PantherError(f"what kind of change is {name}?", help="say --kind, with one of those above")
    if not name:
        raise PantherError("what is the change to be called?", help="such as add-restic-backup")
    if kind not in KINDS:
        guess = nearest(kind, KINDS)
        raise PantherError(f"there is no kind '{kind}'", help=f"did you mean {guess}?" if guess else ", ".join(KINDS))
    if priority and priority not in PRIORITIES:
        raise PantherError(f"there is no priority '{priority}'", help=", ".join(PRIORITIES))
    if phase and phase not in PHASES:
        listed = ", ".join(f"{number} ({what})" for number, what in PHASES.items())
        raise PantherError(f"there is no phase {phase}", help=f"there are {listed}")
    known = {*change_names(root), *archived_as(root)} - {name}
    for other in depends_on or ():
        if other not in known:
            raise PantherError(f"there is no change '{other}' that {name} could depend on")
    for other in blocks or ():
        if other == name or other not in change_names(root):
            raise PantherError(f"there is no other open change '{other}' that could wait for {name}")
        if other in (depends_on or ()):
            raise PantherError(f"{other} cannot both come before {name} and wait for it")
    if estimate is not None and not math.isfinite(estimate):
        raise PantherError("--estimate takes a number of days")
    new = New(
        name,
        KINDS[kind],
        capabilities=tuple(capability or ()),
        phase=phase,
        priority=priority,
        depends_on=tuple(depends_on or ()),
        blocks=tuple(blocks or ()),
        milestone=milestone.strip(),
        estimate=estimate,
        rows=() if (phase or KINDS[kind].phase) == "2" else hosts_of(root),
    )
    reason = needless(root)
    for path in begin(root, new, date.today()):
        say(path.as_posix())
    if reason:
        paragraph("", f"This may need no proposal: {reason}.")
    message = (
        "Fill in the proposal; then `panther spec rebase`, `panther spec validate` and `panther spec review` go on."
    )
    paragraph("", message)
    return 0


def _explain(root: Root) -> int:
    say(("A proposal is needed where", "bold"))
    table(["kind", "when"], [[name, when] for name, when in when_needed()])
    reason = needless(root)
    if reason:
        paragraph("", f"What is changed here now needs none: {reason}.")
    say("Begin one with `panther spec gen NAME --kind KIND`.")
    return 0
