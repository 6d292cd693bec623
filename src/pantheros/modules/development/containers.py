"""Rootless Podman for development: registries and their logins, builds, Kubernetes tools, and declared containers.

Everybody on the host runs containers as themselves. Containers under `services` belong to the machine: systemd units
that root's Podman runs.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from pantheros.module import (
    Finding,
    Findings,
    Group,
    Host,
    Layer,
    ModuleOptions,
    PackageName,
    Person,
    Port,
    Resources,
    SecretUse,
    Settings,
    State,
    Value,
    file,
    fleet_path,
    key,
    pkg,
    raw,
    secret,
)
from pantheros.modules.filesystems import disks
from pantheros.modules.networking import tailscale
from pantheros.releases.index import Index

Location = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?(/[\w./-]*\w)?$",
        description='a registry without a scheme, such as "registry.company.com" or "registry.lan:5000"',
    ),
]
Duration = Annotated[str, Field(pattern=r"^\d+(s|m|h)$", description='a duration such as "30s" or "5m"')]
Age = Annotated[str, Field(pattern=r"^[1-9]\d*(h|d|w)$", description='an age such as "12h", "7d" or "4w"')]
Capability = Annotated[
    str, Field(pattern=r"^(ALL|(CAP_)?[A-Z]+(_[A-Z]+)*)$", description='a capability such as "NET_RAW", or "ALL"')
]
Published = Annotated[
    str,
    Field(
        pattern=r"^((\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):)?\d{1,5}(-\d{1,5})?:\d{1,5}(-\d{1,5})?(/(tcp|udp))?$",
        description='a port to publish, such as "8080:80", "5353:53/udp" or "127.0.0.1:8080:80"',
    ),
]
Volume = Annotated[
    str,
    Field(
        pattern=r"^([\w.-]+|/[^:]*):/[^:]*(:[\w,.=-]+)?$",
        description='a volume such as "data:/var/lib/data" or "/srv/web:/srv:ro"',
    ),
]

HOME_STORAGE = ".local/share/containers"
SYSTEM_STORAGE = "/var/lib/containers"
ORDINARY_IDS = 65536
"""Subordinate user ids that NixOS gives everybody."""
FIRST_SPECIAL_ID = 100_000_000
"""Where ranges of another size begin: far above those that NixOS hands out itself."""

KUBERNETES_PACKAGES = {"helm": "kubernetes-helm"}
"""Where a tool's package has another name."""

PLATFORMS = {
    "linux/386": "i686-linux",
    "linux/amd64": "x86_64-linux",
    "linux/arm/v6": "armv6l-linux",
    "linux/arm/v7": "armv7l-linux",
    "linux/arm64": "aarch64-linux",
    "linux/loong64": "loongarch64-linux",
    "linux/mips64le": "mips64el-linux",
    "linux/ppc64le": "powerpc64le-linux",
    "linux/riscv64": "riscv64-linux",
    "linux/s390x": "s390x-linux",
}
"""Nix's names of the platforms that container images are built for."""
RUN_ANYWAY = {"x86_64-linux": ("x86_64-linux", "i686-linux"), "aarch64-linux": ("aarch64-linux",)}
"""What a processor runs by itself."""

PODMAN_CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)
"""What Podman grants a container by default, by containers.conf(5)."""

PASSING_DIRECTORIES = ("/dev", "/etc", "/nix", "/proc", "/run", "/sys", "/tmp", "/var/run")
"""What lies here is made anew at every boot, or is not a container's to keep."""


class Registry(Group):
    enable: bool = False
    """Use this registry. With a username and a secret, everybody here is logged in when their session starts."""
    username: str = ""
    """Account to log in with."""
    secret: str | None = None
    """Name, under `[secrets]`, of the account's password or token."""


class CustomRegistry(Group):
    url: Location
    """Where it is, without `https://`."""
    username: str = ""
    """Account to log in with."""
    secret: str | None = None
    """Name, under `[secrets]`, of the account's password or token."""
    insecure: bool = False
    """Speak HTTP, or HTTPS with a certificate that nobody vouches for: for registries of a trusted network only."""
    mirror_of: Location | None = None
    """Ask this registry first for images of that one (`docker.io`), which is still there when it does not answer."""


class Registries(Group):
    docker_hub: Registry = Registry()
    """Docker Hub, docker.io. Once enabled, names without a registry are looked up there alone."""
    github: Registry = Registry()
    """GitHub's registry, ghcr.io."""
    custom: list[CustomRegistry] = []
    """Any other registry."""
    search_order: list[Location] | None = None
    """Where to look for names without a registry, in order. By default Docker Hub alone where that is enabled, and
    as NixOS has it (Docker Hub, then quay.io) elsewhere. With several, Podman asks which one is meant, and fails in
    scripts."""
    blocked: list[Location] = []
    """Registries that nothing is pulled from."""


class Kubernetes(Group):
    enable: bool = False
    """Install tools to work with Kubernetes clusters."""
    tools: list[PackageName] = ["kubectl", "helm", "k9s"]
    """The tools, by package name; `helm` is Helm."""
    default_namespace: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] | None = None
    """Namespace for every context of `~/.kube/config` that names none; one that names its own keeps it."""
    local_cluster: Literal["none", "kind", "k3d"] = "none"
    """A tool to run clusters in containers here, and what the system needs for it without root."""


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


class Networking(Group):
    dns: list[str] = []
    """Addresses of the name servers that containers ask; the host's when empty."""
    ipv6: bool = False
    """Give the system's containers IPv6 addresses too, private ones that leave by the host's. Containers of people
    have IPv6 whenever the host has."""
    subnet: str | None = None
    """Addresses of the default network (`10.90.0.0/16`), when Podman's 10.88.0.0/16 is in use around the host."""
    default_network: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")] = "podman"
    """Name of the network that containers join when they name none. On that of the system they know each other by
    name."""


class Storage(Group):
    path: Annotated[str, Field(pattern=r"^(/[\w.@+-]+)+$", description="an absolute path")] | None = None
    """Directory for all images and containers: root's in `storage`, those of people in a directory of their name.
    By default `/var/lib/containers`, and `~/.local/share/containers` of each person."""
    btrfs_no_cow: bool = True
    """On Btrfs, have storage where files are written in place: layers and databases in containers get faster, and
    lose Btrfs's checksums and compression."""


