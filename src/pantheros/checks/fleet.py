"""What only a look at the whole fleet tells: what nobody uses, what two hosts cannot share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pantheros.checks.verdict import ESSENTIAL
from pantheros.checks.view import HostView, NotVerified
from pantheros.findings import Finding, Origin, Related, Severity
from pantheros.fleet.model import DeclaredFleet, DeclaredHost
from pantheros.module import Host, SecretUse
from pantheros.nix.values import Value, join_path
from pantheros.nix.words import shown
from pantheros.synth.build import Model
from pantheros.synth.causes import changed_by
from pantheros.synth.expand import expand
from pantheros.synth.library import Module
from pantheros.synth.merged import merge
from pantheros.synth.resolve import Resolver

Names = tuple[str, ...]
_HOSTS_TRIED = 3
"""Hosts on which an option for a person is tried before it is said to do nothing."""


@dataclass(frozen=True, slots=True)
class Idle:
    """An option that somebody set for a person, and that makes no difference for them on a host."""

    person: str
    leaf: Names
    origin: Origin


@dataclass(frozen=True, slots=True)
class Facts:
    """What a host has that others may have too."""

    host: str
    address: str
    host_name: str
    host_name_at: Origin | None
    secrets: frozenset[str]
    """Names of the secrets that its modules use."""
    raw: str
    """A raw module of it, which may use more; "" where it has none."""
    unread: bool
    """Whether its file could not be read, which may say more."""
    profiles: tuple[str, ...]
    matters: frozenset[Names]
    """Options for people that make a difference there."""
    idle: tuple[Idle, ...]

    @classmethod
    def of(cls, view: HostView) -> Facts:
        path = ("networking", "hostName")
        named = view.system.get(path)
        definition = named.definitions[0] if named else None
        declared = view.host.declared
        matters, idle = _effects(view)
        return cls(
            view.host.name,
            view.host.address,
            str(view.value(path, view.host.name)),
            view.place(None, path, definition).origin if definition and view.value(path) != view.host.name else None,
            frozenset(use.name for use in view.host.resources(SecretUse)),
            next((found.path for found in view.raw_modules), ""),
            unread(declared),
            view.model.declared.profiles_of(declared),
            frozenset(matters),
            tuple(idle),
        )


def unread(host: DeclaredHost) -> bool:
    """Whether a host's file could not be read, or not all of it."""
    return any(finding.code in ESSENTIAL for finding in host.document.findings)


def not_verified(model: Model, facts: Sequence[Facts]) -> Iterator[NotVerified]:
    """What of the fleet as a whole cannot be known."""
    raw = next((each.raw for each in facts if each.raw), "")
    for name in _unused(model.declared, facts) if raw else ():
        yield NotVerified(f"that something uses the secret {shown(name)}", f"the raw module {raw} may use it")


def _unused(fleet: DeclaredFleet, facts: Sequence[Facts]) -> list[str]:
    """The secrets that no module uses."""
    used = {name for each in facts for name in each.secrets}
    return [name for name in fleet.secrets if name not in used]


def findings(model: Model, facts: Sequence[Facts]) -> Iterator[Finding]:
    """What is wrong with the fleet as a whole."""
    fleet = model.declared
    yield from _profiles(fleet, facts)
    yield from _secrets(fleet, facts)
    addresses = Counter(each.address for each in facts if each.address)
    addressed = [
        (each.address, each.host, fleet.hosts[each.host].document.origin(("address",)))
        for each in facts
        if addresses[each.address] > 1
    ]
    yield from _shared("duplicate-address", "the address", addressed)
    named = [(each.host_name.lower(), each.host, each.host_name_at) for each in facts]
    yield from _shared("duplicate-host-name", "the host name", named, "warning")
    yield from _without_effect(facts)


def _profiles(fleet: DeclaredFleet, facts: Sequence[Facts]) -> Iterator[Finding]:
    used = {name for each in facts for name in each.profiles}
    for profile in fleet.profiles.values():
        name = shown(profile.name)
        if not (profile.layer.tables or profile.layer.imports or profile.include):
            message, help = f"the profile {name} sets nothing", "take it out, or give it something to set"
            yield Finding("empty-profile", message, "warning", help, origin=profile.origin)
        elif profile.name not in used and facts and not any(each.unread for each in facts):
            message, help = f"no host has the profile {name}", "name it in a host's `profiles`, or take it out"
            yield Finding("unused-profile", message, "warning", help, origin=profile.origin)


