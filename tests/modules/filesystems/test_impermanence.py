from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pantheros.module import force
from pantheros.modules.filesystems import _impermanence
from pantheros.nix.values import join_path, parts, split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release

FRESH_ROOT = (Path(*_impermanence.__path__) / "scripts/fresh-root").read_text()

DISKS = """
[pantherOS.filesystems.disks]
enable = true
device = "/dev/disk/by-id/nvme-Example_1TB_0001"
"""
CLEAN_HOMES = DISKS + "volumes.home.enable = false\n"
ON = "[pantherOS.filesystems.impermanence]\nenable = true\n"
STATE = """
from pantheros.module import ModuleOptions, State

class Options(ModuleOptions):
    pass

def resources(o, host):
    yield State("/var/lib/service", user="service", group="service", mode="0700")
    yield State("/var/lib/service/inner")
    yield State("/var/lib/private/dynamic", mode="0700")
    yield State("/var/lib/images", copy_on_write=False)
    yield State("/etc/ssh/ssh_host_ed25519_key", kind="file", mode="0600")
    yield State("/var/lib/service/file", kind="file")
    yield State("/run/volatile")
    yield State(".local/share/tool", person="ada", user="ada", group="users", mode="0700")
    yield State(".toolrc", kind="file", person="ada")
"""
MODULE = "filesystems.impermanence"


@pytest.fixture
def settings(fleet):
    def settings(text: str, **keywords: Any) -> dict[str, Any]:
        return fleet(text, **keywords).nixos(module=MODULE)

    return settings


def persistent(settings: dict[str, Any], name: str, path: str = "/persist") -> Any:
    return settings.get(f'environment.persistence."{path}".{name}')


def host(text: str, **others: str) -> dict[str, str]:
    return {"hosts/box/host.toml": 'people = ["ada"]\n' + text, "modules/test/state.py": STATE, **others}


def test_the_root_is_replaced_in_the_initrd(settings):
    found = settings(DISKS + ON)
    assert found["boot.initrd.systemd.enable"] is True
    service = found["boot.initrd.systemd.services.fresh-root"]
    device = r"dev-disk-by\x2dpartlabel-disk\x2dmain\x2dsystem.device"
    assert service["requires"] == [device]
    assert device in service["after"]
    assert service["before"] == ["sysroot.mount"]
    command = "".join("script" if not isinstance(p, str) else p for p in parts(service["serviceConfig"]["ExecStart"]))
    assert command == "/bin/bash script /dev/disk/by-partlabel/disk-main-system root old-roots 30"
    assert found['fileSystems."/persist".neededForBoot'] is True


def test_behind_luks_it_waits_for_the_opened_disk(settings):
    found = settings('kind = "laptop"\n' + DISKS + ON + "keepDays = 7\n")
    service = found["boot.initrd.systemd.services.fresh-root"]
    assert service["requires"] == ["dev-mapper-crypted.device"]
    assert service["serviceConfig"]["ExecStart"].endswith(" /dev/mapper/crypted root old-roots 7")


def test_it_never_runs_under_a_machine_that_resumes_nor_twice(settings):
    service = settings(DISKS + ON)["boot.initrd.systemd.services.fresh-root"]
    assert "systemd-hibernate-resume.service" in service["after"]
    assert service["serviceConfig"]["RemainAfterExit"] is True
    assert service["unitConfig"]["ConditionKernelCommandLine"] == "!keep-root"


def test_of_a_pool_it_waits_for_the_disk_that_is_mounted(settings):
    found = settings(DISKS + 'disks.other = { device = "/dev/disk/by-id/b", role = "pool" }\n' + ON)
    service = found["boot.initrd.systemd.services.fresh-root"]
    assert service["requires"] == [r"dev-disk-by\x2dpartlabel-disk\x2dother\x2dsystem.device"]


def test_root_in_memory(settings):
    found = settings(DISKS + ON + 'mode = "tmpfs"\ntmpfs.size = "2G"\n')
    assert found['fileSystems."/".device'] == force("none")
    assert found['fileSystems."/".fsType'] == force("tmpfs")
    assert found['fileSystems."/".options'] == force(["defaults", "size=2G", "mode=755"])
    assert "boot.initrd.systemd.services.fresh-root" not in found


