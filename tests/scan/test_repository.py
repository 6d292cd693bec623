"""What lies in a repository: what leads to what, links, files that cannot be read, the cache, and the hosts."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pantheros.findings import PantherError
from pantheros.scan.host import Host
from pantheros.scan.hosts import hosts
from pantheros.scan.repository import Repository, scan

Make = Callable[[Mapping[str, str]], Path]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(files: Mapping[str, str]) -> Path:
        root = tmp_path / "repository"
        root.mkdir(exist_ok=True)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return root

    return make


def git(directory: Path, *words: str) -> None:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *who, *words], cwd=directory, check=True, capture_output=True, env=environment)


def told(repository: Repository) -> dict[str, object]:
    return {"files": repository.files, "nix": dict(repository.nix), "unreadable": dict(repository.unreadable)}


# What leads to what -------------------------------------------------------------------------------------------------


def test_a_closure_follows_imports_and_ends_where_they_lead_back(make: Make) -> None:
    found = scan(make({"a.nix": "{ imports = [ ./b ]; }", "b/default.nix": "{ imports = [ ../a.nix ../c.nix ]; }",
                       "c.nix": "{ x = import ./d.nix; }", "d.nix": "1", "e.nix": "{ }"}))  # fmt: skip
    assert found.closure(["a.nix"]) == ["a.nix", "b/default.nix", "c.nix", "d.nix"]
    assert found.closure(["e.nix", "nowhere.nix"]) == ["e.nix"]


def test_modules_that_nothing_refers_to_are_unused(make: Make) -> None:
    found = scan(make({"hosts/x/default.nix": "{ imports = [ ../../modules/a.nix ]; }", "modules/a.nix": "{ }",
                       "modules/b.nix": "{ imports = [ ./b.nix ]; } # ./c.nix", "modules/c.nix": "{ }"}))  # fmt: skip
    assert found.unused == ["modules/b.nix", "modules/c.nix"]


@pytest.mark.parametrize(
    "text",
    [
        "{ imports = map (n: ./m + \"/${n}\") (builtins.attrNames (builtins.readDir ./m)); }",
        "{ lib, ... }: { imports = lib.filesystem.listFilesRecursive ./m; }",
        "{ inputs, ... }: { imports = [ (inputs.import-tree ./m) ]; }",
    ],
)  # fmt: skip
def test_a_directory_that_a_function_reads_is_used_whole(make: Make, text: str) -> None:
    found = scan(make({"default.nix": text, "m/a.nix": "{ }", "m/b.nix": "{ }", "n/c.nix": "{ }"}))
    assert found.closure(["default.nix"]) == ["default.nix", "m/a.nix", "m/b.nix"]


def test_a_directory_that_is_imported_is_its_default_nix(make: Make) -> None:
    found = scan(
        make({"a.nix": "{ imports = [ ./m ./n ]; }", "m/default.nix": "{ }", "m/b.nix": "{ }", "n/c.nix": "1"})
    )
    assert found.imports["a.nix"] == ["m/default.nix"]


def test_a_computed_path_is_what_has_the_host_s_name(make: Make) -> None:
    files = {"mk.nix": "{ name }: { imports = [ ./hosts/${name} (./hw + \"/${name}.nix\") ]; }", "hw/b.nix": "{ }",
             "hosts/a/default.nix": "{ }", "hosts/b/default.nix": "{ }",
             "hosts/b/deeper/default.nix": "{ }"}  # fmt: skip
    found = scan(make(files))
    assert found.closure(["mk.nix"], "b") == ["hosts/b/default.nix", "hw/b.nix", "mk.nix"]
    assert found.closure(["mk.nix"]) == ["hosts/a/default.nix", "hosts/b/default.nix", "hw/b.nix", "mk.nix"]


def test_paths_out_of_the_repository_lead_nowhere(make: Make) -> None:
    found = scan(make({"a.nix": "{ imports = [ ../x.nix /etc/x.nix ~/x.nix <nixpkgs> ./.. ]; }", "x.nix": "1"}))
    assert found.imports["a.nix"] == []


# Files --------------------------------------------------------------------------------------------------------------


def test_links(make: Make, tmp_path: Path) -> None:
    root = make({"a.nix": "{ x = 1; }", "d/b.nix": "{ y = 1; }"})
    (tmp_path / "outside.nix").write_text("{ secret = 1; }")
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "c.nix").write_text("{ secret = 1; }")
    for name, to in {
        "inside.nix": "a.nix", "dangling.nix": "nothing.nix", "out.nix": "../outside.nix", "loop.nix": "loop.nix",
        "one.nix": "other.nix", "other.nix": "one.nix", "up": "..", "here": ".", "aside": "../beside",
    }.items():  # fmt: skip
        (root / name).symlink_to(to)
    assert scan(root).files == ("a.nix", "d/b.nix", "inside.nix")
    git(root, "init", "-q")
    assert scan(root).files == ("a.nix", "d/b.nix", "inside.nix")


def test_a_repository_may_be_named_by_a_link(make: Make, tmp_path: Path) -> None:
    root = make({"a.nix": "{ }"})
    (tmp_path / "link").symlink_to(root)
    assert scan(tmp_path / "link") == scan(root)


def test_files_that_may_not_be_read_are_told(make: Make) -> None:
    root = make({"a.nix": "{ }", "b.nix": "{ }", "c/d.nix": "{ }"})
    (root / "a.nix").chmod(0)
    (root / "c").chmod(0)
    try:
        if os.access(root / "a.nix", os.R_OK):
            pytest.skip("whoever runs this may read everything")
        found = scan(root)
        assert found.broken == {"a.nix": "cannot be read: Permission denied"}
        assert list(found.nix) == ["b.nix"]
    finally:
        (root / "c").chmod(0o700)


def test_a_file_that_is_too_large_is_told_and_not_read(make: Make) -> None:
    found = scan(make({"a.nix": "{ }" + " " * (4 * 2**20), "b.nix": "{ }"}))
    assert list(found.nix) == ["b.nix"]
    assert "larger than 4 MB" in found.broken["a.nix"]


@pytest.mark.parametrize("with_git", [False, True])
def test_names_and_contents_that_are_not_utf_8(make: Make, *, with_git: bool) -> None:
    root = make({"a.nix": "{ }"})
    try:
        Path(os.fsdecode(os.fsencode(root) + b"/k\xfcche.nix")).write_bytes(b'{ x = "k\xfcche"; }')
    except OSError:
        pytest.skip("the file system takes no such names")
    if with_git:
        git(root, "init", "-q")
    for _ in range(2):
        found = scan(root)
        name = os.fsdecode(b"k\xfcche.nix")
        assert found.files == ("a.nix", name)
        assert [setting.path for setting in found.nix[name].settings] == ["x"]


def test_what_git_ignores_is_not_the_repository_s(make: Make) -> None:
    root = make({"a.nix": "{ }", "new.nix": "{ }", "result.nix": "{ }", ".gitignore": "result.nix\n"})
    assert "result.nix" in scan(root).files
    git(root, "init", "-q")
    git(root, "add", "a.nix")
    assert scan(root).files == (".gitignore", "a.nix", "new.nix")
    (root / "a.nix").unlink()
    assert scan(root).files == (".gitignore", "new.nix")


def test_a_directory_within_a_repository_is_looked_at_alone(make: Make) -> None:
    root = make({"a.nix": "{ }", "sub/b.nix": "{ }"})
    git(root, "init", "-q")
    assert scan(root / "sub").files == ("b.nix",)


def test_what_is_no_directory_is_an_error(make: Make) -> None:
    root = make({"a.nix": "{ }"})
    for path in (root / "a.nix", root / "nothing"):
        with pytest.raises(PantherError, match=r"is no directory|there is no"):
            scan(path)


def test_an_empty_directory_has_nothing(make: Make) -> None:
    found = scan(make({}))
    assert found.files == () and found.modules == () and hosts(found) == ()


# The cache ----------------------------------------------------------------------------------------------------------


def kept(tmp_path: Path) -> Path:
    (file,) = (tmp_path / "cache" / "pantheros" / "scan").iterdir()
    return file


def test_a_second_scan_says_the_same_and_an_edit_is_seen(make: Make, tmp_path: Path) -> None:
    root = make({"a.nix": "{ x = 1; }", "b.nix": "{ y", "c.nix": "{ options.a = lib.mkOption { }; }"})
    first = told(scan(root))
    assert kept(tmp_path).is_file()
    assert told(scan(root)) == first
    (root / "a.nix").write_text("{ z = 1; }")
    assert [setting.path for setting in scan(root).nix["a.nix"].settings] == ["z"]
    (root / "a.nix").write_text("{ x = 1; }")
    assert told(scan(root)) == first


@pytest.mark.parametrize(
    "damage",
    ["", "{", "null", "[]", '{"facts": 1}', '{"made_by": "x"}', "\x00"],
)
def test_a_damaged_cache_is_no_trouble(make: Make, tmp_path: Path, damage: str) -> None:
    root = make({"a.nix": "{ x = 1; }"})
    first = told(scan(root))
    kept(tmp_path).write_text(damage)
    assert told(scan(root)) == first


@pytest.mark.parametrize(
    "damaged",
    [
        None, 1, "x", [], {}, ["", ""], [1] * 12, ["", "", *[[["x"]]] * 10], ["", "", *[[1]] * 10],
        ["", "", *[None] * 10], [["x"], "", *[[]] * 10],
    ],
)  # fmt: skip
def test_a_cache_whose_facts_were_edited_is_no_trouble(make: Make, tmp_path: Path, damaged: object) -> None:
    root = make({"a.nix": "{ x = 1; }"})
    first = told(scan(root))
    data = json.loads(kept(tmp_path).read_text())
    kept(tmp_path).write_text(json.dumps({**data, "facts": dict.fromkeys(data["facts"], damaged)}))
    found = told(scan(root))
    assert found == first
    assert found == told(scan(root))


def test_where_nothing_can_be_kept_the_answer_is_the_same(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make({"a.nix": "{ x = 1; }"})
    first = told(scan(root))
    (tmp_path / "file").write_text("")
    for place in ("/proc/nowhere", str(tmp_path / "file")):
        monkeypatch.setenv("XDG_CACHE_HOME", place)
        assert told(scan(root)) == first


# Hosts --------------------------------------------------------------------------------------------------------------

MK = 'mkHost = name: nixpkgs.lib.nixosSystem { modules = [ (./hosts + "/${name}") ]; };'
MACHINE = '{ networking.hostName = "x"; }'


def machines(make: Make, outputs: str, files: Mapping[str, str]) -> dict[str, Host]:
    flake = f"{{ outputs = {{ self, nixpkgs, ... }}: let {MK} in {outputs}; }}"
    return {host.name: host for host in hosts(scan(make({"flake.nix": flake, **files})))}


@pytest.mark.parametrize(
    "outputs",
    [
        "{ nixosConfigurations.oak = nixpkgs.lib.nixosSystem { modules = [ ./hosts/oak ]; }; }",
        "{ nixosConfigurations.oak = nixpkgs.lib.nixosSystem { modules = [ ./hosts/oak/default.nix ]; }; }",
        "{ nixosConfigurations.oak = nixpkgs.lib.nixosSystem { modules = [ \"${self}/hosts/oak\" ]; }; }",
        "{ nixosConfigurations = { oak = mkHost \"oak\"; }; }",
        "{ nixosConfigurations = nixpkgs.lib.genAttrs [ \"oak\" ] mkHost; }",
        "{ nixosConfigurations = builtins.mapAttrs (n: _: mkHost n) { oak = { }; }; }",
        "{ nixosConfigurations = import ./hosts { inherit nixpkgs; }; }",
        "{ nixosConfigurations = let all = { oak = mkHost \"oak\"; }; in all; }",
    ],
)  # fmt: skip
def test_a_host_is_found_however_the_flake_names_it(make: Make, outputs: str) -> None:
    files = {"hosts/oak/default.nix": MACHINE, "hosts/elm/default.nix": MACHINE}
    if "import ./hosts" in outputs:
        files["hosts/default.nix"] = "{ nixpkgs }: { oak = nixpkgs.lib.nixosSystem { modules = [ ./oak ]; }; }"
    found = machines(make, outputs, files)
    assert sorted(found) == ["elm", "oak"]
    assert (found["oak"].output, found["oak"].directory, found["oak"].in_flake) == ("oak", "hosts/oak", True)
    assert not found["elm"].in_flake


def test_a_host_has_the_name_of_its_directory_and_its_output(make: Make) -> None:
    outputs = "{ nixosConfigurations.desk = nixpkgs.lib.nixosSystem { modules = [ ./hosts/oak ]; }; }"
    found = machines(make, outputs, {"hosts/oak/default.nix": MACHINE})
    assert {name: host.output for name, host in found.items()} == {"oak": "desk"}


def test_a_host_may_be_a_file_or_have_none(make: Make) -> None:
    outputs = (
        "{ nixosConfigurations = { a = f { modules = [ ./hosts/a.nix ]; }; b = f { modules = [ { x = 1; } ]; }; }; }"
    )
    found = machines(make, outputs, {"hosts/a.nix": MACHINE})
    assert {name: host.directory for name, host in found.items()} == {"a": "hosts/a.nix", "b": ""}
    assert [seen.path for seen in found["b"].settings] == ["x"]


def test_whether_a_host_is_given_out_is_open_where_all_are_computed_from_the_directory(make: Make) -> None:
    outputs = "{ nixosConfigurations = nixpkgs.lib.mapAttrs f (builtins.readDir (builtins.toPath somewhere)); }"
    assert machines(make, outputs, {"hosts/oak/default.nix": MACHINE})["oak"].in_flake is None


def test_what_hosts_share_is_no_host(make: Make) -> None:
    own = '{ imports = [ ../base-system ]; networking.hostName = "x"; }'
    found = machines(make, "{ nixosConfigurations = { a = mkHost \"a\"; b = mkHost \"b\"; }; }", {
        "hosts/a/default.nix": own, "hosts/b/default.nix": own, "hosts/base-system/default.nix": "{ x.y = 1; }",
        "hosts/common/default.nix": "{ }", "hosts/_old/default.nix": MACHINE,
    })  # fmt: skip
    assert sorted(found) == ["a", "b"]
    assert {seen.path for seen in found["a"].settings} == {"x.y", "networking.hostName"}


def test_machines_with_darwin_are_left_out(make: Make) -> None:
    outputs = '{ darwinConfigurations.mac = f { modules = [ ./hosts/mac ]; }; nixosConfigurations.oak = mkHost "oak"; }'
    found = machines(make, outputs, {"hosts/mac/default.nix": "{ }", "hosts/oak/default.nix": MACHINE})
    assert list(found) == ["oak"]


def test_hosts_in_directories_of_their_kind(make: Make) -> None:
    found = machines(make, "{ nixosConfigurations = { }; }", {
        "hosts/servers/a/default.nix": MACHINE, "hosts/laptops/b/default.nix": MACHINE, "hosts/c/default.nix": MACHINE,
    })  # fmt: skip
    assert {name: host.kind for name, host in found.items()} == {"a": "server", "b": "workstation", "c": "unknown"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("{ services.qemuGuest.enable = true; }", "server"),
        ("{ services.qemuGuest.enable = false; }", "unknown"),
        ('{ modulesPath, ... }: { imports = [ (modulesPath + "/profiles/qemu-guest.nix") ]; }', "server"),
        ("{ programs.sway.enable = true; }", "workstation"),
        ("{ services.tlp.enable = true; }", "workstation"),
        ("{ inputs, ... }: { imports = [ inputs.nixos-hardware.nixosModules.lenovo-thinkpad-x1 ]; }", "workstation"),
        ("{ imports = [ ../../roles/server.nix ]; }", "server"),
        ("{ imports = [ ../../roles/laptop.nix ]; }", "workstation"),
        ("{ services.nginx.enable = true; }", "server"),
    ],
)
def test_kinds(make: Make, text: str, kind: str) -> None:
    files = {"hosts/oak/default.nix": text, "roles/server.nix": "{ }", "roles/laptop.nix": "{ }"}
    assert machines(make, '{ nixosConfigurations.oak = mkHost "oak"; }', files)["oak"].kind == kind


MODULE = """{ config, lib, ... }: let cfg = config.my; in {
  options.my = { enable = lib.mkEnableOption "it"; zone = lib.mkOption { type = lib.types.str; }; };
  config = lib.mkIf cfg.enable { time.timeZone = cfg.zone; a.sure = 1; };
}"""


@pytest.mark.parametrize(
    ("own", "seen"),
    [
        ("my.enable = true;", {"time.timeZone": True, "a.sure": True}),
        ("my.enable = false;", {}),
        ("", {}),
        ("my.enable = lib.mkDefault true;", {"time.timeZone": True, "a.sure": True}),
        ("my.enable = lib.mkIf something true;", {"time.timeZone": False, "a.sure": False}),
        ("my = { enable = true; };", {"time.timeZone": True, "a.sure": True}),
    ],
)
def test_settings_are_in_force_where_their_switch_is_on(make: Make, own: str, seen: dict[str, bool]) -> None:
    host = f"{{ lib, ... }}: {{ imports = [ ../../modules/my.nix ]; {own} }}"
    files = {"hosts/oak/default.nix": host, "modules/my.nix": MODULE}
    found = machines(make, '{ nixosConfigurations.oak = mkHost "oak"; }', files)["oak"]
    assert {each.path: each.sure for each in found.settings if not each.path.startswith("my.")} == seen


def test_parts_of_a_host(make: Make) -> None:
    found = machines(make, '{ nixosConfigurations = { a = mkHost "a"; b = mkHost "b"; }; }', {
        "hosts/a/default.nix": "{ imports = [ ./hardware-configuration.nix ]; users.users.ada = { };"
        " home-manager.users.ada = ./home.nix; }",
        "hosts/a/hardware-configuration.nix": '{ fileSystems."/".device = "x"; }',
        "hosts/b/default.nix": "{ users.users.root.hashedPassword = \"!\"; }",
    })  # fmt: skip
    assert sorted(found["a"].has) == ["disks", "hardware", "home", "users"]
    assert found["b"].has == {}
