"""What a repository may be expected to have: the built-in model, and what a repository's own file changes of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from datetime import date
from pathlib import Path

import networkx as nx
import pytest

from pantheros.__main__ import run
from pantheros.insight.capabilities import Model, dependencies, read_model
from pantheros.insight.gaps import Gap
from pantheros.insight.proposals import recommend
from pantheros.insight.propose import propose
from pantheros.nix.values import split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release
from pantheros.specs.kinds import KINDS
from pantheros.specs.tree import Root

RELEASES = [Index.packaged(Release(name)) for name in ("24.11", "25.05", "25.11", "26.05")]
PACKAGE = Path(os.environ.get("OPENSPEC_PACKAGE") or "/usr/local/lib/node_modules/@fission-ai/openspec")
"""Where the reference is installed, if it is."""
THIRD_PARTY = (
    *("age", "catppuccin", "colorScheme", "preservation", "sops", "stylix"),
    *("boot.lanzaboote", "virtualisation.quadlet", "deployment.targetHost", "services.comin", "services.vscode-server"),
    *("programs.dank-material-shell", "programs.dankMaterialShell", "programs.matugen", "programs.niri"),
    *("programs.nixvim", "programs.nvf", "programs.plasma", "programs.zen-browser"),
)
"""Options that neither NixOS nor home-manager has: flakes bring them."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    found, findings = read_model(tmp_path_factory.mktemp("empty"))
    assert findings == []
    return found


def nothing_there(model: Model) -> list[Gap]:
    return [Gap(each, "missing", ()) for each in model.capabilities.values()]


# The built-in model -------------------------------------------------------------------------------------------------


def test_what_names_something_names_what_is_there(model: Model) -> None:
    for each in model.capabilities.values():
        assert each.area in model.areas
        assert set(each.depends_on) <= model.capabilities.keys()
    for template in model.templates.values():
        assert template.kind in KINDS
        assert template.estimate > 0
    assert {each.area for each in model.capabilities.values()} == model.areas.keys()


def test_no_capability_waits_for_itself(model: Model) -> None:
    assert nx.is_directed_acyclic_graph(dependencies(model))


def test_every_capability_lies_in_one_proposal(model: Model) -> None:
    count = Counter(each for template in model.templates.values() for each in template.capabilities)
    assert count == dict.fromkeys(model.capabilities, 1)


def test_every_capability_can_be_seen_and_added(model: Model) -> None:
    for each in model.capabilities.values():
        shown = (each.settings, each.packages, each.files, each.outputs, each.calls, each.measure, each.words)
        assert any(shown), each.id
        assert each.scope and re.search(r" (SHALL|MUST)( NOT)? ", each.requirement) and each.scenario is not None, (
            each.id
        )


def test_every_setting_is_an_option(model: Model) -> None:
    unknown = set()
    for each in model.capabilities.values():
        for pattern in each.settings:
            path = tuple("x" if part == "*" else part for part in split_path(pattern.partition("=")[0]))
            kinds = {index.status(scope, path).kind for index in RELEASES for scope in ("nixos", "home")}
            if not kinds & {"known", "group", "renamed"}:
                unknown.add(pattern)
    assert not [name for name in unknown if not f"{name}.".startswith(tuple(f"{prefix}." for prefix in THIRD_PARTY))]


def test_every_package_is_in_nixpkgs(model: Model) -> None:
    names = {name for each in model.capabilities.values() for name in each.packages}
    assert not [name for name in names if not any(index.package(name).kind == "known" for index in RELEASES)]


def test_proposals_of_everything_are_changes_that_validate(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recommended = recommend(model, nothing_there(model), ())
    assert {each.id for each in recommended.proposals} == model.templates.keys()
    (tmp_path / "openspec" / "changes").mkdir(parents=True)
    (tmp_path / "openspec" / "specs").mkdir()
    propose(Root(tmp_path), recommended.proposals, date(2026, 2, 1))
    monkeypatch.chdir(tmp_path)
    assert run(["spec", "validate", "--all", "--strict"]) == 0, capsys.readouterr().out
    if PACKAGE.is_dir() and shutil.which("node"):
        command = ["node", str(PACKAGE / "bin" / "openspec.js"), "validate", "--all", "--strict"]
        told = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, text=True)
        assert told.returncode == 0, told.stdout


# A repository's own -------------------------------------------------------------------------------------------------

OWN = """\
[[area]]
id = "house"
title = "House"

[[capability]]
id = "house.bell"
title = "Bell"
why = "Nobody hears it."
priority = "low"
"""


def read(directory: Path, text: str) -> tuple[Model, list[tuple[int, str]]]:
    (directory / "capabilities.toml").write_text(text, encoding="utf-8")
    found, findings = read_model(directory)
    return found, [(finding.origin.line if finding.origin else 0, finding.message) for finding in findings]


def test_an_addition(tmp_path: Path) -> None:
    found, wrong = read(tmp_path, OWN)
    assert wrong == []
    assert found.capabilities["house.bell"].priority == "low"
    assert found.areas["house"].title == "House"


def test_an_override_changes_what_it_names_and_no_more(model: Model, tmp_path: Path) -> None:
    found, wrong = read(tmp_path, '[[capability]]\nid = "backup.jobs"\npriority = "low"\nwanted = false\n')
    assert wrong == []
    before, now = model.capabilities["backup.jobs"], found.capabilities["backup.jobs"]
    assert (now.priority, now.wanted, now.title, now.settings) == ("low", False, before.title, before.settings)
    assert {id: each for id, each in found.capabilities.items() if id != "backup.jobs"} == {
        id: each for id, each in model.capabilities.items() if id != "backup.jobs"
    }


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[[capabilty]]\nid = "x.y"\n', 1, "capabilty"),
        ('[capability]\nid = "x.y"\n', 1, "no list"),
        ('[[capability]]\ntitle = "x"\n', 1, "no `id`"),
        ('[[capability]]\nid = "backup.jobs"\npriority = "urgent"\n', 3, "urgent"),
        ('[[capability]]\nid = "backup.jobs"\npriorty = "low"\n', 3, "priorty"),
        ('[[capability]]\nid = "backup.jobs"\nsettings = "a.b"\n', 3, "settings"),
        ('[[capability]]\nid = "backup.jobs"\ndepends_on = ["backup.nothing"]\n', 3, "backup.nothing"),
        ('[[capability]]\nid = "system.boot"\ndepends_on = ["system.boot"]\n', 3, "wait for each other"),
        (f'{OWN}wanted = "no"\n', 10, "wanted"),
        (OWN.replace('"house.bell"', '"flat.bell"'), 6, "flat"),
        (OWN.replace('why = "Nobody hears it."\n', ""), 5, "why"),
        ('[[proposal]]\nid = "private-network"\ncapabilities = ["networking.no"]\n', 3, "networking.no"),
        ("x = [\n", 1, ""),
    ],
)
def test_a_mistake_is_told_at_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    found, wrong = read(tmp_path, text)
    assert found.capabilities
    assert [(at, words in message) for at, message in wrong[:1]] == [(line, True)], wrong


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "capabilities.toml").write_bytes(b"\xff\xfe")
    found, findings = read_model(tmp_path)
    assert found.capabilities and findings
