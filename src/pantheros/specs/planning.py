"""How the open changes stand to each other: what depends on what, in which order, and what two of them both touch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

import networkx as nx

from pantheros.specs.delta import folded, read_delta
from pantheros.specs.metadata import PRIORITIES, Metadata, NotMetadata, Planning, planning, read_metadata
from pantheros.specs.record import Record, base_of, read_record, requirements_now, touched
from pantheros.specs.tree import Root, archived_as, change_names, read, spec_files


class Trouble(NamedTuple):
    """Something that keeps changes from being ordered."""

    change: str
    message: str


@dataclass
class Plan:
    """The open changes in a safe order, and what is wrong with how they depend on each other."""

    order: list[str] = field(default_factory=list)
    """Each after those that it depends on; none that is part of a circle, or waits for one."""
    graph: nx.DiGraph[str] = field(default_factory=nx.DiGraph)
    """An edge leads from a change to one that has to wait for it."""
    of: dict[str, Planning] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)

    def waits_for(self, name: str) -> list[str]:
        """The open changes that come before one."""
        return sorted(self.graph.predecessors(name))


def plan(root: Root) -> Plan:
    """How the open changes depend on each other."""
    names = change_names(root)
    archived = archived_as(root)
    result = Plan(of={name: _planning(root, name) for name in names})
    result.graph.add_nodes_from(names)
    for name, said in result.of.items():
        for word, others in (("depends_on", said.depends_on), ("blocks", said.blocks)):
            for other in others:
                if other in result.of:
                    result.graph.add_edge(*((other, name) if word == "depends_on" else (name, other)))
                elif other not in archived:
                    result.troubles.append(Trouble(name, f"`{word}` names {other}, which there is not"))
    circles = [circle for circle in nx.strongly_connected_components(result.graph) if _goes_round(result.graph, circle)]
    stuck: set[str] = set()
    for circle in circles:
        stuck |= circle | {below for each in circle for below in nx.descendants(result.graph, each)}
        way = " → ".join(_round(result.graph, circle))
        result.troubles.append(Trouble(min(circle), f"changes wait for each other: {way}"))
    rest = result.graph.subgraph([name for name in names if name not in stuck])
    result.order = list(nx.lexicographical_topological_sort(rest, key=lambda name: _urgency(result.of[name], name)))
    return result


def _planning(root: Root, name: str) -> Planning:
    try:
        metadata = read_metadata(root.changes / name) or Metadata()
    except NotMetadata:
        return Planning()
    return planning(metadata.more)


def _urgency(said: Planning, name: str) -> tuple[int, str, str]:
    rank = PRIORITIES.index(said.priority) if said.priority else PRIORITIES.index("medium")
    return (rank, said.phase or "~", name)


def _goes_round(graph: nx.DiGraph[str], circle: set[str]) -> bool:
    return len(circle) > 1 or any(graph.has_edge(name, name) for name in circle)


def _round(graph: nx.DiGraph[str], circle: set[str]) -> list[str]:
    edges = nx.find_cycle(graph.subgraph(circle), min(circle))
    return [*(edge[0] for edge in edges), edges[0][0]]


# What two changes both touch ---------------------------------------------------------------------------------------


class Overlap(NamedTuple):
    """A requirement that two open changes are about."""

    capability: str
    requirement: str
    changes: tuple[str, str]


def overlaps(root: Root) -> list[Overlap]:
    """The requirements that more than one open change is about."""
    about: dict[str, dict[tuple[str, str], str]] = {}
    for name in change_names(root):
        about[name] = {}
        for capability, path in spec_files(root.changes / name / "specs").items():
            for requirement in touched(read_delta(read(path))):
                about[name][capability, folded(requirement)] = requirement
    return [
        Overlap(capability, about[one][capability, key], (one, other))
        for one, other in combinations(about, 2)
        for capability, key in about[one]
        if (capability, key) in about[other]
    ]


class Moved(NamedTuple):
    """A requirement whose text has changed since a change was written against it."""

    capability: str
    requirement: str
    base: str | None
    """What it said then; None where it was not there."""
    now: str | None
    change: str | None
    """What the change makes of it; None where it takes it away."""


def moved(root: Root, name: str, record: Record | None = None) -> Iterator[Moved]:
    """The requirements of a change that somebody else has changed since; what has no fingerprint cannot be told."""
    change = root.changes / name
    record = record or read_record(change) or Record()
    for capability, path in spec_files(change / "specs").items():
        delta = read_delta(read(path))
        now = requirements_now(root, capability)
        made = {folded(block.name): block.text for block in (*delta.added, *delta.modified)}
        for requirement in touched(delta):
            text = now.get(folded(requirement))
            known, base = base_of(record, capability, requirement)
            if known and base != text and text != made.get(folded(requirement)):
                yield Moved(capability, requirement, base, text, made.get(folded(requirement)))


def without_fingerprint(root: Root, name: str, record: Record | None = None) -> list[str]:
    """The requirements of a change of which it is not known what they said when it was written."""
    change = root.changes / name
    record = record or read_record(change) or Record()
    return [
        f"{capability}: {requirement}"
        for capability, path in spec_files(change / "specs").items()
        for requirement in touched(read_delta(read(path)))
        if not base_of(record, capability, requirement)[0]
    ]
