"""What is wrong with the open changes as a whole, besides what is wrong in each: what they owe, and wait for."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from pantheros.findings import PantherError
from pantheros.specs.issues import Level
from pantheros.specs.planning import compared, overlaps, plan
from pantheros.specs.policy import read_policy, standing
from pantheros.specs.rules import about_moved, all_duties
from pantheros.specs.tree import ARCHIVE, Root, change_names


class Problem(NamedTuple):
    """Something that a change owes, or that stands in its way."""

    change: str
    level: Level
    message: str
    about: str
    """`duty`, `moved`, `missing`, `order`, `overlap` or `record`."""


def problems(root: Root, today: date, only: str = "") -> list[Problem]:
    """All of it, the changes in their order; of one change alone, where one is named."""
    policy = read_policy(root)
    found: list[Problem] = []
    for name in [only] if only else change_names(root):
        try:
            now = standing(root, policy, name)
        except PantherError as error:
            found.append(Problem(name, "ERROR", error.message, "record"))
            continue
        # Of all changes at once, git is not asked: it would take a process for each.
        base = compared(root, name, now.record, history=bool(only))
        found += [Problem(name, "WARNING", about_moved(each).message, "moved") for each in base.moved]
        if now.record.emergency is None:
            found += [Problem(name, "INFO", lack, "missing") for lack in now.missing]
    try:
        owed = all_duties(root, policy, today)
    except PantherError as error:
        owed = []
        if not only and not any(each.about == "record" for each in found):
            found.append(Problem(ARCHIVE, "ERROR", error.message, "record"))
    for name, duty in owed:
        if only in ("", name):
            level: Level = "ERROR" if duty.overdue else "INFO"
            late = "overdue since" if duty.overdue else "due by"
            found.append(Problem(name, level, f"an emergency's duty is {late} {duty.by}: {duty.what}", "duty"))
    troubles = plan(root).troubles
    found += [Problem(each.change, "ERROR", each.message, "order") for each in troubles if only in ("", each.change)]
    for both in overlaps(root, only):
        one, other = both.changes
        first, second = (one, other) if only in ("", one) else (other, one)
        found.append(
            Problem(first, "WARNING", f"{second} is about “{both.requirement}” of {both.capability}, too", "overlap")
        )
    return found
