"""`.openspec.yaml`: what a change says of itself."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pantheros.specs.text import decoded
from pantheros.specs.tree import TooLarge, read_bytes
from pantheros.specs.yaml import NotYaml, read_yaml

FILE = ".openspec.yaml"
BUILT_IN = "spec-driven"
"""The schema of changes that the reference brings along."""
Marker = Literal["skip_specs", "retire_capabilities"]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_KEBAB = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")


class Fault(NamedTuple):
    """What is wrong with one field, or with the whole (an empty path)."""

    path: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        where = ".".join(map(str, self.path))
        return f"{where}: {self.message}" if where else self.message


@dataclass(frozen=True)
class Metadata:
    """What the file says. `faults` is empty where the reference would take it; other keys are kept in `more`."""

    schema: str = ""
    created: str = ""
    goal: str = ""
    affected_areas: tuple[str, ...] = ()
    skip_specs: bool = False
    retire_capabilities: bool = False
    more: dict[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


class NotMetadata(ValueError):
    """The file cannot be read, or is no YAML."""

    def __init__(self, message: str, *, declares: frozenset[str] = frozenset()) -> None:
        super().__init__(message)
        self.declares = declares
        """Markers, and keys of pantherOS's own, that its text seems to set all the same."""


def read_metadata(change: Path) -> Metadata | None:
    """What a change's file says; None where it has none. Raises `NotMetadata`."""
    try:
        content = read_bytes(change / FILE)
    except FileNotFoundError:
        return None
    except (OSError, TooLarge) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise NotMetadata(f"the file cannot be read ({why})", declares=frozenset(_MARKERS)) from error
    text = decoded(content)
    try:
        data = read_yaml(text)
    except NotYaml as error:
        seem = frozenset(
            name for name in (*_MARKERS, *OWN_KEYS) if re.search(rf"^\s*(['\"]?){name}\1\s*:", text, re.MULTILINE)
        )
        raise NotMetadata(f"the file is not valid YAML: {error}", declares=seem) from error
    return metadata_of(data)


_MARKERS: tuple[Marker, ...] = ("skip_specs", "retire_capabilities")
OWN_KEYS = ("kind", "depends_on", "blocks")
"""Keys that only pantherOS knows."""


def metadata_of(data: Any) -> Metadata:
    """The metadata in data that was read."""
    if not isinstance(data, dict):
        return Metadata(faults=(Fault((), f"it has to be a table, not {_kind(data)}"),))
    faults = tuple(_faults(data))
    wrong = {fault.path[0] for fault in faults if fault.path}
    known = {name: data[name] for name in _KNOWN if name in data and name not in wrong}
    known["affected_areas"] = tuple(known.get("affected_areas", ()))
    more = {name: value for name, value in data.items() if name not in (*_KNOWN, "initiative")}
    return Metadata(**known, more=more, faults=faults)


_KNOWN = ("schema", "created", "goal", "affected_areas", "skip_specs", "retire_capabilities")


def _faults(data: dict[str, Any]) -> Iterator[Fault]:
    yield from _text(data, "schema", required=True)
    created = data.get("created")
    if "created" in data and not isinstance(created, str):
        yield Fault(("created",), f"it has to be a text, not {_kind(created)}")
    elif "created" in data and not _DAY.match(str(created)):
        yield Fault(("created",), "it has to be a day, such as 2026-01-31")
    yield from _text(data, "goal")
    areas = data.get("affected_areas")
    if "affected_areas" in data and not isinstance(areas, list):
        yield Fault(("affected_areas",), f"it has to be a list, not {_kind(areas)}")
    for at, area in enumerate(areas if isinstance(areas, list) else ()):
        if not isinstance(area, str) or not area:
            yield Fault(("affected_areas", at), "it has to be a text that is not empty")
    if "initiative" in data:
        yield from _initiative(data["initiative"])
    for name in _MARKERS:
        if name in data and not isinstance(data[name], bool):
            yield Fault((name,), f"it has to be true or false, not {_kind(data[name])}")


