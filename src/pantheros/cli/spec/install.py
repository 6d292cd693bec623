"""`panther spec install`: the commands for Claude Code and OpenCode."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import say
from pantheros.cli.spec.shared import DirectoryOption
from pantheros.findings import PantherError
from pantheros.specs.install import DIRECTORIES, install
from pantheros.specs.tree import root_of


def command(
    only: Annotated[str, typer.Option("--for", metavar="claude|opencode", help="That one alone.")] = "",
    directory: DirectoryOption = Path(),
) -> int:
    if only and only not in DIRECTORIES:
        raise PantherError(f"there is no {only}", help=f"--for takes {' or '.join(DIRECTORIES)}")
    for each in install(root_of(directory), (only,) if only else tuple(DIRECTORIES)):
        say(f"{each.path}: {each.outcome}")
    return 0
