"""Reading a hardware report: what nixos-facter's JSON says of a machine, in the words module authors need.

The report lists devices as `hwinfo` found them. Which kernel modules the initrd needs follows the same rules
as nixos-facter's own NixOS modules, so that a host boots alike with either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from pantheros.findings import Finding, Origin

VERSION: Final = 1
"""The version of the report's shape that we read; the only one there is so far."""

Vendor = Literal["amd", "intel", "nvidia", "other"]
Chassis = Literal["laptop", "convertible", "desktop", "server", "vm", "other"]
Firmware = Literal["uefi", "bios"]
Transport = Literal["nvme", "sata", "scsi", "usb", "virtio", "mmc", "other"]


@dataclass(frozen=True, slots=True)
class Cpu:
    """One processor (socket)."""

    vendor: Vendor
    name: str
    cores: int | None
    """Physical cores, as far as the kernel was told."""
    threads: int | None
    features: frozenset[str]
    """As in /proc/cpuinfo: `svm`, `vmx`, `avx2`."""


@dataclass(frozen=True, slots=True)
class GraphicsCard:
    vendor: Vendor
    name: str
    bus_id: str
    """As X and `hardware.nvidia.prime` want it, decimal: `PCI:1:0:0`; "" when it is not on the PCI bus."""
    driver: str
    """The kernel's driver when the report was made: `i915`, `amdgpu`, `nouveau`; "" when there was none."""


@dataclass(frozen=True, slots=True)
class Disk:
    name: str
    """The kernel's name, which may change from boot to boot: `nvme0n1`."""
    ids: tuple[str, ...]
    """Its names below /dev/disk/by-id, the most telling first: they stay with the disk."""
    paths: tuple[str, ...]
    """Its names below /dev/disk/by-path: they stay with the place where it is plugged in."""
    size: int | None
    """Bytes."""
    model: str
    transport: Transport

    @property
    def device(self) -> str:
        """The path to name it by: by-id where there is one, else by-path, else the kernel's name."""
        return next(iter((*self.ids, *self.paths)), f"/dev/{self.name}")


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface with hardware behind it."""

    name: str
    """The kernel's name when the report was made: `enp1s0`, `wlan0`."""
    kind: Literal["wired", "wireless"]
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Monitor:
    """A screen that was connected. Sizes are None where it does not tell them."""

    vendor: str
    """Three letters, as in its EDID; "" when unknown."""
    name: str
    width: int | None
    """Pixels, at its native resolution."""
    height: int | None
    width_millimetres: int | None
    height_millimetres: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a hardware report says of one machine. Lists are empty, texts "" where it says nothing."""

    system: str
    """`x86_64-linux`, `aarch64-linux`."""
    virtualisation: str
    """As `systemd-detect-virt` says: `none`, `kvm`, `qemu`, `microsoft`, `oracle`, `vmware`, `lxc`, ..."""
    firmware: Firmware | None
    """None when the report does not say: older versions of nixos-facter left it out."""
    chassis: Chassis
    vendor: str
    """Who made the machine: `LENOVO`, `Hetzner`."""
    product: str
    """The maker's name or number of the product: `83JR`, `vServer`."""
    family: str
    """The product as it is called: `Yoga 7 2-in-1 14AKP10` (SMBIOS calls it the version)."""
    board: str
    """The main board's product name."""
    cpus: tuple[Cpu, ...]
    memory: int | None
    """Bytes installed."""
    graphics: tuple[GraphicsCard, ...]
    disks: tuple[Disk, ...]
    interfaces: tuple[Interface, ...]
    monitors: tuple[Monitor, ...]
    bluetooth: bool
    wifi: bool
    touchpad: bool
    touchscreen: bool | None
    """True on convertibles; None where it can't be told, as reports list no touchscreens."""
    fingerprint: bool
    """Whether a USB device looks like a fingerprint reader; libfprint need not support it."""
    sound: bool
    camera: bool
    disk_modules: tuple[str, ...]
    """Kernel modules of disks and their controllers: without them there is no root."""
    keyboard_modules: tuple[str, ...]
    """Kernel modules of USB controllers, for a keyboard in the initrd."""
    network_modules: tuple[str, ...]
    """Kernel modules of network controllers, for an initrd that needs the network."""
    graphics_modules: tuple[str, ...]
    """Kernel modules of graphics cards; never `nouveau`, which the user may not want."""

    @property
    def virtual(self) -> bool:
        """Whether it is a virtual machine or a container."""
        return self.virtualisation != "none"

    @property
    def guest(self) -> bool:
        """Whether it is a guest of QEMU or KVM, which has virtio devices."""
        return self.virtualisation in {"qemu", "kvm", "bochs"}

    @property
    def portable(self) -> bool:
        return self.chassis in {"laptop", "convertible"}

    @property
    def microcode(self) -> Literal["amd", "intel"] | None:
        """Whose microcode updates the machine takes; None for a virtual one, which gets none."""
        vendors = set() if self.virtual else {cpu.vendor for cpu in self.cpus}
        return "intel" if "intel" in vendors else "amd" if "amd" in vendors else None

    @property
    def initrd_available(self) -> tuple[str, ...]:
        """For `boot.initrd.availableKernelModules`."""
        virtio = (
            "virtio_net",
            "virtio_pci",
            "virtio_mmio",
            "virtio_blk",
            "virtio_scsi",
            "9p",
            "9pnet_virtio",
        )
        return _sorted((*self.disk_modules, *self.keyboard_modules, *(virtio if self.guest else ())))

    @property
    def initrd_loaded(self) -> tuple[str, ...]:
        """For `boot.initrd.kernelModules`: loaded at once, so that the screen works from the start."""
        virtio = ("virtio_balloon", "virtio_console", "virtio_rng", "virtio_gpu") if self.guest else ()
        return _sorted((*virtio, *(self.graphics_modules if self.monitors else ())))

    @property
    def kernel_modules(self) -> tuple[str, ...]:
        """For `boot.kernelModules`: what a host of virtual machines needs."""
        features = frozenset[str]().union(*(cpu.features for cpu in self.cpus))
        names = {"vmx": "kvm-intel", "svm": "kvm-amd"}
        return tuple(name for feature, name in names.items() if feature in features)


