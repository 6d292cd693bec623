"""Passwords for HTTPS: what remembers them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pantheros.module import Finding, Findings, Group, Host, Person, Settings, Value, pkg


class Credentials(Group):
    helper: Literal["cache", "store", "libsecret", "oauth"] | None = None
    """What remembers passwords for HTTPS: memory, a plain file, the desktop's keyring, or a login in the browser."""
    cache_timeout: Annotated[int, Field(ge=60, le=2592000)] = 3600
    """Seconds that `cache` (and `oauth`, which caches) keeps a password."""


STORES = {"store": ".local/share/git", "libsecret": ".local/share/keyrings"}
"""Where, in a home, passwords lie."""


def config(o: Credentials, person: Person) -> Settings:
    match o.helper:
        case "cache" | "oauth":  # oauth's own part comes after, from its module
            yield "credential.helper", [f"cache --timeout {o.cache_timeout}"]
        case "store":
            yield "credential.helper", [f"store --file {person.home}/{STORES['store']}/credentials"]
        case "libsecret":
            yield "credential.helper", [f"{pkg('gitFull')}/bin/git-credential-libsecret"]


def settings(o: Credentials) -> Settings:
    match o.helper:
        case "oauth":
            yield "programs.git-credential-oauth.enable", True
        case "store":
            yield "systemd.user.tmpfiles.rules", [f"d %h/{STORES['store']} 0700"]
        case "libsecret":
            yield "services.gnome-keyring.enable", True
            yield "services.gnome-keyring.components", ["secrets"]


def packages(o: Credentials) -> list[Value]:
    return [pkg("gcr")] if o.helper == "libsecret" else []  # asks for the keyring's password


def findings(o: Credentials, host: Host) -> Findings:
    if o.helper == "libsecret" and host.kind == "server":
        yield Finding(
            "keyring-on-server",
            "`libsecret` keeps passwords in a desktop's keyring, and a server has no desktop",
            severity="warning",
            at="credentials.helper",
            help='use "cache", or a `token` of the forge',
        )
