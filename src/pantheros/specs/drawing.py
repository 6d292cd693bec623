"""The open changes and what depends on what, as text, as Mermaid, and as a picture (SVG)."""

from __future__ import annotations

import html
from collections.abc import Mapping

import networkx as nx

from pantheros.pictures import Box, State, graph
from pantheros.specs.planning import Plan

Progress = Mapping[str, tuple[int, int]]
"""By change: tasks done, and all of them."""
_COLOURS = {"done": ("#d8f0dc", "#2e7d43"), "begun": ("#fdf1d0", "#a06c00"), "waiting": ("#eef0f3", "#5c6670")}
_PICTURED: dict[str, State] = {"done": "done", "begun": "active", "waiting": "planned"}


def _state(done: tuple[int, int]) -> str:
    finished, total = done
    if total and finished == total:
        return "done"
    return "begun" if finished else "waiting"


def _levels(plan: Plan) -> list[list[str]]:
    """The changes by how many others come before them, one after the other; those in a circle last."""
    ordered = plan.graph.subgraph(plan.order)
    levels = [sorted(level, key=plan.order.index) for level in nx.topological_generations(ordered)]
    stuck = sorted(name for name in plan.graph if name not in plan.order)
    return [*levels, *([stuck] if stuck else [])]


def as_text(plan: Plan, done: Progress) -> str:
    """A line a change, indented by how many come before it."""
    if not plan.graph:
        return "there are no open changes\n"
    lines = []
    for depth, level in enumerate(_levels(plan)):
        for name in level:
            finished, total = done[name]
            after = plan.waits_for(name)
            said = f" after {', '.join(after)}" if after else ""
            lines.append(f"{'  ' * depth}{name} ({finished} of {total}){said}")
    lines += [f"{trouble.change}: {trouble.message}" for trouble in plan.troubles]
    return "\n".join(lines) + "\n"


def as_mermaid(plan: Plan, done: Progress) -> str:
    """A flow chart for Markdown."""
    names = {name: f"c{number}" for number, name in enumerate(sorted(plan.graph))}
    lines = ["graph LR"]
    for name, id in names.items():
        finished, total = done[name]
        lines.append(f'  {id}["{html.escape(name)}<br/>{finished} of {total}"]:::{_state(done[name])}')
    lines += [f"  {names[one]} --> {names[other]}" for one, other in sorted(plan.graph.edges)]
    lines += [f"  classDef {state} fill:{fill},stroke:{line}" for state, (fill, line) in _COLOURS.items()]
    return "\n".join(lines) + "\n"


def as_svg(plan: Plan, done: Progress) -> str:
    """A picture that needs nothing else: boxes in columns, each after those it depends on."""
    boxes = []
    for name in sorted(plan.graph):
        finished, total = done[name]
        state = _PICTURED[_state(done[name])]
        if state != "done" and name not in plan.order:  # it is in a circle, or waits for one
            state = "blocked"
        boxes.append(Box(name, name, f"{finished} of {total} tasks", state))
    return graph(boxes, sorted(plan.graph.edges), empty="there are no open changes")
