"""Which gates a change has to pass: the project's `openspec/policy.toml`, or what holds without one.

Gates are for changes that pantherOS knows of: those with a `kind` in their metadata, and, where there is a policy file,
every change. A change of OpenSpec's own in a project without a policy has none.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pantheros.findings import PantherError, nearest
from pantheros.git import authors
from pantheros.specs.delta import read_delta
from pantheros.specs.digests import implementation_digest, proposal_digest
from pantheros.specs.kinds import (
    ARCHITECT,
    IMPACT,
    KINDS,
    LIBRARIAN,
    REVIEWER,
    ROLES,
    SECURITY,
    unfilled,
    unfilled_tasks,
    unwritten,
)
from pantheros.specs.metadata import Planning, read_planning
from pantheros.specs.record import Record, Review, read_record, same_person
from pantheros.specs.tree import POLICY, Root, read, spec_files

Stage = Literal["implement", "archive"]
_KEYS = {
    *("implement", "archive", "security_capabilities", "security_words", "evidence"),
    *("document_within_days", "review_within_days"),
}


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
    security_words: tuple[str, ...] = (
        *("firewall", "ssh", "sudo", "root", "password", "passphrase", "secret", "credential", "token"),
        *("certificate", "encryption", "encrypted", "authentication", "authorised", "authorized", "privilege"),
        *("privileges", "permission", "permissions"),
    )
    """Words in a requirement's text that make it the security model's, whatever its capability is called."""
    evidence: bool = True
    """Whether archiving wants evidence that is fresh."""
    document_within_days: int = 3
    review_within_days: int = 14

    def roles(self, kind: str, stage: Stage, touches: Collection[str]) -> tuple[str, ...]:
        """The roles that have to approve a change of a kind, in the order of `ROLES`. `touches` are those that what it
        touches asks for, whatever its kind."""
        if stage == "archive":
            wanted = {*self.archive.get(kind, self.archive.get("*", (REVIEWER,))), *touches}
        elif kind in self.implement:
            wanted = {*self.implement[kind], *touches}
        else:
            # What is said of all kinds takes nothing from what one kind needs besides.
            own = KINDS[kind].gates if kind in KINDS else ()
            wanted = {*self.implement.get("*", (LIBRARIAN, ARCHITECT)), *own, *touches}
        return tuple(role for role in ROLES if role in wanted)


def read_policy(root: Root) -> Policy:
    """The project's rules. Raises `PantherError` for a file that is no policy."""
    path = root.path / "openspec" / POLICY
    try:
        data = tomllib.loads(read(path))
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
        security_words=tuple(_texts(path, data, "security_words", Policy.security_words)),
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


def standing(root: Root, policy: Policy, name: str, *, archived: bool = False) -> Standing:
    """How a change, an open one or one in the archive, stands to the rules. Raises `PantherError` for a record that
    cannot be read."""
    change = (root.archive if archived else root.changes) / name
    plan = read_planning(change)
    record = read_record(change)
    # Metadata that cannot be read may have said that it goes by our rules: a record of ours tells that it did.
    if not (policy.given or plan.own or (plan.faults and record is not None)):
        return Standing(plan, record or Record(), False, (), ())
    record = record or Record()
    known = {review.role: review for review in record.reviews}
    did_it = implementers(root, change, record) if REVIEWER in known else []
    gates: list[Gate] = []
    stages: tuple[Stage, Stage] = ("implement", "archive")
    for stage in stages:
        touches = set(_touches(policy, change, record, stage))
        for role in policy.roles(plan.kind, stage, touches):
            if stage == "archive" and any(gate.role == role for gate in gates):
                continue
            review = known.get(role)
            stale = review is not None and review.digest != reviewed(root, change, record, role)
            own = role == REVIEWER and review is not None and any(same_person(review.name, each) for each in did_it)
            gates.append(Gate(role, stage, review, stale=stale, own=own))
    return Standing(plan, record, True, tuple(gates), tuple(_missing(change, plan)))


def reviewed(root: Root, change: Path, record: Record, role: str) -> str:
    """What a review in a role looks at: the reviewer at what was implemented, the others at what is proposed."""
    return implementation_digest(root, change) if role == REVIEWER else proposal_digest(change, record)


def implementers(root: Root, change: Path, record: Record) -> list[str]:
    """Who implemented a change: those who ticked its tasks, here or in a commit."""
    return list(dict.fromkeys([*record.implemented_by, *_who_ticked(root, change)]))


def _who_ticked(root: Root, change: Path) -> list[str]:
    return authors(root.path, (change / "tasks.md").relative_to(root.path).as_posix())


def _touches(policy: Policy, change: Path, record: Record, stage: Stage) -> Iterator[str]:
    """The roles that a change needs for what it touches: the security model, or what others rely on."""
    if stage == "archive":
        shown = next((each for each in reversed(record.evidence) if each.what == "exposure"), None)
        if shown is not None and any(line.startswith("+ ") for line in shown.result.splitlines()):
            yield SECURITY
        return
    words = {word.lower() for word in policy.security_words}
    for capability, path in spec_files(change / "specs").items():
        if any(fnmatchcase(capability, pattern) for pattern in policy.security_capabilities):
            yield SECURITY
        delta = read_delta(read(path))
        texts = [block.text for block in (*delta.added, *delta.modified)] + list(delta.removed)
        if words & {word for text in texts for word in _WORD.findall(text.lower())}:
            yield SECURITY
    try:
        if "**BREAKING**" in read(change / "proposal.md"):
            yield IMPACT
    except OSError:
        return


_WORD = re.compile(r"[^\W_]+")


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
