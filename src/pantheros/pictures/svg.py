"""What all pictures are made of: text that fits and is well-formed, boxes, the marks of states, the legend.

A picture has no ids and no style sheet, so that several of them can stand in one page without touching each other.
"""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate, takewhile
from typing import Literal, NamedTuple

State = Literal["done", "active", "blocked", "overdue", "planned", "plain"]


class Box(NamedTuple):
    """Something that is drawn as a box."""

    id: str
    title: str
    note: str
    state: State
    critical: bool = False


class Colours(NamedTuple):
    fill: str
    part: str
    """What of a bar is done."""
    line: str
    """Dark enough to be read on `fill`."""


STATES: dict[State, Colours] = {
    "done": Colours("#e4f4e7", "#8fcb9d", "#22693a"),
    "active": Colours("#e3eefc", "#8db8ec", "#1b5aa3"),
    "blocked": Colours("#fde6e4", "#eda39d", "#a8201a"),
    "overdue": Colours("#fff1d4", "#f0c36a", "#8a4b00"),
    "plain": Colours("#eef1f8", "#c5cede", "#3b4f78"),
    "planned": Colours("#f3f4f6", "#c3c9d1", "#515b66"),
}
INK, FAINT, RULE, CIRCLE = "#1c2127", "#5c6670", "#dfe3e8", "#c62828"
HIGH, MARGIN = 46, 24
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Noto Sans', 'DejaVu Sans', sans-serif"
_LEFT, _RIGHT, _NARROWEST, _WIDEST = 34, 12, 116, 320
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_END = 0.35
"""How much of a shortened text is its end."""
_MARKS_OF_A_LETTER = 6
"""More combining marks than any language puts on a letter would reach into the line above."""


# Text --------------------------------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """For XML, without what XML 1.0 has no way to write."""
    return html.escape(_FORBIDDEN.sub("", text))


@cache
def _em(letter: str) -> float:
    """How wide a letter is, in the widest fonts that may be taken for it (Verdana, DejaVu Sans; wide emoji)."""
    if letter < "\x7f":
        if letter in "ijlftrIJ .,:;'!|()[]/\\-\"":
            return 0.47
        if letter in "mwMW@%":
            return 1.08
        return 0.65 if letter.islower() or letter.isdigit() else 0.84
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.3
    parts = unicodedata.normalize("NFKD", letter)  # an é is an e, and some single letters are whole sentences
    if parts != letter:
        accented = parts == unicodedata.normalize("NFD", letter)
        return max(sum(map(_em, parts)) * 1.1, 0.5 if accented else 1)
    return 1.25 if letter < "\u0900" else 1.65


def width(text: str, size: float, bold: bool = False) -> float:
    """How wide a text is at most."""
    return sum(map(_em, text)) * size * (1.15 if bold else 1)


def fitted(text: str, room: float, size: float, bold: bool = False) -> str:
    """The text on one line, shortened in its middle where it is wider than the room: long names often differ in their
    last word alone. Letters keep their accents."""
    text = " ".join(_FORBIDDEN.sub("", text).split())
    letters: list[str] = []
    for letter in text:
        if letters and (not _em(letter) or letters[-1].endswith("\u200d")):
            if len(letters[-1]) <= _MARKS_OF_A_LETTER or not unicodedata.category(letter).startswith("M"):
                letters[-1] += letter
        else:
            letters.append(letter)
    if width("".join(letters), size, bold) <= room:
        return "".join(letters)
    room -= width("…", size, bold)
    end = _fitting(reversed(letters), room * _END, size, bold)
    kept = letters[len(letters) - end :]
    begin = _fitting(letters, room - width("".join(kept), size, bold), size, bold)
    return f"{''.join(letters[:begin]).rstrip()}…{''.join(kept).lstrip()}"


def _fitting(letters: Iterable[str], room: float, size: float, bold: bool) -> int:
    """How many letters there is room for."""
    rooms = accumulate(letters, lambda left, letter: left - width(letter, size, bold), initial=room)
    return sum(1 for _ in takewhile(lambda left: left >= 0, rooms)) - 1


def text(x: float, y: float, words: str, size: float = 13, fill: str = INK, more: str = "") -> str:
    return (
        f'<text x="{number(x)}" y="{number(y)}" font-size="{number(size)}" fill="{fill}"{more}>{escaped(words)}</text>'
    )


def number(value: float) -> str:
    """A coordinate, to a tenth."""
    shown = f"{value:.1f}".removesuffix(".0")
    return "0" if shown == "-0" else shown


# Shapes ------------------------------------------------------------------------------------------------------------


def rect(x: float, y: float, wide: float, high: float, fill: str, more: str = "") -> str:
    return f'<rect x="{number(x)}" y="{number(y)}" width="{number(wide)}" height="{number(high)}" fill="{fill}"{more}/>'


def line(x: float, y: float, to_x: float, to_y: float, stroke: str = RULE, more: str = "") -> str:
    ends = f'x1="{number(x)}" y1="{number(y)}" x2="{number(to_x)}" y2="{number(to_y)}"'
    return f'<line {ends} stroke="{stroke}"{more}/>'


