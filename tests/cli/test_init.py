"""`panther init`: a fleet that builds, with every file explained; nothing is ever overwritten."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli

from pantheros.cli import init

Panther = Callable[..., Any]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ4U ada"
ALL = ("--person", "ada", "--key", KEY, "--host", "den", "--kind", "laptop")


@pytest.fixture(autouse=True)
def no_hardware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init, "_HARDWARE", tmp_path / "hardware-configuration.nix")


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


WRITTEN = [
    ".gitignore",
    ".schemas/fleet.schema.json",
    ".schemas/host.schema.json",
    "fleet.toml",
    "hosts/den/host.toml",
]


def test_every_file_is_named_and_explained(panther: Panther, tmp_path: Path) -> None:
    answer = panther("init", tmp_path / "new", *ALL)
    assert answer.status == 0
    assert files(tmp_path / "new") == WRITTEN
    for name in ("fleet.toml", "hosts/den/host.toml", ".gitignore", ".schemas/"):
        assert f"  {name}\n      " in answer.out
    assert f"panther build {tmp_path / 'new'}" in answer.out


@pytest.mark.parametrize("kind", ["laptop", "workstation", "server"])
def test_it_builds_without_a_word_and_has_a_root(panther: Panther, tmp_path: Path, kind: str) -> None:
    for option, value in {"name": "Ada Example", "email": "ada@example.org"}.items():
        subprocess.run(["git", "config", "--global", f"user.{option}", value], check=True)
    disk = "/dev/disk/by-id/nvme-EXAMPLE"
    options = ("--person", "ada", "--key", KEY, "--host", "den", "--kind", kind, "--disk", disk)
    assert panther("init", tmp_path / "new", *options).status == 0
    built = panther("build", tmp_path / "new", "--json")
    assert (built.status, built.json["findings"]) == (0, [])
    settings = panther("show", "den", tmp_path / "new", "--json").json["settings"]["nixos"]
    assert any("disko.devices.disk" in name and value == "/" for name, value in settings.items())
    assert any(disk == value for value in settings.values())


def test_without_a_disk_the_file_says_how_to_name_it(panther: Panther, tmp_path: Path) -> None:
    assert "lacks its disk" in panther("init", tmp_path, *ALL).out
    assert "# device = " in (tmp_path / "hosts/den/host.toml").read_text()
    assert panther("build", tmp_path).status == 0


def test_the_hardware_of_this_machine_is_copied(panther: Panther, tmp_path: Path) -> None:
    (tmp_path / "hardware-configuration.nix").write_text("{ }\n")
    answer = panther("init", tmp_path / "new", *ALL)
    assert "hosts/den/hardware-configuration.nix" in answer.out
    host = tomli.loads((tmp_path / "new/hosts/den/host.toml").read_text())
    assert host["imports"] == ["hardware-configuration.nix"]
    assert panther("build", tmp_path / "new").status == 0


@pytest.mark.parametrize("there", ["fleet.toml", "hosts/den/host.toml"])
def test_nothing_is_overwritten(panther: Panther, tmp_path: Path, there: str) -> None:
    (tmp_path / "new" / there).parent.mkdir(parents=True)
    (tmp_path / "new" / there).write_text("mine")
    answer = panther("init", tmp_path / "new", *ALL)
    assert answer.status == 2
    assert f"{there} exists already" in answer.err
    assert files(tmp_path / "new") == [there]


def test_a_link_to_nowhere_is_not_written_through(panther: Panther, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/fleet.toml").symlink_to(tmp_path / "elsewhere")
    assert panther("init", tmp_path / "new", *ALL).status == 2
    assert not (tmp_path / "elsewhere").exists()


def test_a_list_of_ignored_files_stays(panther: Panther, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    assert panther("init", tmp_path, *ALL).status == 0
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def test_what_is_known_here_is_taken(panther: Panther, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home/.ssh").mkdir()
    (tmp_path / "home/.ssh/id_ed25519.pub").write_text(KEY + "\n")
    monkeypatch.setattr("socket.gethostname", lambda: "attic.example.org")
    monkeypatch.setattr("getpass.getuser", lambda: "bob")
    subprocess.run(["git", "config", "--global", "user.email", "bob@example.org"], check=True)
    assert panther("init", tmp_path / "new", "--yes").status == 0
    fleet = tomli.loads((tmp_path / "new/fleet.toml").read_text())
    assert fleet["people"]["bob"]["keys"] == [KEY]
    assert fleet["people"]["bob"]["email"] == "bob@example.org"
    assert (tmp_path / "new/hosts/attic/host.toml").exists()


@pytest.mark.parametrize("name", ["Ada Lovelace", "-", ""])
def test_names_of_this_machine_that_will_not_do(
    panther: Panther, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: name)
    monkeypatch.setattr("getpass.getuser", lambda: name)
    assert panther("init", tmp_path / "new").status == 0
    assert "admin" in tomli.loads((tmp_path / "new/fleet.toml").read_text())["people"]


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--person", "Ada", "small letters"),
        ("--person", "root", "none of the system's own"),
        ("--kind", "desktop", '"desktop" is not one of laptop, workstation, server\n'),
        ("--host", "a b", "letters, digits and `-`"),
        ("--key", "~/.ssh/id_ed25519.pub", "ssh-ed25519 AAAA"),
        ("--key", "ssh-ed25519 AAAA a\nb", "a public key"),
        ("--disk", "sda", "/dev/disk/by-id"),
    ],
)
def test_answers_that_cannot_be_right(panther: Panther, tmp_path: Path, option: str, value: str, expected: str) -> None:
    answer = panther("init", tmp_path / "new", option, value)
    assert answer.status == 2
    assert expected in answer.err
    assert not (tmp_path / "new").exists()


def test_a_kind_that_there_is_not(panther: Panther, tmp_path: Path) -> None:
    answer = panther("init", tmp_path / "new", "--kind", "phone")
    assert answer.status == 2
    assert "laptop" in answer.err


def test_the_schemas_are_made_anew_as_it_says(panther: Panther, tmp_path: Path) -> None:
    root = tmp_path / "ada's fleet"
    said = panther("init", root).out
    schema = root / ".schemas/host.schema.json"
    before = schema.read_text()
    schema.unlink()
    line = next(line for line in said.splitlines() if "makes it anew" in line)
    assert panther(*shlex.split(line.split("`")[1])[1:]).status == 0
    assert schema.read_text() == before


@pytest.mark.parametrize("name", ['quote " and \\', "Zoë ❄ fleet", "new\nline", "${x}"])
def test_any_name_of_a_directory(panther: Panther, tmp_path: Path, name: str) -> None:
    assert panther("init", tmp_path / name, *ALL).status == 0
    assert panther("build", tmp_path / name).status == 0


def test_a_directory_that_cannot_be(panther: Panther, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = panther("init", tmp_path / "file" / "new", *ALL)
    assert answer.status == 2
    assert "cannot write" in answer.err


def test_in_a_terminal_it_asks(terminal: Any, tmp_path: Path) -> None:
    session = terminal("init", str(tmp_path / "new"))
    session.wait_for("Your account's name")
    session.type("Ada")
    session.wait_for("is not an account's name")
    session.type("ada")
    session.wait_for("Your public SSH key")
    session.type("")
    session.wait_for("The first machine's name")
    session.type("den")
    session.wait_for("Laptop, workstation or server")
    session.type("server")
    assert session.finish() == 0
    assert "A fleet in" in session.text
    assert tomli.loads((tmp_path / "new/hosts/den/host.toml").read_text())["kind"] == "server"


def test_the_end_of_the_answers_ends_it(terminal: Any, tmp_path: Path) -> None:
    session = terminal("init", str(tmp_path / "new"))
    session.wait_for("Your account's name")
    session.type("\x04")
    session.type("\x04")
    assert session.finish() in (1, 130)
    assert "Traceback" not in session.text
    assert not (tmp_path / "new").exists()


def test_its_schemas_are_those_of_the_library(panther: Panther, tmp_path: Path) -> None:
    panther("init", tmp_path, *ALL)
    for file in ("fleet", "host"):
        written = json.loads((tmp_path / f".schemas/{file}.schema.json").read_text())
        assert written == panther("schema", file).json
