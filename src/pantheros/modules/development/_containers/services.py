"""Containers that belong to the machine: systemd units that root's Podman runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from pantheros.module import (
    Finding,
    Findings,
    Group,
    Host,
    Resources,
    SecretUse,
    Settings,
    State,
    Value,
    key,
    pkg,
    raw,
    script,
    secret,
)
from pantheros.module import Port as OpenPort
from pantheros.modules.development._containers.command import SCANNED_PULL
from pantheros.modules.development._containers.ports import GUARD, Port, Published
from pantheros.modules.development._containers.registries import Login, login_of
from pantheros.modules.development._containers.security import Security

Duration = Annotated[str, Field(pattern=r"^\d+(s|m|h)$", description='a duration such as "30s" or "5m"')]
Volume = Annotated[
    str,
    Field(
        pattern=r"^([\w.-]+|/[^:]*):/[^:]*(:[\w,.=-]+)?$",
        description='a volume such as "data:/var/lib/data" or "/srv/web:/srv:ro"',
    ),
]


class ServiceSecret(Group):
    secret: str
    """Name under `[secrets]`."""
    mount: Annotated[str, Field(pattern=r"^/[^:]+$", description="an absolute path without `:`")] | None = None
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


_PASSING = ("/dev", "/etc", "/nix", "/proc", "/run", "/sys", "/tmp", "/var/run")
"""What lies here is made anew at every boot, or is not a container's to keep."""


def settings(name: str, o: Service, logins: list[Login], security: Security, host: Host) -> Settings:
    base = f"virtualisation.oci-containers.containers.{key(name)}"
    yield "virtualisation.oci-containers.backend", "podman"
    yield f"{base}.image", o.image
    if o.command:
        yield f"{base}.cmd", list[Value](o.command)
    if o.ports:
        yield f"{base}.ports", [_published(port, o.exposure) for port in o.ports]
    if o.volumes:
        yield f"{base}.volumes", list[Value](o.volumes)
    if o.environment:
        yield f"{base}.environment", dict[str, Value](o.environment)
    for use in o.secrets:
        if use.mount:
            yield f"{base}.volumes", [f"{secret(use.secret)}:{use.mount}:ro"]
        else:
            yield f"{base}.environmentFiles", [secret(use.secret)]
    if not o.auto_start:
        yield f"{base}.autoStart", False
    if o.depends_on:
        yield f"{base}.dependsOn", list[Value](o.depends_on)
    if options := [*_health_options(o.health), *_privilege_options(security)]:
        yield f"{base}.extraOptions", list[Value](options)
    if o.health.command and host.release >= "25.05":
        # Those that depend on it wait until it is well, not just until it runs.
        yield f"{base}.podman.sdnotify", "healthy"
    # Podman, unlike Docker, wants the directories it mounts to be there.
    if made := [directory for directory in _directories(o) if " " not in directory]:
        yield "systemd.tmpfiles.rules", [f"d {directory} :0755 :root :root -" for directory in made]
    login = login_of(logins, o.image)
    if _pulled_apart(login, security):
        yield from _image_unit(name, o.image, login, security)
    elif login:
        password = secret(login.secret)
        yield (
            f"{base}.login",
            {"registry": login.registry, "username": login.username, "passwordFile": password},
        )
    if guarded_ports(o):
        unit = f"systemd.services.{key(f'podman-{name}')}"
        yield f"{unit}.after", [GUARD]
        yield f"{unit}.requires", [GUARD]


def _published(port: Published, exposure: str) -> str:
    return f"127.0.0.1:{port}" if exposure == "local" and not Port.of(port).address else port


def guarded_ports(o: Service) -> list[Port]:
    """Ports that only the tailnet is to reach."""
    return [port for port in map(Port.of, o.ports) if o.exposure == "tailnet" and not port.loopback]


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


def _privilege_options(security: Security) -> list[str]:
    return ["--security-opt=no-new-privileges"] if security.no_new_privileges else []


def _pulled_apart(login: Login | None, security: Security) -> bool:
    """Whether a service's image is pulled by a unit of its own: to scan it, or to log in under a name that NixOS
    would leave unquoted in the service's script (until some release after 24.11)."""
    return security.scan_on_pull or (login is not None and not re.fullmatch(r"[\w@.+-]+", login.username))