def _text(data: dict[str, Any], name: str, *, required: bool = False) -> Iterator[Fault]:
    if name not in data:
        if required:
            yield Fault((name,), "it is missing")
    elif not isinstance(data[name], str):
        yield Fault((name,), f"it has to be a text, not {_kind(data[name])}")
    elif not data[name]:
        yield Fault((name,), "it is empty")


def _initiative(value: Any) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(("initiative",), f"it has to be a table, not {_kind(value)}")
        return
    for name in ("store", "id"):
        if not isinstance(value.get(name), str) or not _KEBAB.match(value[name]):
            yield Fault(("initiative", name), "it has to be a name of small letters, digits and hyphens")
    for name in value:
        if name not in ("store", "id"):
            yield Fault(("initiative",), f'it knows no "{name}"')


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    return {int: "a number", float: "a number", str: "a text", list: "a list", dict: "a table"}.get(type(value), "this")


class Declared(NamedTuple):
    """Whether a change sets a marker; `invalid` says why one that it sets does not count."""

    declared: bool
    invalid: str = ""


def marker(change: Path, name: Marker, schemas: Sequence[str]) -> Declared:
    """Whether a change sets a marker that counts: only in metadata that are valid, of one of these schemas."""
    try:
        metadata = read_metadata(change)
    except NotMetadata as error:
        return Declared(False, str(error) if name in error.declares else "")
    if metadata is None:
        return Declared(False)
    if not metadata.faults:
        said = metadata.skip_specs if name == "skip_specs" else metadata.retire_capabilities
        if said and metadata.schema not in schemas:
            return Declared(False, f"schema: there is no schema '{metadata.schema}'")
        return Declared(said)
    first = metadata.faults[0]
    own = [fault for fault in metadata.faults if fault.path[:1] == (name,)]
    said = metadata.skip_specs if name == "skip_specs" else metadata.retire_capabilities
    return Declared(False, str(first)) if said or own else Declared(False)


# What pantherOS adds, which the reference passes over ------------------------------------------------------------

PRIORITIES = ("critical", "high", "medium", "low")


@dataclass(frozen=True)
class Planning:
    """How a change stands to others, and what it is."""

    kind: str = ""
    depends_on: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    phase: str = ""
    priority: str = ""
    milestone: str = ""
    estimate: float | None = None
    """Days of work."""
    own: bool = False
    """Whether the change goes by pantherOS's rules: it has a `kind`, whatever that says."""
    faults: tuple[Fault, ...] = ()


def read_planning(change: Path) -> Planning:
    """How a change stands to others. What cannot be read is a fault, and never taken for nothing."""
    try:
        return planning((read_metadata(change) or Metadata()).more)
    except NotMetadata as error:
        return Planning(own="kind" in error.declares, faults=(Fault((), str(error)),))


def planning(more: dict[str, Any]) -> Planning:
    """What the further keys of a change's metadata say of its place among the others."""
    faults: list[Fault] = []

    def text(name: str) -> str:
        value = more.get(name, "")
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value)
        faults.append(Fault((name,), f"it has to be a text, not {_kind(value)}"))
        return ""

    def names(name: str) -> tuple[str, ...]:
        value = more.get(name) or []
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(dict.fromkeys(value))
        faults.append(Fault((name,), "it has to be a list of names of changes"))
        return ()

    priority = text("priority").lower()
    if priority and priority not in PRIORITIES:
        faults.append(Fault(("priority",), f"it has to be one of {', '.join(PRIORITIES)}"))
        priority = ""
    estimate = more.get("estimate")
    number = isinstance(estimate, int | float) and not isinstance(estimate, bool)
    if estimate is not None and not (number and 0 <= estimate < math.inf):  # YAML has infinity, and what is no number
        faults.append(Fault(("estimate",), "it has to be a number of days"))
        estimate = None
    return Planning(
        text("kind"),
        names("depends_on"),
        names("blocks"),
        text("phase"),
        priority,
        text("milestone"),
        estimate,
        "kind" in more,
        tuple(faults),
    )


def default_note() -> str:
    """What else a change's metadata may say, as a comment for whoever fills them in."""
    return "# More that may be said: depends_on, blocks (lists of changes), phase, priority, milestone, estimate (days)"
