"""The one import of a module's author.

A module is a Python file whose path is its option path: `modules/development/git.py` is
`pantherOS.development.git`. It holds a docstring, `class Options(ModuleOptions)`, and any of

    def defaults(host: Host) -> Layer                                  defaults that depend on the host
    def nixos(o: Options, host: Host) -> Settings                      the system's settings
    def home(o: Options, host: Host, person: Person) -> Settings       each person's home-manager settings
    def resources(o: Options, host: Host) -> Resources                 what others must know of
    def findings(o: Options, host: Host) -> Findings                   what only this module can judge
    def without(o: Options, host: Host) -> Findings                    what a host lacks that switches it off
    INPUTS = (Input("disko", ...),)                                    flake inputs, and the modules they bring

Every function is pure: the same options and the same fleet give the same settings. Settings are pairs of a dotted
path, quoted as in Nix where a name needs it (`key`), and a value; they may be yielded in pieces, since lists of one
path append and tables merge.

What a module is made of lies beside it, in a folder whose name begins with `_`: `_git/` has a file for each subject
of `git.py` (its group of options, what they become, what cannot work), and its scripts as they are (`script`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, wraps
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field

from pantheros.findings import Finding
from pantheros.fleet.model import DeclaredHost, DeclaredPerson
from pantheros.fleet.tables import Kind, SecretTable, Shell, Stage
from pantheros.fleet.typed import TypedTable
from pantheros.hardware.facter import Report
from pantheros.nix.values import File, FleetPath, Override, Package, Raw, Value, join_path, key, split_path
from pantheros.releases.release import Release

__all__ = [
    "Endpoint",
    "Finding",
    "Findings",
    "Fleet",
    "Group",
    "Host",
    "Input",
    "Layer",
    "ModuleOptions",
    "Mount",
    "Package",
    "PackageName",
    "Person",
    "Port",
    "Resources",
    "SecretUse",
    "Settings",
    "State",
    "Value",
    "default",
    "file",
    "fleet_path",
    "force",
    "join_path",
    "key",
    "once_per_host",
    "pkg",
    "raw",
    "script",
    "secret",
    "split_path",
]


# Options ------------------------------------------------------------------------------------------------------


class Group(TypedTable):
    """Options below a common name."""


class ModuleOptions(TypedTable):
    """What a user may set of a module."""

    enable: bool = False
    """Whether to use this module."""


def _package_name(value: Any) -> Any:
    return value.name if isinstance(value, Package) else value


PackageName = Annotated[
    str,
    BeforeValidator(_package_name),
    Field(pattern=r"^[A-Za-z_][\w'-]*(\.[A-Za-z_][\w'-]*)*$", description="the name of a package"),
]
"""A package by its attribute path below `pkgs`; a host.nix may write `pkgs.k9s` as well."""

Layer: TypeAlias = dict[str, Any]
"""Options by the names that users write: `{"storageDriver": "btrfs"}`."""

Settings: TypeAlias = Iterator[tuple[str, Value]]
Findings: TypeAlias = Iterator[Finding]


# Values -------------------------------------------------------------------------------------------------------


def pkg(name: str) -> Package:
    """A package: `pkg("k9s")` is `pkgs.k9s`."""
    return Package(name)


def secret(name: str) -> Raw:
    """The path of the file that holds a secret, as OpNix places it; in home scope, the person's own."""
    return Raw(
        f"config.services.onepassword-secrets.secretPaths.{key(name)}",
        home=f"config.programs.onepassword-secrets.secretPaths.{key(name)}",
    )


def file(name: str, text: str, *, executable: bool = False) -> File:
    """A file written beside the module's Nix file."""
    return File(name, text, executable)


def script(code: str, path: str, /, **values: str) -> File:
    """An executable file whose text lies beside the module's code: `script(__file__, "scripts/hook", limit="60")`.

    A value takes the place of its name between two `@`: `@limit@`, or `# @limit@` where that alone is no shell.
    """
    source = f"{os.path.dirname(code)}/{path}"
    found = os.stat(source)
    text = _filled(source, found.st_mtime_ns, found.st_size, tuple(values.items()))
    return File(path.rpartition("/")[2], text, executable=True)


