"""What pantherOS adds to OpenSpec: kinds, gates, order, overlaps, evidence, emergencies, commands for assistants."""

from __future__ import annotations

import base64
import importlib
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.specs.comparing import Tree, read, write

from pantheros.__main__ import run as program
from pantheros.specs.kinds import KINDS, parts_of
from pantheros.specs.record import Record, read_record
from pantheros.specs.recording import update_record
from pantheros.specs.tree import Root
from pantheros.specs.verdicts import one_change

SPEC = "# {0}\n\n## Purpose\nWhat this is for, in more than fifty characters of text.\n\n## Requirements\n\n"
OLD = "### Requirement: Old\nIt SHALL be old.\n\n#### Scenario: Works\n- **WHEN** asked\n- **THEN** it is old\n"
NEW = OLD.replace("be old", "be another")
DELTA = "## MODIFIED Requirements\n\n"
FLEET = (
    'name = "f"\nrelease = "26.05"\n[people.ada]\nadmin = true\n[defaults.pantherOS.system]\nstateVersion = "26.05"\n'
)
ARCHIVED = f"openspec/changes/archive/{date.today()}-new-thing"
HOST = 'people = ["ada"]\n[nixos.fileSystems."/"]\ndevice = "/dev/disk/by-label/r"\nfsType = "ext4"\n'


