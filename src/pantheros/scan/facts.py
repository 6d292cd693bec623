"""What is read of one Nix file: plain data, that can be kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

UNKNOWN = "?"
"""Stands in `Setting.needs` for a condition that only Nix can judge."""
NEVER = "never"
"""Stands in `Setting.needs` for a condition that does not hold."""
GIVEN = "…"
"""Stands in `Setting.value` for a text."""
ELSEWHERE = "elsewhere"
"""Stands in `Setting.value` for a text that names a place on another machine, as backups are sent to."""
SOME = "*"
"""Stands in a path for a name that only Nix can tell."""


class Option(NamedTuple):
    """An option that a module declares. `type`, `default` and `description` are as written, "" where not said;
    `<name>` and `*` in its path stand for the attributes and elements of a submodule."""

    path: str
    type: str
    default: str
    description: str
    line: int


_ELSEWHERE = re.compile(r"(sftp|ssh|s3|b2|azure|gs|swift|rest|rclone|https?):\S|[\w.+-]+@[\w.-]+:")


def sort_of(text: str) -> str:
    """What is kept of a text: whether it names a place on another machine."""
    return ELSEWHERE if _ELSEWHERE.match(text) else GIVEN


class Setting(NamedTuple):
    """Something that is assigned."""

    path: str
    value: str
    """`true`, `false`, `null`, `[ ]`, `{ }`, a small number, or a text that is a word such as `no`; `GIVEN` or
    `ELSEWHERE` for any other literal, which may be a secret and is of no interest; "" for what is computed."""
    needs: tuple[str, ...]
    """The options that have to be on for it, `UNKNOWN` for any other condition, `NEVER` for one that cannot hold."""
    line: int
    priority: int = 100
    """NixOS's: of several, the lowest number wins; 50 with `mkForce`, 1000 with `mkDefault`."""


CONFIGURATIONS = frozenset({"nixosConfigurations", "darwinConfigurations", "homeConfigurations"})
"""Outputs of a flake that are machines and homes."""
How = Literal["module", "import", "other"]


class Reference(NamedTuple):
    """A path that the file names. It is a `module` in `imports` or `modules`, an `import` as the argument of `import`
    or `callPackage`, and otherwise anything that some function may do with it."""

    path: str
    """As written, `SOME` standing for each antiquotation; with a slash before it where it begins at the repository's
    root."""
    how: How
    line: int


class Configuration(NamedTuple):
    """A machine or a home that the flake gives out, or, with the name "", several of which only Nix knows the names."""

    output: str
    """`nixosConfigurations`, `darwinConfigurations` or `homeConfigurations`."""
    name: str
    references: tuple[Reference, ...]
    texts: tuple[str, ...]
    """The texts in it: names that a function may make a path of."""
    settings: tuple[Setting, ...]
    """What modules set that are written in place."""
    opaque: tuple[str, ...]
    """What of its modules only Nix can tell: functions that are defined elsewhere, names that are bound nowhere."""
    modules: tuple[str, ...]
    """Modules of other flakes that it takes in, as `Facts.modules` has them."""
    line: int


class Input(NamedTuple):
    """An input of a flake."""

    name: str
    url: str
    line: int


class Package(NamedTuple):
    """A package that is put into a list of packages."""

    name: str
    needs: tuple[str, ...]
    line: int


class Named(NamedTuple):
    """A name with its line."""

    name: str
    line: int


NOTHING = "line 1: there is nothing in it"


@dataclass(frozen=True)
class Facts:
    """What a file says."""

    broken: str = ""
    """Why it is not read: the first syntax error, with its line."""
    options: tuple[Option, ...] = ()
    settings: tuple[Setting, ...] = ()
    references: tuple[Reference, ...] = ()
    packages: tuple[Package, ...] = ()
    modules: tuple[Named, ...] = ()
    """Modules from elsewhere that it takes in: `inputs.disko.nixosModules.disko` as written, and NixOS's own as
    `modulesPath/profiles/qemu-guest.nix`."""
    opaque: tuple[Named, ...] = ()
    """What of its `imports` only Nix can tell."""
    calls: tuple[Named, ...] = ()
    """The functions that it calls, by the last part of their names, each once."""
    secrets: tuple[Named, ...] = ()
    """Secrets that it refers to by name or by `op://` address."""
    configurations: tuple[Configuration, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Named, ...] = ()
    """What the flake gives out, by the first part of its name."""
    given: tuple[Named, ...] = ()
    """The modules that the flake gives out, by name."""
    description: str = ""

    @property
    def empty(self) -> bool:
        """Whether there is nothing in the file."""
        return self.broken == NOTHING
