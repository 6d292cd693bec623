"""Archiving changes everything together or nothing, and can be undone."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.specs.comparing import Tree, read, write

from pantheros.__main__ import run as program
from pantheros.cli.app import run
from pantheros.findings import PantherError
from pantheros.specs import journal
from pantheros.specs.archive import Archiving, CannotArchive
from pantheros.specs.changelog import BEGIN, END
from pantheros.specs.journal import Busy, Edited, Write, change_together, locked
from pantheros.specs.tree import Root
from pantheros.specs.unarchive import CannotUnarchive, find_archived, unarchive

DAY = date(2026, 2, 3)
SPEC = "# {0}\n\n## Purpose\nWhat this is for, in more than fifty characters of text.\n\n## Requirements\n\n"
REQUIREMENT = "### Requirement: {0}\nIt SHALL be {0}.\n\n#### Scenario: Works\n- **WHEN** asked\n- **THEN** it is {0}\n"
CAPABILITIES = [f"cap{number}" for number in range(6)]
TREE: Tree = {
    **{f"openspec/specs/{name}/spec.md": SPEC.format(name) + REQUIREMENT.format("Old") for name in CAPABILITIES},
    **{
        f"openspec/changes/wide/specs/{name}/spec.md": "## ADDED Requirements\n\n" + REQUIREMENT.format("New")
        for name in [*CAPABILITIES, "fresh"]
    },
    "openspec/changes/wide/tasks.md": "- [x] 1.1 all of it\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    write(TREE, tmp_path / "tree")
    return Root((tmp_path / "tree").resolve())


def archiving(root: Root) -> Archiving:
    found = Archiving(root, "wide", DAY)
    found.locate()
    found.validate()
    found.aim()
    found.merge()
    found.proofread()
    return found


def state(root: Root) -> str:
    """`before`, `after`, or what is in between."""
    now = read(root.path)
    new = [name for name in [*CAPABILITIES, "fresh"] if "New" in str(now.get(f"openspec/specs/{name}/spec.md"))]
    archived = "openspec/changes/archive/2026-02-03-wide/tasks.md" in now
    if now == TREE:
        return "before"
    if len(new) == 7 and archived and not any(name.startswith("openspec/changes/wide") for name in now):
        return "after"
    return f"between: {new}, {'archived' if archived else 'open'}"


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", range(9))
def test_a_process_that_ends_in_between_leaves_nothing_half_done(
    root: Root, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = 0

    def dying(act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*arguments: Any) -> Any:
            nonlocal done
            if done == step:
                raise Killed
            done += 1
            return act(*arguments)

        return acting

    with monkeypatch.context() as patch:
        patch.setattr(journal, "_put", dying(journal._put))
        patch.setattr(shutil, "rmtree", dying(shutil.rmtree))
        with suppress(Killed):
            archiving(root).carry_out()
    with locked(root):
        pass
    assert state(root) == "after"


@pytest.mark.parametrize("number", range(3))
def test_what_was_not_yet_written_down_whole_is_taken_away(
    root: Root, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0

    def dying(path: Path, content: bytes) -> None:
        nonlocal written
        if written == number * 3:
            raise Killed
        written += 1
        path.write_bytes(content)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "_write_through", dying)
        with pytest.raises(Killed):
            archiving(root).carry_out()
    with locked(root):
        pass
    shutil.rmtree(root.archive)
    assert state(root) == "before"


def test_a_kill_at_any_moment(root: Root, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from datetime import date\n"
        "from pantheros.specs.archive import Archiving; from pantheros.specs.tree import Root\n"
        "it = Archiving(Root(Path(sys.argv[1])), 'wide', date(2026, 2, 3)); it.locate(); it.merge()\n"
        "print('ready', flush=True); it.carry_out()\n"
    )
    seen = set()
    for number in range(12):
        tree = Root(tmp_path / f"tree{number}")
        write(TREE, tree.path)
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(tree.path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(number * 0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with locked(tree):
            pass
        if not os.listdir(tree.archive):
            tree.archive.rmdir()
        seen.add(state(tree))
    assert seen <= {"before", "after"}


def test_what_somebody_edits_meanwhile_is_not_overwritten(root: Root) -> None:
    found = archiving(root)
    path = root.specs / "cap3" / "spec.md"
    path.write_text("mine\n")
    with pytest.raises(Edited):
        found.carry_out()
    assert path.read_text() == "mine\n"
    assert "New" not in (root.specs / "cap0" / "spec.md").read_text()
    assert not journal.left_over(root)


def test_two_at_once(root: Root) -> None:
    found = archiving(root)
    with locked(root), pytest.raises(CannotArchive, match="another process"):
        found.carry_out()
    (root.archive / ".openspec-archive.lock").write_text('{"pid": 1, "nonce": "x"}')
    with pytest.raises(Busy, match="openspec archives"), locked(root):
        pass


def test_a_file_that_cannot_be_placed_leaves_all_as_it_was(root: Root) -> None:
    with locked(root), pytest.raises(Edited):
        change_together(root, [Write(root.specs / "cap0" / "spec.md", b"other", b"new")], None)
    shutil.rmtree(root.archive)
    assert state(root) == "before"


def test_unarchiving_puts_every_byte_back(root: Root) -> None:
    archiving(root).carry_out()
    assert state(root) == "after"
    assert find_archived(root, "wide") == "2026-02-03-wide"
    unarchive(root, "2026-02-03-wide")
    shutil.rmtree(root.archive)
    assert state(root) == "before"


def test_unarchiving_on_another_machine_asks_git(root: Root, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(root.path), *identity, *words], check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "before")
    archiving(root).carry_out()
    git("add", ".")
    git("commit", "-qm", "after")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    unarchive(root, "2026-02-03-wide")
    shutil.rmtree(root.archive)
    now = {name: text for name, text in read(root.path).items() if not name.startswith(".git/")}
    assert now == TREE


def test_unarchiving_what_nothing_remembers(root: Root, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    archiving(root).carry_out()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(CannotUnarchive, match="nothing remembers"):
        unarchive(root, "2026-02-03-wide")
    with pytest.raises(CannotUnarchive, match="no 'wider'"):
        find_archived(root, "wider")


def test_a_dry_run_shows_the_change_and_makes_none(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["spec", "archive", "wide", "--dry-run", "-C", str(root.path)])
    out = capsys.readouterr().out
    assert status == 0
    assert "+++ openspec/specs/cap0/spec.md" in out
    assert "+### Requirement: New" in out
    assert state(root) == "before"


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"writes": [{"path": "../victim", "before": "DIGEST", "after": null, "new": 0}], "move": null}',
        '{"writes": [{"path": ".git/config", "before": "DIGEST", "after": null, "new": 0}], "move": null}',
        '{"writes": [], "move": ["openspec/changes/wide", "../elsewhere"]}',
        '{"writes": [], "move": ["/", "openspec/x"]}',
    ],
)
def test_a_list_that_is_not_ours_is_not_carried_out(
    root: Root, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = root.path.parent / "victim"
    victim.write_text("precious")
    (root.path / ".git").mkdir()
    (root.path / ".git" / "config").write_text("precious")
    directory = root.archive / ".pantheros-journal"
    directory.mkdir(parents=True)
    digest = hashlib.sha256(b"precious").hexdigest()
    (directory / "list.json").write_text(content.replace("DIGEST", digest))
    before = read(root.path.parent)
    assert program(["spec", "list", "-C", str(root.path)]) == 0, "who only looks can go on"
    assert "is not what pantherOS writes" in capsys.readouterr().err
    assert program(["spec", "archive", "wide", "--yes", "-C", str(root.path)]) == 1
    assert "is not what pantherOS writes" in capsys.readouterr().err
    assert read(root.path.parent) == before


def test_a_full_disk_changes_nothing(root: Root) -> None:
    before = read(root.path)
    program = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
        "from pantheros.__main__ import run\n"
        "sys.exit(run(['spec', 'archive', 'wide', '--yes', '-C', sys.argv[1]]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(root.path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot be written: File too large; nothing was changed" in done.stderr
    assert "Traceback" not in done.stderr
    assert not journal.left_over(root)
    root.archive.rmdir()
    assert read(root.path) == before


# Where the system refuses a step ----------------------------------------------------------------------------------


def failing(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """From a step on, the system refuses to put a file in its place, or to move the change."""
    done = 0

    def refusing(act: Callable[..., Any], name: str = "") -> Callable[..., Any]:
        def acting(path: Path, target: Path) -> Any:
            nonlocal done
            if name in ("", path.name):
                done += 1
                if done > at:
                    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(path))
            return act(path, target)

        return acting

    monkeypatch.setattr(journal, "_put", refusing(journal._put))
    monkeypatch.setattr(Path, "rename", refusing(Path.rename, "wide"))


def test_the_archive_itself_is_no_change(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    root.archive.mkdir()
    assert program(["spec", "archive", "archive", "--yes", "-C", str(root.path)]) == 1
    assert "no change itself" in capsys.readouterr().err
    assert not journal.left_over(root)
    root.archive.rmdir()
    assert state(root) == "before"


def test_nothing_is_moved_into_itself(root: Root) -> None:
    with locked(root), pytest.raises(PantherError, match="into itself; nothing was changed"):
        change_together(root, [], journal.Move(root.changes, root.archive / "x"))
    assert not journal.left_over(root)


def test_what_cannot_be_written_is_seen_before(root: Root) -> None:
    (root.specs / "fresh").write_text("in the way\n")
    before = read(root.path)
    with pytest.raises(PantherError, match="fresh: Not a directory; nothing was changed"):
        archiving(root).carry_out()
    assert read(root.path) == before
    assert not journal.left_over(root)


@pytest.mark.parametrize("step", [0, 3, 7])
def test_a_step_that_is_refused_puts_everything_back(root: Root, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    put, take_back = journal._put, journal._take_back

    def taking_back(*arguments: Any) -> None:
        monkeypatch.setattr(journal, "_put", put)
        take_back(*arguments)

    failing(monkeypatch, step)
    monkeypatch.setattr(journal, "_take_back", taking_back)
    with pytest.raises(PantherError, match="everything is as it was"):
        archiving(root).carry_out()
    assert not journal.left_over(root)
    shutil.rmtree(root.archive)
    assert state(root) == "before"


def test_what_can_be_neither_finished_nor_put_back_lets_everybody_look(
    root: Root, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        failing(patch, 3)
        with pytest.raises(PantherError, match="neither finished nor taken back"):
            archiving(root).carry_out()
        assert journal.left_over(root)
        for words in (["list"], ["show", "wide", "--json"], ["validate", "wide"], ["status", "wide"]):
            program(["spec", *words, "-C", str(root.path)])
            told = capsys.readouterr()
            assert "warning: something was begun here" in told.err
            assert "wide" in told.out + told.err
        assert program(["spec", "archive", "wide", "--yes", "-C", str(root.path)]) == 1
        assert "and the next command goes on with it" in capsys.readouterr().err
    assert program(["spec", "list", "-C", str(root.path)]) == 0
    assert not journal.left_over(root)
    shutil.rmtree(root.archive)
    assert state(root) == "before"


@pytest.mark.parametrize("where", ["write_down", "_keep_undo", "rmtree"])
def test_what_follows_on_archiving_is_done_by_the_next_command(
    root: Root, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root.path / "CHANGELOG.md").write_text(f"{BEGIN}\n{END}\n")
    record = root.changes / "wide" / ".pantheros.json"
    record.write_text('{"format": 1}')
    before = read(root.path)

    def dying(*arguments: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(shutil if where == "rmtree" else journal, where, dying)
        with suppress(Killed):
            new = b'{"format": 1, "summary": "All of it"}'
            archiving(root).carry_out([Write(record, record.read_bytes(), new)])
    assert journal.left_over(root)
    assert program(["spec", "list", "-C", str(root.path)]) == 0
    assert not journal.left_over(root)
    assert "2026-02-03-wide/): All of it." in (root.path / "CHANGELOG.md").read_text()
    unarchive(root, "2026-02-03-wide")
    shutil.rmtree(root.archive)
    assert read(root.path) == before


# Taking back by git -------------------------------------------------------------------------------------------------


class History:
    """A tree in git, on a machine that remembers nothing."""

    def __init__(self, root: Root, monkeypatch: pytest.MonkeyPatch, elsewhere: Path) -> None:
        self.root = root
        self.monkeypatch = monkeypatch
        self.elsewhere = elsewhere

    def git(self, *words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(self.root.path), *identity, *words], check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", ".")
        self.git("commit", "-qm", "more", "--allow-empty")

    def archive(self, name: str) -> None:
        assert program(["spec", "archive", name, "--yes", "-C", str(self.root.path)]) == 0

    def unarchive(self, name: str) -> int:
        self.monkeypatch.setenv("XDG_STATE_HOME", str(self.elsewhere))
        return program(["spec", "unarchive", name, "-C", str(self.root.path)])

    def spec(self) -> str:
        return (self.root.specs / "cap" / "spec.md").read_text()


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    tree: Tree = {"openspec/specs/cap/spec.md": SPEC.format("cap") + REQUIREMENT.format("Old")}
    for name in ("one", "two"):
        tree[f"openspec/changes/{name}/specs/cap/spec.md"] = "## ADDED Requirements\n\n" + REQUIREMENT.format(name)
    write(tree, tmp_path / "tree")
    found = History(Root((tmp_path / "tree").resolve()), monkeypatch, tmp_path / "elsewhere")
    found.git("init", "-q")
    return found


def test_a_history_without_before_deletes_nothing(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    history.archive("one")
    history.commit()
    before = read(history.root.path)
    assert history.unarchive("one") == 1
    assert "cannot be told how openspec/specs/cap/spec.md was" in capsys.readouterr().err
    assert read(history.root.path) == before


def test_a_commit_that_also_edits_the_spec_is_not_undone(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    history.commit()
    history.archive("one")
    path = history.root.specs / "cap" / "spec.md"
    path.write_text(path.read_text().replace("What this is for", "By hand, what this is for"))
    history.commit()
    assert history.unarchive("one") == 1
    assert "or not this alone" in capsys.readouterr().err
    assert "By hand" in history.spec()


def test_of_two_changes_of_one_commit_the_last_is_undone_exactly(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    history.commit()
    history.archive("one")
    with_one = history.spec()
    history.archive("two")
    history.commit()
    assert history.unarchive("one") == 1
    assert "cannot be told" in capsys.readouterr().err
    assert history.unarchive("two") == 0
    assert history.spec() == with_one


def test_a_commit_that_added_to_an_archived_change_is_not_taken_for_its_own(history: History) -> None:
    history.commit()
    before = history.spec()
    history.archive("one")
    history.commit()
    (history.root.archive / f"{date.today()}-one" / "notes.md").write_text("later\n")
    history.commit()
    assert history.unarchive("one") == 0
    assert history.spec() == before


@pytest.mark.parametrize("remembered", [True, False])
def test_what_came_later_is_named(history: History, remembered: bool, capsys: pytest.CaptureFixture[str]) -> None:
    history.commit()
    before = history.spec()
    for name in ("one", "two"):
        history.archive(name)
        history.commit()
    if remembered:
        history.elsewhere = Path(os.environ["XDG_STATE_HOME"])
    assert history.unarchive("one") == 1
    told = capsys.readouterr().err
    assert f"by {date.today()}-two" in told
    assert f"unarchive first {date.today()}-two" in told
    assert history.unarchive("two") == 0
    history.git("add", ".")
    history.git("commit", "-qm", "without two")
    assert history.unarchive("one") == 0
    assert history.spec() == before


# What is told ---------------------------------------------------------------------------------------------------------


def test_where_no_list_has_the_marks_that_is_told(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    (root.path / "CHANGELOG.md").write_text("# Changes\n")
    assert program(["spec", "archive", "wide", "--yes", "--summary", "All", "-C", str(root.path)]) == 0
    told = capsys.readouterr().err
    assert "CHANGELOG.md has no marks" in told
    assert BEGIN in told


def test_a_list_that_was_brought_up_to_date_is_named(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    (root.path / "CHANGELOG.md").write_text(f"{BEGIN}\n{END}\n")
    (root.archive / "legacy-change").mkdir(parents=True)
    words = ["--lessons", f"a {END} b <!-- c", "--summary", "all"]
    assert program(["spec", "archive", "wide", "--yes", *words, "-C", str(root.path)]) == 0
    assert "CHANGELOG.md: brought up to date" in capsys.readouterr().out
    lines = (root.path / "CHANGELOG.md").read_text().splitlines()
    assert lines[1] == "- [legacy-change](openspec/changes/archive/legacy-change/)"
    assert lines[2].endswith("all. Learned: a &lt;!-- panther spec: end --&gt; b &lt;!-- c")
    assert lines[3:] == [END]


def test_a_changelog_that_is_a_link_is_written_where_it_leads(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    (root.path / "docs").mkdir()
    (root.path / "docs" / "real.md").write_text(f"{BEGIN}\n{END}\n")
    (root.path / "CHANGELOG.md").symlink_to("docs/real.md")
    outside = root.path.parent / "outside.md"
    outside.write_text(f"{BEGIN}\n{END}\n")
    (root.path / "docs" / "changes.md").symlink_to(outside)
    assert program(["spec", "archive", "wide", "--yes", "-C", str(root.path)]) == 0
    assert (root.path / "CHANGELOG.md").is_symlink()
    assert "](../openspec/changes/archive/" in (root.path / "docs" / "real.md").read_text()
    assert "docs/changes.md leads out of the project" in capsys.readouterr().err
    assert outside.read_text() == f"{BEGIN}\n{END}\n"


def test_what_cannot_be_written_afterwards_is_told_and_the_change_is_archived(
    root: Root, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (root.path / "CHANGELOG.md").write_text(f"{BEGIN}\n{END}\n")
    (root.path / f".CHANGELOG.md.{os.getpid()}").mkdir()
    (root.path.parent / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(root.path.parent / "file"))
    assert program(["spec", "archive", "wide", "--yes", "--json", "-C", str(root.path)]) == 0
    answer = json.loads(capsys.readouterr().out)["archive"]
    assert answer["archivedAs"] == f"{date.today()}-wide"
    assert "CHANGELOG.md could not be brought up to date: Is a directory" in answer["warnings"][0]
    assert "`unarchive` will need git" in answer["warnings"][1]
    assert not journal.left_over(root)


def test_a_spec_that_was_given_up_comes_back_by_git(history: History) -> None:
    change = history.root.changes / "one"
    (change / "specs/cap/spec.md").write_text("## REMOVED Requirements\n\n### Requirement: Old\n")
    (change / ".openspec.yaml").write_text("schema: spec-driven\nretire_capabilities: true\n")
    history.commit()
    before = history.spec()
    history.archive("one")
    assert not (history.root.specs / "cap").exists()
    history.commit()
    assert history.unarchive("one") == 0
    assert history.spec() == before
