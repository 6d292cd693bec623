from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantheros.findings import Finding
from pantheros.hardware.facter import Monitor, Report, read_report

DATA = Path(__file__).with_name("data")
REAL = Path(__file__).parents[3] / "shared" / "data" / "facter"
LAPTOP = (DATA / "laptop.json").read_text()
VPS = (DATA / "vps.json").read_text()


def read(text: str) -> Report:
    report, findings = read_report("hosts/a/facter.json", text)
    assert report and not findings
    return report


def wrong(text: str) -> Finding:
    """The one finding on a report that can't be read."""
    report, (finding,) = read_report("facter.json", text)
    assert report is None
    assert (finding.code, finding.severity) == ("hardware-report", "error") and finding.help
    return finding


def changed(text: str, path: list[str | int], value: object) -> str:
    data = json.loads(text)
    at = data
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    return json.dumps(data, indent=1)


def test_a_laptop() -> None:
    report = read(LAPTOP)
    assert (report.system, report.virtualisation, report.firmware) == ("x86_64-linux", "none", "uefi")
    assert (report.vendor, report.product, report.family) == ("EXAMPLE", "EX14A", "Example Book 14")
    assert (report.chassis, report.portable, report.virtual) == ("laptop", True, False)
    assert report.memory == 32 * 1024**3
    (cpu,) = report.cpus
    assert (cpu.vendor, cpu.cores, cpu.threads, report.microcode) == ("intel", 14, 20, "intel")
    assert report.kernel_modules == ("kvm-intel",)
    assert report.bluetooth and report.wifi and report.touchpad and report.fingerprint
    assert report.sound and report.camera and report.touchscreen is None


def test_two_graphics_cards() -> None:
    report = read(LAPTOP)
    assert [(card.vendor, card.bus_id, card.driver) for card in report.graphics] == [
        ("intel", "PCI:0:2:0", "i915"),
        ("nvidia", "PCI:1:0:0", "nouveau"),
    ]
    assert report.graphics[1].name == "Example GPU"
    assert report.graphics_modules == ("i915",)
    assert report.monitors == (Monitor("EXA", "Example Panel", 2560, 1600, 302, 189),)


def test_bus_ids_are_decimal() -> None:
    path: list[str | int] = ["hardware", "graphics_card", 0, "sysfs_bus_id"]
    assert read(changed(LAPTOP, path, "0000:c1:1f.7")).graphics[0].bus_id == "PCI:193:31:7"
    assert read(changed(LAPTOP, path, "10000:01:00.0")).graphics[0].bus_id == "PCI:1@65536:0:0"
    assert read(changed(LAPTOP, path, "virtio0")).graphics[0].bus_id == ""


def test_disks() -> None:
    first, second = read(LAPTOP).disks
    assert first.device == "/dev/disk/by-id/nvme-EXAMPLE_SSD_2T_A1"
    assert first.ids[-1] == "/dev/disk/by-id/nvme-eui.0000000000000001"
    assert (first.name, first.size, first.transport) == ("nvme0n1", 3907029168 * 512, "nvme")
    assert first.paths == ("/dev/disk/by-path/pci-0000:02:00.0-nvme-1",)
    assert second.device == "/dev/disk/by-id/nvme-EXAMPLE_SSD_1T_B2"
    path: list[str | int] = ["hardware", "disk", 0, "unix_device_names"]
    by_path = read(changed(VPS, path, ["/dev/disk/by-path/a", "/dev/sda"])).disks[0]
    assert by_path.device == "/dev/disk/by-path/a"
    assert read(changed(VPS, path, None)).disks[0].device == "/dev/sda"


def test_interfaces_have_hardware() -> None:
    assert [(each.name, each.kind, each.modules) for each in read(LAPTOP).interfaces] == [
        ("wlan0", "wireless", ("iwlwifi",)),
        ("enp5s0", "wired", ("r8169",)),
    ]


def test_modules_for_the_initrd() -> None:
    laptop = read(LAPTOP)
    assert laptop.disk_modules == ("nvme", "vmd")
    assert laptop.initrd_available == ("nvme", "vmd", "xhci_pci")
    assert laptop.initrd_loaded == ("i915",)
    assert laptop.network_modules == ("iwlwifi",)
    vps = read(VPS)
    assert set(vps.disk_modules) == {"sd_mod", "virtio_pci", "virtio_scsi"}
    assert {"virtio_blk", "virtio_net", "xhci_pci", "virtio_scsi"} <= set(vps.initrd_available)
    assert vps.initrd_loaded == ("virtio_balloon", "virtio_console", "virtio_gpu", "virtio_rng")


def test_a_virtual_server() -> None:
    report = read(VPS)
    assert (report.chassis, report.virtual, report.guest, report.portable) == ("vm", True, True, False)
    assert (report.firmware, report.vendor, report.microcode) == ("bios", "ExampleHost", None)
    assert report.memory == 8052064256  # SMBIOS says nothing
    assert len(report.cpus) == 1  # an empty socket is a hole in the list
    assert report.disks[0].transport == "virtio"
    assert not (report.bluetooth or report.wifi or report.touchpad or report.fingerprint or report.monitors)


@pytest.mark.parametrize(
    ("number", "chassis"),
    [(9, "laptop"), (31, "convertible"), (32, "convertible"), (3, "desktop"), (35, "desktop"), (23, "server"),
     (2, "laptop")],
)  # fmt: skip
def test_chassis(number: int, chassis: str) -> None:
    path: list[str | int] = ["smbios", "chassis", 0, "chassis_type", "value"]
    report = read(changed(LAPTOP, path, number))  # 2 is "unknown": the form factor decides
    assert report.chassis == chassis
    assert report.touchscreen is (True if chassis == "convertible" else None)


