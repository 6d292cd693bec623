"""The release index: which NixOS and home-manager options and packages a release has, without Nix.

NixOS 24.11 and every home-manager are known whole, so there a name that is not found does not exist. Of
NixOS after 24.11 only what changed is known, and not all of that: there an unknown name is a doubt, unless the
release's own list was fetched (`panther options sync`). The data is packed (`data/README.md`) and read when first
asked for.
"""

from __future__ import annotations

import json
import re
import zlib
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from pantheros.findings import nearest
from pantheros.nix.values import Scope, Value, join_path, key, split_path
from pantheros.releases import synced
from pantheros.releases.release import Release

_DATA = Path(__file__).with_name("data")

Kind = Literal["known", "group", "renamed", "removed", "unknown", "doubtful", "alias"]
"""What the index says of a name:

- known: it exists;
- group: no option itself, but options lie below it (`services.openssh`);
- renamed: it may still work, with a warning, but `to` is its name now;
- removed: setting it fails the evaluation;
- unknown: it does not exist;
- doubtful: the index can't say;
- alias: (packages) an old name, that may work or stop the evaluation with advice.
"""


class Unknown(Enum):
    """The type of `UNKNOWN`, which stands for a default that is not known (None is one that is null)."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Option:
    """An option, and what of a path lies inside its value."""

    name: str
    """As the index has it: `<name>` stands for any key, `*` for any element of a list."""
    type: str
    """The type as NixOS describes it ("null or string"); "" when it is not known for this release."""
    read_only: bool = False
    hidden: bool = False
    internal: bool = False
    below: tuple[str, ...] = ()
    """The end of the path, which is part of the option's value: ("PermitRootLogin",) of
    `services.openssh.settings.X11.PermitRootLogin`, were `X11` an option of free form."""
    default_text: str = ""
    """The default as the release's own manual has it, Nix code or prose; "" where no list was fetched."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the index says of an option's path or a package's name in one release."""

    kind: Kind
    option: Option | None = None
    """The option, when it answers: always when known, mostly when renamed."""
    to: str = ""
    """The name to use: what it was renamed to, what replaces it, or its older name in this release."""
    since: Release | None = None
    """When it changed; for an unknown name the later release that has it."""
    certain: bool = True
    """False when the release in `since` was inferred."""
    detail: str = ""
    """A sentence on the change, to show to a user."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nixpkgs stops the evaluation when a package that it has is used."""

    unfree: bool
    insecure: bool
    broken: bool
    pname: str
    """The name by which `allowUnfreePredicate` and `permittedInsecurePackages` know it."""


class Required(NamedTuple):
    """Options that have to be set, below an element or beside an `enable`."""

    needs: tuple[tuple[str, ...], ...]
    where: tuple[str, ...] = ()
    """An `enable` that has to be on for it."""


@dataclass(frozen=True, slots=True)
class DiskoField:
    """A field of one kind of disko content (`gpt`, `luks`, `btrfs`, ...)."""

    type: str
    required: bool


class Section(NamedTuple):
    """What NixOS takes in a section of a systemd unit: names, and by name the values, whole numbers and bounds."""

    fields: frozenset[str] = frozenset()
    """Its names; empty where any may stand there."""
    one_of: Mapping[str, tuple[str | bool, ...]] = MappingProxyType({})
    integers: frozenset[str] = frozenset()
    ranges: Mapping[str, tuple[int, int | None]] = MappingProxyType({})
    old: str = ""
    """Where the option is a list of such sections: the name under which an element may hold its section, too."""


class _Change(NamedTuple):
    """A line of changes.json, as `data/README.md` describes it."""

    name: str
    kind: Literal["added", "removed", "renamed", "retyped"]
    to: str
    since: Release
    certain: bool
    detail: str


class _Row(NamedTuple):
    """One option of the index; `default`, and `text` which is the manual's word on it, are JSON, "" when not known."""

    type: str
    flags: str = ""
    to: str = ""
    default: str = ""
    text: str = ""

    def option(self, name: str, below: tuple[str, ...]) -> Option:
        flags = self.flags
        text = json.loads(self.text) if self.text and not below else ""
        return Option(name, self.type, "r" in flags, "h" in flags, "i" in flags, below, text)

    @property
    def old(self) -> bool:
        """Whether the option was renamed or removed."""
        return bool(self.to) or "x" in self.flags or "g" in self.flags