class MultiArch(Group):
    enable: bool = False
    """Build and run images for other processors, which QEMU emulates."""
    platforms: list[str] = []
    """The platforms: `linux/arm64`, or as Nix names them, `aarch64-linux`. By default the other one of ARM and x86,
    64 bit. That of the host itself is left out, so that hosts may share the list."""


class Security(Group):
    rootless: bool = True
    """People's containers run with their own rights. Without, everybody in `users` commands root's Podman, which
    makes them root in all but name."""
    seccomp: bool = True
    """Refuse containers the system calls that they have no business with."""
    profile: str | None = None
    """A seccomp profile (JSON) to use instead of Podman's: a file of the fleet, relative to `fleet.toml`."""
    no_new_privileges: bool = False
    """Let no program in a container gain rights: sudo and ping stop working there. It holds for `podman run` and
    `create` and for `services`, not for what asks Podman's socket, such as docker-compose."""
    drop_capabilities: list[Capability] = []
    """Capabilities that containers do without, of those that Podman grants; `ALL` for none at all."""
    user_namespace_size: Annotated[int, Field(ge=ORDINARY_IDS, le=16_777_216)] = ORDINARY_IDS
    """User ids that each person's containers have. Beyond the usual 65536, ranges go by the order of people: put new
    ones last, and run `podman system migrate` after a change."""
    scan_on_pull: bool = False
    """Scan images for known holes (Trivy) as they are pulled; one with a severe hole that has a fix is not kept.
    Images are then only pulled by `podman pull` and for `services`: `podman run` does not pull by itself."""
    signature_policy: Literal["accept", "listed"] | dict[str, Any] = "accept"
    """Which images may be pulled: `accept` any, `listed` those of the registries named here; or a policy with
    signatures, as containers-policy.json(5) has it."""


class ServiceSecret(Group):
    secret: str
    """Name under `[secrets]`."""
    mount: Annotated[str, Field(pattern=r"^/[^:]+$", description="an absolute path")] | None = None
    """Where the container finds it as a file. Without it, the secret's lines (`NAME=value`) become environment
    variables."""


class Health(Group):
    command: str | None = None
    """What to run in the container to see whether it is well."""
    interval: Duration = "30s"
    """Time between two runs."""
    timeout: Duration = "30s"
    """When a run counts as failed."""
    retries: Annotated[int, Field(ge=1, le=100)] = 3
    """Runs that must fail in a row."""
    start_period: Duration = "0s"
    """Time in which the container may still fail, since it is starting."""
    on_failure: Literal["none", "kill", "stop"] = "kill"
    """What to do with a container that is unwell; systemd starts it again after `kill` and `stop`."""


class Service(Group):
    image: Annotated[str, Field(pattern=r"^[\w./:@-]+$", description="the name of an image")]
    """The image, best with its registry and a tag: `docker.io/library/caddy:2`."""
    command: list[str] = []
    """Arguments for the image's program."""
    ports: list[Published] = []
    """Ports to publish, `host:container`."""
    exposure: Literal["public", "tailnet", "local"] = "tailnet"
    """From where its ports are reached: any network, the tailnet, or the host alone."""
    volumes: list[Volume] = []
    """What outlives the container: `name:/path` or `/directory/of/host:/path`, with `:ro` to only read it. Directories
    that are missing are made."""
    environment: dict[str, str] = {}
    """Environment variables; secrets go into `secrets`."""
    secrets: list[ServiceSecret] = []
    """Secrets it reads."""
    auto_start: bool = True
    """Start it when the machine starts."""
    health: Health = Health()
    """How to tell whether it is well."""
    depends_on: list[str] = []
    """Services that start before it; from 25.05 on, once they are healthy."""


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
    yield "virtualisation.podman.enable", True
    yield from _people(o, host)
    yield from _docker(o)
    yield from _registries(o)
    yield from _builds(o)
    yield from _storage(o, host)
    yield from _network(o, host)
    yield from _security(o)
    yield from _front(o)
    yield from _tools(o, host)
    if o.multi_arch.enable and (emulated := _emulated(o, host)):
        yield "boot.binfmt.emulatedSystems", list[Value](emulated)
        # Only static emulators, which the kernel opens beforehand, are found from inside a container.
        yield "boot.binfmt.preferStaticEmulators", True
    for name, service in o.services.items():
        yield from _service(o, host, name, service)
    if guarded := _guarded_ports(o):
        yield from _port_guard(guarded, host[tailscale.Options].interface)


def home(o: Options, host: Host, person: Person) -> Settings:
    if person.name not in (p.name for p in _users(o, host)):
        return
    for login in _logins(o):
        yield from _session_login(login)
    prune = o.optimization.auto_prune
    if prune.enable and o.security.rootless:
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
    if o.kubernetes.enable and o.kubernetes.default_namespace:
        yield from _namespace(o.kubernetes.default_namespace)


def resources(o: Options, host: Host) -> Resources:
    in_place = not o.storage.btrfs_no_cow
    yield State(o.storage.path or SYSTEM_STORAGE, mode="0755", backup=False, copy_on_write=in_place)
    for person in _users(o, host):
        options = person[Options]
        if o.security.rootless and not o.storage.path:
            yield State(
                HOME_STORAGE,
                user=person.name,
                group="users",
                mode="0700",
                person=person.name,
                backup=False,
                copy_on_write=in_place,
            )
        if o.security.rootless and o.optimization.build_cache and person.uid is not None:
            cache = f"/var/tmp/buildah-cache-{person.uid}"
            yield State(cache, user=person.name, group="users", mode="0700", backup=False)
        for login in _logins(options):
            yield SecretUse(login.secret, f"the login to {login.registry}", person=person.name, at=login.at)
    for name, service in o.services.items():
        unit = f"podman-{name}"
        found = _login_of(o, service.image)
        if found:
            reader = f"{unit}-image" if _pulled_apart(o, found) else unit
            purpose = f"the login to {found.registry}, for the container {name}"
            yield SecretUse(found.secret, purpose, service=reader, at=found.at)
        for use in service.secrets:
            at = f"services.{key(name)}.secrets"
            yield SecretUse(use.secret, f"the container {name}", service=unit, at=at)
        for source in _kept(o, service):
            yield State(source)
        for port in map(_port, service.ports):
            purpose = f"container {name}"
            last = port.last if port.last != port.first else None
            yield Port(port.first, purpose, port.protocol, "local" if port.loopback else service.exposure, last)


