"""Who is to blame for a setting: the options, set by somebody, without which it would be another."""

from __future__ import annotations

from typing import Any, NamedTuple

from pantheros.findings import Origin
from pantheros.module import Host
from pantheros.nix.values import Value, join_path
from pantheros.releases.index import Index
from pantheros.synth.causes import changed_by
from pantheros.synth.expand import expand
from pantheros.synth.merged import merge
from pantheros.synth.resolve import Resolver

Names = tuple[str, ...]


class Cause(NamedTuple):
    """An option of pantherOS that a setting is there because of."""

    leaf: Names
    """Its path below `pantherOS`."""
    origin: Origin | None
    value: Any

    @property
    def option(self) -> str:
        return join_path(("pantherOS", *self.leaf))


def causes(
    resolver: Resolver, host: Host, index: Index, person: str | None, path: Names, module: str | None = None
) -> list[Cause]:
    """The options that make the system's (or a person's) setting at `path`, and what lies below it, what it is.

    Found by replay, which takes a while: this is for what is asked about, or wrong. With `module`, its options alone.
    """

    def outcome(resolver: Resolver, varied: Host) -> dict[Names, Value]:
        expansions, _ = expand(resolver, varied, index, all_settings=True)
        found, homes = merge(resolver, varied, expansions)
        settings = found if person is None else homes.get(person, {})
        asked = {p: s for p, s in settings.items() if p[: len(path)] == path}
        if module is None:
            return {p: s.value for p, s in asked.items()}
        # What another module says of it may win, and is not asked about.
        own = {p: [d.value for d in s.definitions if d.module == module] for p, s in asked.items()}
        return {p: values for p, values in own.items() if values}

    found: list[Cause] = []
    owner = next((p for p in host.people if p.name == person), None)
    stack = resolver.stack(host, owner)
    for each in resolver.modules(host):
        if module in (None, each.name):
            for leaf in stack.leaves("pantherOS", each.names):
                if changed_by(resolver, host, each, leaf, outcome):
                    found.append(Cause(leaf, stack.origin("pantherOS", leaf), stack.get("pantherOS", leaf)))
    return found