class Spec:
    """`panther spec` in a directory: exit status, output and errors."""

    def __init__(self, directory: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.capture = capture
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        self.capture.readouterr()
        status = program(["spec", *words, "-C", str(self.directory)])
        self.out, self.err = self.capture.readouterr()
        return status

    def write(self, files: Tree) -> None:
        write({f"openspec/{name}": text for name, text in files.items()}, self.directory)

    def git(self, *words: str) -> None:
        subprocess.run(["git", "-C", str(self.directory), *words], check=True, capture_output=True)


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Spec:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    found = Spec(tmp_path / "tree", capsys)
    (tmp_path / "tree" / "openspec" / "changes").mkdir(parents=True)
    found.git("init", "-q")
    found.git("config", "user.name", "Ada Example")
    found.git("config", "user.email", "ada@example.org")
    return found


def filled(spec: Spec, name: str, kind: str) -> None:
    """Write a proposal that says something everywhere."""
    text = "# Title\n\n" + "".join(
        f"## {part.title}\n\nSomething is said of it here.\n\n" for part in parts_of(KINDS[kind])
    )
    change = spec.directory / "openspec/changes" / name
    (change / "proposal.md").write_text(text)
    for path in change.glob("specs/**/spec.md"):
        path.write_text("## ADDED Requirements\n\n" + OLD)


# Beginning ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_each_kind_begins(spec: Spec, kind: str) -> None:
    assert spec("gen", "new-thing", "--kind", kind, "--capability", "thing") == 0
    change = spec.directory / "openspec/changes/new-thing"
    proposal = (change / "proposal.md").read_text()
    assert all(f"## {part.title}\n" in proposal for part in parts_of(KINDS[kind]))
    assert one_change(Root(spec.directory), "new-thing").valid(strict=True)
    assert spec("review", "new-thing") == 0
    assert spec.out.count("is not written yet") == len(parts_of(KINDS[kind]))
    assert "specs/thing/spec.md: what the template put there" in spec.out
    filled(spec, "new-thing", kind)
    assert spec("review", "new-thing") == 0
    assert "missing" not in spec.out


def test_a_change_of_a_phase_has_its_impact_matrix(spec: Spec) -> None:
    write({"fleet.toml": FLEET, "hosts/box/host.toml": HOST}, spec.directory)
    assert spec("gen", "new-thing", "--kind", "capability", "--phase", "3") == 0
    proposal = (spec.directory / "openspec/changes/new-thing/proposal.md").read_text()
    assert "| box | ? |" in proposal
    assert "phase: 3" in (spec.directory / "openspec/changes/new-thing/.openspec.yaml").read_text()


def test_it_tells_when_no_proposal_is_needed(spec: Spec) -> None:
    write({"fleet.toml": FLEET, "hosts/box/host.toml": HOST}, spec.directory)
    spec.git("add", ".")
    spec.git("commit", "-qm", "a")
    (spec.directory / "hosts/box/host.toml").write_text(HOST + "options = []\n")
    assert spec("gen") == 0
    assert "only the settings of box are changed" in spec.out
    (spec.directory / "hosts/box/host.toml").write_text(HOST + "[nixos.networking.firewall]\nenable = false\n")
    assert spec("gen") == 0
    assert "only the settings" not in spec.out, "a firewall is everybody's"
    (spec.directory / "fleet.toml").write_text(FLEET + "# more\n")
    assert spec("gen") == 0
    assert "only the settings" not in spec.out


@pytest.mark.parametrize("name", ["../x", "Big", "a b", "archive", "", "-x", "a/b", "ü"])
def test_what_is_no_name_is_refused(spec: Spec, name: str) -> None:
    before = read(spec.directory)
    status = program(["spec", "gen", "--kind", "skill", "-C", str(spec.directory), "--", name])
    assert status == 2
    assert read(spec.directory) == before


# Gates ----------------------------------------------------------------------------------------------------------


def test_gates_open_by_reviews_and_close_by_edits(spec: Spec) -> None:
    spec("gen", "new-thing", "--kind", "security", "--capability", "thing")
    filled(spec, "new-thing", "security")
    assert spec("impl", "new-thing") == 1
    for role in ("librarian", "architect", "security"):
        assert spec("review", "new-thing", "--as", role, "--approve", "-m", "fits") == 0
    assert spec("impl", "new-thing") == 0
    review = json.loads((spec.directory / "openspec/changes/new-thing/.pantheros.json").read_text())["reviews"][0]
    assert review["name"] == "Ada Example <ada@example.org>"
    assert review["date"] == f"{date.today()}"
    assert len(review["digest"]) == 64
    assert spec("task", "new-thing", "1.1", "--done") == 0
    assert spec("impl", "new-thing") == 0, "a box that is ticked is no edit"
    with (spec.directory / "openspec/changes/new-thing/proposal.md").open("a") as file:
        file.write("And one thing more.\n")
    assert spec("impl", "new-thing") == 1
    assert "edited after" in spec.out
    assert spec("review", "new-thing", "--as", "security", "--reject", "-m", "too open") == 0
    assert "rejected it as security" in spec.out


def test_who_implemented_it_does_not_review_it(spec: Spec) -> None:
    spec("gen", "new-thing", "--kind", "skill")
    filled(spec, "new-thing", "skill")
    for role in ("librarian", "architect"):
        spec("review", "new-thing", "--as", role, "--approve", "-m", "fits")
    assert spec("task", "new-thing", "2.1", "--done") == 0
    assert spec("review", "new-thing", "--as", "reviewer", "--approve", "-m", "fine") == 2
    assert "cannot be its reviewer" in spec.err
    assert spec("review", "new-thing", "--as", "reviewer", "--approve", "-m", "fine", "--name", "Bob") == 0


def test_a_policy_says_which_gates_apply(spec: Spec) -> None:
    spec.write({"policy.toml": '[implement]\n"*" = ["architect"]\nskill = []\n[archive]\n"*" = []\n'})
    spec("gen", "a-skill", "--kind", "skill")
    spec("review", "a-skill", "--json")
    assert json.loads(spec.out)["gates"] == []
    spec("gen", "a-firewall", "--kind", "capability", "--capability", "network/firewall")
    spec("review", "a-firewall", "--json")
    assert [gate["role"] for gate in json.loads(spec.out)["gates"]] == ["architect", "security"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("implment = 1", "did you mean `implement`"),
        ("[implement]\nskil = []", "there is no kind `skil`"),
        ('[archive]\nskill = ["boss"]', "there is no role `boss`"),
        ("evidence =", "not valid TOML"),
        ("document_within_days = -1", "a number of days"),
        ("implement = 3", "takes a table"),
        ('evidence = "no"', "takes true or false"),
        ("document_within_days = 99999999999", "a number of days"),
    ],
)
def test_a_policy_with_a_mistake_is_told(spec: Spec, text: str, said: str) -> None:
    spec.write({"policy.toml": text, "changes/a/tasks.md": "- [ ] 1.1 x\n"})
    assert spec("review", "a") == 2
    assert said in spec.err
    assert "Traceback" not in spec.err


