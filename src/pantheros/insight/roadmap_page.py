"""The roadmap as people and programs read it: Markdown with Mermaid, pictures, and data for JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, Literal

from pantheros.insight.prose import counted, escaped
from pantheros.insight.roadmap import Item, Milestone, Phase, Roadmap, State, counts
from pantheros.pictures import Bar, Box, Link, gantt, graph, shared_services
from pantheros.pictures import Milestone as PicturedMilestone
from pantheros.pictures.svg import INK, STATES

Picture = Literal["dependencies", "schedule", "services"]
PICTURES: tuple[Picture, ...] = ("dependencies", "schedule", "services")
MARKS: dict[State, str] = {"done": "✓", "active": "▶", "blocked": "■", "overdue": "!", "planned": "○"}
_PAST = timedelta(days=90)
"""What was done longer ago is left out of the schedule's pictures."""
_NO_CHANGES = "there are no changes yet"


# Markdown -----------------------------------------------------------------------------------------------------------


def as_markdown(found: Roadmap) -> str:
    """The page, without its marks."""
    lines = [f"# {escaped(found.title)}", "", f"As of {found.today}.", ""]
    for title, goals in (("Goals", found.goals), ("Not goals", found.non_goals)):
        if goals:
            lines += [f"## {title}", "", *(f"- {escaped(goal)}" for goal in goals), ""]
    if not found.items:
        return "\n".join([*lines, "There are no changes yet: `panther spec gen` begins one.", ""])
    lines += ["## Phases", "", "| Phase | Status | Changes | Tasks | Due |", "|---|---|---|---|---|"]
    for phase in found.phases:
        lines.append(f"| {' | '.join(_phase_row(phase))} |")
    lines.append("")
    for phase in found.phases:
        lines += _phase(phase)
    lines += _obstacles(found)
    lines += _next(found)
    lines += _schedule(found)
    lines += ["## What depends on what", "", "```mermaid", *_dependencies(found), "```", "", _legend(), ""]
    if found.services:
        lines += ["## Hosts and shared services", "", "```mermaid", *_mermaid_services(found), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _phase_row(phase: Phase) -> list[str]:
    done = sum(item.state == "done" for item in phase.items)
    tasks = f"{sum(item.done for item in phase.items)}/{sum(item.counted for item in phase.items)}"
    return [
        escaped(phase.title),
        f"{MARKS[phase.state]} {phase.state}",
        f"{done}/{len(phase.items)}",
        tasks,
        f"{phase.due or ''}",
    ]


def _phase(phase: Phase) -> list[str]:
    lines = [f"### {escaped(phase.title)}", ""]
    if phase.goal:
        lines += [escaped(phase.goal), ""]
    if phase.milestones:
        lines += [f"- {MARKS[each.state]} {_milestone(each)}" for each in phase.milestones]
        lines.append("")
    if phase.items:
        lines += ["| | Change | Tasks | Priority | Milestone | Can be done by |", "|---|---|---|---|---|---|"]
        lines += [f"| {' | '.join(_item_row(item))} |" for item in phase.items]
    else:
        lines.append("No change belongs to it yet.")
    return [*lines, ""]


def _milestone(each: Milestone) -> str:
    done = sum(item.state == "done" for item in each.items)
    due = f", due {each.due}" if each.due else ""
    return f"{escaped(each.title)} ({done}/{len(each.items)} changes{due})"


def _item_row(item: Item) -> list[str]:
    when = f"done {item.ended}" if item.ended else "done" if item.state == "done" else f"{item.ends or 'not known'}"
    return [
        MARKS[item.state],
        escaped(item.name),
        f"{item.done}/{item.total}" if item.total else "no tasks",
        item.planning.priority,
        escaped(item.milestone),
        when,
    ]


def _obstacles(found: Roadmap) -> list[str]:
    told = [item for item in found.open if item.why]
    lines = [
        f"- {MARKS[item.state]} **{escaped(item.name)}** is {_trouble(item)}: {escaped(item.why)}" for item in told
    ]
    lines += [f"- {escaped(trouble)}" for trouble in found.troubles]
    return ["## Blocked, overdue and late", "", *lines, ""] if lines else []


def _trouble(item: Item) -> str:
    return item.state if item.state in ("blocked", "overdue") else "going to be late"


def _next(found: Roadmap) -> list[str]:
    if not found.next:
        return []
    lines = ["## What can be worked on now", ""]
    for item in found.next[:10]:
        left = f"{item.total - item.done} of {item.total} tasks left" if item.total else "no tasks yet"
        priority = f", {item.planning.priority} priority" if item.planning.priority else ""
        lines.append(f"- {escaped(item.name)} ({left}{priority})")
    if len(found.next) > 10:
        lines.append(f"- and {len(found.next) - 10} more")
    return [*lines, ""]


def _schedule(found: Roadmap) -> list[str]:
    if not found.open:
        return []
    lines = ["## Schedule", "", found.reckoning, ""]
    if found.critical:
        way = " → ".join(escaped(name) for name in found.critical)
        lines += [f"All of it takes {found.days:.3g} days, to {found.end}. The critical path to that day: {way}.", ""]
    assumed = [item.name for item in found.open if item.reckoned == "assumed"]
    if assumed and found.days_per_task:
        listed = ", ".join(map(escaped, assumed[:8])) + (f" and {len(assumed) - 8} more" if len(assumed) > 8 else "")
        lines += [f"Assumed, for want of an estimate and of tasks or a pace, are the days of {listed}.", ""]
    if found.stuck:
        lines += [f"Not scheduled, since they wait for each other: {', '.join(map(escaped, found.stuck))}.", ""]
    return [*lines, "```mermaid", *_gantt(found), "```", ""]


# Mermaid ------------------------------------------------------------------------------------------------------------


def mermaid(found: Roadmap, picture: Picture) -> str:
    """One of the pictures, for Markdown."""
    made = {"dependencies": _dependencies, "schedule": _gantt, "services": _mermaid_services}[picture]
    return "\n".join(made(found)) + "\n"


def _label(text: str) -> str:
    """Text within quotes of a Mermaid graph."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


_STATEMENTS = re.compile(
    r"accdescr|acctitle|axisformat|call|click|dateformat|excludes|gantt|href|includes|inclusiveenddates|section"
    r"|tickinterval|title|todaymarker|topaxis|weekday|weekend",
    re.IGNORECASE,
)


def _plain(text: str) -> str:
    """Text of a Mermaid Gantt chart, where some signs have a meaning, none can be quoted, and a line that begins with a
    keyword is one of its statements (https://mermaid.js.org/syntax/gantt.html)."""
    plain = " ".join("".join(" " if c in ":;#,\n\r%" else c for c in text).split()) or "-"
    return f"\N{ZERO WIDTH SPACE}{plain}" if _STATEMENTS.match(plain) else plain


def _dependencies(found: Roadmap) -> Iterator[str]:
    yield "graph LR"
    ids = {item.name: f"c{number}" for number, item in enumerate(found.items)}
    for item in found.items:
        tasks = f"{item.done}/{item.total}" if item.total else "no tasks"
        yield f'  {ids[item.name]}["{_label(item.name)}<br/>{MARKS[item.state]} {tasks}"]:::{item.state}'
    for one, other in found.edges:
        yield f"  {ids[one]} --> {ids[other]}"
    used = counts(found.items)
    for state, number in used.items():
        colours = STATES[state]
        if number:
            yield f"  classDef {state} fill:{colours.fill},stroke:{colours.line},color:{INK}"


def _gantt(found: Roadmap) -> Iterator[str]:
    yield "gantt"
    yield "  dateFormat YYYY-MM-DD"
    number = 0
    for phase in found.phases:
        bars = _bars(found, phase)
        if not bars and not any(each.due for each in phase.milestones):
            continue
        yield f"  section {_plain(phase.title)}"
        for bar in bars:
            number += 1
            tags = [{"done": "done", "active": "active"}.get(bar.state, ""), "crit" if bar.critical else ""]
            marks = "".join(f"{tag}, " for tag in tags if tag)
            yield f"  {_plain(bar.title)} :{marks}t{number}, {bar.begin}, {bar.end}"
        for each in phase.milestones:
            if each.due is not None:
                number += 1
                yield f"  {_plain(each.title)} :milestone, t{number}, {each.due}, 0d"
    if not number:
        yield "  section Nothing"
        yield f"  {_plain(_NO_CHANGES)} :t0, {found.today}, 1d"


def _mermaid_services(found: Roadmap) -> Iterator[str]:
    yield "graph LR"
    yield "  subgraph Hosts"
    ids = {name: f"h{number}" for number, (name, _) in enumerate(found.hosts)}
    for name, kind in found.hosts:
        yield f'    {ids[name]}["{_label(name)}<br/>{kind}"]'
    yield "  end"
    yield '  subgraph shared["Shared services"]'
    for number, use in enumerate(found.services):
        yield f'    s{number}["{_label(use.title)}"]'
    yield "  end"
    for number, use in enumerate(found.services):
        for host in use.hosts:
            if host in ids:
                yield f"  {ids[host]} --> s{number}"


def _legend() -> str:
    return ", ".join(f"{mark} {state}" for state, mark in MARKS.items())


# Pictures -----------------------------------------------------------------------------------------------------------


def svg(found: Roadmap, picture: Picture) -> str:
    """One of the pictures, as it is."""
    if picture == "dependencies":
        return graph([_box(item) for item in found.items], found.edges, empty=_NO_CHANGES)
    if picture == "schedule":
        bars = [bar for phase in found.phases for bar in _bars(found, phase)]
        milestones = [
            PicturedMilestone(each.title, each.due, phase.title, each.state)
            for phase in found.phases
            for each in phase.milestones
            if each.due is not None
        ]
        return gantt(bars, milestones, found.today, empty=_NO_CHANGES)
    known = {name for name, _ in found.hosts}
    hosts = [Box(name, name, kind, "plain") for name, kind in found.hosts]
    services = [Box(use.id, use.title, counted(len(use.hosts), "host"), "plain") for use in found.services]
    links = [Link(host, use.id) for use in found.services for host in use.hosts if host in known]
    return shared_services(hosts, services, links, empty="no host shares a service with another")


def _box(item: Item) -> Box:
    tasks = f"{item.done}/{item.total} tasks" if item.total else "no tasks"
    return Box(item.name, item.name, tasks, item.state, item.critical)


def _bars(found: Roadmap, phase: Phase) -> list[Bar]:
    """What is drawn of a phase, in the order of time."""
    bars = [bar for item in phase.items if (bar := _bar(found, phase, item)) is not None]
    return sorted(bars, key=lambda bar: (bar.begin, bar.end, bar.title))


def _bar(found: Roadmap, phase: Phase, item: Item) -> Bar | None:
    """What is drawn of a change in time: from the day it was begun on, as far as that is known."""
    begin, end = item.begins, item.ends
    if item.state == "done":
        end = item.ended or (found.today if item.created else None)
        begin = item.created or end
    elif item.done and item.created is not None and begin is not None:
        begin = min(item.created, begin)
    if begin is None or end is None or end < found.today - _PAST:
        return None
    return Bar(item.name, item.name, phase.title, min(begin, end), end, item.state, item.critical, item.share)


# JSON ---------------------------------------------------------------------------------------------------------------


def as_json(found: Roadmap) -> dict[str, Any]:
    """The roadmap as `docs/roadmap.md` describes it."""
    return {
        "title": found.title,
        "as_of": f"{found.today}",
        "goals": list(found.goals),
        "non_goals": list(found.non_goals),
        "phases": [
            {
                "id": phase.id,
                "title": phase.title,
                "goal": phase.goal,
                "status": phase.state,
                **_done_of(phase.items),
                "begins": _day(phase.begins),
                "due": _day(phase.due),
                "changes": [item.name for item in phase.items],
                "milestones": [
                    {
                        "id": each.id,
                        "title": each.title,
                        "status": each.state,
                        **_done_of(each.items),
                        "due": _day(each.due),
                        "changes": [item.name for item in each.items],
                    }
                    for each in phase.milestones
                ],
            }
            for phase in found.phases
        ],
        "changes": [_item(item) for item in found.items],
        "dependencies": [{"first": one, "then": other} for one, other in found.edges],
        "blocked": [_obstacle(item) for item in found.open if item.state == "blocked"],
        "overdue": [_obstacle(item) for item in found.open if item.state == "overdue"],
        "late": [_obstacle(item) for item in found.open if item.late],
        "stuck": list(found.stuck),
        "troubles": list(found.troubles),
        "next": [item.name for item in found.next],
        "schedule": {
            "critical_path": list(found.critical),
            "days": round(found.days, 2),
            "days_per_task": round(found.days_per_task, 3),
            "pace": {"tasks": found.pace.tasks, "days": found.pace.days},
            "at_once": found.at_once,
            "basis": found.reckoning,
        },
        "hosts": [{"name": name, "kind": kind} for name, kind in found.hosts],
        "services": [{"id": use.id, "title": use.title, "hosts": list(use.hosts)} for use in found.services],
    }


def _done_of(items: Iterable[Item]) -> dict[str, int]:
    items = list(items)
    return {
        "done": sum(item.state == "done" for item in items),
        "total": len(items),
        "completedTasks": sum(item.done for item in items),
        "totalTasks": sum(item.counted for item in items),
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "name": item.name,
        "status": item.state,
        "completedTasks": item.done,
        "totalTasks": item.total,
        "phase": item.phase or None,
        "milestone": item.milestone or None,
        "priority": item.planning.priority or None,
        "due": _day(item.due),
        "waits_for": list(item.waits_for),
        "why": item.why or None,
        "archived": _day(item.ended),
        "begins": _day(item.begins),
        "ends": _day(item.ends),
        "days_left": round(item.days, 2),
        "reckoned_from": item.reckoned or None,
        "critical": item.critical,
        "slack_days": round(item.slack, 2),
    }


def _obstacle(item: Item) -> dict[str, Any]:
    return {"name": item.name, "why": item.why, "waits_for": list(item.waits_for)}


def _day(given: date | None) -> str | None:
    return f"{given}" if given is not None else None
