from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pantheros.modules.filesystems import _disks
from pantheros.modules.filesystems.disks import unit_name
from pantheros.nix.values import join_path, parts, split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release

MAKE_VOLUMES = (Path(*_disks.__path__) / "scripts/make-volumes").read_text()

MODULE = "filesystems.disks"
DEVICE = "/dev/disk/by-id/nvme-Example_1TB_0001"
OTHER = "/dev/disk/by-id/nvme-Example_2TB_0002"
NOTHING = 'name = "x"\nrelease = "26.05"\n'
ON = f'[pantherOS.filesystems.disks]\nenable = true\ndevice = "{DEVICE}"\n'
STATE = """
from pantheros.module import ModuleOptions, State

class Options(ModuleOptions):
    pass

def resources(o, host):
    yield State("/var/lib/images", copy_on_write=False)
    yield State("/var/lib/images/inner", copy_on_write=False)
    yield State("/var/lib/database", user="db", group="db", mode="0700", copy_on_write=False)
    yield State("/var/lib/plain")
    yield State(".local/share/containers", person="ada", copy_on_write=False)
"""


@pytest.fixture
def settings(fleet):
    def settings(text: str, **keywords: Any) -> dict[str, Any]:
        return fleet(text, **keywords).nixos(module=MODULE)

    return settings


def disk(settings: dict[str, Any], name: str = "main") -> dict[str, Any]:
    return settings[f"disko.devices.disk.{name}"]


def partitions(settings: dict[str, Any], name: str = "main") -> dict[str, Any]:
    return disk(settings, name)["content"]["partitions"]


def subvolumes(settings: dict[str, Any], name: str = "main") -> dict[str, Any]:
    return opened(partitions(settings, name)["system"]["content"])["subvolumes"]


def opened(content: dict[str, Any]) -> dict[str, Any]:
    return content["content"] if content["type"] == "luks" else content


def host(text: str, report: dict[str, Any] | None = None) -> dict[str, str]:
    files = {"hosts/box/host.toml": 'people = ["ada"]\n' + text, "modules/test/state.py": STATE}
    return files | ({"hosts/box/facter.json": json.dumps(report)} if report else {})


def report(*disks: dict[str, Any], memory: int = 0, uefi: bool = True) -> dict[str, Any]:
    resources = [{"type": "phys_mem", "range": memory}]
    return {
        "version": 1,
        "system": "x86_64-linux",
        "virtualisation": "none",
        "uefi": {"supported": uefi},
        "hardware": {"disk": list(disks), "memory": [{"resources": resources}], "cpu": [{}]},
        "smbios": {},
    }


