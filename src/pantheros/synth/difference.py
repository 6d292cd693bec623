"""What a change of a fleet means: every setting of every host that is another afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pantheros.findings import Origin
from pantheros.module import Host
from pantheros.nix.values import Scope
from pantheros.synth.blame import causes
from pantheros.synth.build import Model
from pantheros.synth.merged import Merged, MergedSetting, merge

Names = tuple[str, ...]
Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting that is not what it was. What is not there, before or afterwards, is None in `before` or `after`."""

    kind: Kind
    scope: Scope
    person: str | None
    path: Names
    before: Any
    after: Any
    option: str
    """The option of ours that it follows from; "" for raw settings."""
    origin: Origin | None
    """Where that was written: in the fleet as it is afterwards, or as it was for what is gone."""


@dataclass(frozen=True, slots=True)
class HostChange:
    """What becomes of one host."""

    host: str
    kind: Kind
    settings: tuple[SettingChange, ...] = ()


def differences(before: Model, after: Model) -> Iterator[HostChange]:
    """The hosts that are others afterwards, in the order of their names."""
    for name in sorted({*before.declared.hosts, *after.declared.hosts}):
        old = _Side.of(before, name) if name in before.declared.hosts else None
        new = _Side.of(after, name) if name in after.declared.hosts else None
        if old is None or new is None:
            side = new or old
            assert side is not None
            kind: Kind = "added" if new else "removed"
            yield HostChange(name, kind, tuple(_whole(side, kind)))
            continue
        changes = tuple(_changes(old, new))
        if changes:
            yield HostChange(name, "changed", changes)


@dataclass(frozen=True)
class _Side:
    model: Model
    host: Host
    scopes: dict[str | None, Merged]
    """The system's settings under None, those of people's homes under their names."""

    @classmethod
    def of(cls, model: Model, name: str) -> _Side:
        host = model.resolver.host(name)
        expansions, _ = model.expand(host)
        system, homes = merge(model.resolver, host, expansions)
        scopes: dict[str | None, Merged] = {None: system}
        scopes.update(homes)
        return cls(model, host, scopes)


def _whole(side: _Side, kind: Kind) -> Iterator[SettingChange]:
    for person, settings in side.scopes.items():
        for path, setting in settings.items():
            was, now = (None, setting.value) if kind == "added" else (setting.value, None)
            yield SettingChange(kind, _scope(person), person, path, was, now, "", None)


def _changes(old: _Side, new: _Side) -> Iterator[SettingChange]:
    for person in dict.fromkeys([*old.scopes, *new.scopes]):
        before, after = old.scopes.get(person, {}), new.scopes.get(person, {})
        for path in sorted({*before, *after}):
            was, now = before.get(path), after.get(path)
            if was is not None and now is not None and _same(was, now):
                continue
            kind: Kind = "changed" if was and now else "added" if now else "removed"
            side, setting = (new, now) if now is not None else (old, was)
            assert setting is not None
            option, origin = _origin(side, person, path, setting)
            old_value, new_value = was.value if was else None, now.value if now else None
            yield SettingChange(kind, _scope(person), person, path, old_value, new_value, option, origin)


def _scope(person: str | None) -> Scope:
    return "nixos" if person is None else "home"


def _same(was: MergedSetting, now: MergedSetting) -> bool:
    return type(was.value) is type(now.value) and bool(was.value == now.value)


def _origin(side: _Side, person: str | None, path: Names, setting: MergedSetting) -> tuple[str, Origin | None]:
    """The option behind a setting, and where it was written."""
    owner = next((found for found in side.host.people if found.name == person), None)
    stack = side.model.resolver.stack(side.host, owner)
    definition = setting.definitions[-1]
    if definition.module is None:
        return "", stack.origin("nixos" if person is None else "home", path)
    found = causes(side.model.resolver, side.host, side.model.index, person, path, definition.module)
    telling = [cause for cause in found if cause.leaf[-1] != "enable"] or found
    if not telling:
        module = side.model.resolver.library.modules[definition.module]
        return f"pantherOS.{module.name}", stack.origin("pantherOS", module.names)
    return telling[0].option, telling[0].origin
