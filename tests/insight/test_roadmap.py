"""The way ahead: the states of changes, what stands in the way, the pace so far, and mistakes in roadmap.toml."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from pantheros.insight.capabilities import read_model
from pantheros.insight.roadmap import Item, Pace, Roadmap, counts, pace_until, roadmap
from pantheros.insight.roadmap_file import read_roadmap_file
from pantheros.insight.survey import survey

TODAY = date(2026, 2, 1)
NONE = Pace(0, 30)
Way = Callable[..., Roadmap]


def change(name: str, *, done: int = 0, of: int = 2, archive: str = "", **said: object) -> dict[str, str]:
    directory = f"openspec/changes/archive/{archive}-{name}" if archive else f"openspec/changes/{name}"
    tasks = "".join(f"- [{'x' if at < done else ' '}] 1.{at + 1} Step\n" for at in range(of))
    metadata = "schema: spec-driven\ncreated: 2026-01-01\n" + "".join(f"{key}: {it}\n" for key, it in said.items())
    files = {"proposal.md": f"# {name}\n\n## Why\nSo.\n\n## What Changes\n- x\n", ".openspec.yaml": metadata}
    return {f"{directory}/{file}": text for file, text in {**files, **({"tasks.md": tasks} if of else {})}.items()}


def write(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def way(tmp_path: Path) -> Way:
    def way(*changes: Mapping[str, str], toml: str = "", pace: Pace | None = NONE) -> Roadmap:
        files = {name: text for each in changes for name, text in each.items()}
        root = write(tmp_path, {**files, "roadmap.toml": toml})
        model, _ = read_model(root)
        return roadmap(survey(root), model, TODAY, pace)

    return way


def items(found: Roadmap) -> dict[str, Item]:
    return {item.name: item for item in found.items}


# States -------------------------------------------------------------------------------------------------------------


def test_states(way: Way) -> None:
    found = way(
        change("new"),
        change("bare", of=0),
        change("begun", done=1),
        change("whole", done=2),
        change("old", done=2, archive="2026-01-10"),
        change("after", depends_on="[begun]"),
        change("late", phase="p"),
        change("free", depends_on="[whole, old]"),
        toml='[[phase]]\nid = "p"\ndue = 2026-01-30\n',
    )
    assert {name: item.state for name, item in items(found).items()} == {
        "new": "planned", "bare": "planned", "begun": "active", "whole": "done", "old": "done", "after": "blocked",
        "late": "overdue", "free": "planned",
    }  # fmt: skip
    assert items(found)["after"].why == "waits for begun"
    assert items(found)["late"].why == "due 2026-01-30, 2 days ago"
    assert items(found)["old"].ended == date(2026, 1, 10)
    assert counts(found.items) == {"done": 2, "active": 1, "overdue": 1, "blocked": 1, "planned": 3}
    assert {item.name for item in found.next} == {"new", "bare", "begun", "late", "free"}


@pytest.mark.parametrize(
    ("due", "state"),
    [("2026-01-31", "overdue"), ("2026-02-01", "planned"), ("2026-02-02", "planned")],
)
def test_overdue_is_what_was_due_before_today(way: Way, due: str, state: str) -> None:
    found = way(change("a", milestone="m"), toml=f'[[milestone]]\nid = "m"\ndue = {due}\n')
    assert items(found)["a"].state == state


def test_of_two_days_the_nearer_counts(way: Way) -> None:
    toml = '[[phase]]\nid = "p"\ndue = 2026-05-01\n\n[[milestone]]\nid = "m"\nphase = "p"\ndue = 2026-01-01\n'
    found = way(change("a", phase="p", milestone="m"), change("b", phase="p"), toml=toml)
    assert (items(found)["a"].due, items(found)["b"].due) == (date(2026, 1, 1), date(2026, 5, 1))


def test_what_is_done_is_neither_overdue_nor_blocked(way: Way) -> None:
    found = way(change("a"), change("b", done=2, depends_on="[a]", phase="p"),
                toml='[[phase]]\nid = "p"\ndue = 2025-01-01\n')  # fmt: skip
    assert items(found)["b"].state == "done" and not items(found)["b"].why


def test_what_blocks_says_so_from_its_own_side(way: Way) -> None:
    found = way(change("a", blocks="[b]"), change("b"))
    assert items(found)["b"].waits_for == ("a",)
    assert found.edges == (("a", "b"),)


def test_a_change_that_only_the_file_names(way: Way) -> None:
    found = way(toml='[[phase]]\nid = "p"\nchanges = ["later"]\n')
    later = items(found)["later"]
    assert (later.state, later.phase, later.days, later.reckoned) == ("planned", "p", 2.0, "assumed")


def test_circles_are_told_and_the_rest_is_scheduled(way: Way) -> None:
    found = way(
        change("a", depends_on="[b]"), change("b", depends_on="[a]"), change("c", depends_on="[a]"), change("d"),
        change("e", depends_on="[e]"),
    )  # fmt: skip
    assert {"a", "b", "c"} <= set(found.stuck) and "d" not in found.stuck
    assert found.troubles
    assert all(items(found)[name].begins is None for name in ("a", "b", "c"))
    assert items(found)["d"].begins == TODAY
    assert not {item.name for item in found.next} & set(found.stuck)


def test_phases_in_their_order_then_those_that_only_changes_name_then_none(way: Way) -> None:
    found = way(change("a", phase="x"), change("b"), change("c", phase="two"),
                toml='[[phase]]\nid = "two"\ntitle = "Second"\n\n[[phase]]\nid = "one"\n')  # fmt: skip
    assert [phase.id for phase in found.phases] == ["two", "one", "x", ""]
    assert [phase.title for phase in found.phases] == ["Second", "Phase one", "Phase x", "In no phase"]
    assert [[item.name for item in phase.items] for phase in found.phases] == [["c"], [], ["a"], ["b"]]


def test_every_milestone_is_shown_once(way: Way) -> None:
    toml = '[[phase]]\nid = "p"\n\n[[milestone]]\nid = "m"\nphase = "p"\n\n[[milestone]]\nid = "empty"\n'
    found = way(
        change("a", milestone="m"), change("b", milestone="own", phase="q"), change("c", milestone="own"), toml=toml
    )
    shown = [milestone.id for phase in found.phases for milestone in phase.milestones]
    assert sorted(shown) == ["empty", "m", "own"]


def test_nothing_at_all(way: Way) -> None:
    found = way()
    assert (found.items, found.phases, found.critical, found.days) == ((), (), (), 0.0)


# Days ---------------------------------------------------------------------------------------------------------------


def test_days_come_from_the_estimate_the_pace_or_an_assumption(way: Way) -> None:
    changes = (change("a", estimate=4, done=1, of=4), change("b", of=3), change("c", of=0))
    found = items(way(*changes, pace=Pace(15, 30)))
    assert {name: (item.days, item.reckoned) for name, item in found.items()} == {
        "a": (3.0, "estimate"), "b": (6.0, "pace"), "c": (2.0, "assumed"),
    }  # fmt: skip
    assert items(way(*changes))["b"].reckoned == "assumed"
    said = way(*changes, toml="[schedule]\ndays_per_task = 0.25\n", pace=Pace(15, 30))
    assert items(said)["b"].days == 0.75
    assert "roadmap.toml" in said.reckoning


def test_a_phase_begins_no_earlier_than_it_says(way: Way) -> None:
    found = items(way(change("a", phase="p"), change("b"), toml='[[phase]]\nid = "p"\nbegins = 2026-03-01\n'))
    assert (found["a"].begins, found["b"].begins) == (date(2026, 3, 1), TODAY)


def test_what_begins_later_cannot_be_worked_on_now(way: Way) -> None:
    later = f'[[phase]]\nid = "p"\nbegins = {TODAY + timedelta(days=20)}\n'
    found = way(change("a", phase="p", estimate=2), change("b", estimate=10), toml=later)
    assert [item.name for item in found.next] == ["b"]
    assert (found.critical, found.days, found.end) == (("a",), 22, TODAY + timedelta(days=22))


def test_what_will_be_late_is_told_before_it_is(way: Way) -> None:
    toml = f'[[milestone]]\nid = "m"\ndue = {TODAY + timedelta(days=4)}\n'
    changes = (change("a", estimate=3, milestone="m"), change("b", estimate=2, milestone="m", depends_on="[a]"))
    found = items(way(*changes, toml=toml))
    assert not found["a"].late
    assert found["b"].late
    assert found["b"].why == f"waits for a; due {TODAY + timedelta(days=4)}, and not done before {found['b'].ends}"


def test_one_at_a_time_the_urgent_first(way: Way) -> None:
    changes = [change(name, estimate=1, priority=how) for name, how in (("a", "low"), ("b", "critical"), ("c", "high"))]
    found = items(way(*changes, toml="[schedule]\nat_once = 1\n"))
    assert sorted(found, key=lambda name: str(found[name].begins)) == ["b", "c", "a"]


def git(directory: Path, *words: str, day: date) -> None:
    when = {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"}
    environment = {**os.environ, **when, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *who, *words], cwd=directory, check=True, capture_output=True, env=environment)


def commit(root: Path, files: Mapping[str, str], day: date) -> None:
    write(root, files)
    git(root, "add", "-A", day=day)
    git(root, "commit", "-qm", "x", day=day)


def test_the_pace_is_what_was_done_in_the_last_days(tmp_path: Path, way: Way) -> None:
    git(tmp_path, "init", "-q", day=TODAY)
    commit(tmp_path, change("a", done=1, of=9), TODAY - timedelta(days=60))
    commit(tmp_path, change("a", done=3, of=9), TODAY - timedelta(days=35))
    commit(tmp_path, change("a", done=6, of=9), TODAY - timedelta(days=10))
    assert pace_until(tmp_path, TODAY, 6) == Pace(3, 30)
    found = way(pace=None)
    assert found.pace == Pace(3, 30)
    assert items(found)["a"].days == pytest.approx(30)
    assert "3 were done in the last 30" in found.reckoning


def test_archiving_a_change_is_no_step_back(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", day=TODAY)
    commit(tmp_path, change("a", done=4, of=4), TODAY - timedelta(days=35))
    git(tmp_path, "rm", "-rq", "openspec", day=TODAY)
    commit(tmp_path, change("a", done=4, of=4, archive="2026-01-20"), TODAY - timedelta(days=5))
    model, _ = read_model(tmp_path)
    assert roadmap(survey(tmp_path), model, TODAY).pace == Pace(0, 30)


def test_without_git_or_a_history_there_is_no_pace(tmp_path: Path) -> None:
    write(tmp_path, change("a", done=1))
    assert pace_until(tmp_path, TODAY, 1) == Pace(0, 0)
    git(tmp_path, "init", "-q", day=TODAY)
    assert pace_until(tmp_path, TODAY, 1) == Pace(0, 0)
    commit(tmp_path, {}, TODAY)
    assert pace_until(tmp_path, TODAY, 1) == Pace(0, 0)
    model, _ = read_model(tmp_path)
    assert "for want of a history" in roadmap(survey(tmp_path), model, TODAY).reckoning


def test_the_pace_of_a_young_repository_is_that_since_its_first_changes(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", day=TODAY)
    commit(tmp_path, {"flake.nix": "{ }\n"}, TODAY - timedelta(days=90))
    commit(tmp_path, change("a", done=1, of=40), TODAY - timedelta(days=10))
    commit(tmp_path, change("a", done=21, of=40), TODAY - timedelta(days=2))
    assert pace_until(tmp_path, TODAY, 21) == Pace(20, 10)


# roadmap.toml -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('goal = ["x"]\n', 1, "goal"),
        ('title = "x"\ngoals = "y"\n', 2, "goals"),
        ('[[phase]]\ntitle = "x"\n', 1, "id"),
        ('[[phase]]\nid = "x"\ndue = "2026-02-30"\n', 3, "2026-02-30"),
        ('[[phase]]\nid = "x"\ndue = "soon"\n', 3, "due"),
        ('[[phase]]\nid = "x"\nbegins = 5\n', 3, "begins"),
        ('[[phase]]\nid = "x"\n\n[[phase]]\nid = "x"\n', 5, "already"),
        ('[[milestone]]\nid = "m"\nphase = "none"\n', 3, "none"),
        ('[[phase]]\nid = "x"\nbegins = 2026-03-02\ndue = 2026-03-01\n', 4, "before it begins"),
        ('[[milestone]]\nid = "m"\ndue = "2026-13-01"\n', 3, "2026-13-01"),
        ("[schedule]\nat_once = 0\n", 2, "at_once"),
        ("[schedule]\ndays_per_task = -1\n", 2, "days_per_task"),
        ('[[service]]\nid = "s"\nhost = ["a"]\n', 3, "host"),
        ('title = "x\n', 1, ""),
    ],
)
def test_a_mistake_is_told_at_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    (tmp_path / "roadmap.toml").write_text(text, encoding="utf-8")
    _, findings = read_roadmap_file(tmp_path)
    assert findings
    assert findings[0].origin is not None
    assert (findings[0].origin.line, words in findings[0].message) == (line, True), findings[0].message


@pytest.mark.parametrize("due", ["2026-02-28", '"2026-02-28"'])
def test_a_day_may_be_a_date_or_a_text(tmp_path: Path, due: str) -> None:
    (tmp_path / "roadmap.toml").write_text(f'[[phase]]\nid = "x"\ndue = {due}\n', encoding="utf-8")
    found, findings = read_roadmap_file(tmp_path)
    assert (findings, found.phase[0].due) == ([], "2026-02-28")


def test_a_milestone_may_be_of_a_phase_that_only_changes_name(tmp_path: Path) -> None:
    (tmp_path / "roadmap.toml").write_text('[[milestone]]\nid = "m"\nphase = "2"\n', encoding="utf-8")
    assert read_roadmap_file(tmp_path, ["2"])[1] == []


def test_a_service_of_a_host_that_is_not_there_is_doubtful(tmp_path: Path) -> None:
    (tmp_path / "roadmap.toml").write_text('[[service]]\nid = "s"\nhosts = ["lark", "lrak"]\n', encoding="utf-8")
    (found,) = read_roadmap_file(tmp_path, [], ["lark", "wren"])[1]
    assert (found.severity, found.message, found.help) == ("warning", "there is no host `lrak`", "did you mean lark?")
    assert read_roadmap_file(tmp_path)[1] == []
