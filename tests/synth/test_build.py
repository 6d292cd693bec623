"""A build after any edits comes to the same as a build from nothing."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pantheros.releases.release import Release
from pantheros.synth.build import build, build_tree
from pantheros.synth.tree import MANIFEST

REFERENCE = Path(__file__).parents[2] / "examples" / "pantheros"
Write = Callable[[dict[str, str]], Path]
HOST = 'people = ["ada"]\n'


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def tree(directory: Path) -> dict[str, bytes]:
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_nothing_changes_without_a_change(write: Write, tmp_path: Path) -> None:
    root = write({"hosts/a/host.toml": HOST})
    build_tree(root, tmp_path / "out")
    before = {path: (tmp_path / "out" / path).stat().st_mtime_ns for path in tree(tmp_path / "out")}
    outcome = build_tree(root, tmp_path / "out")
    assert not outcome.plan.stale
    assert {path: (tmp_path / "out" / path).stat().st_mtime_ns for path in tree(tmp_path / "out")} == before


def test_one_host_alone(write: Write, tmp_path: Path) -> None:
    root = write({"hosts/a/host.toml": HOST, "hosts/b/host.toml": HOST})
    build_tree(root, tmp_path / "out", only=["a"])
    flake = (tmp_path / "out/flake.nix").read_text()
    assert "./hosts/a" in flake
    assert "./hosts/b" not in flake
    assert not (tmp_path / "out/hosts/b").exists()
    build_tree(root, tmp_path / "out", only=["b"])
    assert tree(tmp_path / "out") == built_from_nothing(root, tmp_path)


def test_a_host_with_mistakes_stops_no_other_one(write: Write, tmp_path: Path) -> None:
    root = write({"hosts/a/host.toml": HOST, "hosts/b/host.toml": "kind = 1\n"})
    assert build_tree(root, tmp_path / "out").failed
    assert not (tmp_path / "out").exists()
    assert build_tree(root, tmp_path / "out", only=["a"]).written


def built_from_nothing(root: Path, tmp_path: Path, release: str | None = None) -> dict[str, bytes]:
    out = tmp_path / "fresh"
    shutil.rmtree(out, ignore_errors=True)
    outcome = build_tree(root, out, Release.parse(release) if release else None)
    assert outcome.written, [finding.message for finding in outcome.findings]
    return tree(out)


def edit_profile(root: Path, dice: random.Random) -> None:
    change(root / "fleet.toml", 'timeZone = "', f'timeZone = "Etc/GMT-{dice.randrange(12)}" # ')


def edit_person(root: Path, dice: random.Random) -> None:
    change(root / "fleet.toml", 'name = "Ada', f'name = "Ada {dice.randrange(99)}" # ')


def edit_host(root: Path, dice: random.Random) -> None:
    host = dice.choice(sorted(root.glob("hosts/**/host.toml")))
    with host.open("a") as file:
        file.write(
            f"# {dice.random()}\n[nixos.test]\nvalue = {dice.randrange(9)}\n"
        ) if "[nixos.test]" not in host.read_text() else None


def edit_module(root: Path, dice: random.Random) -> None:
    (root / "modules").mkdir(exist_ok=True)
    (root / "modules/own.py").write_text(
        "from pantheros.module import ModuleOptions\n\n\nclass Options(ModuleOptions):\n    pass\n\n\n"
        f'def nixos(o, host):\n    yield "own.value", [{dice.randrange(9)}, len(host.fleet.hosts)]\n'
    )
    fleet = (root / "fleet.toml").read_text()
    if "[defaults.pantherOS.own]" not in fleet:
        (root / "fleet.toml").write_text(fleet + "\n[defaults.pantherOS.own]\nenable = true\n")


def edit_report(root: Path, dice: random.Random) -> None:
    report = dice.choice(sorted(root.glob("hosts/**/facter.json")))
    data = json.loads(report.read_text())
    data["hardware"]["memory"][0]["resources"][0]["range"] = dice.randrange(2**33, 2**36)
    data["uefi"] = {"supported": dice.random() < 0.5}
    report.write_text(json.dumps(data))


def edit_raw_module(root: Path, dice: random.Random) -> None:
    (root / "hosts/zephyrus/extra.conf").write_text(str(dice.random()))
    change(root / "hosts/zephyrus/nvidia.nix", "  hardware.", f"  hardware.x{dice.randrange(9)} = ./extra.conf; # ")


def edit_output(root: Path, dice: random.Random) -> None:
    """Somebody removes some of what was written."""
    for path in dice.sample(sorted((root / "nixos").rglob("*.nix")), 2):
        path.unlink(missing_ok=True)


def remove_host(root: Path, dice: random.Random) -> None:
    hosts = sorted(root.glob("hosts/servers/*"))
    if len(hosts) > 1:
        shutil.rmtree(dice.choice(hosts))


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    at = text.index(before)
    end = text.index("\n", at)
    file.write_text(text[:at] + after + text[end:])


EDITS = (edit_profile, edit_person, edit_host, edit_module, edit_report, edit_raw_module, edit_output, remove_host)


@pytest.mark.parametrize("seed", range(4))
def test_after_random_edits_the_tree_is_that_of_a_build_from_nothing(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    root = tmp_path / "fleet"
    shutil.copytree(REFERENCE, root, ignore=shutil.ignore_patterns("nixos"))
    build_tree(root, root / "nixos")
    release = None
    for _ in range(6):
        for edit in dice.sample(EDITS, dice.randrange(1, 3)):
            edit(root, dice)
        if dice.random() < 0.3:
            release = dice.choice(["24.11", "25.05", "unstable"])
        outcome = build_tree(root, root / "nixos", Release.parse(release) if release else None)
        assert outcome.written, [finding.message for finding in outcome.findings]
        assert tree(root / "nixos") == built_from_nothing(root, tmp_path, release)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 1, "stats": 3, "shared": 1}', b"\xff"]
)
def test_a_damaged_cache_is_no_cache(write: Write, tmp_path: Path, damage: bytes) -> None:
    root = write({"hosts/a/host.toml": HOST})
    build_tree(root, tmp_path / "out")
    expected = tree(tmp_path / "out")
    for file in (tmp_path / "cache/pantheros").iterdir():
        file.write_bytes(damage)
    assert build_tree(root, tmp_path / "out").written
    assert tree(tmp_path / "out") == expected


def test_an_edit_of_the_output_is_seen_however_fast(write: Write, tmp_path: Path) -> None:
    root = write({"hosts/a/host.toml": HOST})
    build_tree(root, tmp_path / "out")
    flake = tmp_path / "out/flake.nix"
    text = flake.read_text()
    flake.write_text(text.replace("NixOS", "nixOS", 1))
    assert [finding.code for finding in build_tree(root, tmp_path / "out").plan.foreign] == ["edited-output"]


def test_the_order_of_hashes_makes_no_difference(tmp_path: Path) -> None:
    """Two processes whose sets and dictionaries of strings hash differently write the same bytes."""
    trees = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        environment = {**os.environ, "PYTHONHASHSEED": seed, "XDG_CACHE_HOME": str(tmp_path / "none" / seed)}
        command = [sys.executable, "-m", "pantheros", "build", str(REFERENCE), "--out", str(out)]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        trees.append(tree(out))
    assert trees[0] == trees[1]


def test_what_raw_modules_refer_to_is_copied_along(write: Write, tmp_path: Path) -> None:
    root = write(
        {
            "hosts/a/host.toml": HOST + 'imports = ["raw.nix"]\n',
            "hosts/a/raw.nix": "{ imports = [ ../../shared/b.nix ]; x = ./data; }",
            "shared/b.nix": "{ environment.etc.c.source = ./c.txt; }",
            "shared/c.txt": "c",
            "shared/unused.txt": "no",
            "hosts/a/data/one": "1",
        }
    )
    build_tree(root, tmp_path / "out")
    copies = sorted(path for path in tree(tmp_path / "out") if path.startswith("files/"))
    assert copies == ["files/hosts/a/data/one", "files/hosts/a/raw.nix", "files/shared/b.nix", "files/shared/c.txt"]
    assert "../../files/hosts/a/raw.nix" in (tmp_path / "out/hosts/a/default.nix").read_text()


def test_a_broken_module_of_the_fleet_is_a_finding(write: Write) -> None:
    module = "from pantheros.module import ModuleOptions\n\n\nclass Options(ModuleOptions):\n    pass\n\n\n"
    root = write(
        {
            "modules/a.py": module + "def nixos(o, host):\n    yield 'x.y', 1\n    raise KeyError('gone')\n",
            "modules/b.py": "syntax error here\n",
            "modules/c.py": "x = 1\n",
            "modules/d.py": module + "def nixos(o, host):\n    yield 'x', {1}\n",
            "modules/e.py": module + "def defaults(host):\n    return {'nothing': 1}\n",
            "modules/f.py": module + "def nixos(o, host):\n    yield 'x..y', 1\n",
            "modules/g.py": module + "def nixos(o, host):\n    yield 'x', 1\n    yield 'x', 2\n",
            "hosts/box/host.toml": HOST + "".join(f"[pantherOS.{name}]\nenable = true\n" for name in "abcdefg"),
        }
    )
    found = sorted((f.code, str(f.origin)) for f in build(root).findings if f.severity == "error")
    assert found == [
        ("broken-module", "modules/a.py:10:1"),
        ("broken-module", "modules/b.py:1:8"),
        ("broken-module", "modules/c.py:1:1"),
        ("broken-module", "modules/d.py:9:1"),
        ("broken-module", "modules/f.py:9:1"),
        ("broken-module", "modules/g.py:10:1"),
        ("unknown-option", "modules/e.py:1:1"),
    ]


def test_people_may_differ_in_a_file_of_one_name(write: Write) -> None:
    module = """
