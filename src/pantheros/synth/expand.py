"""Options to settings: what a host's enabled modules make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from pantheros.findings import BrokenModule, Finding, Origin, nearest
from pantheros.fleet.secrecy import marked
from pantheros.module import Host, ModuleOptions, Person, SecretUse
from pantheros.nix.values import Expression, Override, Scope, Value, split_path
from pantheros.releases.index import UNKNOWN, Index
from pantheros.synth.causes import asked_for
from pantheros.synth.library import FAILURES, Module
from pantheros.synth.resolve import Resolver

Names = tuple[str, ...]

_DEEPEST = 100
SECRETS = "security.secrets"
"""The module that brings secrets to a host."""


class Setting(NamedTuple):
    """One assignment of a real option. `line` is that of the module's source which yielded it."""

    path: Names
    value: Value
    line: int


@dataclass(slots=True)
class Expansion:
    """What one module makes of one host: the system's settings, and each person's."""

    module: Module
    nixos: list[Setting] = field(default_factory=list)
    home: dict[str, list[Setting]] = field(default_factory=dict)

    def scopes(self) -> Iterator[tuple[Scope, str | None, list[Setting]]]:
        yield "nixos", None, self.nixos
        for person, settings in self.home.items():
            yield "home", person, settings


def expand(
    resolver: Resolver, host: Host, index: Index, *, all_settings: bool = False
) -> tuple[list[Expansion], list[Finding]]:
    """Every module in use on a host, expanded, and what the modules themselves find wrong.

    With `all_settings`, those that merely repeat NixOS's own default as well.
    """
    expansions: list[Expansion] = []
    findings: list[Finding] = []
    for module in resolver.modules(host):
        try:
            expansion = expand_module(resolver, host, module)
            findings += _module_findings(resolver, host, module)
        except BrokenModule as broken:
            findings.append(broken.finding)
            continue
        if not all_settings:
            _drop_defaults(resolver, host, expansion, index)
        expansions.append(expansion)
    for module in resolver.switched_off(host):
        try:
            findings += _module_findings(resolver, host, module, "without")
        except BrokenModule as broken:
            findings.append(broken.finding)
    return expansions, [*findings, *_secret_findings(resolver, host)]


def _secret_findings(resolver: Resolver, host: Host) -> list[Finding]:
    """Uses of secrets that nothing can meet, at the options that name them."""
    findings: dict[tuple[str, str], Finding] = {}
    fetched = any(module.name == SECRETS for module in resolver.modules(host))
    for use in host.resources(SecretUse):
        known = host.fleet.secrets
        option = use.at or f"pantherOS.{SECRETS}"
        where = origin_of(resolver, host, split_path(option), use.name)
        if use.name not in known:
            guess = nearest(use.name, known)
            message = f"the fleet has no secret `{use.name}`, which is wanted for {use.purpose}"
            help = f"did you mean `{guess}`?" if guess else f'add `{use.name} = "op://..."` to [secrets] in fleet.toml'
            if next(marked(use.name), None):
                help = "this is a secret itself: keep it in 1Password, and write here the name it has under [secrets]"
            code = "unknown-secret"
        elif not fetched:
            message = f"nothing fetches the secret `{use.name}`, which is wanted for {use.purpose}"
            help = f"leave `pantherOS.{SECRETS}` enabled"
            code = "secret-not-fetched"
        else:
            continue
        found = Finding(code, message, help=help, option=option, host=host.name, origin=where)
        findings.setdefault((use.name, option), found)
    return list(findings.values())


def expand_module(resolver: Resolver, host: Host, module: Module) -> Expansion:
    """What one module makes of a host. Raises `BrokenModule` where its code fails."""
    expansion = Expansion(module)
    nixos = module.function("nixos")
    if nixos is not None and resolver.resolved(host, module).enable:
        options = resolver.resolved(host, module)
        expansion.nixos = _run(module, lambda: nixos(options, host))
    home = module.function("home")
    if home is not None:
        for person in host.people:
            if resolver.resolved(host, module, person).enable:
                settings = _run_home(module, home, resolver, host, person)
                if settings:
                    expansion.home[person.name] = settings
    return expansion


def _run_home(
    module: Module, home: Callable[..., Any], resolver: Resolver, host: Host, person: Person
) -> list[Setting]:
    options = resolver.resolved(host, module, person)
    return _run(module, lambda: home(options, host, person))


def _run(module: Module, generate: Callable[[], Any]) -> list[Setting]:
    settings = []
    generator: Any = None
    try:
        generator = generate()
        if generator is not None and not hasattr(generator, "gi_frame"):
            raise TypeError(f"it returns a {type(generator).__name__}, but is to yield its settings")
        for setting in generator or ():
            try:
                path, value = setting
            except (TypeError, ValueError):
                raise TypeError(f"it yields {setting!r}, but is to yield pairs of a path and a value") from None
            if module.own:
                _fits(value)
            settings.append(Setting(split_path(path), value, generator.gi_frame.f_lineno))
    except BrokenModule:
        raise
    except FAILURES as error:
        frame = getattr(generator, "gi_frame", None)
        line = frame.f_lineno if frame is not None else None
        raise BrokenModule(module.broken(error, "fails to make its settings", line)) from error
    return settings


