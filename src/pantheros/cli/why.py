"""`panther why HOST OPTION`: who set it, what won, and for a setting, the options that caused it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from pantheros.cli.fleet import FleetArgument, JsonOption, ReleaseOption, model_of
from pantheros.cli.output import one_line, plain, print_json, say
from pantheros.cli.show import HostArgument
from pantheros.findings import PantherError, nearest
from pantheros.fleet.layers import Root, Stack
from pantheros.fleet.secrecy import hidden
from pantheros.module import Host, Person
from pantheros.nix.values import Scope, join_path, split_path
from pantheros.releases.index import UNKNOWN
from pantheros.synth.blame import Cause, causes
from pantheros.synth.build import Model
from pantheros.synth.expand import expand
from pantheros.synth.library import Library, Module
from pantheros.synth.merged import Definition, Merged, merge

Names = tuple[str, ...]


@dataclass
class _Say:
    """One layer's say on an option."""

    layer: str
    value: Any
    where: str
    wins: bool


@dataclass
class _Answer:
    option: str
    kind: str
    found: bool
    value: Any = None
    layers: list[_Say] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    people: dict[str, Any] = field(default_factory=dict)
    """What it comes to for those for whom it is something else."""
    note: str = ""


def command(
    host: HostArgument,
    option: Annotated[str, typer.Argument(metavar="OPTION", help="An option of pantherOS, or a NixOS setting.")],
    fleet: FleetArgument = Path(),
    person: Annotated[str | None, typer.Option("--person", metavar="NAME", help="For this person's home.")] = None,
    release: ReleaseOption = None,
    json: JsonOption = False,
) -> int:
    model = model_of(fleet, release)
    asked = model.known_host(host)
    who = _person(asked, person)
    try:
        path = split_path(option)
    except ValueError as error:
        raise PantherError(str(error), help='quote a name that has a dot: services."a.b".enable') from error
    answers = [answer] if (answer := _option(model, asked, who, path)) else []
    if not answers or path[0] != "pantherOS":
        # Some names are both: an option of ours, and a setting of NixOS.
        setting = _setting(model, asked, who, path)
        answers += [setting] if setting.found or not answers else []
    if json:
        print_json({**_json(answers[0], asked.name), "also": [_json(other, asked.name) for other in answers[1:]]})
    else:
        for number, found in enumerate(answers):
            say() if number else None
            _print(found)
    return 0 if answers[0].found else 1


def _person(host: Host, name: str | None) -> Person | None:
    if name is None:
        return None
    for person in host.people:
        if person.name == name:
            return person
    guess = nearest(name, [person.name for person in host.people])
    raise PantherError(f"{name!r} has no account on {host.name}", help=f"did you mean {guess!r}?" if guess else "")


# Options of pantherOS -----------------------------------------------------------------------------------------


def _option(model: Model, host: Host, person: Person | None, path: Names) -> _Answer | None:
    """The answer for an option of pantherOS; None when `path` is none.

    `pantherOS` may be left out, since few names are both: `users.users.ada` is NixOS's, `users.immutable` ours.
    """
    named = path[0] == "pantherOS"
    path = path[1:] if named else path
    module = _module_of(model.resolver.library, path)
    if not named and module is None:
        return None
    if module is None:
        return _Answer(join_path(("pantherOS", *path)), "option", False, note=_no_module(model.resolver.library, path))
    below = path[len(module.names) :]
    full = join_path(("pantherOS", *path))
    resolved: Any = model.resolver.resolved(host, module, person).model_dump(by_alias=True)
    value = _at(resolved, below)
    if value is _MISSING and not named:
        return None
    if value is _MISSING:
        guess = _near_option(resolved, below)
        note = f"did you mean {join_path(('pantherOS', *module.names, *guess))}?" if guess else ""
        note = note or f"`panther modules {module.name}` lists what there is"
        return _Answer(full, "option", False, note=f"there is no such option; {note}")
    layers = _layers(model.resolver.stack(host, person), "pantherOS", path)
    layers = [*_defaults(model, host, module, below, set_by_user=bool(layers)), *layers]
    others: dict[str, Any] = {}
    for other in host.people if person is None else ():
        theirs = _at(model.resolver.resolved(host, module, other).model_dump(by_alias=True), below)
        if theirs != value and theirs is not _MISSING:
            others[other.name] = theirs
    return _Answer(full, "option", True, value, layers, people=others)


def _no_module(library: Library, path: Names) -> str:
    prefix = "".join(f"{name}." for name in path)
    below = [f"pantherOS.{name}" for name in sorted(library.modules) if name.startswith(prefix)]
    if below:
        return f"a group of modules: {', '.join(below)}"
    guess = library.nearest(path)
    return f"there is no module of that name; did you mean pantherOS.{guess}?" if guess else "there is no such module"