def findings(o: Options, host: Host) -> Findings:
    yield from _user_findings(o, host)
    yield from _registry_findings(o, host)
    yield from _storage_findings(o, host)
    yield from _security_findings(o)
    yield from _service_findings(o, host)
    yield from _package_findings(o, host)
    if o.networking.subnet and not _is_subnet(o.networking.subnet):
        yield Finding(
            "subnet-not-a-network",
            f'"{o.networking.subnet}" is not an IPv4 network',
            at="networking.subnet",
            help='write the first address and the length of the prefix, such as "10.90.0.0/16"',
        )
    for address in o.networking.dns:
        if not _is_address(address):
            yield Finding(
                "dns-not-an-address",
                f'"{address}" is not an IP address',
                at="networking.dns",
                help="name servers are given by address: there is nobody yet to ask for their names",
            )
    for platform in o.multi_arch.platforms:
        if _nix_platform(platform) is None:
            yield Finding(
                "unknown-platform",
                f'there is no platform "{platform}" to emulate',
                at="multiArch.platforms",
                help=f"known are {', '.join(PLATFORMS)}",
            )
    if o.kubernetes.local_cluster != "none" and not o.kubernetes.enable:
        yield Finding(
            "cluster-without-kubernetes",
            f"a local cluster ({o.kubernetes.local_cluster}) is asked for, but Kubernetes is not enabled",
            at="kubernetes.localCluster",
            help="set `kubernetes.enable = true`",
        )


# People -------------------------------------------------------------------------------------------------------


def _users(o: Options, host: Host) -> list[Person]:
    """Those on the host who may use containers."""
    return [person for person in host.people if o.users is None or person.name in o.users]


def _people(o: Options, host: Host) -> Settings:
    users = _users(o, host)
    for person in host.people:
        if person not in users:
            yield f"users.users.{key(person.name)}.autoSubUidGidRange", False
    for index, person in enumerate(users):
        account = f"users.users.{key(person.name)}"
        if not o.security.rootless:
            yield f"{account}.extraGroups", ["podman"]
        elif o.security.user_namespace_size == ORDINARY_IDS:
            yield f"{account}.autoSubUidGidRange", True
        else:
            size = o.security.user_namespace_size
            start = FIRST_SPECIAL_ID + index * size
            yield f"{account}.autoSubUidGidRange", False
            yield f"{account}.subUidRanges", [{"startUid": start, "count": size}]
            yield f"{account}.subGidRanges", [{"startGid": start, "count": size}]


def _user_findings(o: Options, host: Host) -> Findings:
    here = [person.name for person in host.people]
    for name in o.users or ():
        if name not in here:
            yield Finding(
                "user-not-here",
                f"{name} may use containers, but has no account on {host.name}",
                at="users",
                help=f"add {name} to `people` of the host" + (f"; there are {', '.join(here)}" if here else ""),
            )


# Docker -------------------------------------------------------------------------------------------------------

SOCKET_INIT = """\
if [ -z "$DOCKER_HOST" ] && [ -S "$XDG_RUNTIME_DIR/podman/podman.sock" ]; then
  export DOCKER_HOST="unix://$XDG_RUNTIME_DIR/podman/podman.sock"
  export DOCKER_SOCK="$XDG_RUNTIME_DIR/podman/podman.sock"
fi
"""
"""Each person's own socket, for what speaks Docker's protocol; k3d mounts it by DOCKER_SOCK."""


def _docker(o: Options) -> Settings:
    speaks_docker = o.runtime == "docker-compat" or o.dev_containers.enable
    if speaks_docker:
        yield "virtualisation.podman.dockerCompat", True
    if not o.security.rootless:
        yield "environment.sessionVariables.CONTAINER_HOST", "unix:///run/podman/podman.sock"
        if speaks_docker or _uses_socket(o):
            yield "virtualisation.podman.dockerSocket.enable", True
    elif speaks_docker or _uses_socket(o):
        yield "environment.extraInit", SOCKET_INIT


def _uses_socket(o: Options) -> bool:
    composes = o.compose.enable and o.compose.provider == "docker-compose"
    return composes or (o.kubernetes.enable and o.kubernetes.local_cluster == "k3d")


# Registries ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Login:
    """Somebody's account at a registry."""

    registry: str
    username: str
    secret: str
    insecure: bool = False
    at: str = ""
    """The option that names the secret."""


def _named_registries(o: Options) -> Iterator[tuple[str, str, Registry | CustomRegistry]]:
    """Every registry in use: its place, the option that describes it, and the description."""
    if o.registries.docker_hub.enable:
        yield "docker.io", "registries.dockerHub", o.registries.docker_hub
    if o.registries.github.enable:
        yield "ghcr.io", "registries.github", o.registries.github
    for custom in o.registries.custom:
        yield custom.url, "registries.custom", custom


def _logins(o: Options) -> list[Login]:
    return [
        Login(
            place,
            registry.username,
            registry.secret,
            getattr(registry, "insecure", False),
            f"{at}.secret" if isinstance(registry, Registry) else at,
        )
        for place, at, registry in _named_registries(o)
        if registry.username and registry.secret
    ]


def _login_of(o: Options, image: str) -> Login | None:
    """The login that an image needs: of the registries whose name it begins with, the longest."""
    first = image.partition("/")[0]
    if "/" not in image or not ("." in first or ":" in first or first == "localhost"):
        image = f"docker.io/{image}"
    matching = [login for login in _logins(o) if image.startswith(login.registry + "/")]
    return max(matching, key=lambda login: len(login.registry), default=None)


def _registries(o: Options) -> Settings:
    base = "virtualisation.containers.registries"
    if o.registries.search_order is not None:
        yield f"{base}.search", list[Value](o.registries.search_order)
    elif o.registries.docker_hub.enable:
        yield f"{base}.search", ["docker.io"]
    insecure = [registry.url for registry in o.registries.custom if registry.insecure]
    if insecure:
        yield f"{base}.insecure", list[Value](insecure)
    if o.registries.blocked:
        yield f"{base}.block", list[Value](o.registries.blocked)
    if mirrors := _mirrors_conf(o):
        # NixOS writes the old form of registries.conf, which has no mirrors; beside it the new one is read too.
        yield f"environment.etc.{key('containers/registries.conf.d/mirrors.conf')}.text", mirrors


