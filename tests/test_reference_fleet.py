"""The reference fleet: five hosts, for every release, and what is written of them read back by real Nix."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pantheros.nix.values import Expression, File, FleetPath, Override, Package, Raw, Scope, parts
from pantheros.nix.writer import Writer
from pantheros.releases.release import Release
from pantheros.synth.build import Model, build, build_tree
from pantheros.synth.layout import COPIES

ROOT = Path(__file__).parents[1] / "examples" / "pantheros"
RELEASES = [release.name for release in Release.all()]
HOSTS = ["contabo-vps", "hetzner-vps", "ovh-vps", "yoga", "zephyrus"]


def test_the_written_flake_is_current() -> None:
    outcome = build_tree(ROOT, ROOT / "nixos", write=False)
    assert not outcome.plan.stale, "run make docs"


@pytest.mark.parametrize("release", RELEASES)
def test_it_builds_unchanged_for_every_release(release: str) -> None:
    built = build(ROOT, Release.parse(release))
    assert [host.name for host in built.hosts] == HOSTS
    assert [finding.message for finding in built.findings if finding.severity != "info"] == []


@pytest.mark.parametrize("release", RELEASES)
def test_only_the_flake_mentions_inputs(release: str) -> None:
    for path, wanted in build(ROOT, Release.parse(release)).files.items():
        if path.endswith(".nix") and path != "flake.nix":
            assert wanted.content is not None
            assert b"inputs" not in wanted.content, path


def test_inputs_are_those_in_use() -> None:
    def inputs(release: str) -> set[str]:
        flake = build(ROOT, Release.parse(release)).files["flake.nix"].content
        assert flake is not None
        section = flake.decode().split("\n  inputs = {\n")[1].split("\n  };\n")[0]
        return set(re.findall(r"^    ([a-z-]+)(?:\.url| = \{)", section, re.MULTILINE))

    common = {"nixpkgs", "home-manager", "disko", "opnix", "impermanence"}
    assert inputs("26.05") == common
    assert inputs("24.11") == common | {"nixos-facter-modules"}


def test_nothing_secret_is_written() -> None:
    """References to 1Password are; keys and hashes are not."""
    for path, wanted in build(ROOT).files.items():
        assert wanted.content is not None
        text = wanted.content.decode()
        assert not re.search(r"\$(6|y|2b|argon2id)\$|PRIVATE KEY-----\n|tskey-(auth|client)-\w{8}", text), path


def test_portable_machines_are_encrypted_and_roots_start_clean() -> None:
    model = Model.of(ROOT)
    for name in HOSTS:
        host = model.resolver.host(name)
        expansions, _ = model.expand(host)
        settings = {setting.path: setting.value for expansion in expansions for setting in expansion.nixos}
        flat = repr(settings)
        assert ("'luks'" in flat) == host.portable
        assert any(path[:2] == ("environment", "persistence") for path in settings)
        assert any(path[:2] == ("services", "tailscale") for path in settings)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_passes_on_every_script(tmp_path: Path) -> None:
    build_tree(ROOT, tmp_path)
    scripts = [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes().startswith(b"#!")]
    assert len(scripts) > 10
    distinct = {path.read_bytes(): str(path) for path in scripts}
    process = subprocess.run(["shellcheck", *distinct.values()], capture_output=True, check=False, text=True)
    assert process.returncode == 0, process.stdout


# Read back by Nix ---------------------------------------------------------------------------------------------


def plain_nix(value: Any, scope: Scope, place: Any) -> str:
    """A value by the plainest Nix there is: no short paths, no indented strings, every expression in parentheses."""
    if isinstance(value, Override):
        function = "lib.mkForce" if value.priority == 50 else "lib.mkDefault"
        return f"({function} {plain_nix(value.value, scope, place)})"
    if isinstance(value, Package):
        return f"(pkgs.{value.name})"
    if isinstance(value, Raw):
        return f"({value.home if scope == 'home' and value.home is not None else value.code})"
    if isinstance(value, File | FleetPath):
        return f"({place(value)})"
    if isinstance(value, str):
        pieces = [
            f"${{{plain_nix(piece, scope, place)}}}"
            if isinstance(piece, Expression)
            else re.sub(r'["\\$]', lambda m: f"\\{m[0]}", piece).replace("\r", "\\r")
            for piece in parts(value)
        ]
        return f'"{"".join(pieces)}"'
    if isinstance(value, list):
        return f"[ {' '.join(plain_nix(element, scope, place) for element in value)} ]"
    if isinstance(value, dict):
        bindings = " ".join(f"{quoted(name)} = {plain_nix(below, scope, place)};" for name, below in value.items())
        return f"{{ {bindings} }}"
    return f"({Writer().value(value)})"


def quoted(name: str) -> str:
    return '"' + re.sub(r'["\\$]', lambda m: f"\\{m[0]}", name) + '"'


def assigned(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    old = tree.get(path[-1])
    if isinstance(old, dict) and isinstance(value, dict):
        for name, below in value.items():
            assigned(old, (name,), below)
    elif isinstance(old, list) and isinstance(value, list):
        tree[path[-1]] = old + value
    else:
        tree[path[-1]] = dict(value) if isinstance(value, dict) else value


def mentioned(texts: list[str], root: str) -> str:
    """The attribute paths below `root` that some Nix texts mention, as a Nix list of lists of names."""
    found = sorted({match for text in texts for match in re.findall(rf"\b{root}((?:\.[A-Za-z_][\w'-]*)+)", text)})
    return "[ " + " ".join("[ " + " ".join(map(quoted, path[1:].split("."))) + " ]" for path in found) + " ]"


@pytest.mark.nix
@pytest.mark.skipif(shutil.which("nix-instantiate") is None, reason="nix-instantiate is not installed")
@pytest.mark.parametrize("release", ["24.11", "26.05"])
def test_nix_reads_every_file_as_the_model_has_it(release: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build_tree(ROOT, out, Release.parse(release))
    model = Model.of(ROOT, Release.parse(release))
    checks: list[tuple[Path, str]] = []
    for name in HOSTS:
        host = model.resolver.host(name)
        expansions, _ = model.expand(host)
        for expansion in expansions:
            if not (expansion.nixos or expansion.home):
                continue
            file = out / "hosts" / name / f"{'/'.join(expansion.module.names)}.nix"

            def place(value: File | FleetPath, file: Path = file) -> str:
                beside = file.parent / file.stem
                return str(out / COPIES / value.path if isinstance(value, FleetPath) else beside / value.name)

            tree: dict[str, Any] = {}
            for setting in expansion.nixos:
                assigned(tree, setting.path, setting.value)
            text = plain_nix(tree, "nixos", place)
            homes: dict[str, Any] = {}
            for person, settings in expansion.home.items():
                for setting in settings:
                    assigned(homes.setdefault(person, {}), setting.path, setting.value)
            users = " ".join(f"{quoted(p)} = {plain_nix(home, 'home', place)};" for p, home in homes.items())
            if homes:
                text = f"(merge {text} {{ home-manager.users = {{ {users} }}; }})"
            checks.append((file, text))
    texts = [file.read_text(encoding="utf-8") for file, _ in checks]
    names = " ".join(f"{root}Names = {mentioned(texts, root)};" for root in ("lib", "pkgs", "config"))
    verdicts = "\n".join(
        f"(if plain (homes (evaluated {file})) == plain {text} then true else throw {quoted(str(file))})"
        for file, text in checks
    )
    expression = tmp_path / "check.nix"
    stubs = f"with import {Path(__file__).with_name('stubs.nix')} {{ {names} }};\n"
    expression.write_text(f"{stubs}builtins.deepSeq [\n{verdicts}\n] true\n", encoding="utf-8")
    store = ["--store", str(tmp_path / "store")]
    command = ["nix-instantiate", "--eval", "--strict", "--read-write-mode", *store, str(expression)]
    process = subprocess.run(command, capture_output=True, check=False, text=True)
    assert process.stdout.strip() == "true", process.stderr


@pytest.mark.nix
@pytest.mark.skipif(shutil.which("nix-instantiate") is None, reason="nix-instantiate is not installed")
def test_nix_parses_every_file(tmp_path: Path) -> None:
    build_tree(ROOT, tmp_path)
    files = [str(path) for path in tmp_path.rglob("*.nix")]
    process = subprocess.run(["nix-instantiate", "--parse", *files], capture_output=True, check=False, text=True)
    assert process.returncode == 0, process.stderr
