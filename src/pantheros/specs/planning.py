"""How the open changes stand to each other: what depends on what, in which order, and what two of them both touch."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import networkx as nx

from pantheros.git import content_at, last_commit
from pantheros.specs.delta import folded, read_delta
from pantheros.specs.metadata import PRIORITIES, Planning, read_planning
from pantheros.specs.record import Record, base_of, requirements_now, requirements_of, touched
from pantheros.specs.text import decoded
from pantheros.specs.tree import SPEC, Root, archived_as, change_names, read, read_bytes, spec_files


class Trouble(NamedTuple):
    """Something that keeps changes from being ordered."""

    change: str
    message: str
    missing: bool = False
    """Whether it is that something is not there."""


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
        return sorted(self.graph.predecessors(name)) if name in self.graph else []


def plan(root: Root) -> Plan:
    """How the open changes depend on each other."""
    names = change_names(root)
    archived = archived_as(root)
    result = Plan(of={name: read_planning(root.changes / name) for name in names})
    result.graph.add_nodes_from(names)
    for name, said in result.of.items():
        result.troubles += [Trouble(name, f".openspec.yaml: {fault}") for fault in said.faults]
        for word, others in (("depends_on", said.depends_on), ("blocks", said.blocks)):
            for other in others:
                if other in result.of:
                    result.graph.add_edge(*((other, name) if word == "depends_on" else (name, other)))
                elif other not in archived:
                    result.troubles.append(Trouble(name, f"`{word}` names {other}, which there is not", missing=True))
    circles = [circle for circle in nx.strongly_connected_components(result.graph) if _goes_round(result.graph, circle)]
    stuck: set[str] = set()
    for circle in circles:
        stuck |= circle | {below for each in circle for below in nx.descendants(result.graph, each)}
        way = " → ".join(_round(result.graph, circle))
        result.troubles.append(Trouble(min(circle), f"changes wait for each other: {way}"))
    rest = result.graph.subgraph([name for name in names if name not in stuck])
    result.order = list(nx.lexicographical_topological_sort(rest, key=lambda name: _urgency(result.of[name], name)))
    return result


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


def overlaps(root: Root, only: str = "") -> list[Overlap]:
    """The requirements that more than one open change is about; of one change's alone, where one is named."""
    wanted = _about(root, only) if only else None
    about: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name in change_names(root):
        for key, requirement in _about(root, name).items():
            if wanted is None or key in wanted:
                about.setdefault(key, []).append((name, requirement))
    found = [
        Overlap(key[0], one[1], (one[0], other[0]))
        for key, changes in about.items()
        for one, other in combinations(changes, 2)
        if only in ("", one[0], other[0])
    ]
    return sorted(found, key=lambda each: (each.changes, each.capability))


def _about(root: Root, name: str) -> dict[tuple[str, str], str]:
    """What a change is about: its requirements' names, by capability and by the name without case and spacing."""
    return {
        (capability, folded(requirement)): requirement
        for capability, path in spec_files(root.changes / name / "specs").items()
        for requirement in touched(read_delta(read(path)))
    }


class Moved(NamedTuple):
    """A requirement whose text has changed since a change was written against it."""

    capability: str
    requirement: str
    base: str | None
    """What it said then; None where it was not there."""
    now: str | None
    change: str | None
    """What the change makes of it; None where it takes it away."""


@dataclass(frozen=True)
class Base:
    """What is known of the texts that a change was written against."""

    moved: tuple[Moved, ...] = ()
    """The requirements that somebody else has changed since."""
    unknown: tuple[str, ...] = ()
    """Those of which it is not known what they said then."""


def compared(root: Root, name: str, record: Record, *, history: bool = True) -> Base:
    """The requirements of a change, as they were when it was written, against what they say now. Of those without a
    fingerprint, `history` lets git say what they were when the delta was last committed."""
    change = root.changes / name
    found: list[Moved] = []
    unknown: list[str] = []
    for capability, path in spec_files(change / "specs").items():
        delta = read_delta(read(path))
        now = requirements_now(root, capability)
        made = {folded(block.name): block.text for block in (*delta.added, *delta.modified)}
        then: dict[str, str] | None = None
        for requirement in touched(delta):
            key = folded(requirement)
            known, base = base_of(record, capability, requirement)
            if not known and history:
                if then is None:
                    then = _in_history(root, path, capability)
                known, base = then is not None, then.get(key) if then is not None else None
                history = then is not None
            if not known:
                unknown.append(f"{capability}: {requirement}")
            elif base != now.get(key) and now.get(key) != made.get(key):
                found.append(Moved(capability, requirement, base, now.get(key), made.get(key)))
    return Base(tuple(found), tuple(unknown))


def _in_history(root: Root, delta: Path, capability: str) -> dict[str, str] | None:
    """A main spec's requirements at the commit that last touched a delta; None where git does not know it, or not as it
    is now."""
    path = delta.relative_to(root.path).as_posix()
    commit = last_commit(root.path, path)
    if not commit or content_at(root.path, commit, path) != read_bytes(delta):
        return None
    spec = content_at(root.path, commit, f"openspec/specs/{capability}/{SPEC}")
    return requirements_of(decoded(spec)) if spec is not None else {}