def _mirrors_conf(o: Options) -> str:
    mirrors: dict[str, list[CustomRegistry]] = {}
    for registry in o.registries.custom:
        if registry.mirror_of:
            mirrors.setdefault(registry.mirror_of, []).append(registry)
    insecure = [registry.url for registry in o.registries.custom if registry.insecure]
    lines: list[str] = []
    for original, registries in mirrors.items():
        # What is said here of a registry stands alone: the other file's word on it no longer counts.
        lines += ["[[registry]]", f'location = "{original}"']
        lines += ["insecure = true"] if original in insecure else []
        for registry in registries:
            lines += ["", "[[registry.mirror]]", f'location = "{registry.url}"']
            lines += ["insecure = true"] if registry.insecure else []
        lines.append("")
    return "\n".join(lines)


def _session_login(login: Login) -> Settings:
    """Log a person in. The login lies in their runtime directory, so every session begins with it."""
    verify = " --tls-verify=false" if login.insecure else ""
    command = f"{pkg('skopeo')}/bin/skopeo login --username {_unit_word(login.username)} --password-stdin{verify}"
    unit = "registry-login-" + re.sub(r"[^A-Za-z0-9]+", "-", login.registry)
    path = secret(login.secret)
    yield (
        f"systemd.user.services.{key(unit)}",
        {
            "Unit": {
                "Description": f"Log in to the container registry {login.registry}",
                # The secret may come late, the network later: try for as long as the session lasts.
                "StartLimitIntervalSec": 0,
            },
            "Service": {
                "Type": "oneshot",
                "RemainAfterExit": True,
                "ExecStart": f"{command} {login.registry}",
                "StandardInput": f"file:{path}",
                "Restart": "on-failure",
                "RestartSec": 20,
            },
            "Install": {"WantedBy": ["default.target"]},
        },
    )


def _unit_word(text: str) -> str:
    """One word of a unit's command line: systemd itself expands `%`, `$` and backslashes there."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if re.fullmatch(r"[\w@%$.+-]+", escaped) else f'"{escaped}"'


def _registry_findings(o: Options, host: Host) -> Findings:
    everybody = [o, *(person[Options] for person in _users(o, host))]
    seen: set[tuple[str, str]] = set()
    for options in everybody:
        for place, at, registry in _named_registries(options):
            finding = _login_finding(place, at, registry, everybody)
            if finding and (finding.code, place) not in seen:
                seen.add((finding.code, place))
                yield finding
    blocked = o.registries.blocked
    for location in o.registries.search_order or ():
        if location in blocked:
            yield Finding(
                "registry-blocked",
                f"{location} is to be searched, but it is blocked",
                at="registries.searchOrder",
                help="take it out of `searchOrder` or of `blocked`",
            )
    for place, at, registry in _named_registries(o):
        if place in blocked:
            yield Finding(
                "registry-blocked",
                f"{place} is in use, but it is blocked",
                at=at,
                help="take it out of `registries.blocked`, or do without it",
            )
        if isinstance(registry, CustomRegistry) and registry.mirror_of in blocked:
            yield Finding(
                "registry-blocked",
                f"{place} mirrors {registry.mirror_of}, which is blocked: its mirrors are then not asked either",
                at=at,
                help=f"take {registry.mirror_of} out of `registries.blocked`",
            )


def _login_finding(
    place: str, at: str, registry: Registry | CustomRegistry, everybody: list[Options]
) -> Finding | None:
    named = at if isinstance(registry, Registry) else ""
    if registry.username and not registry.secret:
        return Finding(
            "registry-without-secret",
            f"{place} has an account to log in with ({registry.username}), but no password",
            at=f"{named}.username" if named else at,
            help="set `secret` to a name under [secrets] of fleet.toml",
        )
    if registry.secret and not registry.username:
        return Finding(
            "registry-without-username",
            f"{place} has a password to log in with, but no account",
            at=f"{named}.secret" if named else at,
            help="set `username`",
        )
    if (
        isinstance(registry, Registry)
        and not registry.secret
        and not any(place == login.registry for options in everybody for login in _logins(options))
    ):
        return Finding(
            "registry-without-login",
            f"nobody is logged in to {place}: public images can be pulled, private ones cannot, and nothing pushed",
            severity="info",
            at=f"{named}.enable",
            help="set `username`, and `secret` to a name under [secrets] of fleet.toml",
        )
    return None


# Builds -------------------------------------------------------------------------------------------------------


def _builds(o: Options) -> Settings:
    yield "environment.variables.BUILDAH_LAYERS", "true" if o.optimization.layer_caching else "false"
    if o.optimization.build_cache:
        yield "systemd.tmpfiles.rules", ["x /var/tmp/buildah-cache-*"]
    if o.optimization.parallel_builds:
        yield "environment.variables.COMPOSE_PARALLEL_LIMIT", str(o.optimization.parallel_builds)
    prune = o.optimization.auto_prune
    if prune.enable:
        yield "virtualisation.podman.autoPrune.enable", True
        yield "virtualisation.podman.autoPrune.dates", prune.schedule
        yield "virtualisation.podman.autoPrune.flags", [_prune_filter(prune)]


def _prune_filter(prune: AutoPrune) -> str:
    hours = int(prune.keep[:-1]) * {"h": 1, "d": 24, "w": 7 * 24}[prune.keep[-1]]
    return f"--filter=until={hours}h"


# Storage ------------------------------------------------------------------------------------------------------


def _storage(o: Options, host: Host) -> Settings:
    base = "virtualisation.containers.storage.settings.storage"
    driver = o.optimization.storage_driver
    yield f"{base}.driver", driver
    if o.optimization.storage_size and not o.security.rootless:
        yield f"{base}.options.{driver}.size", o.optimization.storage_size
    path = o.storage.path
    if path:
        yield f"{base}.graphroot", f"{path}/storage"
        rules: list[Value] = [f"d {path} 0755 root root -"]
        if o.security.rootless:
            yield f"{base}.rootless_storage_path", f"{path}/$USER/storage"
            rules += [f"d {path}/{person.name} 0700 {person.name} users -" for person in _users(o, host)]
        yield "systemd.tmpfiles.rules", rules


def _storage_findings(o: Options, host: Host) -> Findings:
    layout = host[disks.Options]
    driver, size = o.optimization.storage_driver, o.optimization.storage_size
    if driver == "btrfs" and layout.enable and layout.filesystem != "btrfs":
        yield Finding(
            "storage-driver-without-btrfs",
            f"the storage driver is btrfs, but the host's disk is {layout.filesystem}",
            at="optimization.storageDriver",
            help='use "overlay"',
        )
    if size and o.security.rootless:
        yield Finding(
            "quota-without-root",
            "`storageSize` limits nothing here: only root may set quotas, and containers run without root",
            severity="warning",
            at="optimization.storageSize",
            help="take it out, or set `security.rootless = false`",
        )
    elif size and driver == "overlay" and layout.enable and layout.filesystem != "xfs":
        yield Finding(
            "quota-without-xfs",
            f"the overlay driver can limit what containers write on XFS alone, and the disk is {layout.filesystem}: "
            "Podman would not start",
            at="optimization.storageSize",
            help='take `storageSize` out, or have XFS (mounted with "pquota") or Btrfs with its driver',
        )


# Networks -----------------------------------------------------------------------------------------------------


def _network(o: Options, host: Host) -> Settings:
    conf = "virtualisation.containers.containersConf.settings"
    net = o.networking
    if net.dns:
        yield f"{conf}.containers.dns_servers", list[Value](net.dns)
    if net.subnet:
        yield f"{conf}.network.default_subnet", net.subnet
    settings: dict[str, Value] = {"dns_enabled": True}
    if net.ipv6:
        settings["ipv6_enabled"] = True
    if (net.subnet or net.ipv6) and _is_subnet(net.subnet or "10.88.0.0/16"):
        subnets = [net.subnet or "10.88.0.0/16", *([_private_ipv6(host)] if net.ipv6 else [])]
        settings["subnets"] = [
            {"subnet": subnet, "gateway": str(ipaddress.ip_network(subnet)[1])} for subnet in subnets
        ]
    if net.default_network == "podman":
        yield "virtualisation.podman.defaultNetwork.settings", settings
        return
    yield f"{conf}.network.default_network", net.default_network
    definition = {
        "name": net.default_network,
        "id": hashlib.sha256(net.default_network.encode()).hexdigest(),
        "driver": "bridge",
        "network_interface": "podman0",
        "ipv6_enabled": False,
        "internal": False,
        "ipam_options": {"driver": "host-local"},
        "subnets": [{"subnet": "10.88.0.0/16", "gateway": "10.88.0.1"}],
        **settings,
    }
    etc = f"environment.etc.{key(f'containers/networks/{net.default_network}.json')}"
    yield f"{etc}.text", json.dumps(definition, indent=2) + "\n"
    # As NixOS does for the network named podman: containers ask the host for each other's names.
    yield "networking.firewall.interfaces.podman0.allowedUDPPorts", [53]


def _private_ipv6(host: Host) -> str:
    """A network of the host's own within fd00::/8 (RFC 4193), the same each time."""
    digest = hashlib.sha256(f"{host.fleet.name}/{host.name}/containers".encode()).hexdigest()
    return f"{ipaddress.ip_address(int('fd' + digest[:12] + '0' * 18, 16))}/64"


