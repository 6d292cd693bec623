"""What pantherOS keeps of a change besides OpenSpec's own files: `.pantheros.json`, which moves with it.

OpenSpec passes over files that begin with a dot. It is written only where something of ours is used: a change that
`panther spec gen` has not made, and that nobody has reviewed, has none.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pantheros.findings import PantherError
from pantheros.specs.delta import Delta, folded, read_delta
from pantheros.specs.main_spec import parts
from pantheros.specs.metadata import FILE as METADATA
from pantheros.specs.metadata import OWN_KEYS
from pantheros.specs.text import decoded
from pantheros.specs.tree import POLICY, SPEC, Root, archived_names, change_names, opened, read, read_bytes, spec_files

FILE = ".pantheros.json"
_FORMAT = 1


@dataclass(frozen=True)
class Review:
    """What somebody has said of a change, in a role; `digest` is that of what was looked at."""

    role: str
    name: str
    date: str
    verdict: Literal["approve", "reject"]
    message: str
    digest: str


@dataclass(frozen=True)
class Evidence:
    """A command that was run, and what came of it. `digest` is that of the fleet's files it ran on."""

    what: str
    command: str
    passed: bool
    result: str
    revision: str
    digest: str
    seconds: float
    date: str
    scenario: str = ""
    """The scenario that it shows, as `capability/requirement/scenario`; "" where it shows the whole."""


@dataclass(frozen=True)
class Forced:
    """Something that was done although a rule refused it."""

    what: str
    refused: str
    reason: str
    name: str
    date: str


@dataclass(frozen=True)
class Emergency:
    """A change that is implemented first, and what has to follow."""

    reason: str
    opened: str
    document_by: str
    review_by: str


WHOLE = "*"