# Order ----------------------------------------------------------------------------------------------------------


def plan(spec: Spec, **metadata: str) -> None:
    for name, text in metadata.items():
        spec.write({f"changes/{name}/.openspec.yaml": f"schema: spec-driven\n{text}\n"})


def test_the_order_is_safe_and_the_urgent_come_first(spec: Spec) -> None:
    plan(spec, a="depends_on: [c]", b="priority: low", c="priority: high", d="blocks: [b]\npriority: critical")
    assert spec("order", "--json") == 0
    answer = json.loads(spec.out)
    assert [each["change"] for each in answer["order"]] == ["d", "c", "a", "b"]
    assert answer["order"][2]["after"] == ["c"]


def test_circles_and_missing_ones_are_errors(spec: Spec) -> None:
    plan(spec, a="depends_on: [b]", b="depends_on: [a]", c="depends_on: [nowhere]", d="depends_on: [a]")
    spec.write({"changes/archive/2026-01-01-gone/tasks.md": ""})
    plan(spec, e="depends_on: [gone]")
    assert spec("order", "--json") == 1
    answer = json.loads(spec.out)
    assert [each["change"] for each in answer["order"]] == ["c", "e"]
    assert sorted(each["change"] for each in answer["errors"]) == ["a", "c"]
    assert spec("validate", "--all", "--json") == 1
    assert {each["change"] for each in json.loads(spec.out)["process"] if each["level"] == "ERROR"} == {"a", "c"}


def test_the_graph_is_drawn(spec: Spec) -> None:
    long = "a-change-with-a-very-long-name-indeed-that-fits-no-box"
    plan(spec, a="depends_on: [b]", b="")
    spec.write({f"changes/{long}/tasks.md": "- [x] 1.1 done\n- [ ] 1.2 open\n"})
    assert spec("graph") == 0
    assert "  a (0 of 0) after b" in spec.out
    assert spec("graph", "--format", "mermaid") == 0
    assert "c2 --> c0" in spec.out
    assert spec("graph", "--format", "svg") == 0
    picture = ET.fromstring(spec.out)
    texts = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    titles = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert "1 of 2 tasks" in texts
    assert long in titles
    assert not any(text and len(text) > 30 for text in texts)


def test_no_changes_are_drawn_too(spec: Spec) -> None:
    for form in ("text", "mermaid", "svg"):
        assert spec("graph", "--format", form) == 0
    assert spec("order") == 0


# Overlaps -------------------------------------------------------------------------------------------------------


def test_stale_wording_does_not_overwrite_newer(spec: Spec) -> None:
    spec.write({"specs/cap/spec.md": SPEC.format("cap") + OLD, "changes/a/specs/cap/spec.md": DELTA + NEW})
    assert spec("rebase", "a") == 0
    newer = OLD.replace("be old", "be newer")
    spec.write({"specs/cap/spec.md": SPEC.format("cap") + newer})
    assert spec("diff", "a") == 1
    assert [line for line in spec.out.splitlines() if line.startswith("It SHALL")] == [
        "It SHALL be old.",
        "It SHALL be newer.",
        "It SHALL be another.",
    ]
    assert spec("archive", "a", "--yes", "--json") == 1
    assert json.loads(spec.out)["status"][0]["code"] == "base_moved"
    assert "be newer" in (spec.directory / "openspec/specs/cap/spec.md").read_text()
    assert spec("rebase", "a") == 0
    assert spec("archive", "a", "--yes") == 0
    assert "be another" in (spec.directory / "openspec/specs/cap/spec.md").read_text()


def test_two_changes_of_one_requirement_are_told(spec: Spec) -> None:
    for name in ("a", "b"):
        spec.write({f"changes/{name}/specs/cap/spec.md": DELTA + NEW})
    spec.write({"specs/cap/spec.md": SPEC.format("cap") + OLD})
    assert spec("order", "--json") == 0
    assert json.loads(spec.out)["overlaps"] == [{"capability": "cap", "requirement": "Old", "changes": ["a", "b"]}]
    spec("diff", "a")
    assert "b is about “Old” of cap, too" in spec.err
    assert "no fingerprint of cap: Old" in spec.err


