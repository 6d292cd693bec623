"""The open changes and what depends on what, as text, as Mermaid, and as a picture (SVG)."""

from __future__ import annotations

import html
from collections.abc import Mapping

import networkx as nx

from pantheros.specs.planning import Plan

Progress = Mapping[str, tuple[int, int]]
"""By change: tasks done, and all of them."""
_COLOURS = {"done": ("#d8f0dc", "#2e7d43"), "begun": ("#fdf1d0", "#a06c00"), "waiting": ("#eef0f3", "#5c6670")}
_HIGH, _GAP, _LEVEL_GAP, _LETTER, _MARGIN = 46, 18, 70, 7.6, 20
_WIDEST = 30
"""Letters of a name that a box shows; the whole name is its tooltip."""


def _state(done: tuple[int, int]) -> str:
    finished, total = done
    if total and finished == total:
        return "done"
    return "begun" if finished else "waiting"


def _levels(plan: Plan) -> list[list[str]]:
    """The changes by how many others come before them, one after the other; those in a circle last."""
    graph = plan.graph.subgraph(plan.order)
    levels = [sorted(level, key=plan.order.index) for level in nx.topological_generations(graph)]
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
    levels = _levels(plan)
    places: dict[str, tuple[float, float, float]] = {}
    left = float(_MARGIN)
    for level in levels:
        wide = max(max(len(_short(name)), 12) for name in level) * _LETTER + 24
        for row, name in enumerate(level):
            places[name] = (left, _MARGIN + row * (_HIGH + _GAP), wide)
        left += wide + _LEVEL_GAP
    width = max(left - _LEVEL_GAP + _MARGIN, 320)
    height = _MARGIN * 2 + max((len(level) for level in levels), default=1) * (_HIGH + _GAP) - _GAP
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="13">',
        '<defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#5c6670"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
    ]
    for one, other in sorted(plan.graph.edges):
        (x, y, wide), (to_x, to_y, _) = places[one], places[other]
        begin, end, middle = x + wide, to_x, (x + wide + to_x) / 2
        path = f"M{begin:.0f} {y + _HIGH / 2:.0f} C{middle:.0f} {y + _HIGH / 2:.0f}"
        path += f" {middle:.0f} {to_y + _HIGH / 2:.0f} {end:.0f} {to_y + _HIGH / 2:.0f}"
        out.append(f'<path d="{path}" fill="none" stroke="#5c6670" marker-end="url(#to)"/>')
    for name, (x, y, wide) in places.items():
        fill, line = _COLOURS[_state(done[name])]
        finished, total = done[name]
        out += [
            f"<g><title>{html.escape(name)}</title>",
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{wide:.0f}" height="{_HIGH}" rx="6" fill="{fill}" stroke="{line}"/>',
            f'<text x="{x + 12:.0f}" y="{y + 19:.0f}" fill="#1c2127">{html.escape(_short(name))}</text>',
            f'<text x="{x + 12:.0f}" y="{y + 36:.0f}" fill="{line}" font-size="11">{finished} of {total} tasks</text>',
            "</g>",
        ]
    if not places:
        out.append(f'<text x="{_MARGIN}" y="{_MARGIN + 14}" fill="#5c6670">there are no open changes</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def _short(name: str) -> str:
    return name if len(name) <= _WIDEST else f"{name[: _WIDEST - 1]}…"