def _is_subnet(text: str) -> bool:
    try:
        return ipaddress.IPv4Network(text).prefixlen <= 30 and "/" in text
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# Security -----------------------------------------------------------------------------------------------------


def _security(o: Options) -> Settings:
    conf = "virtualisation.containers.containersConf.settings"
    security = o.security
    if not security.seccomp:
        yield f"{conf}.containers.seccomp_profile", "unconfined"
    elif security.profile:
        yield f"{conf}.containers.seccomp_profile", f"{fleet_path(security.profile)}"
    if security.drop_capabilities:
        dropped = {name if name.startswith("CAP_") else f"CAP_{name}" for name in security.drop_capabilities}
        kept = [name for name in PODMAN_CAPABILITIES if name not in dropped and "CAP_ALL" not in dropped]
        yield f"{conf}.containers.default_capabilities", list[Value](kept)
    if security.scan_on_pull:
        # Nothing gets in but by `podman pull`, which scans.
        yield f"{conf}.engine.pull_policy", "never"
    if isinstance(security.signature_policy, dict):
        yield "virtualisation.containers.policy", security.signature_policy
    elif security.signature_policy == "listed":
        yield "virtualisation.containers.policy", _listed_policy(o)


def _listed_policy(o: Options) -> dict[str, Value]:
    """Only known registries, and what is built or loaded here."""
    accept: list[Value] = [{"type": "insecureAcceptAnything"}]
    places = [place for place, _, _ in _named_registries(o)]
    places += [registry.mirror_of for registry in o.registries.custom if registry.mirror_of]
    places += o.registries.search_order or []
    local = ("containers-storage", "dir", "docker-archive", "docker-daemon", "oci", "oci-archive", "tarball")
    return {
        "default": [{"type": "reject"}],
        "transports": {
            "docker": dict.fromkeys(dict.fromkeys(places), accept),
            **{transport: {"": accept} for transport in local},
        },
    }


def _security_findings(o: Options) -> Findings:
    security = o.security
    if security.profile and not security.seccomp:
        yield Finding(
            "seccomp-off",
            "there is a seccomp profile, but seccomp is off",
            at="security.profile",
            help="take out `profile`, or set `seccomp = true`",
        )
    if not security.rootless and security.user_namespace_size != ORDINARY_IDS:
        yield Finding(
            "rootless-only",
            "`userNamespaceSize` is about containers without root, and those are off",
            severity="warning",
            at="security.userNamespaceSize",
            help="take it out, or set `rootless = true`",
        )
    if not security.rootless and o.kubernetes.enable and o.kubernetes.local_cluster != "none":
        yield Finding(
            "rootless-only",
            f"{o.kubernetes.local_cluster} runs clusters in each person's own containers, and those are off",
            at="kubernetes.localCluster",
            help="set `security.rootless = true`",
        )
    if isinstance(security.signature_policy, dict) and "default" not in security.signature_policy:
        yield Finding(
            "policy-without-default",
            "the signature policy does not say what holds for images that it does not name: Podman refuses to read it",
            at="security.signaturePolicy",
            help='add `default`, such as [ { type = "reject"; } ]',
        )
    if security.signature_policy == "listed" and not any(_named_registries(o)) and not o.registries.search_order:
        yield Finding(
            "no-registries-listed",
            "only images of listed registries may be pulled, and none is listed",
            at="security.signaturePolicy",
            help="enable `registries.dockerHub` or `registries.github`, or add to `registries.custom`",
        )


