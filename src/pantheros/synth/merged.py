"""A host's settings as NixOS sees them: all modules' and the raw ones, put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pantheros.module import Host
from pantheros.nix.values import Override, Value
from pantheros.synth.expand import Expansion
from pantheros.synth.layout import base_settings
from pantheros.synth.resolve import Resolver

Names = tuple[str, ...]
EVERY_HOST = "every host"
"""Who says what every host gets, without anybody's having written it."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One file's say on an option. `module` is None for raw settings, and for what every host gets."""

    value: Value
    module: str | None
    file: str
    """File of the output, relative to it."""
    source: str
    """`path:line` of the module's code that yielded it; empty for others."""
    by: str = "raw settings"
    """Who says so, where it is no module."""
    below: str = ""
    """The rest of its path, where a group was asked for."""

    @property
    def bare(self) -> Value:
        """The value without its priority."""
        return self.value.value if isinstance(self.value, Override) else self.value

    @property
    def priority(self) -> int:
        """NixOS's: the lowest counts; 100 where nothing is said."""
        return self.value.priority if isinstance(self.value, Override) else 100


@dataclass
class MergedSetting:
    """An option of one scope, and all that is said of it; `value` is what that comes to."""

    path: Names
    definitions: list[Definition] = field(default_factory=list)

    @property
    def value(self) -> Any:
        winning = self.winning
        if len(winning) == 1:
            return winning[0]
        if all(isinstance(value, list) for value in winning):
            return [element for value in winning for element in value]
        return winning[-1]

    @property
    def winning(self) -> list[Any]:
        """The values of the best priority, without it."""
        best = min(definition.priority for definition in self.definitions)
        return [definition.bare for definition in self.definitions if definition.priority == best]

    @property
    def conflict(self) -> bool:
        """Whether NixOS would refuse it: two different values for what is one."""
        winning = self.winning
        return (
            len(winning) > 1 and not all(isinstance(v, list) for v in winning) and any(v != winning[0] for v in winning)
        )


Merged = dict[Names, MergedSetting]


def merge(resolver: Resolver, host: Host, expansions: Iterable[Expansion]) -> tuple[Merged, dict[str, Merged]]:
    """The system's settings, and each person's.

    Definitions are in NixOS's order: of the files that a list imports, the last comes first.
    """
    system: Merged = {}
    homes: dict[str, Merged] = {}
    stack = resolver.stack(host)
    raw_file = f"hosts/{host.name}/settings.nix"
    for path, value in leaves(stack.emitted("nixos")):
        _add(system, path, Definition(value, None, raw_file, ""))
    for person in host.people:
        for path, value in leaves(resolver.stack(host, person).emitted("home")):
            _add(homes.setdefault(person.name, {}), path, Definition(value, None, raw_file, ""))
    expansions = list(expansions)
    for expansion in reversed(expansions):
        module = expansion.module
        file = f"hosts/{host.name}/{'/'.join(module.names)}.nix"
        for _scope, person_name, settings in expansion.scopes():
            into = system if person_name is None else homes.setdefault(person_name, {})
            # Within one file, lists keep the order in which they were yielded.
            own: Merged = {}
            for setting in settings:
                for path, value in leaves(setting.value, setting.path):
                    source = f"{module.shown_path}:{setting.line}"
                    _add(own, path, Definition(value, module.name, file, source))
            for path, found in own.items():
                into.setdefault(path, MergedSetting(path)).definitions += found.definitions
    for path, value in leaves(base_settings(host, [person.name for person in host.people if person.name in homes])):
        _add(system, path, Definition(value, None, f"hosts/{host.name}/default.nix", "", by=EVERY_HOST))
    return system, homes


def leaves(value: Value, path: Names = ()) -> Iterator[tuple[Names, Value]]:
    """The values in a tree of tables, each with its path; an empty table is a value."""
    if isinstance(value, dict) and (value or not path):
        for name, below in value.items():
            yield from leaves(below, (*path, name))
    else:
        yield path, value


def _add(into: Merged, path: Names, definition: Definition) -> None:
    into.setdefault(path, MergedSetting(path)).definitions.append(definition)
