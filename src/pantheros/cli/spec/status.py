"""`panther spec status`: which documents of a change are written, and which come next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pantheros.cli.output import paragraph, print_json, say, table
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, Refusal, about, check_name, refused, settled
from pantheros.findings import PantherError
from pantheros.specs.listing import Missing, status_as_json
from pantheros.specs.text import collation
from pantheros.specs.tree import ARCHIVE, Root, change_names, root_of


def command(
    change: Annotated[str, typer.Argument(metavar="NAME", help="A change.")] = "",
    named: Annotated[str, typer.Option("--change", metavar="NAME", help="The same.")] = "",
    all: Annotated[bool, typer.Option("--all", help="Every open change.")] = False,
    schema: Annotated[str, typer.Option("--schema", metavar="NAME", help="Another schema than the change's.")] = "",
    json: JsonOption = False,
    directory: DirectoryOption = Path(),
) -> int:
    root = settled(root_of(directory))
    name = named or change
    before: dict[str, Any] | None = {"changes": [], "root": None} if all else None
    try:
        if all and name:
            raise Refusal("change_error", "--all is about every change, and one is named")
        if all or not (name or change_names(root)):
            return _all(root, schema, json=json)
        _check(root, name)
        found = status_as_json(root, name, schema)
    except PantherError as error:
        return refused(error, "change_error", json=json, before=before)
    if json:
        print_json({**found, **about(root)})
    else:
        _print(found)
    return 0


def _check(root: Root, name: str) -> None:
    known = "\n".join(f"  {each}" for each in change_names(root))
    if not name:
        raise Refusal("change_error", f"which change? These are open:\n{known}")
    check_name(name, f"Invalid change name '{name}': Change name", "change_error")
    if name.startswith("."):
        raise Refusal("change_error", f"Invalid change name '{name}': Change name cannot start with a dot")
    if name == ARCHIVE:
        raise Refusal("change_error", f"Invalid change name '{name}': it is reserved for archived changes")
    if not (root.changes / name).is_dir():
        others = f"These are open:\n{known}" if known else "None is open."
        raise Refusal("change_error", f"Change '{name}' not found. {others}")


def _all(root: Root, schema: str, *, json: bool) -> int:
    names = sorted(change_names(root), key=collation)
    found: list[dict[str, Any]] = []
    failed = False
    for name in names:
        try:
            found.append(status_as_json(root, name, schema))
        except Missing as error:
            failed = True
            told = {"severity": "error", "code": "change_error", "message": error.message}
            found.append({"changeName": name, "status": [told]})
    if json:
        print_json({"changes": found, **({} if names else {"message": "No active changes."}), **about(root)})
    elif not names:
        say("there are no open changes")
    for each in found if not json else ():
        _print(each)
    return int(failed)


def _print(found: dict[str, Any]) -> None:
    say((found["changeName"], "bold"))
    for error in found.get("status", ()):
        paragraph(("  error: ", "bold red"), error["message"])
    rows = [
        [f"  {each['id']}", each["status"], f"after {', '.join(each['missingDeps'])}" if "missingDeps" in each else ""]
        for each in found.get("artifacts", ())
    ]
    if rows:
        table(["  document", "state", ""], rows)
    for step in found.get("nextSteps", ()):
        paragraph("  ", step)
