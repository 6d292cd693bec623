"""`panther spec show`: a change with its deltas, or a spec with its requirements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import markdown, print_json
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, Refusal, about, check_name, closest, refused, settled
from pantheros.findings import PantherError
from pantheros.specs.listing import Missing, change_as_json, proposal_text, spec_as_json
from pantheros.specs.tree import SPEC, Root, change_names, read, root_of, spec_files


def command(
    item: Annotated[str, typer.Argument(metavar="NAME", help="A change, or a spec by its path.")],
    type: Annotated[str, typer.Option("--type", metavar="change|spec", help="What NAME is.")] = "",
    requirements: Annotated[bool, typer.Option("--requirements", help="Of a spec: without the scenarios.")] = False,
    no_scenarios: Annotated[bool, typer.Option("--no-scenarios", help="The same.")] = False,
    requirement: Annotated[int | None, typer.Option("--requirement", "-r", help="Of a spec: that one alone.")] = None,
    deltas_only: Annotated[bool, typer.Option("--deltas-only", help="Of a change: as without it.")] = False,
    json: JsonOption = False,
    directory: DirectoryOption = Path(),
) -> int:
    root = settled(root_of(directory))
    try:
        kind = _kind(root, item, type.lower())
        if kind == "change":
            check_name(item, "Change name", "invalid_item")
            if json:
                print_json({**change_as_json(root, item), **about(root)})
            else:
                markdown(proposal_text(root, item) + "\n")
            return 0
        if requirements and requirement is not None:
            raise Missing("Options --requirements and --requirement cannot be used together")
        for part in item.split("/"):
            check_name(part, "Spec id", "invalid_item")
        if json:
            short = requirements or no_scenarios
            print_json({**spec_as_json(root, item, scenarios=not short, only=requirement), **about(root)})
        else:
            markdown(read(root.specs / item / SPEC) + "\n")
        return 0
    except PantherError as error:
        return refused(error, "show_error", json=json)
    except OSError as error:
        return refused(PantherError(f"{item} cannot be read: {error.strerror}"), "show_error", json=json)


def _kind(root: Root, name: str, type: str) -> str:
    if type in ("change", "spec"):
        return type
    changes, specs = change_names(root), list(spec_files(root.specs))
    if name in changes and name in specs:
        message = f"'{name}' is both a change and a spec"
        raise Refusal("ambiguous_item", message, help="say which with --type change or --type spec")
    if name in changes or name in specs:
        return "change" if name in changes else "spec"
    near = closest(name, [*changes, *specs])
    help = f"did you mean {', '.join(near)}?" if near else ""
    raise Refusal("unknown_item", f"there is no change and no spec '{name}'", help=help)
