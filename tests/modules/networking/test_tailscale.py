"""networking.tailscale: what joins, what is offered and used, and the script that tunes UDP."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pantheros.module import File, Port, Raw, SecretUse, State
from pantheros.modules.networking import tailscale
from pantheros.nix.values import parts, split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release

RELEASES = ["24.11", "25.05", "25.11", "26.05", "unstable"]
MODULE = "networking.tailscale"
HEAD = "[pantherOS.networking.tailscale]\nenable = true\n"
FLEET = """\
name = "test"
release = "26.05"
[people.ada]
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ4U ada"]
[secrets.tailscaleKey]
reference = "op://Fleet/tailscale/key"
"""
EVERYTHING = """\
authKey = "tailscaleKey"
ephemeral = true
preauthorized = true
apiUrl = "https://api.example.org"
tags = ["server", "tag:web"]
hostname = "front"
loginServer = "https://headscale.example.org"
exitNode.offer = true
subnets.advertise = ["192.168.7.0/24", "fd00:7::/64"]
subnets.accept = true
subnets.snat = false
ssh = true
magicDns = true
resolved = true
operator = "ada"
certificatesFor = "caddy"
shieldsUp = true
taildrop = false
uploadLogs = false
interface = "ts0"
port = 41642
udpTuning.enable = true
udpTuning.interface = "eth0"
extraUpFlags = ["--timeout=60s"]
extraSetFlags = ["--webclient"]
extraDaemonFlags = ["--verbose=1"]
"""
USING = 'authKey = "tailscaleKey"\nexitNode.use = "100.64.0.9"\nexitNode.allowLanAccess = true\n'


def built(fleet, text, *, more=None, **how):
    files = {"fleet.toml": FLEET, "hosts/box/host.toml": f'people = ["ada"]\n{HEAD}{text}', **(more or {})}
    return fleet(files, **how)


def settings(fleet, text="", **how):
    return built(fleet, text, **how).nixos(module=MODULE)


def other(name, text):
    return {f"hosts/{name}/host.toml": f"{HEAD}{text}"}


def own(found):
    return [finding for finding in found.findings if finding.option.startswith(f"pantherOS.{MODULE}")]


def test_plain(fleet):
    found = settings(fleet)
    assert found["services.tailscale.enable"] is True
    assert found["services.resolved.enable"] is True
    assert "services.tailscale.authKeyFile" not in found
    assert "services.tailscale.extraUpFlags" not in found
    assert not any("udp-gro" in path for path in found)


def test_switches_that_are_off_are_said_too(fleet):
    assert settings(fleet)["services.tailscale.extraSetFlags"] == [
        "--accept-dns",
        "--accept-routes=false",
        "--advertise-exit-node=false",
        "--advertise-routes=",
        "--ssh=false",
        "--shields-up=false",
    ]


def test_joins_with_a_key_from_1password(fleet):
    found = built(fleet, 'authKey = "tailscaleKey"\ntags = ["server", "tag:web", "server"]\nssh = true\n')
    made = found.nixos(module=MODULE)
    key_file = made["services.tailscale.authKeyFile"]
    assert key_file == Raw(
        "config.services.onepassword-secrets.secretPaths.tailscaleKey",
        "config.programs.onepassword-secrets.secretPaths.tailscaleKey",
    )
    assert made["services.tailscale.extraUpFlags"] == [
        "--reset",
        "--advertise-tags=tag:server,tag:web",
        "--ssh",
    ]
    assert made["systemd.services.tailscaled-set.after"] == ["tailscaled-autoconnect.service"]
    uses = found.model.resolver.host("box").resources(SecretUse)
    assert [(use.name, use.service) for use in uses] == [("tailscaleKey", "tailscaled-autoconnect")]
    assert not own(found)


def test_everything(fleet):
    found = settings(fleet, EVERYTHING)
    assert found["services.tailscale.interfaceName"] == "ts0"
    assert found["services.tailscale.port"] == 41642
    assert found["services.tailscale.useRoutingFeatures"] == "both"
    assert found["services.tailscale.disableTaildrop"] is True
    assert found["services.tailscale.permitCertUid"] == "caddy"
    assert found["services.tailscale.authKeyParameters.ephemeral"] is True
    assert found["services.tailscale.authKeyParameters.preauthorized"] is True
    assert found["services.tailscale.authKeyParameters.baseURL"] == "https://api.example.org"
    assert found["services.tailscale.extraDaemonFlags"] == ["--no-logs-no-support", "--verbose=1"]
    up, kept = found["services.tailscale.extraUpFlags"], found["services.tailscale.extraSetFlags"]
    for flag in (
        "--advertise-exit-node",
        "--advertise-routes=192.168.7.0/24,fd00:7::/64",
        "--accept-routes",
        "--snat-subnet-routes=false",
        "--ssh",
        "--shields-up",
        "--hostname=front",
        "--operator=ada",
    ):
        assert flag in up
        assert flag in kept
    assert "--login-server=https://headscale.example.org" in up
    assert "--timeout=60s" in up
    assert "--webclient" in kept


def test_dns_left_alone(fleet):
    found = settings(fleet, "magicDns = false\n")
    assert "--accept-dns=false" in found["services.tailscale.extraSetFlags"]
    assert "services.resolved.enable" not in found
    assert "services.resolved.enable" not in settings(fleet, "resolved = false\n")


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("", None),
        ("exitNode.offer = true\n", "server"),
        ('subnets.advertise = ["10.1.0.0/16"]\n', "server"),
        ("subnets.accept = true\n", "client"),
        ('exitNode.use = "auto:any"\n', "client"),
        ("exitNode.offer = true\nsubnets.accept = true\n", "both"),
    ],
)
def test_routing(fleet, text, features):
    found = settings(fleet, text)
    assert found.get("services.tailscale.useRoutingFeatures") == features
    tuned = features in ("server", "both")
    assert ("systemd.services.tailscale-udp-gro.serviceConfig" in found) == tuned


def test_udp_tuning_can_be_left_out(fleet):
    found = settings(fleet, "exitNode.offer = true\nudpTuning.enable = false\n")
    assert not any("udp-gro" in path for path in found)


def test_exit_node_by_the_name_of_a_host(fleet):
    offering = other("gate", 'exitNode.offer = true\nhostname = "berlin"\n')
    found = built(fleet, 'exitNode.use = "gate"\n', more=offering)
    made = found.nixos(module=MODULE)
    assert made["services.tailscale.extraSetFlags"][-2:] == [
        "--exit-node=berlin",
        "--exit-node-allow-lan-access=false",
    ]
    assert made["systemd.services.tailscaled-set.serviceConfig"]["Restart"] == "on-failure"
    assert not own(found)


def test_resources(fleet):
    host = built(fleet, "port = 5000\n").model.resolver.host("box")
    (port,) = host.resources(Port)
    assert (port.number, port.protocol, port.exposure) == (5000, "udp", "public")
    assert State("/var/lib/tailscale", mode="0700") in host.resources(State)
    assert not built(fleet, "openFirewall = false\n").model.resolver.host("box").resources(Port)


@pytest.mark.parametrize(
    ("text", "code", "severity"),
    [
        ('authKey = "nothing"\n', "unknown-secret", "error"),
        ('tags = ["server"]\n', "tags-without-auth-key", "warning"),
        ('loginServer = "https://headscale.example.org"\n', "login-server-without-auth-key", "warning"),
        ("ephemeral = true\n", "key-option-without-auth-key", "warning"),
        ('authKey = "tailscaleKey"\nephemeral = true\n', "oauth-key-without-tags", "error"),
        ('exitNode.offer = true\nexitNode.use = "auto:any"\n', "exit-node-offered-and-used", "error"),
        ('exitNode.use = "gate"\n', "exit-node-not-offered", "error"),
        ('exitNode.use = "nowhere"\n', "exit-node-unknown", "warning"),
        ("exitNode.allowLanAccess = true\n", "lan-access-without-exit-node", "warning"),
        ('operator = "bob"\n', "operator-without-account", "warning"),
    ],
)
def test_findings(fleet, text, code, severity):
    found = built(fleet, text, more=other("gate", ""))
    assert code in found.codes()
    (finding,) = [f for f in own(found) if f.code == code]
    assert finding.severity == severity
    assert finding.help
    assert finding.origin is not None
    assert finding.origin.line > 2


@pytest.mark.parametrize("text", ['subnets.advertise = ["192.168.1.5/24"]\n', 'tags = ["a b"]\n', "port = 70000\n"])
def test_wrong_values_are_findings(fleet, text):
    found = built(fleet, text)
    found.codes()
    assert [f.severity for f in own(found)] == ["error"]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("text", ["", EVERYTHING, USING])
def test_settings_exist_in_every_release(fleet, release, text):
    index = Index.of(Release.parse(release))
    for path in settings(fleet, text, release=release):
        assert index.status("nixos", split_path(path)).kind in ("known", "doubtful"), path


# The script ---------------------------------------------------------------------------------------------------


@pytest.fixture
def script(fleet, tmp_path) -> Path:
    unit = settings(fleet, EVERYTHING)["systemd.services.tailscale-udp-gro.serviceConfig"]
    file, argument = parts(unit["ExecStart"])[-2:]
    assert isinstance(file, File)
    assert argument == " eth0"
    path = tmp_path / file.name
    path.write_text(file.text)
    return path


@pytest.fixture
def run(script, tmp_path):
    """Run the script where `ip` and `ethtool` are stand-ins: gives its status, its words and ethtool's."""

    def run(*arguments, routes, works=True):
        commands = tmp_path / "bin"
        commands.mkdir()
        log = tmp_path / "ethtool.log"
        log.touch()
        cases = "".join(f"{family}) printf '%s' '{route}' ;;\n" for family, route in routes.items())
        for name, text in {
            "ip": f'case "$1" in\n{cases}*) ;;\nesac\n',
            "ethtool": f'echo "$*" >>{log}\n{"true" if works else "false"}\n',
        }.items():
            (commands / name).write_text(f"#!/bin/sh\n{text}")
            (commands / name).chmod(0o755)
        done = subprocess.run(
            ["bash", str(script), *arguments],
            env={"PATH": f"{commands}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr, log.read_text()

    return run


def test_script_finds_the_interface(run):
    route = "default via 192.0.2.1 dev enp1s0 proto dhcp src 192.0.2.7 metric 100 \ndefault dev wlan0 metric 600\n"
    status, _, called = run(routes={"-4": route})
    assert (status, called) == (0, "-K enp1s0 rx-udp-gro-forwarding on rx-gro-list off\n")


def test_script_knows_ipv6_and_routes_without_gateway(run):
    status, _, called = run(routes={"-4": "", "-6": "default dev ppp0 metric 1024"})
    assert (status, called) == (0, "-K ppp0 rx-udp-gro-forwarding on rx-gro-list off\n")


def test_script_takes_an_interface(run):
    status, _, called = run("eth7", routes={})
    assert (status, called) == (0, "-K eth7 rx-udp-gro-forwarding on rx-gro-list off\n")


def test_script_without_a_route_fails(run):
    status, words, called = run(routes={})
    assert (status, called) == (1, "")
    assert "no default route" in words


def test_script_puts_up_with_a_card_that_cannot(run):
    status, words, _ = run("eth0", routes={}, works=False)
    assert status == 0
    assert "cannot forward UDP in batches" in words


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_script_passes_shellcheck(script):
    subprocess.run(["shellcheck", str(script)], check=True)


def test_routing_features_are_for_others_to_read():
    assert tailscale.routing_features(tailscale.Options()) == "none"
