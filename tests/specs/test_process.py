"""What pantherOS adds to OpenSpec: kinds, gates, order, overlaps, evidence, emergencies, commands for assistants."""

from __future__ import annotations

import base64
import importlib
import io
import json
import os
import re
import shutil
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
    tasks = change / "tasks.md"
    tasks.write_text(tasks.read_text().replace("2.1 ...", "2.1 Do it"))
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


def test_what_the_template_put_there_is_told_from_what_is_written(spec: Spec) -> None:
    write({"fleet.toml": FLEET, "hosts/box/host.toml": HOST}, spec.directory)
    spec("gen", "faster", "--kind", "performance", "--phase", "3")
    tasks = spec.directory / "openspec/changes/faster/tasks.md"
    template = tasks.read_text()
    filled(spec, "faster", "performance")
    proposal = spec.directory / "openspec/changes/faster/proposal.md"
    said = "Something is said of it here."
    figures = "| what | seconds |\n|---|---|\n| start | 3 |\n| stop | ? |"
    whole = proposal.read_text().replace(f"Measurements\n\n{said}", f"Measurements\n\n{figures}")
    assert figures in whole
    proposal.write_text(whole)
    spec("review", "faster")
    assert "missing" not in spec.out, "a table of one's own is something that is said"
    columns = "settings | services | security | deployment | testing"
    matrix = f"Impact on hosts:\n\n| host | {columns} |\n{'|---' * 6}|\n| box | no | no | ? | no | no |"
    proposal.write_text(whole.replace(f"What Changes\n\n{said}", f"What Changes\n\n{matrix}"))
    spec("review", "faster")
    assert "What Changes is not written yet" in spec.out
    assert "What Changes has cells of its impact matrix" in spec.out
    proposal.write_text(whole.replace("## Testing", f"{matrix.replace('?', 'no')}\n\n## Testing"))
    tasks.write_text(template)
    spec("review", "faster")
    assert spec.out.count("missing: ") == 1
    assert "tasks.md: the task 2.1 is not filled in" in spec.out


def test_what_matters_only_at_times_is_offered(spec: Spec) -> None:
    spec("gen", "new-thing", "--kind", "capability")
    change = spec.directory / "openspec/changes/new-thing"
    proposal = (change / "proposal.md").read_text()
    for title in ("Risks", "Dependencies", "Migration Path", "Stakeholders", "Alternatives", "Documentation"):
        assert f"\n- {title}: " in proposal
    filled(spec, "new-thing", "capability")
    spec("review", "new-thing")
    assert "missing" not in spec.out
    with (change / "proposal.md").open("a") as file:
        file.write("## Stakeholders\n")
    spec("review", "new-thing")
    assert "the section Stakeholders is not written yet" in spec.out


@pytest.mark.parametrize(("kind", "phase"), [("hardware", "1"), ("module-interface", "2"), ("security", "3")])
def test_each_phase_has_kinds_with_its_impact_matrix(spec: Spec, kind: str, phase: str) -> None:
    spec("gen", "new-thing", "--kind", kind)
    change = spec.directory / "openspec/changes/new-thing"
    assert f"phase: {phase}\n" in (change / ".openspec.yaml").read_text()
    assert "Impact on " in (change / "proposal.md").read_text()


def test_how_it_stands_to_others_is_said_from_the_first(spec: Spec) -> None:
    spec("gen", "later-thing", "--kind", "skill")
    words = ["--blocks", "later-thing", "--milestone", "spring: 2", "--estimate", "1.5"]
    assert spec("gen", "new-thing", "--kind", "skill", *words) == 0
    metadata = (spec.directory / "openspec/changes/new-thing/.openspec.yaml").read_text()
    assert 'blocks: [later-thing]\nmilestone: "spring: 2"\nestimate: 1.5\n' in metadata
    assert spec("order", "--json") == 0
    assert [each["change"] for each in json.loads(spec.out)["order"]] == ["new-thing", "later-thing"]
    for wrong in (["--blocks", "nowhere"], ["--blocks", "x"], ["--estimate", "-1"], ["--estimate", "nan"]):
        assert spec("gen", "x", "--kind", "skill", *wrong) == 2
    assert spec("gen", "x", "--kind", "skill", "--blocks", "new-thing", "--depends-on", "new-thing") == 2


