"""Which options cause which settings, found by replay: leave one option out, work it out again, see what differs.

An option that was set to what it would have been anyway makes no difference when it is left out; it is given another
value instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from pantheros.fleet.layers import FORCE, Stack, Table
from pantheros.fleet.typed import choices_at
from pantheros.module import Host, ModuleOptions
from pantheros.nix.values import Value
from pantheros.synth.library import BrokenModule, Module
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
) -> set[K]:
    """The keys of `outcome` that are what they are because of the option at `leaf` (its path, with the module's)."""
    now = outcome(resolver, host)
    for variant in _variants(resolver, host, module, leaf):
        try:
            other = outcome(variant, variant.host(host.name))
        except BrokenModule:
            continue
        changed = _changed(now, other)
        if changed:
            return changed
    return set()


def asked_for(resolver: Resolver, host: Host, module: Module, outcome: Callable[[ModuleOptions], Outcome[K]]) -> set[K]:
    """The keys of `outcome` that what the user set of the module is the cause of; `enable` aside.

    Only the module's own options are varied, and all at once where that tells enough: this runs in every build.
    """
    stack = resolver.stack(host)
    switch = (*module.names, "enable")
    leaves = [leaf for leaf in stack.leaves("pantherOS", module.names) if leaf != switch]
    if not leaves:
        return set()
    options = resolver.resolved(host, module)
    now = outcome(options)
    without = stack
    for leaf in leaves:
        without = without.without("pantherOS", leaf)
    found = _changed(now, outcome(resolver.resolve(host, module, without)[0]))
    for leaf in leaves:
        # Set to what it would have been anyway: only another value shows what it is the cause of.
        if resolver.resolve(host, module, stack.without("pantherOS", leaf))[0] == options:
            for other in _others(resolver, host, module, leaf, stack):
                found |= _changed(now, outcome(other))
                break
    return found


def _changed(now: Outcome[K], other: Outcome[K]) -> set[K]:
    return {name for name in now if name not in other or other[name] != now[name]}


def _others(resolver: Resolver, host: Host, module: Module, leaf: Names, stack: Stack) -> Iterator[ModuleOptions]:
    """The module's options with another value at `leaf`, one that it can have."""
    options = resolver.resolved(host, module)
    for value in _other_values(module, leaf[len(module.names) :], stack.get("pantherOS", leaf)):
        other, findings = resolver.resolve(host, module, _with(stack, leaf, value))
        if not findings and other != options:
            yield other


def _variants(resolver: Resolver, host: Host, module: Module, leaf: Names) -> Iterator[Resolver]:
    """The fleet without the option; and, where that changes nothing, with another value for it."""
    stack = resolver.stack(host)
    options = resolver.resolved(host, module)
    without = resolver.variant(host, lambda old: old.without("pantherOS", leaf))
    yield without
    if without.resolved(without.host(host.name), module) == options:
        value = stack.get("pantherOS", leaf)
        for other in _other_values(module, leaf[len(module.names) :], value):
            variant = resolver.variant(host, lambda old, other=other: _with(old, leaf, other))  # type: ignore[misc]
            changed = variant.resolved(variant.host(host.name), module)
            if not variant.findings and changed != options:
                yield variant


def _with(stack: Stack, leaf: Names, value: Any) -> Stack:
    table = stack.tables[0]
    data: Any = value
    for name in reversed(leaf):
        data = {name: data}
    return stack.extended([Table("replay", table.document, (), "pantherOS", FORCE, data)])


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
