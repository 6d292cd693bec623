"""Disks laid out by disko: a boot partition, encryption where a machine may be lost, volumes by purpose, and swap."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Literal

from pydantic import Field

from pantheros.module import (
    Finding,
    Findings,
    Group,
    Host,
    Input,
    Layer,
    ModuleOptions,
    Mount,
    Settings,
    State,
    Value,
    key,
    once_per_host,
    pkg,
    script,
)

INPUTS = (Input("disko", "github:nix-community/disko", follows=("nixpkgs",), nixos=("nixosModules.disko",)),)

Filesystem = Literal["btrfs", "ext4", "xfs"]

MAIN = "main"
"""Name of the system's disk."""

Size = Annotated[str, Field(pattern=r"^[1-9]\d*[MGT]$", description='a size such as "512M", "64G" or "2T"')]
MountPoint = Annotated[
    str,
    Field(
        pattern=r"^/([\w.@+-]+(/[\w.@+-]+)*)?$",
        description="an absolute path without blanks, special characters or a `/` at its end",
    ),
]
Device = Annotated[str, Field(pattern=r"^/dev/[\w.:@+/-]+$", description="the path of a device below /dev")]
InstallerPath = Annotated[str, Field(pattern=r"^/(tmp|run)/\S+$", description="a path below /tmp or /run")]
Compression = Annotated[
    str,
    Field(
        pattern=r"^(none|lzo|zlib(:[1-9])?|zstd(:([1-9]|1[0-5]))?)$",
        description='"none", "lzo", "zlib" or "zstd", the last two with a level where wanted ("zstd:1")',
    ),
]


class Encryption(Group):
    enable: bool = False
    """Encrypt everything but the boot partition with LUKS2. On by default on portable machines, which may be lost."""
    password_file: InstallerPath | None = None
    """File on the installing system that holds the passphrase, without a newline at its end; asked for when not
    given. Only read while the disk is formatted, and never part of the system: so it lies below `/tmp` or `/run`."""
    allow_discards: bool = True
    """Tell the disk which blocks are free. It keeps SSDs fast; in return, somebody who has the disk sees how much
    of it is in use."""
    bypass_workqueues: bool = False
    """Skip dm-crypt's read and write queues, which makes fast NVMe drives faster."""
    unlock: list[Literal["fido2", "tpm2"]] = []
    """Other ways than the passphrase to unlock the disks at boot, once enrolled with `systemd-cryptenroll`."""
    extra_options: list[str] = []
    """Further options of crypttab(5) for every encrypted disk, such as `token-timeout=10`."""


class Zram(Group):
    enable: bool = True
    """Swap into compressed memory: it helps every machine, and writes nothing to disk."""
    percent: Annotated[int, Field(ge=1, le=200)] = 50
    """How much may be swapped at most, in percent of the memory."""


class Swap(Group):
    kind: Literal["none", "file", "partition"] = "none"
    """Swap on disk: a file (on Btrfs in a subvolume of its own), a partition (encrypted where the disk is), or none."""
    size: Size | None = None
    """Size of the swap on disk; to hibernate, at least that of the memory."""
    hibernate: bool = False
    """Resume from the swap on disk. A partition needs nothing else, a file needs `resumeOffset`."""
    resume_offset: Annotated[int, Field(ge=1)] | None = None
    """Where the swap file lies in its file system, in pages: what `btrfs inspect-internal map-swapfile -r
    /.swap/swapfile` prints once the machine is installed (on ext4 and xfs, the first number of `filefrag -v`)."""
    zram: Zram = Zram()
    """Swap in compressed memory, used before swap on disk."""


class Disk(Group):
    device: Device
    """The disk, by a name that stays: `/dev/disk/by-id/...`."""
    role: Literal["data", "pool"] = "data"
    """`data`: a file system of its own, for the volumes that name this disk. `pool`: joined with the system's disk
    into one Btrfs file system."""
    encrypt: bool | None = None
    """Encrypt this disk; as `encryption.enable` says when not given."""
    mount_point: MountPoint | None = None
    """Where the disk is mounted when no volume names it; by default `/` and its name (`/data` for `data`)."""
    filesystem: Filesystem | None = None
    """File system of a `data` disk; that of the system when not given."""


class Pool(Group):
    data: Literal["single", "raid0", "raid1", "raid10"] = "single"
    """How data lies on pooled disks: `single` adds up their sizes, `raid1` keeps each block on two of them."""
    metadata: Literal["single", "dup", "raid0", "raid1", "raid10"] = "raid1"
    """How the file system's own data lies on pooled disks."""