@pytest.mark.parametrize(
    ("there", "start", "begun"),
    [
        ({"fleet.toml": FLEET, "hosts/box/host.toml": HOST}, "hosts/box", ""),
        ({"inner/.git/HEAD": "", "inner/a/b": ""}, "inner/a", "inner"),
        (
            {"inner/.git/HEAD": "", "inner/f/fleet.toml": FLEET, "inner/f/nixos/flake.nix": ""},
            "inner/f/nixos",
            "inner/f",
        ),
        ({"inner/.git/HEAD": "", "inner/openspec/specs/x": "", "inner/f/flake.nix": ""}, "inner/f", "inner"),
        ({"flake.nix": "", "a/b": ""}, "a", ""),
    ],
)
@pytest.mark.parametrize(
    "command", [["gen", "new-thing", "--kind", "skill"], ["emergency", "new-thing", "--reason", "x"]]
)
def test_it_begins_where_the_fleet_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], there: Tree, start: str, begun: str, command: list[str]
) -> None:
    outer = tmp_path / "outer"
    if begun:
        write({"openspec/specs/cap/spec.md": SPEC.format("cap") + OLD}, outer)
    for name, text in there.items():
        (outer / name).parent.mkdir(parents=True, exist_ok=True)
        (outer / name).write_text(text)
    assert program(["spec", *command, "-C", str(outer / start)]) == 0
    assert (outer / begun / "openspec/changes/new-thing/proposal.md").is_file()
    assert len(list(outer.glob("**/new-thing"))) == 1
    capsys.readouterr()
    assert program(["spec", "list", "--json", "-C", str(outer / start)]) == 0
    assert json.loads(capsys.readouterr().out)["root"]["path"] == str(outer / begun)


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


def test_what_is_stuck_is_listed(spec: Spec) -> None:
    plan(spec, a="depends_on: [b]", b="depends_on: [a]", c="depends_on: [a]")
    assert spec("order") == 1
    assert spec.out == "stuck: a, b, c\n"
    plan(spec, d="")
    assert spec("order") == 1
    assert "1  d" in spec.out
    assert "milestone" not in spec.out
    plan(spec, d="milestone: spring\nestimate: 2.5")
    spec("order")
    assert spec.out.splitlines()[0].split() == ["change", "priority", "phase", "milestone", "days", "after"]
    assert spec.out.splitlines()[1].split() == ["1", "d", "spring", "2.5"]


def test_a_verdict_says_what_else_stands_in_the_way(spec: Spec) -> None:
    plan(spec, a="depends_on: [b]", b="depends_on: [a]", c="depends_on: [b]", d="")
    for name in "abcd":
        spec.write(
            {f"changes/{name}/specs/cap/spec.md": "## ADDED Requirements\n\n" + OLD.replace("Old", f"Old {name}")}
        )
    assert spec("validate", "--all") == 1
    assert spec.out.splitlines()[-1] == "4 of 4 pass; 1 thing stands in the way"
    for name in "abc":
        assert spec("validate", name) == 1
        assert "changes wait for each other: a → b → a" in spec.out
        assert spec.out.splitlines()[-1] == "1 of 1 pass; 1 thing stands in the way"
    assert spec("validate", "d") == 0
    assert spec.out == "✓ change d\n"
    spec.write({"changes/d/.pantheros.json": "{"})
    assert spec("validate", "d") == 1
    assert ".pantheros.json cannot be read" in spec.out
    assert spec("validate", "--all", "--json") == 1
    assert len(json.loads(spec.out)["items"]) == 4, "one record that is broken takes nothing from the rest"


