"""Disks laid out by disko: a boot partition, encryption where a machine may be lost, volumes by purpose, and swap."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pantheros.module import Group, Host, Input, Layer, ModuleOptions, Settings, key

INPUTS = (Input("disko", "github:nix-community/disko", follows=("nixpkgs",), nixos=("nixosModules.disko",)),)

MAIN = "main"
"""Name of the system's disk."""

Size = Annotated[str, Field(pattern=r"^[1-9]\d*[MGT]$", description='a size such as "512M", "64G" or "2T"')]
MountPoint = Annotated[str, Field(pattern=r"^/([\w.@+-]+(/[\w.@+-]+)*)?$", description="an absolute path")]
Device = Annotated[str, Field(pattern=r"^/dev/[\w.:@+/-]+$", description="the path of a device below /dev")]
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
    password_file: Annotated[str, Field(pattern=r"^/(tmp|run)/")] | None = None
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
    filesystem: Literal["btrfs", "ext4", "xfs"] | None = None
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
    copy_on_write: bool = True
    """Set to false for databases, disk images and the like on Btrfs: files are written in place, without checksums,
    compression and snapshots."""
    mount_options: list[str] = []
    """Options of mount(8) besides those that follow from `compression`, `noatime` and `trim`."""
    needed_for_boot: bool = False
    """Mount it in the initrd already. `/`, `/nix`, `/var`, `/var/log`, `/var/lib`, `/etc` and `/usr` are in any case."""


class Options(ModuleOptions):
    device: Device | None = None
    """The system's disk, by a name that stays: `/dev/disk/by-id/...`. When the hardware report knows exactly one
    fixed disk, that is the default."""
    firmware: Literal["uefi", "bios"] = "uefi"
    """What starts the machine; as the hardware report says where there is one. `uefi` makes an EFI system partition,
    `bios` a GRUB partition and an ext4 `/boot`."""
    filesystem: Literal["btrfs", "ext4", "xfs"] = "btrfs"
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
    """When SSDs are told of free blocks; by default `continuous` on Btrfs, which gathers them, and `weekly` on others."""


def defaults(host: Host) -> Layer:
    found: Layer = {}
    if host.portable:
        found["encryption"] = {"enable": True}
    return found


def nixos(o: Options, host: Host) -> Settings:
    if o.device:
        yield f"disko.devices.disk.{key(MAIN)}.device", o.device
