"""`panther spec rebase`: the specs as they are now become what a change is written against."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import say
from pantheros.cli.spec.shared import DirectoryOption, open_change, settled
from pantheros.specs.record import current_base
from pantheros.specs.recording import update_record
from pantheros.specs.tree import required_root


def command(
    change: Annotated[str, typer.Argument(metavar="NAME", help="A change.")], directory: DirectoryOption = Path()
) -> int:
    root = settled(required_root(directory))
    path = open_change(root, change)
    base = current_base(root, path)
    update_record(root, path, lambda record: replace(record, base=base))
    number = sum(map(len, base.values()))
    say(f"{change} is written against {number} requirement{'s' * (number != 1)} as they are now")
    return 0
