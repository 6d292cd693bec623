"""`panther spec unarchive`: a change is taken out of the archive, and the specs are as they were before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pantheros.cli.output import paragraph, print_json, say
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, about, check_name, refused, settled
from pantheros.findings import PantherError
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
        undo, listed = unarchive(root, archived)
    except (PantherError, OSError) as error:
        reason = error if isinstance(error, PantherError) else PantherError(str(error))
        return refused(reason, "unarchive_error", json=json)
    changed = [path.as_posix() for path in paths(undo, root)]
    if json:
        told: dict[str, Any] = {"change": undo.move.source.name, "from": archived, "specs": changed}
        if listed.updated:
            told["documents"] = listed.updated
        if listed.warnings:
            told["warnings"] = listed.warnings
        print_json({"unarchived": told, **about(root)})
        return 0
    for path in changed:
        say(f"{path}: as it was")
    for document in listed.updated:
        say(f"{document}: brought up to date")
    say((f"{undo.move.source.name} is open again", "bold green"))
    for warning in listed.warnings:
        paragraph(("warning: ", "bold yellow"), warning, error=True)
    return 0
