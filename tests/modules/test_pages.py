"""Every module has a page; its options are current, and its examples build for every release."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pantheros.nix.values import join_path
from pantheros.releases.release import Release
from pantheros.synth.build import Model, build
from pantheros.synth.describe import options_of
from pantheros.synth.library import Library
from pantheros.synth.merged import merge
from pantheros.synth.pages import index_page, page_with_options

PAGES = Path(__file__).parents[2] / "docs" / "modules"
MODULES = sorted(Library().modules)
RELEASES = [release.name for release in Release.all()]
_SECTION = re.compile(r"^## (.*?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(r"^### (.*?)\n(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```(?:toml|nix)\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BASE = """\
name = "example"
release = "26.05"

[people.ada]
name = "Ada Example"
email = "ada@example.org"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ4U ada"]
admin = true
"""


@dataclass
class Example:
    module: str
    title: str
    section: str
    files: dict[str, str] = field(default_factory=dict)


def examples() -> Iterator[Example]:
    for page in sorted(PAGES.glob("*.md")):
        sections = dict(_SECTION.findall(page.read_text(encoding="utf-8")))
        for section in ("Examples", "Integration patterns"):
            for title, text in _EXAMPLE.findall(sections.get(section, "")):
                example = Example(page.stem, title, section)
                for file, content in _BLOCK.findall(text):
                    example.files[file] = example.files.get(file, "") + content
                yield example


EXAMPLES = list(examples())


def written(example: Example, directory: Path) -> Path:
    files = {**example.files, "fleet.toml": BASE + "\n" + example.files.get("fleet.toml", "")}
    if len(files) == 1:
        files["hosts/box/host.toml"] = 'kind = "server"\npeople = ["ada"]\n'
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    return directory


@pytest.mark.parametrize("name", MODULES)
def test_the_options_on_the_page_are_current(name: str) -> None:
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    assert page_with_options(text, Library().modules[name]) == text, "run make docs"


def test_the_list_of_modules_is_current() -> None:
    assert (PAGES / "README.md").read_text(encoding="utf-8") == index_page(Library()), "run make docs"


@pytest.mark.parametrize("name", MODULES)
def test_every_option_is_explained(name: str) -> None:
    assert [option.path for option in options_of(Library().modules[name]) if not option.text] == []


@pytest.mark.parametrize("name", MODULES)
def test_there_are_examples(name: str) -> None:
    counts = {
        s: sum(e.module == name and e.section == s for e in EXAMPLES) for s in ("Examples", "Integration patterns")
    }
    if name in ("development.git", "development.containers"):
        assert 10 <= counts["Examples"] <= 15
        assert 5 <= counts["Integration patterns"] <= 8
    else:
        assert counts["Examples"] >= 3


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.module}: {e.title}")
def test_examples_build_for_every_release(example: Example, tmp_path: Path) -> None:
    assert example.files, "an example shows a file"
    root = written(example, tmp_path)
    for release in RELEASES:
        built = build(root, Release.parse(release))
        assert [f for f in built.findings if f.severity == "error"] == [], release
        assert len(built.files) > 1


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.module}: {e.title}")
def test_examples_set_only_what_the_release_has(example: Example, tmp_path: Path) -> None:
    root = written(example, tmp_path)
    for release in RELEASES:
        model = Model.of(root, Release.parse(release))
        assert list(wrong_settings(model)) == []


def wrong_settings(model: Model) -> Iterator[tuple[str, str, str]]:
    """Settings of a fleet that its release does not have, or has under another name."""
    for name in model.declared.hosts:
        host = model.resolver.host(name)
        expansions, _ = model.expand(host)
        system, homes = merge(model.resolver, host, expansions)
        scopes: list[tuple[Any, dict[Any, Any]]] = [("nixos", system), *(("home", home) for home in homes.values())]
        for scope, settings in scopes:
            for path in settings:
                status = model.index.status(scope, path)
                if status.kind not in ("known", "group", "doubtful"):
                    yield model.declared.release.name, join_path(path), f"{status.kind} {status.to or ''}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.module}: {e.title}")
def test_modules_are_pure(example: Example, tmp_path: Path) -> None:
    root = written(example, tmp_path)
    first, second = build(root).files, build(root).files
    assert {path: w.digest for path, w in first.items()} == {path: w.digest for path, w in second.items()}
