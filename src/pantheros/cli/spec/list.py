"""`panther spec list`: the open changes and how far they are, or the specs."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from pantheros.cli.output import paragraph, print_json, say, table
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, about, refused, settled
from pantheros.findings import PantherError
from pantheros.specs.listing import ListedChange, listed_changes, listed_specs
from pantheros.specs.record import FILE as RECORD
from pantheros.specs.tree import Root, about_nested, archived_names, change_names, find_root, required_root, utf16

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


def command(
    specs: Annotated[bool, typer.Option("--specs", help="The specs instead of the changes.")] = False,
    changes: Annotated[bool, typer.Option("--changes", help="The changes, as without it.")] = False,
    sort: Annotated[str, typer.Option("--sort", metavar="recent|name", help="Order of the changes.")] = "recent",
    json: JsonOption = False,
    directory: DirectoryOption = Path(),
) -> int:
    what = "specs" if specs and not changes else "changes"
    try:
        root = _root(directory)
        return _specs(root, json=json) if what == "specs" else _changes(root, by_name=sort == "name", json=json)
    except (PantherError, OSError) as error:
        told = error if isinstance(error, PantherError) else PantherError(str(error))
        return refused(told, "list_error", json=json, before={what: [], "root": None})


def _root(directory: Path) -> Root:
    if find_root(directory) is None and (directory / "openspec" / "project.md").is_file():
        return Root(directory.resolve(), "implicit")
    return settled(required_root(directory))


def _specs(root: Root, *, json: bool) -> int:
    found = listed_specs(root)
    if json:
        print_json({"specs": found, **about(root)})
    elif found:
        table(["spec", "requirements"], [[str(each["id"]), str(each["requirementCount"])] for each in found])
    else:
        say("there are no specs yet")
    return 0


def _changes(root: Root, *, by_name: bool, json: bool) -> int:
    found = listed_changes(root, by_name=by_name)
    if json:
        warnings = [
            {
                "code": "nested_change_directory",
                "name": change.name,
                "nested": list(change.nested),
                "message": about_nested(change.name, list(change.nested)),
            }
            for change in sorted(found, key=lambda change: utf16(change.name))
            if change.nested
        ]
        told: dict[str, Any] = {"warnings": warnings} if warnings else {}
        told |= {"duties": owed} if (owed := _duties(root)) else {}
        print_json({"changes": [change.as_json() for change in found], **told, **about(root)})
    elif found:
        table(["change", "tasks", "changed"], [[change.name, _state(change), _ago(change)] for change in found])
    else:
        say("there are no open changes")
    for each in _duties(root) if not json else ():
        late = "overdue since" if each["overdue"] else "due by"
        style = "bold red" if each["overdue"] else "bold yellow"
        paragraph((f"{late} {each['by']}: ", style), f"{each['change']}: {each['what']}")
    return 0


def _duties(root: Root) -> list[dict[str, Any]]:
    """What the changes of emergencies owe."""
    names = [root.changes / name for name in change_names(root)] + [
        root.archive / name for name in archived_names(root)
    ]
    if not any((path / RECORD).is_file() for path in names):
        return []
    from pantheros.specs.policy import read_policy  # noqa: PLC0415 (loading it takes as long as all the rest)
    from pantheros.specs.rules import all_duties  # noqa: PLC0415 (as above)

    return [{"change": name, **duty._asdict()} for name, duty in all_duties(root, read_policy(root), date.today())]


def _state(change: ListedChange) -> str:
    if change.nested:
        return "no change: it holds some"
    return {"no-tasks": "none", "complete": "✓ done"}.get(change.status, f"{change.done} of {change.total}")


def _ago(change: ListedChange) -> str:
    seconds = max(0, time.time() - change.modified / 1000)
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), (1, "s"))
    return f"{int(seconds // size)}{unit} ago"
