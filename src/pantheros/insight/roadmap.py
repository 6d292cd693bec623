"""The way ahead: phases, milestones and changes, how far each is, what stands in the way, and when it can be done."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

import networkx as nx

from pantheros.findings import Finding, PantherError
from pantheros.git import commit_before, export, first_commit
from pantheros.insight import roadmap_file
from pantheros.insight.capabilities import Model
from pantheros.insight.evidence import Witness
from pantheros.insight.gaps import switches
from pantheros.insight.roadmap_file import RoadmapFile, day
from pantheros.insight.schedule import Scheduled, schedule
from pantheros.insight.survey import Survey
from pantheros.specs.listing import progress
from pantheros.specs.metadata import PRIORITIES, Metadata, NotMetadata, Planning, read_metadata, read_planning
from pantheros.specs.planning import plan
from pantheros.specs.tree import Root, archived_names, change_names, without_day

State = Literal["done", "active", "blocked", "overdue", "planned"]
PACE_DAYS = 30
"""Days back over which the pace is taken."""
_ASSUMED_DAYS_PER_TASK = 0.5
_ASSUMED_DAYS = 2.0
"""Days of a change that has neither an estimate nor tasks."""
NO_PHASE = ""


class Pace(NamedTuple):
    """Tasks that were done over some days; days a task takes follow from it. Of no days nothing is known."""

    tasks: int
    days: int

    @property
    def days_per_task(self) -> float | None:
        return self.days / self.tasks if self.tasks > 0 and self.days else None

    def __str__(self) -> str:
        return f"{self.tasks}/{self.days}"


def read_pace(text: str) -> Pace | None:
    """The pace that a text such as `4/30` tells; None where it tells none."""
    tasks, _, days = text.partition("/")
    return Pace(int(tasks), int(days)) if tasks.lstrip("-").isdecimal() and days.isdecimal() else None


@dataclass(frozen=True)
class Item:
    """A change on the way: open, archived, or only named in roadmap.toml."""

    name: str
    state: State
    done: int
    total: int
    planning: Planning
    phase: str
    milestone: str
    due: date | None
    """The nearest day by which its milestone or its phase is due."""
    waits_for: tuple[str, ...] = ()
    """What comes before it and is not done."""
    why: str = ""
    """Why it is blocked or overdue, or that it will be late."""
    ended: date | None = None
    """The day on which it was archived."""
    created: date | None = None
    """The day that its metadata names."""
    begins: date | None = None
    """The day on which what is left of it can begin."""
    ends: date | None = None
    """The first day on which it can be done."""
    days: float = 0.0
    """Days of work that are left."""
    reckoned: str = ""
    """What the days come from: `estimate`, `pace`, `assumed`."""
    critical: bool = False
    slack: float = 0.0
    """Days by which it can be late without all of it taking longer."""

    @property
    def late(self) -> bool:
        """Whether it is not overdue yet but will be, as the schedule goes."""
        return self.state != "overdue" and self.due is not None and self.ends is not None and self.ends > self.due

    @property
    def counted(self) -> int:
        """Its tasks; of an archived change, those that were done: nobody does the others any more."""
        return self.done if self.ended else self.total

    @property
    def share(self) -> float:
        return self.done / self.total if self.total else float(self.state == "done")


@dataclass(frozen=True)
class Phase:
    """A phase, with its changes in order."""

    id: str
    title: str
    goal: str
    begins: date | None
    due: date | None
    items: tuple[Item, ...]
    milestones: tuple[Milestone, ...]

    @property
    def state(self) -> State:
        return _together(self.items)


@dataclass(frozen=True)
class Milestone:
    """A milestone, with what belongs to it."""

    id: str
    title: str
    phase: str
    due: date | None
    items: tuple[Item, ...]

    @property
    def state(self) -> State:
        return _together(self.items)


class Use(NamedTuple):
    """A service that hosts share, and which of them use it."""

    id: str
    title: str
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Roadmap:
    """All of it."""

    title: str
    goals: tuple[str, ...]
    non_goals: tuple[str, ...]
    today: date
    phases: tuple[Phase, ...]
    items: tuple[Item, ...]
    edges: tuple[tuple[str, str], ...]
    """What comes before what: (first, then)."""
    stuck: tuple[str, ...]
    """Changes that wait for each other, or for such; there is no schedule for them."""
    troubles: tuple[str, ...]
    critical: tuple[str, ...]
    days: float
    """How long all that is left takes."""
    pace: Pace
    days_per_task: float
    reckoning: str
    """Where the days come from, in a sentence."""
    at_once: int | None
    hosts: tuple[tuple[str, str], ...]
    """Name and kind."""
    services: tuple[Use, ...]
    findings: tuple[Finding, ...]

    @property
    def open(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.state != "done")

    @property
    def end(self) -> date:
        """The first day on which all of it can be done."""
        return max((item.ends for item in self.open if item.ends is not None), default=self.today)

    @property
    def next(self) -> tuple[Item, ...]:
        """What can be worked on now: in the order in which it is begun, the most urgent first."""
        later = {phase.id for phase in self.phases if phase.begins is not None and phase.begins > self.today}
        free = [item for item in self.open if not item.waits_for and item.name not in self.stuck]
        free = [item for item in free if item.phase not in later]
        return tuple(
            sorted(free, key=lambda item: (item.begins or self.today, rank(item.planning.priority), item.name))
        )


def pace_until(root: Path, today: date, done_now: int) -> Pace:
    """The tasks that were done over the last days, from what git knows of then; since the first commit that has
    changes, where that is later. Of no days without git, or from the first day on."""
    before = _done_at(root, commit_before(root, today - timedelta(days=PACE_DAYS)))
    if before is not None:
        return Pace(done_now - before, PACE_DAYS)
    commit, began = first_commit(root, "openspec") or ("", today)
    before = _done_at(root, commit)
    return Pace(0, 0) if before is None or began >= today else Pace(done_now - before, (today - began).days)


def _done_at(root: Path, commit: str) -> int | None:
    """The tasks that were done at a commit; None where it has no changes, or git knows of no such commit."""
    if not commit:
        return None
    with tempfile.TemporaryDirectory(prefix="panther-") as directory:
        try:
            export(root, commit, Path(directory), "openspec")
        except PantherError:
            return None
        return tasks_done(Root(Path(directory)))


def tasks_done(tree: Root) -> int:
    """The tasks that are done, of open and of archived changes."""
    return sum(progress(tree, path)[0] for path in _changes(tree))


def roadmap(found: Survey, model: Model, today: date, pace: Pace | None = None) -> Roadmap:
    """The way ahead of a repository, seen on a day; at a pace that is known already, or as git tells it."""
    root = found.repository.root
    tree = Root(root)
    plannings = {path.name: read_planning(path) for path in _changes(tree)}
    phases = {planning.phase for planning in plannings.values()}
    said, findings = roadmap_file.read_roadmap_file(root, phases, [host.name for host in found.hosts])
    pace = pace if pace is not None else pace_until(root, today, tasks_done(tree))
    given = said.schedule.days_per_task or pace.days_per_task
    per_task = given or _ASSUMED_DAYS_PER_TASK
    whole = plan(tree)
    items = _items(found, tree, said, plannings, per_task, "pace" if given else "assumed")
    names = {item.name for item in items}
    edges = _edges(whole.graph.edges, items, names)
    items = _with_obstacles(items, edges, today)
    stuck = _stuck(edges)
    scheduled = _scheduled(items, edges, stuck, said, today)
    items = tuple(_with_days(item, scheduled, today) for item in items)
    return Roadmap(
        said.title,
        tuple(said.goals),
        tuple(said.non_goals),
        today,
        tuple(_phases(said, items)),
        items,
        tuple(sorted(edges)),
        tuple(sorted(stuck)),
        tuple(f"{trouble.change}: {trouble.message}" for trouble in whole.troubles),
        scheduled.critical,
        scheduled.days,
        pace,
        per_task,
        _reckoning(said, pace, per_task),
        said.schedule.at_once,
        tuple((host.name, host.kind) for host in found.hosts),
        tuple(_services(found, model, said)),
        tuple(findings),
    )


def _changes(tree: Root) -> Iterator[Path]:
    """The directories of changes, those in the archive first."""
    yield from (tree.archive / name for name in archived_names(tree))
    yield from (tree.changes / name for name in change_names(tree))


def _items(
    found: Survey, tree: Root, said: RoadmapFile, plannings: Mapping[str, Planning], per_task: float, how: str
) -> tuple[Item, ...]:
    phase_of = {name: phase.id for phase in said.phase for name in phase.changes}
    milestone_of = {name: milestone.id for milestone in said.milestone for name in milestone.changes}
    milestones = {milestone.id: milestone for milestone in said.milestone}
    phases = {phase.id: phase for phase in said.phase}

    def item(
        name: str, state: State, done: int, total: int, path: Path | None = None, ended: date | None = None
    ) -> Item:
        planning = plannings[path.name] if path is not None else Planning()
        milestone = milestone_of.get(name, planning.milestone)
        known = milestones.get(milestone)
        phase = phase_of.get(name) or planning.phase or (known.phase if known else NO_PHASE)
        dues = [day(known.due) if known else None, day(phases[phase].due) if phase in phases else None]
        left, reckoned = _left(planning, done, total, state, per_task, how)
        return Item(
            name,
            state,
            done,
            total,
            planning,
            phase,
            milestone,
            min((each for each in dues if each is not None), default=None),
            ended=ended,
            created=_created(path) if path is not None else None,
            days=left,
            reckoned=reckoned,
        )

    items: dict[str, Item] = {}
    for name in archived_names(tree):
        short = without_day(name)
        done, total = progress(tree, tree.archive / name)
        items[short] = item(short, "done", done, total, tree.archive / name, day(name[:10]))
    for change in found.changes:
        state: State = "done" if change.status == "complete" else "active" if change.done else "planned"
        items[change.name] = item(change.name, state, change.done, change.total, tree.changes / change.name)
    named = [*phase_of, *milestone_of]
    for name in named:
        if name not in items:
            items[name] = item(name, "planned", 0, 0)
    return tuple(items.values())


def _created(change: Path) -> date | None:
    try:
        return day((read_metadata(change) or Metadata()).created)
    except NotMetadata:
        return None


def _left(planning: Planning, done: int, total: int, state: State, per_task: float, how: str) -> tuple[float, str]:
    """The days of work that are left, and what they come from."""
    if state == "done":
        return 0.0, ""
    if planning.estimate is not None:
        return planning.estimate * (1 - done / total if total else 1), "estimate"
    if total:
        return (total - done) * per_task, how
    return _ASSUMED_DAYS, "assumed"


def _edges(given: Iterable[tuple[str, str]], items: Sequence[Item], names: set[str]) -> set[tuple[str, str]]:
    """What comes before what, changes that are done included."""
    found = {(one, other) for one, other in given if one in names and other in names}
    for item in items:
        found |= {(other, item.name) for other in item.planning.depends_on if other in names}
        found |= {(item.name, other) for other in item.planning.blocks if other in names}
    return found


def _with_obstacles(items: Sequence[Item], edges: set[tuple[str, str]], today: date) -> tuple[Item, ...]:
    done = {item.name for item in items if item.state == "done"}
    first: dict[str, list[str]] = {}
    for one, other in sorted(edges):
        if one not in done:
            first.setdefault(other, []).append(one)
    found = []
    for item in items:
        waits = tuple(first.get(item.name, ()))
        if item.state == "done":
            found.append(item)
        elif item.due is not None and item.due < today:
            late = (today - item.due).days
            more = f", and waits for {', '.join(waits)}" if waits else ""
            why = f"due {item.due}, {late} day{'s' * (late != 1)} ago{more}"
            found.append(replace(item, state="overdue", waits_for=waits, why=why))
        elif waits:
            found.append(replace(item, state="blocked", waits_for=waits, why=f"waits for {', '.join(waits)}"))
        else:
            found.append(item)
    return tuple(found)


def _stuck(edges: set[tuple[str, str]]) -> set[str]:
    """What is part of a circle, or waits for one."""
    graph: nx.DiGraph[str] = nx.DiGraph(edges)
    circles = [circle for circle in nx.strongly_connected_components(graph) if len(circle) > 1]
    circles += [{name} for name in graph if graph.has_edge(name, name)]
    return {each for circle in circles for name in circle for each in (name, *nx.descendants(graph, name))}


def _scheduled(
    items: Sequence[Item], edges: set[tuple[str, str]], stuck: set[str], said: RoadmapFile, today: date
) -> Scheduled:
    to_do = {item.name: item for item in items if item.state != "done" and item.name not in stuck}
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(sorted(to_do))
    graph.add_edges_from(sorted((one, other) for one, other in edges if one in to_do and other in to_do))
    urgency = {
        name: (not item.done, rank(item.planning.priority), item.due or date.max) for name, item in to_do.items()
    }
    order = sorted(set(urgency.values()))
    ranks = {name: order.index(urgent) for name, urgent in urgency.items()}
    begins = {phase.id: day(phase.begins) for phase in said.phase}
    firsts = {name: begins.get(item.phase) for name, item in to_do.items()}
    not_before = {name: float((first - today).days) for name, first in firsts.items() if first is not None}
    return schedule(graph, {name: item.days for name, item in to_do.items()}, ranks, said.schedule.at_once, not_before)


def _with_days(item: Item, scheduled: Scheduled, today: date) -> Item:
    slot = scheduled.slots.get(item.name)
    if slot is None:
        return item
    begins = days_after(today, int(slot.begin))
    ends = days_after(today, max(int(slot.begin) + 1, _up(slot.end)))
    item = replace(item, begins=begins, ends=ends, critical=item.name in scheduled.critical, slack=slot.slack)
    if not item.late:
        return item
    more = f"{item.why}; " if item.why else ""
    return replace(item, why=f"{more}due {item.due}, and not done before {ends}")


def days_after(day: date, days: int) -> date:
    """The day so many days after another; the calendar's last, where none is so late."""
    return day + timedelta(days=min(days, (date.max - day).days))