from pantheros.module import ModuleOptions, file

class Options(ModuleOptions):
    text: str = "all"

def home(o, host, person):
    yield f'home.file.x.source', file("x", o.text)
    yield f'home.file.y.source', file("y", "the same")
"""
    people = "".join(f"[people.{name}]\n" for name in ("ada", "bob", "eve"))
    own = 'people = ["ada", "bob", "eve"]\npantherOS.own.enable = true\n'
    root = write(
        {
            "modules/own.py": module,
            "fleet.toml": f'name = "test"\nrelease = "26.05"\n{people}[people.bob.pantherOS.own]\ntext = "mine"\n',
            "hosts/a/host.toml": own,
        }
    )
    built = build(root)
    assert [f for f in built.findings if f.severity == "error"] == []
    files = {path.removeprefix("hosts/a/own/"): w.content for path, w in built.files.items() if "/own/" in path}
    assert files == {"x": b"all", "bob/x": b"mine", "y": b"the same"}
    assert built.files["hosts/a/own.nix"].content.decode().count("./own/bob/x") == 1


def test_modules_that_wait_for_each_other(write: Write) -> None:
    module = "from pantheros.module import ModuleOptions\n\n\nclass Options(ModuleOptions):\n    pass\n\n\n"
    other = (
        "def defaults(host):\n    library = host.library.library\n"
        "    return {'enable': host[library.modules['%s'].options].enable}\n"
    )
    root = write(
        {
            "modules/a.py": module + other % "b",
            "modules/b.py": module + other % "a",
            "hosts/box/host.toml": HOST + "[pantherOS.a]\n",
        }
    )
    assert [f.code for f in build(root).findings if f.severity == "error"] == ["defaults-cycle"]


def test_the_tree_is_the_same_for_any_way_to_name_it(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write({"hosts/a/host.toml": HOST})
    build_tree(root, tmp_path / "one")
    monkeypatch.chdir(root)
    build_tree(Path(), Path("two"))
    assert tree(tmp_path / "one") == tree(root / "two")
    assert (root / "two" / MANIFEST).exists()
