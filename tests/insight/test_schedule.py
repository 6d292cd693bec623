"""When work can be done: what holds of every schedule."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantheros.insight.schedule import schedule

Work = tuple["nx.DiGraph[str]", dict[str, float], dict[str, int]]
_LITTLE = 1e-6


@st.composite
def work(draw: st.DrawFn) -> Work:
    """Pieces of work without a circle."""
    names = [f"w{number}" for number in range(draw(st.integers(1, 9)))]
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(draw(st.permutations(names)))
    pairs = [(one, other) for at, one in enumerate(names) for other in names[at + 1 :]]
    graph.add_edges_from(draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else [])
    days = {name: draw(st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.5, 7.0])) for name in names}
    rank = dict(zip(draw(st.permutations(names)), range(len(names)), strict=True))
    return graph, days, rank


def length(graph: nx.DiGraph[str], days: dict[str, float]) -> float:
    ends: dict[str, float] = {}
    for name in nx.topological_sort(graph):
        ends[name] = max((ends[each] for each in graph.predecessors(name)), default=0.0) + days[name]
    return max(ends.values())


@settings(max_examples=150, deadline=None)
@given(work(), st.one_of(st.none(), st.integers(1, 4)), st.data())
def test_nothing_begins_too_early_and_no_more_at_once_than_may(
    work: Work, at_once: int | None, data: st.DataObject
) -> None:
    graph, days, rank = work
    firsts = st.dictionaries(st.sampled_from(sorted(graph)), st.sampled_from([-3.0, 0.0, 1.5, 10.0]))
    not_before = data.draw(firsts)
    found = schedule(graph, days, rank, at_once, not_before)
    assert found.slots.keys() == set(graph)
    for one, other in graph.edges:
        assert found.slots[other].begin >= found.slots[one].end - _LITTLE
    for name, slot in found.slots.items():
        assert slot.end == slot.begin + days[name]
        assert slot.begin >= max(0.0, not_before.get(name, 0.0))
        assert slot.slack >= -_LITTLE
        running = [each for each in found.slots.values() if each.begin <= slot.begin < each.end]
        assert at_once is None or len(running) <= at_once
    assert found.days == max(slot.end for slot in found.slots.values())


@settings(max_examples=150, deadline=None)
@given(work())
def test_without_limits_it_takes_as_long_as_the_longest_way(work: Work) -> None:
    graph, days, rank = work
    found = schedule(graph, days, rank)
    assert found.days == pytest.approx(length(graph, days))
    assert sum(days[name] for name in found.critical) == pytest.approx(found.days)
    assert all(graph.has_edge(one, other) for one, other in pairwise(found.critical))
    assert all(found.slots[name].slack < _LITTLE for name in found.critical)
    for name, slot in found.slots.items():
        before = max((found.slots[each].end for each in graph.predecessors(name)), default=0.0)
        assert slot.begin == pytest.approx(before)


@settings(max_examples=50, deadline=None)
@given(work())
def test_one_at_a_time_takes_the_days_of_all_the_most_urgent_first(work: Work) -> None:
    graph, days, rank = work
    found = schedule(graph, days, rank, 1)
    assert found.days == pytest.approx(sum(days.values()))
    urgent = {name: min(rank[each] for each in (name, *nx.descendants(graph, name))) for name in graph}
    for name, slot in found.slots.items():
        ready = max((found.slots[each].end for each in graph.predecessors(name)), default=0.0)
        overtook = [each for each in graph if ready <= found.slots[each].begin < slot.begin]
        assert all(urgent[each] <= urgent[name] for each in overtook if days[each])


def test_of_equally_urgent_work_that_with_the_longest_way_behind_it_is_first() -> None:
    graph: nx.DiGraph[str] = nx.DiGraph([("z-first", "z-then")])
    graph.add_nodes_from(["a", "b"])
    days = {"a": 5.0, "b": 5.0, "z-first": 1.0, "z-then": 10.0}
    found = schedule(graph, days, dict.fromkeys(days, 0), 2)
    assert (found.days, found.critical) == (11.0, ("z-first", "z-then"))
    assert found.slots["b"].slack == 1


def test_the_end_hangs_on_what_is_late_and_on_who_is_free() -> None:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(["long", "short"])
    days = {"long": 10.0, "short": 2.0}
    found = schedule(graph, days, {"long": 0, "short": 1}, not_before={"short": 30.0})
    assert (found.days, found.critical, found.slots["long"].slack) == (32.0, ("short",), 22.0)
    found = schedule(graph, days, {"long": 0, "short": 1}, 1)
    assert (found.days, found.critical) == (12.0, ("long", "short"))


@settings(max_examples=100, deadline=None)
@given(work(), st.integers(1, 3))
def test_one_thing_after_another_leads_to_the_end(work: Work, at_once: int) -> None:
    graph, days, rank = work
    found = schedule(graph, days, rank, at_once)
    assert found.slots[found.critical[0]].begin == 0
    assert found.slots[found.critical[-1]].end == found.days
    for one, other in pairwise(found.critical):
        assert found.slots[other].begin == pytest.approx(found.slots[one].end)
    assert all(found.slots[name].slack < _LITTLE for name in found.critical)


@settings(max_examples=100, deadline=None)
@given(work(), st.data())
def test_work_may_be_late_by_its_slack(work: Work, data: st.DataObject) -> None:
    graph, days, rank = work
    found = schedule(graph, days, rank)
    name = data.draw(st.sampled_from(sorted(graph)))
    longer = {**days, name: days[name] + found.slots[name].slack}
    assert schedule(graph, longer, rank).days == pytest.approx(found.days)
    assert schedule(graph, {**longer, name: longer[name] + 1}, rank).days == pytest.approx(found.days + 1)


def test_nothing_takes_no_time() -> None:
    found = schedule(nx.DiGraph(), {}, {})
    assert (dict(found.slots), found.critical, found.days) == ({}, (), 0.0)
