"""What each command answers: its words, its JSON, its exit status."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pantheros import __version__
from pantheros.cli.app import COMMANDS

Panther = Callable[..., Any]
Write = Callable[[dict[str, str]], Path]
HOST = 'people = ["ada"]\n\n[pantherOS.system]\nstateVersion = "26.05"\n'


# The command line -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(panther: Panther, option: str) -> None:
    answer = panther(option)
    assert (answer.status, answer.out) == (0, f"panther {__version__}\n")


def test_help_lists_every_command(panther: Panther) -> None:
    answer = panther("--help")
    assert answer.status == 0
    assert all(re.search(rf"^  {name} ", answer.out, re.MULTILINE) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each(panther: Panther, name: str) -> None:
    answer = panther(name, "--help")
    assert answer.status == 0
    assert answer.out.startswith(f"Usage: panther {name} ")
    assert COMMANDS[name] in " ".join(answer.out.split())
    assert panther(name, "-h") == answer


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "Usage: panther"),
        (("buidl",), "Did you mean 'build'?"),
        (("build", "--nope"), "No such option"),
        (("show",), "Missing argument"),
        (("build", "a", "b"), "unexpected extra argument"),
        (("hosts", "nowhere"), "there is no fleet in nowhere"),
        (("build", "--release", "25.10"), "nearest: "),
    ],
)
def test_wrong_command_lines(panther: Panther, arguments: tuple[str, ...], expected: str) -> None:
    answer = panther(*arguments)
    assert answer.status == 2
    assert expected in answer.out + answer.err


@pytest.mark.parametrize("command", ["build", "hosts", "show box", "why box networking.hostName"])
def test_the_fleet_is_here_or_named(
    panther: Panther, box: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert panther(*command.split()).status == 2
    assert panther(*command.split(), box).status == 0
    monkeypatch.chdir(box)
    assert panther(*command.split()).status == 0


# build ----------------------------------------------------------------------------------------------------------


def test_build(panther: Panther, box: Path) -> None:
    answer = panther("build", box)
    assert answer.status == 0
    assert re.search(rf"^built 1 host in {box / 'nixos'}: \d+ new \(", answer.out, re.MULTILINE)
    assert (box / "nixos/flake.nix").exists()
    assert re.search(r": \d+ unchanged \(", panther("build", box).out)


def test_build_as_json(panther: Panther, box: Path) -> None:
    answer = panther("build", box, "--json")
    assert answer.status == 0
    assert answer.err == ""
    keys = ("out", "hosts", "written", "stale", "create", "change", "remove", "unchanged", "untracked", "findings")
    assert tuple(answer.json) == keys
    assert answer.json["hosts"] == ["box"]
    assert answer.json["written"] is True
    assert "hosts/box/default.nix" in answer.json["create"]
    for finding in answer.json["findings"]:
        assert {"code", "severity", "message", "help", "host", "option", "file", "line", "column"} <= set(finding)


def test_build_elsewhere(panther: Panther, box: Path, tmp_path: Path) -> None:
    assert panther("build", box, "--out", tmp_path / "a" / "b").status == 0
    assert (tmp_path / "a/b/flake.nix").exists()
    assert not (box / "nixos").exists()


def test_build_some_hosts(panther: Panther, write: Write) -> None:
    root = write({f"hosts/{name}/host.toml": HOST for name in "abc"})
    assert panther("build", root, "--host", "a", "--host", "c").status == 0
    assert sorted(path.name for path in (root / "nixos/hosts").iterdir()) == ["a", "c"]
    unknown = panther("build", root, "--host", "d")
    assert unknown.status == 2
    assert "there is no host 'd'" in unknown.err


def test_build_another_release(panther: Panther, box: Path) -> None:
    assert panther("build", box, "--release", "unstable").status == 0
    assert "nixos-unstable" in (box / "nixos/flake.nix").read_text()
    assert panther("build", box).status == 0
    assert "nixos-26.05" in (box / "nixos/flake.nix").read_text()


def test_check(panther: Panther, box: Path) -> None:
    stale = panther("build", box, "--check")
    assert stale.status == 1
    assert "is stale: run `panther build`" in stale.out
    assert f"  + {box / 'nixos/flake.nix'}" in stale.out
    assert not (box / "nixos").exists()
    panther("build", box)
    assert panther("build", box, "--check").status == 0
    (box / "hosts/box/host.toml").write_text(HOST + 'timeZone = "Europe/Berlin"\n')
    assert panther("build", box, "--check").status == 1
    assert panther("build", box, "--check", "--json").status == 1
    (box / "hosts/box/host.toml").write_text("kind = 1\n")
    assert panther("build", box, "--check").status == 1


def test_dry_run(panther: Panther, box: Path) -> None:
    answer = panther("build", box, "--dry-run")
    assert answer.status == 0
    assert "would build 1 host" in answer.out
    assert not (box / "nixos").exists()
    panther("build", box)
    (box / "hosts/box/host.toml").write_text(HOST + "[pantherOS.development.git]\nenable = true\n")
    again = panther("build", box, "--dry-run")
    assert f"  + {box / 'nixos/hosts/box/development/git.nix'}" in again.out
    assert f"  ~ {box / 'nixos/hosts/box/default.nix'}" in again.out


def test_mistakes_are_shown_where_they_are(panther: Panther, write: Write) -> None:
    root = write({"hosts/box/host.toml": '# é\n\tkind = "latop"\n'})
    answer = panther("build", root)
    assert answer.status == 1
    assert answer.err == (
        'error[not-one-of]: `kind` is "latop", but takes one of "laptop", "workstation", "server"\n'
        "  --> hosts/box/host.toml:2:9\n"
        "   |\n"
        ' 2 |  kind = "latop"\n'
        "   |         ^^^^^^^\n"
        '   = help: did you mean "laptop"?\n'
        "   = see: `panther explain not-one-of`\n"
        "\n"
        "1 error\n"
        f"nothing was written to {root / 'nixos'}\n"
    )
    assert not (root / "nixos").exists()


def test_what_hosts_share_is_told_once(panther: Panther, write: Write) -> None:
    fleet = 'release = "26.05"\n[defaults.pantherOS.boot]\nloader = "lilo"\n[people.ada]\n'
    answer = panther("build", write({"fleet.toml": fleet, **{f"hosts/{n}/host.toml": "" for n in "abc"}}))
    assert answer.err.count("lilo") == 2  # in the message, and in the line


def test_a_file_that_is_no_text_is_shown_where_it_is_not(panther: Panther, box: Path) -> None:
    (box / "hosts/box/host.toml").write_bytes(b'# \xc3\xa4\nkind = "lap\xfftop"\n')
    answer = panther("build", box)
    assert "  --> hosts/box/host.toml:2:12\n" in answer.err
    assert ' 2 | kind = "lap\ufffdtop"\n   |            ^\n' in answer.err


def test_many_alike_are_counted(panther: Panther, write: Write) -> None:
    answer = panther("build", write({f"hosts/h{n}/host.toml": "kind = 1\n" for n in range(9)}))
    assert answer.err.count("but takes one of") == 5
    assert "... in 5 more places (hosts h4 to h8)" in answer.err
    assert "9 errors" in answer.err


def test_many_alike_in_one_file_are_of_one_host(panther: Panther, write: Write) -> None:
    answer = panther("build", write({"hosts/g/host.toml": f"imports = {[5] * 9}\n"}))
    assert "... in 5 more places (host g)\n" in answer.err


def test_what_follows_from_a_mistake_is_not_told(panther: Panther, write: Write) -> None:
    host = 'people = ["ada"]\n[pantherOS.system]\nstateVersion = 26.05\n'
    host += '[pantherOS.security.ssh]\nenable = "yes"\nports = [1]\n'
    answer = panther("build", write({"hosts/box/host.toml": host}), "--json")
    errors = [finding for finding in answer.json["findings"] if finding["line"] > 1]
    assert [finding["code"] for finding in errors] == ["wrong-type", "wrong-type"]
    assert errors[0]["help"] == "text needs quotes"


def test_an_edited_output(panther: Panther, box: Path) -> None:
    panther("build", box)
    flake = box / "nixos/flake.nix"
    flake.write_text("mine")
    answer = panther("build", box)
    assert answer.status == 1
    assert "flake.nix was edited after pantherOS wrote it" in answer.err
    assert flake.read_text() == "mine"
    assert panther("build", box, "--force").status == 0
    assert flake.read_text() != "mine"


def test_new_files_are_named_for_git(panther: Panther, box: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=box, check=True)

    git("init", "-q")
    answer = panther("build", box)
    assert "git does not track" in answer.out
    assert f"run: git add {box / 'nixos'}" in answer.out
    git("add", ".")
    assert "git does not track" not in panther("build", box).out
    (box / "hosts/box/host.toml").write_text(HOST + "[pantherOS.development.git]\nenable = true\n")
    answer = panther("build", box, "--json")
    assert answer.json["untracked"] == ["hosts/box/development/git.nix"]
    (box / "nixos/notes.txt").write_text("somebody's own")
    assert panther("build", box, "--json").json["untracked"] == ["hosts/box/development/git.nix"]


def test_what_git_ignores_is_not_to_be_added_just_so(panther: Panther, box: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=box, check=True)
    (box / ".gitignore").write_text("nixos\n")
    answer = panther("build", box)
    assert "a .gitignore hides them from git, and so from Nix" in answer.out
    assert f"git add --force {box / 'nixos'}" in answer.out


def test_paths_in_commands_are_quoted(panther: Panther, box: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=box, check=True)
    out = box / "ada's flake"
    assert f"run: git add {shlex.quote(str(out))}" in panther("build", box, "--out", out).out


def test_a_fleet_without_hosts(panther: Panther, write: Write) -> None:
    root = write({})
    for command in ("build", "hosts"):
        answer = panther(command, root)
        assert answer.status == 0
        assert "no hosts yet" in answer.out
    assert panther("hosts", root, "--json").json["hosts"] == []
    assert "the fleet has no hosts yet" in panther("show", "box", root).err


# hosts and show -------------------------------------------------------------------------------------------------


def test_hosts(panther: Panther, reference: Path) -> None:
    answer = panther("hosts", reference)
    assert answer.status == 0
    titles, *rows = answer.out.splitlines()
    assert titles.split() == ["host", "kind", "stage", "system", "profiles", "people", "address"]
    assert [row.split()[0] for row in rows] == ["contabo-vps", "hetzner-vps", "ovh-vps", "yoga", "zephyrus"]
    first = panther("hosts", reference, "--json").json["hosts"][0]
    assert first == {
        "name": "contabo-vps",
        "kind": "server",
        "stage": "staging",
        "system": "x86_64-linux",
        "release": "26.05",
        "profiles": ["server"],
        "people": ["ada"],
        "tags": first["tags"],
        "address": "contabo-vps",
        "file": "hosts/servers/contabo-vps/host.toml",
    }


def test_hosts_with_mistakes(panther: Panther, write: Write) -> None:
    root = write({"hosts/a/host.toml": "", "hosts/b/host.toml": "x = 1\n"})
    answer = panther("hosts", root)
    assert answer.status == 1
    assert "a     workstation" in answer.out
    assert panther("hosts", root, "--json").codes == ["unknown-key"]


def test_show(panther: Panther, reference: Path) -> None:
    answer = panther("show", "yoga", reference)
    assert answer.status == 0
    assert answer.out.startswith("yoga  laptop, production, x86_64-linux, NixOS 26.05\n")
    assert '  merge.conflictStyle = "diff3"  # fleet.toml:' in answer.out
    assert '  networking.hostName = "yoga"  # system' in answer.out
    assert answer == panther("show", reference, "yoga")  # either way round
    every = panther("show", "yoga", reference, "--all")
    assert "# default" in every.out
    assert len(every.out) > len(answer.out)


def test_show_as_json(panther: Panther, reference: Path) -> None:
    shown = panther("show", "yoga", reference, "--json").json
    keys = ("host", "kind", "stage", "system", "release", "people", "options", "settings", "imports", "findings")
    assert tuple(shown) == keys
    assert shown["options"]["pantherOS.development.git"]["merge"]["conflictStyle"] == "diff3"
    assert shown["settings"]["nixos"]["networking.hostName"] == "yoga"
    assert "programs.git.enable" in shown["settings"]["home"]["ada"]
    other = panther("show", "yoga", reference, "--json", "--release", "24.11").json
    assert other["release"] == "24.11"


PERSONS = {
    "fleet.toml": """\
