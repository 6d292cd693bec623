"""`panther schema`: editors judge the fleet's files as pantherOS does."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli

Panther = Callable[..., Any]
REFERENCE = Path(__file__).parents[2] / "examples" / "pantheros"


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    from pantheros.synth.library import Library  # noqa: PLC0415
    from pantheros.synth.schema import fleet_schema, host_schema  # noqa: PLC0415

    library = Library()
    return {"fleet": fleet_schema(library), "host": host_schema(library)}


def test_both_or_one(panther: Panther, schemas: dict[str, Any]) -> None:
    assert panther("schema").json == schemas
    assert panther("schema", "host").json == schemas["host"]
    assert panther("schema", "fleet", "--json").json == schemas["fleet"]
    assert panther("schema", "disk").status == 2


def test_into_files(panther: Panther, schemas: dict[str, Any], tmp_path: Path) -> None:
    answer = panther("schema", "--out", tmp_path / "new")
    assert answer.status == 0
    for name, schema in schemas.items():
        file = tmp_path / "new" / f"{name}.schema.json"
        assert f"wrote {file}\n" in answer.out
        assert json.loads(file.read_text()) == schema
    (tmp_path / "file").write_text("")
    assert panther("schema", "--out", tmp_path / "file").status == 2


def test_with_a_fleets_own_modules(panther: Panther, write: Callable[[dict[str, str]], Path]) -> None:
    module = "from pantheros.module import ModuleOptions\n\n\nclass Options(ModuleOptions):\n    size: int = 3\n"
    root = write({"modules/own.py": module})
    assert "own" in panther("schema", "host", root).json["$defs"]["pantherOS"]["properties"]
    (root / "modules/own.py").write_text("x =\n")
    broken = panther("schema", "host", root)
    assert broken.status in (1, 2)
    assert "modules/own.py:1:4" in broken.err


@pytest.mark.parametrize("name", ["fleet", "host"])
def test_they_are_schemas(schemas: dict[str, Any], name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schemas[name])


def wrong(schema: Any, data: Any) -> list[str]:
    return [error.json_path for error in jsonschema.Draft202012Validator(schema).iter_errors(data)]


def test_the_reference_fleet_is_right(schemas: dict[str, Any]) -> None:
    assert wrong(schemas["fleet"], tomli.loads((REFERENCE / "fleet.toml").read_text())) == []
    files = sorted(REFERENCE.glob("hosts/**/host.toml"))
    assert files
    for file in files:
        assert wrong(schemas["host"], tomli.loads(file.read_text())) == [], file


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("release", "26.5"),
        ("relase", "26.05"),
        ("outputs", ["colmenna"]),
        ("people.ada.shel", "zsh"),
        ("people.ada.keys", "ssh-ed25519 AAAA"),
        ("people.ada.nixos", {}),
        ("secrets.x", "vault/item"),
        ("secrets.x", {"owner": "root"}),
        ("defaults.pantherOS.system.timezone", "UTC"),
        ("defaults.pantherOS.development.gti", {"enable": True}),
        ("profiles.laptop.include", "base"),
        ("profiles.laptop.force.pantheros", {}),
    ],
)
def test_mistakes_in_a_fleets_file(schemas: dict[str, Any], path: str, value: Any) -> None:
    data = tomli.loads((REFERENCE / "fleet.toml").read_text())
    assert wrong(schemas["fleet"], put(data, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("kind", "phone"),
        ("stage", "prod"),
        ("profiles", "laptop"),
        ("people", "ada"),
        ("people", {"ada": {"shell": "zsh"}}),
        ("adress", "x"),
        ("imports", [1]),
        ("pantherOS.boot.kernell", "latest"),
        ("pantherOS.boot.loader", "lilo"),
        ("pantherOS.boot.quiet", "yes"),
        ("pantherOS.filesystems.disks.swap.size", 16),
        ("default.pantherOS.nope", {}),
    ],
)
def test_mistakes_in_a_hosts_file(schemas: dict[str, Any], path: str, value: Any) -> None:
    data = tomli.loads((REFERENCE / "hosts/yoga/host.toml").read_text())
    assert wrong(schemas["host"], put(data, path, value))


def put(data: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed: Any = copy.deepcopy(data)
    below = changed
    *names, last = path.split(".")
    for name in names:
        below = below.setdefault(name, {})
    below[last] = value
    return changed  # type: ignore[no-any-return]


def test_a_fleet_may_be_named_alone(panther: Panther, reference: Path) -> None:
    assert set(panther("schema", reference).json) == {"fleet", "host"}
    assert panther("schema", "hosts").status == 2
