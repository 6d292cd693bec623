"""What `panther gaps`, `roadmap` and `context` print of two repositories, to the letter.

    PANTHER_GOLDEN=write pytest tests/insight/test_pages.py

writes what they print now; look at what `git diff` then says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pantheros.__main__ import run

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
PAGES = {
    "gaps.txt": ["gaps"],
    "gaps-all.txt": ["gaps", "--all"],
    "gaps.md": ["gaps", "--markdown"],
    "gaps.json": ["gaps", "--json"],
    "gaps-since.txt": ["gaps", "--area", "containers", "--since", "HEAD^"],
    "roadmap.txt": ["roadmap"],
    "roadmap.md": ["roadmap", "--format", "markdown"],
    "roadmap.json": ["roadmap", "--json"],
    "dependencies.svg": ["roadmap", "--format", "svg", "--picture", "dependencies"],
    "schedule.svg": ["roadmap", "--format", "svg", "--picture", "schedule"],
    "services.svg": ["roadmap", "--format", "svg", "--picture", "services"],
    "context.md": ["context"],
    "context.json": ["context", "--json"],
    "context-short.txt": ["context", "--short", "--max", "1500"],
}


def git(directory: Path, *words: str, day: str = "2026-01-05") -> None:
    when = {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"}
    who = ["-c", "user.name=Alice", "-c", "user.email=alice@example.org"]
    environment = {**os.environ, **when, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    subprocess.run(["git", *who, *words], cwd=directory, check=True, capture_output=True, env=environment)


@pytest.fixture(scope="module", params=["plain", "fleet"])
def repository(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a history: its open changes came last."""
    directory = tmp_path_factory.mktemp("repositories") / str(request.param)
    shutil.copytree(HERE / request.param, directory, symlinks=True)
    git(directory, "init", "-q", "-b", "main")
    git(directory, "add", ".", ":(exclude)openspec/changes")
    git(directory, "commit", "-qm", "Begin: Küche & <b>Diele</b>")
    git(directory, "add", ".")
    git(directory, "commit", "-qm", "Propose what comes next", day="2026-01-20")
    return directory


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1769904000")  # 2026-02-01
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_as_it_was(repository: Path, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    command, *options = PAGES[page]
    assert run([command, str(repository), *options]) == 0
    printed = capsys.readouterr().out
    kept = GOLDEN / repository.name / page
    if os.environ.get("PANTHER_GOLDEN") == "write":
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(printed, encoding="utf-8")
    assert printed == kept.read_text(encoding="utf-8")


def test_a_second_look_says_the_same(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is kept of the first look changes no answer."""
    said = []
    for _ in range(2):
        assert run(["gaps", str(repository), "--json"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


def test_pictures_are_xml(repository: Path) -> None:
    for picture in ("dependencies", "schedule", "services"):
        ET.parse(GOLDEN / repository.name / f"{picture}.svg")
