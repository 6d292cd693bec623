"""What keeps a change from being implemented or archived, by the rules of the project."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from pantheros.specs.evidence import lacking
from pantheros.specs.listing import progress
from pantheros.specs.planning import Moved, moved, plan, without_fingerprint
from pantheros.specs.policy import Policy, Stage, Standing
from pantheros.specs.tree import Root


class Objection(NamedTuple):
    """Something that keeps a change from going on, and what to do about it."""

    code: str
    message: str
    help: str = ""


def objections(root: Root, policy: Policy, name: str, now: Standing, stage: Stage) -> list[Objection]:
    """All that keeps a change from being implemented, or archived; nothing where no rules apply to it."""
    found = [_about_moved(each) for each in moved(root, name, now.record)]
    if not now.governed:
        return found
    if stage == "implement" and now.record.emergency is not None:
        return found  # what cannot wait is done first
    found += [Objection("proposal_incomplete", lack) for lack in now.missing]
    for gate in now.closed(stage):
        found.append(
            Objection("gate_closed", gate.why, f"panther spec review {name} --as {gate.role} --approve -m ...")
        )
    for other in plan(root).waits_for(name):
        verb = "archived" if stage == "archive" else "implemented"
        found.append(Objection("dependency_open", f"{other} comes first, and is open", f"{other} has to be {verb}"))
    unknown = without_fingerprint(root, name, now.record)
    if unknown:
        message = f"it is not known what {unknown[0]} said when the change was written"
        found.append(Objection("base_unknown", message, f"panther spec rebase {name}, once the delta is up to date"))
    if stage == "archive":
        done, total = progress(root, root.changes / name)
        if done < total:
            found.append(Objection("tasks_open", f"{total - done} of {total} tasks are open"))
        if policy.evidence:
            help = f"panther spec check {name}"
            found += [Objection("evidence_missing", lack, help) for lack in lacking(root, now.record)]
    return found


def _about_moved(each: Moved) -> Objection:
    if each.now is None or each.base is None:
        happened = "was taken out of" if each.now is None else "has come into"
        message = f"“{each.requirement}” {happened} {each.capability} since the change was written"
    else:
        message = f"“{each.requirement}” of {each.capability} reads otherwise than when the change was written"
    return Objection("base_moved", message, "look with `panther spec diff`, bring the delta up to date, then rebase it")


class Duty(NamedTuple):
    """What has to follow on an emergency, and by when."""

    what: str
    by: str
    overdue: bool


def duties(root: Root, now: Standing, name: str, today: date) -> list[Duty]:
    """What an emergency still owes: its documentation, and the review of what happened."""
    emergency = now.record.emergency
    if emergency is None:
        return []
    found = []
    if now.missing:
        found.append(("document what was done", emergency.document_by))
    done, total = progress(root, root.changes / name)
    reviewed = any(review.role == "reviewer" for review in now.record.reviews)
    if not reviewed or done < total:
        found.append(("review what happened", emergency.review_by))
    return [Duty(what, by, date.fromisoformat(by) < today) for what, by in found]


def doubts(root: Root, name: str, now: Standing) -> list[str]:
    """What could not be looked into about a change."""
    unknown = without_fingerprint(root, name, now.record)
    if not unknown:
        return []
    listed = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
    return [f"whether the specs have moved since it was written: no fingerprint of {listed}"]
