"""Settings to files: one Nix file a module, and the one that imports them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from pantheros.findings import Finding, Origin
from pantheros.fleet.layers import append
from pantheros.module import Host, Input
from pantheros.nix.values import File, FleetPath, Override, Raw, Value, join_path
from pantheros.nix.writer import Unwritable, Writer, lambda_head, path_literal
from pantheros.synth.expand import Expansion, Setting
from pantheros.synth.resolve import Resolver

COPIES = "files"
"""Where the fleet's own files (raw modules, hardware reports) are copied to, under the path they have in it."""

Names = tuple[str, ...]


class Content(NamedTuple):
    """What a file is to hold."""

    text: str
    executable: bool = False


@dataclass
class HostFiles:
    """The files of one host by their path in the output, and what the flake needs to know of it."""

    files: dict[str, Content] = field(default_factory=dict)
    copies: set[str] = field(default_factory=set)
    """Files and directories of the fleet to copy along (paths relative to it)."""
    inputs: dict[str, Input] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)
    """NixOS modules of inputs that the host imports: `disko.nixosModules.disko`."""
    shared_modules: list[str] = field(default_factory=list)
    """home-manager modules of inputs that every person there imports."""
    uses_home: bool = False
    findings: list[Finding] = field(default_factory=list)


def lay_out(resolver: Resolver, host: Host, expansions: Iterable[Expansion]) -> HostFiles:
    """A host's files. What cannot be written is a finding, and is left out."""
    out = HostFiles()
    imports: list[str] = []
    homes: dict[str, None] = {}
    for expansion in expansions:
        if expansion.nixos or expansion.home:
            names = expansion.module.names
            path = f"hosts/{host.name}/{'/'.join(names)}.nix"
            source = f"pantherOS.{expansion.module.name} of {host.declared.file}"
            system = _tree(expansion.nixos, out, expansion)
            people = {name: _tree(settings, out, expansion) for name, settings in expansion.home.items()}
            try:
                _file(out, path, source, system, people)
            except Unwritable as error:
                out.findings.append(_unwritable(expansion, error))
                continue
            imports.append(f"./{'/'.join(names)}.nix")
            homes |= dict.fromkeys(expansion.home)
            _use_inputs(out, host, expansion)
    raw_home = {person.name: tree for person in host.people if (tree := resolver.stack(host, person).emitted("home"))}
    raw_system = resolver.stack(host).emitted("nixos")
    if raw_system or raw_home:
        _file(
            out,
            f"hosts/{host.name}/settings.nix",
            f"raw settings for host {host.name}",
            raw_system,
            raw_home,
        )
        imports.append("./settings.nix")
        homes |= dict.fromkeys(raw_home)
    out.uses_home = bool(homes)
    for found in resolver.declared.layers(host.declared):
        for raw_module in found.imports:
            out.copies.add(raw_module.path)
            imports.append(_copy_path(raw_module.path, f"hosts/{host.name}"))
    _default_nix(out, host, imports, [p.name for p in host.people if p.name in homes])
    return out


def _tree(settings: list[Setting], out: HostFiles, expansion: Expansion) -> dict[str, Any]:
    """The settings of one scope of one module, put together."""
    tree: dict[str, Any] = {}
    for setting in settings:
        try:
            _assign(tree, setting.path, setting.value)
        except _Conflict as conflict:
            what = f"sets `{join_path(setting.path)}` twice: {conflict}"
            out.findings.append(_broken(expansion, setting, what))
    return tree


def _broken(expansion: Expansion, setting: Setting, what: str) -> Finding:
    where = Origin(expansion.module.shown_path, setting.line, 1, setting.line, 1)
    help = "this is a mistake in the module's code, not in what you set"
    return Finding("broken-module", f"the module {expansion.module.name} {what}", origin=where, help=help)


class _Conflict(Exception):
    pass


def _assign(tree: dict[str, Any], path: Names, value: Value) -> None:
    """Put a setting into a tree: lists of one path append, tables merge, equal values are one."""
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            raise _Conflict("once as a value, once as a set")
    last = path[-1]
    if last not in tree:
        tree[last] = value
        return
    old = tree[last]
    if isinstance(old, dict) and isinstance(value, dict):
        copy = tree[last] = dict(old)
        for name, below in value.items():
            _assign(copy, (name,), below)
    elif isinstance(old, list) and isinstance(value, list):
        tree[last] = append(old, value)
    elif old != value:
        raise _Conflict("to different values")