# The podman command -------------------------------------------------------------------------------------------

SCANNED_PULL = """\
#!/usr/bin/env bash
# Pull images, and keep those that have no severe hole for which there is a fix.
# Arguments: the podman to use, and those of `podman pull`.
set -euo pipefail

podman=$1
shift

known=$("$podman" images --all --quiet --no-trunc)
pulled=$("$podman" pull "$@")

directory=$(mktemp --directory --tmpdir="${TMPDIR:-/var/tmp}" scanned-pull.XXXXXX)
trap 'rm -rf "$directory"' EXIT

failed=0
while IFS= read -r image; do
  [ -n "$image" ] || continue
  "$podman" save --quiet --format=docker-archive --output="$directory/image.tar" "$image"
  if trivy image --quiet --input="$directory/image.tar" --scanners=vuln \\
    --severity=HIGH,CRITICAL --ignore-unfixed --exit-code=1 >&2; then
    printf '%s\\n' "$image"
  else
    failed=1
    if [[ $known == *"$image"* ]]; then
      echo "scanned-pull: $image fails the scan; it was here before, and stays" >&2
    else
      "$podman" rmi --force "$image" >/dev/null
      echo "scanned-pull: $image fails the scan, and was removed" >&2
    fi
  fi
  rm -f "$directory/image.tar"
done <<<"$pulled"
exit "$failed"
"""

SERVICE_IMAGE = """\
#!/usr/bin/env bash
# Have an image before its container starts: log in where that is needed, and pull it.
# Arguments: the image, and the command that pulls. REGISTRY, USERNAME and PASSWORD_FILE: the login.
set -euo pipefail

image=$1
shift

podman image exists "$image" && exit 0
if [ -n "${REGISTRY-}" ]; then
  podman login --username "$USERNAME" --password-stdin "$REGISTRY" <"$PASSWORD_FILE"
fi
exec "$@" "$image"
"""

FRONT = """\
#!/usr/bin/env bash
# podman, with what its settings cannot say. The first argument is podman itself.
set -euo pipefail

podman=$1
shift
[ $# -gt 0 ] || exec "$podman"

words=1
case "$1 ${2-}" in
  "image build" | "buildx build" | "image pull" | "container run" | "container create") words=2 ;;
esac
command=("${@:1:words}")
case "${command[-1]}" in
%s\
esac
exec "$podman" "$@"
"""

ETC = "/etc/containers"


def _front_script(o: Options) -> str | None:
    """A command in front of podman; None when podman's own settings say all."""
    rest = '"${@:words + 1}"'
    cases = []
    if o.optimization.parallel_builds:
        jobs = f"--jobs={o.optimization.parallel_builds}"
        cases.append(f'  build) exec "$podman" "${{command[@]}}" {jobs} {rest} ;;\n')
    if o.security.no_new_privileges:
        cases.append(f'  run | create) exec "$podman" "${{command[@]}}" --security-opt=no-new-privileges {rest} ;;\n')
    if o.security.scan_on_pull:
        cases.append(f'  pull) exec {ETC}/scanned-pull "$podman" {rest} ;;\n')
    return FRONT % "".join(cases) if cases else None


def _front(o: Options) -> Settings:
    script = _front_script(o)
    if o.security.scan_on_pull:
        yield (
            f"environment.etc.{key('containers/scanned-pull')}.source",
            file("scanned-pull", SCANNED_PULL, executable=True),
        )
        yield "environment.systemPackages", [pkg("trivy")]
    if script is None:
        return
    yield f"environment.etc.{key('containers/podman-front')}.source", file("podman-front", script, executable=True)
    call = f'exec {ETC}/podman-front ${{config.virtualisation.podman.package}}/bin/podman "$@"'
    names = ["podman", "docker"] if o.runtime == "docker-compat" or o.dev_containers.enable else ["podman"]
    for name in names:
        yield (
            "environment.systemPackages",
            [raw(f"lib.hiPrio (pkgs.writeShellScriptBin \"{name}\" ''{call}'')")],
        )


# Tools --------------------------------------------------------------------------------------------------------

NAMESPACE_SCRIPT = """\
#!/usr/bin/env bash
# Give every context of the kubeconfig that names no namespace the one in the first argument.
set -euo pipefail

kubectl config get-contexts --output=name | while IFS= read -r context; do
  current=$(kubectl config view --output="jsonpath={.contexts[?(@.name==\\"$context\\")].context.namespace}")
  if [ -z "$current" ]; then
    kubectl config set-context "$context" --namespace="$1"
  fi
done
"""


def _tool_packages(o: Options) -> Iterator[tuple[str, str]]:
    """Packages to install, each with the option that asks for it."""
    if o.kubernetes.enable:
        for tool in o.kubernetes.tools:
            yield KUBERNETES_PACKAGES.get(tool, tool), "kubernetes.tools"
        if o.kubernetes.local_cluster != "none":
            yield o.kubernetes.local_cluster, "kubernetes.localCluster"
    if o.compose.enable:
        yield o.compose.provider, "compose.provider"
    if o.dev_containers.enable and o.dev_containers.cli:
        yield "devcontainer", "devContainers.cli"