class Volume(Group):
    enable: bool = True
    """Whether to have this volume; set to false to do without one of the standard ones."""
    mount_point: MountPoint | None = None
    """Where it is mounted. The standard volumes have their places; every other one needs it."""
    disk: str = MAIN
    """The disk it lies on: `main` is that of `device`, others are named under `disks`."""
    size: Size | None = None
    """Size of its partition on ext4 and xfs; one volume of a disk takes what is left. Btrfs volumes share the disk,
    and have none."""
    copy_on_write: bool | None = None
    """Set to false for databases, disk images and the like on Btrfs: new files are written in place, without
    checksums and compression. When not given, as the modules ask that keep their state there."""
    mount_options: list[str] = []
    """Options of mount(8) besides those that follow from `compression`, `noatime` and `trim`."""
    needed_for_boot: bool = False
    """Mount it in the initrd already, as NixOS does with `/`, `/nix`, `/var`, `/var/log`, `/var/lib` and `/etc`."""


class Options(ModuleOptions):
    device: Device | None = None
    """The system's disk, by a name that stays: `/dev/disk/by-id/...`. When the hardware report knows exactly one
    fixed disk, that is the default."""
    firmware: Literal["uefi", "bios"] = "uefi"
    """What starts the machine; as the hardware report says where there is one. `uefi` makes an EFI system partition,
    `bios` a GRUB partition and an ext4 `/boot`."""
    filesystem: Filesystem = "btrfs"
    """File system of the system's disk. Btrfs has a subvolume for each purpose, the others one partition."""
    boot_size: Size = "1G"
    """Size of the boot partition: it holds kernel and initrd of every generation in the boot menu."""
    encryption: Encryption = Encryption()
    """Encryption of the disks."""
    volumes: dict[str, Volume] = {}
    """Volumes by name. Standard on Btrfs: `root`, `nix`, `home`, `persist` (`/persist`), `log` (`/var/log`) and
    `snapshots` (`/.snapshots`); on ext4 and xfs `root` alone. What is written here changes those or adds to them."""
    disks: dict[str, Disk] = {}
    """Disks besides the system's, by name."""
    pool: Pool = Pool()
    """How Btrfs uses several disks whose `role` is `pool`."""
    swap: Swap = Swap()
    """Swap, on disk and in memory."""
    compression: Compression = "zstd"
    """Compression of Btrfs file systems; it holds for a whole file system, not for single volumes."""
    noatime: bool = True
    """Don't write down when files were last read."""
    trim: Literal["continuous", "weekly", "off"] | None = None
    """When SSDs are told of free blocks: by default `continuous` on Btrfs, which gathers them, else `weekly`."""


def defaults(host: Host) -> Layer:
    found: Layer = {"encryption": {"enable": True}} if host.portable else {}
    if host.hardware:
        if host.hardware.firmware:
            found["firmware"] = host.hardware.firmware
        fixed = [
            disk
            for disk in host.hardware.disks
            if disk.transport != "usb" and (disk.size is None or disk.size >= _SMALLEST)
        ]
        if len(fixed) == 1:
            found["device"] = fixed[0].device
    return found


_SMALLEST = 8_000_000_000
"""Bytes; what is smaller (card readers, the eMMC of a server's management) holds no NixOS."""


# Where things come to lie -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A volume as it comes to lie on a disk."""

    name: str
    mount_point: str
    disk: str
    filesystem: Filesystem
    device: str
    """What is mounted: `/dev/mapper/crypted`, `/dev/disk/by-partlabel/disk-main-system`."""
    options: tuple[str, ...]
    size: str | None = None
    copy_on_write: bool = True
    needed_for_boot: bool = False
    state: State | None = None
    """What a module keeps here, when it is for that alone that there is a volume."""

    @property
    def subvolume(self) -> str | None:
        """Its name in the file system, on Btrfs."""
        return self.name if self.filesystem == "btrfs" else None

    @property
    def in_initrd(self) -> bool:
        """Whether it is mounted before the system proper starts."""
        return self.needed_for_boot or self.mount_point in _EARLY


_EARLY = frozenset({"/", "/nix", "/nix/store", "/var", "/var/log", "/var/lib", "/var/lib/nixos", "/etc", "/usr"})
"""What NixOS mounts in the initrd in any case (`pathsNeededForBoot` in nixos/lib/utils.nix)."""

