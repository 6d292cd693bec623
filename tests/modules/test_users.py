from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pantheros.module import State
from pantheros.nix.values import Package, split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release

RELEASES = [release.name for release in Release.all()]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ4U"
PASSWORD = '[people.ada.pantherOS.users]\npasswordFile = "/persist/passwords/ada"\n'

FLEET = f"""\
name = "test"
release = "26.05"

[people.ada]
name = "Ada Example"
keys = ["{KEY} ada"]
admin = true
shell = "fish"
uid = 1001
groups = ["networkmanager"]

[people.bob]
name = "Bob Example"
keys = ["{KEY} bob"]
"""

EVERYTHING = f"""\
[people.ada.pantherOS.users]
passwordFile = "/persist/passwords/ada"
keys = ["{KEY} other", "{KEY} ada"]
groups = ["dialout", "plugdev"]
shell = "zsh"
linger = true

[people.bob.pantherOS.users]
linger = false

[pantherOS.users]
immutable = true

[pantherOS.users.root]
keys = ["{KEY} root"]
passwordFile = "/persist/passwords/root"

[pantherOS.users.sudo]
implementation = "sudo"
password = true
wheelOnly = true
timeout = 5

[[pantherOS.users.sudo.rules]]
people = ["bob"]
commands = ["/run/current-system/sw/bin/systemctl restart nginx"]
password = false

[[pantherOS.users.sudo.rules]]
groups = ["dialout"]
commands = ["ALL"]
runAs = "ada"
"""


@pytest.fixture
def users(fleet: Callable[..., Any]) -> Callable[..., Any]:
    def users(host: str, top: str = FLEET, release: str | None = None) -> Any:
        return fleet({"fleet.toml": top, "hosts/box/host.toml": host}, release=release)

    return users


def settings(found: Any) -> dict[str, Any]:
    settings: dict[str, Any] = found.nixos(module="users")
    return settings


def findings(found: Any) -> list[Any]:
    found.expansions("box")
    return [f for f in found.findings if f.code not in ("no-state-version", "end-of-life")]


def codes(found: Any) -> list[str]:
    return [f.code for f in findings(found)]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    "text",
    [
        'people = ["ada", "bob"]\n',
        EVERYTHING,
        '[people.ada]\n[pantherOS.users.sudo]\nimplementation = "sudo-rs"\n',
        "[people.ada]\n[pantherOS.users.sudo]\nenable = false\n",
    ],
)
def test_every_setting_exists(users: Callable[..., Any], release: str, text: str) -> None:
    index = Index.of(Release(release))
    found = settings(users(text, release=release))
    for path in found:
        status = index.status("nixos", split_path(path))
        assert status.kind in {"known", "doubtful"} or path.startswith("users.groups."), path


def test_accounts(users: Callable[..., Any]) -> None:
    found = settings(users('people = ["ada", "bob"]\n'))
    assert found["users.users.ada.isNormalUser"] is True
    assert found["users.users.ada.description"] == "Ada Example"
    assert found["users.users.ada.uid"] == 1001
    assert found["users.users.ada.extraGroups"] == ["wheel", "networkmanager"]
    assert found["users.users.ada.shell"] == Package("fish") and found["programs.fish.enable"] is True
    assert found["users.users.ada.openssh.authorizedKeys.keys"] == [f"{KEY} ada"]
    assert not {"users.users.bob.extraGroups", "users.users.bob.shell", "users.users.bob.uid"} & found.keys()


def test_people_who_are_not_on_the_host_have_no_account(users: Callable[..., Any]) -> None:
    assert not any(".bob." in path for path in settings(users('people = ["ada"]\n')))


def test_a_person_s_own_options(users: Callable[..., Any]) -> None:
    found = settings(users(EVERYTHING))
    assert found["users.users.ada.extraGroups"] == ["wheel", "networkmanager", "dialout", "plugdev"]
    assert found["users.users.ada.openssh.authorizedKeys.keys"] == [f"{KEY} ada", f"{KEY} other"]
    assert found["users.users.ada.hashedPasswordFile"] == "/persist/passwords/ada"
    assert found["users.users.ada.shell"] == Package("zsh") and "programs.fish.enable" not in found
    assert (found["users.users.ada.linger"], found["users.users.bob.linger"]) == (True, False)
    assert "users.users.bob.hashedPasswordFile" not in found


def test_options_of_a_person_on_every_host(users: Callable[..., Any]) -> None:
    found = users('people = ["ada"]\n', FLEET + "\n" + PASSWORD)
    assert settings(found)["users.users.ada.hashedPasswordFile"] == "/persist/passwords/ada"
    assert codes(found) == []


