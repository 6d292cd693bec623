"""Who uses containers: subordinate ids, or a place in Podman's group."""

from __future__ import annotations

from pantheros.module import Finding, Findings, Host, Person, Settings, key

ORDINARY_IDS = 65536
"""Subordinate user ids that NixOS gives everybody."""
_FIRST_SPECIAL_ID = 100_000_000
"""Where ranges of another size begin: far above those that NixOS hands out itself."""


def users(named: list[str] | None, host: Host) -> list[Person]:
    """Those on the host who may use containers."""
    return [person for person in host.people if named is None or person.name in named]


def settings(users: list[Person], rootless: bool, ids: int, host: Host) -> Settings:
    for person in host.people:
        if person not in users:
            yield f"users.users.{key(person.name)}.autoSubUidGidRange", False
    for index, person in enumerate(users):
        account = f"users.users.{key(person.name)}"
        if not rootless:
            yield f"{account}.extraGroups", ["podman"]
        elif ids == ORDINARY_IDS:
            yield f"{account}.autoSubUidGidRange", True
        else:
            start = _FIRST_SPECIAL_ID + index * ids
            yield f"{account}.autoSubUidGidRange", False
            yield f"{account}.subUidRanges", [{"startUid": start, "count": ids}]
            yield f"{account}.subGidRanges", [{"startGid": start, "count": ids}]


def findings(named: list[str] | None, host: Host) -> Findings:
    here = [person.name for person in host.people]
    for name in named or ():
        if name not in here:
            yield Finding(
                "user-not-here",
                f"{name} may use containers, but has no account on {host.name}",
                severity="warning",
                at="users",
                help=f"add {name} to `people` of the host" + (f"; there are {', '.join(here)}" if here else ""),
            )
