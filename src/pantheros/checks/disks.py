"""Disks: partitions that do not fit, a boot partition that is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pantheros.checks.view import HostView, Place, winning
from pantheros.findings import Finding
from pantheros.module import Mount
from pantheros.nix.values import Raw, Value, join_path
from pantheros.nix.words import shown

_SIZE = re.compile(r"(\d+)([KMGTP])?(?:i?B)?\Z")
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}


def findings(view: HostView) -> Iterator[Finding]:
    """What of a host's disks cannot be."""
    yield from _sizes(view)
    yield from _names(view)
    yield from _without_device(view)
    yield from _open_disk(view)
    if view.value("boot.isContainer", False) is not False or _mounted(view, "/") or _mounted_by_others(view, "/"):
        yield from _boot_partition(view)
    elif not _layout_speaks(view):
        yield from _root(view)


_UNSTABLE = re.compile(r"/dev/(?:(?:sd|vd|xvd|hd)[a-z]+\d*|(?:nvme\d+n\d+|mmcblk\d+)(?:p\d+)?)\Z")
_NAMING = (
    ("fileSystems", "*", "device"),
    ("swapDevices",),
    ("boot", "initrd", "luks", "devices", "*", "device"),
    ("disko", "devices", "disk", "*", "device"),
)


def _names(view: HostView) -> Iterator[Finding]:
    """Disks in raw settings whose names may mean others after the next boot; of its own, a module says so itself."""
    for path, setting in view.system.items():
        if not any(len(path) == len(names) and all(map(_fits, path, names)) for names in _NAMING):
            continue
        definition = winning(setting)
        if definition.module is None:
            for inside, device in _texts(definition.bare):
                if _UNSTABLE.match(device):
                    message = f"{device} may be another disk after the next boot"
                    help = "take the name below /dev/disk/by-id, /dev/disk/by-uuid or /dev/disk/by-partuuid"
                    place = view.place(None, path, definition, inside)
                    yield view.finding("unstable-device-name", message, place, severity="warning", help=help)


def _open_disk(view: HostView) -> Iterator[Finding]:
    """A portable machine whose root is said in raw settings, and none of them says a word of encryption."""
    path = ("fileSystems", "/", "device")
    device = view.value(path)
    if not view.host.portable or not isinstance(device, str) or device.startswith("/dev/mapper/"):
        return
    if view.below("boot", "initrd", "luks", "devices") or any("luks" in path for path in view.below("disko")):
        return
    if others := _others(view, "luks"):
        view.not_verified("that the disk is encrypted", f"{others[0]} may see to it")
        return
    help = "lay the disks out with `pantherOS.filesystems.disks`, or name what is encrypted in boot.initrd.luks.devices"
    message = "whoever finds this machine can read its disk: nothing is said of LUKS"
    yield view.finding("portable-not-encrypted", message, _place(view, path), severity="warning", help=help)


_DEVICE_KNOWN = {"proc", "sysfs", "tmpfs", "ramfs", "devtmpfs", "devpts", "overlay"}
"""Kinds of file systems that are their own device (nixpkgs, `nixos/modules/tasks/filesystems.nix`)."""


def _without_device(view: HostView) -> Iterator[Finding]:
    """Raw mount points of which it is not said what to mount there."""
    for path, setting in view.system.items():
        kind = setting.value
        if len(path) != 3 or path[0] != "fileSystems" or path[2] != "fsType" or not isinstance(kind, str):
            continue
        if kind in _DEVICE_KNOWN:
            continue
        point = path[1]
        if not isinstance(setting.value, str) or view.value((*path[:2], "device")) is not None:
            continue
        if view.value((*path[:2], "label")) is not None or _laid_out(
            view, view.value((*path[:2], "mountPoint"), point)
        ):
            continue
        option = join_path((*path[:2], "device"))
        if others := _others(view):
            view.not_verified(f"`{option}`", f"{others[0]} may set it")
            continue
        message = f"it is not said what to mount at {shown(point)}"
        yield view.finding("missing-setting", message, _place(view, path), help=f"set `{option}`")


def _fits(step: str, name: str) -> bool:
    return name in ("*", step)


def _texts(value: Value) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The device in a value: the value itself, or of a list of swap devices each one's."""
    if isinstance(value, str):
        yield (), value
    for index, each in enumerate(value) if isinstance(value, list) else ():
        device = each.get("device") if isinstance(each, dict) else None
        if isinstance(device, str):
            yield (index, "device"), device