# Evidence and archiving -----------------------------------------------------------------------------------------


@pytest.fixture
def ready(spec: Spec) -> Spec:
    """A change of a fleet that is reviewed and implemented, without evidence."""
    write({"fleet.toml": FLEET, "hosts/box/host.toml": HOST}, spec.directory)
    spec.git("add", ".")
    spec.git("commit", "-qm", "a")
    spec("gen", "new-thing", "--kind", "skill", "--capability", "thing")
    filled(spec, "new-thing", "skill")
    spec.write({"changes/new-thing/specs/thing/spec.md": "## ADDED Requirements\n\n" + OLD})
    spec("rebase", "new-thing")
    for role in ("librarian", "architect"):
        spec("review", "new-thing", "--as", role, "--approve", "-m", "fits")
    spec("review", "new-thing", "--as", "reviewer", "--approve", "-m", "fine", "--name", "Bob")
    tasks = spec.directory / "openspec/changes/new-thing/tasks.md"
    tasks.write_text(tasks.read_text().replace("[ ]", "[x]"))
    return spec


def test_archiving_wants_evidence_that_is_fresh(ready: Spec) -> None:
    assert ready("archive", "new-thing", "--yes", "--json") == 1
    assert json.loads(ready.out)["status"][0]["code"] == "evidence_missing"
    assert ready("check", "new-thing", "--json") == 0
    answer = json.loads(ready.out)
    assert [each["what"] for each in answer["evidence"]] == [
        *("build", "validation", "security", "exposure", "performance")
    ]
    assert any("Works" in each["what"] for each in answer["notVerified"])
    assert any("--nix" in each["why"] for each in answer["notVerified"])
    with (ready.directory / "hosts/box/host.toml").open("a") as file:
        file.write('options = ["noatime"]\n')
    assert ready("archive", "new-thing", "--yes") == 1
    assert "has changed since the build was shown" in ready.err
    assert ready("check", "new-thing") == 0
    assert ready("archive", "new-thing", "--yes", "--lessons", "Measure first", "--summary", "It works") == 0
    kept = json.loads(
        (ready.directory / f"openspec/changes/archive/{date.today()}-new-thing/.pantheros.json").read_text()
    )
    assert kept["lessons"] == "Measure first"
    assert ready("unarchive", "new-thing") == 0
    assert ready("list", "--json") == 0
    assert [each["name"] for each in json.loads(ready.out)["changes"]] == ["new-thing"]


def test_a_command_shows_a_scenario(ready: Spec) -> None:
    scenario = "thing/Old/Works"
    assert ready("check", "new-thing", "--scenario", scenario, "--run", "true") == 0
    assert "scenario thing/Old/Works" not in ready.out
    assert ready("check", "new-thing", "--scenario", scenario, "--run", "false") == 1
    assert "not verified: scenario thing/Old/Works" in ready.out
    assert ready("check", "new-thing", "--scenario", "thing/Old/Other", "--run", "true") == 2
    assert ready("check", "new-thing", "--run", "no-such-command-here") == 2


def test_a_fleet_with_a_mistake_is_no_evidence(ready: Spec) -> None:
    (ready.directory / "hosts/box/host.toml").write_text(HOST + '[nixos.services]\nopenssh.enable = "yes"\n')
    assert ready("check", "new-thing") == 1
    assert ready("archive", "new-thing", "--yes") == 1
    assert "did not pass" in ready.err


def test_what_is_forced_is_recorded(ready: Spec) -> None:
    assert ready("archive", "new-thing", "--yes", "--force", "the disk is full") == 0
    kept = json.loads(
        (ready.directory / f"openspec/changes/archive/{date.today()}-new-thing/.pantheros.json").read_text()
    )
    assert {each["reason"] for each in kept["forced"]} == {"the disk is full"}


def test_the_changelog_is_brought_up_to_date(ready: Spec) -> None:
    marks = "before\n<!-- panther spec: begin -->\nold\n<!-- panther spec: end -->\nafter\n"
    (ready.directory / "CHANGELOG.md").write_text(marks)
    ready("archive", "new-thing", "--yes", "--force", "now", "--summary", "It works.")
    lines = (ready.directory / "CHANGELOG.md").read_text().splitlines()
    assert lines[0] == "before"
    assert lines[-1] == "after"
    assert lines[2].endswith("new-thing/): It works.")
    ready("unarchive", "new-thing")
    assert "new-thing" not in (ready.directory / "CHANGELOG.md").read_text()


