"""`panther spec rebase`: the specs as they are now become what a change is written against."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import say
from pantheros.cli.spec.diff import print_three_ways
from pantheros.cli.spec.shared import DirectoryOption, open_change, settled
from pantheros.specs.planning import compared
from pantheros.specs.record import Record, current_base, read_record
from pantheros.specs.recording import update_record
from pantheros.specs.tree import required_root


def command(
    change: Annotated[str, typer.Argument(metavar="NAME", help="A change.")],
    accept: Annotated[
        bool, typer.Option("--accept", help="The delta takes up what has been changed meanwhile.")
    ] = False,
    directory: DirectoryOption = Path(),
) -> int:
    root = settled(required_root(directory))
    path = open_change(root, change)
    record = read_record(path) or Record()
    stale = compared(root, change, record).moved
    for each in stale:
        print_three_ways(each)
    if stale and not accept:
        say("bring the delta up to date with what has been changed meanwhile, then say --accept", error=True)
        return 1
    base = current_base(root, path)
    update_record(root, path, lambda record: replace(record, base=base))
    number = sum(map(len, base.values()))
    say(f"{change} is written against {number} requirement{'s' * (number != 1)} as they are now")
    return 0
