"""Storage: where images and containers lie, and what holds them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pantheros.module import Finding, Findings, Group, Host, Person, Resources, Settings, State, Value
from pantheros.modules.development._containers.builds import Optimization
from pantheros.modules.filesystems import disks

_HOME = ".local/share/containers"
_SYSTEM = "/var/lib/containers"


class Storage(Group):
    path: (
        Annotated[
            str,
            Field(
                pattern=r"^(/[\w.@+-]+)+$",
                description="an absolute path without blanks, special characters or a `/` at its end",
            ),
        ]
        | None
    ) = None
    """Directory for all images and containers: root's in `storage`, those of people in a directory of their name.
    By default `/var/lib/containers`, and `~/.local/share/containers` of each person."""
    btrfs_no_cow: bool = True
    """On Btrfs, have storage where files are written in place: layers and databases in containers get faster, and
    lose Btrfs's checksums and compression."""


def settings(o: Storage, optimization: Optimization, rootless: bool, users: list[Person]) -> Settings:
    base = "virtualisation.containers.storage.settings.storage"
    driver = optimization.storage_driver
    yield f"{base}.driver", driver
    if optimization.storage_size and not rootless:
        yield f"{base}.options.{driver}.size", optimization.storage_size
    if o.path:
        yield f"{base}.graphroot", f"{o.path}/storage"
        rules: list[Value] = [f"d {o.path} 0755 root root -"]
        if rootless:
            yield f"{base}.rootless_storage_path", f"{o.path}/$USER/storage"
            rules += [f"d {o.path}/{person.name} 0700 {person.name} users -" for person in users]
        yield "systemd.tmpfiles.rules", rules


def volumes(o: Storage) -> str:
    """Where the system's Podman keeps named volumes."""
    return f"{o.path or _SYSTEM}/storage/volumes"


def resources(o: Storage, rootless: bool, users: list[Person]) -> Resources:
    in_place = not o.btrfs_no_cow
    yield State(o.path or _SYSTEM, backup=False, copy_on_write=in_place)
    for person in users if rootless and not o.path else ():
        yield State(
            _HOME,
            user=person.name,
            group="users",
            mode="0700",
            person=person.name,
            backup=False,
            copy_on_write=in_place,
        )


def findings(o: Storage, optimization: Optimization, rootless: bool, host: Host) -> Findings:
    place = disks.containing(disks.places(host), o.path or _SYSTEM)
    driver, size = optimization.storage_driver, optimization.storage_size
    if driver == "btrfs" and place and place.filesystem != "btrfs":
        yield Finding(
            "storage-driver-without-btrfs",
            f"the storage driver is btrfs, but {place.mount_point}, where the containers lie, is {place.filesystem}",
            at="optimization.storageDriver",
            help='use "overlay"',
        )
    if size and rootless:
        yield Finding(
            "quota-without-root",
            "`storageSize` limits nothing here: only root may set quotas, and containers run without root",
            severity="warning",
            at="optimization.storageSize",
            help="take it out, or set `security.rootless = false`",
        )
    elif size and driver == "overlay" and place and place.filesystem != "xfs":
        yield Finding(
            "quota-without-xfs",
            "the overlay driver can limit what containers write on XFS alone, and "
            f"{place.mount_point} is {place.filesystem}: Podman would not start",
            at="optimization.storageSize",
            help='take `storageSize` out, or have XFS (mounted with "pquota") or Btrfs with its driver',
        )