def test_groups_that_do_not_exist_are_made(users: Callable[..., Any]) -> None:
    found = settings(users(EVERYTHING))
    assert found["users.groups.plugdev"] == {} and found["users.groups.networkmanager"] == {}
    assert not {"users.groups.wheel", "users.groups.dialout"} & found.keys()


def test_two_people_of_one_shell(users: Callable[..., Any]) -> None:
    top = FLEET + 'shell = "fish"\n'
    found = users('people = ["ada", "bob"]\n', top)
    assert settings(found)["users.users.bob.shell"] == Package("fish")
    assert "broken-module" not in codes(found)


def test_immutable_or_not(users: Callable[..., Any]) -> None:
    found = settings(users('people = ["ada"]\n'))
    assert found["users.mutableUsers"] is False
    assert found["users.users.root.hashedPassword"] == "!"
    mutable = settings(users('people = ["ada"]\n[pantherOS.users]\nimmutable = false\n'))
    assert mutable["users.mutableUsers"] is True  # set by the user, so it is said
    assert "users.users.root.hashedPassword" not in mutable


def test_root(users: Callable[..., Any]) -> None:
    found = settings(users(EVERYTHING))
    assert found["users.users.root.hashedPasswordFile"] == "/persist/passwords/root"
    assert "users.users.root.hashedPassword" not in found  # NixOS warns of two at once
    assert found["users.users.root.openssh.authorizedKeys.keys"] == [f"{KEY} root"]


def test_numbers_of_accounts_outlive_a_reboot(users: Callable[..., Any]) -> None:
    host = users('people = ["ada"]\n').model.resolver.host("box")
    assert State("/var/lib/nixos") in host.resources(State)


# sudo ---------------------------------------------------------------------------------------------------------


def test_sudo_asks_for_passwords_that_exist(users: Callable[..., Any]) -> None:
    path = "security.sudo.wheelNeedsPassword"
    assert settings(users('people = ["ada"]\n'))[path] is False
    assert path not in settings(users("[people.ada]\n" + PASSWORD.replace("[people.ada]", "")))
    with_password = "[people.ada]\n" + PASSWORD
    assert settings(users(with_password)).get(path, True) is True
    assert settings(users('people = ["ada"]\n[pantherOS.users]\nimmutable = false\n')).get(path, True) is True


def test_sudo_with_a_password_that_nobody_has(users: Callable[..., Any]) -> None:
    text = 'people = ["ada"]\nkind = "server"\n[pantherOS.users.sudo]\npassword = true\n'
    (finding,) = findings(users(text))
    assert (finding.code, finding.severity) == ("sudo-without-password", "error")
    assert finding.origin.line == 4


def test_rules(users: Callable[..., Any]) -> None:
    found = settings(users(EVERYTHING))
    assert found["security.sudo.extraRules"] == [
        {
            "commands": [{"command": "/run/current-system/sw/bin/systemctl restart nginx", "options": ["NOPASSWD"]}],
            "runAs": "root",
            "users": ["bob"],
        },
        {"commands": [{"command": "ALL"}], "runAs": "ada", "groups": ["dialout"]},
    ]
    assert found["security.sudo.extraConfig"] == "Defaults timestamp_timeout=5\n"
    assert found.get("security.sudo.execWheelOnly", False) is False  # bob must be able to start it


def test_only_admins_may_start_sudo(users: Callable[..., Any]) -> None:
    assert settings(users('people = ["ada"]\n'))["security.sudo.execWheelOnly"] is True


def test_sudo_rs(users: Callable[..., Any]) -> None:
    found = settings(users('people = ["ada"]\n[pantherOS.users.sudo]\nimplementation = "sudo-rs"\n'))
    assert (found["security.sudo.enable"], found["security.sudo-rs.enable"]) == (False, True)
    assert found["security.sudo-rs.wheelNeedsPassword"] is False


def test_no_sudo(users: Callable[..., Any]) -> None:
    found = settings(users('people = ["ada"]\n[pantherOS.users.sudo]\nenable = false\n'))
    assert {path: value for path, value in found.items() if "sudo" in path} == {"security.sudo.enable": False}


# Findings -----------------------------------------------------------------------------------------------------


def test_a_server_with_keys_alone_is_fine(users: Callable[..., Any]) -> None:
    assert codes(users('people = ["ada"]\nkind = "server"\n')) == []


@pytest.mark.parametrize("kind", ["laptop", "workstation"])
def test_nobody_can_log_in_at_the_screen(users: Callable[..., Any], kind: str) -> None:
    (finding,) = findings(users(f'people = ["ada"]\nkind = "{kind}"\n'))
    assert (finding.code, finding.severity) == ("no-password", "warning")
    assert "people.ada.pantherOS.users" in finding.help