_OTHER_TYPE = frozenset({"nix.gc.dates", "services.openssh.settings.AcceptEnv", "users.users.<name>.linger"})
"""The options listed as retyped that do take other values now; of the rest, only the default or the meaning changed."""

_IPV4_PREFIX, _IPV6_PREFIX = (f"integer between 0 and {bits} (both inclusive)" for bits in (32, 128))
_CHECKED = {
    "networking.interfaces.<name>.ipv4.addresses.*.prefixLength": _IPV4_PREFIX,
    "networking.interfaces.<name>.ipv4.routes.*.prefixLength": _IPV4_PREFIX,
    "networking.interfaces.<name>.ipv6.addresses.*.prefixLength": _IPV6_PREFIX,
    "networking.interfaces.<name>.ipv6.routes.*.prefixLength": _IPV6_PREFIX,
    "services.tayga.ipv4.pool.prefixLength": _IPV4_PREFIX,
    "services.tayga.ipv6.pool.prefixLength": _IPV6_PREFIX,
    "services.tinc.networks.<name>.debugLevel": "integer between 0 and 5 (both inclusive)",
    "services.tinc.networks.<name>.hostSettings.<name>.subnets.*.prefixLength": f"null or {_IPV6_PREFIX}",
    "services.monero.mining.threads": "unsigned integer, meaning >=0",
    "services.monero.limits.threads": "unsigned integer, meaning >=0",
    "services.monero.limits.syncSize": "unsigned integer, meaning >=0",
    "services.postgrey.maxAge": "unsigned integer, meaning >=0",
    "services.postgrey.delay": "unsigned integer, meaning >=0",
    "services.postgrey.autoWhitelist": "null or positive integer, meaning >0",
}
"""Types that check more than their descriptions say (`types.addCheck` in the modules), in words that do."""

_WHOLE_NIXOS = "24.11"
_NEWEST_WHOLE_HOME = "26.05"