def mark(state: State, x: float, y: float) -> str:
    """The sign of a state, 14 wide around a point; each has its own shape, for who cannot tell the colours apart."""
    colour = STATES[state].line
    at = f'transform="translate({number(x)} {number(y)})"'
    stroke = 'fill="none" stroke="#ffffff" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"'
    if state == "plain":
        return ""
    match state:
        case "done":
            inner = f'<circle r="7" fill="{colour}"/><path d="M-3.2 0.2L-0.9 2.6L3.4 -2.4" {stroke}/>'
        case "active":
            inner = f'<circle r="7" fill="{colour}"/><path d="M-2 -3.6L3.8 0L-2 3.6z" fill="#ffffff"/>'
        case "blocked":
            inner = f'<path d="M-3 -7H3L7 -3V3L3 7H-3L-7 3V-3z" fill="{colour}"/><path d="M-3.4 0H3.4" {stroke}/>'
        case "overdue":
            inner = f'<path d="M0 -6.6L7 5.8H-7z" fill="{colour}" stroke="{colour}" stroke-linejoin="round"/>'
            inner += f'<path d="M0 -2.6V1.4M0 4V4.1" {stroke}/>'
        case "planned":
            inner = f'<circle r="6" fill="#ffffff" stroke="{colour}" stroke-width="1.8"/>'
    return f"<g {at}>{inner}</g>"


def box_width(box: Box) -> float:
    """How wide a box has to be for its texts, within limits."""
    texts = max(width(" ".join(box.title.split()), 13), width(" ".join(box.note.split()), 11))
    left = _RIGHT if box.state == "plain" else _LEFT
    return min(max(math.ceil(texts) + left + _RIGHT, _NARROWEST), _WIDEST)


def drawn_box(box: Box, x: float, middle: float, wide: float, high: float = HIGH) -> list[str]:
    """A box; its whole title is its tooltip."""
    colours = STATES[box.state]
    thick = 3 if box.critical else 1.2
    left = _RIGHT if box.state == "plain" else _LEFT
    room = wide - left - _RIGHT
    said = ", ".join(
        filter(None, ["" if box.state == "plain" else box.state, "critical" if box.critical else "", box.note])
    )
    return [
        f'<g class="box"><title>{escaped(box.title)}</title><desc>{escaped(said)}</desc>',
        rect(x, middle - high / 2, wide, high, colours.fill, f' rx="7" stroke="{colours.line}" stroke-width="{thick}"'),
        mark(box.state, x + 18, middle),
        text(x + left, middle - 4 if box.note else middle + 4.5, fitted(box.title, room, 13)),
        *([text(x + left, middle + 13, fitted(box.note, room, 11), 11, colours.line)] if box.note else []),
        "</g>",
    ]


def apart(words: str, y: float, wide: float) -> list[str]:
    """A rule, and below it what is said of the boxes that follow."""
    return [line(MARGIN, y + 26, wide, y + 26), text(MARGIN, y + 48, words, 11, FAINT)]


# The whole ---------------------------------------------------------------------------------------------------------


def legend(
    states: Iterable[State], more: Sequence[tuple[str, str]], x: float, y: float, room: float
) -> tuple[list[str], float]:
    """A row of the states there are, and of further samples (26 wide around 0, 0) with their words; how high it is."""
    found = set(states)
    samples = [(mark(state, 0, 0), state) for state in STATES if state in found and state != "plain"] + list(more)
    out, left = [], x
    for sample, words in samples:
        wide = 26 + width(words, 11) + 14
        if left > x and left + wide > x + room:
            left, y = x, y + 22
        out.append(f'<g transform="translate({number(left + 13)} {number(y)})">{sample}</g>')
        out.append(text(left + 30, y + 4, words, 11, FAINT))
        left += wide
    return ['<g class="legend">', *out, "</g>"], y


CRITICAL = (
    f'<rect x="-11" y="-6" width="22" height="12" rx="3" fill="#ffffff" stroke="{INK}" stroke-width="3"/>',
    "critical",
)


def picture(wide: float, high: float, title: str, said: str, inside: Sequence[str]) -> str:
    """The whole picture; the title and what it shows are for those who hear it."""
    size = f'width="{wide:.0f}" height="{high:.0f}" viewBox="0 0 {wide:.0f} {high:.0f}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{_FONTS}">',
            f"<title>{escaped(title)}</title>",
            f"<desc>{escaped(said)}</desc>",
            f'<rect width="{wide:.0f}" height="{high:.0f}" fill="#ffffff"/>',
            *inside,
            "</svg>\n",
        ]
    )


def nothing(title: str, empty: str) -> str:
    """The picture of nothing, which says so."""
    wide = max(width(empty, 13) + 2 * MARGIN, 320)
    return picture(wide, 2 * MARGIN + 20, title, empty, [text(MARGIN, MARGIN + 15, empty, 13, FAINT)])


def counted(boxes: Iterable[State]) -> str:
    """How many there are of each state."""
    found = list(boxes)
    return ", ".join(f"{found.count(state)} {state}" for state in STATES if state in found and state != "plain")