def _tools(o: Options, host: Host) -> Settings:
    packages = list(dict.fromkeys(name for name, _ in _tool_packages(o)))
    if packages:
        yield "environment.systemPackages", [pkg(name) for name in packages]
    if o.compose.enable:
        engine = "virtualisation.containers.containersConf.settings.engine"
        provider = o.compose.provider
        yield f"{engine}.compose_providers", [f"{pkg(provider)}/bin/{provider}"]
        yield f"{engine}.compose_warning_logs", False
    if o.kubernetes.enable and o.kubernetes.local_cluster != "none":
        # The nodes of a cluster set limits of their own, so their user needs all controllers.
        yield f"systemd.services.{key('user@')}.serviceConfig.Delegate", "cpu cpuset io memory pids"
        if o.kubernetes.local_cluster == "kind":
            yield "environment.sessionVariables.KIND_EXPERIMENTAL_PROVIDER", "podman"
        if host.release < "26.05":
            # Containers cannot load what kube-proxy needs. Later kernels need not have these; nftables loads its own.
            yield "boot.kernelModules", ["ip_tables", "iptable_nat", "ip6_tables", "ip6table_nat"]


def _namespace(namespace: str) -> Settings:
    script = file("kube-default-namespace", NAMESPACE_SCRIPT, executable=True)
    yield (
        "systemd.user.services.kube-default-namespace",
        {
            "Unit": {"Description": f"Let kubectl use the namespace {namespace} where none is given"},
            "Service": {
                "Type": "oneshot",
                "Environment": [f"PATH={pkg('kubectl')}/bin"],
                "ExecStart": f"{pkg('bash')}/bin/bash {script} {namespace}",
            },
            "Install": {"WantedBy": ["default.target"]},
        },
    )
    yield (
        "systemd.user.paths.kube-default-namespace",
        {
            "Unit": {"Description": "Watch for new Kubernetes contexts"},
            "Path": {"PathChanged": "%h/.kube/config"},
            "Install": {"WantedBy": ["default.target"]},
        },
    )


def _package_findings(o: Options, host: Host) -> Findings:
    wanted = list(_tool_packages(o))
    if o.security.scan_on_pull:
        wanted.append(("trivy", "security.scanOnPull"))
    index = Index.of(host.release)
    for name, at in dict(wanted).items():
        status = index.package(name)
        if status.kind in {"unknown", "removed"}:
            yield Finding(
                "missing-package",
                f"NixOS {host.release.name} has no package `{name}`",
                at=at,
                help=f"use `{status.to}`" if status.to else "choose another, or another release",
            )


def _nix_platform(name: str) -> str | None:
    return name if name in PLATFORMS.values() else PLATFORMS.get(name)


def _emulated(o: Options, host: Host) -> list[str]:
    native = RUN_ANYWAY.get(host.system, (host.system,))
    found = [_nix_platform(name) for name in o.multi_arch.platforms]
    return list(dict.fromkeys(name for name in found if name and name not in native))


# Declared containers ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PublishedPort:
    """What a published port comes to on the host."""

    address: str
    first: int
    last: int
    protocol: Literal["tcp", "udp"]

    @property
    def loopback(self) -> bool:
        return self.address.startswith("127.") or self.address == "[::1]"


def _port(text: str) -> PublishedPort:
    rest, _, protocol = text.partition("/")
    address, _, host_port = rest.rpartition(":")[0].rpartition(":")
    first, _, last = host_port.partition("-")
    return PublishedPort(address, int(first), int(last or first), "udp" if protocol == "udp" else "tcp")


def _service(o: Options, host: Host, name: str, service: Service) -> Settings:
    base = f"virtualisation.oci-containers.containers.{key(name)}"
    yield "virtualisation.oci-containers.backend", "podman"
    yield f"{base}.image", service.image
    if service.command:
        yield f"{base}.cmd", list[Value](service.command)
    if service.ports:
        local = service.exposure == "local"
        yield (
            f"{base}.ports",
            [f"127.0.0.1:{port}" if local and not _port(port).address else port for port in service.ports],
        )
    if service.volumes:
        yield f"{base}.volumes", list[Value](service.volumes)
    if service.environment:
        yield f"{base}.environment", dict[str, Value](service.environment)
    for use in service.secrets:
        if use.mount:
            yield f"{base}.volumes", [f"{secret(use.secret)}:{use.mount}:ro"]
        else:
            yield f"{base}.environmentFiles", [secret(use.secret)]
    if not service.auto_start:
        yield f"{base}.autoStart", False
    if service.depends_on:
        yield f"{base}.dependsOn", list[Value](service.depends_on)
    if options := [*_health_options(service.health), *_privilege_options(o)]:
        yield f"{base}.extraOptions", list[Value](options)
    if service.health.command and host.release >= "25.05":
        # Those that depend on it wait until it is well, not just until it runs.
        yield f"{base}.podman.sdnotify", "healthy"
    yield from _directories(service)
    login = _login_of(o, service.image)
    if _pulled_apart(o, login):
        yield from _image_unit(o, name, service, login)
    elif login:
        yield (
            f"{base}.login",
            {
                "registry": login.registry,
                "username": login.username,
                "passwordFile": secret(login.secret),
            },
        )
    if _guards(service):
        unit = f"systemd.services.{key(f'podman-{name}')}"
        yield f"{unit}.after", ["container-ports.service"]
        yield f"{unit}.requires", ["container-ports.service"]


def _health_options(health: Health) -> list[str]:
    if not health.command:
        return []
    return [
        f"--health-cmd={health.command}",
        f"--health-interval={health.interval}",
        f"--health-timeout={health.timeout}",
        f"--health-retries={health.retries}",
        f"--health-start-period={health.start_period}",
        f"--health-on-failure={health.on_failure}",
    ]


def _privilege_options(o: Options) -> list[str]:
    return ["--security-opt=no-new-privileges"] if o.security.no_new_privileges else []


def _pulled_apart(o: Options, login: Login | None) -> bool:
    """Whether a service's image is pulled by a unit of its own: to scan it, or to log in under a name that NixOS
    would leave unquoted in the service's script (until some release after 24.11)."""
    return o.security.scan_on_pull or (login is not None and not re.fullmatch(r"[\w@.+-]+", login.username))


