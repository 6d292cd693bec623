"""Whatever is wrong in a fleet's files is told at its place, all at once, and the rest is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pantheros.findings import Finding, PantherError
from pantheros.fleet.model import DeclaredFleet
from pantheros.fleet.read import read_fleet
from pantheros.releases.release import Release

Write = Callable[[dict[str, str]], Path]


def findings_of(fleet: DeclaredFleet) -> list[Finding]:
    return [*fleet.findings, *(finding for host in fleet.hosts.values() for finding in host.findings)]


def told(root: Path) -> list[tuple[str, str]]:
    return [(finding.code, str(finding.origin)) for finding in findings_of(read_fleet(root))]


def test_no_fleet(tmp_path: Path) -> None:
    with pytest.raises(PantherError, match="no fleet"):
        read_fleet(tmp_path)


def test_what_is_no_file_is_no_fleet(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").symlink_to("elsewhere.toml")
    with pytest.raises(PantherError, match=r"its fleet.toml is a link to elsewhere.toml, which is not there"):
        read_fleet(tmp_path)
    (tmp_path / "fleet.toml").unlink()
    (tmp_path / "fleet.toml").mkdir()
    with pytest.raises(PantherError, match=r"its fleet.toml is a directory"):
        read_fleet(tmp_path)


def test_hosts_at_any_depth(write: Write) -> None:
    fleet = read_fleet(
        write(
            {"hosts/a/host.toml": "", "hosts/servers/b/host.nix": '{ kind = "server"; }', "hosts/x/y/c/host.toml": ""}
        )
    )
    assert {name: host.directory for name, host in fleet.hosts.items()} == {
        "a": "hosts/a",
        "b": "hosts/servers/b",
        "c": "hosts/x/y/c",
    }
    assert fleet.hosts["b"].table.kind == "server"
    assert findings_of(fleet) == []


def test_everything_at_once(write: Write) -> None:
    root = write(
        {
            "fleet.toml": """\
name = "x"
release = "26.5"
outputs = ["colmenna"]
peeple = 1
[people.Ada]
[people.ada]
keys = "ssh-ed25519 AAAA"
[secrets]
token = "op://vault/item"
"bad-name" = "op://a/b/c"
[profiles.a]
include = ["b", "c"]
[profiles.b]
include = ["a"]
""",
            "hosts/a/host.toml": 'kind = "laptopp"\nprofiles = ["z"]\npeople = ["adda"]\ntags = [1]\n',
        }
    )
    assert told(root) == [
        ("not-one-of", "fleet.toml:2:11"),
        ("not-one-of", "fleet.toml:3:12"),
        ("unknown-key", "fleet.toml:4:1"),
        ("invalid-name", "fleet.toml:5:9"),
        ("wrong-type", "fleet.toml:7:8"),
        ("pattern-mismatch", "fleet.toml:9:9"),
        ("invalid-name", "fleet.toml:10:1"),
        ("unknown-profile", "fleet.toml:12:17"),
        ("profile-cycle", "fleet.toml:14:12"),
        ("unknown-person", "hosts/a/host.toml:3:11"),
        ("not-one-of", "hosts/a/host.toml:1:8"),
        ("wrong-type", "hosts/a/host.toml:4:9"),
        ("unknown-profile", "hosts/a/host.toml:2:13"),
    ]


def test_every_finding_has_its_host(write: Write) -> None:
    fleet = read_fleet(write({"hosts/a/host.toml": "kind = 1\n"}))
    assert [finding.host for finding in findings_of(fleet)] == ["a"]


def test_a_fleet_without_a_release_is_read_all_the_same(write: Write) -> None:
    fleet = read_fleet(write({"fleet.toml": '[people.ada]\nname = "Ada"\n', "hosts/a/host.toml": 'people = ["ada"]\n'}))
    assert [finding.code for finding in findings_of(fleet)] == ["missing-key"]
    assert fleet.people["ada"].table.name == "Ada"


def test_another_release(write: Write) -> None:
    assert read_fleet(write({}), Release.parse("24.11")).release == "24.11"


def test_profiles_come_lowest_first_and_once(write: Write) -> None:
    fleet = read_fleet(
        write(
            {
                "fleet.toml": 'release = "26.05"\n[profiles]\na = {}\nb.include = ["a"]\nc.include = ["a", "b"]\n',
                "hosts/x/host.toml": 'profiles = ["c", "a"]\n',
            }
        )
    )
    assert fleet.profiles_of(fleet.hosts["x"]) == ("a", "b", "c")


def test_layers_in_their_order(write: Write) -> None:
    text = """\
