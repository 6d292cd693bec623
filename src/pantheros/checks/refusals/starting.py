"""Starting: boot loaders, the initial RAM disk, disks and swap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from pantheros.checks.refusals.rule import NOTHING, Refused, Rule, Said, given, has, off, on, unset
from pantheros.checks.settings import Wrong
from pantheros.nix.values import Raw
from pantheros.releases.index import UNKNOWN


def _made_by_disko(said: Said, name: str) -> bool:
    """Whether disko names a device for GRUB, or may: it does for each partition of the type EF02."""
    raw = said.view.may_set("EF02")
    if raw is not None:
        said.view.not_verified("`boot.loader.grub.devices`", f"disko may set it, for the disks in the raw module {raw}")
    return raw is not None or any(
        path[0] == "disko" and (setting.value == "EF02" or isinstance(setting.value, Raw))
        for path, setting in said.view.system.items()
    )


def _is_relative(value: Any) -> bool:
    return isinstance(value, str) and value != "" and not value.startswith("/")


def _is_zfs(value: Any) -> bool:
    return value == "zfs" or (isinstance(value, list) and "zfs" in value)


_WITHOUT_DEVICE = Wrong(
    "grub-without-device",
    "GRUB is not told where to install itself",
    'set `boot.loader.grub.device` to a disk, or on UEFI to `"nodev"` with `efiSupport = true`',
)

_GROWING = ("ext3", "ext4", "btrfs", "xfs")
_DEVICES = ("devices", "device", "mirroredBoots")
ZFS = (
    has(_is_zfs, "boot.supportedFilesystems", "boot.initrd.supportedFilesystems"),
    on("boot.supportedFilesystems.zfs", "boot.initrd.supportedFilesystems.zfs"),
)
LUKS = "boot.initrd.luks.devices.*"
INITRD_COMMANDS = (
    *("preFailCommands", "preDeviceCommands", "preLVMCommands", "postDeviceCommands", "postResumeCommands"),
    *("postMountCommands", "extraUdevRulesCommands", "extraUtilsCommands", "extraUtilsCommandsTest"),
    "network.postCommands",
)


RULES: tuple[Rule, ...] = (
    Rule(
        "system/boot/loader/grub/grub.nix, system/boot/loader/systemd-boot/systemd-boot.nix",
        Wrong("two-boot-loaders", "systemd-boot and GRUB cannot both be the boot loader", "switch one of them off"),
        (on("boot.loader.grub.enable"), on("boot.loader.systemd-boot.enable")),
    ),
    Rule(
        "system/boot/loader/grub/grub.nix",
        _WITHOUT_DEVICE,
        (
            on("boot.loader.grub.enable"),
            off(*(f"boot.loader.grub.{name}" for name in _DEVICES)),
            unset("facter", "hardware.facter"),
        ),
        unless=_made_by_disko,
    ),
    Rule(
        "system/boot/loader/grub/grub.nix",
        Wrong(
            "removable-grub-and-variables",
            "GRUB installed as if on a removable disk does not touch the firmware's variables, but is told to",
            "set `boot.loader.efi.canTouchEfiVariables = false`",
        ),
        (
            on("boot.loader.grub.efiInstallAsRemovable"),
            on("boot.loader.efi.canTouchEfiVariables"),
            on("boot.loader.grub.enable"),
        ),
    ),
    Rule(
        "system/boot/loader/grub/grub.nix",
        Wrong(
            "removable-grub-without-efi",
            "GRUB is to be installed for UEFI as if on a removable disk, but without support for UEFI",
            "set `boot.loader.grub.efiSupport = true`",
        ),
        (
            on("boot.loader.grub.efiInstallAsRemovable"),
            on("boot.loader.grub.enable"),
            off("boot.loader.grub.efiSupport"),
        ),
        unless=lambda said, name: said.anything(("facter",)) or said.anything(("hardware", "facter")),
    ),
    Rule(
        "system/boot/loader/systemd-boot/systemd-boot.nix",
        Wrong(
            "boot-partitions-in-one-place",
            "the extended boot partition cannot be mounted where the EFI system partition is",
            "mount the EFI system partition at /efi, and say so in `boot.loader.efi.efiSysMountPoint`",
        ),
        (
            has(lambda value: value == "/boot", "boot.loader.systemd-boot.xbootldrMountPoint"),
            on("boot.loader.systemd-boot.enable"),
            has(lambda value: value in (None, "/boot"), "boot.loader.efi.efiSysMountPoint"),
        ),
    ),
    *(
        Rule(
            "system/boot/loader/systemd-boot/systemd-boot.nix",
            Wrong(
                "path-not-absolute",
                f"{noun} is not mounted at a path that begins with /",
                f"write `boot.loader.{option}` as a whole path",
            ),
            (has(_is_relative, f"boot.loader.{option}"), on("boot.loader.systemd-boot.enable")),
        )
        for option, noun in (
            ("efi.efiSysMountPoint", "the EFI system partition"),
            ("systemd-boot.xbootldrMountPoint", "the extended boot partition"),
        )
    ),
    Rule(
        "system/boot/stage-1.nix",
        Wrong(
            "path-not-absolute",
            "the device to wake up from is not a path that begins with /",
            "set `boot.resumeDevice` to a name below /dev/disk",
        ),
        (has(_is_relative, "boot.resumeDevice"),),
    ),
    Rule(
        "system/boot/loader/grub/grub.nix",
        Wrong(
            "path-not-absolute",
            "GRUB's device is not a path that begins with /",
            "set `boot.loader.grub.device` to a name below /dev/disk/by-id",
        ),
        (
            has(lambda value: _is_relative(value) and value != "nodev", "boot.loader.grub.device"),
            on("boot.loader.grub.enable"),
        ),
    ),
    Rule(
        "system/boot/loader/systemd-boot/systemd-boot.nix",
        Wrong(
            "boot-entry-name",
            "systemd-boot reads no entry called {name}",
            "call it something that ends in .conf, without a /",
        ),
        (given("boot.loader.systemd-boot.extraEntries.*"), on("boot.loader.systemd-boot.enable")),
        unless=lambda said, name: name.endswith(".conf") and "/" not in name,
    ),
    Rule(
        "system/boot/loader/systemd-boot/systemd-boot.nix",
        Wrong(
            "boot-file-outside",
            "the file {name} is to lie outside the boot partition",
            "name the place on the boot partition, without a / in front and without ..",
        ),
        (given("boot.loader.systemd-boot.extraFiles.*"), on("boot.loader.systemd-boot.enable")),
        unless=lambda said, name: not name.startswith("/") and ".." not in name,
    ),
    Rule(
        "system/boot/grow-partition.nix",
        Wrong(
            "partition-grown-twice",
            "systemd-repart grows the root partition already",
            "leave out `boot.growPartition`",
        ),
        (on("boot.growPartition"), on("boot.initrd.systemd.repart.enable", "systemd.repart.enable")),
        last="24.11",
    ),
    Rule(
        "system/boot/unl0kr.nix",
        Wrong(
            "keyboard-on-splash",
            "unl0kr cannot show its keyboard while Plymouth shows its picture",
            "switch one of them off",
        ),
        (on("boot.plymouth.enable"), on("boot.initrd.unl0kr.enable")),
        last="24.11",
    ),
    Rule(
        "tasks/filesystems.nix",
        Wrong(
            "cannot-be-grown",
            "{name} is to grow by itself, which its file system cannot",
            "leave out `autoResize`: it is for ext3, ext4, btrfs and xfs, named in `fsType`",
        ),
        (
            on("fileSystems.*.autoResize"),
            has(lambda value: isinstance(value, str) and value not in _GROWING, "fileSystems.*.fsType"),
        ),
        last="24.11",
    ),
    Rule(
        "tasks/encrypted-devices.nix",
        Wrong(
            "encrypted-without-label",
            "the encrypted device of {name} has no name",
            "set `encrypted.label`, and `device` to that name below /dev/mapper",
        ),
        (on("fileSystems.*.encrypted.enable"), off("fileSystems.*.encrypted.label")),
    ),
    *(
        Rule(
            "system/boot/systemd/initrd.nix",
            Wrong(
                "initrd-commands-with-systemd",
                f"systemd in the initial RAM disk does not run `boot.initrd.{name}`",
                "make a unit of it, in `boot.initrd.systemd.services`",
            ),
            (given(f"boot.initrd.{name}"), on("boot.initrd.systemd.enable")),
        )
        for name in INITRD_COMMANDS
    ),
    *(
        Rule(
            "system/boot/luksroot.nix",
            Wrong(
                "unlocking-not-with-systemd",
                f"systemd in the initial RAM disk does not know `{name}` of the encrypted disk {{name}}",
                help,
            ),
            (condition, on("boot.initrd.systemd.enable")),
        )
        for name, condition, help in (
            ("fallbackToPassword", on(f"{LUKS}.fallbackToPassword"), "leave it out: systemd always falls back"),
            (
                "preLVM",
                has(lambda value: value is False, f"{LUKS}.preLVM"),
                "leave it out: systemd finds the order by itself",
            ),
            ("preOpenCommands", given(f"{LUKS}.preOpenCommands"), "make a unit before cryptsetup-pre.target of it"),
            ("postOpenCommands", given(f"{LUKS}.postOpenCommands"), "make a unit after cryptsetup.target of it"),
        )
    ),
    Rule(
        "system/boot/initrd-ssh.nix",
        Wrong(
            "initrd-ssh-without-host-key",
            "SSH in the initial RAM disk has no host key",
            "make one on the host with `ssh-keygen`, and name its file in `boot.initrd.network.ssh.hostKeys`",
        ),
        (
            on("boot.initrd.network.ssh.enable"),
            on("boot.initrd.network.enable"),
            off("boot.initrd.network.ssh.hostKeys", "boot.initrd.network.ssh.ignoreEmptyHostKeys"),
            unset("boot.initrd.systemd.network.enable"),
        ),
    ),
    *(
        Rule(
            "tasks/filesystems/zfs.nix",
            Wrong(
                "zfs-without-host-id",
                "ZFS needs the host's number, to know whose pools it finds",
                "set `networking.hostId` to eight hexadecimal digits, such as `head -c 8 /etc/machine-id` prints",
            ),
            (condition, off("networking.hostId")),
        )
        for condition in (*ZFS, has(_is_zfs, "fileSystems.*.fsType"))
    ),
)


def encrypted_swap(said: Said) -> Iterator[Refused]:
    """`config/swap.nix`: what is encrypted anew at each start keeps neither its UUID nor its label."""
    path = ("swapDevices",)
    devices = said.value(path)
    for at, swap in enumerate(devices) if isinstance(devices, list) else ():
        device = swap.get("device") if isinstance(swap, dict) else None
        encryption = swap.get("randomEncryption") if isinstance(swap, dict) else None
        encrypted = encryption is True or (isinstance(encryption, dict) and encryption.get("enable") is True)
        if encrypted and isinstance(device, str) and re.match("/dev/disk/by-(uuid|label)/", device):
            message = f"swap on {device} is encrypted anew at each start, which erases the name it is found by"
            yield Refused(
                Wrong("encrypted-swap-by-uuid", message, "name it by /dev/disk/by-partuuid/"),
                (path,),
                inside=(at, "device"),
            )


def grub_by_default(said: Said) -> Iterator[Refused]:
    """`system/boot/loader/grub/grub.nix`: GRUB is on where neither systemd-boot nor an external loader is."""
    loader = ("boot", "loader")
    others = [(*loader, name, "enable") for name in ("systemd-boot", "external")]
    enable, grub = (*loader, "grub", "enable"), [(*loader, "grub", name) for name in _DEVICES]
    if any(map(said.anything, [enable, ("boot", "isContainer"), ("facter",), ("hardware", "facter")])):
        return
    if any(said.value(path) is not False for path in others) or any(said.value(path) not in NOTHING for path in grub):
        return
    # Where nothing at all is said of starting, there is `no-boot-loader`.
    said_of_it = [*(path for path in others if path in said.view.system), *said.view.below(*loader)]
    if said_of_it and not _made_by_disko(said, ""):
        wrong = replace(_WITHOUT_DEVICE, message="GRUB, NixOS's own choice, is not told where to install itself")
        yield Refused(wrong, (said_of_it[0],), (enable, *grub))


def devices_of_grub(said: Said) -> Iterator[Refused]:
    """`system/boot/loader/grub/grub.nix`: GRUB is installed on each disk once, unless it is for UEFI."""
    grub = ("boot", "loader", "grub")
    path, efi = (*grub, "devices"), (*grub, "efiSupport")
    devices = said.value(path)
    if said.value((*grub, "enable")) is not True or not isinstance(devices, list):
        return
    for at, device in enumerate(devices):
        if isinstance(device, str) and device != "nodev":
            if not device.startswith("/"):
                message, help = f"GRUB's device {device} is not a path that begins with /", "name it below /dev/disk"
                yield Refused(Wrong("path-not-absolute", message, help), (path,), inside=(at,))
            if device in devices[:at] and said.value(efi) is False:
                wrong = Wrong("grub-device-twice", f"GRUB is to be installed on {device} twice", "name it once")
                yield Refused(wrong, (path,), (efi,), inside=(at,))


def nothing_to_scrub(said: Said) -> Iterator[Refused]:
    """`tasks/filesystems/btrfs.nix`: what is to be scrubbed is named, or is among the file systems."""
    scrub = ("services", "btrfs", "autoScrub")
    enable, named = (*scrub, "enable"), (*scrub, "fileSystems")
    known = [said.value(path) for path in said.settings if path[0] in ("disko", "fileSystems")]
    if said.value(enable) is not True or "btrfs" in known or UNKNOWN in known or said.mentioned("btrfs", scrub):
        return
    if not said.anything(named) and said.view.may_set("btrfs") is None:
        message = "btrfs is to be scrubbed, but no file system of this host is known to be one"
        help = "leave out `services.btrfs.autoScrub`, or name what to scrub in its `fileSystems`"
        yield Refused(Wrong("nothing-to-scrub", message, help), (enable,), (("fileSystems",), named))


FUNCTIONS: tuple[Callable[[Said], Iterator[Refused]], ...] = (
    encrypted_swap,
    grub_by_default,
    devices_of_grub,
    nothing_to_scrub,
)