@dataclass(frozen=True)
class Record:
    """What is kept of one change."""

    base: dict[str, dict[str, str | None]] = field(default_factory=dict)
    """By capability and requirement: its text when the change was made; None where there was no such requirement. With
    `WHOLE` among the names, all that the spec had are listed."""
    reviews: tuple[Review, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    forced: tuple[Forced, ...] = ()
    implemented_by: tuple[str, ...] = ()
    emergency: Emergency | None = None
    lessons: str = ""
    summary: str = ""


def read_record(change: Path) -> Record | None:
    """What is kept of a change; None where there is nothing. Raises `PantherError` for a file that is broken."""
    path = change / FILE
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PantherError(f"{path} cannot be read: {error}", help="take it from git, or delete it") from error
    return record_in(path, content)


def record_in(path: Path, content: bytes) -> Record:
    """The record in what a file holds. Raises `PantherError` for one that is broken."""
    try:
        data = json.loads(decoded(content))
    except ValueError as error:
        raise PantherError(f"{path} cannot be read: {error}", help="take it from git, or delete it") from error
    try:
        if data["format"] != _FORMAT:
            raise PantherError(f"{path} was written by another version of pantherOS")
        _see_that_it_is_sound(data)
        return Record(
            base=data.get("base", {}),
            reviews=tuple(Review(**each) for each in data.get("reviews", ())),
            evidence=tuple(Evidence(**each) for each in data.get("evidence", ())),
            forced=tuple(Forced(**each) for each in data.get("forced", ())),
            implemented_by=tuple(data.get("implemented_by", ())),
            emergency=Emergency(**data["emergency"]) if data.get("emergency") else None,
            lessons=data.get("lessons", ""),
            summary=data.get("summary", ""),
        )
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise PantherError(f"{path} is not what pantherOS writes: {error}", help="take it from git") from error


def _see_that_it_is_sound(data: Any) -> None:
    """Raise `TypeError` or `ValueError` for what has other types than ours."""

    def texts(values: Any, what: str) -> None:
        if not all(isinstance(value, str | bool | int | float) for value in values):
            raise TypeError(f"`{what}` holds something else than texts")

    for capability in data.get("base", {}).values():
        texts((text for text in capability.values() if text is not None), "base")
    for what in ("reviews", "evidence", "forced"):
        for each in data.get(what, ()):
            texts(each.values(), what)
    texts([data.get("lessons", ""), data.get("summary", ""), *data.get("implemented_by", ())], "lessons")
    emergency = data.get("emergency")
    if emergency:
        texts(emergency.values(), "emergency")
        for day in ("opened", "document_by", "review_by"):
            date.fromisoformat(emergency[day])


def as_bytes(record: Record) -> bytes:
    """The file of a record; what is empty is left out."""
    data: dict[str, Any] = {key: value for key, value in asdict(record).items() if value}
    return (json.dumps({"format": _FORMAT, **data}, indent=2, ensure_ascii=False) + "\n").encode()


def write_record(change: Path, record: Record) -> None:
    """Keep what is known of a change; the file is whole at any time. Whoever adds to it uses `update_record`."""
    path = change / FILE
    new = path.with_name(f"{FILE}.{os.getpid()}")
    new.write_bytes(as_bytes(record))
    new.replace(path)


def same_person(one: str, other: str) -> bool:
    """Whether two are the same by name or by address, as far as `Name <address>` tells."""

    def parts(who: str) -> set[str]:
        name, _, address = who.casefold().partition("<")
        return {part for part in (name.strip(), address.strip(" >")) if part}

    return bool(parts(one) & parts(other))


def with_review(record: Record, review: Review) -> Record:
    """A record with one more review; the last of a role counts."""
    return replace(record, reviews=(*record.reviews, review))


def with_author(record: Record, who: str) -> Record:
    """A record that names who has implemented the change, or a part of it."""
    return record if who in record.implemented_by else replace(record, implemented_by=(*record.implemented_by, who))


def with_evidence(record: Record, found: Iterable[Evidence]) -> Record:
    """A record with more evidence; of each thing, the last."""
    found = tuple(found)
    kept = tuple(each for each in record.evidence if each.what not in {new.what for new in found})
    return replace(record, evidence=(*kept, *found))


def without_evidence(record: Record, gone: Collection[Evidence]) -> Record:
    """A record without some of its evidence."""
    return replace(record, evidence=tuple(each for each in record.evidence if each not in gone))


# Fingerprints -----------------------------------------------------------------------------------------------------


def touched(delta: Delta) -> list[str]:
    """The requirements that a delta is about, by the names that they have before it."""
    new = {folded(renaming.new) for renaming in delta.renamed}
    names = [block.name for block in (*delta.added, *delta.modified) if folded(block.name) not in new]
    return list(dict.fromkeys([*names, *delta.removed, *(renaming.old for renaming in delta.renamed)]))


def current_base(root: Root, change: Path) -> dict[str, dict[str, str | None]]:
    """The texts, as they are now, of the requirements that a change is about."""
    found: dict[str, dict[str, str | None]] = {}
    for capability, path in spec_files(change / "specs").items():
        now = requirements_now(root, capability)
        found[capability] = {name: now.get(folded(name)) for name in touched(read_delta(read(path)))}
    return found


def whole_base(root: Root, capabilities: Iterable[str]) -> dict[str, dict[str, str | None]]:
    """All requirements of some specs as they are now, for a change of which it is not yet known what it is about."""
    return {capability: {**requirements_now(root, capability), WHOLE: None} for capability in capabilities}


def base_of(record: Record, capability: str, requirement: str) -> tuple[bool, str | None]:
    """Whether it is known what a requirement said when a change was written, and what."""
    known = record.base.get(capability, {})
    for name in (requirement, folded(requirement)):
        if name in known:
            return True, known[name]
    return WHOLE in known, None


def requirements_now(root: Root, capability: str) -> dict[str, str]:
    """The texts of a main spec's requirements, by their names without case and spacing."""
    try:
        text = read(root.specs / capability / SPEC)
    except OSError:
        return {}
    return requirements_of(text)


def requirements_of(text: str) -> dict[str, str]:
    """The texts of the requirements in a main spec, by their names without case and spacing."""
    return {folded(block.name): block.text for block in parts(text).blocks}


def uses_more(root: Root) -> bool:
    """Whether anything of pantherOS's own is used in a tree: a policy, a record, or a key of a change's metadata."""
    if (root.path / "openspec" / POLICY).is_file():
        return True
    if any(os.path.isfile(os.path.join(root.archive, name, FILE)) for name in archived_names(root)):
        return True
    for name in change_names(root):
        change = os.path.join(root.changes, name)
        if os.path.isfile(os.path.join(change, FILE)):
            return True
        with suppress(OSError), open(opened(os.path.join(change, METADATA)), "rb") as file:
            if _OWN_KEYS.search(file.read()):
                return True
    return False


_OWN_KEYS = re.compile(rb"^\s*[\"']?(?:%s)[\"']?\s*:" % "|".join(OWN_KEYS).encode(), re.MULTILINE)
