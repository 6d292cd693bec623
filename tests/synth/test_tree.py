"""The written tree: nothing is lost, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pantheros.findings import PantherError
from pantheros.synth.tree import MANIFEST, Tree, Wanted


def wanted(files: dict[str, str]) -> dict[str, Wanted]:
    return {path: Wanted.of(text.encode()) for path, text in files.items()}


def written(directory: Path, files: dict[str, str]) -> None:
    tree = Tree(directory, "out")
    tree.apply(tree.plan(wanted(files)), wanted(files))


def contents(directory: Path) -> dict[str, str]:
    return {
        path.relative_to(directory).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def test_files_come_change_and_go(tmp_path: Path) -> None:
    written(tmp_path, {"a": "1", "d/b": "2", "d/e/c": "3"})
    assert contents(tmp_path) == {"a": "1", "d/b": "2", "d/e/c": "3"}
    before = (tmp_path / "a").stat().st_mtime_ns
    written(tmp_path, {"a": "1", "d/b": "changed"})
    assert contents(tmp_path) == {"a": "1", "d/b": "changed"}
    assert not (tmp_path / "d/e").exists()
    assert (tmp_path / "a").stat().st_mtime_ns == before


def test_the_list_is_for_sha256sum(tmp_path: Path) -> None:
    written(tmp_path, {"a": "1", "d/b": "2"})
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", MANIFEST], cwd=tmp_path, capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_scripts_are_executable(tmp_path: Path) -> None:
    files = {"hook": Wanted.of(b"#!/bin/sh\n", executable=True)}
    tree = Tree(tmp_path, "out")
    tree.apply(tree.plan(files), files)
    assert os.access(tmp_path / "hook", os.X_OK)
    (tmp_path / "hook").chmod(0o644)
    assert Tree(tmp_path, "out").plan(files).change == ["hook"]


@pytest.mark.parametrize("content", ["somebody's", ""])
def test_a_foreign_file_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "a").write_text(content)
    tree = Tree(tmp_path, "out")
    plan = tree.plan(wanted({"a": "ours", "b": "2"}), force=True)
    assert [f.code for f in plan.foreign] == ["foreign-output"]
    with pytest.raises(PantherError):
        tree.apply(plan, wanted({"a": "ours", "b": "2"}))
    assert contents(tmp_path) == {"a": content}


def test_a_directory_that_is_somebody_s_is_not_begun_in(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    plan = Tree(tmp_path, "out").plan(wanted({"a": "1"}))
    assert [(f.code, "notes.txt" in f.message) for f in plan.foreign] == [("foreign-output", True)]
    assert not Tree(tmp_path, "out").plan(wanted({"a": "1"}), force=True).foreign


def test_files_beside_ours_stay(tmp_path: Path) -> None:
    (tmp_path / "flake.lock").write_text("{}")
    written(tmp_path, {"a": "1"})
    written(tmp_path, {})
    assert contents(tmp_path) == {"flake.lock": "{}"}


def test_an_edited_file_is_left_alone_unless_forced(tmp_path: Path) -> None:
    written(tmp_path, {"a": "1", "b": "2"})
    (tmp_path / "a").write_text("edited")
    (tmp_path / "b").write_text("edited too")
    plan = Tree(tmp_path, "out").plan(wanted({"a": "new"}))
    assert sorted((f.code, f.origin.file if f.origin else "") for f in plan.foreign) == [
        ("edited-output", "out/a"),
        ("edited-output", "out/b"),
    ]
    forced = Tree(tmp_path, "out").plan(wanted({"a": "new"}), force=True)
    assert (forced.change, forced.remove, forced.foreign) == (["a"], ["b"], [])


def test_an_edit_that_comes_to_what_we_want_is_fine(tmp_path: Path) -> None:
    written(tmp_path, {"a": "1"})
    (tmp_path / "a").write_text("2")
    plan = Tree(tmp_path, "out").plan(wanted({"a": "2"}))
    assert plan.same == ["a"]


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: p.symlink_to("/etc/passwd")])
def test_directories_and_links_in_the_way(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "a")
    plan = Tree(tmp_path, "out").plan(wanted({"a": "1"}))
    assert [f.code for f in plan.foreign] == ["foreign-output"]


def test_a_file_where_a_directory_is_to_be(tmp_path: Path) -> None:
    (tmp_path / "d").write_text("x")
    plan = Tree(tmp_path, "out").plan(wanted({"d/a": "1"}))
    assert [f.origin.file for f in plan.foreign if f.origin] == ["out/d"]


def test_a_directory_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/d").symlink_to(tmp_path / "elsewhere")
    plan = Tree(tmp_path / "out", "out").plan(wanted({"d/a": "1"}))
    assert plan.foreign
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_list_that_names_files_outside_is_not_believed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    out = tmp_path / "out"
    written(out, {"a": "1"})
    digest = Wanted.of(b"x").digest
    with (out / MANIFEST).open("a") as file:
        file.write(f"{digest}  ../outside\n{digest}  {outside}\n")
    written(out, {"a": "1"})
    assert outside.read_text() == "x"


def test_a_list_with_conflict_marks_is_read(tmp_path: Path) -> None:
    written(tmp_path, {"a": "1", "b": "1"})
    text = (tmp_path / MANIFEST).read_text()
    other = text.replace(Wanted.of(b"1").digest, Wanted.of(b"2").digest)
    (tmp_path / MANIFEST).write_text(f"<<<<<<< ours\n{text}=======\n{other}>>>>>>> theirs\n")
    (tmp_path / "b").write_text("2")
    written(tmp_path, {"a": "3", "b": "3"})
    assert contents(tmp_path) == {"a": "3", "b": "3"}


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, {"a": "old", "b": "old"})
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        if bytes(data).startswith(b"second"):
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(PantherError, match="no space left"):
        written(tmp_path, {"a": "first", "b": "second"})
    assert contents(tmp_path) == {"a": "old", "b": "old"}


_VICTIM = """
import sys
from pathlib import Path
from pantheros.synth.tree import Tree, Wanted
n = 0
while True:
    n += 1
    files = {f"d{i % 7}/f{i}": Wanted.of(f"{n} {i}".encode() * 50) for i in range(60 + n % 9)}
    tree = Tree(Path(sys.argv[1]), "out")
    tree.apply(tree.plan(files), files)
    if n == 1:
        print("ready", flush=True)