def test_the_system_s_own_state_persists(settings):
    found = settings(DISKS + ON)
    assert persistent(found, "directories") == ["/var/lib/nixos", "/var/lib/systemd"], "logs have a volume"
    assert persistent(found, "files") == ["/etc/machine-id"]
    assert persistent(found, "hideMounts") is True
    without = settings(DISKS + "volumes.log.enable = false\n" + ON)
    assert "/var/log" in persistent(without, "directories")


def test_directories_and_files(settings):
    options = """
    hideMounts = false
    files = ["/etc/adjtime"]
    directories = ["/etc/nixos", { path = "/var/lib/own", user = "ada", group = "users", mode = "0750" }]
    """
    found = settings(DISKS + ON + options)
    assert persistent(found, "files") == ["/etc/adjtime", "/etc/machine-id"]
    assert persistent(found, "directories") == [
        "/etc/nixos",
        "/var/lib/nixos",
        {"directory": "/var/lib/own", "user": "ada", "group": "users", "mode": "0750"},
        "/var/lib/systemd",
    ]
    assert not persistent(found, "hideMounts")


def test_what_modules_declare_as_their_state_persists(settings):
    found = settings(host(CLEAN_HOMES + ON + "[pantherOS.test.state]\nenable = true\n"))
    directories = persistent(found, "directories")
    assert {"directory": "/var/lib/service", "user": "service", "group": "service", "mode": "0700"} in directories
    assert {"directory": "/var/lib/private", "mode": "0700"} in directories
    paths = [d if isinstance(d, str) else d["directory"] for d in directories]
    assert "/var/lib/images" not in paths, "it has a volume of its own"
    assert "/var/lib/service/inner" not in paths, "it persists with what it lies in"
    assert "/var/lib/private/dynamic" not in paths
    assert "/run/volatile" not in paths
    assert persistent(found, "files") == ["/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key"]
    assert {"directory": ".local/share/tool", "mode": "0700"} in persistent(found, "users.ada.directories")
    assert persistent(found, "users.ada.files") == [".toolrc"]


def test_homes_on_a_volume_of_their_own_need_nothing(settings):
    assert persistent(settings(DISKS + ON), "users.ada.directories") is None


def test_clean_homes(settings):
    directories = persistent(settings(CLEAN_HOMES + ON), "users.ada.directories")
    assert "Documents" in directories
    assert {"directory": ".ssh", "mode": "0700"} in directories


def test_each_person_has_their_own_list(fleet):
    fleet_toml = """
name = "test"
release = "26.05"
[people.ada]
name = "Ada Example"
email = "ada@example.org"
[people.ada.pantherOS.filesystems.impermanence.home]
directories = ["work", { path = ".config/tool", mode = "0700" }]
files = [".config/tool/rc", ".history"]
[people.bob]
name = "Bob Example"
email = "bob@example.org"
"""
    text = host(CLEAN_HOMES + ON + 'home.directories = ["shared"]\n', **{"fleet.toml": fleet_toml})
    text["hosts/box/host.toml"] = text["hosts/box/host.toml"].replace('["ada"]', '["ada", "bob"]')
    found = fleet(text).nixos(module=MODULE)
    tool = {"directory": ".config/tool", "mode": "0700"}
    assert persistent(found, "users.ada.directories") == [tool, "shared", "work"]
    assert persistent(found, "users.ada.files") == [".history"], "the other lies in a directory that persists"
    assert persistent(found, "users.bob.directories") == ["shared"]