class Index:
    """The options and packages of one release. `fetched` are the scopes whose fetched lists it goes by."""

    def __init__(self, release: Release, fetched: frozenset[Scope] = frozenset()) -> None:
        self.release = release
        self._fetched = fetched
        self._found: dict[tuple[Scope, tuple[str, ...]], Status] = {}
        self._defaults: dict[tuple[Scope, tuple[str, ...]], Value | Unknown] = {}
        self._tables: dict[Scope, _Table] = {}

    @staticmethod
    def of(release: Release) -> Index:
        """The index of a release, with the lists that were fetched; the same one as long as those stay the same."""
        return _index(release, synced.stamp(release.name))

    @staticmethod
    def packaged(release: Release) -> Index:
        """The index of a release as it is packaged, whatever was fetched."""
        return _index(release, synced.NOTHING)

    def option(self, scope: Scope, path: tuple[str, ...]) -> Option | None:
        """The option that a path sets, or sets part of; None when it is none that answers in this release."""
        return self.status(scope, path).option

    def default(self, scope: Scope, path: tuple[str, ...]) -> Value | Unknown:
        """The option's own default; `UNKNOWN` when it is not plain data or may differ in this release.

        Only NixOS options that lie below no `<name>` have known defaults. They are those of the packaged data: what
        a fleet is built to depends on them, and must not depend on what somebody has fetched.
        """
        packaged = Index.packaged(self.release)
        if packaged is not self:
            return packaged.default(scope, path)
        if (scope, path) not in self._defaults:
            status = self.status(scope, path)
            plain = status.kind == "known" and status.option is not None and not status.option.below
            name = status.option.name if plain and status.option else None
            self._defaults[scope, path] = self._table(scope).default(name) if name else UNKNOWN
        return self._defaults[scope, path]

    def status(self, scope: Scope, path: tuple[str, ...]) -> Status:
        """What is known of the path of a setting. `*` or a number stands for a list's element."""
        status = self._found.get((scope, path))
        if status is None:
            status = self._table(scope).status(path)
            if status.kind in {"unknown", "doubtful"} and status.since is None:
                status = self._later(scope, path, status)
            self._found[scope, path] = status
        return status

    def nearest(self, scope: Scope, path: tuple[str, ...]) -> str | None:
        """The known path that an unknown one was most likely meant to be."""
        for length in range(len(path)):
            status = self.status(scope, path[: length + 1])
            if status.option or status.kind not in {"unknown", "doubtful"}:
                continue
            meant = nearest(path[length], self._table(scope).members(path[:length]))
            return join_path([*path[:length], meant]) if meant else None
        return None

    def members(self, scope: Scope, path: tuple[str, ...]) -> list[str]:
        """The names that are known right below a path, old ones left out."""
        return self._table(scope).members(path)

    def names(self, scope: Scope) -> list[str]:
        """The name of every option, in order, with `<name>` and `*` in it; old ones included."""
        return self._table(scope).names

    def fetched(self, scope: Scope) -> synced.Source | None:
        """Where the list that the scope's options are from was fetched; None where it is the packaged one."""
        return self._table(scope).source

    def package(self, name: str) -> Status:
        """What is known of a package, by its attribute path below `pkgs`. `ValueError` when it is no path."""
        return _package(self.release, name)

    def refused(self, name: str) -> Refused | None:
        """Why a package is refused unless the configuration allows it, as of 24.11; None when it is not."""
        marks, text = _refused().get(name.replace("python3Packages.", "python312Packages."), ("", ""))
        if not marks or marks == "T":
            return None
        return Refused("U" in marks, "I" in marks, "B" in marks, text or split_path(name)[-1])

    def brought(self, scope: Scope) -> Mapping[str, Refused]:
        """The packages that are refused unless the configuration allows them, as of 24.11, by the option that brings
        each along: where that is on, or, behind a `=`, where it holds a value."""
        return _brought()[scope]

    def required(self) -> Mapping[tuple[str, ...], Required]:
        """What NixOS asks for without a default, as of 24.11, by what brings it about: an `enable` that is on, or an
        element (`<name>` for any key, `*` for any element of a list)."""
        return _required()

    def packages(self, above: str = "") -> list[str]:
        """The names of packages: those at the top, or the members of a set."""
        return _package_sets().get(above, "").split()

    def package_sets(self) -> list[str]:
        """The sets of packages whose members are known."""
        return [name for name in _package_sets() if name not in ("", "?")]

    @property
    def disko(self) -> Mapping[str, Mapping[str, DiskoField]]:
        """The fields of disko content by kind: `index.disko["luks"]["name"]`; alike in every release."""
        return _disko()

    def _table(self, scope: Scope) -> _Table:
        table = self._tables.get(scope)
        if table is None:
            table = self._tables[scope] = _Table(scope, self.release, fetched=scope in self._fetched)
        return table

    def _later(self, scope: Scope, path: tuple[str, ...], status: Status) -> Status:
        """The status of a name not found, with the later release that has it, or its older name here."""
        name = join_path(path)
        for change in _changes(scope):
            if change.since <= self.release:
                continue
            if change.kind == "added" and _starts(name, change.name):
                return Status(status.kind, None, "", change.since, change.certain, change.detail)
            if change.kind == "renamed" and change.to and _starts(name, change.to):
                old = split_path(change.name) + path[len(split_path(change.to)) :]
                to = join_path(old) if self.option(scope, old) else ""
                return Status(status.kind, None, to, change.since, change.certain, change.detail)
        if scope == "home":
            for release in Release.all():
                if self.release < release <= _NEWEST_WHOLE_HOME:
                    later = Index.of(release)._table(scope).status(path)
                    if later.kind in {"known", "group"}:
                        return replace(status, since=release)
        return status


@cache
def _index(release: Release, stamp: synced.Stamp) -> Index:
    return Index(release, frozenset(scope for scope, state in stamp if state))


