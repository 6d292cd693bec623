"""Recommended proposals as OpenSpec changes: begun, with all that the analysis knows, for people to go on with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

from pantheros.insight.gaps import Gap
from pantheros.insight.gaps_report import known
from pantheros.insight.proposals import Proposal
from pantheros.specs.delta import folded
from pantheros.specs.generate import New, begin
from pantheros.specs.kinds import KINDS, WHAT, WHY, parts_of
from pantheros.specs.record import requirements_now
from pantheros.specs.tree import SPEC, Root, change_names, spec_files

_GROUPS_AFTER = (
    ("Validation", ("Build and check every host", "Try what is new, and the way back")),
    ("Documentation", ("Bring the documentation up to date",)),
)


def propose(root: Root, proposals: Sequence[Proposal], today: date) -> dict[str, list[Path]]:
    """Begin a change for each proposal; by its name, the files that were written, relative to the root. Raises
    `PantherError` where a change of that name is there."""
    names = {each.id: name_of(root, each) for each in proposals}
    known = {**{name: name for name in change_names(root)}, **names}
    return {
        names[each.id]: begin(
            root, _new(each, names[each.id], known, set(names.values())), today, written=contents(root, each)
        )
        for each in proposals
    }


def name_of(root: Root, each: Proposal) -> str:
    """What the change is called: as the proposal, unless a spec or a change that is done is called so already."""
    names = (each.id, f"add-{each.id}", f"finish-{each.id}", f"complete-{each.id}")
    taken = {*change_names(root), *spec_files(root.specs)}
    return next((name for name in names if name not in taken), each.id)


def _new(each: Proposal, name: str, known: Mapping[str, str], new: Collection[str]) -> New:
    first = tuple(known[other] for other in each.depends_on if other in known)
    # What waits for it and was begun before it could not say so.
    after = tuple(known[other] for other in each.blocks if other in known and known[other] not in new)
    kind = KINDS[each.template.kind]
    return New(name, kind, priority=each.priority, depends_on=first, blocks=after, estimate=each.days)


def contents(root: Root, each: Proposal) -> dict[str, str]:
    """The files of a change: its proposal, its tasks, and a delta for each area."""
    files = {"proposal.md": _proposal(each), "tasks.md": _tasks(each)}
    areas: dict[str, list[Gap]] = {}
    for gap in each.gaps:
        areas.setdefault(gap.capability.area, []).append(gap)
    for area, gaps in areas.items():
        there = requirements_now(root, area)
        new = [gap for gap in gaps if gap.capability.requirement and folded(gap.capability.title) not in there]
        if new:
            files[f"specs/{area}/{SPEC}"] = _delta(new)
    return files


def _proposal(each: Proposal) -> str:
    kind = KINDS[each.template.kind]
    lines = [f"# {each.template.title}", ""]
    for part in parts_of(kind):
        lines += [f"## {part.title}", ""]
        if part is WHY:
            lines += [each.template.rationale, ""]
            lines += [f"- {gap.capability.title}: {gap.capability.why}" for gap in each.gaps]
        elif part is WHAT:
            for gap in each.gaps:
                now = known(gap)
                lines.append(f"- {gap.capability.title} ({gap.status}{f': {now}' if now else ''})")
                lines += [f"  - {step}" for step in gap.capability.scope]
        else:
            lines.append(f"<!-- {part.about} -->")
        lines.append("")
    if each.template.questions:
        lines += ["## Open Questions", "", *(f"- {question}" for question in each.template.questions), ""]
    return "\n".join(lines)


def _tasks(each: Proposal) -> str:
    groups = [(gap.capability.title, gap.capability.scope) for gap in each.gaps if gap.capability.scope]
    lines = [f"# Tasks: {each.template.title}", ""]
    for number, (title, steps) in enumerate([*groups, *_GROUPS_AFTER], 1):
        lines += [f"## {number}. {title}", ""]
        lines += [f"- [ ] {number}.{at} {step}" for at, step in enumerate(steps, 1)]
        lines.append("")
    return "\n".join(lines)


def _delta(gaps: Iterable[Gap]) -> str:
    lines = ["## ADDED Requirements", ""]
    for gap in gaps:
        scenario = gap.capability.scenario
        lines += [f"### Requirement: {gap.capability.title}", gap.capability.requirement, ""]
        if scenario is not None:
            lines += [
                f"#### Scenario: {scenario.name}",
                f"- **WHEN** {scenario.when}",
                f"- **THEN** {scenario.then}",
                "",
            ]
    return "\n".join(lines)
