"""A plan in time: bars and milestones by section."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from pantheros.pictures.svg import (
    CRITICAL,
    FAINT,
    INK,
    MARGIN,
    RULE,
    STATES,
    State,
    counted,
    escaped,
    fitted,
    legend,
    line,
    mark,
    nothing,
    number,
    picture,
    rect,
    text,
    width,
)

_TITLE = "Plan"
_ROW, _SECTION, _AXIS, _NOW, _LABEL = 28, 30, 34, 22, 22
_TALL = 25
"""Rows from which on the axis is written below them, too."""
_CHART, _WIDEST_DAY, _FEWEST_DAYS = 960, 72, 7
_TODAY, _STRONG = "#6a3fb5", "#b6bec8"
_LAST = date.max.toordinal() + 1
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Bar(NamedTuple):
    """Something that takes time. `end` is the first day after it; where it is `begin`, a day is drawn."""

    id: str
    title: str
    section: str
    begin: date
    end: date
    state: State
    critical: bool = False
    done: float = 0.0
    """The share that is done, drawn as a darker part."""


class Milestone(NamedTuple):
    title: str
    day: date
    section: str
    state: State


class _Scale(NamedTuple):
    """Days, by their ordinals, to places."""

    left: float
    first: int
    last: int
    """The day after."""
    of_day: float

    def x(self, day: float) -> float:
        return self.left + (day - self.first) * self.of_day

    @property
    def right(self) -> float:
        return self.x(self.last)


def gantt(bars: Sequence[Bar], milestones: Sequence[Milestone], today: date, empty: str) -> str:
    """Bars, then milestones, by section in the order in which sections first come, below a time axis.

    `empty` is what is said where there are none at all. Raises ValueError for a bar that ends before it begins.
    """
    if wrong := next((bar for bar in bars if bar.end < bar.begin), None):
        raise ValueError(f"{wrong.id} ends before it begins")
    if not bars and not milestones:
        return nothing(_TITLE, empty)

    everything: list[Bar | Milestone] = [*bars, *milestones]
    rows = {
        section: [each for each in everything if each.section == section]
        for section in dict.fromkeys(each.section for each in everything)
    }
    words = max([width(" ".join(each.title.split()), 12) for each in everything])
    label = min(max(words, 120), 260) + _LABEL + 14
    scale = _scaled(bars, milestones, today, MARGIN + label)
    top = MARGIN + _AXIS + _NOW
    bottom = top + sum(_ROW * len(within) + (_SECTION if section else 0) for section, within in rows.items())

    tall = len(everything) >= _TALL
    out = _axis(scale, top, bottom, tall)
    headings: list[str] = []  # over the line for today, which would strike them out
    y: float = top
    for section, within in rows.items():
        if section:
            shown = fitted(section, scale.right - MARGIN - 16, 12, bold=True)
            headings.append(f'<g class="section"><title>{escaped(section)}</title>')
            headings.append(rect(MARGIN, y, scale.right - MARGIN, _SECTION, "#eef1f5"))
            headings += [text(MARGIN + 8, y + 19, shown, 12, INK, ' font-weight="bold"'), "</g>"]
            y += _SECTION
        for each in within:
            out += _row(each, scale, y, label)
            y += _ROW
            out.append(line(MARGIN, y, scale.right, y, RULE, ' stroke-width="0.6"'))
    out += _now(today, scale, top, bottom) + headings

    more = [CRITICAL] * any(bar.critical for bar in bars) + [_DONE] * any(bar.done > 0 for bar in bars)
    more += [_MILESTONE] * bool(milestones)
    key, low = legend(
        [each.state for each in everything], more, MARGIN, bottom + 30 + _AXIS * tall, scale.right - MARGIN
    )
    span = f"{date.fromordinal(_first(everything))} to {date.fromordinal(_end(everything) - 1)}"
    said = f"{span}; {counted(each.state for each in everything)}; today is {today}"
    return picture(scale.right + MARGIN, low + MARGIN, _TITLE, said, [*out, *key])


def _diamond(x: float, y: float, fill: str, stroke: str) -> str:
    at = f'transform="translate({number(x)} {number(y)})"'
    return f'<path d="M0 -8L8 0L0 8L-8 0z" {at} fill="{fill}" stroke="{stroke}" stroke-width="1.6"/>'


_DONE = (
    rect(-11, -6, 22, 12, "#e9ecf0", f' rx="3" stroke="{FAINT}"') + rect(-11, -6, 13, 12, "#aab3bd", ' rx="3"'),
    "share done",
)
_MILESTONE = (_diamond(0, 0, "#e9ecf0", FAINT), "milestone")


def _first(everything: Iterable[Bar | Milestone]) -> int:
    return min((each.begin if isinstance(each, Bar) else each.day).toordinal() for each in everything)


def _end(everything: Iterable[Bar | Milestone]) -> int:
    """The day after the last."""
    return max(
        max(each.end.toordinal(), each.begin.toordinal() + 1) if isinstance(each, Bar) else each.day.toordinal() + 1
        for each in everything
    )


def _scaled(bars: Sequence[Bar], milestones: Sequence[Milestone], today: date, left: float) -> _Scale:
    """What is shown: everything, and today where that is not far away."""
    first, last, now = _first([*bars, *milestones]), _end([*bars, *milestones]), today.toordinal()
    near = max((last - first) // 4, 14)
    if first - near <= now < last + near:
        first, last = min(first, now), max(last, now + 1)
    beside = max((last - first) // 40, (_FEWEST_DAYS - (last - first) + 1) // 2, 1)
    first, last = max(first - beside, 1), min(last + beside, _LAST)
    return _Scale(left, first, last, min(_CHART / (last - first), _WIDEST_DAY))


# The axis ----------------------------------------------------------------------------------------------------------


def _ticks(scale: _Scale) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """The days at which something begins, with its name, for the upper line of the axis and the lower."""
    day, first, last = scale.of_day, scale.first, scale.last
    if day >= 20:
        long = day >= 44
        days = [(at, date.fromordinal(at)) for at in range(first, last)]
        names = [(at, f"{_DAYS[each.weekday()]} {each.day}" if long else str(each.day)) for at, each in days]
        return _months(first, last, 1, "{month} {year}"), names
    if day * 7 >= 24:
        mondays = range(first + (1 - first) % 7, last, 7)  # day 1 was a Monday
        return _months(first, last, 1, "{month} {year}"), [(at, str(date.fromordinal(at).day)) for at in mondays]
    if day * 30 >= 25:
        return _months(first, last, 12, "{year}"), _months(first, last, 1, "{month}")
    if day * 91 >= 25:
        return _months(first, last, 12, "{year}"), _months(first, last, 3, "Q{quarter}")
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if day * 365 * step >= 38 or step == 1000)
    return [], _months(first, last, 12 * step, "{year}")


def _months(first: int, last: int, step: int, name: str) -> list[tuple[int, str]]:
    """Each so many months, from the one that the first day is in."""
    begin = date.fromordinal(first)
    month = begin.year * 12 + begin.month - 1
    found = []
    for at in range(month - month % step, 9999 * 12 + 12, step):
        year, of_year = divmod(at, 12)
        begins = date(year, of_year + 1, 1).toordinal() if year else 1
        if begins >= last:
            break
        found.append((begins, name.format(month=_MONTHS[of_year], year=year or 1, quarter=of_year // 3 + 1)))
    return found


def _axis(scale: _Scale, top: float, bottom: float, twice: bool) -> list[str]:
    """The grid, and the names of its days, weeks, months or years above it, or above and below."""
    upper, lower = _ticks(scale)
    out = ['<g class="axis">']
    if scale.of_day >= 6:
        for day in range(scale.first, scale.last):
            if day % 7 in (6, 0):  # Saturday and Sunday
                out.append(rect(scale.x(day), top, scale.of_day, bottom - top, "#f6f7f9"))
    first, second = MARGIN + 11, MARGIN + 28
    below = [bottom + 15, bottom + 32] if twice else []
    for ticks, colour, ink, bases in (
        (lower, RULE, FAINT, [second, *below[:1]]),
        (upper, _STRONG, INK, [first, *below[1:]]),
    ):
        for (begin, name), (end, _) in pairwise([*ticks, (scale.last, "")]):
            x = max(scale.x(begin), scale.left)
            fits = scale.x(end) - x >= width(name, 11) + 5
            if begin >= scale.first:
                out.append(line(x, top, x, bottom, colour))
                out += [line(x, base - 11, x, base + 3, colour) for base in bases]
            out += [text(x + 4, base, name, 11, ink) for base in bases if fits]
    return [*out, *(line(MARGIN, y, scale.right, y, _STRONG) for y in (top, bottom)), "</g>"]


def _now(today: date, scale: _Scale, top: float, bottom: float) -> list[str]:
    """A line through today, or at the side on which it is what day it is."""
    now = today.toordinal()
    words, at = "today", scale.x(now + 0.5)
    if now < scale.first:
        words, at = f"◂ today, {today}", scale.left
    elif now >= scale.last:
        words, at = f"today, {today} ▸", scale.right
    wide = width(words, 11) + 12
    left = min(max(at - wide / 2, scale.left), scale.right - wide)
    out = [f'<g class="today"><title>today, {today}</title>']
    if scale.first <= now < scale.last:
        out.append(line(at, top - 4, at, bottom, _TODAY, ' stroke-width="1.6" stroke-dasharray="5 3"'))
    out.append(rect(left, top - 20, wide, 17, _TODAY, ' rx="8"'))
    return [*out, text(left + wide / 2, top - 7.5, words, 11, "#ffffff", ' text-anchor="middle"'), "</g>"]


# The rows ----------------------------------------------------------------------------------------------------------


def _row(each: Bar | Milestone, scale: _Scale, y: float, label: float) -> list[str]:
    colours = STATES[each.state]
    middle = y + _ROW / 2
    shown = fitted(each.title, label - _LABEL - 14, 12)
    name = [mark(each.state, MARGIN + 10, middle), text(MARGIN + _LABEL, middle + 4.5, shown, 12)]
    if isinstance(each, Milestone):
        x = scale.x(each.day.toordinal() + 0.5)
        day = f"{each.day.day} {_MONTHS[each.day.month - 1]} {each.day.year}"
        wide = width(day, 11)
        at = x + 13 if x + 13 + wide <= scale.right else x - 13 - wide
        drawn = [_diamond(x, middle, colours.part, colours.line), text(at, middle + 4, day, 11, colours.line)]
        said = f"{each.state}, {each.day}"
        return _group("milestone", each.title, said, [*name, *drawn])
    begin, end = each.begin.toordinal(), max(each.end.toordinal(), each.begin.toordinal() + 1)
    wide = max((end - begin) * scale.of_day, 4)
    x = min(scale.x(begin), scale.right - wide)
    done = min(max(0.0, each.done), 1.0)
    thick = 2.8 if each.critical else 1.1
    drawn = [rect(x, middle - 8, wide, 16, colours.fill, ' rx="3"')]
    if done:
        drawn.append(rect(x, middle - 8, wide * done, 16, colours.part, ' rx="3"'))
    drawn.append(rect(x, middle - 8, wide, 16, "none", f' rx="3" stroke="{colours.line}" stroke-width="{thick}"'))
    said = f"{each.begin} to {date.fromordinal(end - 1)}, {each.state}{', critical' * each.critical}, {done:.0%} done"
    return _group("bar", each.title, said, [*name, *drawn])


def _group(kind: str, title: str, said: str, inside: Sequence[str]) -> list[str]:
    return [f'<g class="{kind}"><title>{escaped(title)} ({said})</title>', *inside, "</g>"]