def _starts(name: str, pattern: str) -> bool:
    """Whether an option's name is `pattern` or lies below it."""
    return name == pattern or name.startswith(pattern + ".")


# Options ----------------------------------------------------------------------------------------------------


class _Table:
    """The options of one scope in one release: rows by name, the names in order, and what went away."""

    def __init__(self, scope: Scope, release: Release, *, fetched: bool = False) -> None:
        base = _WHOLE_NIXOS if scope == "nixos" else min(release.name, _NEWEST_WHOLE_HOME)
        found = synced.read(scope, release.name) if fetched else None
        self.source = found.source if found else None
        self._types, lines = (found.types, found.lines) if found else _lines(scope, base)
        self._lines: Mapping[str, str] = lines
        self._rows: dict[str, _Row] = {}
        self.names = list(lines)
        self._gone: dict[str, _Change] = {}
        self._doubts: dict[str, _Change] = {}
        self._whole = found is not None or release <= base
        self._release = release
        changes = [change for change in _changes(scope) if change.since <= release]
        if found:
            self._gone = {change.name: change._replace(certain=True) for change in changes if self._missing(change)}
        elif scope == "nixos":
            for change in changes:
                self._apply(change)
            self.names = sorted({*self.names, *self._rows})
        else:  # known whole: the changes add the words, and the renames that an evaluation does not show
            self._gone = {change.name: change for change in changes if self._replaced(change)}

    def _row(self, name: str) -> _Row | None:
        row = self._rows.get(name)
        if row is None and name in self._lines:
            number, *rest = self._lines[name].split("\t")
            row = self._rows[name] = _Row(_CHECKED.get(name, self._types[int(number)]), *rest)
        return row

    def _replaced(self, change: _Change) -> bool:
        """Whether the change says more of an option of home-manager than its list."""
        row = self._row(change.name)
        return row is not None and ("x" in row.flags or (change.kind == "renamed" and not row.to))

    def _missing(self, change: _Change) -> bool:
        """Whether a fetched list bears out that an option, or all of a group, was renamed or removed."""
        names = [change.name, *self._inside(change.name)] if change.kind in ("renamed", "removed") else []
        rows = [row for name in names if (row := self._row(name))]
        return bool(names) and all(row.old and not row.to for row in rows)

    def _apply(self, change: _Change) -> None:
        """Take a change over into NixOS's rows. A type is kept only where the change leaves it alone."""
        name, row = change.name, self._row(change.name)
        match change.kind:
            case "added":
                self._add(name, change)
            case "retyped":
                if row:
                    kept = "" if name in _OTHER_TYPE else row.type
                    self._rows[name] = row._replace(type=kept, default="")
            case "renamed" | "removed":
                if change.to:
                    self._add(change.to, change)
                if change.kind == "renamed":
                    for old in self._inside(name):
                        moved = self._row(old)
                        if moved:
                            self._rows.setdefault(change.to + old[len(name) :], moved._replace(default=""))
                self._gone[name] = change

    def _add(self, name: str, change: _Change) -> None:
        """A name that the release brings: of no known type, except that `settings` are of free form."""
        prefix, settings, _ = name.partition(".settings.")
        if settings:
            self._add(prefix + ".settings", change)
        self._gone.pop(name, None)
        row = self._row(name)
        if (row and not row.old) or self._part(name):
            return
        if self._inside(name) and not change.name.startswith(name + "."):
            return  # a group that is there already
        self._rows[name] = _Row("attribute set" if name.endswith(".settings") else "")
        if not change.certain and self._release == change.since:
            self._doubts[name] = change

    def _part(self, name: str) -> bool:
        """Whether an option above `name` takes it as a part of its value."""
        parts = split_path(name)
        for length in range(1, len(parts)):
            row = self._row(_joined(parts[:length]))
            if row and row.type and _holds(row.type, _steps(parts[length:]), listed=True):
                return True
        return False

    def _inside(self, name: str) -> list[str]:
        """The names in the index below an option or group, whole; not those that a change brought."""
        start = bisect_left(self.names, name + ".")
        return self.names[start : bisect_left(self.names, name + "/", start)]  # "/" comes after "."

    def default(self, name: str) -> Value | Unknown:
        row = self._row(name)
        if row is None or not row.default:
            return UNKNOWN
        value: Value = json.loads(row.default)
        return value

    def status(self, path: tuple[str, ...]) -> Status:
        fallback: Status = Status("unknown" if self._whole else "doubtful")
        ends = [""]
        met: list[tuple[_Row, str, int]] = []
        for depth, part in enumerate(path, 1):
            further: list[str] = []
            for end in ends:
                for step in (key(part), "<name>", "*") if _element(part) else (key(part), "<name>"):
                    name = f"{end}.{step}" if end else step
                    gone = self._gone.get(name)
                    if gone:
                        return self._of_gone(gone, name, path, depth)
                    row = self._row(name)
                    if row:
                        if row.old:
                            return self._of_old(row, name, path, depth)
                        met.append((row, name, depth))
                    elif not self._has_below(name):
                        continue
                    further.append(name)
            ends = further
            if not ends:
                break
        for row, name, depth in met:
            if depth == len(path):
                return self._known(row, name, ())
        if ends:
            return Status("group") if path else fallback
        for row, name, depth in reversed(met):
            if not row.type:
                return Status("doubtful", detail=f"what `{name}` takes is not known for {self._release}")
            listed = self._has_below(name)
            if listed and "DAG of" in row.type and len(path) > depth + 1:
                # An entry may be written out: its data, and what it comes before and after.
                if path[depth + 1] == "data":
                    return self.status((*path[: depth + 1], *path[depth + 2 :]))
                if path[depth + 1] not in {"before", "after"} and "DAG of open" not in row.type:
                    return fallback
            if _holds(row.type, _steps(path[depth:]), listed=listed):
                return self._known(row, name, path[depth:])
            if not listed:
                return Status("unknown", detail=f"`{name}` is of type {row.type}")
        return fallback

    def _known(self, row: _Row, name: str, below: tuple[str, ...]) -> Status:
        doubt = self._doubts.get(name)
        if doubt:
            return Status("doubtful", row.option(name, below), "", doubt.since, False, doubt.detail)
        return Status("known", row.option(name, below))

    def _of_gone(self, change: _Change, name: str, path: tuple[str, ...], depth: int) -> Status:
        """The status of a path at or below one that a change renamed or removed."""
        certain = change.certain or self._release > change.since
        to = _filled(change.to, name, path, depth) if change.to else ""
        if change.kind == "removed":
            return Status("removed", None, to, change.since, certain, change.detail)
        full = ".".join((name, *map(key, path[depth:])))
        row, part = self._row(full), self._row(name)
        option = row.option(full, ()) if row else part.option(name, path[depth:]) if part else None
        return Status("renamed", option, to, change.since, certain, change.detail)

    def _of_old(self, row: _Row, name: str, path: tuple[str, ...], depth: int) -> Status:
        """The status of a path at or below one that the index itself has as renamed or removed."""
        if "g" in row.flags:
            detail = f"an earlier release had it, the list of {self._release} does not: it was renamed or removed"
            return Status("removed", certain=False, detail=detail)
        if not row.to:
            return Status("removed")
        if not self._row(row.to):  # evaluation gives a rename its target's type, if that is an option
            row = row._replace(type="")
        return Status("renamed", row.option(name, path[depth:]), _filled(row.to, name, path, depth))

    def _has_below(self, name: str) -> bool:
        position = bisect_left(self.names, name + ".")
        return position < len(self.names) and self.names[position].startswith(name + ".")

    def members(self, path: tuple[str, ...]) -> list[str]:
        """The names right below a path, old ones left out."""
        ends = [""]
        for part in path:
            ends = [
                name
                for end in ends
                for step in (key(part), "<name>", "*")
                if self._has_below(name := f"{end}.{step}" if end else step)
            ]
        found: dict[str, None] = {}
        for end in ends:
            prefix = end + "." if end else ""
            for name in self.names[bisect_left(self.names, prefix) :]:
                if not name.startswith(prefix):
                    break
                row = self._row(name)
                if row and not row.old and name not in self._gone:
                    found[split_path(name[len(prefix) :])[0]] = None
        return [name for name in found if name not in {"<name>", "*"}]