def _up(days: float) -> int:
    return int(days) + (days > int(days) + 1e-9)


def _phases(said: RoadmapFile, items: Sequence[Item]) -> list[Phase]:
    """The phases of roadmap.toml in its order, then those that only changes name, then what belongs to none."""
    known = {phase.id: phase for phase in said.phase}
    others = sorted({item.phase for item in items} - {NO_PHASE, *known})
    ids = [*known, *others]
    if any(item.phase == NO_PHASE for item in items):
        ids.append(NO_PHASE)
    found = []
    for id in ids:
        inside = tuple(sorted((item for item in items if item.phase == id), key=_order))
        phase = known.get(id)
        found.append(
            Phase(
                id,
                (phase.title if phase else "") or (f"Phase {id}" if id else "In no phase"),
                phase.goal if phase else "",
                day(phase.begins) if phase else None,
                day(phase.due) if phase else None,
                inside,
                tuple(_milestones(said, items, id, last=id == ids[-1])),
            )
        )
    return found


def _milestones(said: RoadmapFile, items: Sequence[Item], phase: str, *, last: bool) -> list[Milestone]:
    """The milestones of a phase; those of none come with the last."""
    known = {milestone.id: milestone for milestone in said.milestone}
    for name in sorted({item.milestone for item in items} - {"", *known}):
        known[name] = roadmap_file.Milestone(id=name)
    phases = {each.id for each in said.phase} | {item.phase for item in items}
    found = []
    for id, milestone in known.items():
        inside = tuple(sorted((item for item in items if item.milestone == id), key=_order))
        of = milestone.phase or next((item.phase for item in inside if item.phase), NO_PHASE)
        if of == phase or (last and of not in phases):
            found.append(Milestone(id, milestone.title or id, of, day(milestone.due), inside))
    return found


