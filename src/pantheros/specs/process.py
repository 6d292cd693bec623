"""What is wrong with the open changes as a whole, besides what is wrong in each: what they owe, and wait for."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from pantheros.findings import PantherError
from pantheros.specs.issues import Level
from pantheros.specs.planning import overlaps, plan
from pantheros.specs.policy import read_policy, standing
from pantheros.specs.rules import duties, objections
from pantheros.specs.tree import Root, change_names


class Problem(NamedTuple):
    """Something that a change owes, or that stands in its way."""

    change: str
    level: Level
    message: str
    about: str
    """`duty`, `moved`, `missing`, `order`, `overlap` or `record`."""


def problems(root: Root, today: date) -> list[Problem]:
    """All of it, the changes in their order."""
    policy = read_policy(root)
    found: list[Problem] = []
    for name in change_names(root):
        try:
            now = standing(root, policy, name)
        except PantherError as error:
            found.append(Problem(name, "ERROR", error.message, "record"))
            continue
        for duty in duties(root, now, name, today):
            level: Level = "ERROR" if duty.overdue else "INFO"
            late = "overdue since" if duty.overdue else "due by"
            found.append(Problem(name, level, f"an emergency's duty is {late} {duty.by}: {duty.what}", "duty"))
        found += [
            Problem(name, "WARNING", each.message, "moved")
            for each in objections(root, policy, name, now, "implement")
            if each.code == "base_moved"
        ]
        if now.record.emergency is None:
            found += [Problem(name, "INFO", lack, "missing") for lack in now.missing]
    found += [Problem(trouble.change, "ERROR", trouble.message, "order") for trouble in plan(root).troubles]
    for both in overlaps(root):
        one, other = both.changes
        found.append(
            Problem(one, "WARNING", f"{other} is about “{both.requirement}” of {both.capability}, too", "overlap")
        )
    return found