def _near_option(options: Any, path: Names) -> Names | None:
    """The option that `path` was most likely meant to be: the first name that is wrong, put right."""
    for depth, name in enumerate(path):
        here = _at(options, path[:depth])
        if isinstance(here, dict) and name not in here:
            guess = nearest(name, here)
            return (*path[:depth], guess) if guess else None
    return None


def _module_of(library: Library, path: Names) -> Module | None:
    tree: Any = library.tree
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
        if isinstance(tree, Module):
            return tree
    return None


_MISSING = object()


def _at(value: Any, path: Names) -> Any:
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return _MISSING
        value = value[name]
    return value


def _defaults(model: Model, host: Host, module: Module, below: Names, *, set_by_user: bool) -> list[_Say]:
    """What holds when nobody says anything: the option's default, and what the module makes of it for this host."""
    own = _at(module.defaults, below)
    says = [] if own is _MISSING else [_Say("default", own, module.shown_path, False)]
    function = module.function("defaults")
    given = _at(function(host), below) if function is not None else _MISSING
    if given is not _MISSING:
        says.append(_Say(f"default for {host.name}", given, module.shown_path, False))
    if says and not set_by_user:
        says[-1].wins = True
    return says


def _layers(stack: Stack, root: Root, path: Names) -> list[_Say]:
    return [
        _Say(_layer_name(found.table.layer, found.table.priority), found.value, str(found.origin), found.wins)
        for found in stack.contributions(root, path)
    ]


def _layer_name(layer: str, priority: int) -> str:
    return layer + {50: ", forced", 1000: ", as a default"}.get(priority, "")


# Settings -----------------------------------------------------------------------------------------------------


def _setting(model: Model, host: Host, person: Person | None, path: Names) -> _Answer:
    """The answer for a setting of NixOS or home-manager."""
    explicit: str | None = None
    if path[0] == "nixos" and len(path) > 1:
        path, explicit = path[1:], "nixos"
    elif path[:2] == ("home-manager", "users") and len(path) > 3 and path[2] in {p.name for p in host.people}:
        person, path, explicit = _person(host, path[2]), path[3:], "home"
    elif path[0] == "home" and len(path) > 2 and path[1] in {p.name for p in host.people}:
        person, path, explicit = _person(host, path[1]), path[2:], "home"
    elif path[0] == "home" and len(path) > 2 and model.index.status("home", path).kind in ("unknown", "doubtful"):
        path, explicit = path[1:], "home"
    expansions, _ = expand(model.resolver, host, model.index)
    system, homes = merge(model.resolver, host, expansions)
    scopes: list[tuple[Scope, str | None, Merged]] = [("nixos", None, system)]
    scopes += [("home", name, found) for name, found in homes.items()]
    for scope, name, settings in scopes:
        if (explicit not in (None, scope)) or (person is not None and name != person.name):
            continue
        matching = {p: s for p, s in settings.items() if p[: len(path)] == path}
        if matching:
            return _found_setting(model, host, scope, name, path, matching)
    scope = "home" if explicit == "home" or person is not None else "nixos"
    return _left_out(model, host, path) or _not_set(model, host, scope, path)


def _left_out(model: Model, host: Host, path: Names) -> _Answer | None:
    """The answer for a setting that a module made, but that NixOS has by itself."""
    expansions, _ = expand(model.resolver, host, model.index, all_settings=True)
    system, _ = merge(model.resolver, host, expansions)
    if path not in system:
        return None
    found = system[path]
    note = "not written: it is NixOS's own default"
    because = causes(model.resolver, host, model.index, None, path)
    return _Answer(join_path(path), "setting", True, found.value, [], found.definitions, because, note=note)


