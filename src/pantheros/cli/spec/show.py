"""`panther spec show`: a change with its deltas, or a spec with its requirements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import markdown, print_json
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, about, kind_of, refused, settled
from pantheros.findings import PantherError
from pantheros.specs.listing import Missing, change_as_json, proposal_text, spec_as_json
from pantheros.specs.tree import SPEC, read, root_of


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
        kind = kind_of(root, item, type.lower())
        if kind == "change":
            if json:
                print_json({**change_as_json(root, item), **about(root)})
            else:
                markdown(proposal_text(root, item) + "\n")
            return 0
        if requirements and requirement is not None:
            raise Missing("Options --requirements and --requirement cannot be used together")
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