def reported(name: str, by_id: str = "", gigabytes: int = 1000, **more: Any) -> dict[str, Any]:
    names = [f"/dev/{name}", *([f"/dev/disk/by-id/{by_id}"] if by_id else [])]
    size = {"type": "size", "unit": "sectors", "value_1": gigabytes * 1_000_000_000 // 512, "value_2": 512}
    return {"unix_device_names": names, "resources": [size], **more}


def test_one_line_is_enough(settings):
    found = settings(ON)
    assert disk(found)["device"] == DEVICE
    esp, system = (partitions(found)[name] for name in ("ESP", "system"))
    assert (esp["type"], esp["size"], esp["content"]["mountpoint"]) == ("EF00", "1G", "/boot")
    assert esp["content"]["mountOptions"] == ["umask=0077"]
    assert system["size"] == "100%"
    where = {name: volume["mountpoint"] for name, volume in subvolumes(found).items()}
    assert where == {
        "root": "/",
        "nix": "/nix",
        "home": "/home",
        "persist": "/persist",
        "log": "/var/log",
        "snapshots": "/.snapshots",
    }
    assert subvolumes(found)["nix"]["mountOptions"] == ["compress=zstd", "noatime", "discard=async"]
    assert found["zramSwap.enable"] is True


def test_a_bios_has_a_partition_for_grub_and_one_that_grub_can_read(settings):
    found = partitions(settings(ON + 'firmware = "bios"\nbootSize = "512M"\nencryption.enable = true\n'))
    assert found["bios"] == {"size": "1M", "type": "EF02"}
    assert found["boot"]["size"] == "512M"
    assert found["boot"]["content"] == {"type": "filesystem", "format": "ext4", "mountpoint": "/boot"}
    assert "ESP" not in found


def test_portable_machines_are_encrypted(settings):
    found = settings('kind = "laptop"\n' + ON)
    luks = partitions(found)["system"]["content"]
    assert (luks["type"], luks["name"], luks["settings"]) == ("luks", "crypted", {"allowDiscards": True})
    assert "passwordFile" not in luks, "the passphrase is asked for"
    assert partitions(settings('kind = "server"\n' + ON))["system"]["content"]["type"] == "btrfs"
    off = settings('kind = "laptop"\n' + ON + "encryption.enable = false\n")
    assert partitions(off)["system"]["content"]["type"] == "btrfs"


def test_encryption_in_full(settings):
    options = """
    [pantherOS.filesystems.disks.encryption]
    enable = true
    passwordFile = "/tmp/passphrase"
    allowDiscards = false
    bypassWorkqueues = true
    unlock = ["tpm2", "fido2"]
    extraOptions = ["token-timeout=10"]
    """
    found = settings(ON + options)
    luks = partitions(found)["system"]["content"]
    assert luks["passwordFile"] == "/tmp/passphrase"
    assert luks["settings"] == {
        "bypassWorkqueues": True,
        "crypttabExtraOpts": ["tpm2-device=auto", "fido2-device=auto", "token-timeout=10"],
    }
    assert found["boot.initrd.systemd.enable"] is True


def test_a_passphrase_never_lies_on_the_system(fleet):
    assert "pattern-mismatch" in fleet(ON + 'encryption.passwordFile = "/persist/key"\n').codes()


@pytest.mark.parametrize(
    ("option", "options"),
    [
        ('compression = "none"', ["noatime", "discard=async"]),
        ('compression = "zstd:1"', ["compress=zstd:1", "noatime", "discard=async"]),
        ("noatime = false", ["compress=zstd", "discard=async"]),
        ('trim = "weekly"', ["compress=zstd", "noatime", "nodiscard"]),
        ('trim = "off"', ["compress=zstd", "noatime", "nodiscard"]),
        ('volumes.nix.mountOptions = ["nodev"]', ["compress=zstd", "noatime", "discard=async", "nodev"]),
    ],
)
def test_mount_options(settings, option, options):
    assert subvolumes(settings(ON + option))["nix"]["mountOptions"] == options


def test_trim(settings):
    off = settings(ON + 'encryption.enable = true\ntrim = "off"\n')
    assert off["services.fstrim.enable"] is False
    assert "settings" not in partitions(off)["system"]["content"]
    ext4 = partitions(settings(ON + 'filesystem = "ext4"\ntrim = "continuous"\n'))["root"]["content"]
    assert ext4["mountOptions"] == ["noatime", "discard"]


def test_volumes_change_come_and_go(settings):
    options = """
    [pantherOS.filesystems.disks.volumes]
    home.enable = false
    persist.mountPoint = "/keep"
    media = { mountPoint = "/srv/media", neededForBoot = true }
    """
    found = settings(ON + options)
    assert "home" not in subvolumes(found)
    assert subvolumes(found)["persist"]["mountpoint"] == "/keep"
    assert subvolumes(found)["media"]["mountpoint"] == "/srv/media"
    assert found['fileSystems."/srv/media".neededForBoot'] is True


@pytest.mark.parametrize("filesystem", ["ext4", "xfs"])
def test_other_file_systems_have_partitions(settings, filesystem):
    options = f"""
    filesystem = "{filesystem}"
    encryption.enable = true
    volumes.root.size = "64G"
    volumes.home = {{}}
    """
    found = partitions(settings(ON + options))
    assert (found["root"]["size"], found["home"]["size"]) == ("64G", "100%")
    assert (found["root"]["content"]["name"], found["home"]["content"]["name"]) == ("crypted", "crypted-home")
    assert opened(found["home"]["content"]) == {
        "type": "filesystem",
        "format": filesystem,
        "mountpoint": "/home",
        "mountOptions": ["noatime"],
    }
    assert set(partitions(settings(ON + f'filesystem = "{filesystem}"\n'))) == {"ESP", "root"}


def test_a_second_disk_for_data(settings):
    found = settings(ON + f'disks.data.device = "{OTHER}"\nvolumes.home.disk = "data"\nencryption.enable = true\n')
    assert disk(found, "data")["device"] == OTHER
    assert set(partitions(found, "data")) == {"system"}
    assert partitions(found, "data")["system"]["content"]["name"] == "crypted-data"
    assert set(subvolumes(found, "data")) == {"home"}
    assert "home" not in subvolumes(found)


def test_a_second_disk_as_it_is(settings):
    options = f'disks.media = {{ device = "{OTHER}", filesystem = "xfs", encrypt = false, mountPoint = "/srv" }}\n'
    found = settings(ON + "encryption.enable = true\n" + options)
    content = partitions(found, "media")["media"]["content"]
    assert (content["format"], content["mountpoint"]) == ("xfs", "/srv")
    plain = settings(ON + f'disks.media.device = "{OTHER}"\n')
    assert subvolumes(plain, "media")["media"]["mountpoint"] == "/media"


@pytest.mark.parametrize(("name", "last", "first"), [("other", "other", "main"), ("a", "main", "a")])
def test_pooled_disks_are_one_file_system_on_the_last(settings, name, last, first):
    options = (
        f'disks.{name} = {{ device = "{OTHER}", role = "pool" }}\npool = {{ data = "raid1", metadata = "raid1" }}\n'
    )
    found = settings(ON + options)
    assert "content" not in partitions(found, first)["system"]
    content = partitions(found, last)["system"]["content"]
    assert content["extraArgs"] == ["-f", "-d raid1", "-m raid1", f"/dev/disk/by-partlabel/disk-{first}-system"]
    assert "root" in content["subvolumes"]
    sealed = settings(ON + "encryption.enable = true\n" + options)
    assert partitions(sealed, first)["system"]["content"]["type"] == "luks"
    other = "/dev/mapper/crypted" if first == "main" else "/dev/mapper/crypted-a"
    assert opened(partitions(sealed, last)["system"]["content"])["extraArgs"][-1] == other


def test_swap_in_memory(settings):
    assert settings(ON + "swap.zram.percent = 100\n")["zramSwap.memoryPercent"] == 100
    assert "zramSwap.enable" not in settings(ON + "swap.zram.enable = false\n")


def test_a_swap_file(settings):
    found = subvolumes(settings(ON + 'swap = { kind = "file", size = "8G" }\n'))["swap"]
    assert (found["mountpoint"], found["swap"]) == ("/.swap", {"swapfile": {"size": "8G"}})
    plain = settings(ON + 'filesystem = "ext4"\nswap = { kind = "file", size = "8G" }\n')
    assert plain["swapDevices"] == [{"device": "/swapfile", "size": 8192}]


def test_a_swap_partition(settings):
    swap = 'swap = { kind = "partition", size = "8G" }\n'
    assert partitions(settings(ON + swap))["swap"] == {"size": "8G", "content": {"type": "swap"}}
    sealed = partitions(settings(ON + swap + "encryption.enable = true\n"))["swap"]["content"]
    assert sealed == {"type": "swap", "randomEncryption": True}


def test_hibernation(settings):
    swap = 'swap = { kind = "partition", size = "8G", hibernate = true }\n'
    plain = partitions(settings(ON + swap))["swap"]["content"]
    assert plain == {"type": "swap", "resumeDevice": True}
    sealed = partitions(settings(ON + swap + "encryption.enable = true\n"))["swap"]["content"]
    assert sealed["name"] == "crypted-swap"
    assert sealed["content"] == plain
    in_file = 'swap = { kind = "file", size = "8G", hibernate = true, resumeOffset = 1234 }\n'
    found = settings(ON + in_file)
    assert found["boot.resumeDevice"] == "/dev/disk/by-partlabel/disk-main-system"
    assert found["boot.kernelParams"] == ["resume_offset=1234"]


def test_state_that_wants_no_copy_on_write_gets_volumes(settings):
    found = settings(host(ON + "[pantherOS.test.state]\nenable = true\n"))
    volumes = subvolumes(found)
    assert volumes["var-lib-images"]["mountpoint"] == "/var/lib/images"
    assert "var-lib-images-inner" not in volumes
    assert "var-lib-plain" not in volumes
    service = found["systemd.services.volumes-main"]
    assert service["requiredBy"] == ["var-lib-database.mount", "var-lib-images.mount"]
    assert service["requires"] == [r"dev-disk-by\x2dpartlabel-disk\x2dmain\x2dsystem.device"]
    command = "".join(p for p in parts(service["serviceConfig"]["ExecStart"]) if isinstance(p, str))
    assert command.endswith("disk-main-system var-lib-database=no-cow var-lib-images=no-cow")
    owner = {"user": "db", "group": "db", "mode": "0700"}
    assert found['systemd.tmpfiles.settings.volumes."/var/lib/database".d'] == owner
    home = 'systemd.tmpfiles.settings.volumes."/home/ada/.local/share/containers"'
    assert found[f"{home}.h"] == {"argument": "+C"}
    assert found[f"{home}.d"] == {"user": ":ada", "group": ":users", "mode": ":0755"}
    assert 'systemd.tmpfiles.settings.volumes."/home/ada/.local".d' in found


def test_a_volume_of_one_s_own_follows_the_state_in_it(settings):
    text = ON + 'volumes.images.mountPoint = "/var/lib/images"\n[pantherOS.test.state]\nenable = true\n'
    found = settings(host(text))
    assert "var-lib-images" not in subvolumes(found)
    assert "images=no-cow" in found["systemd.services.volumes-main"]["serviceConfig"]["ExecStart"]
    kept = text.replace("[pantherOS.test", "volumes.images.copyOnWrite = true\n[pantherOS.test")
    command = settings(host(kept))["systemd.services.volumes-main"]["serviceConfig"]["ExecStart"]
    assert "images=no-cow" not in command
    assert command.endswith(" images var-lib-database=no-cow")


def test_state_on_ext4_needs_none(settings):
    found = settings(host(ON + 'filesystem = "ext4"\n[pantherOS.test.state]\nenable = true\n'))
    assert set(partitions(found)) == {"ESP", "root"}
    assert not [path for path in found if path.startswith("systemd.")]


def test_the_hardware_report_gives_defaults(fleet):
    text = "[pantherOS.filesystems.disks]\nenable = true\n"
    usb = reported("sdb", "usb-Stick", hotplug="usb")
    small = reported("mmcblk0", gigabytes=4)
    one = reported("nvme0n1", "nvme-Example_1TB_0001")
    found = fleet(host(text, report(one, usb, small, uefi=False)))
    assert disk(found.nixos(module=MODULE))["device"] == DEVICE
    assert "bios" in partitions(found.nixos(module=MODULE))
    two = fleet(host(text, report(one, reported("sda", "ata-Other"))))
    assert "no-disk" in two.codes()


POOLED = f'disks.other = {{ device = "{OTHER}", role = "pool" }}\n'


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("no-disk", ON.replace(f'device = "{DEVICE}"', "")),
        ("unstable-device-name", ON.replace(DEVICE, "/dev/sda")),
        ("unstable-device-name", ON.replace(DEVICE, "/dev/nvme0n1")),
        ("unstable-device-name", ON + 'disks.data.device = "/dev/vdb"\n'),
        ("device-is-a-partition", ON.replace(DEVICE, DEVICE + "-part1")),
        ("device-is-a-partition", ON.replace(DEVICE, "/dev/disk/by-uuid/1234")),
        ("disk-used-twice", ON + f'disks.data.device = "{DEVICE}"\n'),
        ("disk-name-taken", ON + f'disks.main.device = "{OTHER}"\n'),
        ("name-not-plain", ON + f'disks."My Disk".device = "{OTHER}"\n'),
        ("name-not-plain", ON + 'volumes.swap.mountPoint = "/x"\n'),
        ("volume-without-mount-point", ON + "volumes.games = {}\n"),
        ("volume-on-unknown-disk", ON + 'volumes.home.disk = "data"\n'),
        ("volume-on-unknown-disk", ON + POOLED + 'volumes.home.disk = "other"\n'),
        ("size-has-no-effect", ON + 'volumes.home.size = "8G"\n'),
        ("copy-on-write-has-no-effect", ON + 'filesystem = "xfs"\nvolumes.root.copyOnWrite = false\n'),
        ("mounted-twice", ON + 'volumes.other.mountPoint = "/home"\n'),
        ("volumes-without-size", ON + 'filesystem = "ext4"\nvolumes.home = {}\n'),
        ("no-root-volume", ON + "volumes.root.enable = false\n"),
        ("no-root-volume", ON + 'filesystem = "ext4"\nvolumes.root.mountPoint = "/srv"\n'),
        ("pool-needs-btrfs", ON + POOLED + 'filesystem = "ext4"\n'),
        ("pooled-disk-has-none", ON + POOLED.replace(" }", ', filesystem = "xfs" }')),
        ("swap-without-size", ON + 'swap.kind = "partition"\n'),
        ("no-swap-on-disk", ON + "swap.hibernate = true\n"),
        ("swap-file-on-pool", ON + POOLED + 'swap = { kind = "file", size = "4G" }\n'),
        ("resume-offset-unknown", ON + 'swap = { kind = "file", size = "4G", hibernate = true }\n'),
        ("resume-offset-has-no-effect", ON + 'swap = { kind = "partition", size = "4G", resumeOffset = 9 }\n'),
        ("portable-not-encrypted", 'kind = "laptop"\n' + ON + "encryption.enable = false\n"),
        ("nothing-encrypted", ON + 'encryption.unlock = ["tpm2"]\n'),
        ("asks-for-passphrase", 'kind = "server"\n' + ON + "encryption.enable = true\n"),
        ("boot-partition-small", ON + 'bootSize = "128M"\n'),
    ],
)
def test_what_can_not_work_is_found(fleet, code, text):
    assert code in fleet(text).codes()