def _image_unit(o: Options, name: str, service: Service, login: Login | None) -> Settings:
    """A unit that pulls a service's image before the service starts."""
    unit = f"podman-{name}-image"
    base = f"systemd.services.{key(unit)}"
    yield f"systemd.services.{key(f'podman-{name}')}.after", [f"{unit}.service"]
    yield f"systemd.services.{key(f'podman-{name}')}.requires", [f"{unit}.service"]
    yield f"{base}.description", f"Pull the image of the container {name}"
    yield f"{base}.after", ["network-online.target"]
    yield f"{base}.wants", ["network-online.target"]
    scanned = o.security.scan_on_pull
    yield f"{base}.path", [raw("config.virtualisation.podman.package"), *([pkg("trivy")] if scanned else [])]
    if login:
        yield (
            f"{base}.environment",
            {
                "REGISTRY": login.registry,
                "USERNAME": login.username.replace("%", "%%"),
                "PASSWORD_FILE": secret(login.secret),
            },
        )
    script = file("service-image", SERVICE_IMAGE, executable=True)
    pull = f"{ETC}/scanned-pull podman" if scanned else "podman pull"
    yield (
        f"{base}.serviceConfig",
        {
            "Type": "oneshot",
            "ExecStart": f"{pkg('bash')}/bin/bash {script} {service.image} {pull}",
            "TimeoutStartSec": "infinity",
        },
    )


def _directories(service: Service) -> Settings:
    """Podman, unlike Docker, wants the directories it mounts to be there."""
    rules: list[Value] = [
        f"d {source} :0755 :root :root -" for source in _host_directories(service) if " " not in source
    ]
    if rules:
        yield "systemd.tmpfiles.rules", rules


def _host_directories(service: Service) -> list[str]:
    """Directories of the host that a service writes to, and that are its own to keep."""
    found = []
    for volume in service.volumes:
        source, _, rest = volume.partition(":")
        modes = rest.partition(":")[2].split(",")
        passing = any(source == place or source.startswith(place + "/") for place in PASSING_DIRECTORIES)
        if source.startswith("/") and "ro" not in modes and not passing:
            found.append(source)
    return found


def _kept(o: Options, service: Service) -> list[str]:
    """What a service leaves on disk: directories of the host, and named volumes in Podman's storage."""
    volumes = f"{o.storage.path or SYSTEM_STORAGE}/storage/volumes"
    named = [source for source in (v.partition(":")[0] for v in service.volumes) if not source.startswith("/")]
    return [*_host_directories(service), *(f"{volumes}/{name}" for name in named)]


# Published ports ----------------------------------------------------------------------------------------------


def _guards(service: Service) -> bool:
    return service.exposure == "tailnet" and any(not _port(port).loopback for port in service.ports)


def _guarded_ports(o: Options) -> list[PublishedPort]:
    return [
        port
        for service in o.services.values()
        if service.exposure == "tailnet"
        for port in map(_port, service.ports)
        if not port.loopback
    ]


def _port_guard(ports: list[PublishedPort], tailnet: str) -> Settings:
    """Ports that Podman forwards to containers never come by the firewall's rules on input, so they are looked at
    before they are forwarded."""
    base = "systemd.services.container-ports"
    nft = f"{pkg('nftables')}/bin/nft"
    yield f"{base}.description", "Keep the ports of containers to the tailnet"
    yield f"{base}.wantedBy", ["multi-user.target"]
    yield f"{base}.before", ["network-pre.target"]
    yield f"{base}.wants", ["network-pre.target"]
    yield (
        f"{base}.serviceConfig",
        {
            "Type": "oneshot",
            "RemainAfterExit": True,
            "ExecStart": f"{nft} --file {file('container-ports.nft', _guard_rules(ports, tailnet))}",
            "ExecStop": f"{nft} delete table inet container-ports",
        },
    )


def _guard_rules(ports: list[PublishedPort], tailnet: str) -> str:
    drops = ""
    for protocol in ("tcp", "udp"):
        ranges = sorted({(port.first, port.last) for port in ports if port.protocol == protocol})
        if ranges:
            shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
            drops += f"    fib daddr type local {protocol} dport {{ {shown} }} drop\n"
    return f"""\
# Ports of containers that only the tailnet, the host and other containers reach.
table inet container-ports
delete table inet container-ports
table inet container-ports {{
  chain prerouting {{
    type filter hook prerouting priority mangle; policy accept;
    ct state established,related accept
    iifname {{ "lo", "{tailnet}" }} accept
    iifname "podman*" accept
{drops}  }}
}}
"""


def _service_findings(o: Options, host: Host) -> Findings:
    taken: list[tuple[str, str, PublishedPort]] = []
    for name, service in o.services.items():
        at = f"services.{key(name)}"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            yield Finding(
                "service-name",
                f'"{name}" is no name for a container',
                at=at,
                help="use letters, digits, `_`, `.` and `-`, and a letter or digit first",
            )
        for other in service.depends_on:
            if other not in o.services:
                yield Finding(
                    "unknown-service",
                    f"the container {name} depends on {other}, which is not declared",
                    at=f"{at}.dependsOn",
                    help=f"declare it under `services`; there are {', '.join(o.services)}",
                )
        for text in service.ports:
            port = _port(text)
            if not 0 < port.first <= port.last < 65536:
                yield Finding(
                    "port-out-of-range",
                    f'"{text}" of the container {name} is no port: they go from 1 to 65535, ranges upwards',
                    at=f"{at}.ports",
                )
            for owner, other_text, other_port in taken:
                if _overlap(port, other_port):
                    yield Finding(
                        "duplicate-port",
                        f'the containers {owner} ("{other_text}") and {name} ("{text}") publish the same port',
                        at=f"{at}.ports",
                        help="give one of them another port of the host, the number before the colon",
                    )
            taken.append((name, text, port))
    if circle := _circle(o):
        yield Finding(
            "dependency-circle",
            f"these containers wait for each other: {' → '.join(circle)}",
            at=f"services.{key(circle[0])}.dependsOn",
            help="let one of them start without the other",
        )


def _overlap(one: PublishedPort, other: PublishedPort) -> bool:
    addresses = {one.address or "0.0.0.0", other.address or "0.0.0.0"}
    return (
        one.protocol == other.protocol
        and one.first <= other.last
        and other.first <= one.last
        and (len(addresses) == 1 or "0.0.0.0" in addresses)
    )


def _circle(o: Options) -> list[str]:
    """Services that depend on each other in a circle, if any do."""
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done or name not in o.services:
            return []
        for other in o.services[name].depends_on:
            if circle := follow(other, [*way, name]):
                return circle
        done.add(name)
        return []

    for name in o.services:
        if circle := follow(name, []):
            return circle
    return []