_MOUNT_POINTS = {
    "root": "/",
    "nix": "/nix",
    "home": "/home",
    "persist": "/persist",
    "log": "/var/log",
    "snapshots": "/.snapshots",
}
_PLAIN = Volume()
_STANDARD: dict[Filesystem, tuple[str, ...]] = {"btrfs": tuple(_MOUNT_POINTS), "ext4": ("root",), "xfs": ("root",)}


@once_per_host
def places(host: Host) -> tuple[Place, ...]:
    """A host's volumes: the standard ones, those of its files, and one for each state that wants no copy-on-write."""
    o = host[Options]
    if not o.enable:
        return ()
    volumes = dict.fromkeys(_STANDARD[o.filesystem], _PLAIN) | o.volumes
    named = {volume.disk for volume in volumes.values() if volume.enable}
    for name, disk in o.disks.items():
        if disk.role == "data" and name not in named:
            mount_point = disk.mount_point or "/" + re.sub(r"[^\w.-]", "-", name)
            volumes[_free(name, volumes)] = Volume(disk=name, mountPoint=mount_point)
    found = [
        _place(o, name, volume.mount_point or _MOUNT_POINTS.get(name, ""), volume)
        for name, volume in volumes.items()
        if volume.enable and (volume.disk == MAIN or _is_data(o, volume.disk))
    ]
    return tuple(_with_states([place for place in found if place.mount_point], host, o))


def _place(o: Options, name: str, mount_point: str, volume: Volume) -> Place:
    filesystem = _filesystem(o, volume.disk)
    return Place(
        name,
        mount_point,
        volume.disk,
        filesystem,
        _device(o, volume.disk, name),
        (*_mount_options(o, filesystem), *volume.mount_options),
        volume.size,
        volume.copy_on_write is not False,
        volume.needed_for_boot,
    )


def _with_states(found: list[Place], host: Host, o: Options) -> Iterator[Place]:
    """The volumes, and new ones for state that wants no copy-on-write, next to the volume that it would lie on."""
    states = {s.path: s for s in host.resources(State) if not s.copy_on_write and s.person is None}
    by_mount_point = {place.mount_point: place for place in found}
    for place in found:
        state = states.get(place.mount_point)
        given = o.volumes.get(place.name, _PLAIN).copy_on_write
        yield replace(place, copy_on_write=False) if state and given is None else place
    for path, state in sorted(states.items()):
        under = containing(found, path)
        inside = any(other != path and _below(path, other) for other in states)
        if under and under.filesystem == "btrfs" and under.copy_on_write and not inside and path not in by_mount_point:
            yield replace(
                under,
                name=path.strip("/").replace("/", "-"),
                mount_point=path,
                copy_on_write=False,
                needed_for_boot=False,
                state=state,
            )


def containing(found: tuple[Place, ...] | list[Place], path: str) -> Place | None:
    """The volume that a path lies on."""
    above = [place for place in found if _below(path, place.mount_point)]
    return max(above, key=lambda place: len(place.mount_point), default=None)


def _below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _free(name: str, taken: dict[str, Volume]) -> str:
    return name if name not in taken else f"{name}-disk"


def _is_data(o: Options, disk: str) -> bool:
    return disk in o.disks and o.disks[disk].role == "data"


def _filesystem(o: Options, disk: str) -> Filesystem:
    return (o.disks[disk].filesystem if disk in o.disks else None) or o.filesystem


def _encrypted(o: Options, disk: str) -> bool:
    own = o.disks[disk].encrypt if disk in o.disks else None
    return o.encryption.enable if own is None else own


def _pool(o: Options) -> list[str]:
    """The disks of the system's file system, in disko's order. The last has the file system: by then all are there."""
    return sorted([MAIN, *(name for name, disk in o.disks.items() if disk.role == "pool")])


def _device(o: Options, disk: str, volume: str) -> str:
    """The device that a volume is mounted from."""
    if _filesystem(o, disk) != "btrfs":
        return _opened(o, disk, volume)
    return _opened(o, _pool(o)[-1] if disk == MAIN else disk, _BTRFS)


_BTRFS = "system"
"""Name of the partition that a Btrfs file system fills."""


def _opened(o: Options, disk: str, partition: str) -> str:
    if _encrypted(o, disk):
        return f"/dev/mapper/{_luks_name(disk, partition)}"
    return f"/dev/disk/by-partlabel/disk-{disk}-{partition}"


def _luks_name(disk: str, partition: str) -> str:
    own = "" if partition in (_BTRFS, "root") else partition
    return "-".join(part for part in ("crypted", "" if disk == MAIN else disk, own) if part)