def test_the_verdict_on_one_change_tells_all_that_is_its(spec: Spec) -> None:
    spec.write({"specs/cap/spec.md": SPEC.format("cap") + OLD})
    for name in ("a", "b"):
        spec.write({f"changes/{name}/specs/cap/spec.md": DELTA + NEW})
    assert spec("rebase", "b") == 0
    spec.write({"specs/cap/spec.md": SPEC.format("cap") + OLD.replace("be old", "be newer")})
    assert spec("validate", "b") == 0
    assert "b: a is about “Old” of cap, too" in spec.out
    assert "reads otherwise than when the change was written" in spec.out
    assert spec("validate", "b", "--strict") == 1
    assert "1 of 1 pass; 2 things stand in the way" in spec.out
    assert spec("validate", "a") == 0
    assert "a: b is about “Old” of cap, too" in spec.out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_wider_than_the_terminal(ready: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("NO_COLOR", "1")
    ready.write({f"changes/{'long-' * 50}/tasks.md": "- [ ] 1.1 x\n"})
    ready("emergency", "close-port", "--reason", "x")
    for words in (["check", "new-thing"], ["impl", "new-thing"], ["list"], ["order"], ["validate", "close-port"]):
        terminal = Terminal()
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdout", terminal)
            program(["spec", *words, "-C", str(ready.directory)])
        assert terminal.getvalue()
        for line in terminal.getvalue().splitlines():
            assert len(re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip()) <= 50, words


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
    assert not any(text and len(text) > 45 for text in texts)


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
    assert spec("rebase", "a") == 1
    assert "It SHALL be newer." in spec.out
    assert "--accept" in spec.err
    assert spec("archive", "a", "--yes") == 1
    assert spec("rebase", "a", "--accept") == 0
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


def test_what_two_changes_of_openspec_s_own_touch_is_not_overwritten(spec: Spec) -> None:
    spec.write({"specs/cap/spec.md": SPEC.format("cap") + OLD})
    for name, word in (("a", "one"), ("b", "two")):
        spec.write({f"changes/{name}/specs/cap/spec.md": DELTA + OLD.replace("be old", f"be {word}")})
    spec.git("add", ".")
    spec.git("commit", "-qm", "all")
    assert spec("archive", "a", "--yes") == 0
    assert "b is about “Old” of cap, too" in spec.err
    assert spec("archive", "b", "--yes") == 1
    assert "reads otherwise" in spec.err
    assert "be one" in (spec.directory / "openspec/specs/cap/spec.md").read_text()
    assert spec("rebase", "b", "--accept") == 0
    assert spec("archive", "b", "--yes") == 0


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
    tasks = spec.directory / "openspec/changes/new-thing/tasks.md"
    tasks.write_text(tasks.read_text().replace("[ ]", "[x]"))
    reviewed(spec)
    return spec


def reviewed(spec: Spec) -> None:
    """Somebody who did not implement it finds it good."""
    assert spec("review", "new-thing", "--as", "reviewer", "--approve", "-m", "fine", "--name", "Bob") == 0


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
    assert ready("archive", "new-thing", "--yes") == 1
    assert "it was edited after Bob approved it" in ready.err
    reviewed(ready)
    assert ready("archive", "new-thing", "--yes", "--lessons", "Measure first", "--summary", "It works") == 0
    kept = json.loads(
        (ready.directory / f"openspec/changes/archive/{date.today()}-new-thing/.pantheros.json").read_text()
    )
    assert kept["lessons"] == "Measure first"
    assert ready("unarchive", "new-thing") == 0
    assert ready("list", "--json") == 0
    assert [each["name"] for each in json.loads(ready.out)["changes"]] == ["new-thing"]


def test_evidence_of_a_scenario_has_to_be_fresh(ready: Spec) -> None:
    assert ready("check", "new-thing", "--scenario", "thing/Old/Works", "--run", "true") == 0
    with (ready.directory / "hosts/box/host.toml").open("a") as file:
        file.write('options = ["noatime"]\n')
    assert ready("check", "new-thing") == 0
    reviewed(ready)
    assert ready("archive", "new-thing", "--yes") == 1
    assert "has changed since `true` was run" in ready.err


def test_a_port_that_opens_wants_a_security_review(ready: Spec) -> None:
    with (ready.directory / "hosts/box/host.toml").open("a") as file:
        file.write("[pantherOS.security.ssh]\nenable = true\n")
    assert ready("check", "new-thing") == 0
    reviewed(ready)
    assert ready("archive", "new-thing", "--yes") == 1
    assert "nobody has reviewed it as security" in ready.err


def test_who_ticked_the_tasks_in_a_commit_is_no_reviewer(ready: Spec) -> None:
    for message in ("proposed", "done"):
        ready.git("add", ".")
        ready.git("commit", "-qm", message)
        tasks = ready.directory / "openspec/changes/new-thing/tasks.md"
        tasks.write_text(tasks.read_text() + "\n")
    assert ready("review", "new-thing", "--as", "reviewer", "--approve", "-m", "mine") == 2
    assert "cannot be its reviewer" in ready.err


def test_a_command_shows_a_scenario(ready: Spec) -> None:
    scenario = "thing/Old/Works"
    assert ready("check", "new-thing", "--scenario", scenario, "--run", "true") == 0
    assert "scenario thing/Old/Works" not in ready.out
    assert ready("check", "new-thing", "--scenario", scenario, "--run", "false") == 1
    assert "not verified: scenario thing/Old/Works" in ready.out
    assert ready("check", "new-thing", "--scenario", "thing/Old/Other", "--run", "true") == 2
    assert ready("check", "new-thing", "--run", "no-such-command-here") == 2
    assert "no-such-command-here" in ready.err
    assert ready("check", "new-thing", "--run", " ") == 2


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("echo a | grep -q zzz", 1),
        ("true && false", 1),
        ("false || true", 0),
        ("false; true", 0),
        ('test "$(echo a)" = a', 0),
        ("echo 'it is' > said && grep -q is said", 0),
    ],
)
def test_a_command_line_is_run_as_a_shell_runs_it(ready: Spec, line: str, status: int) -> None:
    assert ready("check", "new-thing", "--run", line) == status