"""


@pytest.mark.parametrize("attempt", range(6))
def test_after_a_kill_the_next_build_finishes(tmp_path: Path, attempt: int) -> None:
    """Killed at some moment, every file is whole and known, and the next build needs no force."""
    victim = subprocess.Popen([sys.executable, "-c", _VICTIM, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    assert victim.stdout.readline() == "ready\n"
    time.sleep(0.013 + attempt * 0.0171)
    victim.send_signal(signal.SIGKILL)
    victim.wait(timeout=10)
    for path, text in contents(tmp_path).items():
        if not path.startswith(".pantheros"):
            number = text.split()[0]
            assert text == f"{number} {path.partition('f')[2]}" * 50
    files = wanted({"a": "1", "d1/f1": "2"})
    tree = Tree(tmp_path, "out")
    plan = tree.plan(files)
    assert not plan.foreign
    tree.apply(plan, files)
    assert contents(tmp_path) == {"a": "1", "d1/f1": "2"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PantherError, match="permission denied"):
        written(tmp_path, {"a": "1"})


def test_a_partial_build_leaves_the_rest(tmp_path: Path) -> None:
    written(tmp_path, {"a": "1", "b": "1"})
    tree = Tree(tmp_path, "out")
    tree.apply(tree.plan(wanted({"a": "2"}), partial=True), wanted({"a": "2"}))
    assert contents(tmp_path) == {"a": "2", "b": "1"}
    assert Tree(tmp_path, "out").manifest.keys() == {"a", "b"}
