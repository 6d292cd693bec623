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
    """The longest way through them: what decides when all of it is done."""
    days: int
    """How long that takes."""


def recommend(model: Model, gaps: Sequence[Gap], changes: Sequence[Change]) -> Recommended:
    """Proposals for what is missing or partial and that no open change is about."""
    open_gaps = {gap.capability.id: gap for gap in gaps if gap.status != "present" and not gap.proposed_by}
    proposed = {gap.capability.id: gap.proposed_by for gap in gaps if gap.status != "present" and gap.proposed_by}
    for template in model.templates.values():
        if (change := _proposed_as(template, changes)) is not None:
            ids = [each for each in template.capabilities if each in open_gaps]
            proposed |= {id: change for id in ids if open_gaps.pop(id)}
    filled: dict[str, tuple[Gap, ...]] = {}
    of: dict[str, str] = {}
    for template in model.templates.values():
        wanted = tuple(open_gaps[each] for each in template.capabilities if each in open_gaps)
        if template.wanted and wanted:
            filled[template.id] = wanted
            of.update({gap.capability.id: template.id for gap in wanted})
    first = _first(model, of, proposed)
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(filled)
    for id, wanted in filled.items():
        graph.add_edges_from(
            (each, id) for gap in wanted for each in first[gap.capability.id] if each in filled and each != id
        )
    _untie(graph, model)
    days = {id: _days(model.templates[id], len(wanted)) for id, wanted in filled.items()}
    phases = {id: number for number, level in enumerate(nx.topological_generations(graph), 1) for id in level}
    proposals = []
    for id, wanted in filled.items():
        waits_for = {
            *graph.predecessors(id),
            *(each for gap in wanted for each in first[gap.capability.id] if each not in filled),
        }
        proposals.append(
            Proposal(
                model.templates[id],
                wanted,
                min((gap.capability.priority for gap in wanted), key=PRIORITIES.index),
                tuple(sorted(waits_for)),
                tuple(sorted(graph.successors(id))),
                phases[id],
                days[id],
            )
        )
    rank = {proposal.id: (proposal.phase, PRIORITIES.index(proposal.priority), proposal.id) for proposal in proposals}
    path = _longest(graph, days)
    return Recommended(tuple(sorted(proposals, key=lambda each: rank[each.id])), path, sum(days[id] for id in path))


def _proposed_as(template: Template, changes: Sequence[Change]) -> str | None:
    """The open change that is called as the proposal would be, give or take a word more and the plural."""
    wanted = _stems(template.id)
    for change in changes:
        if change.name == template.id or (change.status != "complete" and wanted <= _stems(change.name)):
            return change.name
    return None


def _stems(name: str) -> set[str]:
    return {word.removesuffix("s") for word in name.lower().split("-")} - {"and", "or", "the", "of"}


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


def _untie(graph: nx.DiGraph[str], model: Model) -> None:
    """Leave out dependencies that lead in a circle: capabilities may depend on each other across two proposals."""
    order = list(model.templates)
    while True:
        try:
            circle = nx.find_cycle(graph)
        except nx.NetworkXNoCycle:
            return
        # Of a circle, the dependency of the earlier proposal on the later one.
        backwards = [edge for edge in circle if order.index(edge[0]) > order.index(edge[1])]
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
