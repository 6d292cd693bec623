"""Options that two definitions give different values, where NixOS takes but one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from pantheros.checks.view import HostView, Names
from pantheros.findings import Finding, Origin, Related
from pantheros.fleet.secrecy import names_a_secret
from pantheros.nix.values import Package, Raw, Scope, Value, join_path, split_path
from pantheros.nix.words import shown
from pantheros.releases.index import UNKNOWN
from pantheros.releases.type_grammar import parse
from pantheros.releases.types import (
    AbsolutePath,
    AttrsOf,
    Boolean,
    Derivation,
    ListOf,
    Number,
    OneOf,
    Opaque,
    String,
    Submodule,
    Tree,
    Type,
    Union,
    at,
)
from pantheros.synth.merged import EVERY_HOST, Definition

Merging = Literal["one", "equal", "any", "unknown"]
"""How many different values of one priority a type puts up with: only one definition at all; equal ones; any."""


class Said(NamedTuple):
    """A definition, and the name that it sets: an old one, perhaps, of the option that is looked at."""

    path: Names
    definition: Definition

    @property
    def bare(self) -> Value:
        return self.definition.bare


def findings(view: HostView) -> Iterator[Finding]:
    """The settings of a host that NixOS would refuse to merge."""
    for scope, person, settings in view.scopes():
        given = _given(view, person) if person else {}
        old: dict[Names, list[Said]] = defaultdict(list)
        for path, setting in settings.items():
            now = _new_name(view, scope, path)
            if now is not None:
                old[now] += [Said(path, definition) for definition in setting.definitions]
        for path, setting in settings.items():
            definitions = [*setting.definitions, *([given[path]] if path in given else [])]
            if len(definitions) > 1 or path in old:
                said = [Said(path, definition) for definition in definitions]
                yield from _of(view, scope, person, path, [*said, *old.pop(path, [])])
        for path, said in old.items():
            yield from _of(view, scope, person, path, said)


def _given(view: HostView, person: str) -> dict[Names, Definition]:
    """What the system says of each home: home-manager hands on what is known of the account."""
    user = ("users", "users", person)
    known = {
        "stateVersion": view.value("system.stateVersion", Raw("")),
        "username": view.value((*user, "name"), person),
        "homeDirectory": view.value((*user, "home"), f"/home/{person}"),
    }
    return {("home", name): Definition(value, None, "", "", by=EVERY_HOST) for name, value in known.items()}


def _new_name(view: HostView, scope: Scope, path: Names) -> Names | None:
    """What a setting's name is an old one for, to which NixOS hands its value on."""
    status = view.index.status(scope, path)
    if status.kind != "renamed" or not status.certain or status.option is None or not status.to:
        return None
    return split_path(status.to)


def _of(view: HostView, scope: Scope, person: str | None, path: Names, definitions: list[Said]) -> Iterator[Finding]:
    said = _counting(view, scope, path, definitions)
    if len(said) < 2 or any(isinstance(each.bare, Raw) for each in said):
        return
    first = said[0].bare
    other = next((each for each in said[1:] if not _same(each.bare, first)), None)
    merging = _merging(view, scope, path, [each.bare for each in said])
    if merging == "one":
        other = other or said[1]
    elif merging != "equal" or other is None:
        return
    # The last in the order of files is the first that NixOS sees.
    one = said[0]
    here, there = view.place(person, *other), view.place(person, *one)
    if _later(there.origin, here.origin):
        here, there, other, one = there, here, one, other
    name = join_path(path)
    module = one.definition.module
    if module is not None and other.definition.module is None:
        message = f"`{name}` is {shown(other.bare)} here, and `pantherOS.{module}` makes it {shown(one.bare)}"
        option = there.option if there.option != f"pantherOS.{module}" else ""
        instead = f"set `{option}` instead" if option else "leave it to the module"
        help = f"{instead}, or say with `force` that this one wins"
    else:
        message = f"`{name}` is {shown(other.bare)} here and {shown(one.bare)} elsewhere: it takes one value"
        help = "set it once, or say with `force` which one is to win"
    label = f"the other value, {shown(one.bare)}"
    private = names_a_secret(path[-1])
    if private:
        message, label = f"`{name}` has another value elsewhere: it takes one", "the other value"
    related = (Related(label, there.origin),) if there.origin else ()
    finding = view.finding("conflicting-values", message, here, help=help, related=related)
    yield replace(finding, private=private)


def _later(left: Origin | None, right: Origin | None) -> bool:
    """Whether one place is more particular to the host than another: its own file over the fleet's."""
    if left is None or right is None:
        return right is None
    return (left.file.startswith("hosts/"), left.line) > (right.file.startswith("hosts/"), right.line)


def _counting(view: HostView, scope: Scope, path: Names, definitions: list[Said]) -> list[Said]:
    """The definitions of the best priority; without those of our modules that repeat NixOS's own default."""
    best = min(each.definition.priority for each in definitions)
    said = [each for each in definitions if each.definition.priority == best]
    default = view.index.default(scope, path)
    if default is UNKNOWN:
        return said
    return [each for each in said if each.definition.module is None or not _same(each.bare, default)] or said[:1]


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _merging(view: HostView, scope: Scope, path: Names, values: list[Value]) -> Merging:
    status = view.index.status(scope, path)
    if status.option is None or not status.option.type:
        return "unknown"
    kind = at(parse(status.option.type), status.option.below)
    if kind is None or not all(kind.accepts(value) for value in values):
        return "unknown"  # a value that is refused is told as such
    return _of_type(kind, values)


def _of_type(kind: Type, values: list[Value]) -> Merging:
    """How a type merges (nixpkgs, `lib/types.nix`)."""
    if isinstance(kind, Union):
        nulls = sum(value is None for value in values)
        if 0 < nulls < len(values) and kind.accepts(None):
            return "equal"
        for choice in kind.choices:
            # Of two types, the one that takes all the values merges them; where none does, they have to be equal.
            if all(choice.accepts(value) for value in values):
                return _of_type(choice, values)
        return "equal"
    if isinstance(kind, Tree):
        scalars = [value for value in values if not isinstance(value, list | dict)]
        return "equal" if scalars else "any"
    if isinstance(kind, Opaque):
        if kind.merging == "one" or any(isinstance(value, Package) for value in values):
            return "one"
        return "any" if kind.merging == "lists" and any(isinstance(value, list) for value in values) else "equal"
    if isinstance(kind, ListOf | AttrsOf | Submodule):
        return "any"
    if isinstance(kind, Derivation):
        return "one"
    if isinstance(kind, String):
        return "any" if kind.description.startswith(("strings concatenated", "Concatenated")) else "equal"
    if isinstance(kind, Boolean):
        return "any" if "merged" in kind.description else "equal"
    return "equal" if isinstance(kind, Number | OneOf | AbsolutePath) else "unknown"
