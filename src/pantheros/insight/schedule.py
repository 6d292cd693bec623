"""When work can be done: the critical path method over what depends on what, and over who is free to do it.

Days are the calendar's. Each piece of work begins when all that it depends on is done; where only so many are worked on
at a time, the most urgent that can begin does, and of equally urgent ones that with the longest way behind it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import networkx as nx

_LITTLE = 1e-6
"""Days that make no difference."""


class Slot(NamedTuple):
    """When a piece of work is done, in days from the beginning."""

    begin: float
    end: float
    slack: float
    """By how much it can be late without everything taking longer."""


@dataclass(frozen=True)
class Scheduled:
    """All of it."""

    slots: Mapping[str, Slot]
    critical: tuple[str, ...]
    """What the end hangs on, in order: each begins when the one before it ends, because it depends on that or because
    nobody is free earlier."""
    days: float
    """How long everything takes."""


def schedule(
    graph: nx.DiGraph[str],
    days: Mapping[str, float],
    rank: Mapping[str, int],
    at_once: int | None = None,
    not_before: Mapping[str, float] | None = None,
) -> Scheduled:
    """When each piece of work can be done. An edge leads to what has to wait; there must be no circle. `rank` says what
    is more urgent (the lower the more), where not all can begin that may; what something urgent waits for is as urgent.
    `not_before` is the first day for it in any case."""
    if not graph:
        return Scheduled({}, (), 0.0)
    begins, after = _in_turn(graph, days, _urgency(graph, days, rank), at_once, not_before or {})
    ends = {name: begins[name] + days[name] for name in begins}
    length = max(ends.values())
    held: nx.DiGraph[str] = nx.DiGraph(graph)
    held.add_edges_from((before, name) for name, before in after.items())
    latest: dict[str, float] = {}
    for name in reversed(begins):
        latest[name] = min((latest[each] - days[each] for each in held.successors(name)), default=length)
    slots = {name: Slot(begins[name], ends[name], latest[name] - ends[name]) for name in graph}
    return Scheduled(slots, _critical(graph, begins, ends, after), length)


def _urgency(
    graph: nx.DiGraph[str], days: Mapping[str, float], rank: Mapping[str, int]
) -> dict[str, tuple[int, float, str]]:
    """What to begin first, the lower the sooner."""
    found: dict[str, tuple[int, float, str]] = {}
    for name in reversed(list(nx.topological_sort(graph))):
        behind = [found[each] for each in graph.successors(name)]
        found[name] = (
            min([rank[name], *(each[0] for each in behind)]),
            min((each[1] for each in behind), default=0.0) - days[name],
            name,
        )
    return found


def _in_turn(
    graph: nx.DiGraph[str],
    days: Mapping[str, float],
    urgency: Mapping[str, tuple[int, float, str]],
    at_once: int | None,
    not_before: Mapping[str, float],
) -> tuple[dict[str, float], dict[str, str]]:
    """When each begins, in the order in which they do; and after which one it is done by the same hands, where there
    are only so many."""
    waiting = {name: graph.in_degree(name) for name in graph}
    later = [(not_before.get(name, 0.0), urgency[name]) for name, count in waiting.items() if not count]
    heapq.heapify(later)
    ready: list[tuple[int, float, str]] = []
    running: list[tuple[float, str]] = []
    idle: list[str | None] = [None] * (len(graph) if at_once is None else min(at_once, len(graph)))
    """What hands that are free did last."""
    begins: dict[str, float] = {}
    after: dict[str, str] = {}
    now = 0.0
    while later or ready or running:
        while later and later[0][0] <= now:
            heapq.heappush(ready, heapq.heappop(later)[1])
        while ready and idle:
            name = heapq.heappop(ready)[2]
            begins[name] = now
            heapq.heappush(running, (now + days[name], name))
            before = idle.pop(_hands(idle, graph.predecessors(name)))
            if before is not None and at_once is not None:
                after[name] = before
        if later and idle and (not running or later[0][0] < running[0][0]):
            now = later[0][0]
            continue
        now, done = heapq.heappop(running)
        idle.append(done)
        for each in graph.successors(done):
            waiting[each] -= 1
            if not waiting[each]:
                heapq.heappush(later, (max(now, not_before.get(each, 0.0)), urgency[each]))
    return begins, after


def _hands(idle: list[str | None], before: Iterable[str]) -> int:
    """Who does it: those who did what it follows, or those who have been free the longest."""
    known = set(before)
    return next((at for at, each in enumerate(idle) if each in known), 0)


def _critical(
    graph: nx.DiGraph[str], begins: Mapping[str, float], ends: Mapping[str, float], after: Mapping[str, str]
) -> tuple[str, ...]:
    """What the end hangs on, from the end back; of several ways, the first by name."""
    name = min(ends, key=lambda each: (-ends[each], each))
    way = [name]
    while begins[name] > 0:
        before = sorted(graph.predecessors(name)) + [each for each in (after.get(name),) if each is not None]
        found = next((each for each in before if begins[name] - ends[each] < _LITTLE), None)
        if found is None:
            break
        name = found
        way.append(name)
    return tuple(reversed(way))
