"""Fleets for tests: written to a directory, worked out, and looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pantheros.findings import Finding
from pantheros.nix.values import join_path
from pantheros.releases.release import Release
from pantheros.synth.build import Model

FLEET = """\
name = "test"
release = "26.05"

[people.ada]
name = "Ada Example"
email = "ada@example.org"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ4U ada"]
admin = true

[defaults.nixos.fileSystems."/"]
device = "/dev/disk/by-label/nixos"
"""


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever runs the tests may have fetched lists of options: they are not what is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


class FleetUnderTest:
    """A fleet in a directory: `nixos(host)` and `home(host, person)` are settings by dotted path."""

    def __init__(self, root: Path, release: str | None = None) -> None:
        self.root = root
        self.model = Model.of(root, Release.parse(release) if release else None)
        self.findings: list[Finding] = list(self.model.declared.findings)
        self._expansions: dict[str, Any] = {}

    def expansions(self, host: str) -> Any:
        if host not in self._expansions:
            found, findings = self.model.expand(self.model.resolver.host(host))
            self._expansions[host] = found
            self.findings += findings
        return self._expansions[host]

    def nixos(self, host: str = "box", module: str | None = None) -> dict[str, Any]:
        return {
            join_path(setting.path): setting.value
            for expansion in self.expansions(host)
            if module in (None, expansion.module.name)
            for setting in expansion.nixos
        }

    def home(self, host: str = "box", person: str = "ada", module: str | None = None) -> dict[str, Any]:
        return {
            join_path(setting.path): setting.value
            for expansion in self.expansions(host)
            if module in (None, expansion.module.name)
            for setting in expansion.home.get(person, [])
        }

    def codes(self, host: str = "box") -> list[str]:
        """Codes of all findings of a host, after it has been expanded."""
        self.expansions(host)
        return [finding.code for finding in self.findings]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Write files, by their path, into a fresh directory; there is a `fleet.toml` in any case."""

    def write(files: dict[str, str]) -> Path:
        for name, text in {"fleet.toml": FLEET, **files}.items():
            path = tmp_path / "fleet" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "fleet"

    return write


@pytest.fixture
def fleet(write: Callable[[dict[str, str]], Path]) -> Callable[..., FleetUnderTest]:
    """A fleet with the given files; or, given one text, with that as the host `box`, whose person is ada."""

    def fleet(files: dict[str, str] | str, *, release: str | None = None) -> FleetUnderTest:
        if isinstance(files, str):
            files = {"hosts/box/host.toml": 'people = ["ada"]\n' + files}
        return FleetUnderTest(write(files), release)

    return fleet
