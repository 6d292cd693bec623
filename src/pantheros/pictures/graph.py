"""What depends on what: boxes and arrows."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx

from pantheros.pictures.layers import Edge, Layout, Place, grid, layered
from pantheros.pictures.svg import (
    CIRCLE,
    CRITICAL,
    HIGH,
    INK,
    MARGIN,
    Box,
    apart,
    box_width,
    counted,
    drawn_box,
    escaped,
    legend,
    nothing,
    number,
    picture,
)

_TITLE = "What waits for what"
_ROW_GAP, _USUAL_WIDTH = 44, 1100
_IN_CIRCLE = (f'<path d="M-12 0H12" stroke="{CIRCLE}" stroke-width="1.8" stroke-dasharray="5 3"/>', "in a circle")


def graph(boxes: Sequence[Box], edges: Sequence[tuple[str, str]], empty: str) -> str:
    """Boxes in columns, each after those it depends on, with an arrow from each to what waits for it.

    Boxes without arrows stand below. `empty` is what is said where there are none at all. Raises ValueError for two
    boxes of one id, and for an edge to an id that there is not.
    """
    of = {box.id: box for box in boxes}
    if len(of) != len(boxes):
        raise ValueError("two boxes have the same id")
    edges = list(dict.fromkeys(edges))
    if unknown := sorted({id for edge in edges for id in edge} - of.keys()):
        raise ValueError(f"edges name what there is not: {', '.join(unknown)}")
    if not boxes:
        return nothing(_TITLE, empty)

    whole: nx.DiGraph[str] = nx.DiGraph()
    whole.add_nodes_from(of)
    whole.add_edges_from(edges)
    circular = {edge for each in nx.strongly_connected_components(whole) for edge in whole.subgraph(each).edges}
    places, ways, turned, wide, high = _packed(boxes, edges, whole)
    out: list[str] = []
    alone = [box for box in boxes if box.id not in places]
    if alone:
        top = high + 64 if places else MARGIN
        below = grid({box.id: box_width(box) for box in alone}, top, wide)
        wide = max(wide, *(place.x + place.wide for place in below.values()))
        out = apart("independent of each other", high, wide) if places else []
        high = max(place.y for place in below.values()) + HIGH / 2
        places |= below

    def rank(edge: Edge) -> int:  # what matters most is drawn last
        return 2 if edge in circular else int(of[edge[0]].critical and of[edge[1]].critical)

    for edge in sorted(ways, key=rank):
        one, other = of[edge[0]], of[edge[1]]
        arrow = _arrow(ways[edge], edge in turned, *_LOOKS[rank(edge)])
        out += [f'<g class="edge"><title>{escaped(f"{other.title} waits for {one.title}")}</title>', *arrow, "</g>"]
    for box in boxes:
        place = places[box.id]
        if (box.id, box.id) in circular:
            out += [f'<g class="loop"><title>{escaped(f"{box.title} waits for itself")}</title>', *_loop(place), "</g>"]
        out += drawn_box(box, *place)
    more = [CRITICAL] * any(box.critical for box in boxes) + [_IN_CIRCLE] * bool(circular)
    key, low = legend([box.state for box in boxes], more, MARGIN, high + 34, max(wide, 320) - MARGIN)
    said = f"{counted(box.state for box in boxes)}; {len(edges)} dependencies"
    return picture(max(wide, 320) + MARGIN, low + MARGIN, _TITLE, said, [*out, *key])


_LOOKS: list[tuple[str, float, str]] = [
    ("#8a949f", 1.4, ""),
    (INK, 2.6, ""),
    (CIRCLE, 1.8, ' stroke-dasharray="6 4"'),
]


def _packed(
    boxes: Sequence[Box], edges: Sequence[Edge], whole: nx.DiGraph[str]
) -> tuple[dict[str, Place], dict[Edge, list[tuple[float, float]]], set[Edge], float, float]:
    """What hangs together laid out, the tallest first, in rows; where it ends on the right and below."""
    index = {box.id: at for at, box in enumerate(boxes)}
    layouts: list[Layout] = []
    for part in sorted(
        (sorted(part, key=index.__getitem__) for part in nx.weakly_connected_components(whole)),
        key=lambda part: index[part[0]],
    ):
        if len(part) > 1:
            within = [edge for edge in edges if edge[0] in set(part) and edge[0] != edge[1]]
            layouts.append(layered({id: box_width(boxes[index[id]]) for id in part}, within))
    room = max([_USUAL_WIDTH, *(layout.wide for layout in layouts)])
    cell = max((layout.wide for layout in layouts if layout.wide < room / 2), default=0)  # small ones stand in line
    places: dict[str, Place] = {}
    ways: dict[Edge, list[tuple[float, float]]] = {}
    turned: set[Edge] = set()
    x = top = bottom = right = 0.0
    for layout in sorted(layouts, key=lambda layout: -layout.high):
        if x and x + layout.wide > room:
            x, top = 0, bottom + _ROW_GAP
        left, down = x + MARGIN, top + MARGIN
        places |= {id: Place(place.x + left, place.y + down, place.wide) for id, place in layout.places.items()}
        ways |= {edge: [(at + left, y + down) for at, y in way] for edge, way in layout.ways.items()}
        turned |= layout.turned
        bottom, right = max(bottom, top + layout.high), max(right, left + layout.wide)
        x += max(layout.wide, cell) + _ROW_GAP * 1.5
    return places, ways, turned, right, bottom + MARGIN if layouts else 0


def _arrow(way: Sequence[tuple[float, float]], back: bool, stroke: str, thick: float, more: str) -> list[str]:
    """A line that bends only between its second points, with its point at the right end, or the left."""
    head = 6 + thick
    points = list(way)
    (x, y), sign = (points[0], -1) if back else (points[-1], 1)
    points[0 if back else -1] = (x - sign * head * 0.7, y)
    path = f"M{number(points[0][0])} {number(points[0][1])}"
    for (left, high), (right, low) in zip(points[::2], points[1::2], strict=True):
        middle = (left + right) / 2
        bend = "".join(f" {number(at)}" for at in (middle, high, middle, low, right, low))
        path += ("" if (left, high) == points[0] else f"H{number(left)}") + f"C{bend[1:]}"
    return [
        f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="{thick}"{more}/>',
        _point(x, y, sign, 0, head, stroke),
    ]


def _point(x: float, y: float, right: int, down: int, long: float, fill: str) -> str:
    """The point of an arrow, ending at x and y."""
    half = long * 0.5
    ends = [(x - right * long + down * sign * half, y - down * long + right * sign * half) for sign in (-1, 1)]
    corners = "L".join(f"{number(at)} {number(low)}" for at, low in [(x, y), *ends])
    return f'<path d="M{corners}z" fill="{fill}"/>'


def _loop(place: Place) -> list[str]:
    """An arrow from a box's right end to its top."""
    right, top = place.x + place.wide, place.y - HIGH / 2
    stroke, thick, more = _LOOKS[2]
    path = f"M{number(right)} {number(top + 14)}C{number(right + 18)} {number(top + 12)} {number(right + 14)} "
    path += f"{number(top - 14)} {number(right - 6)} {number(top - 14)}C{number(right - 20)} {number(top - 14)} "
    path += f"{number(right - 22)} {number(top - 10)} {number(right - 22)} {number(top - 5)}"
    return [
        f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="{thick}"{more}/>',
        _point(right - 22, top, 0, 1, 7, stroke),
    ]