@cache
def _filled(source: str, changed: int, size: int, values: tuple[tuple[str, str], ...]) -> str:
    """A script's text with its values; as long as the file stays as it is, the same."""
    given = dict(values)
    text = Path(source).read_text(encoding="utf-8")
    return re.sub(r"(?:# )?@(\w+)@", lambda name: given.get(name[1], name[0]), text)


def fleet_path(path: str) -> FleetPath:
    """A file of the fleet, copied into the output."""
    return FleetPath(path)


def raw(code: str, *, home: str | None = None) -> Raw:
    """Nix code as it stands (`config`, `lib` and `pkgs` are at hand); `home` where a person's home needs other."""
    return Raw(code, home)


def force(value: Value) -> Override:
    """`lib.mkForce`."""
    return Override(50, value)


def default(value: Value) -> Override:
    """`lib.mkDefault`. Not for lists and sets that other modules add to: NixOS would drop it whole."""
    return Override(1000, value)


# Resources ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """Something on disk that must outlive a reboot.

    `path` is absolute, or relative to a person's home when `person` names one.
    """

    path: str
    kind: Literal["directory", "file"] = "directory"
    user: str = "root"
    group: str = "root"
    mode: str = "0755"
    person: str | None = None
    backup: bool = True
    copy_on_write: bool = True


@dataclass(frozen=True, slots=True)
class Port:
    """A port that something on the host listens on, and from where it is to be reached.

    `exposure`: `public` any network, `tailnet` the tailnet alone, `local` the host alone. `last` makes it a range.
    `at` is the option that says so, below the module.
    """

    number: int
    purpose: str
    protocol: Literal["tcp", "udp"] = "tcp"
    exposure: Literal["public", "tailnet", "local"] = "tailnet"
    last: int | None = None
    at: str = ""


@dataclass(frozen=True, slots=True)
class SecretUse:
    """A use of a secret.

    `at` is the option that names it, below the module (`registries.github.secret`). `service` is the systemd
    service that reads it; `person` says that it lies in that person's home. `needed` says when: OpNix fetches
    secrets once the network is up, so what boot or activation needs cannot come from it.
    """

    name: str
    purpose: str
    service: str | None = None
    person: str | None = None
    needed: Literal["running", "boot", "activation"] = "running"
    at: str = ""


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system that the module itself mounts at `path`, besides those of `filesystems.disks`."""

    path: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Something on a host that others call. `path` is that of metrics, a health check or a page."""

    name: str
    port: int
    scheme: Literal["http", "https", "tcp"] = "http"
    path: str = "/"


Resource: TypeAlias = State | Port | SecretUse | Mount | Endpoint
Resources: TypeAlias = Iterator[Resource]


# Inputs -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Input:
    """A flake input that a module needs.

    `url` may depend on the release. `follows` names those of the input's own inputs that are to be the fleet's
    (`nixpkgs`, `home-manager`). `nixos` and `home` are the input's modules to import, as attribute paths
    (`nixosModules.disko`).
    """

    name: str
    url: str | Callable[[Release], str]
    follows: tuple[str, ...] = ()
    nixos: tuple[str, ...] = ()
    home: tuple[str, ...] = ()
    when: Callable[[Release], bool] | None = None
    """Releases that need it; None: all of them."""


# What modules see ---------------------------------------------------------------------------------------------

O = TypeVar("O", bound=ModuleOptions)  # noqa: E741 (as modules call their options)
R = TypeVar("R", State, Port, SecretUse, Mount, Endpoint)


class Library(Protocol):
    """Answers what a host's modules come to; the synthesis gives one to every `Host`."""

    def options(self, host: Host, person: Person | None, options: type[O]) -> O: ...

    def resources(self, host: Host, kind: type[R]) -> tuple[R, ...]: ...

    def may_set(self, host: Host, path: str) -> bool: ...


