"""Background maintenance, which keeps repositories fast."""

from __future__ import annotations

from typing import Literal

from pantheros.module import Finding, Findings, Group, Person, Settings, Value, key, pkg


class Maintenance(Group):
    enable: bool = False
    """Keep repositories fast, in the background."""
    schedule: Literal["hourly", "daily", "weekly"] = "daily"
    """How often at most. `hourly` also fetches ahead every hour, as `git maintenance start` would."""
    repositories: list[str] = []
    """Directories of the repositories."""


def settings(o: Maintenance, person: Person) -> Settings:
    if not o.enable:
        return
    yield "programs.git.maintenance.enable", True
    # Its configuration does not know `~`.
    repositories = [person.home + path[1:] if path.split("/")[0] == "~" else path for path in o.repositories]
    yield "programs.git.maintenance.repositories", list[Value](repositories)
    # What a rarer run does includes what a more frequent one would have done.
    daily, weekly = "Tue..Sun *-*-* 0:53:00", "Mon 0:53:00"
    if o.schedule == "daily":
        yield "programs.git.maintenance.timers", {"daily": daily, "weekly": weekly}
    elif o.schedule == "weekly":
        yield "programs.git.maintenance.timers", {"weekly": weekly}
    # Fetching ahead needs ssh, which a user's services do not find by themselves.
    yield f"systemd.user.services.{key('git-maintenance@')}.Service.Environment", [f"PATH={pkg('openssh')}/bin"]


def findings(o: Maintenance) -> Findings:
    if o.enable and not o.repositories:
        yield Finding(
            "maintenance-without-repositories",
            "Git maintenance is enabled, but for no repository",
            severity="warning",
            at="maintenance.enable",
            help='set `maintenance.repositories = ["~/src/project"]`',
        )
