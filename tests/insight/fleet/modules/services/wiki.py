"""The station's own wiki."""

from __future__ import annotations

from pantheros.module import Host, ModuleOptions, Port, Resources, SecretUse, Settings, State


class Options(ModuleOptions):
    port: int = 8090
    """Where it answers."""
    password: str | None = None
    """The secret with the editors' password."""


def nixos(o: Options, host: Host) -> Settings:
    yield "systemd.services.wiki.wantedBy", ["multi-user.target"]
    yield "systemd.services.wiki.script", f"exec sleep infinity # listens on {o.port}"


def resources(o: Options, host: Host) -> Resources:
    yield State("/var/lib/wiki")
    yield Port(o.port, "wiki", "tcp", "tailnet")
    if o.password:
        yield SecretUse(o.password, "wiki")