def _file(out: HostFiles, path: str, source: str, system: dict[str, Any], people: dict[str, dict[str, Any]]) -> None:
    """Write one NixOS module: a host's system settings, and those of its people's homes."""
    directory = posixpath.dirname(path)
    stem = posixpath.basename(path).removesuffix(".nix")

    taken: dict[str, File] = {}

    def place(file: File | FleetPath, person: str = "") -> str:
        if isinstance(file, FleetPath):
            return _copy_path(file.path, directory)
        # people who set something differently have different files of one name
        for name in (file.name, f"{person}/{file.name}" if person else file.name):
            if taken.setdefault(name, file) == file:
                return path_literal(f"./{stem}/{name}")
        raise Unwritable(f"two files are both called {file.name}")

    writer = Writer("nixos", place)
    body = writer.bindings(system, "  ")
    for person, tree in people.items():
        home = Writer("home", partial(place, person=person))
        inner = home.bindings(tree, "      ")
        if "config" in home.arguments:
            name = join_path(("home-manager", "users", person))
            body += f"  {name} =\n    {{ config, ... }}:\n    {{\n{inner}    }};\n"
        else:
            body += home.bindings({"home-manager": {"users": {person: tree}}}, "  ")
        writer.arguments |= home.arguments - {"config"}
        writer.files |= home.files
    out.copies |= {file.path for file in writer.files if isinstance(file, FleetPath)}
    out.files |= {f"{directory}/{stem}/{name}": _content(file) for name, file in taken.items()}
    head = f"{lambda_head(writer.arguments)}\n" if writer.arguments else ""
    out.files[path] = Content(f"# Written by pantherOS: {source}.\n{head}{{\n{body}}}\n")


def _content(file: File) -> Content:
    return Content(file.text, file.executable)


def _unwritable(expansion: Expansion, error: Unwritable) -> Finding:
    """The setting whose value Nix cannot hold, looked for once it is known that there is one."""
    for _, _, settings in expansion.scopes():
        for setting in settings:
            try:
                Writer(place=lambda file: "./file").value(setting.value)
            except Unwritable as reason:
                return _broken(
                    expansion, setting, f"sets `{join_path(setting.path)}` to what Nix cannot hold: {reason}"
                )
    return _broken(expansion, Setting((), None, 1), str(error))


def _copy_path(path: str, directory: str) -> str:
    """How a Nix file in `directory` of the output names the copy of a file of the fleet."""
    relative = posixpath.relpath(f"{COPIES}/{path}", directory)
    return path_literal(relative if relative.startswith("../") else f"./{relative}")


def _use_inputs(out: HostFiles, host: Host, expansion: Expansion) -> None:
    for input in expansion.module.inputs:
        if input.when is None or input.when(host.release):
            out.inputs[input.name] = input
            if expansion.nixos:
                out.modules += [f"{input.name}.{module}" for module in input.nixos]
            if expansion.home:
                out.shared_modules += [f"{input.name}.{module}" for module in input.home]


def base_settings(host: Host, homes: Sequence[str]) -> dict[str, Value]:
    """What every host gets: its platform, and home-manager's ways for the people with a home there."""
    settings: dict[str, Value] = {"nixpkgs": {"hostPlatform": Override(1000, host.system)}}
    if homes:
        settings["home-manager"] = {
            "useGlobalPkgs": True,
            "useUserPackages": True,
            "users": {name: {"home": {"stateVersion": Raw("config.system.stateVersion")}} for name in homes},
        }
    return settings


def _default_nix(out: HostFiles, host: Host, imports: list[str], homes: list[str]) -> None:
    body: dict[str, Value] = {"imports": [Raw(path) for path in imports], **base_settings(host, homes)}
    writer = Writer()
    text = writer.bindings(body, "  ")
    head = f"{lambda_head(writer.arguments)}\n" if writer.arguments else ""
    out.files[f"hosts/{host.name}/default.nix"] = Content(
        f"# Written by pantherOS: host {host.name}, from {host.declared.file}.\n{head}{{\n{text}}}\n"
    )
