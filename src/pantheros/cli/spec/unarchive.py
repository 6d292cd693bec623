"""`panther spec unarchive`: a change is taken out of the archive, and the specs are as they were before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import print_json, say
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, about, check_name, refused, settled
from pantheros.findings import PantherError
from pantheros.specs.changelog import write_down
from pantheros.specs.tree import required_root
from pantheros.specs.unarchive import find_archived, paths, unarchive


def command(
    change: Annotated[str, typer.Argument(metavar="NAME", help="A change of the archive, with its day or without.")],
    json: JsonOption = False,
    directory: DirectoryOption = Path(),
) -> int:
    try:
        root = settled(required_root(directory))
        check_name(change, "Change name", "invalid_item")
        archived = find_archived(root, change)
        undo = unarchive(root, archived)
        write_down(root)
    except (PantherError, OSError) as error:
        told = error if isinstance(error, PantherError) else PantherError(str(error))
        return refused(told, "unarchive_error", json=json)
    changed = [path.as_posix() for path in paths(undo, root)]
    if json:
        print_json({"unarchived": {"change": undo.move.source.name, "from": archived, "specs": changed}, **about(root)})
        return 0
    for path in changed:
        say(f"{path}: as it was")
    say((f"{undo.move.source.name} is open again", "bold green"))
    return 0