def _joined(parts: tuple[str, ...]) -> str:
    """A name of the index from its parts."""
    return ".".join(part if part in {"<name>", "*"} else key(part) for part in parts)


def _filled(target: str, name: str, path: tuple[str, ...], depth: int) -> str:
    """A rename's target for one path: `<name>`s filled with the path's own, the rest of the path after it."""
    keys = [key(part) for step, part in zip(split_path(name), path, strict=False) if step in {"<name>", "*"}]
    filled = [keys.pop(0) if step in {"<name>", "*"} and keys else key(step) for step in split_path(target)]
    return ".".join((*filled, *map(key, path[depth:])))


_OF_AN_ENTRY = frozenset({"data", "before", "after"})
_CONTAINER = re.compile(r"(?:lazy )?attribute set of |list of |(?:list or )?DAG of ")
_SCALAR = re.compile(
    r"""boolean|string|.*integer|path|package|floating\ point|non-empty\ string|\(optionally\ newline
    |one\ of\ (?:["<\d-]|true|false)|value\ ".*singular|An\ absolute\ path|absolute\ path""",
    re.VERBOSE,
)


@cache
def _holds(kind: str, steps: str, *, listed: bool) -> bool:
    """Whether a value of this type can hold something that the index does not list, `steps` below it.

    There is a "*" in `steps` for each name that may stand for a list's element, a "d" for each that home-manager's
    ordered entries may have, a "." for each other.
    `listed` says that the index lists options below: then they are all that a submodule has. In doubt, True.
    """
    kind = kind.removeprefix("null or ").removeprefix("non-empty ")
    while kind.startswith("(") and _closing(kind) == len(kind) - 1:
        kind = kind[1:-1]
    if not steps:
        return True
    if kind.startswith(("string, not", "path, not")):
        return False
    kind = kind.removesuffix(" convertible to it")
    choices = _choices(kind)
    if len(choices) > 1:
        return any(_holds(choice, steps, listed=listed) for choice in choices)
    container = _CONTAINER.match(kind)
    if container:
        if container[0] == "list of " and steps[0] != "*":
            return False
        if "DAG" in container[0] and steps[1:2] == "d":
            return True  # an entry may be written out: its data, and what it comes before and after
        return _holds(kind[container.end() :], steps[1:], listed=listed)
    if kind == "submodule":
        return not listed
    return not _SCALAR.match(kind)