def test_a_report_of_an_older_nixos_facter_does_not_say_the_firmware() -> None:
    assert read(changed(LAPTOP, ["uefi"], None)).firmware is None


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("", "the hardware report is empty", 1, 1),
        ("  \n", "the hardware report is empty", 2, 1),
        ('{\n "version": 1,', "the hardware report is cut short", 2, 15),
        ('{\n "version": 1,\n "system": "x86', "the hardware report is cut short", 3, 12),
        ('{\n "version": 1\n "system": 2}', "not JSON: Expecting ',' delimiter", 3, 2),
        ("[1]", "not a hardware report: it has no `version` and `hardware`", 1, 1),
        ('{"hardware": {}}', "not a hardware report: it has no `version` and `hardware`", 1, 1),
        ('{"hardware": {},\n "version": 7}', "a hardware report of version 7; we read version 1", 2, 13),
        ('{"version": "1", "hardware": {}}', "a hardware report without a version; we read version 1", 1, 13),
        ('{"version": 1,\n "hardware": []}', "not a hardware report: `hardware` lists nothing", 2, 14),
    ],
)  # fmt: skip
def test_no_report(text: str, message: str, line: int, column: int) -> None:
    finding = wrong(text)
    assert finding.message == message
    assert finding.origin and finding.origin[:3] == ("facter.json", line, column)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "its values nest too deep"),
        ('{"version": ' + "1" * 10_000 + ', "hardware": {}}', "a number in it has thousands of digits"),
    ],
)
def test_too_much(text: str, message: str) -> None:
    assert wrong(text).message == f"not a hardware report: {message}"


def test_a_wrong_value_is_left_out_and_its_place_told() -> None:
    text = LAPTOP.replace('"nvme-EXAMPLE', '"x')  # no matter: the report is read as text
    text = text.replace('"value_2": 512', '"value_2": "512"', 1)
    report, (finding,) = read_report("facter.json", text)
    assert report and report.disks[0].size is None and report.disks[1].size
    assert finding.severity == "warning"
    assert "`hardware.disk[0].resources[1].value_2` is not a number" in finding.message
    line = next(number for number, line in enumerate(text.splitlines(), 1) if '"512"' in line)
    assert finding.origin and finding.origin.line == line
    where = text.splitlines()[line - 1][finding.origin.column - 1 : finding.origin.end_column - 1]
    assert where == '"512"'


@pytest.mark.parametrize("text", ["a\0000\0b", "a\nb", "\ud800", 7, [], {}])
def test_texts_are_lines_of_text(text: object) -> None:
    report, (finding,) = read_report("facter.json", changed(LAPTOP, ["smbios", "system", "product"], text))
    assert report and report.product == ""
    assert "`smbios.system.product` is not a line of text" in finding.message


def test_without_a_system() -> None:
    report, (finding,) = read_report("facter.json", changed(LAPTOP, ["system"], None))
    assert report and report.system == "" and finding.severity == "error"


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every path in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for part, child in inside for deeper in places(child, (*path, part)))]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.data(), st.sampled_from([LAPTOP, VPS]), st.sampled_from([None, 1, "\t"]))
@settings(max_examples=300, deadline=None)
def test_any_value_anywhere(data: st.DataObject, text: str, indent: Any) -> None:
    document = json.loads(text)
    for path in data.draw(st.lists(st.sampled_from(places(document)[1:]), min_size=1, max_size=4)):
        at = copy.deepcopy(document)
        try:
            inner = at
            for part in path[:-1]:
                inner = inner[part]
            inner[path[-1]] = data.draw(anything)
        except (KeyError, IndexError, TypeError):  # an earlier change took it away
            continue
        document = at
    text = json.dumps(document, indent=indent, ensure_ascii=data.draw(st.booleans()))
    check(text, *read_report("facter.json", text))


@given(st.data(), st.sampled_from([LAPTOP, VPS]))
@settings(max_examples=200, deadline=None)
def test_any_text(data: st.DataObject, text: str) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    text = text[:start] + data.draw(st.text(max_size=10)) + text[end:]
    text = text[: data.draw(st.integers(0, len(text)) | st.just(len(text)))]
    check(text, *read_report("facter.json", text))


def check(text: str, report: Report | None, findings: list[Finding]) -> None:
    assert report or findings
    lines = text.split("\n")
    for finding in findings:
        assert finding.code == "hardware-report" and finding.origin
        assert 1 <= finding.origin.line <= finding.origin.end_line <= len(lines)
        assert 1 <= finding.origin.column <= len(lines[finding.origin.line - 1]) + 1
    if report:
        for name in (
            *report.initrd_available,
            *report.initrd_loaded,
            *(disk.device for disk in report.disks),
        ):
            assert "\0" not in name and name.encode()


@pytest.mark.skipif(not REAL.is_dir(), reason="the real reports are not at hand")
def test_real_reports() -> None:
    yoga = read((REAL / "yoga.json").read_text())
    assert (yoga.chassis, yoga.microcode, yoga.firmware) == ("convertible", "amd", None)
    assert [disk.name for disk in yoga.disks] == ["nvme0n1"]
    assert [card.bus_id for card in yoga.graphics] == ["PCI:4:0:0"]
    assert yoga.memory == 16 * 1024**3 and yoga.initrd_available == ("nvme", "xhci_pci")
    vps = read((REAL / "hetzner-vps.json").read_text())
    assert (vps.chassis, vps.firmware, vps.vendor) == ("vm", "uefi", "Hetzner")
    assert vps.disks[0].device == "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_100000001"
    assert [each.name for each in vps.interfaces] == ["enp1s0"]