def _not_set(model: Model, host: Host, scope: Scope, path: Names) -> _Answer:
    """The answer for a setting that nobody made: what NixOS does by itself, or what was meant."""
    names: dict[Scope, str] = {"nixos": "NixOS", "home": "home-manager"}
    nobody = f"nothing in this fleet sets it on {host.name}"
    raw = [found.path for layer in model.declared.layers(host.declared) for found in layer.imports]
    if raw:
        nobody = f"not verified: the raw module {' or '.join(raw)} may set it; nothing else here does"
    status = model.index.status(scope, path)
    if scope == "nixos" and status.kind in ("unknown", "doubtful"):
        in_home = model.index.status("home", path)
        if in_home.kind not in ("unknown", "doubtful"):
            scope, status = "home", in_home
    if status.kind == "group":
        note = f"{nobody}; it is a group of {names[scope]}'s options"
    elif status.kind == "known":
        default = model.index.default(scope, path)
        what = "not known here" if default is UNKNOWN else one_line(default)
        note = f"{nobody}; {names[scope]}'s own default is {what}"
    elif status.kind in ("renamed", "removed"):
        what = status.detail or (f"it is {status.to} now" if status.to else "")
        note = f"{nobody}; {names[scope]} {model.declared.release} has it no longer" + (f": {what}" if what else "")
    else:
        guess = model.index.nearest(scope, path)
        if guess is not None:
            whole = (*split_path(guess), *path[len(split_path(guess)) :])
            guess = join_path(whole) if model.index.status(scope, whole).kind == "known" else guess
        note = f"{names[scope]} {model.declared.release} has no such option"
        if status.since is not None:
            note += f", {status.since} has"
        note += f"; did you mean {guess}?" if guess else ""
    return _Answer(join_path(path), "setting", False, note=note)


def _found_setting(
    model: Model, host: Host, scope: Scope, person: str | None, path: Names, matching: Merged
) -> _Answer:
    definitions = [
        replace(definition, value=hidden(definition.value, p[-1]), below=join_path(p[len(path) :]) if p != path else "")
        for p, found in matching.items()
        for definition in found.definitions
    ]
    value: Any = hidden(matching[path].value if path in matching else _nested(path, matching), path[-1])
    root: Root = "nixos" if scope == "nixos" else "home"
    owner = next((p for p in host.people if p.name == person), None)
    stack = model.resolver.stack(host, owner)
    layers = [replace(layer, value=hidden(layer.value, path[-1])) for layer in _layers(stack, root, path)]
    from_modules = any(definition.module for definition in definitions)
    because = causes(model.resolver, host, model.index, person, path) if from_modules else []
    prefix = "" if person is None else f"home.{person}."
    conflict = any(found.conflict for found in matching.values())
    note = "a conflict: NixOS refuses two values of one priority (`force` says which is to win)" if conflict else ""
    return _Answer(prefix + join_path(path), "setting", True, value, layers, definitions, because, note=note)


def _nested(path: Names, matching: Merged) -> dict[str, Any]:
    """The values below a path, as the tables they are."""
    tree: dict[str, Any] = {}
    for full, found in matching.items():
        into = tree
        for name in full[len(path) : -1]:
            into = into.setdefault(name, {})
        into[full[-1]] = found.value
    return tree


# Output -------------------------------------------------------------------------------------------------------


def _json(answer: _Answer, host: str) -> dict[str, Any]:
    return {
        "host": host,
        "option": answer.option,
        "kind": answer.kind,
        "found": answer.found,
        "value": plain(answer.value),
        "layers": [
            {"layer": say.layer, "value": plain(say.value), "origin": say.where, "wins": say.wins}
            for say in answer.layers
        ],
        "definitions": [
            {
                "option": d.below or None,
                "module": d.module,
                "value": plain(d.value),
                "file": d.file,
                "source": d.source or None,
            }
            for d in answer.definitions
        ],
        "causes": [
            {"option": cause.option, "origin": str(cause.origin or ""), "value": plain(cause.value)}
            for cause in answer.causes
        ],
        "people": {name: plain(value) for name, value in answer.people.items()},
        "note": answer.note or None,
    }


def _print(answer: _Answer) -> None:
    if not answer.found:
        say((answer.option, "bold"), f": {answer.note}")
        return
    say((answer.option, "bold"), f" = {one_line(answer.value, 200)}")
    if answer.note:
        say(f"  {answer.note}")
    for name, value in answer.people.items():
        say(f"  for {name}: {one_line(value, 200)}", (f"  see --person {name}", "dim"))
    if answer.layers:
        say("\nlayers, the lowest first" + (" (raw settings)" if answer.kind == "setting" else ""))
        for layer in answer.layers:
            mark = ("  → ", "bold green") if layer.wins else ("    ", "")
            say(mark, f"{one_line(layer.value)}", (f"  {layer.layer}", "cyan"), (f"  {layer.where}", "dim"))
    if answer.definitions:
        say("\nwould be set by" if answer.note.startswith("not written") else "\nset by")
        for definition in answer.definitions:
            name = f"pantherOS.{definition.module}" if definition.module else definition.by
            below = f"{definition.below} = " if definition.below else ""
            say(
                f"    {below}{one_line(definition.value)}",
                (f"  {name}", "cyan"),
                (f"  {definition.source or definition.file}", "dim"),
            )
    if answer.causes:
        say("\nbecause of")
        for cause in answer.causes:
            say(f"    {cause.option} = {one_line(cause.value)}", (f"  {cause.origin or ''}", "dim"))
