"""Pictures: well-formed, nothing over anything else, and the same each time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from itertools import combinations
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantheros.pictures import Bar, Box, Link, Milestone, gantt, graph, shared_services
from pantheros.pictures.svg import STATES, fitted, width

SVG = "{http://www.w3.org/2000/svg}"
TODAY = date(2026, 10, 14)
TEXTS = st.text(st.characters() | st.sampled_from("<>&\"'\x00\x1b\ud800\ufffe‍́漢👩ש…ﷺ"), max_size=150)
STATE = st.sampled_from(list(STATES))
BOXES = st.builds(Box, st.text(max_size=3), TEXTS, TEXTS, STATE, st.booleans())


class Drawn(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Drawn) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


def rectangle(element: ET.Element) -> Drawn:
    x, y, wide, high = (float(element.attrib[name]) for name in ("x", "y", "width", "height"))
    return Drawn(x, y, x + wide, y + high)


def groups(picture: ET.Element, kind: str) -> list[ET.Element]:
    return [each for each in picture.iter(f"{SVG}g") if each.get("class") == kind]


def points(path: str) -> list[list[tuple[float, float]]]:
    """Points along each part of a path of absolute M, H and C."""
    x = y = 0.0
    parts = []
    for command, said in re.findall(r"([MHC])([^MHCz]*)", path):
        at = [float(number) for number in said.split()]
        if command == "M":
            x, y = at
        elif command == "H":
            parts.append([(x + (at[0] - x) * step / 20, y) for step in range(21)])
            x = at[0]
        else:
            a, b, c, d, e, f = at
            curve = []
            for step in range(25):
                t = step / 24
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                curve.append(
                    (
                        sum(w * v for w, v in zip(weights, (x, a, c, e), strict=True)),
                        sum(w * v for w, v in zip(weights, (y, b, d, f), strict=True)),
                    )
                )
            parts.append(curve)
            x, y = e, f
    return parts


def checked(svg: str) -> ET.Element:
    """What holds for every picture: its boxes lie in it and apart, and their texts within them."""
    picture = ET.fromstring(svg.encode())
    assert picture.get("role") == "img"
    assert [child.tag for child in picture][:2] == [f"{SVG}title", f"{SVG}desc"]
    whole = Drawn(0, 0, float(picture.attrib["width"]), float(picture.attrib["height"]))
    boxes = []
    for group in groups(picture, "box"):
        element = group.find(f"{SVG}rect")
        assert element is not None
        box = rectangle(element)
        boxes.append(box)
        for text in group.findall(f"{SVG}text"):
            words, size = text.text or "", float(text.attrib["font-size"])
            assert float(text.attrib["x"]) + width(words, size) <= box.right
    for box in boxes:
        assert 0 <= box.left < box.right <= whole.right
        assert 0 <= box.top < box.bottom <= whole.bottom
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    for text in picture.iter(f"{SVG}text"):
        if text.get("text-anchor") is None and "x" in text.attrib:
            assert float(text.attrib["x"]) + width(text.text or "", float(text.attrib["font-size"])) <= whole.right
    return picture


def numbered(count: int) -> list[Box]:
    states = list(STATES)
    return [Box(f"b{at}", f"change-number-{at}", f"{at} of 9", states[at % 5], at % 7 == 0) for at in range(count)]


def routed(boxes: list[Box], edges: list[tuple[str, str]]) -> ET.Element:
    """A graph drawn and checked: each edge begins and ends at its boxes, and runs through no box."""
    picture = checked(graph(boxes, edges, "nothing"))
    at = {}
    for group in groups(picture, "box"):
        element = group.find(f"{SVG}rect")
        assert element is not None
        at[group.findtext(f"{SVG}title")] = rectangle(element)
    drawn = groups(picture, "edge")
    assert len(drawn) == len({edge for edge in edges if edge[0] != edge[1]})
    assert len(groups(picture, "loop")) == len({edge for edge in edges if edge[0] == edge[1]})
    for group in drawn:
        later, earlier = (group.findtext(f"{SVG}title") or "").split(" waits for ")
        line, head = group.findall(f"{SVG}path")
        parts = points(line.attrib["d"])
        (x, y), (to_x, to_y) = parts[0][0], parts[-1][-1]
        left, right = sorted((at[earlier], at[later]))
        assert left.right <= x <= left.right + 8 and left.top <= y <= left.bottom
        assert right.left - 8 <= to_x <= right.left and right.top <= to_y <= right.bottom
        tip = float(head.attrib["d"][1:].split()[0])
        assert tip == (at[later].left if at[later] == right else at[later].right)
        for x, y in (point for part in parts for point in part):
            for box in at.values():
                assert not (box.left < x < box.right and box.top < y < box.bottom)
    return picture


# Graphs -----------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(BOXES, max_size=7, unique_by=lambda box: box.id), st.data())
def test_any_names_make_a_good_graph(boxes: list[Box], data: st.DataObject) -> None:
    ids = st.sampled_from([box.id for box in boxes] or [""])
    edges = data.draw(st.lists(st.tuples(ids, ids), max_size=12)) if boxes else []
    assert graph(boxes, edges, "nothing") == graph(list(boxes), list(edges), "nothing")
    checked(graph(boxes, edges, "nothing"))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.data())
def test_edges_run_around_boxes(count: int, data: st.DataObject) -> None:
    numbers = st.integers(0, count - 1)
    edges = [(f"b{one}", f"b{other}") for one, other in data.draw(st.lists(st.tuples(numbers, numbers), max_size=60))]
    routed(numbered(count), edges)


@pytest.mark.parametrize(
    "edges",
    [
        [],
        [(f"b{at}", f"b{at + 1}") for at in range(59)],
        [("b0", f"b{at}") for at in range(1, 60)],
        [(f"b{at}", "b59") for at in range(59)],
        [(f"b{at}", f"b{at + 1}") for at in range(0, 60, 2)],
        [(f"b{one}", f"b{other}") for one in range(12) for other in range(one)],
        [("b0", "b1"), ("b0", "b2"), ("b1", "b3"), ("b2", "b3"), ("b0", "b3")],
    ],
    ids=["alone", "chain", "star", "sink", "pairs", "every pair", "diamond"],
)
def test_sixty_boxes(edges: list[tuple[str, str]]) -> None:
    picture = routed(numbered(60), edges)
    assert float(picture.attrib["height"]) < 1800


def test_columns_follow_dependencies() -> None:
    picture = routed(numbered(4), [("b2", "b1"), ("b1", "b0"), ("b2", "b0"), ("b3", "b0")])
    boxes = {}
    for group in groups(picture, "box"):
        element = group.find(f"{SVG}rect")
        assert element is not None
        boxes[group.findtext(f"{SVG}title")] = rectangle(element)
    left = [boxes[f"change-number-{at}"].left for at in range(4)]
    assert left[2] < left[1] < left[0]
    assert left[3] < left[0]


def test_circles_are_dashed() -> None:
    picture = routed(numbered(5), [("b0", "b1"), ("b1", "b2"), ("b2", "b0"), ("b2", "b3"), ("b4", "b4")])
    dashed = {
        group.findtext(f"{SVG}title")
        for kind in ("edge", "loop")
        for group in groups(picture, kind)
        if any("stroke-dasharray" in path.attrib for path in group.iter(f"{SVG}path"))
    }
    names = [("1", "0"), ("2", "1"), ("0", "2"), ("4", "4")]
    loops = {f"change-number-{one} waits for change-number-{other}" for one, other in names[:3]}
    assert dashed == {*loops, "change-number-4 waits for itself"}
    assert "in a circle" in [text.text for text in picture.iter(f"{SVG}text")]


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        graph(numbered(1), [("b0", "nowhere")], "")
    with pytest.raises(ValueError, match="same id"):
        graph(numbered(1) * 2, [], "")


def test_the_legend_has_the_states_there_are() -> None:
    def words(svg: str) -> list[str | None]:
        (legend,) = groups(ET.fromstring(svg), "legend")
        return [text.text for text in legend.iter(f"{SVG}text")]

    boxes = [Box("a", "a", "", "overdue"), Box("b", "b", "", "done", critical=True)]
    assert words(graph(boxes, [], "")) == ["done", "overdue", "critical"]
    assert words(graph(boxes[:1], [], "")) == ["overdue"]


def test_nothing_says_so() -> None:
    none = "<none>"
    for svg in (graph([], [], none), gantt([], [], TODAY, none), shared_services([], [], [], none)):
        assert [text.text for text in checked(svg).iter(f"{SVG}text")] == [none]


# Texts ------------------------------------------------------------------------------------------------------------


def test_long_names_are_shortened_and_whole_in_the_tooltip() -> None:
    name = "a change with a name of more than a hundred letters " * 3
    (group,) = groups(checked(graph([Box("a", name, "", "done")], [], "")), "box")
    assert group.findtext(f"{SVG}title") == name
    shown = group.findtext(f"{SVG}text") or ""
    begin, _, end = shown.partition("…")
    assert begin and end and name.startswith(begin) and name.strip().endswith(end)


@given(TEXTS, st.floats(30, 400))
def test_texts_fit(text: str, room: float) -> None:
    shown = fitted(text, room, 13)
    assert width(shown, 13) <= room


def test_letters_keep_their_accents() -> None:
    assert fitted("e\u0301" * 40, 60, 13).rstrip("…").endswith("e\u0301")
    assert "\u200d…" not in fitted("👩\u200d👧" * 20, 60, 13)
    assert len(fitted("a" + "\u0301" * 1000, 200, 13)) < 10
    assert fitted("a-long-name-of-a-change-1", 90, 13) != fitted("a-long-name-of-a-change-2", 90, 13)


def test_wide_letters_count_double() -> None:
    assert width("漢", 13) == 2 * width("a", 13)


# Plans in time ----------------------------------------------------------------------------------------------------

DAYS = st.dates() | st.dates(date(2026, 1, 1), date(2026, 12, 31))


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    begin, end = sorted((draw(DAYS), draw(DAYS)))
    done = draw(st.floats())
    return Bar("id", draw(TEXTS), draw(TEXTS), begin, end, draw(STATE), draw(st.booleans()), done)


@settings(max_examples=60, deadline=None)
@given(st.lists(bars(), max_size=6), st.lists(st.builds(Milestone, TEXTS, DAYS, TEXTS, STATE), max_size=4), DAYS)
def test_any_plan_is_drawn(bars: list[Bar], milestones: list[Milestone], today: date) -> None:
    svg = gantt(bars, milestones, today, "nothing")
    assert svg == gantt(bars, milestones, today, "nothing")
    picture = checked(svg)
    whole = float(picture.attrib["width"])
    for group in groups(picture, "bar"):
        name = group.find(f"{SVG}text")
        drawn = [rectangle(each) for each in group.findall(f"{SVG}rect")]
        assert name is not None
        assert float(name.attrib["x"]) + width(name.text or "", 12) <= drawn[0].left
        assert all(each.left >= 0 and each.right <= whole and each.left <= each.right for each in drawn)
        assert all(each.right <= drawn[0].right + 0.2 for each in drawn)
    for axis in groups(picture, "axis"):
        ends: dict[str, float] = {}
        for text in axis.findall(f"{SVG}text"):
            assert float(text.attrib["x"]) >= ends.get(text.attrib["y"], 0)
            ends[text.attrib["y"]] = float(text.attrib["x"]) + width(text.text or "", 11)


def axis_of(days: int) -> list[str | None]:
    bar = Bar("a", "a", "", TODAY, TODAY + timedelta(days), "active", done=0.5)
    (axis,) = groups(checked(gantt([bar], [], TODAY, "")), "axis")
    return [text.text for text in axis.findall(f"{SVG}text")]


def test_the_axis_fits_the_time() -> None:
    assert "Wed 14" in axis_of(0)
    assert {"14", "15", "Oct 2026"} <= set(axis_of(30))
    assert {"19", "26", "Nov 2026"} <= set(axis_of(150))
    assert {"Nov", "2027"} <= set(axis_of(700))
    assert {"Q2", "2027"} <= set(axis_of(2000))
    assert {"2030", "2035"} <= set(axis_of(20000)) | set(axis_of(8000))


def test_bars_stand_for_their_days_and_what_is_done() -> None:
    plan = [
        Bar("a", "a", "s", TODAY, TODAY + timedelta(4), "active", done=0.25),
        Bar("b", "b", "s", TODAY + timedelta(4), TODAY + timedelta(4), "blocked", critical=True),
    ]
    picture = checked(gantt(plan, [Milestone("m", TODAY, "s", "planned")], TODAY, ""))
    first, second = groups(picture, "bar")
    whole, part, _ = (rectangle(each) for each in first.findall(f"{SVG}rect"))
    day = rectangle(second.findall(f"{SVG}rect")[0])
    assert whole.right - whole.left == pytest.approx(4 * (day.right - day.left), abs=0.3)
    assert part.right - part.left == pytest.approx((whole.right - whole.left) / 4, abs=0.2)
    assert day.left == pytest.approx(whole.right, abs=0.2)
    assert len(groups(picture, "milestone")) == 1
    with pytest.raises(ValueError, match="before it begins"):
        gantt([plan[0]._replace(end=TODAY - timedelta(1))], [], TODAY, "")


def test_today_is_told_also_where_it_is_far_away() -> None:
    plan = [Bar("a", "a", "s", TODAY, TODAY + timedelta(4), "active")]
    for today, words in (
        (TODAY, "today"),
        (date(2029, 1, 1), "today, 2029-01-01 ▸"),
        (date(1, 1, 1), "◂ today, 0001-01-01"),
    ):
        (group,) = groups(checked(gantt(plan, [], today, "")), "today")
        assert group.findtext(f"{SVG}text") == words
        assert bool(group.findall(f"{SVG}line")) == (today == TODAY)


# Services ---------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(BOXES, max_size=6, unique_by=lambda box: box.id), st.integers(0, 12), st.data())
def test_any_services_are_drawn(hosts: list[Box], count: int, data: st.DataObject) -> None:
    services = numbered(count)
    every = [Link(host.id, service.id) for host in hosts for service in services]
    links = data.draw(st.lists(st.sampled_from(every), max_size=30)) if every else []
    svg = shared_services(hosts, services, links, "nothing")
    assert svg == shared_services(hosts, services, links, "nothing")
    picture = checked(svg)
    drawn = groups(picture, "link")
    assert len(drawn) == len(set(links))
    ends = set()
    boxes = [rectangle(each) for group in groups(picture, "box") for each in group.findall(f"{SVG}rect")]
    for group in drawn:
        (curve,) = points(group.findall(f"{SVG}path")[0].attrib["d"])
        ends |= {curve[0], curve[-1]}
        assert sum(box.right == curve[0][0] and box.top < curve[0][1] < box.bottom for box in boxes) == 1
        assert sum(box.left == curve[-1][0] and box.top < curve[-1][1] < box.bottom for box in boxes) == 1
    assert len(ends) == 2 * len(drawn)


def test_boxes_are_high_enough_for_their_lines() -> None:
    hosts = [Box("h", "h", "", "done"), Box("i", "i", "", "done")]
    links = [Link("h", "b1"), *(Link("i", f"b{at}") for at in range(8))]
    picture = checked(shared_services(hosts, numbered(8), links, ""))
    (box,) = [group for group in groups(picture, "box") if group.findtext(f"{SVG}title") == "i"]
    drawn = box.find(f"{SVG}rect")
    assert drawn is not None
    assert float(drawn.attrib["height"]) > 7 * 9


def test_a_host_and_a_service_may_have_one_name() -> None:
    box = Box("git", "git", "", "done")
    assert len(groups(checked(shared_services([box], [box], [Link("git", "git")], "")), "link")) == 1
    with pytest.raises(ValueError, match="nowhere"):
        shared_services([box], [box], [Link("git", "nowhere")], "")


# Colours ----------------------------------------------------------------------------------------------------------


def test_colours_can_be_read() -> None:
    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for colours in STATES.values():  # the contrast that WCAG asks for
        assert (light(colours.fill) + 0.05) / (light(colours.line) + 0.05) >= 4.5
