"""What the flake holds: hosts, inputs, and the outputs that other tools look for."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pantheros.releases.release import Release
from pantheros.synth.build import build

Write = Callable[[dict[str, str]], Path]
FLEET = 'name = "test"\nrelease = "26.05"\n'


def flake(root: Path, release: str | None = None) -> str:
    built = build(root, Release.parse(release) if release else None)
    assert [finding.message for finding in built.findings if finding.severity == "error"] == []
    content = built.files["flake.nix"].content
    assert content is not None
    return content.decode()


def test_a_fleet_without_hosts(write: Write) -> None:
    text = flake(write({"fleet.toml": FLEET}))
    assert "nixosModules = { };" in text


def test_only_inputs_in_use(write: Write) -> None:
    assert set(re.findall(r'"(github:[^"]*)"', flake(write({"fleet.toml": FLEET, "hosts/a/host.toml": ""})))) == {
        "github:NixOS/nixpkgs/nixos-26.05"
    }


@pytest.mark.parametrize(
    ("release", "nixpkgs", "home_manager"),
    [("24.11", "nixos-24.11", "release-24.11"), ("unstable", "nixos-unstable", "master")],
)
def test_branches_by_release(write: Write, release: str, nixpkgs: str, home_manager: str) -> None:
    files = {"hosts/a/host.toml": 'people = ["ada"]\n[home.programs.bat]\nenable = true\n'}
    text = flake(write(files), release)
    assert f'"github:NixOS/nixpkgs/{nixpkgs}"' in text
    assert f'"github:nix-community/home-manager/{home_manager}"' in text


def test_what_an_input_would_follow_and_nobody_has_is_not_fetched(write: Write) -> None:
    host = '[pantherOS.filesystems.disks]\nenable = true\ndevice = "/dev/disk/by-id/x"\n'
    text = flake(write({"hosts/a/host.toml": host + "[pantherOS.filesystems.impermanence]\nenable = true\n"}))
    assert 'home-manager.follows = "";' in text
    assert "github:nix-community/home-manager" not in text


def test_what_tools_look_for(write: Write) -> None:
    files = {
        "fleet.toml": FLEET + 'outputs = ["colmena", "deploy-rs"]\n',
        "hosts/a/host.toml": 'address = "a.example.org"\ntags = ["web"]\n',
        "hosts/b/host.toml": 'system = "aarch64-linux"\n',
    }
    text = flake(write(files))
    assert 'targetHost = "a.example.org";' in text
    assert 'tags = [ "web" ];' in text
    assert 'nodeNixpkgs.b = import nixpkgs { system = "aarch64-linux"; };' in text
    assert "colmenaHive = colmena.lib.makeHive self.colmena;" in text
    assert "path = deploy-rs.lib.aarch64-linux.activate.nixos self.nixosConfigurations.b;" in text


@pytest.mark.nix
@pytest.mark.skipif(shutil.which("nix-instantiate") is None, reason="nix-instantiate is not installed")
@pytest.mark.parametrize("outputs", ["[]", '["colmena"]', '["deploy-rs"]', '["colmena", "deploy-rs"]'])
def test_nix_evaluates_the_outputs(write: Write, tmp_path: Path, outputs: str) -> None:
    """With inputs that stand for the real ones: each host is a module, a configuration, a node."""
    files = {
        "fleet.toml": FLEET + f"outputs = {outputs}\n",
        "hosts/a/host.toml": "",
        "hosts/B-2/host.toml": 'system = "aarch64-linux"\n',
    }
    (tmp_path / "flake.nix").write_text(flake(write(files)), encoding="utf-8")
    (tmp_path / "check.nix").write_text(
        """\
let
  nixpkgs = {
    outPath = ./nixpkgs;
    lib = {
      mapAttrs = builtins.mapAttrs;
      nixosSystem = { modules }: { configured = builtins.length modules; };
    };
  };
  deploy-rs.lib = builtins.listToAttrs (map (name: {
    inherit name;
    value = { activate.nixos = c: c.configured; deployChecks = d: builtins.attrNames d.nodes; };
  }) [ "x86_64-linux" "aarch64-linux" ]);
  colmena.lib.makeHive = hive: builtins.attrNames hive;
  outputs = (import ./flake.nix).outputs { inherit nixpkgs deploy-rs colmena self; };
  self = outputs;
in
builtins.deepSeq (removeAttrs outputs [ "colmena" ]) (builtins.toJSON (builtins.mapAttrs (_: builtins.attrNames) {
  inherit (outputs) nixosModules nixosConfigurations;
}))
""",
        encoding="utf-8",
    )
    (tmp_path / "nixpkgs").mkdir()
    (tmp_path / "nixpkgs/default.nix").write_text("{ system }: system\n", encoding="utf-8")
    command = ["nix-instantiate", "--eval", "--strict", "--store", "dummy://", str(tmp_path / "check.nix")]
    process = subprocess.run(command, capture_output=True, check=False, text=True)
    expected = '"{\\"nixosConfigurations\\":[\\"B-2\\",\\"a\\"],\\"nixosModules\\":[\\"B-2\\",\\"a\\"]}"'
    assert process.stdout.strip() == expected, process.stderr
