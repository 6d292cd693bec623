"""Where a repository stands: its survey, its gaps, and what is recommended; and how that has changed."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pantheros.findings import Finding
from pantheros.git import export
from pantheros.insight.capabilities import Model, read_model
from pantheros.insight.gaps import Gap, Status, assess
from pantheros.insight.proposals import Recommended, recommend
from pantheros.insight.roadmap import tasks_done
from pantheros.insight.survey import Survey, survey
from pantheros.specs.tree import Root

_RANK: dict[Status | None, int] = {None: 0, "missing": 0, "partial": 1, "present": 2}


@dataclass(frozen=True)
class Standing:
    """All of it, at one time."""

    survey: Survey
    model: Model
    gaps: tuple[Gap, ...]
    recommended: Recommended
    findings: tuple[Finding, ...]
    """What is wrong with the repository's own `capabilities.toml`."""


class Moved(NamedTuple):
    """A capability that stands otherwise than it did. `before` is None where nothing could have had it then."""

    gap: Gap
    before: Gap | None
    hosts: tuple[str, ...] = ()
    """In what improved, the hosts that have it now and had it not; in what got worse, those that lack it and did not
    before."""

    @property
    def was(self) -> Status | None:
        return self.before.status if self.before is not None else None


@dataclass(frozen=True)
class Since:
    """What has changed since a revision."""

    revision: str
    improved: tuple[Moved, ...]
    worse: tuple[Moved, ...]
    counts: dict[str, tuple[int, int]]
    """How many there were, and are: modules, options, hosts, documents, changes and tasks that are done."""


def standing(root: Path) -> Standing:
    """Where the repository in `root` stands. Raises `PantherError` where there is no such directory."""
    found = survey(root)
    model, findings = read_model(found.repository.root)
    gaps = assess(model, found)
    return Standing(found, model, gaps, recommend(model, gaps, found.changes), tuple(findings))


def since(now: Standing, revision: str) -> Since:
    """What has changed since a revision, by the same expectations. Raises `PantherError` where git has none such."""
    root = now.survey.repository.root
    with tempfile.TemporaryDirectory(prefix="panther-") as directory:
        export(root, revision, Path(directory))
        then = survey(Path(directory), kept_for=root)
        before = {gap.capability.id: gap for gap in assess(now.model, then)}
        was, now_is = _counts(then), _counts(now.survey)
    pairs = [(gap, before.get(gap.capability.id)) for gap in now.gaps]
    return Since(
        revision,
        tuple(moved for gap, then in pairs if (moved := _improved(gap, then, now.survey)) is not None),
        tuple(moved for gap, then in pairs if (moved := _worse(gap, then)) is not None),
        {name: (was[name], now_is[name]) for name in was},
    )


def _improved(now: Gap, then: Gap | None, found: Survey) -> Moved | None:
    """A capability whose state is a better one; or that is lacking in less than it was, at the same state."""
    lacked = then.lacking if then is not None else ()
    wanted = [host.name for host in found.hosts if host.kind in now.capability.hosts]
    hosts = tuple(name for name in lacked if name in wanted and name not in (*now.lacking, *now.unsure))
    more = _RANK[now.status] - _RANK[then.status if then is not None else None]
    fewer = bool(hosts) if now.capability.measure is None else _lacking(now) < _lacking(then)
    return Moved(now, then, hosts) if more > 0 or (not more and fewer) else None


def _worse(now: Gap, then: Gap | None) -> Moved | None:
    """A capability whose state is a worse one; or that is lacking in more than it was, at the same state."""
    if then is None:
        return None
    hosts = tuple(name for name in now.lacking if name not in then.lacking) if now.capability.measure is None else ()
    less = _RANK[then.status] - _RANK[now.status]
    fewer = bool(hosts) if now.capability.measure is None else _lacking(now) > _lacking(then)
    return Moved(now, then, hosts) if less > 0 or (not less and fewer) else None


def _lacking(gap: Gap | None) -> int:
    return gap.count[1] - gap.count[0] if gap is not None and gap.count is not None else 0


def _counts(found: Survey) -> dict[str, int]:
    repository = found.repository
    tree = Root(repository.root)
    return {
        "modules": len(repository.modules),
        "options": sum(len(module.facts.options) for module in repository.modules),
        "hosts": len(found.hosts),
        "documents": len(repository.docs),
        "changes": len(found.changes),
        "changes done": sum(change.status == "complete" for change in found.changes) + len(found.archived),
        "tasks done": tasks_done(tree),
    }
