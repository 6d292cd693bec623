"""Registries: where images come from, and who is logged in there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from pantheros.module import Finding, Findings, Group, Settings, Value, key, pkg, secret

Location = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?(/[\w./-]*\w)?$",
        description='a registry without a scheme, such as "registry.company.com" or "registry.lan:5000"',
    ),
]


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


@dataclass(frozen=True)
class Login:
    """Somebody's account at a registry."""

    registry: str
    username: str
    secret: str
    insecure: bool
    at: str
    """The option that names the secret."""


def _in_use(o: Registries) -> Iterator[tuple[str, str, Registry | CustomRegistry]]:
    """Every registry in use: its place, the option that describes it, and the description."""
    if o.docker_hub.enable:
        yield "docker.io", "registries.dockerHub", o.docker_hub
    if o.github.enable:
        yield "ghcr.io", "registries.github", o.github
    for custom in o.custom:
        yield custom.url, "registries.custom", custom


def _option(at: str, registry: Registry | CustomRegistry, name: str) -> str:
    """One of a registry's options; what is in a list has no names of its own."""
    return f"{at}.{name}" if isinstance(registry, Registry) else at


def logins(o: Registries) -> list[Login]:
    """The accounts, each once: a host's list may repeat what a profile's has."""
    found = [
        Login(
            place,
            registry.username,
            registry.secret,
            isinstance(registry, CustomRegistry) and registry.insecure,
            _option(at, registry, "secret"),
        )
        for place, at, registry in _in_use(o)
        if registry.username and registry.secret
    ]
    return list(dict.fromkeys(found))


def places(o: Registries) -> list[str]:
    """Every registry that is named, those to be searched and those with mirrors included."""
    named = [place for place, _, _ in _in_use(o)]
    named += [registry.mirror_of for registry in o.custom if registry.mirror_of]
    return list(dict.fromkeys([*named, *(o.search_order or [])]))


def login_of(logins: list[Login], image: str) -> Login | None:
    """The login that an image needs: of the registries whose name it begins with, the longest."""
    first = image.partition("/")[0]
    if "/" not in image or not ("." in first or ":" in first or first == "localhost"):
        image = f"docker.io/{image}"
    matching = [login for login in logins if image.startswith(login.registry + "/")]
    return max(matching, key=lambda login: len(login.registry), default=None)


def settings(o: Registries) -> Settings:
    base = "virtualisation.containers.registries"
    if o.search_order is not None:
        yield f"{base}.search", list[Value](o.search_order)
    elif o.docker_hub.enable:
        yield f"{base}.search", ["docker.io"]
    insecure = [registry.url for registry in o.custom if registry.insecure]
    if insecure:
        yield f"{base}.insecure", list[Value](insecure)
    if o.blocked:
        yield f"{base}.block", list[Value](o.blocked)
    if mirrors := _mirrors_conf(o):
        # NixOS writes the old form of registries.conf, which has no mirrors; beside it the new one is read too.
        yield f"environment.etc.{key('containers/registries.conf.d/mirrors.conf')}.text", mirrors


def _mirrors_conf(o: Registries) -> str:
    mirrors: dict[str, list[CustomRegistry]] = {}
    for registry in o.custom:
        if registry.mirror_of:
            mirrors.setdefault(registry.mirror_of, []).append(registry)
    insecure = [registry.url for registry in o.custom if registry.insecure]
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


def home(o: Registries) -> Settings:
    taken: list[str] = []
    for login in logins(o):
        unit = "registry-login-" + re.sub(r"[^A-Za-z0-9]+", "-", login.registry)
        while unit in taken:  # `registry.lan:5000` and `registry-lan.5000`
            unit += "-2"
        taken.append(unit)
        yield from _session_login(unit, login)


def _session_login(unit: str, login: Login) -> Settings:
    """Log a person in. The login lies in their runtime directory, so every session begins with it."""
    verify = " --tls-verify=false" if login.insecure else ""
    command = f"{pkg('skopeo')}/bin/skopeo login --username {_unit_word(login.username)} --password-stdin{verify}"
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


def findings(o: Registries, of_people: list[Registries]) -> Findings:
    everybody = [o, *of_people]
    # What people share is wrong once.
    once: dict[tuple[str, str], Finding] = {}
    for options in everybody:
        for place, at, registry in _in_use(options):
            if finding := _login_finding(place, at, registry, everybody):
                once.setdefault((finding.code, place), finding)
        for place, finding in _twice(logins(options)):
            once.setdefault((finding.code, place), finding)
    yield from once.values()
    yield from _blocked(o)


def _twice(logins: list[Login]) -> Iterator[tuple[str, Finding]]:
    first: dict[str, Login] = {}
    for login in logins:
        if login != first.setdefault(login.registry, login):
            yield (
                login.registry,
                Finding(
                    "registry-twice",
                    f"{login.registry} is listed twice, and not in the same way",
                    at=login.at,
                    help="take one of them out; lists of several layers add up",
                ),
            )


def _blocked(o: Registries) -> Findings:
    for location in o.search_order or ():
        if location in o.blocked:
            yield Finding(
                "registry-blocked",
                f"{location} is to be searched, but it is blocked",
                at="registries.searchOrder",
                help="take it out of `searchOrder` or of `blocked`",
            )
    for place, at, registry in _in_use(o):
        if place in o.blocked:
            yield Finding(
                "registry-blocked",
                f"{place} is in use, but it is blocked",
                at=at,
                help="take it out of `registries.blocked`, or do without it",
            )
        if isinstance(registry, CustomRegistry) and registry.mirror_of in o.blocked:
            yield Finding(
                "registry-blocked",
                f"{place} mirrors {registry.mirror_of}, which is blocked: its mirrors are then not asked either",
                at=at,
                help=f"take {registry.mirror_of} out of `registries.blocked`",
            )


def _login_finding(
    place: str, at: str, registry: Registry | CustomRegistry, everybody: list[Registries]
) -> Finding | None:
    if registry.username and not registry.secret:
        return Finding(
            "registry-without-secret",
            f"{place} has an account to log in with ({registry.username}), but no password",
            at=_option(at, registry, "username"),
            help="set `secret` to a name under [secrets] of fleet.toml",
        )
    if registry.secret and not registry.username:
        return Finding(
            "registry-without-username",
            f"{place} has a password to log in with, but no account",
            at=_option(at, registry, "secret"),
            help="set `username`",
        )
    if (
        isinstance(registry, Registry)
        and not registry.secret
        and not any(place == login.registry for options in everybody for login in logins(options))
    ):
        return Finding(
            "registry-without-login",
            f"nobody is logged in to {place}: public images can be pulled, private ones cannot, and nothing pushed",
            severity="info",
            at=f"{at}.enable",
            help="set `username`, and `secret` to a name under [secrets] of fleet.toml",
        )
    return None
