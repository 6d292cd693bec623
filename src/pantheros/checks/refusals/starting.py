"""Starting: boot loaders, the initial RAM disk, disks and swap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from pantheros.checks.refusals.rule import NOTHING, Refused, Rule, Said, given, has, off, on, unset
from pantheros.checks.settings import Wrong
from pantheros.nix.values import Raw


def _made_by_disko(said: Said, name: str) -> bool:
    """Whether disko names a device for GRUB, or may: it does for each partition of the type EF02."""
    raw = said.view.may_set("EF02")
    if raw is not None:
        said.view.not_verified("`boot.loader.grub.devices`", f"disko may set it, for the disks in the raw module {raw}")
    return raw is not None or any(
        path[0] == "disko" and (setting.value == "EF02" or isinstance(setting.value, Raw))
        for path, setting in said.view.system.items()
    )


def _is_zfs(value: Any) -> bool:
    return value == "zfs" or (isinstance(value, list) and "zfs" in value)


_WITHOUT_DEVICE = Wrong(
    "grub-without-device",
    "GRUB is not told where to install itself",
    'set `boot.loader.grub.device` to a disk, or on UEFI to `"nodev"` with `efiSupport = true`',
)

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
    for swap in devices if isinstance(devices, list) else ():
        device = swap.get("device") if isinstance(swap, dict) else None
        encryption = swap.get("randomEncryption") if isinstance(swap, dict) else None
        encrypted = encryption is True or (isinstance(encryption, dict) and encryption.get("enable") is True)
        if encrypted and isinstance(device, str) and re.match("/dev/disk/by-(uuid|label)/", device):
            message = f"swap on {device} is encrypted anew at each start, which erases the name it is found by"
            yield Refused(Wrong("encrypted-swap-by-uuid", message, "name it by /dev/disk/by-partuuid/"), (path,))


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


FUNCTIONS: tuple[Callable[[Said], Iterator[Refused]], ...] = (encrypted_swap, grub_by_default)
