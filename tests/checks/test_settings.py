"""What is said of a setting that will not do: the help, and what it was most likely meant to be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import FLEET as NEWEST

from pantheros.checks.run import check
from pantheros.findings import Finding

Write = Callable[[dict[str, str]], Path]


FLEET = NEWEST.replace("26.05", "24.11")
HOST = 'people = ["ada"]\npantherOS.system.stateVersion = "26.05"\n\n[nixos]\n'


def found(write: Write, text: str) -> list[Finding]:
    return check(write({"fleet.toml": FLEET, "hosts/box/host.toml": f"{HOST}{text}\n"})).findings


@pytest.mark.parametrize(
    ("text", "help", "fix"),
    [
        ('services.openssh.ports = "22"', "write [22]", ""),
        ("services.openssh.ports = 22", "write [22]", ""),
        ('services.openssh.enable = "true"', "write true without quotes", "true"),
        ("networking.hostName = 7", "text needs quotes", ""),
        (
            'networking.interfaces.eth0.ipv4.addresses = [{ adress = "10.0.0.1", prefixLength = 24 }]',
            "did you mean `networking.interfaces.eth0.ipv4.addresses[0].address`?",
            "address",
        ),
        ("force.services.openssh.enable = true", "a priority comes first: `[force.nixos]`", ""),
    ],
)
def test_help(write: Write, text: str, help: str, fix: str) -> None:
    (finding,) = [finding for finding in found(write, text) if finding.severity == "error"]
    assert finding.help == help
    assert finding.fix == fix


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('fileSystems."/mnt" = { device = "/dev/sdb1", fsType = "ext4" }', 5, 33),
        ('swapDevices = [{ device = "/dev/disk/by-label/swap" }, { device = "/dev/nvme1n1p2" }]', 5, 67),
        ('boot.initrd.luks.devices.root.device = "/dev/sda2"', 5, 40),
        ('fileSystems."/mnt" = { device = "/dev/mapper/sda", fsType = "ext4" }', 0, 0),
    ],
)
def test_raw_names_of_disks_that_may_change(write: Write, text: str, line: int, column: int) -> None:
    places = [finding.origin for finding in found(write, text) if finding.code == "unstable-device-name"]
    assert [(place.line, place.column) for place in places if place] == ([(line, column)] if line else [])


def test_an_unknown_secret_in_a_list_is_shown_there(write: Write) -> None:
    text = 'pantherOS.development.containers.services.a = { image = "a", secrets = [\n  { secret = "gone" },\n] }\n'
    root = write({"hosts/box/host.toml": f"pantherOS.development.containers.enable = true\n{text}"})
    (finding,) = [finding for finding in check(root).findings if finding.code == "unknown-secret"]
    assert finding.origin is not None
    assert (finding.origin.line, finding.origin.column) == (3, 3)