@pytest.mark.skipif(shutil.which("bash") is None, reason="only bash can tell that a part of a pipe has failed")
def test_a_pipe_passes_where_each_part_does(ready: Spec) -> None:
    assert ready("check", "new-thing", "--run", "false | tail -n 5") == 1


def test_evidence_is_taken_back(ready: Spec) -> None:
    assert ready("check", "new-thing") == 0
    assert ready("check", "new-thing", "--run", "false") == 1
    assert ready("check", "new-thing", "--scenario", "thing/Old/Works", "--run", "true") == 0
    assert ready("archive", "new-thing", "--yes") == 1
    assert ready("check", "new-thing", "--forget", "exposure") == 2, "a gate depends on it"
    assert ready("check", "new-thing", "--forget", "fals") == 2
    assert "thing/Old/Works" in ready.err
    assert ready("check", "new-thing", "--forget", "false") == 0
    assert "forgotten: false, shown by `false`" in ready.out
    assert "exit 1" in ready.out
    assert ready("check", "new-thing", "--forget", "thing/Old/Works") == 0
    assert ready("check", "new-thing", "--forget", "thing/Old/Works") == 2
    assert ready("archive", "new-thing", "--yes") == 0


def test_a_change_of_the_first_commit_has_nothing_before_it(spec: Spec) -> None:
    write({"fleet.toml": FLEET, "hosts/box/host.toml": HOST}, spec.directory)
    spec("gen", "new-thing", "--kind", "skill")
    spec.git("add", ".")
    spec.git("commit", "-qm", "a")
    assert spec("check", "new-thing") == 0
    assert "✓ build: 1 host, " in spec.out
    assert "before the change: git knows no revision before it" in spec.out
    (spec.directory / "fleet.toml").write_text(FLEET + "# more\n")
    spec.git("commit", "-qam", "b")
    assert spec("check", "new-thing", "--since", "HEAD^") == 0
    assert "exposure: 0 ports reached" in spec.out
    assert spec("check", "new-thing", "--since", "nowhere") == 2


NIXPKGS = r"""
{
  outputs = _: {
    lib.mapAttrs = builtins.mapAttrs;
    lib.nixosSystem = { modules }: {
      config.system.build.toplevel = derivation {
        name = "system";
        system = builtins.currentSystem or "x86_64-linux";
        builder = "/bin/sh";
        args = [ "-c" "echo built > $out" ];
        text = builtins.concatStringsSep "" (map builtins.readFile (builtins.filter builtins.isPath modules));
      };
    };
  };
}
"""
EMPTY = "{ outputs = _: { nixosModules.default = { }; nixosModules.home-manager = { }; }; }"


