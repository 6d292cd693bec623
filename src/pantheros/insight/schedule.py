"""When work can be done: the critical path method over what depends on what.

Days are the calendar's. Each piece of work begins when all that it depends on is done; where only so many are worked on
at a time, the most urgent that can begin does.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import networkx as nx


class Slot(NamedTuple):
    """When a piece of work is done, in days from the beginning."""

    begin: float
    end: float
    slack: float
    """By how much it can be late without anything else being later."""

    @property
    def critical(self) -> bool:
        return self.slack < 1e-6


@dataclass(frozen=True)
class Scheduled:
    """All of it."""

    slots: Mapping[str, Slot]
    critical: tuple[str, ...]
    """One longest way through it, in order."""
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
    is more urgent (the lower the more), where not all can begin that may; `not_before`, which day is the first for it
    in any case."""
    if not graph:
        return Scheduled({}, (), 0.0)
    begins = _in_turn(graph, days, rank, at_once, not_before or {})
    ends = {name: begins[name] + days[name] for name in graph}
    length = max(ends.values())
    latest: dict[str, float] = {}
    for name in reversed(list(nx.topological_sort(graph))):
        latest[name] = min((latest[after] - days[after] for after in graph.successors(name)), default=length)
    slots = {name: Slot(begins[name], ends[name], latest[name] - ends[name]) for name in graph}
    return Scheduled(slots, _critical(graph, days), length)


def _in_turn(
    graph: nx.DiGraph[str],
    days: Mapping[str, float],
    rank: Mapping[str, int],
    at_once: int | None,
    not_before: Mapping[str, float],
) -> dict[str, float]:
    """When each begins."""
    waiting = {name: graph.in_degree(name) for name in graph}
    later = [(not_before.get(name, 0.0), rank[name], name) for name, count in waiting.items() if not count]
    heapq.heapify(later)
    ready: list[tuple[int, str]] = []
    running: list[tuple[float, str]] = []
    begins: dict[str, float] = {}
    now = 0.0
    while later or ready or running:
        while later and later[0][0] <= now:
            _, urgency, name = heapq.heappop(later)
            heapq.heappush(ready, (urgency, name))
        while ready and (at_once is None or len(running) < at_once):
            _, name = heapq.heappop(ready)
            begins[name] = now
            heapq.heappush(running, (now + days[name], name))
        if later and (not running or later[0][0] < running[0][0]) and (at_once is None or len(running) < at_once):
            now = later[0][0]
            continue
        now, done = heapq.heappop(running)
        for after in graph.successors(done):
            waiting[after] -= 1
            if not waiting[after]:
                heapq.heappush(later, (max(now, not_before.get(after, 0.0)), rank[after], after))
    return begins


def _critical(graph: nx.DiGraph[str], days: Mapping[str, float]) -> tuple[str, ...]:
    """The longest way, by the days of what lies on it; of several the first by name."""
    best: dict[str, tuple[float, tuple[str, ...]]] = {}
    for name in nx.lexicographical_topological_sort(graph):
        before = [best[each] for each in sorted(graph.predecessors(name))]
        length, way = max(before, key=lambda each: each[0], default=(0.0, ()))
        best[name] = (length + days[name], (*way, name))
    return max((best[name] for name in sorted(best)), key=lambda each: each[0])[1]
