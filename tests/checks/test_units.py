"""What NixOS takes in sections of systemd's units."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pantheros.checks.run import check
from pantheros.releases.index import unit_sections
from pantheros.releases.release import Release

NETWORK = "systemd.network.networks.lan"


@pytest.mark.parametrize(
    ("text", "code", "name"),
    [
        ('systemd.services.a.serviceConfig.Restart = "allways"', "not-one-of", "serviceConfig.Restart"),
        ('systemd.services.a.serviceConfig.Type = ["oneshot"]', "not-one-of", "serviceConfig.Type"),
        (f'{NETWORK}.networkConfig.DCHP = "yes"', "unknown-setting", "networkConfig.DCHP"),
        (f'{NETWORK}.networkConfig.DHCP = "ipv7"', "not-one-of", "networkConfig.DHCP"),
        (f'{NETWORK}.networkConfig.IPv6HopLimit = "64"', "wrong-type", "networkConfig.IPv6HopLimit"),
        (f'{NETWORK}.routes = [{{ Gaetway = "10.0.0.1" }}]', "unknown-setting", "routes[0].Gaetway"),
        (f'{NETWORK}.routes = [{{ routeConfig.Scope = "x" }}]', "not-one-of", "routes[0].routeConfig.Scope"),
    ],
)
def test_what_is_refused(write: Callable[[dict[str, str]], Path], text: str, code: str, name: str) -> None:
    root = write({"hosts/box/host.toml": f"[nixos]\n{text}\n"})
    errors = [finding for finding in check(root, Release.parse("24.11")).findings if finding.severity == "error"]
    (finding,) = [finding for finding in errors if finding.code == code]
    assert f"{name}`" in finding.message
    assert finding.origin is not None
    assert (finding.origin.file, finding.origin.line) == ("hosts/box/host.toml", 2)
    assert check(root, Release.parse("26.05")).findings.count(finding) == 0  # later ones take more


@pytest.mark.parametrize(
    "text",
    [
        'systemd.services.a.serviceConfig = { Restart = "always", RestartSec = 5, Type = "simple", Any = 1 }',
        f'{NETWORK}.networkConfig = {{ DHCP = true, IPv6AcceptRA = "no", VLAN = ["a", "b"] }}',
        f'{NETWORK}.routes = [{{ Gateway = "10.0.0.1", Metric = 5 }}, {{ routeConfig.Gateway = "10.0.0.2" }}]',
        f'{NETWORK}.matchConfig.Name = "en*"',
    ],
)
def test_what_is_taken(write: Callable[[dict[str, str]], Path], text: str) -> None:
    root = write({"hosts/box/host.toml": f"[nixos]\n{text}\n"})
    found = check(root, Release.parse("24.11")).findings
    assert [each for each in found if "systemd" in each.message and each.severity == "error"] == []


def test_the_list_is_whole() -> None:
    sections = unit_sections()
    assert len(sections) > 60
    assert "Gateway" in sections["systemd.network.networks.<name>.routes"].fields
