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
from pantheros.insight.survey import Survey, survey

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
    """A capability whose state is another than it was. `before` is None where nothing could have had it then."""

    gap: Gap
    before: Status | None


@dataclass(frozen=True)
class Since:
    """What has changed since a revision."""

    revision: str
    improved: tuple[Moved, ...]
    worse: tuple[Moved, ...]
    counts: dict[str, tuple[int, int]]
    """How many there were, and are: modules, options, hosts, documents, changes that are done."""


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
        before = {gap.capability.id: gap.status for gap in assess(now.model, then)}
        was, now_is = _counts(then), _counts(now.survey)
    moved = [Moved(gap, before.get(gap.capability.id)) for gap in now.gaps]
    return Since(
        revision,
        tuple(each for each in moved if _RANK[each.gap.status] > _RANK[each.before]),
        tuple(each for each in moved if _RANK[each.gap.status] < _RANK[each.before]),
        {name: (was[name], now_is[name]) for name in was},
    )


def _counts(found: Survey) -> dict[str, int]:
    repository = found.repository
    return {
        "modules": len(repository.modules),
        "options": sum(len(module.facts.options) for module in repository.modules),
        "hosts": len(found.hosts),
        "documents": len(repository.docs),
        "changes": len(found.changes),
        "changes done": sum(change.status == "complete" for change in found.changes) + len(found.archived),
    }
