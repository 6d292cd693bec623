"""Every code has its page, and the page's example has the finding that it explains."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

import pantheros
from pantheros.checks.pages import Page, codes, directory, index_page, page
from pantheros.checks.run import check
from pantheros.checks.verdict import judged
from pantheros.cli.fleet import support_ended

FLEET = """\
name = "example"
release = "26.05"

[people.ada]
name = "Ada Example"
email = "ada@example.org"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ4U ada"]
admin = true

[defaults.pantherOS.system]
stateVersion = "26.05"
"""
HOST = 'kind = "server"\npeople = ["ada"]\n'
NOT_OF_A_FLEET = {
    "duplicate-host": "it takes a file too many",
    "duplicate-module": "it takes a file too many",
    "misplaced-host": "it takes a file too many",
    "two-host-files": "it takes a file too many",
    "nix-error": "it takes Nix",
    "nix-warning": "it takes Nix",
    "broken-module": "it takes a module of the fleet that is broken",
    "edited-output": "`panther build` finds it in the written tree",
    "foreign-output": "`panther build` finds it in the written tree",
    "link-cycle": "Markdown cannot hold a link",
    "link-not-followed": "Markdown cannot hold a link",
    "unreadable-file": "Markdown cannot hold such a file",
    "capability-model": "`panther gaps` finds it in a file of its own",
    "roadmap-file": "`panther roadmap` finds it in a file of its own",
}
MADE_UP = {
    *(f"unknown-{noun}" for noun in ("option", "key", "profile", "person", "secret")),
    *(f"missing-{noun}" for noun in ("option", "key")),
    *("wrong-type", "not-one-of", "out-of-range", "pattern-mismatch", "secret-not-fetched", "port-taken"),
    *("duplicate-address", "duplicate-host-name", "secret-in-store", "ssh-with-passwords", "ssh-as-root"),
    *("nix-error", "nix-warning"),
}
"""Codes that the sources put together."""
PAGES = [found for code in codes() if (found := page(code)) is not None]
SOURCES = Path(pantheros.__file__).parent


def used() -> set[str]:
    """Every code that the sources give a finding."""
    found: set[str] = set(MADE_UP)
    for path in SOURCES.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"(?:Finding|Wrong|view\.finding|_finding|_add)\(\s*\"([a-z][a-z0-9-]+)\"", text))
    return found


def found_in(files: dict[str, str], root: Path) -> list[str]:
    whole = {"fleet.toml": FLEET, **files}
    if not any(name.startswith("hosts/") for name in files):
        whole["hosts/box/host.toml"] = HOST
    for name, text in whole.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    checked = check(root)
    today = date(2026, 11, 1)
    findings = [*support_ended(checked.model.declared, today), *checked.findings]
    return [finding.code for finding in judged(checked.model.declared, findings, today).findings]


@pytest.mark.parametrize("code", sorted(used()))
def test_every_code_has_a_page(code: str) -> None:
    assert page(code) is not None, f"write docs/checks/{code}.md"


@pytest.mark.parametrize("found", PAGES, ids=lambda found: found.code)
def test_the_page_is_whole(found: Page) -> None:
    assert found.text.startswith(f"# {found.code}\n\n")
    assert found.title.endswith(".")
    assert len(found.text.split("\n\n")) > 2, "it says more than its first sentence"
    assert bool(found.example) == (found.code not in NOT_OF_A_FLEET)


@pytest.mark.parametrize("found", [found for found in PAGES if found.example], ids=lambda found: found.code)
def test_the_example_has_the_finding_and_the_mended_one_has_not(found: Page, tmp_path: Path) -> None:
    assert found.code in found_in(found.example, tmp_path / "example")
    assert found.mended, "it shows how to put it right"
    assert found.code not in found_in({**found.example, **found.mended}, tmp_path / "mended")


def test_nothing_else_lies_among_the_pages() -> None:
    others = {path.name for path in directory().iterdir()} - {f"{code}.md" for code in codes()}
    assert others <= {"README.md", "limits.md"}
    assert set(codes()) <= used()


def test_the_list_of_pages_is_current() -> None:
    assert (directory() / "README.md").read_text(encoding="utf-8") == index_page(), "run make docs"
