"""What we answer about a tree of OpenSpec's, and what archiving makes of it, is what the reference says and does."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.specs.comparing import (
    ANSWERS,
    TREES,
    Tree,
    changed,
    comparable,
    ours,
    read,
    record,
    undated,
    without_day,
    write,
)
from tests.specs.generated import tree

KNOWN: dict[str, Tree] = json.loads(TREES.read_text(encoding="utf-8"))
ANSWERED = json.loads(gzip.decompress(ANSWERS.read_bytes()))
REFUSED_BEFOREHAND = {"specs-link-delta", "utf16", "latin1", "r43-latin1", "mod-main-unparsable"}
"""Trees that are not archived here: what `docs/specs.md` says differs."""
PACKAGE = Path(os.environ.get("OPENSPEC_PACKAGE") or "/usr/local/lib/node_modules/@fission-ai/openspec")
"""Where the reference is installed, if it is."""


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("TZ", "UTC")


def differences(name: str, files: Tree, answers: dict[str, Any], directory: Path) -> list[str]:
    found = []
    top = directory / "asked"
    write(files, top)
    for number, (command, answer) in enumerate(answers.items()):
        argv = shlex.split(command)
        archives = argv[0] == "archive"
        where = directory / str(number) if archives else top
        if archives:
            write(files, where)
        status, told = ours(where, argv)
        in_the_way = any(each["level"] == "ERROR" for each in (told or {}).get("process", ()))
        here = {
            # What only we look at has its part in the status, too: then the items have to agree, and no more.
            "exit": answer["exit"] if in_the_way and status == 1 else status,
            "answer": undated(comparable(told, where)),
            **({"tree": changed(files, without_day(read(where)))} if archives else {}),
        }
        if here != answer and not (name in REFUSED_BEFOREHAND and archives):
            found.append(f"{name}: {command}\n  ours:   {json.dumps(here)}\n  theirs: {json.dumps(answer)}")
    return found


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_the_answers_are_the_reference_s(name: str, tmp_path: Path) -> None:
    assert not differences(name, KNOWN[name], ANSWERED[name], tmp_path)


def test_the_corpus_is_what_it_should_be() -> None:
    assert KNOWN.keys() == ANSWERED.keys()
    assert len(KNOWN) > 200
    archived = [each for answers in ANSWERED.values() for command, each in answers.items() if command[:7] == "archive"]
    assert sum(each["exit"] == 0 for each in archived) > 80
    assert sum(each["exit"] == 1 for each in archived) > 80


@pytest.mark.skipif(not (PACKAGE.is_dir() and shutil.which("node")), reason="the reference is not installed")
@pytest.mark.parametrize("seed", range(8))
def test_generated_trees(seed: int, tmp_path: Path) -> None:
    trees = {f"{number}": tree(number) for number in range(seed * 12, seed * 12 + 12)}
    answers = record(PACKAGE, trees)
    found: list[str] = []
    for name, files in trees.items():
        found += differences(name, files, answers[name], tmp_path / name)
    assert not found, "\n".join(found[:3])