def _fits(value: Any, depth: int = 0) -> None:
    """Raise `TypeError` for a value that no setting can have."""
    if isinstance(value, Override):
        _fits(value.value, depth + 1)
    elif isinstance(value, dict | list):
        if depth > _DEEPEST:
            raise TypeError(f"it yields a value that nests more than {_DEEPEST} levels deep")
        for name in value if isinstance(value, dict) else ():
            if not isinstance(name, str):
                raise TypeError(f"it yields a value with the key {name!r}, which is no string")
        for below in value.values() if isinstance(value, dict) else value:
            _fits(below, depth + 1)
    elif value is not None and not isinstance(value, bool | int | float | str | Expression):
        raise TypeError(f"it yields a {type(value).__name__}, which Nix does not have")


def _module_findings(
    resolver: Resolver, host: Host, module: Module, name: Literal["findings", "without"] = "findings"
) -> list[Finding]:
    """What the module's own `findings` (or `without`) say, each at the option it speaks of."""
    function = module.function(name)
    if function is None:
        return []
    # Where some of what was set could not be taken, what is not the whole is not judged: only what is set, and wrong.
    partial = resolver.mistaken(host, module)
    found = []
    unread = any(f.severity == "error" for f in (*resolver.declared.findings, *host.declared.findings))
    try:
        for finding in function(resolver.resolved(host, module), host) or ():
            option = finding.option or ".".join(filter(None, ("pantherOS", module.name, finding.at)))
            origin = finding.origin or origin_of(resolver, host, split_path(option))
            # What could not be read, or was not taken, perhaps answers it.
            doubtful = finding.severity == "warning" or not _said(resolver, host, option)
            if not (unread and finding.severity == "warning") and not (partial and doubtful):
                found.append(replace(finding, option=option, host=host.name, origin=origin))
    except BrokenModule:
        raise
    except FAILURES as error:
        raise BrokenModule(module.broken(error, "fails to judge its options")) from error
    return found


def _said(resolver: Resolver, host: Host, option: str) -> bool:
    """Whether somebody set this option of a module itself; `enable` says nothing of the others."""
    path = split_path(option)
    stacks = [resolver.stack(host), *(resolver.person_stack(host, person) for person in host.people)]
    return path[-1] != "enable" and any(stack.get("pantherOS", path[1:]) is not None for stack in stacks)


def origin_of(resolver: Resolver, host: Host, option: Names, element: str = "") -> Origin:
    """Where an option was set, by the system's layers or by a person's; or where what is around it was. Of a list, the
    `element`'s place where it has one.

    `people.NAME...` and `secrets.NAME...` are what `fleet.toml` says of a person, or of a secret.
    """
    if option[0] in ("people", "secrets"):
        return resolver.declared.document.origin([int(name) if name.isdecimal() else name for name in option])
    stacks = [resolver.stack(host), *(resolver.person_stack(host, person) for person in host.people)]
    path = option[1:] if option[0] == "pantherOS" else ()
    # What lies around a module, its namespace, says nothing of it.
    least = next((n for n in range(1, len(path)) if ".".join(map(str, path[:n])) in resolver.library.modules), 1)
    set_by = [(stack, stack.get("pantherOS", [str(name) for name in path])) for stack in stacks] if path else []
    for stack, said in set_by:
        for index in _indices(said, element):
            origin = stack.origin("pantherOS", (*path, index))
            if origin:
                return origin
    for stack, said in set_by:
        origin = stack.origin("pantherOS", path) if said is not None else None
        if origin:
            return origin
    return stacks[0].origin("pantherOS", path, least=least) or Origin(host.declared.file, 1, 1, 1, 1)


def _indices(said: Any, element: str) -> list[int]:
    """Where in a list a text stands, by itself or in a table."""
    if not isinstance(said, list) or not element:
        return []
    return [
        i for i, each in enumerate(said) if each == element or (isinstance(each, dict) and element in each.values())
    ]


def _drop_defaults(resolver: Resolver, host: Host, expansion: Expansion, index: Index) -> None:
    """Take out what NixOS does anyway, unless the user asked for it: the output says only what matters."""
    same = [
        setting
        for setting in expansion.nixos
        if (known := index.default("nixos", setting.path)) is not UNKNOWN and _equal(known, setting.value)
    ]
    if not same:
        return

    module = expansion.module
    nixos = module.function("nixos")
    assert nixos is not None

    def outcome(options: ModuleOptions) -> dict[Names, Value]:
        return {setting.path: setting.value for setting in _run(module, lambda: nixos(options, host))}

    asked = asked_for(resolver, host, module, {setting.path: setting.value for setting in same}, outcome)
    expansion.nixos = [s for s in expansion.nixos if s not in same or s.path in asked]


def _equal(left: Any, right: Any) -> bool:
    """Equality as Nix has it: `1` is not `true`."""
    return type(left) is type(right) and left == right and not isinstance(right, Override)
