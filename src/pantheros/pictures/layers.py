"""Where the boxes of a graph go, and the ways of its edges: columns from left to right, as Sugiyama does it.

An edge that passes a column has a lane of its own there, between the boxes, and bends only between two columns. So no
edge runs through a box. Long edges that begin at the same box, or end at the same, share their lanes.
"""

from __future__ import annotations

import math
from bisect import bisect, insort
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from statistics import fmean
from typing import NamedTuple

import networkx as nx

from pantheros.pictures.svg import HIGH, MARGIN

Edge = tuple[str, str]
Neighbours = Mapping[int, Sequence[int]]
GAP, _LANE_GAP, _COLUMN_GAP = 20, 12, 52
_SWEEPS = 24


class Place(NamedTuple):
    x: float
    y: float
    """Of the middle."""
    wide: float


class Layout(NamedTuple):
    places: dict[str, Place]
    ways: dict[Edge, list[tuple[float, float]]]
    """From left to right; straight from each second point to the next, bent between."""
    turned: set[Edge]
    """Edges that lead to the left."""
    wide: float
    high: float


def layered(boxes: Mapping[str, float], edges: Sequence[Edge]) -> Layout:
    """Lay out boxes of the given widths that hang together. No edge twice, none from a box to itself."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(boxes)
    graph.add_edges_from(edges)
    turned = _backward(graph)
    graph.remove_edges_from(turned)
    graph.add_edges_from((other, one) for one, other in edges if (one, other) in turned)
    column = _columns(graph, max(8, math.ceil(1.6 * math.sqrt(len(boxes)))))

    # Nodes are numbers: first the boxes, then the lanes.
    names = list(boxes)
    numbers = {name: at for at, name in enumerate(names)}
    layers: list[list[int]] = [[] for _ in range(max(column.values()) + 1)]
    for name in names:
        layers[column[name]].append(numbers[name])
    lanes: dict[tuple[object, int], int] = {}
    paths: dict[Edge, list[int]] = {}
    for edge in edges:
        one, other = reversed(edge) if edge in turned else edge
        shares: object = ("from", one) if graph.out_degree(one) >= graph.in_degree(other) else ("to", other)
        path = [numbers[one]]
        for at in range(column[one] + 1, column[other]):
            lane = lanes.setdefault((edge if edge in turned else shares, at), len(names) + len(lanes))
            if lane not in layers[at]:
                layers[at].insert(len(layers[at]) // 2, lane)
            path.append(lane)
        paths[edge] = [*path, numbers[other]]
    left: dict[int, list[int]] = defaultdict(list)
    right: dict[int, list[int]] = defaultdict(list)
    for one_node, other_node in dict.fromkeys(pair for path in paths.values() for pair in pairwise(path)):
        right[one_node].append(other_node)
        left[other_node].append(one_node)

    layers = untangled(layers, left, right)
    y = _heights(layers, left, right, len(names))
    widths = [max([boxes[names[node]] for node in layer if node < len(names)]) for layer in layers]
    x = [0.0]
    for layer, wide in zip(layers, widths, strict=True):
        steepest = max((abs(y[node] - y[other]) for node in layer for other in right[node]), default=0)
        x.append(x[-1] + wide + _COLUMN_GAP + round(min(steepest * 0.15, 70)))
    at_column = {node: at for at, layer in enumerate(layers) for node in layer}
    places = {name: Place(x[column[name]], y[numbers[name]], widths[column[name]]) for name in names}
    begins, ends = _ports(paths, turned, y)
    ways = {}
    for edge, path in paths.items():
        points = [(x[at_column[path[0]]] + widths[at_column[path[0]]], begins[edge])]
        for node in path[1:-1]:
            at = at_column[node]
            points += [(x[at], y[node]), (x[at] + widths[at], y[node])]
        ways[edge] = [*points, (x[at_column[path[-1]]], ends[edge])]
    return Layout(places, ways, turned, x[-2] + widths[-1], max(y.values()) + HIGH / 2)


def grid(boxes: Mapping[str, float], top: float, wide: float) -> dict[str, Place]:
    """Rows of boxes, as wide as what is above them, and else somewhat wider than high."""
    cell = max(boxes.values())
    fit = int((wide - MARGIN + GAP) // (cell + GAP))
    columns = max(fit, math.ceil(math.sqrt(len(boxes) * (HIGH + GAP) * 1.6 / (cell + GAP))))
    return {
        id: Place(MARGIN + at % columns * (cell + GAP), top + at // columns * (HIGH + GAP) + HIGH / 2, cell)
        for at, id in enumerate(boxes)
    }


def _backward(graph: nx.DiGraph[str]) -> set[Edge]:
    """Edges which, once turned, leave no circle."""
    begun: set[str] = set()
    found = set()
    for one, other, kind in nx.dfs_labeled_edges(graph):
        if kind == "forward":
            begun.add(other)
        elif kind == "reverse":
            begun.discard(other)
        elif other in begun:
            found.add((one, other))
    return found


def _columns(graph: nx.DiGraph[str], most: int) -> dict[str, int]:
    """The column of each box, right of all it depends on, with only so many boxes in one."""
    order = list(nx.topological_sort(graph))
    before: dict[str, int] = {}
    after: dict[str, int] = {}
    for name in order:
        before[name] = 1 + max((before[other] for other in graph.predecessors(name)), default=0)
    for name in reversed(order):
        after[name] = 1 + max((after[other] for other in graph.successors(name)), default=0)
    column: dict[str, int] = {}
    filled: Counter[int] = Counter()
    for name in sorted(graph, key=lambda name: (before[name], -after[name])):
        at = max((column[other] + 1 for other in graph.predecessors(name)), default=0)
        while filled[at] >= most:
            at += 1
        column[name] = at
        filled[at] += 1
    for name in reversed(order):  # what many wait for stands near them, for shorter edges
        if graph.out_degree(name) > graph.in_degree(name):
            last = min(column[other] for other in graph.successors(name)) - 1
            at = next((at for at in range(last, column[name], -1) if filled[at] < most), column[name])
            filled[column[name]] -= 1
            column[name] = at
            filled[at] += 1
    ranks = {at: rank for rank, at in enumerate(sorted(set(column.values())))}
    return {name: ranks[at] for name, at in column.items()}


def untangled(layers: list[list[int]], left: Neighbours, right: Neighbours) -> list[list[int]]:
    """The layers in an order with few crossings: each node at the mean of its neighbours, to and fro."""
    best, fewest = layers, _crossings(layers, right)
    now = [list(layer) for layer in layers]
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        beside, pairs = (left, pairwise(now)) if sweep % 2 == 0 else (right, pairwise(reversed(now)))
        for fixed, layer in pairs:
            place = {node: at for at, node in enumerate(fixed)}
            own = {node: at for at, node in enumerate(layer)}
            mean = {
                node: fmean(place[other] for other in beside[node]) if beside[node] else own[node] for node in layer
            }
            layer.sort(key=mean.__getitem__)
        _swap(now, left, right)
        crossings = _crossings(now, right)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in now], crossings
    return best


def _crossings(layers: Sequence[Sequence[int]], right: Neighbours) -> int:
    """How often edges cross."""
    count = 0
    for layer, following in pairwise(layers):
        place = {node: at for at, node in enumerate(following)}
        seen: list[int] = []
        for node in layer:
            ends = sorted(place[other] for other in right[node])
            count += sum(len(seen) - bisect(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _swap(layers: Sequence[list[int]], left: Neighbours, right: Neighbours) -> None:
    """Exchange neighbours in a layer wherever their edges cross less then."""
    for number, layer in enumerate(layers):
        sides = [
            (left, layers[number - 1] if number else []),
            (right, layers[number + 1] if number + 1 < len(layers) else []),
        ]
        ends: list[dict[int, list[int]]] = []
        for beside, other_layer in sides:
            place = {node: at for at, node in enumerate(other_layer)}
            ends.append({node: sorted(place[other] for other in beside[node]) for node in layer})
        for at in range(len(layer) - 1):
            upper, lower = layer[at], layer[at + 1]
            as_is = sum(len(of[upper]) - bisect(of[upper], end) for of in ends for end in of[lower])
            swapped = sum(len(of[lower]) - bisect(of[lower], end) for of in ends for end in of[upper])
            if swapped < as_is:
                layer[at], layer[at + 1] = lower, upper


def _heights(layers: Sequence[Sequence[int]], left: Neighbours, right: Neighbours, boxes: int) -> dict[int, float]:
    """How far down the middle of each node is: near its neighbours, lanes straight, nothing touching."""

    def apart(one: int, other: int) -> float:
        tall = (HIGH / 2 if one < boxes else 0) + (HIGH / 2 if other < boxes else 0)
        return tall + (GAP if one < boxes and other < boxes else _LANE_GAP)

    def pull(one: int, other: int) -> float:
        return (1.0, 2.0, 8.0)[(one >= boxes) + (other >= boxes)]

    gaps = [[0.0, *(apart(one, other) for one, other in pairwise(layer))] for layer in layers]
    y = {
        node: at
        for layer, gap in zip(layers, gaps, strict=True)
        for node, at in zip(layer, accumulate(gap), strict=True)
    }
    none: Neighbours = defaultdict(list)
    for towards_left, towards_right in [*[(left, none), (none, right)] * 6, *[(left, right)] * 4]:
        way = zip(layers, gaps, strict=True)
        for layer, gap in way if towards_left is left else reversed(list(way)):
            wanted, weights = [], []
            for node in layer:
                pulls = [(y[other], pull(node, other)) for other in (*towards_left[node], *towards_right[node])]
                pulls = pulls or [(y[node], 0.1)]
                weights.append(sum(weight for _, weight in pulls))
                wanted.append(sum(at * weight for at, weight in pulls) / weights[-1])
            y.update(zip(layer, kept_apart(wanted, weights, gap), strict=True))
    top = min(y[node] - (HIGH / 2 if node < boxes else 0) for node in y)
    return {node: float(round(at - top)) for node, at in y.items()}


def kept_apart(wanted: Sequence[float], weights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The places nearest to those wanted that keep their order and the gaps before them (by pooling violators)."""
    offsets = list(accumulate(gaps))
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for place, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, heavy, many = place - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, more, others = pools.pop()
            mean, heavy, many = (mean * heavy + other * more) / (heavy + more), heavy + more, many + others
        pools.append((mean, heavy, many))
    means = [mean for mean, _, many in pools for _ in range(many)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _ports(
    paths: Mapping[Edge, Sequence[int]], turned: set[Edge], y: Mapping[int, float]
) -> tuple[dict[Edge, float], dict[Edge, float]]:
    """How far down each edge leaves its left box and reaches its right one."""
    begins, ends = {}, {}
    back: dict[int, list[Edge]] = defaultdict(list)
    for edge, path in paths.items():
        begins[edge] = y[path[0]]
        if edge in turned:
            back[path[0]].append(edge)
    for edges in back.values():  # their arrows are at the left box, away from where others leave it
        for at, edge in enumerate(edges, 1):
            begins[edge] += 8 + 10 * at / len(edges)
    reached: dict[int, dict[tuple[float, int, bool], list[Edge]]] = defaultdict(lambda: defaultdict(list))
    for edge, path in paths.items():
        before = y[path[-2]] if len(path) > 2 else begins[edge]
        reached[path[-1]][before, path[-2], edge in turned].append(edge)
    for node, arriving in reached.items():
        apart = min(9.0, (HIGH - 16) / max(len(arriving) - 1, 1))
        for at, key in enumerate(sorted(arriving)):
            for edge in arriving[key]:
                ends[edge] = y[node] + (at - (len(arriving) - 1) / 2) * apart
    return begins, ends