def test_what_is_mounted_twice_is_told_at_the_last_of_both(fleet):
    text = f'volumes.docker.mountPoint = "/var/lib/docker"\ndisks.b = {{ device = "{OTHER}", mountPoint = "/" }}\n'
    built = fleet(ON + text)
    built.codes()
    (finding,) = [finding for finding in built.findings if finding.code == "mounted-twice"]
    assert finding.message == "the volume `root` and the disk `b` are both mounted at /"
    line = (built.root / "hosts/box/host.toml").read_text().splitlines()[finding.origin.line - 1]
    assert line[finding.origin.column - 1 : finding.origin.end_column - 1] == '"/"'


def test_who_switches_the_layout_off_says_what_the_root_is(fleet):
    off = {"fleet.toml": NOTHING, "hosts/box/host.toml": "[pantherOS.filesystems.disks]\nenable = false\n"}
    assert "no-root-volume" in fleet(off).codes()
    off["hosts/box/host.toml"] += '[nixos.fileSystems."/"]\ndevice = "/dev/x"\n'
    assert "no-root-volume" not in fleet(off).codes()


def test_a_root_in_memory_needs_no_partition(fleet):
    rest = 'filesystem = "ext4"\nvolumes.root.enable = false\nvolumes.persist = { mountPoint = "/persist" }\n'
    assert "no-root-volume" in fleet(ON + rest).codes()
    clean = '[pantherOS.filesystems.impermanence]\nenable = true\nmode = "tmpfs"\n'
    assert "no-root-volume" not in fleet(ON + rest + clean).codes()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("firmware-at-odds", ON + 'firmware = "bios"\n'),
        ("disk-not-reported", ON.replace("0001", "0009")),
        ("swap-too-small-to-hibernate", ON + 'swap = { kind = "partition", size = "4G", hibernate = true }\n'),
    ],
)
def test_the_hardware_report_is_heard(fleet, code, text):
    one = report(reported("nvme0n1", "nvme-Example_1TB_0001"), memory=32 * 1024**3)
    assert code in fleet(host(text, one)).codes()
    assert code not in fleet(host(ON, one)).codes()


