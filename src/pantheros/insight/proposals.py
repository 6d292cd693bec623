"""What is recommended to be done about gaps: proposals, in the order in which they can be carried out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

from pantheros.insight.capabilities import Model, Priority, Template, dependencies
from pantheros.insight.gaps import Gap
from pantheros.insight.survey import Change
from pantheros.specs.metadata import PRIORITIES


@dataclass(frozen=True)
class Proposal:
    """A change that is recommended."""

    template: Template
    gaps: tuple[Gap, ...]
    """What it is to fill."""
    priority: Priority
    depends_on: tuple[str, ...]
    """Other proposals, and open changes, that come first."""
    blocks: tuple[str, ...]
    """The proposals that wait for it."""
    phase: int
    """1 for those that can begin at once; each later one begins when what it depends on is done."""
    days: int
    """An estimate of the work."""

    @property
    def id(self) -> str:
        return self.template.id

    @property
    def scope(self) -> list[str]:
        """What is to be done, step by step."""
        return [step for gap in self.gaps for step in gap.capability.scope]


@dataclass(frozen=True)
class Recommended:
    """All proposals: the urgent ones first, each after those that it depends on."""

    proposals: tuple[Proposal, ...]
    critical_path: tuple[str, ...]
    """The longest way through them and the open changes: what decides when all of it is done."""
    days: int
    """How long that takes."""
    pending: Mapping[str, int]
    """The open changes that are not done yet, and in which phase of all this each can begin."""


_DAYS_PER_TASK = 0.5


def recommend(model: Model, gaps: Sequence[Gap], changes: Sequence[Change]) -> Recommended:
    """Proposals for what is missing or partial and that no open change is about. Open changes that are not done are
    part of the way: what depends on one begins after it."""
    open_gaps = {gap.capability.id: gap for gap in gaps if gap.status != "present" and not gap.proposed_by}
    proposed = {gap.capability.id: gap.proposed_by for gap in gaps if gap.status != "present" and gap.proposed_by}
    filled: dict[str, tuple[Gap, ...]] = {}
    of: dict[str, str] = {}
    for template in model.templates.values():
        wanted = tuple(open_gaps[each] for each in template.capabilities if each in open_gaps)
        if template.wanted and wanted:
            filled[template.id] = wanted
            of.update({gap.capability.id: template.id for gap in wanted})
    pending = {change.name: change for change in changes if change.status != "complete"}
    first = _first(model, of, proposed)
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from([*filled, *pending])
    for id, wanted in filled.items():
        before = {each for gap in wanted for each in first[gap.capability.id]} & (filled.keys() | pending.keys())
        graph.add_edges_from((each, id) for each in sorted(before - {id}))
    for name, change in pending.items():
        graph.add_edges_from((each, name) for each in change.planning.depends_on if each in pending)
        graph.add_edges_from((name, each) for each in change.planning.blocks if each in pending)
    _untie(graph, [*pending, *model.templates])
    days = {id: _days(model.templates[id], len(wanted)) for id, wanted in filled.items()}
    days |= {name: _days_of(change) for name, change in pending.items()}
    phases = {id: number for number, level in enumerate(nx.topological_generations(graph), 1) for id in level}
    proposals = [
        Proposal(
            model.templates[id],
            wanted,
            min((gap.capability.priority for gap in wanted), key=PRIORITIES.index),
            tuple(sorted(graph.predecessors(id))),
            tuple(sorted(each for each in graph.successors(id) if each in filled)),
            phases[id],
            days[id],
        )
        for id, wanted in filled.items()
    ]
    rank = {proposal.id: (proposal.phase, PRIORITIES.index(proposal.priority), proposal.id) for proposal in proposals}
    path = _longest(graph, days)
    return Recommended(
        tuple(sorted(proposals, key=lambda each: rank[each.id])),
        path,
        sum(days[id] for id in path),
        {name: phases[name] for name in sorted(pending)},
    )


def _days_of(change: Change) -> int:
    """The days that an open change still takes, by its estimate or its open tasks."""
    left = 1 - change.done / change.total if change.total else 1.0
    estimate = change.planning.estimate
    return max(1, math.ceil(estimate * left if estimate is not None else (change.total - change.done) * _DAYS_PER_TASK))


def _first(model: Model, of: Mapping[str, str], proposed: Mapping[str, str]) -> dict[str, set[str]]:
    """By capability: the proposals and changes that bring what it depends on. What is there already is passed over, and
    so is what nobody proposes, for what that depends on in turn."""
    found: dict[str, set[str]] = {}
    graph = dependencies(model)
    for id in of:
        found[id] = set()
        pending, seen = list(graph.predecessors(id)), {id}
        while pending:
            other = pending.pop()
            if other in seen:
                continue
            seen.add(other)
            if other in of or other in proposed:
                found[id].add(of.get(other) or proposed[other])
            else:
                pending += graph.predecessors(other)
    return found


def _untie(graph: nx.DiGraph[str], order: Sequence[str]) -> None:
    """Leave out dependencies that lead in a circle: capabilities may depend on each other across two proposals."""
    while True:
        try:
            circle = nx.find_cycle(graph)
        except nx.NetworkXNoCycle:
            return
        # Of a circle, the dependency of the earlier one on the later.
        backwards = [edge for edge in circle if order.index(edge[0]) >= order.index(edge[1])]
        graph.remove_edge(*backwards[0][:2])


def _days(template: Template, missing: int) -> int:
    return max(1, math.ceil(template.estimate * missing / len(template.capabilities)))


def _longest(graph: nx.DiGraph[str], days: Mapping[str, int]) -> tuple[str, ...]:
    weighted: nx.DiGraph[str] = nx.DiGraph()
    weighted.add_nodes_from(graph)
    # A way's length is that of its edges: each has the days of what it leads to, and one leads to each beginning.
    for id in graph:
        if not graph.in_degree(id):
            weighted.add_edge("", id, weight=days[id])
    weighted.add_edges_from((one, other, {"weight": days[other]}) for one, other in graph.edges)
    return tuple(id for id in nx.dag_longest_path(weighted) if id) if len(graph) else ()
