"""What every machine has: its name, time zone, language, NixOS state version, Nix itself and base packages."""

from __future__ import annotations

from pantheros.module import Host, ModuleOptions, Settings


class Options(ModuleOptions):
    enable: bool = True
    """Whether to use this module."""
    state_version: str = ""
    """The NixOS release that the machine was first installed with; never to be changed afterwards."""
    time_zone: str | None = None
    """Time zone, such as `Europe/Berlin`."""


def nixos(o: Options, host: Host) -> Settings:
    yield "networking.hostName", host.name
    yield "system.stateVersion", o.state_version or host.release.name
    if o.time_zone:
        yield "time.timeZone", o.time_zone
    yield "networking.firewall.enable", True
