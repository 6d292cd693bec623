"""What is read of two repositories, against what was counted by hand."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pantheros.insight.survey import Survey, survey

HERE = Path(__file__).parent
COUNTS = tomllib.loads((HERE / "counts.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=["plain", "fleet"])
def both(request: pytest.FixtureRequest) -> tuple[Survey, dict[str, Any]]:
    return survey(HERE / request.param), COUNTS[request.param]


Both = tuple[Survey, dict[str, Any]]


def test_modules(both: Both) -> None:
    found, counted = both
    modules = found.repository.modules
    assert len(modules) == counted["modules"]["total"]
    layers = Counter(module.layer for module in modules)
    assert {layer: layers[layer] for layer in counted["modules"]["by_layer"]} == counted["modules"]["by_layer"]
    assert Counter(module.category or "-" for module in modules) == counted["modules"]["by_category"]


def test_modules_that_nothing_refers_to(both: Both) -> None:
    found, counted = both
    assert found.repository.unused == counted["modules"]["unused"]["by_nothing"]


def test_files_that_nix_could_not_read(both: Both) -> None:
    found, counted = both
    assert list(found.repository.broken) == sorted(each["path"] for each in counted.get("broken", ()))


def test_options(both: Both) -> None:
    found, counted = both
    declared = {
        module.path: sorted(option.path for option in module.facts.options)
        for module in found.repository.modules
        if module.facts.options
    }
    assert declared == {path: sorted(options) for path, options in counted["options"].items()}


def test_hosts(both: Both) -> None:
    found, counted = both
    told = [
        {
            "name": host.name,
            "path": host.directory,
            "output": host.output,
            "kind": host.kind,
            "in_flake": host.in_flake,
            **{part: part in host.has for part in ("hardware", "disks", "users", "home")},
        }
        for host in found.hosts
    ]
    assert told == counted["hosts"]


def test_the_flake(both: Both) -> None:
    found, counted = both
    assert sorted(each.name for each in found.flake.inputs) == counted["flake"]["inputs"]
    assert sorted(each.name for each in found.flake.outputs) == counted["flake"]["outputs"]


def test_other_files(both: Both) -> None:
    found, counted = both
    files, repository = counted["files"], found.repository
    assert len(repository.docs) == files["docs"]
    assert list(repository.tests) == files["tests"]
    assert list(repository.ci) == files["ci"]
    assert list(repository.scripts) == files["scripts"]


def test_changes(both: Both) -> None:
    found, counted = both
    told = [
        {"name": each.name, "status": each.status, "done": each.done, "total": each.total} for each in found.changes
    ]
    wanted = [{key: each[key] for key in ("name", "status", "done", "total")} for each in counted["changes"]]
    assert told == wanted
    assert list(found.archived) == counted["openspec"]["archived"]
    assert list(found.specs) == counted["openspec"]["specs"]


def test_secrets(both: Both) -> None:
    found, counted = both
    assert list(found.secrets) == counted["secrets"]["referenced"]