def test_an_unstable_name_is_answered_with_the_stable_one(fleet):
    found = fleet(host(ON.replace(DEVICE, "/dev/sda"), report(reported("sda", "ata-Example_1"))))
    found.codes()
    (finding,) = [f for f in found.findings if f.code == "unstable-device-name"]
    assert finding.help == "write /dev/disk/by-id/ata-Example_1"


def test_a_sane_host_has_no_findings_of_ours(fleet):
    found = fleet('kind = "laptop"\n' + ON)
    found.codes()
    assert not [f for f in found.findings if "disks" in f.option]


# Names that real NixOS knows ----------------------------------------------------------------------------------

EVERYTHING = f"""
disks.second = {{ device = "{OTHER}", role = "pool" }}
disks.data = {{ device = "/dev/disk/by-id/c", filesystem = "xfs" }}
pool = {{ data = "raid1", metadata = "raid1" }}
swap = {{ kind = "partition", size = "8G", hibernate = true, zram = {{ percent = 75 }} }}
compression = "zstd:1"
noatime = false
trim = "off"
bootSize = "2G"
[pantherOS.filesystems.disks.encryption]
enable = true
passwordFile = "/tmp/passphrase"
bypassWorkqueues = true
unlock = ["tpm2", "fido2"]
extraOptions = ["token-timeout=10"]
[pantherOS.filesystems.disks.volumes]
games = {{ mountPoint = "/games", copyOnWrite = false, mountOptions = ["nodev"], neededForBoot = true }}
[pantherOS.test.state]
enable = true
"""


