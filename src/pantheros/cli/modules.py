"""`panther modules [NAME]`: the library, and one module's options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pantheros.cli.fleet import JsonOption, is_fleet
from pantheros.cli.output import finding_json, one_line, paragraph, print_json, report, say, table
from pantheros.findings import BrokenModule, Finding, PantherError
from pantheros.synth.describe import OptionText, options_of, text_of
from pantheros.synth.library import Library, Module


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
    table(
        ("module", "options", "what it does"),
        [(module.name, str(count), summary) for module, summary, count in rows],
    )
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
    say((f"pantherOS.{module.name}", "bold cyan"))
    say(text_of(module))
    for option in options:
        say()
        say((option.path, "bold"), (f"  {option.type}", "cyan"))
        paragraph("    ", option.text)
        paragraph("    ", (f"{'required' if option.required else 'default: ' + one_line(option.default)}", "dim"))
    return 0


def _json(module: Module, option: OptionText) -> dict[str, Any]:
    return {
        "name": f"pantherOS.{module.name}.{option.path}",
        "type": option.type,
        "default": option.default,
        "required": option.required,
        "text": option.text,
    }
