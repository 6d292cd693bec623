"""What keeps a change from being implemented or archived, by the rules of the project."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from pantheros.specs.evidence import lacking
from pantheros.specs.kinds import REVIEWER
from pantheros.specs.listing import progress
from pantheros.specs.planning import Moved, compared, plan
from pantheros.specs.policy import Policy, Stage, Standing, standing
from pantheros.specs.record import FILE as RECORD
from pantheros.specs.tree import Root, archived_names, change_names


class Objection(NamedTuple):
    """Something that keeps a change from going on, and what to do about it."""

    code: str
    message: str
    help: str = ""


def objections(
    root: Root, policy: Policy, name: str, now: Standing, stage: Stage, today: date | None = None
) -> list[Objection]:
    """All that keeps a change from being implemented, or archived. Where no rules apply to it, that is what would
    overwrite newer wording, and, of implementing it, what has to come first."""
    base = compared(root, name, now.record)
    found = [about_moved(each) for each in base.moved]
    if now.governed or stage == "implement":
        found += dependencies(root, name, stage)
    if not now.governed:
        return found
    if stage == "implement" and now.record.emergency is not None:
        return [each for each in found if each.code == "base_moved"]  # what cannot wait is done first
    found += [Objection("proposal_incomplete", lack) for lack in now.missing]
    for gate in now.closed(stage):
        found.append(
            Objection("gate_closed", gate.why, f"panther spec review {name} --as {gate.role} --approve -m ...")
        )
    if base.unknown:
        message = f"it is not known what {base.unknown[0]} said when the change was written"
        found.append(Objection("base_unknown", message, f"panther spec rebase {name}, once the delta is up to date"))
    if stage == "archive":
        done, total = progress(root, root.changes / name)
        if done < total:
            found.append(Objection("tasks_open", f"{total - done} of {total} tasks are open"))
        if policy.evidence:
            help = f"panther spec check {name}"
            found += [Objection("evidence_missing", lack, help) for lack in lacking(root, now.record)]
        for duty in duties(now, progress(root, root.changes / name), today or date.today()):
            found.append(Objection("duty_open", f"the emergency is not over: {duty.what}, by {duty.by}"))
    return found


def dependencies(root: Root, name: str, stage: Stage) -> list[Objection]:
    """The changes that come first, and are open, or are not there at all."""
    whole = plan(root)
    found = [
        Objection("dependency_missing", trouble.message, "take it out of `depends_on` or `blocks`, or begin it")
        for trouble in whole.troubles
        if trouble.change == name and trouble.missing
    ]
    verb = "archived" if stage == "archive" else "implemented"
    for other in whole.waits_for(name):
        found.append(Objection("dependency_open", f"{other} comes first, and is open", f"{other} has to be {verb}"))
    return found


def about_moved(each: Moved) -> Objection:
    if each.now is None or each.base is None:
        happened = "was taken out of" if each.now is None else "has come into"
        message = f"“{each.requirement}” {happened} {each.capability} since the change was written"
    else:
        message = f"“{each.requirement}” of {each.capability} reads otherwise than when the change was written"
    return Objection(
        "base_moved",
        message,
        "look with `panther spec diff`, bring the delta up to date, then `panther spec rebase --accept`",
    )


class Duty(NamedTuple):
    """What has to follow on an emergency, and by when."""

    what: str
    by: str
    overdue: bool


def duties(now: Standing, tasks: tuple[int, int], today: date) -> list[Duty]:
    """What an emergency still owes: its documentation, and the review of what happened. `tasks`: those done, of all."""
    emergency = now.record.emergency
    if emergency is None:
        return []
    found = []
    if now.missing:
        found.append(("document what was done", emergency.document_by))
    done, total = tasks
    reviewed = any(review.role == REVIEWER and review.verdict == "approve" for review in now.record.reviews)
    if not reviewed or done < total:
        found.append(("review what happened", emergency.review_by))
    return [Duty(what, by, date.fromisoformat(by) < today) for what, by in found]


def all_duties(root: Root, policy: Policy, today: date) -> list[tuple[str, Duty]]:
    """What emergencies owe, each with the name of its change: open ones, and those that were archived all the same."""
    found = []
    for names, directory in ((change_names(root), root.changes), (archived_names(root), root.archive)):
        for name in names:
            if (directory / name / RECORD).is_file():
                now = standing(root, policy, name, archived=directory == root.archive)
                if now.record.emergency is not None:
                    found += [(name, duty) for duty in duties(now, progress(root, directory / name), today)]
    return found


def doubts(root: Root, name: str, now: Standing) -> list[str]:
    """What could not be looked into about a change."""
    unknown = compared(root, name, now.record).unknown
    if not unknown:
        return []
    listed = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
    return [f"whether the specs have moved since it was written: no fingerprint of {listed}"]