def _steps(path: tuple[str, ...]) -> str:
    return "".join("*" if _element(part) else "d" if part in _OF_AN_ENTRY else "." for part in path)


def _element(part: str) -> bool:
    """Whether a name in a path may stand for an element of a list."""
    return part == "*" or part.isdecimal()


def _closing(text: str) -> int:
    """Where the parenthesis closes that `text` begins with; -1 when it does not."""
    depth = 0
    for position, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if not depth:
            return position
    return -1


def _choices(kind: str) -> list[str]:
    """The types that a union is made of, split where " or " stands outside parentheses and quotes."""
    found, depth, quoted, start = [], 0, False, 0
    for position, character in enumerate(kind):
        if character == '"':
            quoted = not quoted
        elif not quoted:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if not depth and kind.startswith(" or ", position):
                found.append(kind[start:position])
                start = position + 4
    return [*found, kind[start:]]


# Fetched lists ----------------------------------------------------------------------------------------------

_NOT_NIXOS = (
    "disko.",
    "environment.persistence",
    "facter.",
    "home-manager.",
    "services.onepassword-secrets.",
    "virtualisation.vmVariantWithDisko",
    "home.persistence",
    "programs.onepassword-secrets.",
)
"""Options of disko, impermanence, nixos-facter-modules, home-manager and OpNix: the lists of NixOS and home-manager do
not have them."""


class Listed(NamedTuple):
    """An option as a fetched list has it."""

    type: str
    read_only: bool = False
    default: str = ""
    """For people: Nix code or prose; "" where there is none."""


