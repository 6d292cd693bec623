"""Archiving changes everything together or nothing, and can be undone."""

from __future__ import annotations

import hashlib
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
from pantheros.specs import journal
from pantheros.specs.archive import Archiving, CannotArchive
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
    assert program(["spec", "list", "-C", str(root.path)]) in (1, 2)
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
