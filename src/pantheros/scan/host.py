"""What is known of one machine: plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal["workstation", "server", "unknown"]
"""What a machine is for: somebody sits at a workstation, laptops among them."""


class Place(NamedTuple):
    """Where something is seen."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Seen(NamedTuple):
    """A setting or a package that a host has; `sure` unless a condition stands around it that only Nix can judge."""

    path: str
    value: str
    place: Place
    sure: bool


@dataclass(frozen=True)
class Host:
    """A machine."""

    name: str
    directory: str
    """Where its own files lie, "" where it has none."""
    kind: Kind
    output: str | None
    """Its name among the flake's outputs: "" where it is none of them, None where only Nix can tell."""
    files: tuple[str, ...]
    """The Nix files that it leads to."""
    settings: tuple[Seen, ...] = ()
    packages: tuple[Seen, ...] = ()
    has: dict[str, Place] = field(default_factory=dict)
    """Of `PARTS`, those that are there, and where."""
    given: Place | None = None
    """Where the flake says that it gives it out, where that is to be seen."""
    unknown: str = ""
    """What of its modules only Nix can tell, "" where all could be followed: then what is not seen is not there."""
    foreign: str = ""
    """A module from elsewhere that may set more than what is seen here, "" where there is none."""

    @property
    def followed(self) -> bool:
        """Whether all of its own could be followed."""
        return not self.unknown

    @property
    def whole(self) -> bool:
        """Whether what is not seen on it is not there."""
        return not (self.unknown or self.foreign)

    @property
    def in_flake(self) -> bool | None:
        return None if self.output is None else bool(self.output)


PARTS = ("hardware", "disks", "users", "home")
"""What every host is to have besides its place in the flake."""


def host_sets(host: Host, *prefixes: str) -> Seen | None:
    """The first setting of a host below one of some options."""
    return next((seen for seen in host.settings if any(under(seen.path, prefix) for prefix in prefixes)), None)


def under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}.")