# Emergencies, assistants ------------------------------------------------------------------------------------------


def test_an_emergency_has_to_be_written_down(spec: Spec) -> None:
    assert spec("emergency", "close-port") == 2
    assert spec("emergency", "close-port", "--reason", "it is open to the world") == 0
    assert spec("list") == 0
    assert f"due by {date.today() + timedelta(days=3)}: close-port: document" in spec.out
    record = spec.directory / "openspec/changes/close-port/.pantheros.json"
    record.write_text(record.read_text().replace(f"{date.today() + timedelta(days=3)}", "2026-01-01"))
    spec("list", "--json")
    assert [each["overdue"] for each in json.loads(spec.out)["duties"]] == [True, False]
    for what in ("--all", "close-port"):
        assert spec("validate", what) == 1
        assert "overdue since 2026-01-01" in spec.out
    assert spec("impl", "close-port") == 0, "what cannot wait is done first"
    assert spec("task", "close-port", "2.1", "--done") == 0
    filled(spec, "close-port", "security")
    spec("list", "--json")
    assert [each["what"] for each in json.loads(spec.out)["duties"]] == ["review what happened"]


def test_commands_for_assistants_leave_edits_alone(spec: Spec) -> None:
    assert spec("install") == 0
    assert spec.out.count(": written") == 8
    before = read(spec.directory)
    assert spec("install") == 0
    assert spec.out.count(": as it was") == 8
    assert read(spec.directory) == before
    path = spec.directory / ".claude/commands/spec-gen.md"
    path.write_text(path.read_text() + "mine\n")
    assert spec("install", "--for", "claude") == 0
    assert "spec-gen.md: left alone" in spec.out
    assert path.read_text().endswith("mine\n")


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 9}', '{"format": 1, "reviews": [{}]}', "\ufeff", "null"])
def test_a_record_that_is_broken_is_told(spec: Spec, content: str) -> None:
    spec("gen", "new-thing", "--kind", "skill")
    (spec.directory / "openspec/changes/new-thing/.pantheros.json").write_text(content)
    for words in (["review", "new-thing"], ["validate", "--all"], ["archive", "new-thing", "--yes"], ["list"]):
        assert spec(*words) in (1, 2)
        assert "Traceback" not in spec.err
        assert ".pantheros.json" in spec.err + spec.out


COMMANDS: list[Callable[[str], list[str]]] = [
    lambda name: ["archive", name, "--yes"],
    lambda name: ["review", name],
    lambda name: ["diff", name],
    lambda name: ["rebase", name],
    lambda name: ["impl", name],
    lambda name: ["task", name],
    lambda name: ["check", name],
    lambda name: ["unarchive", name],
    lambda name: ["show", name],
    lambda name: ["status", name],
    lambda name: ["validate", name],
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["../x", "nowhere", "..", "a/../../x", "a\0b"])
def test_names_do_not_lead_out_of_the_tree(spec: Spec, command: Callable[[str], list[str]], name: str) -> None:
    spec.write({"changes/a/tasks.md": "- [ ] 1.1 x\n", "specs/cap/spec.md": SPEC.format("cap") + OLD})
    before = read(spec.directory)
    assert spec(*command(name)) in (1, 2)
    assert spec.err
    assert "Traceback" not in spec.err
    assert read(spec.directory) == before


def test_a_change_that_is_begun_remembers_the_specs(spec: Spec) -> None:
    spec.write({"specs/cap/spec.md": SPEC.format("cap") + OLD})
    spec("gen", "new-thing", "--kind", "skill", "--capability", "cap")
    spec.write({"changes/new-thing/specs/cap/spec.md": DELTA + NEW})
    assert spec("diff", "new-thing") == 0
    spec.write({"specs/cap/spec.md": SPEC.format("cap") + OLD.replace("be old", "be newer")})
    assert spec("diff", "new-thing") == 1
    assert "has moved since" in spec.out


