"""The people on a host: their accounts, groups, shells and keys, and who may become root."""

from __future__ import annotations

from pantheros.module import Host, ModuleOptions, Person, Settings, key, pkg


class Options(ModuleOptions):
    enable: bool = True
    """Whether to use this module."""
    immutable: bool = True
    """Whether accounts are exactly what the fleet says."""


def nixos(o: Options, host: Host) -> Settings:
    yield "users.mutableUsers", not o.immutable
    for person in host.people:
        yield from _account(person)


def _account(person: Person) -> Settings:
    account = f"users.users.{key(person.name)}"
    yield f"{account}.isNormalUser", True
    if person.full_name:
        yield f"{account}.description", person.full_name
    if person.admin:
        yield f"{account}.extraGroups", ["wheel"]
    if person.shell != "bash":
        yield f"programs.{person.shell}.enable", True
        yield f"{account}.shell", pkg(person.shell)
    if person.keys:
        yield f"{account}.openssh.authorizedKeys.keys", list(person.keys)
