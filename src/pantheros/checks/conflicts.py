"""Options that two definitions give different values, where NixOS takes but one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pantheros.checks.view import HostView, Names
from pantheros.findings import Finding, Origin, Related
from pantheros.fleet.words import shown
from pantheros.nix.values import Override, Raw, Scope, Value, join_path
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
    String,
    Submodule,
    Tree,
    Type,
    Union,
    at,
)
from pantheros.synth.merged import Definition, MergedSetting

Merging = Literal["one", "equal", "any", "unknown"]
"""How many different values of one priority a type puts up with: only one definition at all; equal ones; any."""


def findings(view: HostView) -> Iterator[Finding]:
    """The settings of a host that NixOS would refuse to merge."""
    for scope, person, settings in view.scopes():
        for path, setting in settings.items():
            if len(setting.definitions) > 1:
                yield from _of(view, scope, person, path, setting)


def _of(view: HostView, scope: Scope, person: str | None, path: Names, setting: MergedSetting) -> Iterator[Finding]:
    said = _counting(view, scope, path, setting)
    if len(said) < 2 or any(isinstance(_bare(d), Raw) for d in said):
        return
    first = _bare(said[0])
    other = next((d for d in said[1:] if not _same(_bare(d), first)), None)
    merging = _merging(view, scope, path, [_bare(d) for d in said])
    if merging == "one":
        other = other or said[1]
    elif merging != "equal" or other is None:
        return
    # The last in the order of files is the first that NixOS sees.
    here, there = view.place(person, path, other), view.place(person, path, said[0])
    if _later(there.origin, here.origin):
        here, there, other, said = there, here, said[0], [other]
    name = join_path(path)
    message = f"`{name}` is {shown(_bare(other))} here and {shown(_bare(said[0]))} elsewhere: it takes one value"
    related = (Related(f"the other value, {shown(_bare(said[0]))}", there.origin),) if there.origin else ()
    help = "set it once, or say with `force` which one is to win"
    yield view.finding("conflicting-values", message, here, help=help, related=related)


def _later(left: Origin | None, right: Origin | None) -> bool:
    """Whether one place is more particular to the host than another: its own file over the fleet's."""
    if left is None or right is None:
        return right is None
    return (left.file.startswith("hosts/"), left.line) > (right.file.startswith("hosts/"), right.line)


def _counting(view: HostView, scope: Scope, path: Names, setting: MergedSetting) -> list[Definition]:
    """The definitions of the best priority; without those of our modules that repeat NixOS's own default."""
    best = min(_priority(definition) for definition in setting.definitions)
    said = [definition for definition in setting.definitions if _priority(definition) == best]
    default = view.index.default(scope, path)
    return [d for d in said if d.module is None or default is UNKNOWN or not _same(_bare(d), default)] or said[:1]


def _priority(definition: Definition) -> int:
    return definition.value.priority if isinstance(definition.value, Override) else 100


def _bare(definition: Definition) -> Value:
    return definition.value.value if isinstance(definition.value, Override) else definition.value


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _merging(view: HostView, scope: Scope, path: Names, values: list[Value]) -> Merging:
    status = view.index.status(scope, path)
    if status.option is None or not status.option.type:
        return "unknown"
    kind = at(parse(status.option.type), status.option.below)
    return "unknown" if kind is None else _of_type(kind, values)


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
    if isinstance(kind, ListOf | AttrsOf | Submodule):
        return "any"
    if isinstance(kind, Derivation):
        return "one"
    if isinstance(kind, String):
        return "any" if kind.description.startswith(("strings concatenated", "Concatenated")) else "equal"
    if isinstance(kind, Boolean):
        return "any" if "merged" in kind.description else "equal"
    return "equal" if isinstance(kind, Number | OneOf | AbsolutePath) else "unknown"
