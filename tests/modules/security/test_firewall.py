"""security.firewall: which ports are open, from where, and each but once."""

from __future__ import annotations

import pytest

from pantheros.nix.values import Override, split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release

RELEASES = ["24.11", "25.05", "25.11", "26.05", "unstable"]
MODULE = "security.firewall"
HEAD = "[pantherOS.security.firewall]\n"
TAILNET = "[pantherOS.networking.tailscale]\nenable = true\n"
SERVICES = '''
"""Services that listen."""
from pantheros.module import *
class Options(ModuleOptions):
    pass
def resources(o, host):
    yield Port(443, "web", exposure="public")
    yield Port(443, "HTTP/3", "udp", "public")
    yield Port(8000, "many", exposure="public", last=8010)
    yield Port(9100, "metrics")
    yield Port(443, "the same from inside")
    yield Port(7000, "peers", "udp", last=7004)
    yield Port(6379, "cache", exposure="local")
'''
EVERYTHING = f"""\
{HEAD}public.tcp = [443, 80, "8000-8020"]
public.udp = [443]
tailnet.tcp = [5432]
tailnet.udp = ["60000-60010"]
interfaces.eth1.tcp = [53, "9000-9010"]
interfaces.eth1.udp = [53]
trustedInterfaces = ["virbr0", "br0"]
backend = "nftables"
ping.rate = "5/second"
ping.burst = 10
logging.refusedConnections = true
logging.refusedPackets = true
logging.unicastOnly = false
logging.reversePathDrops = true
reject = true
reversePath = "loose"
"""


def built(fleet, text, *, services=False, **how):
    files = {"hosts/box/host.toml": f'people = ["ada"]\n{text}'}
    if services:
        files["modules/test/services.py"] = SERVICES
        files["hosts/box/host.toml"] += "\n[pantherOS.test.services]\nenable = true\n"
    return fleet(files, **how)


def settings(fleet, text, **how):
    return built(fleet, text, **how).nixos(module=MODULE)


def short(found):
    """Settings without the part that all have in common."""
    return {path.removeprefix("networking.firewall."): value for path, value in found.items()}


def own(found):
    found.codes()
    return [finding for finding in found.findings if finding.option.startswith(f"pantherOS.{MODULE}")]


def test_nothing_is_open(fleet):
    found = built(fleet, "")
    assert short(found.nixos(module=MODULE)) == {"logRefusedConnections": False}
    assert not own(found)


def test_services_open_their_ports(fleet):
    found = short(settings(fleet, TAILNET, services=True))
    assert found["allowedTCPPorts"] == [443]
    assert found["allowedUDPPorts"] == [443, 41641]
    assert found["allowedTCPPortRanges"] == [{"from": 8000, "to": 8010}]
    assert found["interfaces.tailscale0.allowedTCPPorts"] == [9100]
    assert found["interfaces.tailscale0.allowedUDPPortRanges"] == [{"from": 7000, "to": 7004}]
    assert "6379" not in str(found)


def test_the_tailnets_interface_may_have_another_name(fleet):
    found = short(settings(fleet, TAILNET + 'interface = "ts0"\n', services=True))
    assert found["interfaces.ts0.allowedTCPPorts"] == [9100]


def test_ports_for_a_tailnet_that_is_not_there(fleet):
    found = built(fleet, "", services=True)
    made = found.nixos(module=MODULE)
    assert not any("interfaces" in path for path in made)
    (finding,) = own(found)
    assert (finding.code, finding.severity) == ("tailnet-port-without-tailnet", "warning")
    assert "9100/tcp (metrics)" in finding.message
    assert "7000-7004/udp (peers)" in finding.message


def test_everything(fleet):
    found = settings(fleet, EVERYTHING + TAILNET)
    assert short(found) == {
        "networking.nftables.enable": True,
        "systemd.services.tailscaled.environment.TS_DEBUG_FIREWALL_MODE": "nftables",
        "allowedTCPPorts": [80, 443],
        "allowedTCPPortRanges": [{"from": 8000, "to": 8020}],
        "allowedUDPPorts": [443, 41641],
        "interfaces.eth1.allowedTCPPorts": [53],
        "interfaces.eth1.allowedTCPPortRanges": [{"from": 9000, "to": 9010}],
        "interfaces.eth1.allowedUDPPorts": [53],
        "interfaces.tailscale0.allowedTCPPorts": [5432],
        "interfaces.tailscale0.allowedUDPPortRanges": [{"from": 60000, "to": 60010}],
        "trustedInterfaces": ["br0", "virbr0"],
        "pingLimit": "5/second burst 10 packets",
        "logRefusedConnections": True,
        "logRefusedPackets": True,
        "logRefusedUnicastsOnly": False,
        "logReversePathDrops": True,
        "rejectPackets": True,
        "checkReversePath": "loose",
    } | ({"logRefusedConnections": True})