@pytest.mark.nix
@pytest.mark.skipif(shutil.which("nix") is None, reason="only Nix knows closures; .ci/run installs it")
def test_nix_tells_time_and_closure_before_and_after(
    ready: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, place in {"NIX_STORE_DIR": "store", "NIX_STATE_DIR": "state", "NIX_LOG_DIR": "log"}.items():
        monkeypatch.setenv(name, str(tmp_path / "nix" / place))
    monkeypatch.setenv("NIX_CONFIG", "build-users-group =\nsandbox = false\nsubstituters =")
    monkeypatch.setenv("HOME", str(tmp_path))
    overrides = []
    for name in ("nixpkgs", "home-manager"):
        write({"flake.nix": NIXPKGS if name == "nixpkgs" else EMPTY}, tmp_path / name)
        overrides += ["--override-input", f"{name}=path:{tmp_path / name}"]
    with (ready.directory / "hosts/box/host.toml").open("a") as file:
        file.write('options = ["noatime"]\n')
    assert ready("check", "new-thing", "--nix", *overrides) == 0, ready.out
    assert "evaluation: 1 of 1 host evaluates" in ready.out
    assert re.search(r"box: \d+\.\d s before, \d+\.\d s now", ready.out)
    assert "box: derivations: 1 before, 1 now" in ready.out
    assert "not verified: closure size of box: nothing of it is built here" in ready.out
    assert ready("check", "new-thing", "--build", *overrides) == 0, ready.out
    assert re.search(r"box: 0\.0 MB before, 0\.0 MB now in its closure", ready.out)
    assert "closure size" not in ready.out
    write({"flake.nix": NIXPKGS.replace("echo built > $out", "exit 3")}, tmp_path / "nixpkgs")
    assert ready("check", "new-thing", "--build", *overrides) == 1
    assert "box: it was not built: " in ready.out


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


def test_an_emergency_is_valid_from_the_first(spec: Spec) -> None:
    assert spec("emergency", "close-port", "--reason", "it is open") == 0
    assert "skip_specs" in spec.out
    assert spec("validate", "close-port") == 0
    words = ["--capability", "network/firewall", "--capability", "ssh"]
    assert spec("emergency", "close-door", "--reason", "it is open", *words) == 0
    change = spec.directory / "openspec/changes/close-door"
    assert {path.parent.name for path in change.rglob("spec.md")} == {"firewall", "ssh"}
    assert "skip_specs" not in (change / ".openspec.yaml").read_text()
    assert spec("validate", "close-door") == 0


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


def test_a_task_has_a_handle_however_it_is_numbered(spec: Spec) -> None:
    lines = ["1.1 a", "2 h", "3. i", "**2.1** j", "`4)` k", "no number", "1.1 a", "5 hosts, `6`"]
    spec.write({"changes/a/tasks.md": "".join(f"- [ ] {line}\n" for line in lines)})
    assert spec("task", "a") == 0
    listed = [line.removeprefix("[ ] ") for line in spec.out.splitlines()]
    assert listed == ["@1 1.1 a", *lines[1:5], "@6 no number", "@7 1.1 a", "5 hosts, `6`"]
    for handle, line in {"2": 1, "3": 2, "2.1": 3, "4": 4, "@6": 5, "@7": 6, "@8": 7}.items():
        assert spec("task", "a", handle, "--done") == 0, spec.err
        done = (spec.directory / "openspec/changes/a/tasks.md").read_text().splitlines()
        assert done[line] == f"- [x] {lines[line]}"
    assert (spec("task", "a", "1.1", "--done"), spec("task", "a", "@9", "--done")) == (2, 2)
    assert "there are @1, 2, 3, 2.1, 4, @6, @7, 5" in spec.err


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


# What cannot be read never opens a gate -------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["depends_on: [a\n", "kind: [security]\n"])
def test_broken_metadata_closes_the_gates(ready: Spec, broken: str) -> None:
    metadata = ready.directory / "openspec/changes/new-thing/.openspec.yaml"
    metadata.write_text(metadata.read_text().replace("kind: skill\n", "") + broken)
    assert ready("archive", "new-thing", "--yes", "--no-validate") == 1
    assert ".openspec.yaml" in ready.err
    assert ready("order") == 1
    assert ".openspec.yaml" in ready.err


def test_a_review_is_of_what_the_change_says_of_itself_too(spec: Spec) -> None:
    spec("gen", "new-thing", "--kind", "security", "--capability", "thing")
    filled(spec, "new-thing", "security")
    for role in ("librarian", "architect", "security"):
        assert spec("review", "new-thing", "--as", role, "--approve", "-m", "fits") == 0
    metadata = spec.directory / "openspec/changes/new-thing/.openspec.yaml"
    metadata.write_text(metadata.read_text().replace("kind: security", "kind: skill"))
    assert spec("impl", "new-thing") == 1
    assert "it was edited after" in spec.out


def test_what_a_policy_says_of_all_kinds_takes_nothing_from_one(spec: Spec) -> None:
    spec.write({"policy.toml": '[implement]\n"*" = ["librarian"]\nskill = []\n'})
    gates = {}
    for kind in ("security", "breaking", "skill"):
        spec("gen", f"{kind}-thing", "--kind", kind)
        assert spec("review", f"{kind}-thing", "--json") == 0
        gates[kind] = [each["role"] for each in json.loads(spec.out)["gates"] if each["stage"] == "implement"]
    assert gates == {"security": ["librarian", "security"], "breaking": ["librarian", "impact"], "skill": []}


def test_wording_about_log_ins_wants_a_security_review(spec: Spec) -> None:
    spec("gen", "new-thing", "--kind", "capability", "--capability", "website")
    delta = "## ADDED Requirements\n\n" + OLD.replace("be old", "permit root log-ins with a password")
    spec.write({"changes/new-thing/specs/website/spec.md": delta})
    assert spec("review", "new-thing", "--json") == 0
    assert "security" in [each["role"] for each in json.loads(spec.out)["gates"]]
    spec.write({"policy.toml": "security_words = []\n"})
    assert spec("review", "new-thing", "--json") == 0
    assert "security" not in [each["role"] for each in json.loads(spec.out)["gates"]]


def test_a_dependency_that_is_not_there_stops_a_change(spec: Spec) -> None:
    spec.write({"changes/a/.openspec.yaml": "schema: spec-driven\ndepends_on: [ghost]\n"})
    spec.write({"changes/a/specs/cap/spec.md": "## ADDED Requirements\n\n" + OLD, "changes/a/proposal.md": "# A\n"})
    assert spec("impl", "a") == 1
    assert "ghost, which there is not" in spec.out
    assert spec("archive", "a", "--yes") == 0
    assert "ghost, which there is not" in spec.err


def test_an_emergency_that_was_archived_all_the_same_is_not_forgotten(spec: Spec) -> None:
    spec("emergency", "close-port", "--reason", "it is open to the world", "--capability", "cap")
    change = spec.directory / "openspec/changes/close-port"
    (change / "specs/cap/spec.md").write_text("## ADDED Requirements\n\n" + OLD)
    record = json.loads((change / ".pantheros.json").read_text())
    record["emergency"]["document_by"] = "2020-01-01"
    (change / ".pantheros.json").write_text(json.dumps(record))
    assert spec("review", "close-port", "--as", "reviewer", "--reject", "-m", "too late", "--name", "Bob") == 0
    assert spec("archive", "close-port", "--yes") == 1
    assert "the emergency is not over" in spec.err
    assert spec("archive", "close-port", "--yes", "--force", "no time") == 0
    assert spec("list") == 0
    assert "overdue since 2020-01-01" in spec.out
    assert "review what happened" in spec.out
    assert spec("validate", "--all") == 1


def test_many_changes_that_depend_on_each_other_are_looked_at_quickly(spec: Spec) -> None:
    """Each change is read a few times, not once for each other change."""
    for number in range(300):
        metadata = f"schema: spec-driven\nkind: skill\ndepends_on: [c{max(0, number - 1)}]\n" if number else ""
        spec.write(
            {
                f"changes/c{number}/.openspec.yaml": metadata or "schema: spec-driven\nkind: skill\n",
                f"changes/c{number}/specs/cap{number}/spec.md": "## ADDED Requirements\n\n" + OLD,
            }
        )
    reads = 0
    real = Path.open

    def counting(self: Path, *arguments: Any, **more: Any) -> Any:
        nonlocal reads
        reads += self.name == ".openspec.yaml"
        return real(self, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", counting)
        assert spec("validate", "--changes") == 0
    assert reads < 300 * 10


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
        ("review.reviewed", ["review", "new-thing", "--as", "security", "--approve", "-m", "fits"]),
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
    assert "tasks_open" in codes
    assert "evidence_missing" in codes
