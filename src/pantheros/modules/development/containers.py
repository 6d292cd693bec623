"""Rootless Podman for development: registries and their logins, builds, Kubernetes tools, and declared containers.

Everybody on the host runs containers as themselves. Containers under `services` belong to the machine: systemd units
that root's Podman runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pantheros.module import (
    Findings,
    Host,
    Layer,
    ModuleOptions,
    Person,
    Resources,
    SecretUse,
    Settings,
    pkg,
)
from pantheros.modules import system
from pantheros.modules.development._containers import (
    accounts,
    builds,
    command,
    docker,
    kubernetes,
    networks,
    platforms,
    ports,
    registries,
    security,
    services,
    storage,
)
from pantheros.modules.development._containers.builds import Optimization
from pantheros.modules.development._containers.docker import Compose, DevContainers
from pantheros.modules.development._containers.kubernetes import Kubernetes
from pantheros.modules.development._containers.networks import Networking
from pantheros.modules.development._containers.platforms import MultiArch
from pantheros.modules.development._containers.registries import Registries
from pantheros.modules.development._containers.security import Security
from pantheros.modules.development._containers.services import Service
from pantheros.modules.development._containers.storage import Storage
from pantheros.modules.filesystems import disks
from pantheros.modules.networking import tailscale

# Each file of `_containers/` is one subject: its options, what they become, what cannot work. Here they come together.


class Options(ModuleOptions):
    runtime: Literal["podman", "docker-compat"] = "podman"
    """`docker-compat` adds a `docker` command that Podman answers, and Docker's socket."""
    users: list[str] | None = None
    """Who may use containers; everybody on the host when not given."""
    registries: Registries = Registries()
    """Where images come from."""
    kubernetes: Kubernetes = Kubernetes()
    """Kubernetes for development."""
    compose: Compose = Compose()
    """Several containers from one file."""
    dev_containers: DevContainers = DevContainers()
    """Development environments in containers."""
    optimization: Optimization = Optimization()
    """Builds and storage."""
    networking: Networking = Networking()
    """Networks of containers."""
    storage: Storage = Storage()
    """Where images and containers lie."""
    multi_arch: MultiArch = MultiArch()
    """Images for other processors."""
    security: Security = Security()
    """What containers may do."""
    services: dict[str, Service] = {}
    """Containers that belong to the machine, by name; each is the systemd service `podman-<name>`."""


def defaults(host: Host) -> Layer:
    layout = host[disks.Options]
    found: Layer = {"multiArch": {"platforms": ["linux/arm64" if host.system == "x86_64-linux" else "linux/amd64"]}}
    if layout.enable and layout.filesystem == "btrfs":
        found["optimization"] = {"storageDriver": "btrfs"}
    return found


def nixos(o: Options, host: Host) -> Settings:
    users = accounts.users(o.users, host)
    rootless = o.security.rootless
    yield "virtualisation.podman.enable", True
    base = host[system.Options]
    if base.enable and base.state_version is not None and base.state_version < "22.05":
        # NixOS's own containers, which such machines have on by themselves, would write the same files.
        yield "boot.enableContainers", False
    yield from accounts.settings(users, rootless, o.security.user_namespace_size, host)
    yield from docker.settings(_speaks_docker(o), _needs_socket(o), rootless)
    yield from registries.settings(o.registries)
    yield from builds.settings(o.optimization)
    yield from storage.settings(o.storage, o.optimization, rootless, users)
    yield from networks.settings(o.networking, host)
    yield from security.settings(o.security, o.registries)
    names = ["podman", "docker"] if _speaks_docker(o) else ["podman"]
    yield from command.settings(o.security, o.optimization.parallel_builds, names)
    if packages := dict(_packages(o)):
        yield "environment.systemPackages", [pkg(name) for name in packages]
    yield from docker.compose_settings(o.compose)
    yield from kubernetes.settings(o.kubernetes, host)
    yield from platforms.settings(o.multi_arch, host)
    logins = registries.logins(o.registries)
    for name, service in o.services.items():
        yield from services.settings(name, service, logins, o.security, host)
    guarded = [port for service in o.services.values() for port in services.guarded_ports(service)]
    yield from ports.guard(guarded, host[tailscale.Options].interface)


def home(o: Options, host: Host, person: Person) -> Settings:
    if person.name not in (user.name for user in accounts.users(o.users, host)):
        return
    yield from registries.home(o.registries)
    if o.security.rootless:
        yield from builds.home(o.optimization.auto_prune)
    yield from kubernetes.home(o.kubernetes)


def resources(o: Options, host: Host) -> Resources:
    users = accounts.users(o.users, host)
    yield from storage.resources(o.storage, o.security.rootless, users)
    yield from builds.resources(o.optimization, o.security.rootless, users)
    for person in users:
        for login in registries.logins(person[Options].registries):
            yield SecretUse(login.secret, f"the login to {login.registry}", person=person.name, at=login.at)
    logins, volumes = registries.logins(o.registries), storage.volumes(o.storage)
    for name, service in o.services.items():
        yield from services.resources(name, service, logins, o.security, volumes)


def findings(o: Options, host: Host) -> Findings:
    of_people = [person[Options].registries for person in accounts.users(o.users, host)]
    yield from accounts.findings(o.users, host)
    yield from registries.findings(o.registries, of_people)
    yield from storage.findings(o.storage, o.optimization, o.security.rootless, host)
    yield from networks.findings(o.networking)
    yield from security.findings(o.security, o.registries)
    yield from kubernetes.findings(o.kubernetes, o.security.rootless)
    yield from platforms.findings(o.multi_arch)
    yield from services.findings(o.services)


# What several subjects go by ----------------------------------------------------------------------------------


def _speaks_docker(o: Options) -> bool:
    return o.runtime == "docker-compat" or o.dev_containers.enable


def _needs_socket(o: Options) -> bool:
    composes = o.compose.enable and o.compose.provider == "docker-compose"
    return composes or (o.kubernetes.enable and o.kubernetes.local_cluster == "k3d")


def _packages(o: Options) -> Iterator[tuple[str, str]]:
    """Programs to install, each with the option that asks for it."""
    yield from kubernetes.packages(o.kubernetes)
    yield from docker.packages(o.compose, o.dev_containers)