def read_report(file: str, text: str) -> tuple[Report | None, list[Finding]]:
    """The report in `text`, and what is wrong with it (`hardware-report`).

    `file` is the name for findings, relative to the fleet. What can't be read as a report at all is an error
    and gives None; a value of the wrong type inside one is a warning, and is left out.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        return None, [_malformed(file, text, error)]
    except RecursionError:
        return None, [_finding("not a hardware report: its values nest too deep", Origin(file, 1, 1, 1, 1))]
    except ValueError:
        message = "not a hardware report: a number in it has thousands of digits"
        return None, [_finding(message, Origin(file, 1, 1, 1, 1))]
    whole = Origin(file, 1, 1, *_line_column(text, len(text)))
    if not isinstance(data, dict) or not {"version", "hardware"} <= data.keys():
        return None, [_finding("not a hardware report: it has no `version` and `hardware`", whole)]
    root = _Node(data)
    version = root["version"].number()
    if version != VERSION:
        place = _place(file, text, ("version",))
        shown = "without a version" if version is None else f"of version {version}"
        return None, [_finding(f"a hardware report {shown}; we read version {VERSION}", place)]
    if not isinstance(data["hardware"], dict) or not data["hardware"]:
        place = _place(file, text, ("hardware",))
        return None, [_finding("not a hardware report: `hardware` lists nothing", place)]
    report = _report(root)
    wrong = [
        Finding(
            "hardware-report",
            f"{_shown(path)} is not {wanted}, and is left out",
            "warning",
            help=_AGAIN,
            origin=_place(file, text, path),
        )
        for path, wanted in root.wrong.items()
    ]
    if not report.system:
        wrong.append(_finding("the hardware report does not name the machine's `system`", whole))
    return report, wrong


_AGAIN = "make the report again on the machine: `sudo nix run nixpkgs#nixos-facter -- -o facter.json`"


def _finding(message: str, origin: Origin) -> Finding:
    return Finding("hardware-report", message, help=_AGAIN, origin=origin)


def _malformed(file: str, text: str, error: json.JSONDecodeError) -> Finding:
    from pantheros.source import origin_at  # noqa: PLC0415  # loads tree-sitter, which a sound report needs not

    place = origin_at(file, text, error.pos)
    if not text.strip():
        return _finding("the hardware report is empty", place)
    if not text[error.pos :].strip() or error.msg.startswith("Unterminated"):
        return _finding("the hardware report is cut short", place)
    return _finding(f"not JSON: {error.msg}", place)


# The report's tree, where any value may be missing or of the wrong type -------------------------------------

_Path = tuple[str | int, ...]
_BAD = re.compile(r"[\0-\x1f\x7f\ud800-\udfff]")  # what no name of a device holds, and no Nix string should


@dataclass(slots=True)
class _Node:
    """A value of the report: what is missing reads as nothing, what is of the wrong type is noted as well."""

    value: object
    path: _Path = ()
    wrong: dict[_Path, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> _Node:
        if not isinstance(self.value, dict):
            self._not("an object")
            return _Node(None, (*self.path, name), self.wrong)
        return _Node(self.value.get(name), (*self.path, name), self.wrong)

    def __iter__(self) -> Iterator[_Node]:
        if not isinstance(self.value, list):
            self._not("a list")
            return
        for position, value in enumerate(self.value):
            if value is not None:  # a hole, as the list of processors may have
                yield _Node(value, (*self.path, position), self.wrong)

    def text(self) -> str:
        if isinstance(self.value, str) and not _BAD.search(self.value):
            return self.value.strip()
        self._not("a line of text")
        return ""

    def texts(self) -> tuple[str, ...]:
        return tuple(text for node in self if (text := node.text()))

    def number(self) -> int | None:
        """A count or a size: never negative."""
        if isinstance(self.value, int) and not isinstance(self.value, bool) and self.value >= 0:
            return self.value
        self._not("a number")
        return None

    def flag(self) -> bool | None:
        if isinstance(self.value, bool):
            return self.value
        self._not("true or false")
        return None

    def identity(self) -> int | None:
        """The number of a vendor, device or class; None for one that has only a name ("Virtio")."""
        return None if isinstance(self.value, str) else self["value"].number()

    def name(self) -> str:
        """The name of a vendor, device or class; "" for one that has only a number."""
        return self.text() if isinstance(self.value, str) else self["name"].text()

    def _not(self, wanted: str) -> None:
        if self.value is not None:
            self.wrong[self.path] = wanted


def _shown(path: _Path) -> str:
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f"`{shown.removeprefix('.')}`"


_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def _place(file: str, text: str, path: _Path) -> Origin:
    """Where the value at a path stands in the text, which is JSON."""
    start = _skip(text, 0)
    for part in path:
        start = _inside(text, start, part)
    end = _DECODER.raw_decode(text, start)[1]
    return Origin(file, *_line_column(text, start), *_line_column(text, end))


def _inside(text: str, start: int, part: str | int) -> int:
    """Where the member `part` begins in the object or list that begins at `start`; of several, the last."""
    found, position, count = start, _skip(text, start + 1), 0
    while text[position] not in "}]":
        here: str | int = count
        if isinstance(part, str):
            here, position = _DECODER.raw_decode(text, position)
            position = _skip(text, _skip(text, position) + 1)  # the colon
        if here == part:
            found = position
        position = _skip(text, _DECODER.raw_decode(text, position)[1])
        if text[position] == ",":
            position = _skip(text, position + 1)
        count += 1
    return found


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _line_column(text: str, position: int) -> tuple[int, int]:
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


# From the tree to the report --------------------------------------------------------------------------------


def _report(root: _Node) -> Report:
    hardware, smbios = root["hardware"], root["smbios"]
    virtualisation = root["virtualisation"].text() or "none"
    chassis = _chassis(hardware, smbios, virtualisation)
    interfaces = tuple(_interfaces(hardware))
    return Report(
        system=root["system"].text(),
        virtualisation=virtualisation,
        firmware=_FIRMWARE[root["uefi"]["supported"].flag()],
        chassis=chassis,
        vendor=smbios["system"]["manufacturer"].text(),
        product=smbios["system"]["product"].text(),
        family=smbios["system"]["version"].text(),
        board=smbios["board"]["product"].text(),
        cpus=tuple(map(_cpu, hardware["cpu"])),
        memory=_memory(hardware, smbios),
        graphics=tuple(map(_graphics_card, hardware["graphics_card"])),
        disks=tuple(_disks(hardware)),
        interfaces=interfaces,
        monitors=tuple(map(_monitor, hardware["monitor"])),
        bluetooth=_any(hardware["bluetooth"]),
        wifi=_any(hardware["wlan_card"]) or any(each.kind == "wireless" for each in interfaces),
        touchpad=any("touchpad" in _called(device) for device in hardware["mouse"]),
        touchscreen=True if chassis == "convertible" else None,
        fingerprint=_fingerprint(hardware),
        sound=_any(hardware["sound"]),
        camera=_any(hardware["camera"]),
        disk_modules=_modules(hardware, "firewire_controller", "disk", "storage_controller"),
        keyboard_modules=_modules(hardware, "usb_controller"),
        network_modules=_modules(hardware, "network_controller"),
        graphics_modules=tuple(name for name in _modules(hardware, "graphics_card") if name != "nouveau"),
    )


_FIRMWARE: dict[bool | None, Firmware | None] = {True: "uefi", False: "bios", None: None}

_CHASSIS: dict[int, Chassis] = {
    **dict.fromkeys((3, 4, 5, 6, 7, 13, 15, 16, 24, 35, 36), "desktop"),
    **dict.fromkeys((8, 9, 10, 14), "laptop"),
    **dict.fromkeys((17, 23, 25, 28, 29), "server"),
    **dict.fromkeys((11, 30, 31, 32), "convertible"),
}
"""SMBIOS's chassis types by number (DSP0134, 7.4.1). Their names in a report come from an older list."""