def _mount_options(o: Options, filesystem: Filesystem) -> list[str]:
    options = ["noatime"] if o.noatime else []
    if filesystem == "btrfs":
        compress = [] if o.compression == "none" else [f"compress={o.compression}"]
        return [*compress, *options, "discard=async" if _trim(o, filesystem) == "continuous" else "nodiscard"]
    return [*options, *(["discard"] if _trim(o, filesystem) == "continuous" else [])]


def _trim(o: Options, filesystem: Filesystem) -> Literal["continuous", "weekly", "off"]:
    return o.trim or ("continuous" if filesystem == "btrfs" else "weekly")


# Settings -----------------------------------------------------------------------------------------------------


def nixos(o: Options, host: Host) -> Settings:
    found = places(host)
    if o.device:
        yield f"disko.devices.disk.{MAIN}", _disk(o, MAIN, o.device, found)
    for name, disk in o.disks.items():
        yield f"disko.devices.disk.{key(name)}", _disk(o, name, disk.device, found)
    for place in found:
        if place.needed_for_boot:
            yield f"fileSystems.{key(place.mount_point)}.neededForBoot", True
    if o.encryption.enable and (o.encryption.unlock or o.encryption.extra_options):
        # crypttab is systemd's: the scripted initrd does not read it
        yield "boot.initrd.systemd.enable", True
    yield "services.fstrim.enable", o.trim != "off"
    yield from _swap(o, found)
    yield from _volumes_made(found)
    yield from _home_attributes(host, found)


def _disk(o: Options, disk: str, device: str, found: tuple[Place, ...]) -> dict[str, Value]:
    partitions: dict[str, Value] = {}
    if disk == MAIN:
        partitions |= _boot(o)
        if o.swap.kind == "partition":
            partitions["swap"] = {"size": o.swap.size or "", "content": _swap_partition(o)}
    here = [place for place in found if place.disk == disk]
    if _filesystem(o, disk) == "btrfs":
        content = _btrfs(o, disk, here if disk not in _pool(o) else [p for p in found if p.disk == MAIN])
        partition: dict[str, Value] = {"size": "100%"}
        sealed = _sealed(o, disk, _BTRFS, content)
        partitions[_BTRFS] = partition | ({"content": sealed} if sealed else {})
    else:
        for place in here:
            content = {
                "type": "filesystem",
                "format": place.filesystem,
                "mountpoint": place.mount_point,
                "mountOptions": [*place.options] or ["defaults"],
            }
            partitions[place.name] = {
                "size": place.size or "100%",
                "content": _sealed(o, disk, place.name, content),
            }
    return {"type": "disk", "device": device, "content": {"type": "gpt", "partitions": partitions}}


def _boot(o: Options) -> dict[str, Value]:
    if o.firmware == "uefi":
        content: dict[str, Value] = {
            "type": "filesystem",
            "format": "vfat",
            "mountpoint": "/boot",
            "mountOptions": ["umask=0077"],
        }
        return {"ESP": {"size": o.boot_size, "type": "EF00", "content": content}}
    # GRUB reads kernels from here: never from a file system that is encrypted, or emptied at boot
    content = {"type": "filesystem", "format": "ext4", "mountpoint": "/boot"}
    return {"bios": {"size": "1M", "type": "EF02"}, "boot": {"size": o.boot_size, "content": content}}


def _sealed(o: Options, disk: str, partition: str, content: dict[str, Value]) -> dict[str, Value]:
    """A partition's content, within LUKS where the disk is encrypted."""
    if not _encrypted(o, disk):
        return content
    e = o.encryption
    settings: dict[str, Value] = {}
    if e.allow_discards and o.trim != "off":
        settings["allowDiscards"] = True
    if e.bypass_workqueues:
        settings["bypassWorkqueues"] = True
    options = [*(f"{way}-device=auto" for way in e.unlock), *e.extra_options]
    if options:
        settings["crypttabExtraOpts"] = list(options)
    luks: dict[str, Value] = {"type": "luks", "name": _luks_name(disk, partition)}
    if e.password_file:
        luks["passwordFile"] = e.password_file
    if settings:
        luks["settings"] = settings
    return luks | ({"content": content} if content else {})