def packed(scope: Scope, release: Release, listed: Mapping[str, Listed], source: synced.Source) -> str:
    """A fetched list (by the names of its options, as the index spells them) in the index's own format.

    Lists have only what the manuals show. What they leave out is taken along from the packaged index: hidden,
    internal and renamed options, and those of other projects. What else only the packaged index has was renamed or
    removed, and is marked so.
    """
    rows = {
        name: _Row(found.type, "r" * found.read_only, "", "", json.dumps(found.default) if found.default else "")
        for name, found in listed.items()
    }
    groups = {_joined(parts[:length]) for parts in map(split_path, listed) for length in range(1, len(parts))}

    def held(name: str) -> bool:
        """Whether a listed option takes it as a part of its value."""
        parts = split_path(name)
        above = ((length, _joined(parts[:length])) for length in range(1, len(parts)))
        return any(
            _holds(listed[group].type, _steps(parts[length:]), listed=group in groups)
            for length, group in above
            if group in listed
        )

    table = _Table(scope, release)
    for name in table._lines:
        row = table._row(name)
        if row is None or name in rows:
            continue
        if name.startswith(_NOT_NIXOS) or row.to or row.flags.strip("r"):
            rows[name] = row._replace(default="")
        elif name not in groups and not held(name):
            rows[name] = _Row("", "g")
    types = sorted({row.type for row in rows.values()})
    numbers = {kind: str(number) for number, kind in enumerate(types)}
    lines = ["\t".join((name, numbers[row.type], *row[1:])).rstrip("\t") for name, row in sorted(rows.items())]
    return synced.text(scope, release.name, source, types, lines)


# Packages ---------------------------------------------------------------------------------------------------


@cache
def _package(release: Release, name: str) -> Status:
    path = split_path(name)
    verdict: Status | None = None
    known = _known_package(path)
    for change in _changes("package"):
        old, new = _matched(split_path(change.name), path), _matched(split_path(change.to or "<name>"), path)
        if change.since > release:
            if known.kind in {"unknown", "doubtful"}:
                listed = len(path) > 1 and path[0] in _package_sets()
                if old == {} and change.kind != "added" and not listed:
                    known = Status("known")
                elif old is not None and change.kind == "added":
                    known = Status("unknown", None, "", change.since, change.certain, change.detail)
                elif new is not None and change.to[:1] not in ("", "<") and path[0] not in _package_sets():
                    older = tuple(new.get(part, part) for part in split_path(change.name))
                    here = ".".join(older) if _known_package(older).kind != "unknown" else ""
                    known = Status("unknown", None, here, change.since, change.certain, change.detail)
        elif old is not None and change.kind != "retyped":
            verdict = _changed_package(release, change, old)
        elif new == {} and change.to:
            verdict = Status("known", None, "", change.since, True, change.detail)
    if verdict:
        return verdict
    if known.kind == "unknown" and release > _WHOLE_NIXOS:
        return replace(known, kind="doubtful")
    return known


def _changed_package(release: Release, change: _Change, filled: dict[str, str]) -> Status:
    certain = change.certain or release > change.since
    to = ".".join(filled.get(part, part) for part in split_path(change.to)) if change.to else ""
    match change.kind:
        case "added":
            return Status("known" if certain else "doubtful", None, "", change.since, certain, change.detail)
        case "removed":  # of `set.<name>` only some members went
            kind: Kind = "doubtful" if filled else "removed"
            return Status(kind, None, to, change.since, certain, change.detail)
        case _:
            return Status("renamed", None, to, change.since, certain, change.detail)


def _matched(pattern: tuple[str, ...], path: tuple[str, ...]) -> dict[str, str] | None:
    """What `<name>` in the pattern stands for, when the path is the pattern or lies below it; else None."""
    if len(path) < len(pattern):
        return None
    filled: dict[str, str] = {}
    for want, part in zip(pattern, path, strict=False):
        if want == "<name>":
            filled[want] = key(part)
        elif want != part:
            return None
    return filled


_REPLACED = re.compile(r"renamed to/replaced by '([^']+)'")