_FORM_FACTORS: dict[str, Chassis] = {"laptop": "laptop", "desktop": "desktop", "server": "server"}

_VENDORS: dict[int | str | None, Vendor] = {
    0x1002: "amd",
    0x10DE: "nvidia",
    0x8086: "intel",
    "AuthenticAMD": "amd",
    "GenuineIntel": "intel",
}


def _chassis(hardware: _Node, smbios: _Node, virtualisation: str) -> Chassis:
    kinds = [_CHASSIS.get(each["chassis_type"].identity() or 0) for each in smbios["chassis"]]
    form = _FORM_FACTORS.get(hardware["system"]["form_factor"].text(), "other")
    if virtualisation != "none":
        return "vm"
    return next((kind for kind in kinds if kind), form)


def _cpu(node: _Node) -> Cpu:
    return Cpu(
        vendor=_VENDORS.get(node["vendor_name"].text(), "other"),
        name=node["model_name"].text(),
        cores=node["cores"].number(),
        threads=node["siblings"].number(),
        features=frozenset(node["features"].texts()),
    )


def _memory(hardware: _Node, smbios: _Node) -> int | None:
    """What SMBIOS says is plugged in; else what the kernel found, which lacks what the firmware keeps."""
    plugged = sum(device["size"].number() or 0 for device in smbios["memory_device"]) * 1024
    found = sum(
        resource["range"].number() or 0
        for device in hardware["memory"]
        for resource in device["resources"]
        if resource["type"].text() == "phys_mem"
    )
    return plugged or found or None