class Person:
    """A human with an account on a host."""

    __slots__ = ("_declared", "host")

    def __init__(self, host: Host, declared: DeclaredPerson) -> None:
        self.host = host
        self._declared = declared

    def __getitem__(self, options: type[O]) -> O:
        """A module's options as they hold for this person on this host."""
        return self.host.library.options(self.host, self, options)

    @property
    def name(self) -> str:
        """Name of the account."""
        return self._declared.name

    @property
    def full_name(self) -> str:
        return self._declared.table.name

    @property
    def email(self) -> str:
        return self._declared.table.email

    @property
    def keys(self) -> list[str]:
        """Public SSH keys that may log in."""
        return self._declared.table.keys

    @property
    def shell(self) -> Shell:
        return self._declared.table.shell

    @property
    def admin(self) -> bool:
        return self._declared.table.admin

    @property
    def groups(self) -> list[str]:
        return self._declared.table.groups

    @property
    def uid(self) -> int | None:
        return self._declared.table.uid

    @property
    def home(self) -> str:
        """The home directory."""
        return f"/home/{self.name}"


class Host:
    """One machine. `host[disks.Options]` gives another module's options there."""

    def __init__(
        self, declared: DeclaredHost, fleet: Fleet, people: Mapping[str, DeclaredPerson], library: Library
    ) -> None:
        self.declared = declared
        self.fleet = fleet
        self.library = library
        self.people = tuple(Person(self, people[name]) for name in declared.people)
        """Those with an account here, in the order of the host's file."""
        self.known: dict[Callable[[Host], Any], Any] = {}
        """What functions have made of it that need to be run but once."""

    def __getitem__(self, options: type[O]) -> O:
        return self.library.options(self, None, options)

    def resources(self, kind: type[R]) -> tuple[R, ...]:
        """What all enabled modules of this host bring of one kind."""
        return self.library.resources(self, kind)

    def may_set(self, path: str) -> bool:
        """Whether raw settings of the system set `path` or something below it, or raw modules might."""
        return self.library.may_set(self, path)

    @property
    def name(self) -> str:
        return self.declared.name

    @property
    def kind(self) -> Kind:
        return self.declared.table.kind

    @property
    def portable(self) -> bool:
        """Whether it is carried about, and so may be lost."""
        return self.kind == "laptop"

    @property
    def stage(self) -> Stage:
        return self.declared.table.stage

    @property
    def system(self) -> str:
        """Nix's name for processor and operating system: `x86_64-linux`."""
        return self.declared.table.system

    @property
    def tags(self) -> list[str]:
        return self.declared.table.tags

    @property
    def address(self) -> str:
        """Where the host answers; empty when its file does not say."""
        return self.declared.table.address

    @property
    def release(self) -> Release:
        return self.fleet.release

    @cached_property
    def hardware(self) -> Report | None:
        """What the host's `facter.json` reports; None without one."""
        return self.fleet.hardware(self)

    @property
    def hardware_report(self) -> FleetPath | None:
        """The report itself, for NixOS to read."""
        return FleetPath(f"{self.declared.directory}/facter.json") if self.hardware else None


W = TypeVar("W")


def once_per_host(work: Callable[[Host], W]) -> Callable[[Host], W]:
    """`work`, run once for each host however often its answer is asked for."""

    @wraps(work)
    def answer(host: Host) -> W:
        if work not in host.known:
            host.known[work] = work(host)
        return host.known[work]  # type: ignore[no-any-return]  # the answer of `work` itself

    return answer


class Fleet:
    """All machines, and what they share."""

    def __init__(
        self,
        name: str,
        release: Release,
        secrets: Mapping[str, SecretTable],
        hosts: Callable[[], Mapping[str, Host]],
        hardware: Callable[[Host], Report | None],
    ) -> None:
        self.name = name
        self.release = release
        self.secrets = secrets
        """The secrets that `fleet.toml` maps to 1Password, by name."""
        self._hosts = hosts
        self._hardware = hardware

    @property
    def hosts(self) -> Mapping[str, Host]:
        """Every host, by name."""
        return self._hosts()

    def resources(self, kind: type[R]) -> tuple[tuple[Host, R], ...]:
        """What all hosts' modules bring of one kind, with the host."""
        return tuple((host, found) for host in self.hosts.values() for found in host.resources(kind))

    def hardware(self, host: Host) -> Report | None:
        return self._hardware(host)