def test_a_review_before_the_work_does_not_count_where_the_reviewer_does_it(spec: Spec) -> None:
    spec("gen", "new-thing", "--kind", "skill")
    filled(spec, "new-thing", "skill")
    for role in ("librarian", "architect", "reviewer"):
        spec("review", "new-thing", "--as", role, "--approve", "-m", "fits")
    assert spec("task", "new-thing", "2.1", "--done") == 0
    spec("review", "new-thing", "--json")
    assert [gate["open"] for gate in json.loads(spec.out)["gates"]] == [True, True, False]


def test_a_task_file_that_is_no_text_is_left_alone(spec: Spec) -> None:
    spec.write({"changes/a/tasks.md": {"base64": base64.b64encode(b"- [ ] 1.1 \xff\n").decode()}})
    before = read(spec.directory)
    assert spec("task", "a", "1.1", "--done") == 2
    assert "is not UTF-8" in spec.err
    assert read(spec.directory) == before


@pytest.mark.parametrize("name", ["Ada Example", "ada example", "A. E. <ada@example.org>"])
def test_somebody_is_the_same_under_two_names(ready: Spec, name: str) -> None:
    assert ready("task", "new-thing", "2.1", "--done") == 0
    assert ready("review", "new-thing", "--as", "reviewer", "--approve", "-m", "fine", "--name", name) == 2
    assert "cannot be its reviewer" in ready.err


def test_evidence_to_the_contrary_stops_it(ready: Spec) -> None:
    assert ready("check", "new-thing") == 0
    assert ready("check", "new-thing", "--scenario", "thing/Old/Works", "--run", "false") == 1
    assert "`false` did not pass" in ready.out
    assert ready("archive", "new-thing", "--yes") == 1
    assert "did not pass" in ready.err


def test_a_link_in_the_repository_does_not_stop_the_check(ready: Spec) -> None:
    (ready.directory / "link").symlink_to("/etc")
    ready.git("add", "link")
    ready.git("commit", "-qm", "b")
    assert ready("check", "new-thing", "--since", "HEAD") == 0