def _btrfs(o: Options, disk: str, here: list[Place]) -> dict[str, Value]:
    """The Btrfs file system of a disk; nothing on the disks of a pool but the last."""
    pool = _pool(o)
    arguments = ["-f"]
    if disk in pool and len(pool) > 1:
        if disk != pool[-1]:
            return {}
        arguments += [f"-d {o.pool.data}", f"-m {o.pool.metadata}", *(_opened(o, d, _BTRFS) for d in pool[:-1])]
    subvolumes: dict[str, Value] = {
        place.name: {"mountpoint": place.mount_point, "mountOptions": [*place.options]} for place in here
    }
    if disk == pool[-1] and o.swap.kind == "file" and o.filesystem == "btrfs":
        subvolumes["swap"] = {
            "mountpoint": "/.swap",
            "mountOptions": [*_mount_options(o, "btrfs")],
            "swap": {"swapfile": {"size": o.swap.size or ""}},
        }
    return {"type": "btrfs", "extraArgs": list(arguments), "subvolumes": subvolumes}


# Swap ---------------------------------------------------------------------------------------------------------


def _swap(o: Options, found: tuple[Place, ...]) -> Settings:
    if o.swap.zram.enable:
        yield "zramSwap.enable", True
        yield "zramSwap.memoryPercent", o.swap.zram.percent
    if o.swap.kind != "file":
        return
    holder = _swap_holder(o, found)
    if o.filesystem != "btrfs" and holder and o.swap.size:
        path = holder.mount_point.rstrip("/") + "/swapfile"
        yield "swapDevices", [{"device": path, "size": _mebibytes(o.swap.size)}]
    if o.swap.hibernate and o.swap.resume_offset and holder:
        yield "boot.resumeDevice", holder.device
        yield "boot.kernelParams", [f"resume_offset={o.swap.resume_offset}"]


def _swap_holder(o: Options, found: tuple[Place, ...]) -> Place | None:
    """The volume whose file system a swap file lies on: not a root that may be emptied, where there is another."""
    order = ("root", "nix") if o.filesystem == "btrfs" else ("persist", "nix", "root")
    by_name = {place.name: place for place in found if place.disk == MAIN}
    return next((by_name[name] for name in order if name in by_name), None)


def _swap_partition(o: Options) -> dict[str, Value]:
    swap: dict[str, Value] = {"type": "swap"}
    if o.swap.hibernate:
        return _sealed(o, MAIN, "swap", swap | {"resumeDevice": True})
    # nothing in it is needed after a boot, so its key may be a new one each time
    return swap | ({"randomEncryption": True} if o.encryption.enable else {})


def _mebibytes(size: str) -> int:
    return int(size[:-1]) * {"M": 1, "G": 1024, "T": 1024 * 1024}[size[-1]]


# Subvolumes that an installed machine lacks, and files without copy-on-write ----------------------------------


def _volumes_made(found: tuple[Place, ...]) -> Settings:
    """disko makes subvolumes when it formats; those declared later are made before they are mounted."""
    by_disk: dict[str, list[Place]] = {}
    for place in found:
        standard = _MOUNT_POINTS.get(place.name) == place.mount_point
        if place.subvolume and (not place.copy_on_write or not (standard or place.in_initrd)):
            by_disk.setdefault(place.disk, []).append(place)
    for disk, wanted in by_disk.items():
        device = unit_name(wanted[0].device, "device")
        mounts: list[Value] = [unit_name(place.mount_point, "mount") for place in wanted if not place.in_initrd]
        names = " ".join(place.name + ("" if place.copy_on_write else "=no-cow") for place in wanted)
        make = script(__file__, "_disks/scripts/make-volumes")
        yield (
            f"systemd.services.{key(f'volumes-{disk}')}",
            {
                "description": f"Btrfs volumes of the disk {disk}",
                "unitConfig": {"DefaultDependencies": False},
                "requires": [device],
                "after": [device],
                "requiredBy": mounts,
                "before": [*mounts, "shutdown.target"],
                "conflicts": ["shutdown.target"],
                "path": [pkg("btrfs-progs"), pkg("e2fsprogs"), pkg("util-linux")],
                "serviceConfig": {
                    "Type": "oneshot",
                    "RemainAfterExit": True,
                    "ExecStart": f"{pkg('bash')}/bin/bash {make} {wanted[0].device} {names}",
                },
            },
        )
    for place in found:
        state = place.state
        if state and (state.user, state.group, state.mode) != ("root", "root", "0755"):
            owner: Value = {"user": state.user, "group": state.group, "mode": state.mode}
            yield f"systemd.tmpfiles.settings.volumes.{key(place.mount_point)}.d", owner