def _image_unit(name: str, image: str, login: Login | None, security: Security) -> Settings:
    """A unit that pulls a service's image before the service starts."""
    unit = f"podman-{name}-image"
    base = f"systemd.services.{key(unit)}"
    yield f"systemd.services.{key(f'podman-{name}')}.after", [f"{unit}.service"]
    yield f"systemd.services.{key(f'podman-{name}')}.requires", [f"{unit}.service"]
    yield f"{base}.description", f"Pull the image of the container {name}"
    yield f"{base}.after", ["network-online.target"]
    yield f"{base}.wants", ["network-online.target"]
    trivy = [pkg("trivy")] if security.scan_on_pull else []
    yield f"{base}.path", [raw("config.virtualisation.podman.package"), *trivy]
    if login:
        yield (
            f"{base}.environment",
            {
                "REGISTRY": login.registry,
                "USERNAME": login.username.replace("%", "%%"),
                "PASSWORD_FILE": secret(login.secret),
            },
        )
    have_image = script(__file__, "scripts/service-image")
    pull = f"{SCANNED_PULL} podman" if security.scan_on_pull else "podman pull"
    yield (
        f"{base}.serviceConfig",
        {
            "Type": "oneshot",
            "ExecStart": f"{pkg('bash')}/bin/bash {have_image} {image} {pull}",
            "TimeoutStartSec": "infinity",
        },
    )


def _directories(o: Service) -> list[str]:
    """Directories of the host that a service writes to, and that are its own to keep."""
    found = []
    for volume in o.volumes:
        source, _, rest = volume.partition(":")
        modes = rest.partition(":")[2].split(",")
        passing = any(source == place or source.startswith(place + "/") for place in _PASSING)
        if source.startswith("/") and "ro" not in modes and not passing:
            found.append(source)
    return found


def resources(name: str, o: Service, logins: list[Login], security: Security, volumes: str) -> Resources:
    """`volumes` is where Podman keeps those that have a name."""
    unit = f"podman-{name}"
    if login := login_of(logins, o.image):
        reader = f"{unit}-image" if _pulled_apart(login, security) else unit
        purpose = f"the login to {login.registry}, for the container {name}"
        yield SecretUse(login.secret, purpose, service=reader, at=login.at)
    for use in o.secrets:
        yield SecretUse(use.secret, f"the container {name}", service=unit, at=f"services.{key(name)}.secrets")
    for directory in _directories(o):
        yield State(directory)
    for volume in o.volumes:
        if not volume.startswith("/"):
            yield State(f"{volumes}/{volume.partition(':')[0]}")
    for port in map(Port.of, o.ports):
        exposure = "local" if port.loopback else o.exposure
        last = port.last if port.last != port.first else None
        yield OpenPort(port.first, f"container {name}", port.protocol, exposure, last, f"services.{key(name)}.ports")


def findings(services: Mapping[str, Service]) -> Findings:
    for name, service in services.items():
        at = f"services.{key(name)}"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            yield Finding(
                "service-name",
                f'"{name}" is no name for a container',
                at=at,
                help="use letters, digits, `_`, `.` and `-`, and a letter or digit first",
            )
        for other in service.depends_on:
            if other not in services:
                yield Finding(
                    "unknown-service",
                    f"the container {name} depends on {other}, which is not declared",
                    at=f"{at}.dependsOn",
                    help=f"declare it under `services`; there are {', '.join(services)}",
                )
    yield from _port_findings(services)
    if circle := _circle(services):
        yield Finding(
            "dependency-circle",
            f"these containers wait for each other: {' → '.join(circle)}",
            at=f"services.{key(circle[0])}.dependsOn",
            help="let one of them start without the other",
        )


def _port_findings(services: Mapping[str, Service]) -> Findings:
    taken: list[tuple[str, str, Port]] = []
    for name, service in services.items():
        at = f"services.{key(name)}.ports"
        for text in service.ports:
            port = Port.of(text)
            if not port.in_range:
                yield Finding(
                    "port-out-of-range",
                    f'"{text}" of the container {name} is no port: they go from 1 to 65535, ranges upwards',
                    at=at,
                )
            for owner, other_text, other in taken:
                if port.overlaps(other):
                    yield Finding(
                        "duplicate-port",
                        f'the containers {owner} ("{other_text}") and {name} ("{text}") publish the same port',
                        at=at,
                        help="give one of them another port of the host, the number before the colon",
                    )
            taken.append((name, text, port))


def _circle(services: Mapping[str, Service]) -> list[str]:
    """Services that depend on each other in a circle, if any do."""
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done or name not in services:
            return []
        for other in services[name].depends_on:
            if circle := follow(other, [*way, name]):
                return circle
        done.add(name)
        return []

    return next((circle for name in services if (circle := follow(name, []))), [])