def test_commands_are_not_written_out_of_the_tree(spec: Spec, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (spec.directory / ".claude").symlink_to(tmp_path / "outside")
    assert spec("install", "--for", "claude") == 0
    assert spec.out.count("leads out of the project") == 4
    assert not list((tmp_path / "outside").iterdir())


def test_a_base_that_moved_counts_where_it_is_strict(spec: Spec) -> None:
    spec.write({"specs/cap/spec.md": SPEC.format("cap") + OLD})
    spec("gen", "new-thing", "--kind", "skill", "--capability", "cap")
    spec.write({"changes/new-thing/specs/cap/spec.md": DELTA + NEW})
    assert spec("validate", "--all", "--strict") == 0
    spec.write({"specs/cap/spec.md": SPEC.format("cap") + OLD.replace("be old", "be newer")})
    assert spec("validate", "--all") == 0
    assert spec("validate", "--all", "--strict") == 1


def test_a_task_waits_for_another_change(spec: Spec) -> None:
    spec("gen", "first-thing", "--kind", "skill")
    spec("gen", "new-thing", "--kind", "skill", "--depends-on", "first-thing")
    for role in ("librarian", "architect"):
        spec("review", "new-thing", "--as", role, "--approve", "-m", "fits")
    assert spec("task", "new-thing", "2.1", "--done") == 2
    assert "first-thing comes first" in spec.err


def test_what_a_command_says_is_kept_without_its_secrets(ready: Spec) -> None:
    token = "ghp_" + "a1B2" * 9
    (ready.directory / "tell.sh").write_text("printf 'ghp_'; for i in 1 2 3 4 5 6 7 8 9; do printf a1B2; done\n")
    assert ready("check", "new-thing", "--scenario", "thing/Old/Works", "--run", "sh tell.sh") == 0
    assert token not in ready.out
    record = (ready.directory / "openspec" / "changes" / "new-thing" / ".pantheros.json").read_text()
    assert "ghp_" in record
    assert token not in record


@pytest.mark.parametrize(
    "name", ["changes/a/tasks.md", "changes/a/.openspec.yaml", "changes/a/specs/cap/spec.md", "specs/cap/spec.md"]
)
def test_a_pipe_is_not_waited_for(spec: Spec, name: str) -> None:
    spec.write({"changes/a/proposal.md": "# A\n"})
    path = spec.directory / "openspec" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    for words in (["validate", "--all"], ["validate", "a"], ["list"], ["archive", "a", "--dry-run"]):
        command = [sys.executable, "-m", "pantheros", "spec", *words, "-C", str(spec.directory)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert "Traceback" not in done.stderr
        if words[0] == "validate" and not name.endswith("tasks.md"):
            assert done.returncode == 1
    assert spec("validate", "--all") == 1, "there is no delta, either"
    assert "no regular file" in spec.out


# Several at once, links, several reasons ------------------------------------------------------------------------------


def kept(spec: Spec, name: str) -> Record:
    return read_record(spec.directory / "openspec/changes" / name) or Record()


def test_what_several_say_at_once_is_all_kept(ready: Spec) -> None:
    command = [sys.executable, "-m", "pantheros", "spec", "review", "new-thing", "--as", "architect", "--approve"]
    running = [
        subprocess.Popen(
            [*command, "-m", "fits", "--name", f"p{number}", "-C", str(ready.directory)], stdout=subprocess.DEVNULL
        )
        for number in range(8)
    ]
    assert [process.wait() for process in running] == [0] * 8
    assert {f"p{number}" for number in range(8)} <= {review.name for review in kept(ready, "new-thing").reviews}


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("review.digest", ["review", "new-thing", "--as", "security", "--approve", "-m", "fits"]),
        ("check.checked", ["check", "new-thing"]),
        ("rebase.current_base", ["rebase", "new-thing"]),
        ("task.user", ["task", "new-thing", "2.1", "--open"]),
        ("task.user", ["task", "new-thing", "2.1", "--done"]),
    ],
)
def test_what_is_kept_meanwhile_is_not_lost(
    ready: Spec, place: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever else writes does so while the command is at work, between its reading and its writing."""
    where = f"pantheros.cli.spec.{place}"
    module, name = where.rsplit(".", 1)
    act = getattr(importlib.import_module(module), name)
    root, change = Root(ready.directory.resolve()), ready.directory.resolve() / "openspec/changes/new-thing"

    def meanwhile(*arguments: Any, **named: Any) -> Any:
        update_record(root, change, lambda record: replace(record, lessons="from somebody else"))
        return act(*arguments, **named)

    monkeypatch.setattr(where, meanwhile)
    assert ready(*words) == 0
    assert kept(ready, "new-thing").lessons == "from somebody else"


def test_a_task_is_ticked_through_a_link(spec: Spec, tmp_path: Path) -> None:
    spec.write({"changes/a/proposal.md": "# A\n", "changes/b/shared.md": "- [ ] 1.1 x\n"})
    link = spec.directory / "openspec/changes/a/tasks.md"
    link.symlink_to("../b/shared.md")
    assert spec("task", "a", "1.1", "--done") == 0
    assert link.is_symlink()
    assert link.read_text() == "- [x] 1.1 x\n"
    (tmp_path / "outside.md").write_text("- [ ] 1.1 x\n")
    link.unlink()
    link.symlink_to(tmp_path / "outside.md")
    assert spec("task", "a", "1.1", "--done") == 2
    assert "a link leads out of the project" in spec.err
    assert (tmp_path / "outside.md").read_text() == "- [ ] 1.1 x\n"


def test_each_reason_is_told_with_its_own_help(ready: Spec) -> None:
    path = ready.directory / "openspec/changes/new-thing/tasks.md"
    path.write_text(path.read_text().replace("[x]", "[ ]", 1))
    assert ready("archive", "new-thing", "--yes") == 1
    lines = ready.err.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) > 1
    assert not any("; " in line for line in errors)
    assert len([line for line in lines if line.startswith("   = help: ")]) == len(errors)
    assert ready("archive", "new-thing", "--yes", "--json") == 1
    codes = [each["code"] for each in json.loads(ready.out)["status"]]
    assert len(codes) == len(errors)
    assert codes[0] == "tasks_open"
    assert "evidence_missing" in codes
