"""The project's own flake: that Nix reads it, and that it names what pyproject.toml and uv.lock name.

It is evaluated with stand-ins for nixpkgs, so that no network is needed.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "flake.nix", *sorted((ROOT / "nix").glob("*.nix"))]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKED = {package["name"]: package for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}

pytestmark = [
    pytest.mark.nix,
    pytest.mark.skipif(shutil.which("nix-instantiate") is None, reason="nix-instantiate is not installed"),
]

# As much of nixpkgs as the files make use of. A package is what it is called with. Those of nixpkgs have no hash.
_STAND_INS = """
let
  python3Packages = builtins.mapAttrs (pname: version: { inherit pname version; meta = { }; }) versions // {
    buildPythonApplication = package: package;
    buildPythonPackage = package: package;
  };
  lib = {
    fileset = {
      fileFilter = _: path: path;
      toSource = { root, fileset }: fileset;
      unions = map (path: assert builtins.pathExists path; baseNameOf path);
    };
    importTOML = path: builtins.fromTOML (builtins.readFile path);
    licenses.mit = "MIT";
    optionalString = yes: text: if yes then text else "";
    platforms.linux = [ ];
    versionAtLeast = a: b: builtins.compareVersions a b >= 0;
    versionOlder = a: b: builtins.compareVersions a b < 0;
  };
  fetchPypi = source: source // { __toString = _: source.pname; };
  callPackage = file: arguments: import file ({ inherit lib fetchPypi; } // arguments);
  platform.canExecute = _: true;
  panther = import root/nix/package.nix {
    inherit lib callPackage python3Packages;
    installShellFiles = "installShellFiles";
    stdenv = { buildPlatform = platform; hostPlatform = platform; };
  };
  told = package: { inherit (package) pname version; hash = package.src.hash or null; };
in
{
  inherit (panther) version postPatch src;
  dependencies = map told panther.dependencies;
  development = map (package: package.pname) panther.passthru.developmentLibraries;
}
"""
NIXOS_24_11 = {
    "brotli": "1.1.0",
    "click": "8.1.7",
    "flit-core": "3.9.0",
    "hatchling": "1.25.0",
    "hypothesis": "6.112.2",
    "jsonschema": "4.23.0",
    "mypy": "1.11.2",
    "networkx": "3.3",
    "pdm-backend": "2.4.3",
    "pydantic": "2.9.2",
    "pytest": "8.3.3",
    "pyyaml": "6.0.2",
    "rich": "13.8.1",
    "ruff": "0.7.3",
    "setuptools": "75.1.0",
    "shellingham": "1.5.4",
    "tomli": "2.0.1",
    "tree-sitter": "0.23.0",
    "typer": "0.12.5",
    "typing-extensions": "4.12.2",
    "wheel": "0.44.0",
}
NEWEST = NIXOS_24_11 | {name: LOCKED[name]["version"] for name in NIXOS_24_11 if name in LOCKED}


def _evaluated(versions: dict[str, str]) -> Any:
    named = " ".join(f'"{name}" = "{version}";' for name, version in versions.items())
    program = _STAND_INS.replace("versions //", f"{{ {named} }} //").replace("root/", f"{ROOT}/")
    command = ["nix-instantiate", "--eval", "--strict", "--json", "--readonly-mode", "-E", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nix_reads_the_file(file: Path) -> None:
    done = subprocess.run(
        ["nix-instantiate", "--parse", str(file)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("versions", [NIXOS_24_11, NEWEST], ids=["24.11", "newest"])
def test_the_package_is_what_pyproject_says(versions: dict[str, str]) -> None:
    package = _evaluated(versions)
    assert package["version"] == PYPROJECT["project"]["version"]
    wanted = [_parts(requirement) for requirement in PYPROJECT["project"]["dependencies"]]
    assert [found["pname"] for found in package["dependencies"]] == [name for name, _ in wanted]
    for found, (name, bound) in zip(package["dependencies"], wanted, strict=True):
        assert _number(found["version"]) >= _number(bound), name
    development = {_parts(requirement)[0] for requirement in PYPROJECT["dependency-groups"]["dev"]}
    assert development - set(package["development"]) == {"types-jsonschema", "types-networkx", "types-pyyaml"}
    assert {PYPROJECT["project"]["readme"], *PYPROJECT["project"]["license-files"], "src"} <= set(package["src"])


def test_what_nixpkgs_has_is_taken_where_it_is_new_enough() -> None:
    ours = {
        name: {found["pname"] for found in _evaluated(versions)["dependencies"] if found["hash"]}
        for name, versions in {"24.11": NIXOS_24_11, "newest": NEWEST}.items()
    }
    assert ours == {
        "24.11": {"tomli", "tree-sitter-nix", "tree-sitter-toml", "typer"},
        "newest": {"tree-sitter-nix", "tree-sitter-toml"},
    }


def test_the_grammars_are_those_that_the_tests_are_run_with() -> None:
    for found in _evaluated(NEWEST)["dependencies"]:
        if found["hash"]:
            locked = LOCKED[found["pname"]]
            assert found["version"] == locked["version"]
            assert base64.b64decode(found["hash"].removeprefix("sha256-")).hex() == locked["sdist"]["hash"][7:]


def _parts(requirement: str) -> tuple[str, str]:
    name, _, bound = requirement.partition(">=")
    return name, bound


def _number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