_PCI = re.compile(r"([0-9a-f]{4,}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])\Z")


def _graphics_card(node: _Node) -> GraphicsCard:
    match = _PCI.match(node["sysfs_bus_id"].text())
    bus_id = ""
    if match:
        domain, bus, device, function = (int(part, 16) for part in match.groups())
        bus_id = f"PCI:{bus}@{domain}:{device}:{function}" if domain else f"PCI:{bus}:{device}:{function}"
    return GraphicsCard(
        vendor=_VENDORS.get(node["vendor"].identity(), "other"),
        name=node["device"].name() or node["model"].text(),
        bus_id=bus_id,
        driver=node["driver"].text(),
    )


_NO_DISK = re.compile(r"(?:zram|loop|ram|dm-|md|sr|fd|nbd)\d")


def _disks(hardware: _Node) -> Iterator[Disk]:
    for node in hardware["disk"]:
        devices = node["unix_device_names"].texts()
        kernel = next((device for device in devices if not device.startswith("/dev/disk/")), "")
        name = kernel.removeprefix("/dev/") or node["sysfs_id"].text().rpartition("/")[2].replace("!", "/")
        if not name or _NO_DISK.match(name):
            continue
        ids = [device for device in devices if device.startswith("/dev/disk/by-id/")]
        yield Disk(
            name=name,
            ids=tuple(sorted(ids, key=_telling)),
            paths=tuple(device for device in devices if device.startswith("/dev/disk/by-path/")),
            size=_bytes(node),
            model=node["model"].text(),
            transport=_transport(node, name, ids),
        )


