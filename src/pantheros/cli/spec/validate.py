"""`panther spec validate`: what is wrong with changes and specs, with the verdicts of OpenSpec's own `validate`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pantheros.cli.output import paragraph, print_json, say
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, Refusal, about, kind_of, refused, settled
from pantheros.findings import PantherError
from pantheros.specs.issues import MARKS
from pantheros.specs.record import uses_more
from pantheros.specs.tree import Kind, Root, change_names, required_root, root_of, spec_files
from pantheros.specs.verdicts import Item, all_items, archived_items, one_change, one_spec, summary

if TYPE_CHECKING:
    from pantheros.specs.process import Problem

_COLOURS = {"ERROR": "bold red", "WARNING": "bold yellow", "INFO": "bold cyan"}


def command(
    item: Annotated[str, typer.Argument(metavar="NAME", help="A change, or a spec by its path.")] = "",
    all: Annotated[bool, typer.Option("--all", help="Every open change and every spec.")] = False,
    changes: Annotated[bool, typer.Option("--changes", help="Every open change.")] = False,
    specs: Annotated[bool, typer.Option("--specs", help="Every spec.")] = False,
    archived: Annotated[
        bool, typer.Option("--archived", help="The changes in the archive: are their tasks done?")
    ] = False,
    type: Annotated[str, typer.Option("--type", metavar="change|spec", help="What NAME is.")] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count, too.")] = False,
    json: JsonOption = False,
    directory: DirectoryOption = Path(),
) -> int:
    try:
        if archived:
            root = settled(required_root(directory))
            return _told(root, archived_items(root), ["change"], [], strict=strict, json=json)
        if all or changes or specs:
            root = settled(required_root(directory))
            kinds: list[Kind] = []
            if all or changes:
                kinds.append("change")
            if all or specs:
                kinds.append("spec")
            process = _process(root) if "change" in kinds else []
            return _told(root, all_items(root, kinds), kinds, process, strict=strict, json=json)
        if not item:
            raise Refusal("nothing_to_validate", "what is to be validated?", help="name it, or say --all")
        root = settled(root_of(directory))
        found = _one(root, item, type.lower())
        process = _of_one(root, item) if found.type == "change" else []
        return _told(root, [found], [found.type], process, strict=strict, json=json, single=True)
    except PantherError as error:
        return refused(error, "validate_error", json=json)


def _one(root: Root, name: str, type: str) -> Item:
    spec_files(root.specs)  # a link out of the tree is refused, whatever is asked for
    return one_change(root, name) if kind_of(root, name, type) == "change" else one_spec(root, name)


def _told(
    root: Root,
    items: list[Item],
    kinds: Sequence[Kind],
    process: Sequence[Problem],
    *,
    strict: bool,
    json: bool,
    single: bool = False,
) -> int:
    failed = [item for item in items if not item.valid(strict=strict)]
    counting = ("ERROR", "WARNING") if strict else ("ERROR",)
    in_the_way = sum(problem.level in counting for problem in process)
    wrong = bool(failed or in_the_way)
    if json:
        data: dict[str, Any] = {
            "items": [item.as_json(strict=strict) for item in items],
            "summary": summary(items, kinds, strict=strict),
            "version": "1.0",
            **({"process": [problem._asdict() for problem in process]} if process else {}),
            **about(root),
        }
        print_json(data)
        return int(wrong)
    for item in items:
        good = item.valid(strict=strict)
        if item.issues or single or os.isatty(1):
            paragraph(("✓ " if good else "✗ ", "green" if good else "bold red"), (f"{item.type} {item.id}", "bold"))
        for issue in item.issues:
            where = issue.path if issue.line is None else f"{issue.path}:{issue.line}"
            label = f"  {MARKS[issue.level]} {where}: "
            paragraph((label, _COLOURS[issue.level]), issue.message)
    for problem in process:
        paragraph((f"{MARKS[problem.level]} {problem.change}: ", _COLOURS[problem.level]), problem.message)
    if not single or in_the_way:
        passed = f"{len(items) - len(failed)} of {len(items)} pass" if items else "there is nothing to validate"
        stands = "1 thing stands" if in_the_way == 1 else f"{in_the_way} things stand"
        say(f"{passed}; {stands} in the way" if in_the_way else passed)
    return int(wrong)


def _process(root: Root, only: str = "") -> list[Problem]:
    """What the open changes owe and wait for, where more than OpenSpec's own is used."""
    if not uses_more(root):
        return []
    from pantheros.specs.process import problems  # noqa: PLC0415 (loading it takes as long as all the rest)

    return problems(root, date.today(), only)


def _of_one(root: Root, name: str) -> list[Problem]:
    """The problems of one change, and what is wrong with the order of those that it is stuck behind."""
    found = _process(root, name)
    if not uses_more(root) or name not in change_names(root):
        return found
    import networkx as nx  # noqa: PLC0415 (as above)

    from pantheros.specs.planning import plan  # noqa: PLC0415 (as above: it loads networkx)
    from pantheros.specs.process import Problem  # noqa: PLC0415 (as above)

    planned = plan(root)
    if name not in planned.order:
        before = nx.ancestors(planned.graph, name) - {name}
        found += [
            Problem(each.change, "ERROR", each.message, "order") for each in planned.troubles if each.change in before
        ]
    return found
