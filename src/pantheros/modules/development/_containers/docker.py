"""What speaks Docker's language: a `docker` command, sockets, compose files, development containers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pantheros.module import Group, Settings, pkg


class Compose(Group):
    enable: bool = False
    """Have `podman compose`, to start several containers from one file."""
    provider: Literal["podman-compose", "docker-compose"] = "podman-compose"
    """What reads the file: `podman-compose` needs no socket, `docker-compose` is what the format comes from."""


class DevContainers(Group):
    enable: bool = False
    """Prepare for development containers (devcontainer.json): a `docker` command, and the engine's socket."""
    cli: bool = True
    """Install `devcontainer`, which starts them without an editor."""


USE_OWN_SOCKET = """\
if [ -z "$DOCKER_HOST" ] && [ -S "$XDG_RUNTIME_DIR/podman/podman.sock" ]; then
  export DOCKER_HOST="unix://$XDG_RUNTIME_DIR/podman/podman.sock"
  export DOCKER_SOCK="$XDG_RUNTIME_DIR/podman/podman.sock"
fi
"""
"""Each person's own socket, for what speaks Docker's protocol; k3d mounts it by DOCKER_SOCK."""


def settings(speaks_docker: bool, needs_socket: bool, rootless: bool) -> Settings:
    """`speaks_docker` asks for the command `docker`, which wants the socket too."""
    if speaks_docker:
        yield "virtualisation.podman.dockerCompat", True
    if not rootless:
        yield "environment.sessionVariables.CONTAINER_HOST", "unix:///run/podman/podman.sock"
    if speaks_docker or needs_socket:
        if rootless:
            yield "environment.extraInit", USE_OWN_SOCKET
        else:
            yield "virtualisation.podman.dockerSocket.enable", True


def packages(compose: Compose, dev_containers: DevContainers) -> Iterator[tuple[str, str]]:
    """Packages to install, each with the option that asks for it."""
    if compose.enable:
        yield compose.provider, "compose.provider"
    if dev_containers.enable and dev_containers.cli:
        yield "devcontainer", "devContainers.cli"


def compose_settings(o: Compose) -> Settings:
    if o.enable:
        engine = "virtualisation.containers.containersConf.settings.engine"
        yield f"{engine}.compose_providers", [f"{pkg(o.provider)}/bin/{o.provider}"]
        yield f"{engine}.compose_warning_logs", False