@pytest.mark.parametrize(
    ("text", "single", "ranges"),
    [
        ("public.tcp = [443, 80, 443]", [80, 443], None),
        ('public.tcp = [8005, "8000-8010", 8011]', [8011], [(8000, 8010)]),
        ('public.tcp = ["8000-8010", "8005-8020", "9000-9001"]', None, [(8000, 8020), (9000, 9001)]),
        ("public.tcp = [80, 81]", [80, 81], None),
    ],
)
def test_no_port_is_listed_twice(fleet, text, single, ranges):
    found = short(settings(fleet, HEAD + text))
    assert found.get("allowedTCPPorts") == single
    assert found.get("allowedTCPPortRanges") == (ranges and [{"from": first, "to": last} for first, last in ranges])


def test_what_is_public_is_not_listed_by_interface(fleet):
    text = 'public.tcp = [80, "8000-8010"]\ninterfaces.eth1.tcp = [80, 8003, "8001-8002", 22]\n'
    found = short(settings(fleet, HEAD + text))
    assert found["interfaces.eth1.allowedTCPPorts"] == [22]
    assert "interfaces.eth1.allowedTCPPortRanges" not in found


def test_an_interfaces_ports_and_the_tailnets_come_together(fleet):
    found = short(settings(fleet, f"{HEAD}interfaces.tailscale0.tcp = [22, 9100]\n{TAILNET}", services=True))
    assert found["interfaces.tailscale0.allowedTCPPorts"] == [22, 9100]


def test_a_trusted_tailnet_needs_no_ports(fleet):
    found = short(settings(fleet, f"{HEAD}trustTailnet = true\n{TAILNET}", services=True))
    assert found["trustedInterfaces"] == ["tailscale0"]
    assert not any("interfaces." in path for path in found)
    found = short(settings(fleet, f'{HEAD}trustedInterfaces = ["tailscale0"]\n{TAILNET}', services=True))
    assert not any("interfaces." in path for path in found)


def test_ping(fleet):
    assert short(settings(fleet, HEAD + 'ping.rate = "1/minute"\n'))["pingLimit"] == (
        "--limit 1/minute --limit-burst 5"
    )
    assert short(settings(fleet, HEAD + "ping.allow = false\n"))["allowPing"] is False


@pytest.mark.parametrize(
    ("tailnet", "option", "value"),
    [
        (None, "auto", None),
        ("", "auto", None),
        ("exitNode.offer = true\n", "auto", "loose"),
        ('subnets.advertise = ["10.0.0.0/8"]\n', "auto", "loose"),
        ("subnets.accept = true\n", "auto", "loose"),
        ("subnets.accept = true\n", "loose", "loose"),
        ("subnets.accept = true\n", "strict", Override(50, "strict")),
        ("subnets.accept = true\n", "off", Override(50, False)),
        ("exitNode.offer = true\n", "strict", "strict"),
        (None, "off", False),
    ],
)
def test_reverse_path(fleet, tailnet, option, value):
    text = f'{HEAD}reversePath = "{option}"\n' + ("" if tailnet is None else TAILNET + tailnet)
    assert short(settings(fleet, text)).get("checkReversePath") == value


def test_left_to_nixos(fleet):
    assert not settings(fleet, HEAD + "enable = false\n", services=True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('ping.allow = false\nping.rate = "1/second"\n', "ping-rate-without-ping"),
        ("tailnet.tcp = [80]\n", "tailnet-rule-without-tailnet"),
        ("trustTailnet = true\n", "tailnet-rule-without-tailnet"),
        (f'reversePath = "strict"\n{TAILNET}subnets.accept = true\n', "reverse-path-too-strict"),
        ('public.tcp = ["9000-8000"]\n', "invalid-value"),
        ('public.tcp = ["1-70000"]\n', "invalid-value"),
        ('public.tcp = ["http"]\n', "invalid-value"),
        ("public.udp = [0]\n", "invalid-value"),
        ("public.udp = [true]\n", "wrong-type"),
        ('interfaces."a name that is too long".tcp = [1]\n', "pattern-mismatch"),
    ],
)
def test_findings(fleet, text, code):
    found = built(fleet, HEAD + text)
    findings = own(found)
    assert code in [finding.code for finding in findings]
    assert all(finding.origin and finding.origin.line > 1 for finding in findings)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("text", ["", TAILNET, EVERYTHING + TAILNET])
def test_settings_exist_in_every_release(fleet, release, text):
    index = Index.of(Release.parse(release))
    for path in settings(fleet, text, services=True, release=release):
        assert index.status("nixos", split_path(path)).kind in ("known", "doubtful"), path