release = "26.05"
[defaults.pantherOS.m]
a = "defaults"
b = "defaults"
c = "defaults"
d = "defaults"
e = "defaults"
[profiles.p.pantherOS.m]
b = "profile"
c = "profile"
d = "profile"
e = "profile"
[people.ada.pantherOS.m]
c = "person"
d = "person"
e = "person"
"""
    host = """\
profiles = ["p"]
[people.ada.pantherOS.m]
e = "host's person"
[pantherOS.m]
d = "host"
e = "host"
"""
    fleet = read_fleet(write({"fleet.toml": text, "hosts/x/host.toml": host}))
    assert findings_of(fleet) == []
    declared = fleet.hosts["x"]
    assert fleet.stack(declared, "ada").get("pantherOS", ("m",)) == {
        "a": "defaults",
        "b": "profile",
        "c": "person",
        "d": "host",
        "e": "host's person",
    }
    assert fleet.stack(declared).get("pantherOS", ("m", "c")) == "profile"


def test_origins_of_list_elements_count_on_through_the_layers(write: Write) -> None:
    text = 'release = "26.05"\n[defaults.pantherOS.m]\nl = ["a",\n "b"]\n'
    fleet = read_fleet(write({"fleet.toml": text, "hosts/x/host.toml": '[pantherOS.m]\nl = ["c"]\n'}))
    stack = fleet.stack(fleet.hosts["x"])
    places = [str(stack.origin("pantherOS", ("m", "l", index))) for index in range(3)]
    assert places == ["fleet.toml:3:6", "fleet.toml:4:2", "hosts/x/host.toml:2:6"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"hosts/a/host.toml": "", "hosts/b/a/host.toml": ""}, [("duplicate-host", "hosts/b/a/host.toml:1:1")]),
        ({"hosts/a/host.toml": "", "hosts/a/host.nix": "{ }"}, [("two-host-files", "hosts/a/host.nix:1:1")]),
        ({"hosts/a b/host.toml": ""}, [("invalid-name", "hosts/a b/host.toml:1:1")]),
        ({"hosts/a/host.toml": "people = [\n"}, [("toml-syntax", "hosts/a/host.toml:1:10")]),
        ({"hosts/a/host.nix": '{ kind = "server" }'}, [("nix-syntax", "hosts/a/host.nix:1:18")]),
        ({"hosts/a/host.toml": "pantherOS = 1\n"}, [("wrong-type", "hosts/a/host.toml:1:13")]),
        ({"hosts/a/host.toml": "[force.pantheros.x]\n"}, [("unknown-key", "hosts/a/host.toml:1:8")]),
        ({"hosts/a/host.toml": "[people.bob]\n"}, [("unknown-person", "hosts/a/host.toml:1:9")]),
        ({"hosts/a/host.toml": 'imports = ["x.nix"]\n'}, [("missing-file", "hosts/a/host.toml:1:12")]),
        ({"hosts/a/host.toml": 'imports = ["../../../x"]\n'}, [("path-outside-fleet", "hosts/a/host.toml:1:12")]),
        ({"hosts/a/host.toml": 'imports = ["/etc/x"]\n'}, [("path-outside-fleet", "hosts/a/host.toml:1:12")]),
        ({"hosts/a/host.toml": "imports = [3]\n"}, [("wrong-type", "hosts/a/host.toml:1:12")]),
    ],
)
def test_what_is_wrong_with_hosts(write: Write, files: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert told(write(files)) == expected


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (
            'people = "ada"\n',
            [('`people` is "ada", but takes a list of names, or a table by name', 'write ["ada"]', 10)],
        ),
        ("people = 5\n", [("`people` is 5, but takes a list of names, or a table by name", "", 10)]),
        (
            'people = ["ada", 5, "adda"]\n',
            [
                ("`people` takes names, and 5 is none", "", 18),
                ('there is no person "adda"', 'did you mean "ada"?', 21),
            ],
        ),
        ('imports = "x.nix"\n', [('`imports` is "x.nix", but takes a list of paths', 'write ["x.nix"]', 11)]),
    ],
)
def test_lists_of_names_and_paths(write: Write, text: str, messages: list[tuple[str, str, int]]) -> None:
    found = findings_of(read_fleet(write({"hosts/a/host.toml": text})))
    assert [(f.message, f.help, f.origin.column if f.origin else 0) for f in found] == messages


@pytest.mark.parametrize(
    ("binding", "place"),
    [
        ('pantherOS = lib.mkForce { system.timeZone = "UTC"; };', "lib.mkForce"),
        ('kind = lib.mkForce "server";', "lib.mkForce"),
        ('tags = [ (lib.mkDefault "x") ];', "(lib.mkDefault"),
        ('force.pantherOS.system.timeZone = lib.mkForce "UTC";', "lib.mkForce"),
        ("pantherOS.security.ssh.ports = [ (lib.mkForce 22) ];", "(lib.mkForce"),
        ("people.ada = lib.mkForce { };", "lib.mkForce"),
        ('people = lib.mkForce [ "ada" ];', "lib.mkForce"),
    ],
)
def test_priorities_where_there_are_none(write: Write, binding: str, place: str) -> None:
    text = f"{{ lib, ... }}: {{ {binding} }}\n"
    found = findings_of(read_fleet(write({"hosts/a/host.nix": text})))
    assert [(f.code, str(f.origin)) for f in found] == [
        ("misplaced-priority", f"hosts/a/host.nix:1:{text.index(place) + 1}")
    ]
    assert f"`{place.strip('(')}` cannot be used here" in found[0].message


def test_priorities_of_options_and_settings(write: Write) -> None:
    text = """\
{ lib, ... }:
{
  pantherOS.system = lib.mkForce { timeZone = "UTC"; };
  nixos.services.x.list = [ (lib.mkForce "a") ];
  nixos.services.y = lib.mkDefault { };
  home.programs.bat.enable = lib.mkForce true;
  people.ada.pantherOS.development.git.user.name = lib.mkDefault "A";
}
"""
    assert findings_of(read_fleet(write({"hosts/a/host.nix": text}))) == []


@pytest.mark.parametrize(
    "binding",
    [
        'nixos.environment.etc."a/b".source = @./missing.txt;',
        'nixos.environment.etc."a/b".source = @lib.mkForce ./missing.txt;',
        "nixos.a.b = [ @./missing.txt ./there.txt ];",
        'nixos.a.b = @"cat ${./missing.txt}";',
        "people.ada.home.a.b = @./missing.txt;",
        "pantherOS.system.a = @./missing.txt;",
    ],
)
def test_files_that_are_not_there(write: Write, binding: str) -> None:
    text = f"{{ lib, ... }}: {{ {binding} }}\n"
    column = text.index("@") + 1
    root = write({"hosts/a/host.nix": text.replace("@", ""), "hosts/a/there.txt": "", "hosts/a/mising.txt": ""})
    (found,) = findings_of(read_fleet(root))
    assert (found.code, str(found.origin)) == ("missing-file", f"hosts/a/host.nix:1:{column}")
    assert (found.message, found.help) == ("there is no hosts/a/missing.txt", "did you mean ./mising.txt?")


def test_files_that_cannot_be_read(write: Write) -> None:
    root = write({"hosts/a/host.toml": ""})
    (root / "hosts/a/host.toml").write_bytes(b'kind = "\xff"\n')
    (root / "hosts/b").mkdir()
    (root / "hosts/b/host.toml").mkdir()
    assert told(root) == [
        ("unreadable-file", "hosts/a/host.toml:1:9"),
        ("unreadable-file", "hosts/b/host.toml:1:1"),
    ]


def test_a_link_out_of_the_fleet_is_no_import(write: Write, tmp_path: Path) -> None:
    root = write({"hosts/a/host.toml": 'imports = ["x.nix"]\n'})
    (tmp_path / "outside.nix").write_text("{ }")
    (root / "hosts/a/x.nix").symlink_to(tmp_path / "outside.nix")
    assert told(root) == [("path-outside-fleet", "hosts/a/host.toml:1:12")]
