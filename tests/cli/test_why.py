"""`panther why`: every layer that spoke, which of them won, and what a setting is there because of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Panther = Callable[..., Any]
Write = Callable[[dict[str, str]], Path]

FLEET = """\
release = "26.05"

[people.ada]
[people.ada.pantherOS.development.git]
pull.rebase = true

[defaults.pantherOS.development.git]
enable = true
merge.conflictStyle = "merge"
hooks.preCommit = ["format"]

[profiles.a.pantherOS.development.git]
merge.conflictStyle = "diff3"
hooks.preCommit = ["secrets-scan"]

[profiles.b.default.pantherOS.development.git]
merge.tool = "meld"

[profiles.b.force.pantherOS.development.git]
merge.conflictStyle = "zdiff3"

[profiles.b.nixos.networking]
nameservers = ["9.9.9.9"]
"""
HOST = """\
people = ["ada"]
profiles = ["a", "b"]

[pantherOS.development.git.merge]
conflictStyle = "merge"
tool = "vimdiff"

[nixos]
networking.nameservers = ["1.1.1.1"]
networking.domain = "example.org"

[force.nixos]
networking.domain = "example.net"

[home.programs.bat]
enable = true
"""


@pytest.fixture
def why(panther: Panther, write: Write) -> Callable[..., Any]:
    root = write({"fleet.toml": FLEET, "hosts/box/host.toml": HOST, "hosts/attic/host.toml": ""})
    return lambda option, *more, host="box": panther("why", host, option, root, *more)


def layers(answer: Any) -> list[tuple[str, Any, str, bool]]:
    return [(said["layer"], said["value"], said["origin"], said["wins"]) for said in answer.json["layers"]]


def test_every_layer_and_the_winner(why: Callable[..., Any]) -> None:
    answer = why("pantherOS.development.git.merge.conflictStyle", "--json")
    assert (answer.status, answer.json["value"], answer.json["found"]) == (0, "zdiff3", True)
    assert layers(answer) == [
        ("default", "zdiff3", answer.json["layers"][0]["origin"], False),
        ("defaults", "merge", "fleet.toml:9:23", False),
        ("profile a", "diff3", "fleet.toml:13:23", False),
        ("host box", "merge", "hosts/box/host.toml:5:17", False),
        ("profile b, forced", "zdiff3", "fleet.toml:20:23", True),
    ]
    assert answer.json["layers"][0]["origin"].endswith("development/git.py")


def test_in_words(why: Callable[..., Any]) -> None:
    answer = why("development.git.merge.tool")
    assert answer.status == 0
    assert answer.out.startswith('pantherOS.development.git.merge.tool = "vimdiff"\n\nlayers, the lowest first\n')
    assert '    "meld"  profile b, as a default  fleet.toml:17:14\n' in answer.out
    assert '  → "vimdiff"  host box  hosts/box/host.toml:6:8\n' in answer.out


def test_a_default_wins_where_nobody_speaks(why: Callable[..., Any]) -> None:
    answer = why("pantherOS.development.git.merge.tool", "--json", host="attic")
    assert [said[0] for said in layers(answer)] == ["default"]
    assert layers(answer)[0][3]


def test_lists_are_made_of_every_layer(why: Callable[..., Any]) -> None:
    answer = why("pantherOS.development.git.hooks.preCommit", "--json")
    assert answer.json["value"] == ["format", "secrets-scan"]
    assert [(layer, wins) for layer, _, _, wins in layers(answer)] == [
        ("default", False),
        ("defaults", True),
        ("profile a", True),
    ]


def test_for_a_person(why: Callable[..., Any]) -> None:
    answer = why("pantherOS.development.git.pull.rebase", "--json")
    assert answer.json["people"] == {"ada": True}
    assert "for ada: true" in why("pantherOS.development.git.pull.rebase").out
    theirs = why("pantherOS.development.git.pull.rebase", "--person", "ada", "--json")
    assert theirs.json["value"] is True
    assert layers(theirs)[-1] == ("person ada", True, "fleet.toml:5:15", True)
    nobody = why("pantherOS.development.git.pull.rebase", "--person", "adda")
    assert nobody.status == 2
    assert "did you mean 'ada'?" in nobody.err


def test_a_setting_and_the_options_that_cause_it(why: Callable[..., Any]) -> None:
    answer = why("programs.git.enable", "--json")
    assert answer.status == 0
    assert answer.json["definitions"][0]["module"] == "development.git"
    assert [cause["option"] for cause in answer.json["causes"]] == ["pantherOS.development.git.enable"]
    assert answer.json["causes"][0]["origin"] == "fleet.toml:8:10"
    words = why("programs.git.enable").out
    assert "set by\n" in words
    assert "because of\n    pantherOS.development.git.enable = true  fleet.toml:8:10\n" in words


def test_raw_settings(why: Callable[..., Any]) -> None:
    answer = why("networking.domain", "--json")
    assert answer.json["value"] == "example.net"
    assert layers(answer) == [
        ("host box", "example.org", "hosts/box/host.toml:10:21", False),
        ("host box, forced", "example.net", "hosts/box/host.toml:13:21", True),
    ]
    servers = why("nixos.networking.nameservers", "--json")
    assert servers.json["value"] == ["9.9.9.9", "1.1.1.1"]
    assert [said[3] for said in layers(servers)] == [True, True]
    home = why("home.ada.programs.bat.enable", "--json")
    assert home.json["option"] == "home.ada.programs.bat.enable"
    assert home.json["definitions"][0]["module"] is None
    assert why("programs.bat.enable", "--person", "ada", "--json").json["value"] is True


def test_a_setting_that_is_left_to_nixos(why: Callable[..., Any]) -> None:
    answer = why("networking.firewall.enable")
    assert answer.status == 0
    assert "networking.firewall.enable = true\n  not written: it is NixOS's own default\n" in answer.out
    assert "would be set by\n    true  pantherOS.security.firewall" in answer.out


@pytest.mark.parametrize(
    ("option", "note"),
    [
        ("services.nginx.enable", "nothing in this fleet sets it on box; NixOS's own default is false"),
        ("services.nginx", "it is a group of NixOS's options"),
        ("programs.helix.enable", "home-manager"),
        ("services.ngin.enable", "NixOS 26.05 has no such option; did you mean services.nginx.enable?"),
        ("sound.enable", "NixOS 26.05 has it no longer"),
        ("pantherOS.development", "pantherOS.development.containers, pantherOS.development.git"),
        ("pantherOS.develpment.git", "did you mean pantherOS.development.git?"),
        ("pantherOS.development.git.merge.tol", "did you mean pantherOS.development.git.merge.tool?"),
        ("pantherOS.development.git.xyzzy", "`panther modules development.git` lists what there is"),
        ("pantherOS", "a group of modules"),
        ("home.ada", "no such option"),
        ('"a.b".c', "no such option"),
    ],
)
def test_what_nobody_set(why: Callable[..., Any], option: str, note: str) -> None:
    answer = why(option)
    assert answer.status == 1
    assert note in answer.out
    data = why(option, "--json").json
    assert data["found"] is False
    assert note in data["note"]


@pytest.mark.parametrize("option", ["", ".", "a..b", '"a', 'a."b'])
def test_what_is_no_path(why: Callable[..., Any], option: str) -> None:
    answer = why(option)
    assert answer.status in (1, 2)
    assert answer.out + answer.err


def test_a_host_that_there_is_not(why: Callable[..., Any]) -> None:
    answer = why("networking.hostName", host="bocks")
    assert answer.status == 2
    assert "there is no host 'bocks'" in answer.err


def test_as_json(why: Callable[..., Any]) -> None:
    keys = ("host", "option", "kind", "found", "value", "layers", "definitions", "causes", "people", "note", "also")
    for option in ("networking.hostName", "pantherOS.boot.loader", "nope"):
        assert tuple(why(option, "--json").json) == keys


def test_names_as_the_generated_files_have_them(panther: Panther, reference: Path) -> None:
    answer = panther("why", "yoga", "home-manager.users.ada.programs.git.enable", reference, "--json").json
    assert (answer["option"], answer["value"]) == ("home.ada.programs.git.enable", True)
    assert panther("why", "yoga", "home.programs.git.enable", reference, "--json").json["found"]
    platform = panther("why", "yoga", "nixpkgs.hostPlatform", reference, "--json").json
    assert [definition["file"] for definition in platform["definitions"]] == ["hosts/yoga/default.nix"]


def test_a_group_is_a_table_and_says_what_comes_from_where(panther: Panther, reference: Path) -> None:
    answer = panther("why", "yoga", "services.openssh", reference, "--json").json
    assert answer["value"]["settings"]["PermitRootLogin"] == "no"
    assert "settings.PermitRootLogin" in [definition["option"] for definition in answer["definitions"]]


def test_what_a_raw_module_may_set_is_not_denied(panther: Panther, reference: Path) -> None:
    answer = panther("why", "zephyrus", "programs.mtr.enable", reference, "--json")
    assert answer.status == 1
    assert answer.json["note"].startswith("not verified: the raw module hosts/zephyrus/nvidia.nix may set it")
