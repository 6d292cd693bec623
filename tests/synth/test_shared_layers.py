"""Mistakes in the layers of `fleet.toml` are told whether or not a host uses the layer, and once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pantheros.checks.run import check
from pantheros.findings import Finding
from pantheros.synth.build import build, build_tree

Write = Callable[[dict[str, str]], Path]
ROOT = '[nixos.fileSystems."/"]\ndevice = "/dev/disk/by-label/nixos"\n'
HOST = f'people = ["ada"]\n[pantherOS.system]\nstateVersion = "24.11"\n{ROOT}'
FLEET = 'name = "x"\nrelease = "26.05"\n[people.ada]\nadmin = true\nkeys = ["ssh-ed25519 AAAA ada"]\n'


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.code, str(finding.origin)) for finding in findings if finding.severity == "error"]


@pytest.mark.parametrize(
    ("layer", "code", "place"),
    [
        ("[profiles.unused.pantherOS.nope]\nenable = true\n", "unknown-module", "fleet.toml:6:28"),
        ('[profiles.unused.pantherOS.system]\ntimezone = "x"\n', "unknown-option", "fleet.toml:7:1"),
        ("[profiles.unused.pantherOS.system]\ntimeZone = 5\n", "wrong-type", "fleet.toml:7:12"),
        ("[profiles.unused.pantherOS]\nsystem = 5\n", "wrong-type", "fleet.toml:7:10"),
        ("[profiles.unused.force.pantherOS.system]\ntimeZone = 5\n", "wrong-type", "fleet.toml:7:12"),
        ('[people.eve.pantherOS.development.git]\nuser.emial = "e"\n', "unknown-option", "fleet.toml:7:6"),
        ("[defaults.pantherOS.security.ssh]\nport = true\n", "unknown-option", "fleet.toml:7:1"),
    ],
)
@pytest.mark.parametrize("hosts", [{}, {"hosts/a/host.toml": HOST}])
def test_what_no_host_uses(write: Write, hosts: dict[str, str], layer: str, code: str, place: str) -> None:
    root = write({"fleet.toml": FLEET + layer, **hosts})
    assert told(check(root).findings) == [(code, place)]
    assert told(build(root).findings) == [(code, place)]


def test_what_hosts_use_is_told_once(write: Write) -> None:
    layers = '[defaults.pantherOS.security.ssh]\nports = [1]\n[profiles.p.pantherOS.security.ssh]\nports = ["a"]\n'
    files = {f"hosts/{name}/host.toml": f'profiles = ["p"]\n{HOST}' for name in "ab"}
    assert told(check(write({"fleet.toml": FLEET + layers, **files})).findings) == [("wrong-type", "fleet.toml:9:10")]


def test_what_a_layer_lacks_another_may_bring(write: Write) -> None:
    layer = (
        '[profiles.half.pantherOS.filesystems.disks]\nenable = true\nfilesystem = "btrfs"\ndisks.b.mountPoint = "/b"\n'
    )
    assert told(check(write({"fleet.toml": FLEET + layer, "hosts/a/host.toml": HOST})).findings) == []


def test_a_mistake_after_a_build(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = write({"fleet.toml": FLEET, "hosts/a/host.toml": HOST})
    assert build_tree(root, tmp_path / "out").written
    write({"fleet.toml": FLEET + "[profiles.unused.pantherOS.nope]\n"})
    for _ in range(2):
        assert told(build_tree(root, tmp_path / "out").findings) == [("unknown-module", "fleet.toml:6:28")]
