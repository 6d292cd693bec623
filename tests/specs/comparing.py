"""Trees, what the reference answers to commands in them, and what we do.

`trees.json` holds small trees, most with one peculiarity; `answers.json.gz` holds what `@fission-ai/openspec` 1.13.2
answers, recorded by `python -m tests.specs.comparing PACKAGE`, where PACKAGE is the directory it is installed in.
Wording, times and paths are left out of the comparison: what counts are items, verdicts, levels and places of problems,
numbers, and every byte of what archiving leaves behind.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from pantheros.cli.app import run
from pantheros.findings import PantherError
from pantheros.specs.tree import change_names, root_of, spec_files

HERE = Path(__file__).parent
TREES = HERE / "trees.json"
ANSWERS = HERE / "answers.json.gz"
DRIVER = HERE / "reference.mjs"
Tree = dict[str, Any]
"""Files by path: a text, `{"base64": ...}` for bytes, `{"link": ...}`; None for an empty directory."""
_WORDING = {"message", "fix", "nextSteps", "constraints", "durationMs", "lastModified", "warnings"}
_OUR_OWN = {"process", "duties"}


def write(tree: Tree, directory: Path) -> None:
    (directory / "openspec" / "changes").mkdir(parents=True, exist_ok=True)
    for name, content in tree.items():
        path = directory / name
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_bytes(content.encode())
        elif "link" in content:
            path.symlink_to(content["link"])
        else:
            path.write_bytes(base64.b64decode(content["base64"]))
    # What was written last is listed first: that is not to depend on the clock.
    for path in [*directory.rglob("*"), directory]:
        os.utime(path, (1_700_000_000, 1_700_000_000), follow_symlinks=False)


def read(directory: Path) -> Tree:
    """What a directory holds now."""
    found: Tree = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if path.is_symlink():
            found[name] = {"link": os.readlink(path)}
        elif path.is_file():
            content = path.read_bytes()
            try:
                found[name] = content.decode()
            except UnicodeDecodeError:
                found[name] = {"base64": base64.b64encode(content).decode()}
    return found


def commands(directory: Path) -> Iterator[list[str]]:
    """What is asked about a tree, before anything of it is archived."""
    root = root_of(directory)
    changes = change_names(root)
    try:
        specs = list(spec_files(root.specs))
    except PantherError:
        specs = []
    yield from ([*words, "--json"] for words in (["list"], ["list", "--specs"], ["list", "--sort", "name"]))
    yield from ([*words, "--json"] for words in (["status", "--all"], ["validate", "--all"]))
    yield from ([*words, "--json"] for words in (["validate", "--all", "--strict"], ["validate", "--archived"]))
    for name in [*changes, *specs]:
        yield ["show", name, "--json"]
        yield ["validate", name, "--json"]
    for name in specs[:2]:
        yield ["show", name, "--requirements", "--json"]
    yield ["validate", "nowhere", "--json"]
    yield ["validate", "nowhere", "--type", "change", "--json"]
    yield ["validate", "nowhere", "--type", "spec", "--json"]


def archivings(directory: Path) -> list[list[str]]:
    """What is archived, each in a tree of its own."""
    names = change_names(root_of(directory), hidden=True)
    found = [["archive", name, *flags, "--json"] for name in names for flags in (["--yes"], [])]
    return found + [["archive", name, "--yes", "--no-validate", "--json"] for name in names[:1]]


def comparable(answer: Any, directory: Path) -> Any:
    """An answer without its wording and without what differs from run to run."""
    if isinstance(answer, dict):
        kept = {key: comparable(value, directory) for key, value in answer.items() if key not in _WORDING | _OUR_OWN}
        if "warnings" in answer and "archivedAs" in answer:
            kept["warnings"] = len(answer["warnings"])
        return kept
    if isinstance(answer, list):
        return [comparable(each, directory) for each in answer]
    return answer.replace(str(directory.resolve()), "") if isinstance(answer, str) else answer


def ours(directory: Path, argv: list[str]) -> tuple[int, Any]:
    """Our answer: exit status and JSON."""
    before, out = Path.cwd(), io.StringIO()
    os.chdir(directory)
    try:
        with redirect_stdout(out), redirect_stderr(io.StringIO()):
            status = run(["spec", *argv])
    finally:
        os.chdir(before)
    return status, json.loads(out.getvalue()) if out.getvalue() else None


def theirs(package: Path, asked: Iterable[tuple[Path, list[str]]]) -> list[tuple[int, Any]]:
    """The reference's answers."""
    lines = "".join(json.dumps({"cwd": str(cwd), "argv": argv}) + "\n" for cwd, argv in asked)
    environment = {**os.environ, "TZ": "UTC"}
    answer = subprocess.run(
        ["node", str(DRIVER), str(package)], input=lines, capture_output=True, text=True, check=True, env=environment
    )
    return [(each["exit"], each["json"]) for each in map(json.loads, answer.stdout.splitlines())]


def without_day(tree: Tree) -> Tree:
    """What archiving has left, whatever day it was; the lock may stay behind."""
    found = {}
    for name, content in tree.items():
        parts = name.split("/")
        if parts[:3] == ["openspec", "changes", "archive"] and len(parts) > 3 and parts[3][:4].isdigit():
            parts[3] = f"DAY-{parts[3][11:]}"
        if not parts[-1].startswith(".openspec-archive"):
            found["/".join(parts)] = content
    return found


def record(package: Path, trees: dict[str, Tree]) -> dict[str, Any]:
    """What the reference answers in each tree, and what it makes of it."""
    with tempfile.TemporaryDirectory() as directory:
        asked: list[tuple[str, Path, list[str], bool]] = []
        for name, tree in trees.items():
            top = Path(directory).resolve() / name
            write(tree, top / "asked")
            asked += [(name, top / "asked", argv, False) for argv in commands(top / "asked")]
            for number, argv in enumerate(archivings(top / "asked")):
                write(tree, top / str(number))
                asked.append((name, top / str(number), argv, True))
        answers: dict[str, Any] = {name: {} for name in trees}
        told = theirs(package, [(cwd, argv) for _, cwd, argv, _ in asked])
        for (name, cwd, argv, archives), (status, answer) in zip(asked, told, strict=True):
            answers[name][shlex.join(argv)] = {
                "exit": status,
                "answer": undated(comparable(answer, cwd)),
                **({"tree": changed(trees[name], without_day(read(cwd)))} if archives else {}),
            }
    return answers


def undated(answer: Any) -> Any:
    """An archive's answer, whatever day it was."""
    archived = answer.get("archive") if isinstance(answer, dict) else None
    if archived:
        day = archived["archivedAs"][:10] if not archived["change"][:4].isdigit() else ""
        for key in ("archivedAs", "path"):
            archived[key] = archived[key].replace(day, "DAY") if day else archived[key]
    return answer


def changed(before: Tree, after: Tree) -> Tree:
    """What of a tree is other than before; null for what is not there any more."""
    known = {name: content for name, content in before.items() if content is not None}
    return {name: after.get(name) for name in sorted({*known, *after}) if known.get(name) != after.get(name)}


if __name__ == "__main__":
    found = record(Path(sys.argv[1]), json.loads(TREES.read_text(encoding="utf-8")))
    text = json.dumps(found, ensure_ascii=False, sort_keys=True) + "\n"
    ANSWERS.write_bytes(gzip.compress(text.encode(), mtime=0))
