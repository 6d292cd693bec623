"""Which gates a change has to pass: the project's `openspec/policy.toml`, or what holds without one.

Gates are for changes that pantherOS knows of: those with a `kind` in their metadata, and, where there is a policy file,
every change. A change of OpenSpec's own in a project without a policy has none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pantheros.findings import PantherError, nearest
from pantheros.specs.kinds import (
    ARCHITECT,
    KINDS,
    LIBRARIAN,
    REVIEWER,
    ROLES,
    SECURITY,
    unfilled,
    unfilled_tasks,
    unwritten,
)
from pantheros.specs.metadata import Metadata, NotMetadata, Planning, planning, read_metadata
from pantheros.specs.record import Record, Review, digest, read_record, same_person
from pantheros.specs.text import decoded
from pantheros.specs.tree import POLICY, Root, read, spec_files

Stage = Literal["implement", "archive"]
_KEYS = {"implement", "archive", "security_capabilities", "evidence", "document_within_days", "review_within_days"}


@dataclass(frozen=True)
class Policy:
    """The rules of a project."""

    given: bool = False
    """Whether the project has a policy file."""
    implement: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Roles that have to approve before a change is implemented, by kind; `*` for all."""
    archive: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Those that have to approve before it is archived."""
    security_capabilities: tuple[str, ...] = ("*security*", "*firewall*", "*secret*", "*auth*", "*ssh*", "*encrypt*")
    """Capabilities whose requirements are the security model's; `*` stands for any part."""
    evidence: bool = True
    """Whether archiving wants evidence that is fresh."""
    document_within_days: int = 3
    review_within_days: int = 14

    def roles(self, kind: str, stage: Stage, *, security: bool) -> tuple[str, ...]:
        """The roles that have to approve a change of a kind, in the order of `ROLES`."""
        said = self.implement if stage == "implement" else self.archive
        wanted = set(said.get(kind, said.get("*", self._usual(kind, stage))))
        if security and stage == "implement":
            wanted.add(SECURITY)
        return tuple(role for role in ROLES if role in wanted)

    @staticmethod
    def _usual(kind: str, stage: Stage) -> tuple[str, ...]:
        if stage == "archive":
            return (REVIEWER,)
        return (LIBRARIAN, ARCHITECT, *(KINDS[kind].gates if kind in KINDS else ()))