def _secrets(fleet: DeclaredFleet, facts: Sequence[Facts]) -> Iterator[Finding]:
    if not facts or any(each.raw or each.unread for each in facts):
        return
    for secret in map(fleet.secrets.__getitem__, _unused(fleet, facts)):
        message = f"nothing uses the secret {shown(secret.name)}"
        help = "name it in an option that takes a secret, or take it out"
        # Without a reference, it may be the secret itself that is written there.
        private = not secret.table.reference
        yield Finding("unused-secret", message, "warning", help, origin=secret.origin, private=private)


def _shared(
    code: str, what: str, having: Iterable[tuple[str, str, Origin | None]], severity: Severity = "error"
) -> Iterator[Finding]:
    """What two hosts have, and no two can."""
    by_value: dict[str, list[tuple[str, Origin | None]]] = defaultdict(list)
    for value, host, origin in having:
        by_value[value].append((host, origin))
    for value, hosts in by_value.items():
        said = [(host, origin) for host, origin in hosts if origin is not None]
        if len(hosts) < 2 or not said:
            continue
        host, origin = said[-1]
        other, other_origin = next(found for found in hosts if found[0] != host)
        message = f"{host} and {other} both have {what} {shown(value)}"
        related = (Related(f"{other}'s", other_origin),) if other_origin else ()
        help = "give one of them another"
        yield Finding(code, message, severity, help, host=host, origin=origin, related=related)


# Options for one person ---------------------------------------------------------------------------------------


def _without_effect(facts: Sequence[Facts]) -> Iterator[Finding]:
    matter = {leaf for each in facts for leaf in each.matters}
    for idle in dict.fromkeys(idle for each in facts for idle in each.idle):
        if idle.leaf not in matter:
            option = join_path(("pantherOS", *idle.leaf))
            message = f"`{option}` makes no difference for {idle.person}: it is about the whole machine"
            help = "set it for the hosts, in `[defaults]`, a profile or a host's file"
            yield Finding("no-effect-for-a-person", message, "warning", help, option=option, origin=idle.origin)


def _effects(view: HostView) -> tuple[set[Names], list[Idle]]:
    """Of the options that are set for people of a host, those that make a difference there, and the others."""
    matters: set[Names] = set()
    idle: list[Idle] = []
    for person, origin, module, leaf in _for_people(view):
        tried = view.model.tried.setdefault(leaf, [])
        if not any(tried) and len(tried) < _HOSTS_TRIED:
            tried.append(_matters(view.model, view.host, module, leaf, person))
        if any(tried):
            matters.add(leaf)
        else:
            idle.append(Idle(person, leaf, origin))
    return matters, idle


def _for_people(view: HostView) -> Iterator[tuple[str, Origin, Module, Names]]:
    """The options that layers of people set on a host, each with the person and its place."""
    model = view.model
    for person in view.host.people:
        layers = (model.declared.people[person.name].layer, view.host.declared.people[person.name])
        for table in (table for layer in layers for table in layer.tables if table.root == "pantherOS"):
            for module, path in model.resolver.library.named_by(table.data):
                for leaf in _leaves(table.get(path)[1], path) if module is not None else ():
                    if module is not None and leaf[-1] != "enable":
                        yield person.name, table.origin(leaf), module, leaf


def _leaves(value: object, path: Names) -> Iterator[Names]:
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from _leaves(below, (*path, name))
    else:
        yield path


def _matters(model: Model, host: Host, module: Module, leaf: Names, person: str) -> bool:
    if module not in model.resolver.modules(host):
        return True  # it waits for hosts where the module is enabled
    outcome = _outcome(model, person)
    if changed_by(model.resolver, host, module, leaf, outcome, person):
        return True
    # Nothing either where it is set for everybody: what it is part of is switched off, perhaps.
    owner = next(found for found in host.people if found.name == person)
    value = model.resolver.stack(host, owner).get("pantherOS", leaf)
    shared = model.resolver.variant(host, lambda old: old.with_option(leaf, value))
    return outcome(model.resolver, host) == outcome(shared, shared.host(host.name))


def _outcome(model: Model, person: str) -> Callable[[Resolver, Host], dict[Names, Value]]:
    def outcome(resolver: Resolver, varied: Host) -> dict[Names, Value]:
        expansions, _ = expand(resolver, varied, model.index, all_settings=True)
        system, homes = merge(resolver, varied, expansions)
        found = {("nixos", *path): setting.value for path, setting in system.items()}
        return found | {("home", *path): setting.value for path, setting in homes.get(person, {}).items()}

    return outcome
