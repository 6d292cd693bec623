"""Which host uses which service."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

from pantheros.pictures.layers import GAP, Place, grid, kept_apart, untangled
from pantheros.pictures.svg import (
    CRITICAL,
    FAINT,
    HIGH,
    MARGIN,
    RULE,
    Box,
    apart,
    box_width,
    counted,
    drawn_box,
    escaped,
    legend,
    line,
    nothing,
    number,
    picture,
    text,
)

_TITLE = "Which host uses which service"
_LINES = ["#1f5fa8", "#b3541e", "#2b7a3d", "#8a3ea0", "#a8243c", "#0f7c82", "#7a6212", "#4a4f8c"]
"""By host, so that a line can be followed; dark enough on white."""
_PORT, _HEADING = 9, 26


class Link(NamedTuple):
    """That a host uses a service."""

    host: str
    service: str


def shared_services(hosts: Sequence[Box], services: Sequence[Box], links: Sequence[Link], empty: str) -> str:
    """Hosts on the left, services on the right, and a line for each use; below, what has none.

    `empty` is what is said where there are none at all. Raises ValueError for two hosts or services of one id, and for
    a link to one that there is not.
    """
    if len({box.id for box in hosts}) < len(hosts) or len({box.id for box in services}) < len(services):
        raise ValueError("two boxes have the same id")
    boxes = [*hosts, *services]
    left_of = {box.id: at for at, box in enumerate(hosts)}
    right_of = {box.id: at for at, box in enumerate(services, len(hosts))}
    links = list(dict.fromkeys(links))
    unknown = {link.host for link in links} - left_of.keys() | {link.service for link in links} - right_of.keys()
    if unknown:
        raise ValueError(f"links name what there is not: {', '.join(sorted(unknown))}")
    if not boxes:
        return nothing(_TITLE, empty)

    uses: dict[int, list[int]] = defaultdict(list)
    used: dict[int, list[int]] = defaultdict(list)
    for link in links:
        uses[left_of[link.host]].append(right_of[link.service])
        used[right_of[link.service]].append(left_of[link.host])
    out, places, wide, high = _columns(boxes, uses, used)
    if alone := [at for at in range(len(boxes)) if at not in places]:
        top = high + 64 if places else MARGIN
        below = grid({str(at): box_width(boxes[at]) for at in alone}, top, wide)
        wide = max(wide, *(place.x + place.wide for place in below.values()))
        out += apart("nothing shared", high, wide) if places else []
        high = max(place.y for place in below.values()) + HIGH / 2
        places |= {int(at): (place, HIGH) for at, place in below.items()}
    for at, box in enumerate(boxes):
        place, tall = places[at]
        out += drawn_box(box, *place, tall)
    more = [CRITICAL] * any(box.critical for box in boxes)
    key, low = legend([box.state for box in boxes], more, MARGIN, high + 34, max(wide, 320) - MARGIN)
    states = counted(box.state for box in boxes)
    said = f"{len(hosts)} hosts, {len(services)} services, {len(links)} uses" + (f"; {states}" if states else "")
    return picture(max(wide, 320) + MARGIN, low + MARGIN, _TITLE, said, [*out, *key])


def _columns(
    boxes: Sequence[Box], uses: dict[int, list[int]], used: dict[int, list[int]]
) -> tuple[list[str], dict[int, tuple[Place, float]], float, float]:
    """The two columns and the lines between them: what is drawn, where the boxes go and how high they are, the size."""
    if not uses:
        return [], {}, 0, 0
    # Copies: asked for what a service uses, a defaultdict remembers that it is nothing.
    left, right = untangled([sorted(uses), sorted(used)], defaultdict(list, used), defaultdict(list, uses))
    count = {at: len(others) for at, others in [*uses.items(), *used.items()]}
    tall: dict[int, float] = {at: max(HIGH, (many - 1) * _PORT + 24) for at, many in count.items()}
    y: dict[int, float] = {}
    top = MARGIN + _HEADING + tall[left[0]] / 2
    for column, others in ((left, {}), (right, used), (left, uses)):
        gaps = [0.0, *((tall[one] + tall[other]) / 2 + GAP for one, other in pairwise(column))]
        wanted = [fmean(y[other] for other in others[at]) if others else top for at in column]
        y.update(zip(column, kept_apart(wanted, [1.0] * len(column), gaps), strict=True))
    up = min(y[at] - tall[at] / 2 for at in y) - MARGIN - _HEADING
    y = {at: round(middle - up) for at, middle in y.items()}

    wide_left, wide_right = (max(box_width(boxes[at]) for at in column) for column in (left, right))
    begin = MARGIN + wide_left
    end = begin + 200 + min(3 * sum(map(len, uses.values())), 240)
    places = {at: (Place(MARGIN, y[at], wide_left), tall[at]) for at in left}
    places |= {at: (Place(end, y[at], wide_right), tall[at]) for at in right}

    def port(at: int, others: Sequence[int], other: int) -> float:
        return y[at] + (sorted(others, key=y.__getitem__).index(other) - (len(others) - 1) / 2) * _PORT

    out = [_heading(MARGIN, wide_left, "Hosts"), _heading(end, wide_right, "Services")]
    for number_of_host, host in enumerate(left):
        colour = _LINES[number_of_host % len(_LINES)]
        for service in sorted(uses[host], key=y.__getitem__):
            high, low = port(host, uses[host], service), port(service, used[service], host)
            both = boxes[host].critical and boxes[service].critical
            words = escaped(f"{boxes[host].title} uses {boxes[service].title}")
            out += [
                f'<g class="link"><title>{words}</title>',
                *_line(begin, high, end, low, colour, 3 if both else 1.7),
                "</g>",
            ]
    return out, places, end + wide_right, max(y[at] + tall[at] / 2 for at in y)


def _heading(x: float, wide: float, words: str) -> str:
    rule = line(x, MARGIN + 14, x + wide, MARGIN + 14, RULE)
    return text(x, MARGIN + 6, words, 12, FAINT, ' font-weight="bold"') + rule


def _line(x: float, y: float, to_x: float, to_y: float, colour: str, thick: float) -> list[str]:
    """A line with a dot at each end, and white beside it, so that it is seen which of two goes on where they cross."""
    middle = (x + to_x) / 2
    ends = [number(at) for at in (x, y, middle, y, middle, to_y, to_x, to_y)]
    path = f"M{ends[0]} {ends[1]}C{' '.join(ends[2:])}"
    return [
        f'<path d="{path}" fill="none" stroke="#ffffff" stroke-width="{thick + 3:.1f}"/>',
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{thick}"/>',
        f'<circle cx="{ends[0]}" cy="{ends[1]}" r="3.2" fill="{colour}"/>',
        f'<circle cx="{ends[6]}" cy="{ends[7]}" r="3.2" fill="{colour}"/>',
    ]
