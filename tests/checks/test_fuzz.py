"""No input reaches a traceback: random settings, of real names and made-up ones, with values of every kind."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pantheros.checks import formats
from pantheros.checks.fixes import edits
from pantheros.checks.run import check
from pantheros.checks.verdict import judged
from pantheros.cli.output import finding_json
from pantheros.nix.writer import Writer
from pantheros.releases.index import Index
from pantheros.releases.release import Release

INDEX = Index.of(Release.parse("24.11"))
TOPS = ["services", "networking", "users", "boot", "disko", "systemd", "fileSystems", "nixpkgs", "home-manager", "x"]


def _name(above: tuple[str, ...]) -> st.SearchStrategy[str]:
    known = INDEX.members("nixos", above)
    own = st.sampled_from(["a", "enable", "type", "content", "0", "a b", "settings", "device", "partitions"])
    return st.sampled_from(known) | own if known else own


@st.composite
def paths(draw: st.DrawFn) -> tuple[str, ...]:
    path: tuple[str, ...] = (draw(st.sampled_from(TOPS)),)
    for _ in range(draw(st.integers(1, 5))):
        path = (*path, draw(_name(path)))
    return path


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
    | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12)
    | st.sampled_from(["true", "80", "gpt", "luks", "/dev/sda", "password", "ghp_" + "a" * 30])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "type", "content", "enable", "x y"]), inner, max_size=3)
    ),
    max_leaves=5,
)
FLEET = 'release = "24.11"\n[people.ada]\n[defaults.pantherOS.filesystems.disks]\nenable = true\n'


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(paths(), values), min_size=1, max_size=6), st.sampled_from(["nixos", "home"]))
def test_any_settings_are_judged(wanted: list[tuple[tuple[str, ...], Any]], root: str) -> None:
    tree: dict[str, Any] = {}
    for path, value in wanted:
        below = tree
        for name in path[:-1]:
            if not isinstance(below.get(name), dict):
                below[name] = {}
            below = below[name]
        below[path[-1]] = value
    with tempfile.TemporaryDirectory() as directory:
        fleet = Path(directory)
        (fleet / "fleet.toml").write_text(FLEET, encoding="utf-8")
        (fleet / "hosts/box").mkdir(parents=True)
        body = Writer().value({"kind": "server", "people": ["ada"], root: tree})
        (fleet / "hosts/box/host.nix").write_text(body, encoding="utf-8")
        checked = check(fleet)
        found = judged(checked.model.declared, checked.findings, date(2026, 11, 1)).findings
        edits(fleet, found)
    assert [finding for finding in found if finding.code == "broken-module"] == []
    assert all(finding_json(finding)["message"] for finding in found)
    formats.sarif(found, "x")
    formats.github(found, "x")
    formats.junit(found, ["box"], "x")