def read_policy(root: Root) -> Policy:
    """The project's rules. Raises `PantherError` for a file that is no policy."""
    path = root.path / "openspec" / POLICY
    try:
        data = tomllib.loads(decoded(path.read_bytes()))
    except FileNotFoundError:
        return Policy()
    except OSError as error:
        raise PantherError(f"{path} cannot be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise PantherError(f"{path} is not valid TOML: {error}") from error
    for key in data:
        if key not in _KEYS:
            guess = nearest(key, _KEYS)
            help = f"did you mean `{guess}`?" if guess else f"it knows {', '.join(sorted(_KEYS))}"
            raise PantherError(f"{path} has no use for `{key}`", help=help)
    return Policy(
        given=True,
        implement=_gates(path, data, "implement"),
        archive=_gates(path, data, "archive"),
        security_capabilities=tuple(_texts(path, data, "security_capabilities", Policy.security_capabilities)),
        evidence=_yes_or_no(path, data, "evidence"),
        document_within_days=_days(path, data, "document_within_days", Policy.document_within_days),
        review_within_days=_days(path, data, "review_within_days", Policy.review_within_days),
    )


def _gates(path: Path, data: dict[str, Any], name: str) -> dict[str, tuple[str, ...]]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise PantherError(f"{path}: `{name}` takes a table: a kind (or `*`), and the roles that have to approve")
    found = {}
    for kind in table:
        if kind != "*" and kind not in KINDS:
            raise PantherError(f"{path}: there is no kind `{kind}`", help=f"there are {', '.join(KINDS)}")
        found[kind] = tuple(_texts(path, table, kind, ()))
        for role in found[kind]:
            if role not in ROLES:
                raise PantherError(f"{path}: there is no role `{role}`", help=f"there are {', '.join(ROLES)}")
    return found


def _texts(path: Path, data: dict[str, Any], name: str, default: tuple[str, ...]) -> list[str]:
    value = data.get(name, list(default))
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise PantherError(f"{path}: `{name}` takes a list of texts")
    return value


def _days(path: Path, data: dict[str, Any], name: str, default: int) -> int:
    value = data.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LONGEST:
        raise PantherError(f"{path}: `{name}` takes a number of days")
    return value


_LONGEST = 3650
"""Days after which nothing is owed any more."""


def _yes_or_no(path: Path, data: dict[str, Any], name: str) -> bool:
    value = data.get(name, True)
    if not isinstance(value, bool):
        raise PantherError(f"{path}: `{name}` takes true or false")
    return value


# How a change stands to them --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gate:
    """One approval that a change needs."""

    role: str
    stage: Stage
    review: Review | None
    """What was said last in that role."""
    stale: bool = False
    """Whether the change was edited since."""
    own: bool = False
    """Whether who reviewed it is who implemented it."""

    @property
    def open(self) -> bool:
        return self.review is not None and self.review.verdict == "approve" and not (self.stale or self.own)

    @property
    def why(self) -> str:
        """Why it is closed, or who opened it."""
        if self.review is None:
            return f"nobody has reviewed it as {self.role}: {ROLES[self.role]}"
        if self.review.verdict == "reject":
            return f"{self.review.name} rejected it as {self.role} on {self.review.date}: {self.review.message}"
        if self.own:
            return f"{self.review.name} implemented it, and cannot be its {self.role}"
        if self.stale:
            return f"it was edited after {self.review.name} approved it as {self.role} on {self.review.date}"
        return f"{self.review.name} approved it on {self.review.date}"


@dataclass(frozen=True)
class Standing:
    """What pantherOS knows of a change besides its deltas."""

    planning: Planning
    record: Record
    governed: bool
    """Whether the rules apply to it."""
    gates: tuple[Gate, ...]
    missing: tuple[str, ...]
    """What its proposal lacks."""

    def closed(self, stage: Stage) -> list[Gate]:
        """The gates that keep it from being implemented, or archived."""
        stages = ("implement",) if stage == "implement" else ("implement", "archive")
        return [gate for gate in self.gates if gate.stage in stages and not gate.open]


def standing(root: Root, policy: Policy, name: str) -> Standing:
    """How a change stands to the rules. Raises `PantherError` for a record that cannot be read."""
    change = root.changes / name
    try:
        metadata = read_metadata(change) or Metadata()
    except NotMetadata:
        metadata = Metadata()
    plan = planning(metadata.more)
    record = read_record(change)
    if not (policy.given or plan.kind):
        return Standing(plan, record or Record(), False, (), ())
    security = any(
        fnmatchcase(capability, pattern)
        for capability in spec_files(change / "specs")
        for pattern in policy.security_capabilities
    )
    now = digest(change)
    known = {review.role: review for review in (record or Record()).reviews}
    authors = record.implemented_by if record is not None else ()
    gates = []
    stages: tuple[Stage, Stage] = ("implement", "archive")
    for stage in stages:
        for role in policy.roles(plan.kind, stage, security=security):
            review = known.get(role)
            stale = review is not None and review.digest != now
            own = role == REVIEWER and review is not None and any(same_person(review.name, each) for each in authors)
            gates.append(Gate(role, stage, review, stale=stale, own=own))
    return Standing(plan, record or Record(), True, tuple(gates), tuple(_missing(change, plan)))


def _missing(change: Path, plan: Planning) -> Iterator[str]:
    for fault in plan.faults:
        yield f".openspec.yaml: {fault}"
    if plan.kind and plan.kind not in KINDS:
        guess = nearest(plan.kind, KINDS)
        yield f".openspec.yaml: there is no kind `{plan.kind}`" + (f", perhaps `{guess}`" if guess else "")
    kind = KINDS.get(plan.kind)
    if kind is None:
        return
    try:
        text = read(change / "proposal.md")
    except OSError:
        text = ""
        yield "proposal.md: it is missing"
    for part, why in unwritten(kind, text) if text else ():
        yield f"proposal.md: the section {part} {why}"
    for number in unfilled_tasks(read(change / "tasks.md")) if (change / "tasks.md").is_file() else ():
        yield f"tasks.md: the task {number} is not filled in"
    for capability, path in spec_files(change / "specs").items():
        if unfilled(read(path)):
            yield f"specs/{capability}/spec.md: what the template put there is not filled in"
