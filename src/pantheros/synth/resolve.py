"""Layers to typed options: what every module of every host comes to, and which modules are in use."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel

from pantheros.document import Path
from pantheros.findings import BrokenModule, Finding, Origin, slip
from pantheros.fleet.files import read_text
from pantheros.fleet.layers import Stack, overlay
from pantheros.fleet.model import DeclaredFleet
from pantheros.fleet.typed import Locate, check
from pantheros.hardware.facter import Report, read_report
from pantheros.module import Endpoint, Fleet, Host, ModuleOptions, Mount, Person, Port, SecretUse, State
from pantheros.nix.values import split_path
from pantheros.synth.library import FAILURES, Library, Module

O = TypeVar("O", bound=ModuleOptions)  # noqa: E741 (as modules call their options)
R = TypeVar("R", State, Port, SecretUse, Mount, Endpoint)

ALWAYS = ("boot", "hardware.facter", "security.firewall", "security.secrets", "system", "users")
"""Modules that every host has a use for: they decide for themselves whether they are enabled."""


@dataclass
class _HostState:
    """What has been worked out for one host so far."""

    stack: Stack
    person_stacks: dict[str, Stack] = field(default_factory=dict)
    options: dict[tuple[str, str | None], ModuleOptions] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    differing: dict[tuple[str, str], bool] = field(default_factory=dict)
    resources: tuple[Any, ...] | None = None
    modules: tuple[Module, ...] | None = None
    switched_off: tuple[Module, ...] = ()
    in_progress: list[tuple[str, str | None]] = field(default_factory=list)


class Resolver:
    """Answers, for a whole fleet, what options come to; works out no more than is asked for.

    Findings gather in `findings` as the work goes on. A `Resolver` never changes its fleet.
    """

    def __init__(self, declared: DeclaredFleet, library: Library) -> None:
        self.declared = declared
        self.library = library
        self.findings: list[Finding] = []
        self._states: dict[str, _HostState] = {}
        self._reports: dict[str, Report | None] = {}
        self._hosts: dict[str, Host] = {}
        self._mistaken: set[tuple[str, str]] = set()
        self.looked_across = False
        secrets = {name: found.table for name, found in declared.secrets.items()}
        self.fleet = Fleet(declared.table.name, declared.release, secrets, lambda: self.hosts, self._hardware)

    @property
    def hosts(self) -> Mapping[str, Host]:
        """Every host. Who asks looks at other hosts, and has to be worked out again when one of them changes."""
        self.looked_across = True
        return {name: self.host(name) for name in self.declared.hosts}

    def host(self, name: str) -> Host:
        if name not in self._hosts:
            declared = self.declared.hosts[name]
            self._hosts[name] = Host(declared, self.fleet, self.declared.people, self)
        return self._hosts[name]

    def variant(self, host: Host, change: Callable[[Stack], Stack], person: str | None = None) -> Resolver:
        """The same fleet, with the layers of one host (and of the people there) changed; of one person alone, where
        he is named."""
        other = Resolver(self.declared, self.library)
        other._reports = self._reports
        state = other._states[host.name] = _HostState(self.stack(host) if person else change(self.stack(host)))
        state.person_stacks = {
            p.name: change(stack) if person in (None, p.name) else stack
            for p in host.people
            for stack in [self.person_stack(host, p)]
        }
        return other

    def forget(self, host: Host) -> None:
        """Let go of what was worked out for a host; it is worked out again when somebody asks."""
        self._states.pop(host.name, None)
        self._hosts.pop(host.name, None)
        self._reports.pop(host.name, None)
        self.declared.hosts.forget(host.name)

    # What hosts and persons ask ------------------------------------------------------------------------------

    def options(self, host: Host, person: Person | None, options: type[O]) -> O:
        found = self.resolved(host, self.library.of(options), person)
        assert isinstance(found, options)
        return found

    def resources(self, host: Host, kind: type[R]) -> tuple[R, ...]:
        state = self._state(host)
        if state.resources is None:
            state.resources = tuple(self._resources(host))
        return tuple(found for found in state.resources if isinstance(found, kind))

    def may_set(self, host: Host, path: str) -> bool:
        layers = self.declared.layers(host.declared)
        return any(layer.imports for layer in layers) or self.stack(host).get("nixos", split_path(path)) is not None

    def _hardware(self, host: Host) -> Report | None:
        if host.name not in self._reports:
            self._reports[host.name] = None
            file = f"{host.declared.directory}/facter.json"
            if os.path.lexists(self.declared.root / file):
                text, findings = read_text(self.declared.root, file)
                if text is not None:
                    self._reports[host.name], findings = read_report(file, text)
                self.findings += [replace(finding, host=host.name) for finding in findings]
        return self._reports[host.name]

    # Modules -------------------------------------------------------------------------------------------------

    def modules(self, host: Host) -> tuple[Module, ...]:
        """The modules in use on a host, by anyone, in the order of their names."""
        state = self._state(host)
        if state.modules is None:
            stacks = [state.stack, *(self.person_stack(host, person) for person in host.people)]
            named = {name: self.library.modules[name] for name in ALWAYS if name in self.library.modules}
            seen: set[int] = set()
            for stack in stacks:
                for table in stack.tables:
                    if table.root != "pantherOS" or id(table) in seen:
                        continue
                    seen.add(id(table))
                    for module, path in self.library.named_by(table.data):
                        if module is not None:
                            named[module.name] = module
                        else:
                            self._add(unknown_module(self.library, path, table.origin(path, key=True)), host)
            found, off = [], []
            for name in sorted(named):
                try:
                    if self.enabled(host, named[name]):
                        found.append(named[name])
                        continue
                    if state.stack.get("pantherOS", (*named[name].names, "enable")) is False:
                        off.append(named[name])
                    if name not in ALWAYS:
                        self._set_while_disabled(host, named[name])
                except BrokenModule as broken:
                    self._once(broken.finding)
            state.modules, state.switched_off = tuple(found), tuple(off)
        return state.modules

    def switched_off(self, host: Host) -> tuple[Module, ...]:
        """The modules that a host says it does without."""
        self.modules(host)
        return self._state(host).switched_off

    def enabled(self, host: Host, module: Module) -> bool:
        """Whether a module is enabled on a host, for the system or for anyone there."""
        return self.resolved(host, module).enable or any(
            self.resolved(host, module, person).enable for person in host.people
        )

    def resolved(self, host: Host, module: Module, person: Person | None = None) -> ModuleOptions:
        """A module's options on a host, as they hold for the system or for one person."""
        state = self._state(host)
        who = person.name if person is not None and self._differs(host, module, person) else None
        place = (module.name, who)
        if place not in state.options:
            if place in state.in_progress:
                circle = [name for name, _ in state.in_progress[state.in_progress.index(place) :]]
                raise _Circle([*circle, module.name])
            state.in_progress.append(place)
            try:
                state.options[place] = self._resolve(host, module, person if who else None)
            finally:
                state.in_progress.pop()
        return state.options[place]

    def stack(self, host: Host, person: Person | None = None) -> Stack:
        return self._state(host).stack if person is None else self.person_stack(host, person)

    def person_stack(self, host: Host, person: Person) -> Stack:
        state = self._state(host)
        if person.name not in state.person_stacks:
            state.person_stacks[person.name] = self.declared.stack(host.declared, person.name)
        return state.person_stacks[person.name]

    def _state(self, host: Host) -> _HostState:
        state = self._states.get(host.name)
        if state is None:
            state = self._states[host.name] = _HostState(self.declared.stack(host.declared))
        return state

    def _differs(self, host: Host, module: Module, person: Person) -> bool:
        """Whether somebody set something of this module for this person in particular."""
        known, place = self._state(host).differing, (module.name, person.name)
        if place not in known:
            layers = [self.declared.people[person.name].layer, host.declared.people[person.name]]
            known[place] = any(
                table.root == "pantherOS" and table.get(module.names)[0] for layer in layers for table in layer.tables
            )
        return known[place]

    def _resolve(self, host: Host, module: Module, person: Person | None) -> ModuleOptions:
        stack = self.stack(host, person)
        given = stack.get("pantherOS", module.names)
        if given is not None and not isinstance(given, dict):
            self._add(no_table(module, given, stack.origin("pantherOS", module.names)), host)
            self._mistaken.add((host.name, module.name))
            given = None

        def locate(path: Path, key: bool) -> Origin | None:
            if given and (not path or path[0] in given):
                return stack.origin("pantherOS", (*module.names, *path), key=key)
            return Origin(module.shown_path, 1, 1, 1, 1)  # what the module itself makes the default

        options, findings = self.worked_out(host, module, given or {}, locate)
        for finding in findings:
            self._add(finding, host)
            self._mistaken.add((host.name, module.name))
        return options

    def worked_out(
        self, host: Host, module: Module, given: dict[str, Any], locate: Locate = lambda path, key: None
    ) -> tuple[ModuleOptions, list[Finding]]:
        """What a module's options come to on a host where a user sets `given`, and what is wrong with that."""
        defaults = self._defaults(host, module)
        data = overlay(_table_defaults(module.options, given), given) if given else {}
        if defaults:
            data = overlay(defaults, data)
        options, findings = check(module.options, data, locate, name=f"pantherOS.{module.name}")
        return (options if options is not None else module.options.model_construct(enable=False)), findings

    def _defaults(self, host: Host, module: Module) -> dict[str, Any]:
        known = self._state(host).defaults
        if module.name not in known:
            known[module.name] = self._defaults_worked_out(host, module)
        return known[module.name]

    def _defaults_worked_out(self, host: Host, module: Module) -> dict[str, Any]:
        function = module.function("defaults")
        if function is None:
            return {}
        try:
            defaults: dict[str, Any] = function(host)
            if not isinstance(defaults, dict):
                raise TypeError(f"`defaults` returns a {type(defaults).__name__}, not a dict")
        except _Circle as circle:
            names = " → ".join(circle.modules)
            finding = Finding(
                "defaults-cycle",
                f"the defaults of these modules wait for each other: {names}",
                origin=Origin(module.shown_path, 1, 1, 1, 1),
            )
            raise BrokenModule(finding) from circle
        except BrokenModule:
            raise
        except FAILURES as error:
            raise BrokenModule(module.broken(error, "fails to work out its defaults")) from error
        return defaults

    def _resources(self, host: Host) -> list[Any]:
        found: list[Any] = []
        for module in self.modules(host):
            function = module.function("resources")
            if function is not None:
                try:
                    for each in function(self.resolved(host, module), host):
                        if not isinstance(each, State | Port | SecretUse | Mount | Endpoint):
                            raise TypeError(f"it yields a {type(each).__name__}, which is no resource")
                        if isinstance(each, SecretUse | Port) and each.at:
                            each = replace(each, at=f"pantherOS.{module.name}.{each.at}")  # noqa: PLW2901 (the same one, its place now in full)
                        found.append(each)
                except FAILURES as error:
                    self._once(module.broken(error, "fails to name its resources"))
        return list(dict.fromkeys(found))

    # Findings ------------------------------------------------------------------------------------------------

    def _add(self, finding: Finding, host: Host) -> None:
        # What hosts share is wrong once, not once for each of them.
        if finding.origin is None or finding.origin.file == host.declared.file:
            self.findings.append(replace(finding, host=finding.host or host.name))
        else:
            self._once(finding)

    def _once(self, finding: Finding) -> None:
        """A finding that has nothing to do with a host in particular."""
        if finding not in self.findings:
            self.findings.append(finding)

    def mistaken(self, host: Host, module: Module) -> bool:
        """Whether some of what was set of a module there could not be taken, so that the rest is not the whole."""
        return (host.name, module.name) in self._mistaken

    def _set_while_disabled(self, host: Host, module: Module) -> None:
        if self.mistaken(host, module):
            return
        own = (
            *host.declared.layer.tables,
            *(table for layer in host.declared.people.values() for table in layer.tables),
        )
        for table in own:
            found, value = table.get(module.names) if table.root == "pantherOS" else (False, None)
            if found and isinstance(value, dict) and value.get("enable") is not False and value:
                first = next(name for name in value)
                self._add(
                    Finding(
                        "module-disabled",
                        f"options of `pantherOS.{module.name}` are set, but it is not enabled",
                        severity="warning",
                        option=f"pantherOS.{module.name}",
                        origin=table.origin((*module.names, first), key=True),
                        help=f"add `enable = true` to `pantherOS.{module.name}`, or take the options out",
                    ),
                    host,
                )