@pytest.mark.parametrize(
    "text",
    ['people = ["bob"]\n', "", 'people = ["carol"]\n'],
)
def test_locked_out(users: Callable[..., Any], text: str) -> None:
    top = FLEET + "\n[people.carol]\nadmin = true\n"
    found = users('kind = "server"\n' + text, top)
    assert settings(found).get("users.mutableUsers", True) is True  # or NixOS would refuse it
    assert [f.severity for f in found.findings if f.code == "locked-out"] == ["warning"]
    insisting = users(text + "[pantherOS.users]\nimmutable = true\n", top)
    assert "locked-out" in codes(insisting)
    assert [f.severity for f in insisting.findings if f.code == "locked-out"] == ["error"]
    assert "locked-out" not in codes(users(text + "[pantherOS.users]\nimmutable = false\n", top))
    assert "locked-out" not in codes(users(text + f'[pantherOS.users.root]\nkeys = ["{KEY} root"]\n', top))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('passwordFile = "/nix/store/x"', "password-in-store"),
        ('passwordFile = "/run/opnix/ada"', "password-too-late"),
        ('passwordFile = "relative"', "pattern-mismatch"),
        ('keys = ["-----BEGIN OPENSSH PRIVATE KEY-----"]', "not-a-public-key"),
        ('keys = ["ada@example.org"]', "not-a-public-key"),
        ('groups = ["no group"]', "pattern-mismatch"),
    ],
)
def test_a_person_s_mistakes(users: Callable[..., Any], line: str, code: str) -> None:
    assert code in codes(users(f"[people.ada.pantherOS.users]\n{line}\n"))


def test_keys_with_options_are_keys(users: Callable[..., Any]) -> None:
    line = f"""keys = ['from="10.0.0.0/8",no-pty {KEY} ada']"""
    assert "not-a-public-key" not in codes(users(f"[people.ada.pantherOS.users]\n{line}\n"))


def test_people_who_can_have_no_account(users: Callable[..., Any]) -> None:
    top = FLEET + '\n[people.root]\nname = "R"\n[people.abe]\nname = "a:b"\n[people.eve]\nuid = 1001\n'
    found = codes(users('people = ["ada", "root", "abe", "eve"]\n', top))
    assert found[:3] == ["reserved-account", "full-name", "same-uid"]


def test_one_password_for_two(users: Callable[..., Any]) -> None:
    text = 'people = ["ada", "bob"]\n[pantherOS.users]\npasswordFile = "/persist/passwords/all"\n'
    assert codes(users(text)) == ["shared-password"]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ('commands = ["ALL"]\n', "rule-for-nobody"),
        ('commands = ["ALL"]\npeople = ["eve"]\n', "rule-for-stranger"),
        ('commands = ["reboot"]\npeople = ["ada"]\n', "pattern-mismatch"),
    ],
)
def test_rules_that_make_no_sense(users: Callable[..., Any], rule: str, code: str) -> None:
    assert code in codes(users(f'people = ["ada"]\n[[pantherOS.users.sudo.rules]]\n{rule}'))


def test_sudo_rs_has_its_own_timeout(users: Callable[..., Any]) -> None:
    text = 'people = ["ada"]\n[pantherOS.users.sudo]\nimplementation = "sudo-rs"\ntimeout = 5\n'
    found = users(text)
    assert "timeout-of-sudo-rs" in codes(found)
    assert "security.sudo-rs.extraConfig" not in settings(found)


def test_without_this_module_accounts_are_for_the_user_to_make(fleet: Callable[..., Any]) -> None:
    off = "[pantherOS.users]\nenable = false\n"
    assert "no-account" in fleet(off).codes()
    assert "no-account" not in fleet(off + "[nixos.users.users.ada]\nisNormalUser = true\n").codes()
    assert "no-account" not in fleet({"hosts/box/host.toml": off}).codes()


def test_what_is_wrong_with_a_person_is_told_there(fleet: Callable[..., Any]) -> None:
    top = 'release = "26.05"\n[people.ada]\nadmin = true\nkeys = ["ssh-ed25519 AAAA ok",\n  "foo"]\n'
    found = fleet({"fleet.toml": top, "hosts/box/host.toml": 'people = ["ada"]\n'})
    found.expansions("box")
    (finding,) = [finding for finding in found.findings if finding.code == "not-a-public-key"]
    assert str(finding.origin) == "fleet.toml:5:3"
    assert '"foo"' in finding.message
