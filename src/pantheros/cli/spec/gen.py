"""`panther spec gen`: a change is begun, with what its kind has to say."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import paragraph, say, table
from pantheros.cli.spec.shared import DirectoryOption
from pantheros.findings import PantherError, nearest
from pantheros.fleet.read import FLEET_FILE, read_fleet
from pantheros.specs.generate import New, begin, needless, when_needed
from pantheros.specs.kinds import KINDS, PHASES
from pantheros.specs.metadata import PRIORITIES
from pantheros.specs.tree import Root, archived_as, change_names, root_of

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
        Words, typer.Option("--depends-on", metavar="NAME", help="A change that comes first.")
    ] = None,
    directory: DirectoryOption = Path(),
) -> int:
    root = root_of(directory)
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
    rows = () if (phase or KINDS[kind].phase) == "2" else _hosts(root)
    new = New(name, KINDS[kind], tuple(capability or ()), phase, priority, tuple(depends_on or ()), rows)
    reason = needless(root)
    for path in begin(root, new, date.today()):
        say(path.as_posix())
    if reason:
        paragraph("", f"This may need no proposal: {reason}.")
    say("Fill in the proposal; then `panther spec rebase`, `panther spec validate` and `panther spec review` go on.")
    return 0


def _hosts(root: Root) -> tuple[str, ...]:
    """The hosts of the fleet that the specs lie in, if they lie in one."""
    if not (root.path / FLEET_FILE).is_file():
        return ()
    return tuple(read_fleet(root.path).hosts)


def _explain(root: Root) -> int:
    say(("A proposal is needed where", "bold"))
    table(["kind", "when"], [[name, when] for name, when in when_needed()])
    reason = needless(root)
    if reason:
        paragraph("", f"What is changed here now needs none: {reason}.")
    say("Begin one with `panther spec gen NAME --kind KIND`.")
    return 0
