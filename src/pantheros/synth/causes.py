"""Which options cause which settings, found by replay: leave one option out, work it out again, see what differs.

An option that was set to what it would have been anyway makes no difference when it is left out; it is given another
value instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel

from pantheros.findings import BrokenModule
from pantheros.fleet.layers import leaves_of, nested, overlay
from pantheros.fleet.words import choices_at
from pantheros.module import Host, ModuleOptions, Person
from pantheros.nix.values import Value
from pantheros.synth.library import Module
from pantheros.synth.resolve import Resolver

Names = tuple[str, ...]
K = TypeVar("K")
Outcome = dict[K, Value]
"""What a replay looks at: values by whatever names them."""


def changed_by(
    resolver: Resolver,
    host: Host,
    module: Module,
    leaf: Names,
    outcome: Callable[[Resolver, Host], Outcome[K]],
    person: str | None = None,
) -> set[K]:
    """The keys of `outcome` that are what they are because of the option at `leaf` (its path, with the module's).

    With `person`, because of what holds for that person alone.
    """
    now = outcome(resolver, host)
    for variant in _variants(resolver, host, module, leaf, person):
        try:
            other = outcome(variant, variant.host(host.name))
        except BrokenModule:
            continue
        changed = _changed(now, other)
        if changed:
            return changed
    return set()


def asked_for(
    resolver: Resolver,
    host: Host,
    module: Module,
    now: Outcome[K],
    outcome: Callable[[ModuleOptions], Outcome[K]],
) -> set[K]:
    """The keys of `now` that what the user set of the module is the cause of; `enable` aside.

    This runs in every build, so the module's own options alone are varied, and all at once where that tells enough.
    """
    given = resolver.stack(host).get("pantherOS", module.names)
    if not isinstance(given, dict):
        return set()  # nobody set any of it, or what is there is no table, which is told elsewhere
    switch = {name: value for name, value in given.items() if name == "enable"}
    if given == switch:
        return set()
    options = resolver.resolved(host, module)
    bare, _ = resolver.worked_out(host, module, switch)
    found = _changed(now, outcome(bare))
    for leaf in leaves_of(given):
        if leaf == ("enable",) or len(found) == len(now):
            continue
        if _option_at(options, leaf) == _option_at(bare, leaf):
            # Set to what it would have been anyway: only another value shows what it is the cause of.
            for other in _others(resolver, host, module, given, leaf):
                found |= _changed(now, outcome(other))
                break
    return found


def _changed(now: Outcome[K], other: Outcome[K]) -> set[K]:
    return {name for name in now if name not in other or other[name] != now[name]}


def _option_at(options: Any, path: Names) -> Any:
    for name in path:
        if isinstance(options, BaseModel):
            attribute = _attributes(type(options)).get(name)
            options = getattr(options, attribute) if attribute else None
        else:
            options = options.get(name) if isinstance(options, dict) else None
    return options


@cache
def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """Python's names of a model's fields, by the names that users write."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


def _others(
    resolver: Resolver, host: Host, module: Module, given: dict[str, Any], leaf: Names
) -> Iterator[ModuleOptions]:
    """The module's options with another value at `leaf`, one that it can have."""
    options = resolver.resolved(host, module)
    value: Any = given
    for name in leaf:
        value = value[name]
    for other in _other_values(module, leaf, value):
        varied, wrong = resolver.worked_out(host, module, overlay(given, nested(leaf, other)))
        if not wrong and varied != options:
            yield varied


def _variants(resolver: Resolver, host: Host, module: Module, leaf: Names, person: str | None) -> Iterator[Resolver]:
    """The fleet without the option; and, where that changes nothing, with another value for it."""
    owner = _person(host, person)
    stack = resolver.stack(host, owner)
    options = resolver.resolved(host, module, owner)
    without = resolver.variant(host, lambda old: old.without("pantherOS", leaf), person)
    yield without
    without_host = without.host(host.name)
    if without.resolved(without_host, module, _person(without_host, person)) == options:
        value = stack.get("pantherOS", leaf)
        for other in _other_values(module, leaf[len(module.names) :], value):
            variant = resolver.variant(host, lambda old, other=other: old.with_option(leaf, other), person)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            varied = variant.host(host.name)
            changed = variant.resolved(varied, module, _person(varied, person))
            if not variant.findings and changed != options:
                yield variant


def _person(host: Host, name: str | None) -> Person | None:
    return next((person for person in host.people if person.name == name), None)


def _other_values(module: Module, path: Sequence[str], value: Any) -> Iterable[Any]:
    choices = [choice for choice in choices_at(module.options, path) if choice != value]
    if choices:
        return choices
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value - 1, value * 2]
    if isinstance(value, str):
        return [f"{value}x", "other", ""]
    if isinstance(value, list):
        return [[], ["other"]] if value else [["other"], [1]]
    return [{}]
