"""A host as the rules see it: its settings, put together, and where each of them comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from pantheros.checks.raw_modules import may_set
from pantheros.findings import Finding, Origin, Related, Severity
from pantheros.fleet.layers import Stack
from pantheros.fleet.model import Import
from pantheros.module import Host
from pantheros.nix.values import Override, Package, Scope, Value, join_path
from pantheros.releases.index import Index
from pantheros.synth.blame import Cause, causes
from pantheros.synth.build import Model
from pantheros.synth.expand import Expansion
from pantheros.synth.merged import EVERY_HOST, Definition, Merged, MergedSetting, leaves, merge

Names = tuple[str, ...]
OUR_INPUTS = {"disko", "opnix", "impermanence", "nixos-facter-modules", "home-manager"}
"""Inputs whose options the release index knows."""


class Place(NamedTuple):
    """Where a definition comes from: what somebody wrote, and the option of ours that it was written for."""

    origin: Origin | None
    option: str = ""
    related: tuple[Related, ...] = ()


@dataclass(frozen=True, slots=True)
class NotVerified:
    """Something that could not be looked into, and why."""

    what: str
    why: str
    host: str = ""


@dataclass
class HostView:
    """One host, expanded. `notes` gathers what could not be verified."""

    model: Model
    host: Host
    expansions: list[Expansion]
    system: Merged
    homes: dict[str, Merged]
    notes: list[NotVerified] = field(default_factory=list)

    @classmethod
    def of(cls, model: Model, host: Host, expansions: list[Expansion]) -> HostView:
        system, homes = merge(model.resolver, host, expansions)
        return cls(model, host, expansions, _apart(system), {name: _apart(home) for name, home in homes.items()})

    @property
    def index(self) -> Index:
        return self.model.index

    def scopes(self) -> Iterator[tuple[Scope, str | None, Merged]]:
        """The system's settings, then those of each person's home."""
        yield "nixos", None, self.system
        for person, settings in self.homes.items():
            yield "home", person, settings

    @cached_property
    def raw_modules(self) -> tuple[Import, ...]:
        """The raw modules that the host imports."""
        return tuple(found for layer in self.model.declared.layers(self.host.declared) for found in layer.imports)

    @cached_property
    def inputs(self) -> dict[Scope, set[str]]:
        """The inputs whose modules the system imports, and those whose modules each person's home does."""
        found: dict[Scope, set[str]] = {"nixos": {"home-manager"} if self.homes else set(), "home": set()}
        for expansion in self.expansions:
            for each in expansion.module.inputs:
                if each.nixos and expansion.nixos:
                    found["nixos"].add(each.name)
                if each.home and expansion.home:
                    found["home"].add(each.name)
        return found

    @cached_property
    def foreign_inputs(self) -> tuple[str, ...]:
        """Inputs that bring modules of which nothing is known here."""
        used = {
            found.name
            for expansion in self.expansions
            for found in expansion.module.inputs
            if (found.nixos or found.home) and found.name not in OUR_INPUTS
        }
        return tuple(sorted(used))

    def may_set(self, *names: str) -> str | None:
        """The raw module that may set an option of this name, as far as its text tells."""
        root = self.model.declared.root
        return next((found.path for found in self.raw_modules if may_set(root, found.path, names)), None)

    def not_verified(self, what: str, why: str) -> None:
        note = NotVerified(what, why, self.host.name)
        if note not in self.notes:
            self.notes.append(note)

    def value(self, path: str | Names, default: Any = None) -> Any:
        """What one of the system's settings comes to, overrides aside; `default` where nothing sets it."""
        names = tuple(path.split(".")) if isinstance(path, str) else path
        found = self.system.get(names)
        if found is None:
            return default
        value = found.value
        return value.value if isinstance(value, Override) else value

    def below(self, *path: str) -> dict[Names, MergedSetting]:
        """The system's settings below a path."""
        return {names: found for names, found in self.system.items() if names[: len(path)] == path}

    def place(
        self,
        person: str | None,
        path: Names,
        definition: Definition,
        inside: tuple[str | int, ...] = (),
        *,
        key: bool = False,
    ) -> Place:
        """Where a definition (of the system, or of a person's home) was written; `inside` leads into its value. With
        `key`, where its name was."""
        owner = next((p for p in self.host.people if p.name == person), None)
        stack = self.model.resolver.stack(self.host, owner)
        if definition.by == EVERY_HOST:
            return Place(None, join_path(path))
        if definition.module is None:
            return Place(stack.origin("home" if owner else "nixos", (*path, *inside), key=key), join_path(path))
        module = self.model.resolver.library.modules[definition.module]
        file, _, line = definition.source.rpartition(":")
        code = Origin(file, int(line), 1, int(line), 1)
        value: Any = definition.value
        for step in inside:
            value = value.value if isinstance(value, Override) else value
            value = value[step]
        said = self._causes(person, path, definition.module, value)
        exact = next((cause for cause in said if _holds(cause.value, value)), None)
        if module.own and (exact is None or (key and not _in_name(exact.value, path))):
            return Place(code, related=tuple(_related(cause) for cause in said[:3]))
        cause = exact or (said[0] if said else self._equal_to_default(stack, module.names, path, value))
        if cause is None:
            return Place(stack.origin("pantherOS", module.names), f"pantherOS.{module.name}")
        origin = cause.origin
        if isinstance(cause.value, list):
            index = next((i for i, element in enumerate(cause.value) if _is(element, value)), None)
            if index is not None:
                origin = stack.origin("pantherOS", (*cause.leaf, index)) or origin
        shown = f"`{join_path(path)}` follows from it"
        return Place(origin, cause.option, (Related(shown, code),) if module.own else ())

    @staticmethod
    def _equal_to_default(stack: Stack, names: Names, path: Names, value: Any) -> Cause | None:
        """An option of a setting's name that was set to what it is anyway, so that nothing would change without it."""
        for leaf in stack.leaves("pantherOS", names):
            if leaf[-1] == path[-1] and _is(stack.get("pantherOS", leaf), value):
                return Cause(leaf, stack.origin("pantherOS", leaf), value)
        return None

    def _causes(self, person: str | None, path: Names, module: str, value: Any) -> list[Cause]:
        """The options that a definition is there because of, besides `enable` where there are others."""
        # Hosts that share a profile mostly share its mistakes: what was found for one is looked at first.
        known = self.model.blamed.setdefault((module, path, person), [])
        owner = next((p for p in self.host.people if p.name == person), None)
        stack = self.model.resolver.stack(self.host, owner)
        for leaf in known:
            said = stack.get("pantherOS", leaf)
            if said is not None and _holds(said, value):
                return [Cause(leaf, stack.origin("pantherOS", leaf), said)]
        found = causes(self.model.resolver, self.host, self.model.index, person, path, module)
        found = [cause for cause in found if cause.leaf[-1] != "enable"] or found
        known += [cause.leaf for cause in found if _holds(cause.value, value) and cause.leaf not in known]
        return found

    def finding(
        self,
        code: str,
        message: str,
        place: Place,
        *,
        severity: Severity = "error",
        help: str = "",
        related: tuple[Related, ...] = (),
    ) -> Finding:
        """A finding about this host."""
        where = place.origin or Origin(self.host.declared.file, 1, 1, 1, 1)
        return Finding(
            code,
            message,
            severity,
            help,
            option=place.option,
            host=self.host.name,
            origin=where,
            related=(*place.related, *related),
        )