def unknown_module(library: Library, path: tuple[str, ...], origin: Origin) -> Finding:
    """The finding for a path below `pantherOS` that leads to no module."""
    guess = library.nearest(path)
    help = f"did you mean `pantherOS.{guess}`?" if guess else "`panther modules` lists what there is"
    near = guess.split(".") if guess else []
    fix = slip(path[-1], near[-1]) if near and tuple(near[:-1]) == path[:-1] else ""
    full = f"pantherOS.{'.'.join(path)}"
    return Finding("unknown-module", f"there is no module `{full}`", option=full, origin=origin, help=help, fix=fix)


def no_table(module: Module, given: Any, origin: Origin | None) -> Finding:
    """The finding for a module that was given something else than a table of options."""
    name = f"pantherOS.{module.name}"
    message = f"`{name}` is a module, and takes a table of options"
    help = f"write `{name}.enable = true`" if given is True else ""
    return Finding("wrong-type", message, option=name, origin=origin, help=help)


class _Circle(Exception):
    def __init__(self, modules: list[str]) -> None:
        super().__init__(" → ".join(modules))
        self.modules = modules


def _table_defaults(model: type[BaseModel], given: dict[str, Any]) -> dict[str, Any]:
    """The default tables (`dict` fields that are not empty) below those that the user wrote into: tables merge."""
    found: dict[str, Any] = {}
    for path, value in _default_tables(model):
        below: Any = given
        for name in path:
            below = below.get(name) if isinstance(below, dict) else None
        if isinstance(below, dict):
            into = found
            for name in path[:-1]:
                into = into.setdefault(name, {})
            into[path[-1]] = value
    return found


@cache
def _default_tables(model: type[BaseModel]) -> tuple[tuple[tuple[str, ...], dict[str, Any]], ...]:
    """Where a model's defaults hold a table that is not empty, and the table as a user would write it."""
    found: list[tuple[tuple[str, ...], dict[str, Any]]] = []
    for name, field_info in model.model_fields.items():
        alias = field_info.alias or name
        value = field_info.default
        if isinstance(value, dict) and value:
            items = value.items()
            plain = {k: v.model_dump(by_alias=True) if isinstance(v, BaseModel) else v for k, v in items}
            found.append(((alias,), plain))
        elif isinstance(value, BaseModel):
            found += [((alias, *path), table) for path, table in _default_tables(type(value))]
    return tuple(found)