def _home_attributes(host: Host, found: tuple[Place, ...]) -> Settings:
    """State in people's homes that wants no copy-on-write: directories, that systemd-tmpfiles sees to."""
    homes = {person.name: person.home for person in host.people}
    for state in host.resources(State):
        if state.copy_on_write or state.kind != "directory" or state.person not in homes:
            continue
        home = homes[state.person]
        path = f"{home}/{state.path.strip('/')}"
        under = containing(found, path)
        if under is None or under.filesystem != "btrfs":
            continue
        steps = path.removeprefix(home).strip("/").split("/")
        # a colon: only for what is made, never for what is there
        owner: dict[str, Value] = {"user": f":{state.person}", "group": ":users", "mode": ":0755"}
        for depth in range(1, len(steps) + 1):
            step = "/".join((home, *steps[:depth]))
            yield f"systemd.tmpfiles.settings.volumes.{key(step)}.d", owner
        yield f"systemd.tmpfiles.settings.volumes.{key(path)}.h", {"argument": "+C"}


@cache
def unit_name(path: str, kind: str) -> str:
    """The systemd unit of a path, as `systemd-escape --path` names it."""
    bare = re.sub(r"/+", "/", path).strip("/")
    if not bare:
        return f"-.{kind}"
    escaped = "".join(
        "-" if c == "/" else c if re.match(r"[A-Za-z0-9:_.]", c) else "".join(f"\\x{b:02x}" for b in c.encode())
        for c in bare
    )
    return ("\\x2e" + escaped[1:] if escaped.startswith(".") else escaped) + f".{kind}"


# Findings -----------------------------------------------------------------------------------------------------


def without(o: Options, host: Host) -> Findings:
    if not any(map(host.may_set, (f"fileSystems.{key('/')}", "boot.isContainer"))):
        yield Finding(
            "no-root-volume",
            "nothing is mounted at `/`: the disks are laid out neither here nor by raw settings",
            at="enable",
            help='leave it enabled, or say under `nixos.fileSystems."/"` what the root is',
        )


def findings(o: Options, host: Host) -> Findings:
    yield from _about_devices(o, host)
    yield from _about_volumes(o, host)
    yield from _about_pool(o)
    yield from _about_swap(o, host)
    yield from _about_encryption(o, host)
    if host.hardware and host.hardware.firmware and host.hardware.firmware != o.firmware:
        yield Finding(
            "firmware-at-odds",
            f"the hardware report says that the machine starts by {host.hardware.firmware.upper()}, "
            f"`firmware` says {o.firmware.upper()}",
            severity="warning",
            at="firmware",
            help="leave `firmware` out, or make the report again after changing the firmware's settings",
        )
    if _mebibytes(o.boot_size) < 256:
        yield Finding(
            "boot-partition-small",
            f"a boot partition of {o.boot_size} holds one or two generations at most",
            severity="warning",
            at="bootSize",
            help='take at least "512M"; "1G" is the default',
        )