_STATES: tuple[State, ...] = ("done", "active", "overdue", "blocked", "planned")


def _order(item: Item) -> tuple[int, int, str]:
    return (_STATES.index(item.state), rank(item.planning.priority), item.name)


def rank(priority: str) -> int:
    """How urgent a priority is, the lower the more; none counts as medium."""
    return PRIORITIES.index(priority) if priority in PRIORITIES else PRIORITIES.index("medium")


def _together(items: Sequence[Item]) -> State:
    """The state of what several changes belong to."""
    states = {item.state for item in items}
    if items and states == {"done"}:
        return "done"
    if "overdue" in states:
        return "overdue"
    if "active" in states or "done" in states:
        return "active"
    return "blocked" if states == {"blocked"} else "planned"


def _reckoning(said: RoadmapFile, pace: Pace, per_task: float) -> str:
    """Where the days come from."""
    if said.schedule.days_per_task is not None:
        tasks = f"a task takes {per_task:g} days, as roadmap.toml says"
    elif pace.days_per_task is not None:
        tasks = f"a task takes {per_task:.2g} days: {pace.tasks} were done in the last {pace.days}"
    elif pace.days:
        tasks = f"a task is assumed to take {per_task:g} days: none was done in the last {pace.days}"
    else:
        tasks = f"a task is assumed to take {per_task:g} days, for want of a history to take a pace from"
    at_once = said.schedule.at_once
    together = f"{at_once} at a time" if at_once else "as many at a time as can be"
    return f"Days are a change's own estimate; where it has none, {tasks}. Changes are worked on {together}."


def _services(found: Survey, model: Model, said: RoadmapFile) -> list[Use]:
    """What hosts share: as roadmap.toml says, and what of the model's shared capabilities at least one host has."""
    uses = [Use(each.id, each.title or each.id, tuple(each.hosts)) for each in said.service]
    witness = Witness(found, switches(model))
    named = {use.id for use in uses}
    for capability in model.capabilities.values():
        if not capability.shared or capability.id in named:
            continue
        hosts = tuple(
            host.name
            for host in found.hosts
            if (seen := witness.on_host(host, capability.settings, capability.packages)) is not None and seen.host
        )
        if hosts:
            uses.append(Use(capability.id, capability.title, hosts))
    return uses


def counts(items: Iterable[Item]) -> Mapping[State, int]:
    """How many are in each state."""
    found: dict[State, int] = dict.fromkeys(_STATES, 0)
    for item in items:
        found[item.state] += 1
    return found