@pytest.mark.parametrize("release", ["24.11", "25.05", "25.11", "26.05", "unstable"])
@pytest.mark.parametrize("text", [ON, ON + EVERYTHING, ON + 'firmware = "bios"\nfilesystem = "ext4"\n'])
def test_each_setting_exists_in_each_release(settings, release, text):
    index = Index.of(Release.parse(release))
    found = settings(host(text), release=release)
    for path in leaves(found):
        assert index.status("nixos", path).kind in {"known", "doubtful"}, path
    for name, value in found.items():
        if name.startswith("disko.devices.disk."):
            for content in contents(value["content"]):
                fields = index.disko[content["type"]]
                assert content.keys() <= fields.keys() | {"content"}
                assert {field for field, known in fields.items() if known.required} <= content.keys()


def leaves(settings: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The path of each option that is set, those within sets too."""
    for path, value in settings.items():
        if isinstance(value, dict):
            yield from leaves({join_path((*split_path(path), name)): below for name, below in value.items()})
        else:
            yield split_path(path)


def contents(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield content
    inner = [partition.get("content") for partition in content.get("partitions", {}).values()]
    for below in [*inner, content.get("content")]:
        if below:
            yield from contents(below)


# Scripts and names, judged by the programs they are for -------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "-.mount"),
        ("/var/lib/images", "var-lib-images.mount"),
        ("/.snapshots", r"\x2esnapshots.mount"),
        ("/dev/disk/by-partlabel/disk-main-system", r"dev-disk-by\x2dpartlabel-disk\x2dmain\x2dsystem.mount"),
        ("/srv//a b/é/", r"srv-a\x20b-\xc3\xa9.mount"),
    ],
)
def test_unit_names(path, name):
    assert unit_name(path, "mount") == name


def test_shellcheck_has_nothing_to_say(shellcheck):
    shellcheck(MAKE_VOLUMES)


def test_missing_volumes_are_made_and_others_left_alone(btrfs):
    def make() -> None:
        command = ["bash", "-c", MAKE_VOLUMES, "make-volumes", btrfs.device, "media", "images=no-cow"]
        subprocess.run(command, check=True, capture_output=True)

    make()
    with btrfs.mounted("media") as media:
        (media / "kept").write_text("here")
    make()
    assert btrfs.subvolumes() == ["images", "media"]
    with btrfs.mounted("media") as media:
        assert (media / "kept").read_text() == "here"
        assert "C" not in attributes(media / "kept")
    with btrfs.mounted("images") as images:
        (images / "directory").mkdir()
        (images / "directory/image").write_text("here")
        assert "C" in attributes(images / "directory/image")


def attributes(path: Path) -> str:
    listed = subprocess.run(["lsattr", str(path)], check=True, capture_output=True, text=True)
    return listed.stdout.split()[0]