def _whole(value: Value) -> bool:
    return isinstance(value, Override) and isinstance(value.value, dict) and bool(value.value)


def _apart(settings: Merged) -> Merged:
    """The settings with a set that has a priority as a whole taken apart: each of its values has it."""
    if not any(_whole(definition.value) for setting in settings.values() for definition in setting.definitions):
        return settings
    found: Merged = {}
    for path, setting in settings.items():
        for definition in setting.definitions:
            whole = definition.value
            inside: Value = whole.value if isinstance(whole, Override) else None
            if isinstance(inside, dict) and isinstance(whole, Override):
                parts = [(below, Override(whole.priority, value)) for below, value in leaves(inside, path)]
                definitions = [(below, replace(definition, value=value)) for below, value in parts]
            else:
                definitions = [(path, definition)]
            for below, each in definitions:
                found.setdefault(below, MergedSetting(below)).definitions.append(each)
    return found


def winning(setting: MergedSetting) -> Definition:
    """The definition that counts; of several, the one that the user wrote himself, or the last."""
    best = min(definition.priority for definition in setting.definitions)
    said = [definition for definition in setting.definitions if definition.priority == best]
    return next((definition for definition in said if definition.module is None), said[-1])


def written_by_hand(view: HostView, definition: Definition) -> bool:
    """Whether no module of the library has said it, which knows what it does."""
    return definition.module is None or view.model.resolver.library.modules[definition.module].own


def _holds(option: Any, value: Value) -> bool:
    """Whether an option's value is what a setting has, or holds it."""
    if type(option) is type(value) and option == value:
        return True
    if isinstance(option, list):
        return any(_is(element, value) for element in option)
    if isinstance(option, str) and option:
        return _is(option, value) or (isinstance(value, str) and option in value)
    return False


def _is(option: Any, value: Value) -> bool:
    """Whether an option's value is what a setting has; a package's name stands for the package."""
    names = [each.name if isinstance(each, Package) else each for each in (option, value)]
    return bool(names[0] == names[1])


def _in_name(option: Any, path: Names) -> bool:
    """Whether an option's value is part of a setting's name."""
    return isinstance(option, str) and option in path


def _related(cause: Cause) -> Related:
    return Related(f"because of `{cause.option}`", cause.origin or Origin("", 1, 1, 1, 1))