def _sizes(view: HostView) -> Iterator[Finding]:
    """Partitions that come to more than the disk has, by the hardware report."""
    report = view.host.hardware
    if report is None:
        return
    for name, device in _devices(view).items():
        names = ((disk.size, (f"/dev/{disk.name}", *disk.ids, *disk.paths)) for disk in report.disks)
        size = next((size for size, known in names if device in known), None)
        if size is None:
            continue
        wanted: list[tuple[str, int]] = []
        for path, setting in view.below("disko", "devices", "disk", name, "content", "partitions").items():
            value = setting.value
            if path[-1] == "size" and len(path) == 8 and isinstance(value, str) and (found := _SIZE.match(value)):
                wanted.append((path[6], int(found[1]) * _UNITS[found[2] or ""]))
        total = sum(each for _, each in wanted)
        if total > size:
            path = ("disko", "devices", "disk", name, "device")
            parts = ", ".join(f"{part} {_gigabytes(each)}" for part, each in wanted)
            message = f"the partitions of {name} come to {_gigabytes(total)} ({parts}), the disk has {_gigabytes(size)}"
            place = _place(view, path)
            yield view.finding("partitions-beyond-disk", message, place, help="make one of them smaller")


def _devices(view: HostView) -> dict[str, str]:
    """The disks that disko lays out, by its name for them."""
    found: dict[str, str] = {}
    for path, setting in view.below("disko", "devices", "disk").items():
        if path[4:] == ("device",) and isinstance(setting.value, str):
            found[path[3]] = setting.value
    return found


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:.0f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def _place(view: HostView, path: tuple[str, ...]) -> Place:
    setting = view.system[path]
    return view.place(None, path, winning(setting))


def _layout_speaks(view: HostView) -> bool:
    """Whether `pantherOS.filesystems.disks` has been told something: then it says itself what is missing."""
    resolver = view.model.resolver
    modules = (*resolver.modules(view.host), *resolver.switched_off(view.host))
    return any(module.name == "filesystems.disks" for module in modules)


def _root(view: HostView) -> Iterator[Finding]:
    """Without a root file system nothing evaluates (nixpkgs, `nixos/modules/tasks/filesystems.nix`)."""
    message = "nothing is mounted at `/`: neither the fleet's modules nor raw settings say where the system lies"
    help = 'lay the disks out with `pantherOS.filesystems.disks`, or add fileSystems."/"'
    yield view.finding("no-root-volume", message, Place(None), help=help)


def _boot_partition(view: HostView) -> Iterator[Finding]:
    """systemd-boot puts kernels onto the EFI system partition: without one mounted, they land on the root's disk."""
    path = ("boot", "loader", "systemd-boot", "enable")
    if view.value(path) is not True:
        return
    mount_point = str(view.value("boot.loader.efi.efiSysMountPoint", "/boot"))
    if _mounted(view, mount_point) or _mounted_by_others(view, mount_point):
        return
    message = f"systemd-boot wants the EFI system partition at {shown(mount_point)}, and nothing is mounted there"
    help = f'lay the disks out with `pantherOS.filesystems.disks`, or add fileSystems."{mount_point}"'
    yield view.finding("no-boot-partition", message, _place(view, path), severity="warning", help=help)


def _mounted(view: HostView, mount_point: str) -> bool:
    """Whether something is mounted there, or may be: where only Nix knows what is."""
    return _laid_out(view, mount_point) or any(
        path[0] == "fileSystems" and (isinstance(setting.value, Raw) or path[1:2] == (mount_point,))
        for path, setting in view.system.items()
    )


def _laid_out(view: HostView, mount_point: str) -> bool:
    """Whether a module or disko mounts something there, or may."""
    return any(mount.path == mount_point for mount in view.host.resources(Mount)) or any(
        path[:2] == ("disko", "devices")
        and (isinstance(setting.value, Raw) or (path[-1] == "mountpoint" and setting.value == mount_point))
        for path, setting in view.system.items()
    )


def _mounted_by_others(view: HostView, mount_point: str) -> bool:
    """Whether something that only Nix can read may mount it, which is noted."""
    others = _others(view)
    if others:
        view.not_verified(f"that something is mounted at {mount_point}", f"{others[0]} may do so")
    return bool(others)


def _others(view: HostView, *names: str) -> list[str]:
    """What may mount something that is not known here, or set something else that is called so."""
    raw = next(filter(None, map(view.may_set, ("fileSystems", "disko", "modulesPath", *names))), None)
    return [f"the raw module {raw}"] if raw else [f"the input {name}" for name in view.foreign_inputs]
