"""Builds and their storage: caches, jobs, the storage driver, and regular cleaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pantheros.module import Group, Person, Resources, Settings, State

Age = Annotated[str, Field(pattern=r"^[1-9]\d*(h|d|w)$", description='an age such as "12h", "7d" or "4w"')]


class AutoPrune(Group):
    enable: bool = False
    """Remove stopped containers, unused networks and images without a name, in everybody's storage."""
    schedule: str = "weekly"
    """When, as systemd.time(7) writes it."""
    keep: Age = "7d"
    """What is younger stays."""


class Optimization(Group):
    build_cache: bool = True
    """Keep what `RUN --mount=type=cache` saves in `/var/tmp`: otherwise the system clears it away after 30 days."""
    layer_caching: bool = True
    """Build from the layers of earlier builds, also with `buildah`, which otherwise does not."""
    parallel_builds: Annotated[int, Field(ge=1, le=64)] | None = None
    """Stages of one build that run at a time, and services that a compose provider builds or starts at a time;
    Podman alone builds one after the other."""
    storage_driver: Literal["overlay", "btrfs"] = "overlay"
    """What holds images and containers; by default `btrfs` where the system's disk is Btrfs. What was stored with
    another driver is not seen any more."""
    storage_size: Annotated[str, Field(pattern=r"^[1-9]\d*[MGT]$")] | None = None
    """Most that one container may write (`20G`). It needs `security.rootless = false`, since only root may set
    quotas, and Btrfs, or XFS mounted with `pquota`."""
    auto_prune: AutoPrune = AutoPrune()
    """Regular cleaning."""


def settings(o: Optimization) -> Settings:
    yield "environment.variables.BUILDAH_LAYERS", "true" if o.layer_caching else "false"
    if o.build_cache:
        yield "systemd.tmpfiles.rules", ["x /var/tmp/buildah-cache-*"]
    if o.parallel_builds:
        yield "environment.variables.COMPOSE_PARALLEL_LIMIT", str(o.parallel_builds)
    prune = o.auto_prune
    if prune.enable:
        yield "virtualisation.podman.autoPrune.enable", True
        yield "virtualisation.podman.autoPrune.dates", prune.schedule
        yield "virtualisation.podman.autoPrune.flags", [_prune_filter(prune)]


def home(prune: AutoPrune) -> Settings:
    """The same cleaning for a person's own storage."""
    if not prune.enable:
        return
    yield (
        "systemd.user.services.podman-prune",
        {
            "Unit": {"Description": "Clean up containers and images"},
            "Service": {
                "Type": "oneshot",
                # The system's own Podman knows where the setuid programs are that rootless containers need.
                "ExecStart": f"/run/current-system/sw/bin/podman system prune --force {_prune_filter(prune)}",
            },
        },
    )
    yield (
        "systemd.user.timers.podman-prune",
        {
            "Unit": {"Description": "Clean up containers and images"},
            "Timer": {"OnCalendar": prune.schedule, "Persistent": True, "RandomizedDelaySec": "30m"},
            "Install": {"WantedBy": ["timers.target"]},
        },
    )


def resources(o: Optimization, rootless: bool, users: list[Person]) -> Resources:
    for person in users:
        if o.build_cache and rootless and person.uid is not None:
            cache = f"/var/tmp/buildah-cache-{person.uid}"
            yield State(cache, user=person.name, group="users", mode="0700", backup=False)


def _prune_filter(prune: AutoPrune) -> str:
    hours = int(prune.keep[:-1]) * {"h": 1, "d": 24, "w": 7 * 24}[prune.keep[-1]]
    return f"--filter=until={hours}h"