def _known_package(path: tuple[str, ...]) -> Status:
    """What 24.11 says of a package."""
    sets, top = _package_sets(), path[0]
    if f" {top} " in sets["?"] and len(path) > 1 and top not in sets:
        return Status("doubtful", detail=f"the members of `{top}` are not listed")
    if f" {top} " in sets["?"] and len(path) == 1:
        marks, advice = _refused().get(top, ("", ""))
        if marks == "T":
            to = _REPLACED.search(advice)
            return Status("removed", to=to[1]) if to else Status("removed", detail=advice)
        return Status("alias", detail=f"`{top}` is an old name")
    if f" {top} " not in sets[""] and top not in sets:
        return Status("unknown")
    if len(path) == 1:
        return Status("known")
    if top not in sets:
        return Status("doubtful", detail=f"the members of `{top}` are not listed")
    return Status("known" if f" {'.'.join(path[1:])} " in sets[top] else "unknown")


# The data ---------------------------------------------------------------------------------------------------


def _text(name: str) -> str:
    data = (_DATA / name).read_bytes()
    return (zlib.decompress(data, 31) if name.endswith(".gz") else data).decode()


@cache
def _lines(scope: Scope, release: str) -> tuple[list[str], Mapping[str, str]]:
    """The types of an index file, and the rest of each option's line by its name, in order."""
    _, types, *lines = _text(f"{scope}-{release}.txt.gz").splitlines()
    return json.loads(types), MappingProxyType(dict(line.split("\t", 1) for line in lines))


@cache
def _changes(scope: Literal["nixos", "home", "package"]) -> tuple[_Change, ...]:
    """What changed after 24.11 in the scope, oldest first."""
    return tuple(
        _Change(row["name"], row["kind"], row["to"], Release(row["since"]), row["certain"], row["detail"])
        for row in json.loads(_text("changes.json"))["changes"]
        if row["scope"] == scope
    )


@cache
def _package_sets() -> Mapping[str, str]:
    """Each set's members, between spaces; "" holds the packages at the top, "?" the aliases there."""
    lines = _text("packages-24.11.txt.gz").splitlines()[1:]
    sets: dict[str, str] = dict(line.split("\t", 1) for line in lines)
    return {name: sets[text[1:]] if text.startswith("=") else text for name, text in sets.items()}


@cache
def unit_sections() -> Mapping[str, Section]:
    """The sections of systemd's units in NixOS 24.11, by the option that holds them."""
    found = {}
    for name, section in json.loads(_text("units-24.11.json"))["sections"].items():
        found[name] = Section(
            frozenset(section.get("fields", ())),
            {field: tuple(values) for field, values in section["one_of"].items()},
            frozenset(section.get("integers", ())),
            {field: (least, most) for field, (least, most) in section.get("ranges", {}).items()},
            section.get("old", ""),
        )
    return found


@cache
def _refused() -> Mapping[str, tuple[str, str]]:
    """The packages that stop the evaluation: why, and what is said of it or the package's `pname`."""
    rows = (line.split("\t") for line in _text("refused-24.11.txt.gz").splitlines()[1:])
    return {name: (marks, rest[0] if rest else "") for name, marks, *rest in rows}


@cache
def _brought() -> Mapping[Scope, Mapping[str, Refused]]:
    options = json.loads(_text("brought-24.11.json"))
    return {
        scope: {name: Refused(mark == "U", mark == "I", mark == "B", pname) for name, (mark, pname) in found.items()}
        for scope, found in options.items()
    }


@cache
def _required() -> Mapping[tuple[str, ...], Required]:
    options = json.loads(_text("required-24.11.json"))
    return {
        split_path(name): Required(
            tuple(map(split_path, found["needs"])), split_path(found["where"]) if "where" in found else ()
        )
        for name, found in options.items()
    }


@cache
def _disko() -> Mapping[str, Mapping[str, DiskoField]]:
    kinds = json.loads(_text("disko.json"))["types"]
    return {
        kind: {name: DiskoField(field["type"], field["required"]) for name, field in fields.items()}
        for kind, fields in kinds.items()
    }
