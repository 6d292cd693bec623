"""`panther modules [NAME]`: the library, and one module's options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from pantheros.cli.fleet import JsonOption, is_fleet
from pantheros.cli.output import finding_json, one_line, out, print_json, report
from pantheros.findings import Finding, PantherError
from pantheros.synth.describe import OptionText, options_of, text_of
from pantheros.synth.library import BrokenModule, Library, Module


def command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A module, such as development.git.")] = None,
    fleet: Annotated[
        Path, typer.Argument(metavar="FLEET", help="A fleet, for modules of its own.", show_default="here")
    ] = Path(),
    json: JsonOption = False,
) -> int:
    if name is not None and is_fleet(name) and not is_fleet(fleet):
        fleet, name = Path(name), None
    library = Library(fleet if is_fleet(fleet) else None)
    if name is None:
        return _list(library, fleet, json)
    full = name.removeprefix("pantherOS.")
    if full not in library.modules:
        below = sorted(module for module in library.modules if module.startswith(f"{full}."))
        if below:
            return _list(library, fleet, json, below)
        guess = library.nearest(tuple(full.split(".")))
        raise PantherError(
            f"there is no module {full!r}",
            help=f"did you mean {guess!r}?" if guess else "`panther modules` lists all",
        )
    try:
        return _one(library.modules[full], json)
    except BrokenModule as broken:
        return report([broken.finding], fleet)


def _list(library: Library, fleet: Path, json: bool, names: list[str] | None = None) -> int:
    findings: list[Finding] = list(library.findings)
    rows: list[tuple[Module, str, int]] = []
    for name in names or sorted(library.modules):
        module = library.modules[name]
        try:
            rows.append((module, module.summary, len(options_of(module))))
        except BrokenModule as broken:
            findings.append(broken.finding)
    if json:
        found = [
            {
                "name": f"pantherOS.{module.name}",
                "summary": summary,
                "options": count,
                "source": module.shown_path,
            }
            for module, summary, count in rows
        ]
        print_json({"modules": found, "findings": [finding_json(finding) for finding in findings]})
        return int(bool(findings))
    table = Table(box=box.SIMPLE_HEAD if out.is_terminal else None, pad_edge=False)
    table.add_column("module", no_wrap=True)
    table.add_column("options", justify="right")
    table.add_column("what it does")
    for module, summary, count in rows:
        table.add_row(module.name, str(count), summary)
    out.print(table)
    return report(findings, fleet)


def _one(module: Module, json: bool) -> int:
    options = options_of(module)
    if json:
        print_json(
            {
                "name": f"pantherOS.{module.name}",
                "text": text_of(module),
                "source": module.shown_path,
                "options": [_json(module, option) for option in options],
            }
        )
        return 0
    out.print(Text(f"pantherOS.{module.name}", style="bold cyan"))
    out.print(text_of(module))
    for option in options:
        out.print()
        out.print(Text.assemble((option.path, "bold"), (f"  {option.type}", "cyan")))
        out.print(f"    {option.text}")
        out.print(
            Text(
                f"    {'required' if option.required else 'default: ' + one_line(option.default)}",
                style="dim",
            )
        )
    return 0


def _json(module: Module, option: OptionText) -> dict[str, Any]:
    return {
        "name": f"pantherOS.{module.name}.{option.path}",
        "type": option.type,
        "default": option.default,
        "required": option.required,
        "text": option.text,
    }