release = "26.05"
[people.ada]
[people.bob.pantherOS.development.git]
pull.rebase = true
[defaults.pantherOS.development.git]
enable = true
pull.rebase = false
""",
    "hosts/box/host.toml": 'people = ["ada", "bob"]\n',
}


def test_show_tells_what_differs_for_a_person(panther: Panther, write: Write) -> None:
    root = write(PERSONS)
    assert panther("show", "box", root, "--json").json["people"] == {
        "ada": {"options": {}},
        "bob": {"options": {"pantherOS.development.git.pull.rebase": True}},
    }
    out = panther("show", "box", root).out
    assert "for ada" not in out
    assert "for bob\n  pantherOS.development.git.pull.rebase = true  # fleet.toml:4:15\n" in out


def test_show_tells_in_a_table_what_was_set(panther: Panther, write: Write) -> None:
    work = "[people.ada.pantherOS.development.git.identities.work]\n"
    text = 'release = "26.05"\n[people.ada]\n' + work + 'directories = ["~/work"]\nemail = "a@work.example"\n'
    host = 'people = ["ada"]\n[pantherOS.development.git]\nenable = true\nidentities.home.email = "a@home.example"\n'
    root = write({"fleet.toml": text, "hosts/box/host.toml": host})
    out = panther("show", "box", root).out
    assert [line.split()[0] for line in out.splitlines() if "identities" in line and "pantherOS" not in line] == [
        "identities.home.email"
    ]
    own = out.partition("for ada\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split("identities.work.")[1] for line in own] == [
        'directories = [ "~/work" ]  # fleet.toml:4:15',
        'email = "a@work.example"  # fleet.toml:5:9',
    ]
    assert "identities.home.name = null  # default\n" in panther("show", "box", root, "--all").out


def test_show_a_host_that_there_is_not(panther: Panther, reference: Path) -> None:
    answer = panther("show", "yogga", reference)
    assert answer.status == 2
    assert "did you mean 'yoga'?" in answer.err


def test_show_a_host_with_mistakes(panther: Panther, write: Write) -> None:
    root = write({"hosts/box/host.toml": HOST + "keymap = 1\n"})
    answer = panther("show", "box", root)
    assert answer.status == 1
    assert 'networking.hostName = "box"' in answer.out
    assert "error[" in answer.err


# modules --------------------------------------------------------------------------------------------------------


def test_modules(panther: Panther) -> None:
    answer = panther("modules")
    assert answer.status == 0
    assert "development.git " in answer.out
    listed = panther("modules", "--json").json["modules"]
    assert {"name", "summary", "options", "source"} == set(listed[0])
    assert "pantherOS.development.git" in [module["name"] for module in listed]


def test_a_group_of_modules(panther: Panther) -> None:
    names = [module["name"] for module in panther("modules", "development", "--json").json["modules"]]
    assert names == ["pantherOS.development.containers", "pantherOS.development.git"]


@pytest.mark.parametrize("name", ["development.git", "pantherOS.development.git"])
def test_one_module(panther: Panther, name: str) -> None:
    answer = panther("modules", name)
    assert answer.out.startswith("pantherOS.development.git\n")
    assert 'merge.conflictStyle  one of "merge", "diff3", "zdiff3"' in answer.out
    options = {option["name"]: option for option in panther("modules", name, "--json").json["options"]}
    found = options["pantherOS.development.git.merge.conflictStyle"]
    assert set(found) == {"name", "type", "default", "required", "text"}
    assert found["default"] == "zdiff3"
    assert all(option["text"] for option in options.values())


def test_a_module_that_there_is_not(panther: Panther) -> None:
    answer = panther("modules", "development.gti")
    assert answer.status == 2
    assert "did you mean 'development.git'?" in answer.err


def test_modules_of_a_fleet(panther: Panther, write: Write) -> None:
    module = "from pantheros.module import ModuleOptions\n\n\nclass Options(ModuleOptions):\n"
    module += '    size: int = 3\n    """Size."""\n'
    root = write({"modules/my/own_thing.py": '"""Mine."""\n' + module, "modules/broken.py": "x =\n"})
    answer = panther("modules", root)
    assert answer.status == 1
    assert re.search(r"my.ownThing +2 +Mine\.", answer.out)
    assert "error[broken-module]" in answer.err
    assert "modules/broken.py:1:4" in answer.err
    assert "size  a whole number" in panther("modules", "my.ownThing", root).out
    assert panther("modules", "broken", root).status == 1