def _about_devices(o: Options, host: Host) -> Findings:
    if not o.device:
        known = [disk.device for disk in host.hardware.disks] if host.hardware else []
        listed = f"; the hardware report knows {', '.join(known)}" if known else ""
        yield Finding(
            "no-disk",
            "nothing says which disk the system is to be on",
            at="device",
            help=f"set `device` to its name below /dev/disk/by-id (`ls -l /dev/disk/by-id`){listed}",
        )
    named = [("device", MAIN, o.device or ""), *((f"disks.{key(n)}.device", n, d.device) for n, d in o.disks.items())]
    for at, name, device in named:
        if not device:
            continue
        if re.match(r"/dev/(sd[a-z]+|nvme\d+n\d+|vd[a-z]+|xvd[a-z]+|hd[a-z]|mmcblk\d+)$", device):
            yield Finding(
                "unstable-device-name",
                f"{device} may be another disk after the next boot",
                severity="warning",
                at=at,
                help=_stable_name(host, device),
            )
        elif re.search(r"-part\d+$", device) or re.match(r"/dev/disk/by-(partlabel|partuuid|uuid|label)/", device):
            yield Finding(
                "device-is-a-partition",
                f"{device} is part of a disk; a layout wants a whole one",
                at=at,
                help="name the disk itself: below /dev/disk/by-id, without `-part1` at the end",
            )
        elif host.hardware and host.hardware.disks and not _reported(host, device):
            yield Finding(
                "disk-not-reported",
                f"the hardware report knows no disk {device}",
                severity="warning",
                at=at,
                help=f"it knows {', '.join(disk.device for disk in host.hardware.disks)}",
            )
        if name != MAIN and not re.match(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z", name):
            yield Finding(
                "name-not-plain",
                f"the disk's name {name!r} goes into partition labels: small letters, digits and dashes only",
                at=at.removesuffix(".device"),
                help="give it a name such as `data`",
            )
    if MAIN in o.disks:
        yield Finding(
            "disk-name-taken",
            "`main` is the system's disk, whose device is `device`",
            at="disks.main",
            help="give the other disk another name",
        )
    for device, count in Counter(device for _, _, device in named if device).items():
        if count > 1:
            at = next(at for at, _, other in reversed(named) if other == device)
            yield Finding("disk-used-twice", f"{device} is used {count} times", at=at, help="name another disk")


def _reported(host: Host, device: str) -> bool:
    assert host.hardware
    return any(device in (*d.ids, *d.paths, f"/dev/{d.name}") for d in host.hardware.disks)


def _stable_name(host: Host, device: str) -> str:
    disks = host.hardware.disks if host.hardware else ()
    better = next((disk.device for disk in disks if f"/dev/{disk.name}" == device != disk.device), "")
    return f"write {better}" if better else "name it below /dev/disk/by-id (`ls -l /dev/disk/by-id`)"


def _about_volumes(o: Options, host: Host) -> Findings:
    found = places(host)
    for name, volume in o.volumes.items():
        at = f"volumes.{key(name)}"
        if not volume.enable:
            continue
        if not re.match(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*\Z", name) or name in ("swap", "boot", "bios"):
            yield Finding(
                "name-not-plain",
                f"a volume can't be called {name!r}",
                at=at,
                help="take small letters, digits and dashes; `swap`, `boot` and `bios` are partitions already",
            )
        if not volume.mount_point and name not in _MOUNT_POINTS:
            yield Finding(
                "volume-without-mount-point",
                f"nothing says where the volume `{name}` is mounted",
                at=at,
                help=f'add `mountPoint`, such as "/srv/{name}"',
            )
        if volume.disk != MAIN and not _is_data(o, volume.disk):
            pooled = volume.disk in o.disks
            yield Finding(
                "volume-on-unknown-disk",
                f"the disk `{volume.disk}` is part of the pool, and has no volumes of its own"
                if pooled
                else f"there is no disk `{volume.disk}`",
                at=f"{at}.disk",
                help="leave `disk` out: the pool is `main`" if pooled else f"add `disks.{volume.disk}.device`",
            )
            continue
        filesystem = _filesystem(o, volume.disk)
        if volume.size and filesystem == "btrfs":
            yield Finding(
                "size-has-no-effect",
                "Btrfs volumes share their disk's space: `size` has no effect",
                severity="warning",
                at=f"{at}.size",
                help="take it out",
            )
        if volume.copy_on_write is False and filesystem != "btrfs":
            yield Finding(
                "copy-on-write-has-no-effect",
                f"{filesystem} writes in place in any case: `copyOnWrite` has no effect",
                severity="info",
                at=f"{at}.copyOnWrite",
                help="take it out",
            )
    for mount_point, count in Counter(place.mount_point for place in found).items():
        if count > 1:
            there = [place for place in found if place.mount_point == mount_point]
            whole = [place for place in there if place.disk != MAIN and place.name not in o.volumes]
            names = [f"the {'disk' if p in whole else 'volume'} `{p.disk if p in whole else p.name}`" for p in there]
            last = next((p for p in reversed(there) if p in whole or p.name in o.volumes), there[-1])
            yield Finding(
                "mounted-twice",
                f"{' and '.join(names)} are both mounted at {mount_point}",
                at=f"disks.{key(last.disk)}.mountPoint" if last in whole else f"volumes.{key(last.name)}.mountPoint",
                help="give one of them another `mountPoint`",
            )
    for disk in (MAIN, *o.disks):
        rest = [place.name for place in found if place.disk == disk and place.filesystem != "btrfs" and not place.size]
        if len(rest) > 1:
            yield Finding(
                "volumes-without-size",
                f"of a disk's partitions one can take what is left, but {', '.join(rest)} all have no `size`",
                at=f"volumes.{key(rest[-1])}" if rest[-1] in o.volumes else f"volumes.{key(rest[0])}",
                help=f'add for example `volumes.{rest[0]}.size = "64G"`',
            )
    # Only on Btrfs is a root of ours needed even where another takes its place.
    elsewhere = o.filesystem != "btrfs" and any(mount.path == "/" for mount in host.resources(Mount))
    if all(place.mount_point != "/" for place in found) and not elsewhere:
        yield Finding(
            "no-root-volume",
            "nothing is mounted at `/`",
            at="volumes.root",
            help="leave the volume `root` as it is: on Btrfs it takes no space of its own"
            if o.filesystem == "btrfs"
            else 'leave the volume `root` as it is, and give others a `size`; or have `mode = "tmpfs"` of'
            " `pantherOS.filesystems.impermanence`",
        )


def _about_pool(o: Options) -> Findings:
    pool = _pool(o)
    for name in pool:
        if name == MAIN:
            continue
        if o.filesystem != "btrfs":
            yield Finding(
                "pool-needs-btrfs",
                f"{o.filesystem} can't span several disks",
                at=f"disks.{key(name)}.role",
                help='take `filesystem = "btrfs"`, or `role = "data"`',
            )
        for option, at in ((o.disks[name].filesystem, "filesystem"), (o.disks[name].mount_point, "mountPoint")):
            if option:
                yield Finding(
                    "pooled-disk-has-none",
                    f"a disk of the pool has no `{at}` of its own",
                    at=f"disks.{key(name)}.{at}",
                    help="take it out",
                )


def _about_swap(o: Options, host: Host) -> Findings:
    swap = o.swap
    if swap.kind != "none" and not swap.size:
        yield Finding(
            "swap-without-size",
            "nothing says how large the swap is to be",
            at="swap.kind",
            help='add `swap.size = "16G"`',
        )
    if swap.kind == "none" and (swap.size or swap.hibernate or swap.resume_offset):
        option = "size" if swap.size else "hibernate" if swap.hibernate else "resumeOffset"
        yield Finding(
            "no-swap-on-disk",
            f"`swap.{option}` is set, but there is no swap on disk",
            severity="error" if swap.hibernate else "warning",
            at=f"swap.{option}",
            help='add `swap.kind = "partition"`',
        )
    if swap.kind == "file" and len(_pool(o)) > 1:
        yield Finding(
            "swap-file-on-pool",
            "a swap file can't lie on a Btrfs file system of several disks",
            at="swap.kind",
            help='take `swap.kind = "partition"`',
        )
    if swap.kind == "file" and swap.hibernate and not swap.resume_offset:
        yield Finding(
            "resume-offset-unknown",
            "the kernel does not know where in its file system the swap file lies, and can't resume from it",
            at="swap.hibernate",
            help='take `swap.kind = "partition"`; or set `swap.resumeOffset` once the machine is installed',
        )
    if swap.kind == "partition" and swap.resume_offset:
        yield Finding(
            "resume-offset-has-no-effect",
            "`swap.resumeOffset` is for swap files",
            severity="warning",
            at="swap.resumeOffset",
            help="take it out",
        )
    memory = host.hardware.memory if host.hardware else None
    if swap.hibernate and swap.size and memory and _mebibytes(swap.size) * 1024 * 1024 < memory:
        yield Finding(
            "swap-too-small-to-hibernate",
            f"{swap.size} of swap can't be sure to take {memory // 1024**3} GiB of memory",
            severity="warning",
            at="swap.size",
            help=f'take "{-(-memory // 1024**3)}G" or more',
        )


def _about_encryption(o: Options, host: Host) -> Findings:
    any_encrypted = any(_encrypted(o, disk) for disk in (MAIN, *o.disks))
    if host.portable and not o.encryption.enable:
        yield Finding(
            "portable-not-encrypted",
            "whoever finds this machine can read its disk",
            severity="warning",
            at="encryption.enable",
            help="leave `encryption.enable` out: portable machines are encrypted by default",
        )
    if not any_encrypted:
        for option, value in (("unlock", o.encryption.unlock), ("passwordFile", o.encryption.password_file)):
            if value:
                yield Finding(
                    "nothing-encrypted",
                    f"`encryption.{option}` is set, but no disk is encrypted",
                    severity="warning",
                    at=f"encryption.{option}",
                    help="add `encryption.enable = true`",
                )
    if host.kind == "server" and any_encrypted and not o.encryption.unlock:
        yield Finding(
            "asks-for-passphrase",
            "this server waits at every boot until somebody types the passphrase at its console",
            severity="info",
            at="encryption.enable",
            help='enrol its TPM and add `encryption.unlock = ["tpm2"]`, or keep its console at hand',
        )
