"""What the subcommands of `panther spec` share: the tree they are about, and how they say that they cannot go on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from pantheros.cli.output import paragraph, print_json
from pantheros.findings import PantherError
from pantheros.specs.journal import Busy, left_over, locked
from pantheros.specs.tree import Kind, Root, change_names, spec_files

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, with the fields of OpenSpec's own.")]
DirectoryOption = Annotated[
    Path, typer.Option("--directory", "-C", metavar="DIR", help="Begin to look for openspec/ there.")
]


class Refusal(PantherError):
    """What a command refuses to do, with the code that programs know it by."""

    def __init__(self, code: str, message: str, *, help: str = "") -> None:
        super().__init__(message, help=help)
        self.code = code


def settled(root: Root) -> Root:
    """The tree, once what a process that was killed had begun is finished; one that is at it still is left to it. What
    can be neither finished nor taken back is told: who only looks can go on."""
    if left_over(root):
        try:
            with suppress(Busy), locked(root):
                pass
        except (PantherError, OSError) as error:
            told = error if isinstance(error, PantherError) else PantherError(str(error))
            paragraph(("warning: ", "bold yellow"), f"something was begun here: {told.message}", error=True)
            if told.help:
                paragraph(("   = help: ", "blue"), told.help, error=True)
    return root


def refused(error: PantherError, code: str, *, json: bool, before: dict[str, Any] | None = None) -> int:
    """Say why a command does not go on, with all reasons that there are; its exit status."""
    reasons: list[PantherError] = [error, *getattr(error, "others", ())]
    if json:
        told = [
            {
                "severity": "error",
                "code": getattr(each, "code", code),
                "message": each.message,
                **({"fix": each.help} if each.help else {}),
            }
            for each in reasons
        ]
        print_json({**(before or {}), "status": told})
        return 1
    for each in reasons:
        paragraph(("error: ", "bold red"), each.message, error=True)
        if each.help:
            paragraph(("   = help: ", "blue"), each.help, error=True)
    return 1


def closest(name: str, known: Sequence[str], most: int = 5) -> list[str]:
    """The names nearest to one, by the edits that lead from one to the other; ties as they come."""
    return sorted(known, key=lambda other: _distance(name, other))[:most]


def _distance(left: str, right: str) -> int:
    row = list(range(len(right) + 1))
    for at, char in enumerate(left, 1):
        before, row[0] = row[0], at
        for place, other in enumerate(right, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (char != other))
    return row[-1]


def check_name(name: str, what: str, code: str) -> None:
    """Refuse what is no plain name of a directory."""
    wrong = ""
    if not name:
        wrong = "must not be empty"
    elif "/" in name or "\\" in name:
        wrong = "must not contain path separators"
    elif name in (".", ".."):
        wrong = f"must not be '{name}'"
    elif "\0" in name:
        wrong = "must not contain null characters"
    if wrong:
        raise Refusal(code, f"{what} {wrong}")


def kind_of(root: Root, name: str, said: str) -> Kind:
    """Whether a name is a change's or a spec's: as `said`, or by what there is. Raises `Refusal` where it is neither's,
    both's, or no name."""
    if said == "change":
        check_name(name, "Change name", "invalid_item")
        return "change"
    if said == "spec":
        for part in name.split("/"):
            check_name(part, "Spec id", "invalid_item")
        return "spec"
    changes, specs = change_names(root), list(spec_files(root.specs))
    if name in changes and name in specs:
        message = f"'{name}' is both a change and a spec"
        raise Refusal("ambiguous_item", message, help="say which with --type change or --type spec")
    if name in changes or name in specs:
        return "change" if name in changes else "spec"
    near = closest(name, [*changes, *specs])
    help = f"did you mean {', '.join(near)}?" if near else ""
    raise Refusal("unknown_item", f"there is no change and no spec '{name}'", help=help)


def open_change(root: Root, name: str) -> Path:
    """The directory of an open change. Raises `PantherError` where there is none of this name."""
    check_name(name, "Change name", "invalid_item")
    known = change_names(root)
    if name not in known:
        near = closest(name, known, 1)
        help = f"did you mean {near[0]}?" if near else "none is open"
        raise PantherError(f"there is no open change '{name}'", help=help)
    return root.changes / name


def about(root: Root) -> dict[str, Any]:
    """The root, as JSON ends with it."""
    return {"root": root.as_json()}