def test_another_path(settings):
    found = settings(DISKS + 'volumes.persist.mountPoint = "/keep"\n' + ON + 'path = "/keep"\n')
    assert found['fileSystems."/keep".neededForBoot'] is True
    assert persistent(found, "files", "/keep") == ["/etc/machine-id"]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("impermanence-without-disks", ON),
        ("root-not-btrfs", DISKS + 'filesystem = "ext4"\n' + ON),
        ("fresh-root-needs-systemd", DISKS + ON + "[pantherOS.boot]\ninitrd.systemd = false\n"),
        ("root-not-btrfs", DISKS + 'filesystem = "ext4"\nvolumes = { root.enable = false, nix = {} }\n' + ON),
        ("no-persistent-volume", DISKS + "volumes.persist.enable = false\n" + ON),
        ("nix-on-root", DISKS + "volumes.nix.enable = false\n" + ON),
        ("persistent-already", DISKS + ON + 'directories = ["/var/log/journal"]\n'),
        ("persistent-already", DISKS + ON + 'home.directories = ["work"]\n'),
        ("volatile-path", DISKS + ON + 'directories = ["/run/thing"]\n'),
        ("accounts-can-not-persist", DISKS + ON + 'files = ["/etc/shadow"]\n'),
        ("accounts-can-not-persist", DISKS + ON + 'directories = ["/etc"]\n'),
        ("passwords-vanish", DISKS + ON + "[pantherOS.users]\nimmutable = false\n"),
        (
            "password-file-vanishes",
            DISKS + ON + '[pantherOS.users]\npasswordFile = "/var/lib/passwords/ada"\n',
        ),
        ("tmpfs-too-small", DISKS + ON + 'mode = "tmpfs"\ntmpfs.size = "100M"\n'),
    ],
)
def test_what_can_not_work_is_found(fleet, code, text):
    assert code in fleet(text).codes()


def test_state_on_a_volatile_path_is_found(fleet):
    assert "state-on-volatile-path" in fleet(host(DISKS + ON + "[pantherOS.test.state]\nenable = true\n")).codes()


def test_a_root_larger_than_the_memory_is_found(fleet):
    report = """{"version": 1, "system": "x86_64-linux", "virtualisation": "none", "hardware": {"memory": [
      {"resources": [{"type": "phys_mem", "range": 4294967296}]}]}, "smbios": {}}"""
    text = DISKS + ON + 'mode = "tmpfs"\ntmpfs.size = "8G"\n'
    assert "tmpfs-fills-memory" in fleet(host(text, **{"hosts/box/facter.json": report})).codes()
    assert "tmpfs-fills-memory" not in fleet(host(text.replace("8G", "1G"))).codes()


@pytest.mark.parametrize(
    "text",
    [
        DISKS + ON,
        CLEAN_HOMES + ON,
        'kind = "laptop"\n' + DISKS + ON + '[pantherOS.users]\npasswordFile = "/persist/ada"\n',
        DISKS
        + 'filesystem = "ext4"\nvolumes = { root = { enable = false }, nix = { size = "64G" }, persist = {} }\n'
        + ON
        + 'mode = "tmpfs"\n',
    ],
)
def test_a_sane_host_has_no_findings_of_ours(fleet, text):
    found = fleet(text)
    found.codes()
    ours = [f for f in found.findings if f.option.startswith(("pantherOS.filesystems", "filesystems"))]
    assert not ours


