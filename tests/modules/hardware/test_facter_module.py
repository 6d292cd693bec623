from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pantheros.nix.values import FleetPath, split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release
from pantheros.synth.layout import lay_out

RELEASES = [release.name for release in Release.all()]
REPORTS = Path(__file__).parents[2] / "hardware" / "data"
LAPTOP, VPS = (REPORTS / "laptop.json").read_text(), (REPORTS / "vps.json").read_text()

EVERYTHING = """\
[pantherOS.hardware.facter]
dhcp = false
graphics = true
bluetooth = true
fingerprint = false
firmware = true
microcode = false
guestTools = false
"""


@pytest.fixture
def facter(fleet: Callable[..., Any]) -> Callable[..., Any]:
    def facter(text: str, report: str, release: str = "26.05") -> Any:
        files = {"hosts/box/host.toml": 'people = ["ada"]\n' + text, "hosts/box/facter.json": report}
        return fleet(files, release=release)

    return facter


def settings(found: Any) -> dict[str, Any]:
    settings: dict[str, Any] = found.nixos(module="hardware.facter")
    return settings


def findings(found: Any) -> list[str]:
    found.expansions("box")
    return [f.code for f in found.findings if f.option.startswith("pantherOS.hardware.facter")]


def changed(text: str, **values: Any) -> str:
    return json.dumps({**json.loads(text), **values})


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("report", [LAPTOP, VPS, changed(VPS, virtualisation="vmware")])
@pytest.mark.parametrize("text", ['kind = "server"\n', 'kind = "server"\n' + EVERYTHING])
def test_every_setting_exists(facter: Callable[..., Any], release: str, report: str, text: str) -> None:
    index = Index.of(Release(release))
    found = settings(facter(text, report, release))
    assert found
    for path in found:
        assert index.status("nixos", split_path(path)).kind in {"known", "doubtful"}, path


@pytest.mark.parametrize("release", RELEASES)
def test_a_report_is_used_where_there_is_one(facter: Callable[..., Any], release: str) -> None:
    found = facter('kind = "laptop"\n', LAPTOP, release)
    upstream = release < "26.05"
    path = "facter.reportPath" if upstream else "hardware.facter.reportPath"
    assert settings(found) == {path: FleetPath("hosts/box/facter.json")}
    assert findings(found) == []
    host = found.model.resolver.host("box")
    files = lay_out(found.model.resolver, host, found.expansions("box"))
    assert ("nixos-facter-modules" in files.inputs) is upstream
    assert ("nixos-facter-modules.nixosModules.facter" in files.modules) is upstream
    assert files.copies == {"hosts/box/facter.json"}


def test_a_host_without_a_report_does_without(fleet: Callable[..., Any]) -> None:
    assert settings(fleet("")) == {}
    assert "no-hardware-report" not in fleet("").codes()


def test_a_report_can_be_left_alone(facter: Callable[..., Any]) -> None:
    assert settings(facter("[pantherOS.hardware.facter]\nenable = false\n", LAPTOP)) == {}


def test_a_report_that_is_missing(fleet: Callable[..., Any]) -> None:
    assert "no-hardware-report" in fleet("[pantherOS.hardware.facter]\nenable = true\n").codes()


def test_what_is_detected_can_be_steered(facter: Callable[..., Any]) -> None:
    for release, rules in (("24.11", "facter"), ("25.11", "facter"), ("26.05", "hardware.facter")):
        found = settings(facter('kind = "laptop"\n' + EVERYTHING, LAPTOP, release))
        assert found[f"{rules}.detected.dhcp.enable"] is False
        assert found[f"{rules}.detected.graphics.enable"] is True
        assert found[f"{rules}.detected.bluetooth.enable"] is True
        assert found[f"{rules}.detected.fingerprint.enable"] is False
        assert found["hardware.enableRedistributableFirmware"] is True
        assert found["hardware.cpu.intel.updateMicrocode"] is False


def test_guests_run_their_host_s_agent(facter: Callable[..., Any]) -> None:
    found = settings(facter('kind = "server"\n', VPS))
    assert found["services.qemuGuest.enable"] is True
    assert found["boot.initrd.availableKernelModules"] == ["virtio_scsi"]
    off = settings(facter('kind = "server"\n' + EVERYTHING, VPS))
    assert off["services.qemuGuest.enable"] is False
    vmware = settings(facter('kind = "server"\n', changed(VPS, virtualisation="vmware")))
    assert vmware["virtualisation.vmware.guest.enable"] is True


@pytest.mark.parametrize(
    ("text", "report", "code"),
    [
        ('system = "aarch64-linux"\n', LAPTOP, "report-of-another-system"),
        ('kind = "laptop"\n', VPS, "kind-and-report"),
        ('kind = "workstation"\n', LAPTOP, "kind-and-report"),
        ('kind = "server"\n', changed(VPS, virtualisation="lxc"), "report-of-a-container"),
        ('kind = "server"\n[pantherOS.hardware.facter]\nmicrocode = true\n', VPS, "no-microcode"),
    ],
)
def test_a_report_that_does_not_fit(facter: Callable[..., Any], text: str, report: str, code: str) -> None:
    assert code in findings(facter(text, report))


def test_reports_that_fit(facter: Callable[..., Any]) -> None:
    assert findings(facter('kind = "laptop"\n', LAPTOP)) == []
    assert findings(facter('kind = "server"\n', LAPTOP)) == []
    assert findings(facter('kind = "server"\n', VPS)) == []
    assert findings(facter('kind = "workstation"\n', VPS)) == []
