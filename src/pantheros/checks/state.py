"""State: what a machine keeps, the version it was made for, and whether anything else has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pantheros.checks.view import HostView, Names, Place, winning
from pantheros.findings import Finding, Origin
from pantheros.fleet.words import listed
from pantheros.module import State
from pantheros.nix.words import shown

_WRITTEN = re.compile(r'^\s*(?:system\.)?stateVersion = "(\d+\.\d+)";$', re.MULTILINE)
_VERSION: Names = ("system", "stateVersion")
_BACKUPS = ("restic", "borgbackup", "borgmatic", "syncoid", "sanoid", "btrbk", "znapzend", "duplicity", "rsnapshot")
"""Services of NixOS that copy state to somewhere else."""


def findings(view: HostView) -> Iterator[Finding]:
    """What of a host's state may get lost."""
    yield from _version(view)
    yield from _backup(view)


def _version(view: HostView) -> Iterator[Finding]:
    """The state version says what the data was made by: it stays, however often the system is upgraded."""
    now = view.value(_VERSION)
    before = _built_before(view)
    if now is None or before is None or now == before or _VERSION not in view.system:
        return
    message = f"`system.stateVersion` was {shown(before)} when the flake was built last, and is {shown(now)} now"
    help = "leave it as it was when the machine was installed: it is no release to move to"
    place = view.place(None, _VERSION, winning(view.system[_VERSION]))
    yield view.finding("state-version-changed", message, place, severity="warning", help=help)


def _built_before(view: HostView) -> str | None:
    """The state version in the flake that was built last into its usual place."""
    path = view.model.declared.root / "nixos" / "hosts" / view.host.name / "system.nix"
    try:
        found = _WRITTEN.search(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return found[1] if found else None


def _backup(view: HostView) -> Iterator[Finding]:
    """State of a server in production that nothing copies to somewhere else."""
    host = view.host
    if host.kind != "server" or host.stage != "production":
        return
    kept = [state.path for state in host.resources(State) if state.backup and state.person is None]
    if not kept or any(view.below("services", service) for service in _BACKUPS):
        return
    raw = next((found for service in _BACKUPS if (found := view.may_set("services", service))), None)
    if raw:
        view.not_verified("whether state is backed up", f"the raw module {raw} may see to it")
        return
    message = f"nothing backs up what this server keeps: {listed(_shortest(kept))}"
    help = "set up a backup, such as `services.restic.backups`, or waive this with the reason why it need not be"
    where = Place(Origin(host.declared.file, 1, 1, 1, 1))
    yield view.finding("state-without-backup", message, where, severity="info", help=help)


def _shortest(paths: list[str]) -> list[Any]:
    """The paths that no other of them lies above."""
    return sorted({path for path in paths if not any(path.startswith(f"{other}/") for other in paths)})