def _telling(device: str) -> tuple[bool, int, str]:
    """The order of by-id names: model and serial before bare numbers, and the name before its variants."""
    return bool(re.search(r"/(wwn-|nvme-eui\.|nvme-nvme\.|scsi-3)", device)), len(device), device


def _bytes(node: _Node) -> int | None:
    for resource in node["resources"]:
        if resource["type"].text() == "size" and resource["unit"].text() == "sectors":
            sectors, each = resource["value_1"].number(), resource["value_2"].number()
            return sectors * each if sectors and each else None
    return None


def _transport(node: _Node, name: str, ids: list[str]) -> Transport:
    modules = node["driver_modules"].texts()
    if name.startswith("nvme"):
        return "nvme"
    if name.startswith("mmcblk"):
        return "mmc"
    if name.startswith("vd") or any(module.startswith("virtio") for module in modules):
        return "virtio"
    if node["hotplug"].text() == "usb" or "usb_storage" in modules or "uas" in modules:
        return "usb"
    if "ahci" in modules or any(device.startswith("/dev/disk/by-id/ata-") for device in ids):
        return "sata"
    return "scsi" if node["bus_type"].name() == "SCSI" else "other"


def _interfaces(hardware: _Node) -> Iterator[Interface]:
    for node in hardware["network_interface"]:
        names, kind = node["unix_device_names"].texts(), node["sub_class"].name()
        modules = node["driver_modules"].texts()
        # bridges, tunnels and the like say Ethernet too, but have no device behind them
        if names and kind in _INTERFACES and (modules or node["sysfs_device_link"].text()):
            yield Interface(names[0], "wireless" if kind == "WLAN" else "wired", modules)


_INTERFACES = {"Ethernet", "WLAN", "USB-Link", "Network Interface"}


def _monitor(node: _Node) -> Monitor:
    detail = node["detail"]
    return Monitor(
        vendor=node["vendor"].name(),
        name=detail["name"].text() or node["model"].text(),
        width=detail["width"].number() or None,
        height=detail["height"].number() or None,
        width_millimetres=detail["width_millimetres"].number() or None,
        height_millimetres=detail["height_millimetres"].number() or None,
    )


# Makers of fingerprint readers: AuthenTec, FPC, Validity, UPEK, EgisTec, Goodix, Elan, Synaptics.
_READERS = {0x08FF, 0x10A5, 0x138A, 0x147E, 0x1C7A, 0x27C6, 0x04F3, 0x06CB}


def _fingerprint(hardware: _Node) -> bool:
    """Readers speak a protocol of their maker's own, so `hwinfo` does not know them for what they are."""
    return _any(hardware["fingerprint"]) or any(
        "fingerprint" in _called(device)
        or (
            device["bus_type"].name() == "USB"
            and device["vendor"].identity() in _READERS
            and device["detail"]["interface_class"].name() == "vendor_spec"
        )
        for name in ("usb", "unknown")
        for device in hardware[name]
    )


def _called(device: _Node) -> str:
    """All that a device is called, in lower case."""
    names = (device["base_class"].name(), device["device"].name(), device["model"].text())
    return " ".join(names).lower()


def _any(devices: _Node) -> bool:
    return any(True for _ in devices)


def _modules(hardware: _Node, *kinds: str) -> tuple[str, ...]:
    return _sorted(module for kind in kinds for device in hardware[kind] for module in device["driver_modules"].texts())


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
