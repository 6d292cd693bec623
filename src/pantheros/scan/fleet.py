"""The hosts of a pantherOS fleet: what `panther build` makes of each, and what its raw modules add."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from pantheros.fleet.model import Import
from pantheros.module import Host as FleetHost
from pantheros.nix.values import Package, join_path
from pantheros.scan.facts import GIVEN, Facts, sort_of
from pantheros.scan.host import Host, Kind, Place, Seen, host_sets
from pantheros.scan.hosts import OF_DISKS, OF_HARDWARE, held
from pantheros.scan.nix_file import read
from pantheros.scan.repository import Repository
from pantheros.synth.build import Model, build
from pantheros.synth.expand import Expansion, origin_of
from pantheros.synth.library import Module
from pantheros.synth.merged import EVERY_HOST, Definition, Merged, merge

_PACKAGES = frozenset({("environment", "systemPackages"), ("home", "packages"), ("fonts", "packages")})


@dataclass(frozen=True)
class Fleet:
    """What a fleet comes to."""

    hosts: tuple[Host, ...]
    flake: Facts
    """What the flake that is built of it says of its inputs and outputs."""
    imports: dict[str, tuple[str, ...]]
    """By the fleet's file: the raw modules that it imports."""
    secrets: tuple[str, ...]


def read_fleet_hosts(repository: Repository) -> Fleet:
    """The fleet that lies at a repository's top. Raises `PantherError` where it cannot be read."""
    model = Model.of(repository.root)
    imports: dict[str, set[str]] = {}
    found = []
    for name in sorted(model.declared.hosts):
        host = model.resolver.host(name)
        expansions, _ = model.expand(host)
        taken = _imports(model, host)
        for each in taken:
            imports.setdefault(each.origin.file, set()).add(each.path)
        found.append(_host(repository, model, host, expansions, taken))
        model.resolver.forget(host)
    wanted = build(repository.root).files.get("flake.nix")
    return Fleet(
        tuple(found),
        read((wanted.content or b"").decode()) if wanted is not None else Facts(),
        {file: tuple(sorted(paths)) for file, paths in imports.items()},
        tuple(sorted(model.declared.secrets)),
    )


def _imports(model: Model, host: FleetHost) -> list[Import]:
    return [each for layer in model.declared.layers(host.declared) for each in layer.imports]


def _host(
    repository: Repository, model: Model, host: FleetHost, expansions: list[Expansion], taken: list[Import]
) -> Host:
    system, homes = merge(model.resolver, host, expansions)
    modules = {expansion.module.name: expansion.module for expansion in expansions}
    places = {name: _place(model, host, module) for name, module in modules.items()}
    directory = posixpath.dirname(host.declared.file)
    written = Place(host.declared.file, 1)
    settings: list[Seen] = []
    packages: list[Seen] = []
    for merged in (system, *homes.values()):
        for definition, path in _said(merged):
            place = places.get(definition.module or "", written)
            settings.append(Seen(join_path(path), _literal(definition.bare), place, True))
            if path in _PACKAGES and isinstance(definition.bare, list):
                packages += [Seen(each.name, "", place, True) for each in definition.bare if isinstance(each, Package)]
    settings += [Seen(f"home-manager.users.{name}", "", written, True) for name in homes]
    files = repository.closure([each.path for each in taken])
    raw, raw_packages = held(repository, files)
    kind: Kind = "server" if host.declared.table.kind == "server" else "workstation"
    found = Host(
        host.name,
        directory,
        kind,
        host.name,
        tuple(files),
        (*settings, *raw),
        (*packages, *raw_packages),
        given=written,
    )
    report = posixpath.join(directory, "facter.json")
    hardware = host_sets(found, *OF_HARDWARE)
    if report in repository.files or hardware is not None:
        found.has["hardware"] = (
            Place(report, 0) if report in repository.files else hardware.place if hardware else written
        )
    disks = host_sets(found, *OF_DISKS)
    if disks is not None:
        found.has["disks"] = disks.place
    if host.people:
        found.has["users"] = written
    if homes:
        found.has["home"] = written
    return found


def _said(merged: Merged) -> Iterator[tuple[Definition, tuple[str, ...]]]:
    """What somebody wrote, or a module made of it; not what every host gets."""
    for path, setting in merged.items():
        for definition in setting.definitions:
            if definition.by != EVERY_HOST:
                yield definition, path


def _place(model: Model, host: FleetHost, module: Module) -> Place:
    """Where a module is switched on, or its options are set."""
    origin = origin_of(model.resolver, host, ("pantherOS", *module.names))
    return Place(origin.file, origin.line)


def _literal(value: object) -> str:
    """A value as a Nix file has it, where it is one word."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return sort_of(value)
    return GIVEN if isinstance(value, int | float) else ""
