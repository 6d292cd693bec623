"""`flake.nix`: the one file that mentions inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pantheros.module import Fleet, Host, Input
from pantheros.nix.values import Raw, Value, key
from pantheros.nix.writer import Writer
from pantheros.releases.release import Release
from pantheros.synth.layout import HostFiles


def _home_manager(release: Release) -> str:
    branch = "master" if release.name == "unstable" else f"release-{release.name}"
    return f"github:nix-community/home-manager/{branch}"


NIXPKGS = Input("nixpkgs", lambda release: f"github:NixOS/nixpkgs/nixos-{release.name}")
HOME_MANAGER = Input("home-manager", _home_manager, follows=("nixpkgs",), nixos=("nixosModules.home-manager",))
COLMENA = Input("colmena", "github:zhaofengli/colmena", follows=("nixpkgs",))
DEPLOY_RS = Input("deploy-rs", "github:serokell/deploy-rs", follows=("nixpkgs",))


class FlakeInput(NamedTuple):
    """An input as the flake declares it."""

    name: str
    url: str
    follows: tuple[str, ...]

    @classmethod
    def of(cls, input: Input, release: Release) -> FlakeInput:
        return cls(input.name, input.url if isinstance(input.url, str) else input.url(release), input.follows)


@dataclass(frozen=True, slots=True)
class HostPart:
    """What the flake says of one host: enough to write `flake.nix` without the host's settings."""

    name: str
    system: str
    address: str
    tags: tuple[str, ...]
    modules: tuple[str, ...]
    """NixOS modules that inputs bring."""
    shared_modules: tuple[str, ...]
    """home-manager modules that inputs bring."""
    inputs: tuple[FlakeInput, ...]

    @classmethod
    def of(cls, host: Host, files: HostFiles) -> HostPart:
        inputs = dict(files.inputs)
        modules = list(dict.fromkeys(files.modules))
        if files.uses_home:
            inputs[HOME_MANAGER.name] = HOME_MANAGER
            modules += [f"{HOME_MANAGER.name}.{module}" for module in HOME_MANAGER.nixos]
        return cls(
            host.name,
            host.system,
            host.address,
            tuple(host.tags),
            tuple(modules),
            tuple(dict.fromkeys(files.shared_modules)),
            tuple(FlakeInput.of(input, host.release) for input in inputs.values()),
        )


def flake_nix(fleet: Fleet, hosts: list[HostPart], outputs: list[str]) -> str:
    """The text of `flake.nix`."""
    tools = {"colmena": COLMENA, "deploy-rs": DEPLOY_RS}
    always = [FlakeInput.of(i, fleet.release) for i in (NIXPKGS, *(tools[output] for output in outputs))]
    inputs = {found.name: found for found in (*always, *(found for host in hosts for found in host.inputs))}
    names = sorted(inputs, key=lambda name: (name != NIXPKGS.name, name))
    writer = Writer()
    declared = writer.bindings({name: _declaration(inputs[name], inputs) for name in names}, "    ")
    body = "".join(f"      {part}\n" if part else "\n" for part in "\n\n".join(_outputs(hosts, outputs)).split("\n"))
    arguments = "".join(f"      {name},\n" for name in ["self", *sorted(inputs)])
    description = writer.string(f"The NixOS fleet {fleet.name}" if fleet.name else "A NixOS fleet")
    return (
        "# Written by pantherOS: from fleet.toml and hosts/.\n"
        f"{{\n  description = {description};\n\n  inputs = {{\n{declared}  }};\n\n"
        f"  outputs =\n    {{\n{arguments}      ...\n    }}:\n    {{\n{body}    }};\n}}\n"
    )


def _declaration(input: FlakeInput, inputs: Mapping[str, FlakeInput]) -> Value:
    declared: dict[str, Value] = {"url": input.url}
    # What the fleet has no input for is not fetched either: an empty path stands for the flake itself.
    follows: dict[str, Value] = {name: {"follows": name if name in inputs else ""} for name in input.follows}
    if follows:
        declared["inputs"] = follows
    return declared


def _outputs(hosts: list[HostPart], outputs: list[str]) -> list[str]:
    """The flake's outputs, each a binding (of several lines)."""
    writer = Writer()
    modules: dict[str, Value] = {}
    for host in hosts:
        module: dict[str, Value] = {"imports": [Raw(code) for code in (*host.modules, f"./hosts/{host.name}")]}
        if host.shared_modules:
            module["home-manager"] = {"sharedModules": [Raw(code) for code in host.shared_modules]}
        modules[host.name] = module
    found = [
        f"nixosModules = {writer.value(modules)};",
        "nixosConfigurations = nixpkgs.lib.mapAttrs (\n"
        "  _: module: nixpkgs.lib.nixosSystem { modules = [ module ]; }\n"
        ") self.nixosModules;",
    ]
    if "colmena" in outputs:
        meta: dict[str, Value] = {"nixpkgs": Raw('import nixpkgs { system = "x86_64-linux"; }')}
        others = {
            host.name: Raw(f'import nixpkgs {{ system = "{host.system}"; }}')
            for host in hosts
            if host.system != "x86_64-linux"
        }
        if others:
            meta["nodeNixpkgs"] = others
        nodes: dict[str, Value] = {"meta": meta}
        for host in hosts:
            deployment: dict[str, Value] = {"targetHost": host.address or host.name}
            if host.tags:
                deployment["tags"] = list(host.tags)
            nodes[host.name] = {
                "imports": [Raw(f"self.nixosModules.{key(host.name)}")],
                "deployment": deployment,
            }
        found += [f"colmena = {writer.value(nodes)};", "colmenaHive = colmena.lib.makeHive self.colmena;"]
    if "deploy-rs" in outputs:
        deployed: dict[str, Value] = {
            host.name: {
                "hostname": host.address or host.name,
                "profiles": {
                    "system": {
                        "user": "root",
                        "path": Raw(
                            f"deploy-rs.lib.{host.system}.activate.nixos self.nixosConfigurations.{key(host.name)}"
                        ),
                    }
                },
            }
            for host in hosts
        }
        found += [
            f"deploy.nodes = {writer.value(deployed)};",
            "checks = nixpkgs.lib.mapAttrs (_: lib: lib.deployChecks self.deploy) deploy-rs.lib;",
        ]
    return found
