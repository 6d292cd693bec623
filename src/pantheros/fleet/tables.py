"""The tables of `fleet.toml` and of a host's file, without the layers (`pantherOS`, `nixos`, ...) that they carry.

Docstrings below the fields are what the JSON Schema, and so an editor, shows.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from pantheros.findings import Severity
from pantheros.fleet.typed import TypedTable

Kind = Literal["laptop", "workstation", "server"]
Stage = Literal["production", "staging", "development"]
System = Literal["x86_64-linux", "aarch64-linux"]
ReleaseName = Literal["24.11", "25.05", "25.11", "26.05", "unstable"]
Output = Literal["colmena", "deploy-rs"]
Shell = Literal["bash", "fish", "zsh"]

SecretReference = Annotated[
    str,
    Field(pattern=r"^op://[^/]+/[^/]+(/[^/]+)?/[^/]+$", description="a reference such as op://vault/item/field"),
]
"""1Password's way to name a field: `op://vault/item/field` or `op://vault/item/section/field`."""
FileMode = Annotated[str, Field(pattern=r"^0?[0-7]{3}$", description='permissions in octal, such as "0400"')]


PATHS = "a list of paths"


class PersonTable(TypedTable):
    """A human with accounts on hosts."""

    name: str = ""
    """Full name."""
    email: str = ""
    """E-mail address."""
    keys: list[str] = []
    """Public SSH keys that may log in."""
    shell: Shell = "bash"
    """Login shell."""
    admin: bool = False
    """May become root with sudo."""
    groups: list[str] = []
    """Groups besides the account's own."""
    uid: Annotated[int, Field(ge=1000, le=60000)] | None = None
    """Number of the account; NixOS picks one when it is left out."""


class SecretTable(TypedTable):
    """A secret in 1Password, and how it lies on the hosts that use it."""

    reference: SecretReference
    """Where it is kept: `op://vault/item/field`."""
    owner: str = "root"
    """User whose file it is."""
    group: str = "root"
    """Group of the file."""
    mode: FileMode = "0400"
    """Permissions of the file, in octal."""
    services: list[str] = []
    """systemd services to restart when the secret changes."""


class ProfileTable(TypedTable):
    """A layer of options that hosts share."""

    include: list[str] = []
    """Profiles below this one, the lowest first."""
    imports: Annotated[list[str], Field(description=PATHS)] = []
    """Raw NixOS modules of the hosts with this profile, relative to the fleet."""


class DefaultsTable(TypedTable):
    """The lowest layer: what holds for every host."""

    imports: Annotated[list[str], Field(description=PATHS)] = []
    """Raw NixOS modules of every host, relative to the fleet."""


Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description='a day such as "2027-01-31"')]


class WaiverTable(TypedTable):
    """A finding that is known and put up with."""

    code: str
    """Code of the finding; `*` stands for any part of it."""
    host: str = ""
    """Host that it is about; left out, any."""
    option: str = ""
    """Option or setting that it is about, or a group that holds it; left out, any."""
    file: str = ""
    """File that it points to, relative to the fleet; left out, any."""
    reason: Annotated[str, Field(pattern=r"\S", description="a reason")]
    """Why it is put up with."""
    expires: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description='a day such as "2027-01-31"')] | None = (
        None
    )
    """Last day on which that holds."""


class ChecksTable(TypedTable):
    """How `panther check` judges this fleet."""

    ignore: list[str] = []
    """Codes of findings that are not wanted at all; `*` stands for any part of one."""
    severity: dict[str, Severity] = {}
    """Severities by code, where they are to be others than usual."""
    waivers: list[WaiverTable] = []
    """Findings that are known and put up with, each with its reason."""


class FleetTable(TypedTable):
    """`fleet.toml`: what the machines have in common."""

    name: str = ""
    """The fleet's name."""
    release: ReleaseName
    """The NixOS release that every host runs."""
    outputs: list[Output] = []
    """Tools, besides NixOS itself, that the flake is to serve."""
    checks: ChecksTable = ChecksTable()
    """How `panther check` judges this fleet."""
    people: dict[str, Any] = {}
    secrets: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    profiles: dict[str, Any] = {}


class HostTable(TypedTable):
    """`host.toml` (or `host.nix`): one machine."""

    kind: Kind = "workstation"
    """What sort of machine: decides defaults such as disk encryption (`laptop`)."""
    stage: Stage = "production"
    """What it is used for."""
    system: System = "x86_64-linux"
    """Processor and operating system, as Nix names them."""
    profiles: list[str] = []
    """Profiles, the lowest first."""
    people: Annotated[dict[str, Any], Field(description="a list of names, or a table by name")] = {}
    """Who has an account: names of the fleet's people; or a table by name, for options of that person here."""
    tags: list[str] = []
    """Words to select hosts by."""
    address: Annotated[str, Field(pattern=r"^$|^[\w:][\w.:%-]*$", description="a name or an IP address")] = ""
    """Where the host answers: a name or an IP address."""
    imports: Annotated[list[Any], Field(description=PATHS)] = []
    """Raw NixOS modules, relative to the host's directory."""
