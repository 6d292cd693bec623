"""`panther show HOST`: what a host comes to."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from pantheros.cli.fleet import FleetArgument, JsonOption, ReleaseOption, model_of, support_ended, swapped
from pantheros.cli.output import finding_json, one_line, plain, print_json, report, say
from pantheros.fleet.secrecy import hidden
from pantheros.module import Host, Person
from pantheros.nix.values import join_path
from pantheros.synth.build import Model, unique
from pantheros.synth.library import Module
from pantheros.synth.merged import Merged, leaves, merge

HostArgument = Annotated[str, typer.Argument(metavar="HOST", help="The host's name.")]


def command(
    host: HostArgument,
    fleet: FleetArgument = Path(),
    every: Annotated[bool, typer.Option("--all", help="Show options that have their default, too.")] = False,
    release: ReleaseOption = None,
    json: JsonOption = False,
) -> int:
    host, fleet = swapped(host, fleet)
    model = model_of(fleet, release)
    shown = model.known_host(host)
    expansions, findings = model.expand(shown)
    system, homes = merge(model.resolver, shown, expansions)
    options = {module.name: _options(model, shown, module, None) for module in model.resolver.modules(shown)}
    findings = [*model.declared.findings, *findings]
    findings = unique([*support_ended(model.declared, date.today()), *findings, *model.beyond(findings)])
    failed = any(finding.severity == "error" for finding in findings)
    if json:
        print_json(
            {
                "host": shown.name,
                "kind": shown.kind,
                "stage": shown.stage,
                "system": shown.system,
                "release": shown.release.name,
                "people": {
                    person.name: {
                        "options": {join_path(path): plain(value) for path, value in _own(model, shown, person).items()}
                    }
                    for person in shown.people
                },
                "options": {f"pantherOS.{name}": plain(values) for name, values in options.items()},
                "settings": {
                    "nixos": _json(system),
                    "home": {name: _json(settings) for name, settings in homes.items()},
                },
                "imports": [found.path for layer in model.declared.layers(shown.declared) for found in layer.imports],
                "findings": [finding_json(finding) for finding in findings],
            }
        )
        return int(failed)
    say((shown.name, "bold"), f"  {shown.kind}, {shown.stage}, {shown.system}, NixOS {shown.release}")
    for module in model.resolver.modules(shown):
        _print_module(model, shown, module, every=every)
    for person in shown.people:
        _print_person(model, shown, person)
    _print_settings("nixos", system)
    for name, settings in homes.items():
        _print_settings(f"home of {name}", settings)
    return report(findings, fleet)


def _options(model: Model, host: Host, module: Module, person: Person | None) -> dict[str, Any]:
    return model.resolver.resolved(host, module, person).model_dump(by_alias=True, warnings=False)


def _set(model: Model, host: Host, module: Module, person: Person | None) -> set[tuple[str, ...]]:
    """The options that a user, or the module for this host, gave a value; the others have their own default."""
    resolved = model.resolver.resolved(host, module, person)
    return {path for path, _ in leaves(resolved.model_dump(by_alias=True, warnings=False, exclude_unset=True))}


def _where(model: Model, host: Host, person: Person | None, option: tuple[str, ...]) -> str:
    """Who gave an option of `pantherOS` its value, which is not its own default."""
    stack = model.resolver.stack(host, person)
    said = stack.get("pantherOS", option) is not None
    return str(stack.origin("pantherOS", option)) if said else "default of this host"


def _own(model: Model, host: Host, person: Person) -> dict[tuple[str, ...], Any]:
    """The options that come to something else for a person than for the host."""
    own: dict[tuple[str, ...], Any] = {}
    for module in model.resolver.modules(host):
        all_have = dict(leaves(_options(model, host, module, None)))
        given = _set(model, host, module, person)
        for path, value in leaves(_options(model, host, module, person)):
            if all_have[path] != value if path in all_have else path in given:
                own[("pantherOS", *module.names, *path)] = value
    return own


def _json(settings: Merged) -> dict[str, Any]:
    return {join_path(path): plain(hidden(found.value, path[-1])) for path, found in settings.items()}


def _print_module(model: Model, host: Host, module: Module, *, every: bool) -> None:
    lines: list[tuple[str, str]] = []
    stack = model.resolver.stack(host)
    defaults = dict(leaves(module.defaults))
    given = _set(model, host, module, None)
    for path, value in leaves(_options(model, host, module, None)):
        option = (*module.names, *path)
        has_default = path not in given or defaults.get(path) == value
        if has_default and stack.get("pantherOS", option) is None:
            if not every:
                continue
            where = "default"
        else:
            where = _where(model, host, None, option)
        lines.append((f"  {join_path(path)} = {one_line(value)}", f"  # {where}"))
    if lines:
        say()
        say((f"pantherOS.{module.name}", "bold cyan"))
    for line, where in lines:
        say(line, (where, "dim"))


def _print_person(model: Model, host: Host, person: Person) -> None:
    own = _own(model, host, person)
    if not own:
        return
    say()
    say((f"for {person.name}", "bold cyan"))
    for path, value in own.items():
        say(f"  {join_path(path)} = {one_line(value)}", (f"  # {_where(model, host, person, path[1:])}", "dim"))


def _print_settings(title: str, settings: Merged) -> None:
    if not settings:
        return
    say()
    say((title, "bold cyan"))
    for path, found in settings.items():
        sources = dict.fromkeys(d.module or "raw" for d in found.definitions)
        conflict = ("  conflict: NixOS refuses two values", "bold red") if found.conflict else ""
        value = one_line(hidden(found.value, path[-1]))
        say(f"  {join_path(path)} = {value}", (f"  # {', '.join(sources)}", "dim"), conflict)