def leaves(settings: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The path of each option that is set, those within sets too."""
    for path, value in settings.items():
        if isinstance(value, dict):
            inner = {join_path((*split_path(path), name)): below for name, below in value.items()}
            yield from leaves(inner)
        else:
            yield split_path(path)


EVERYTHING = (
    CLEAN_HOMES
    + ON
    + """
keepDays = 3
hideMounts = false
files = ["/etc/adjtime"]
directories = ["/etc/nixos", { path = "/var/lib/own", user = "ada", group = "users", mode = "0750" }]
home.directories = ["work", { path = ".config/tool", mode = "0700" }]
home.files = [".history"]
"""
)


@pytest.mark.parametrize("release", ["24.11", "25.05", "25.11", "26.05", "unstable"])
@pytest.mark.parametrize("text", [DISKS + ON, EVERYTHING, EVERYTHING + 'mode = "tmpfs"\n'])
def test_each_setting_exists_in_each_release(settings, release, text):
    index = Index.of(Release.parse(release))
    for path in leaves(settings(text, release=release)):
        assert index.status("nixos", path).kind in {"known", "doubtful"}, path


# The script, on a real file system ----------------------------------------------------------------------------


def boot(btrfs, days: int) -> None:
    command = ["bash", "-c", FRESH_ROOT, "fresh-root", btrfs.device, "root", "old-roots", str(days)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "could not" not in done.stderr


def make(btrfs, *names: str) -> None:
    with btrfs.mounted() as top:
        for name in names:
            subprocess.run(["btrfs", "subvolume", "create", str(top / name)], check=True, capture_output=True)


def age(btrfs, name: str, days: float) -> None:
    then = time.time() - days * 86400
    with btrfs.mounted() as top:
        os.utime(top / name, (then, then))


def old_roots(btrfs) -> list[str]:
    with btrfs.mounted() as top:
        return sorted(path.name for path in (top / "old-roots").iterdir())


def test_shellcheck_has_nothing_to_say(shellcheck):
    shellcheck(FRESH_ROOT)


def test_at_each_boot_the_root_is_empty_and_the_old_one_is_kept(btrfs):
    make(btrfs, "root", "persist")
    for number in (1, 2):
        with btrfs.mounted("root") as root:
            (root / f"file {number}").write_text("here")
        with btrfs.mounted("persist") as persist:
            (persist / f"kept {number}").write_text("here")
        boot(btrfs, days=30)
        with btrfs.mounted("root") as root:
            assert list(root.iterdir()) == []
    with btrfs.mounted() as top:
        assert sorted(path.name for path in (top / "persist").iterdir()) == ["kept 1", "kept 2"]
        kept = [[path.name for path in old.iterdir()] for old in sorted((top / "old-roots").iterdir())]
    assert kept == [["file 1"], ["file 2"]]


def test_old_roots_go_with_the_subvolumes_inside_them(btrfs):
    make(btrfs, "root", "persist", "root/machines", "root/machines/one", "root/a path with spaces")
    with btrfs.mounted() as top:
        nested = top / "root/machines"
        snapshot = ["btrfs", "subvolume", "snapshot", "-r", str(nested), str(top / "root/frozen")]
        subprocess.run(snapshot, check=True, capture_output=True)
    boot(btrfs, days=30)
    (old,) = old_roots(btrfs)
    age(btrfs, f"old-roots/{old}", 31)
    boot(btrfs, days=30)
    assert old not in old_roots(btrfs)
    assert len(old_roots(btrfs)) == 1
    assert [name for name in btrfs.subvolumes() if not name.startswith("old-roots")] == ["persist", "root"]
    assert len(btrfs.subvolumes()) == 3


def test_roots_are_kept_as_long_as_asked(btrfs):
    make(btrfs, "root")
    boot(btrfs, days=30)
    (old,) = old_roots(btrfs)
    age(btrfs, f"old-roots/{old}", 29.9)
    boot(btrfs, days=30)
    assert old in old_roots(btrfs)


def test_a_root_that_ran_for_long_is_not_old_yet(btrfs):
    make(btrfs, "root")
    age(btrfs, "root", 400)
    boot(btrfs, days=30)
    assert len(old_roots(btrfs)) == 1


def test_zero_days_keep_none(btrfs):
    make(btrfs, "root", "root/machines")
    boot(btrfs, days=0)
    assert old_roots(btrfs) == []
    assert btrfs.subvolumes() == ["root"]


def test_a_boot_that_was_cut_short_is_made_up_for(btrfs):
    boot(btrfs, days=30)  # the old root is away already, the new one is missing
    assert btrfs.subvolumes() == ["root"]


def test_what_else_lies_with_the_old_roots_stays(btrfs):
    make(btrfs, "root", "persist")
    with btrfs.mounted() as top:
        (top / "old-roots/directory").mkdir(parents=True)
    age(btrfs, "old-roots/directory", 100)
    command = ["bash", "-c", FRESH_ROOT, "fresh-root", btrfs.device, "root", "old-roots", "30"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0
    assert "could not delete" in done.stderr
    assert "directory" in old_roots(btrfs)
    assert {"persist", "root"} <= set(btrfs.subvolumes())
