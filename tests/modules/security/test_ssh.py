"""security.ssh: what sshd is told, and that sshd takes it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pantheros.module import File, Port, State
from pantheros.nix.values import parts, split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release

RELEASES = ["24.11", "25.05", "25.11", "26.05", "unstable"]
MODULE = "security.ssh"
HEAD = "[pantherOS.security.ssh]\nenable = true\n"
TAILNET = "[pantherOS.networking.tailscale]\nenable = true\n"
SETTINGS = "services.openssh.settings."
EVERYTHING = """\
ports = [2222, 22]
listenAddresses = ["0.0.0.0", "::"]
tailnetOnly = true
permitRootLogin = "prohibit-password"
allowedUsers = ["ada", "root", "backup@10.0.0.*"]
keysInHome = true
algorithms = "openssh"
ciphers = ["aes256-gcm@openssh.com", "aes256-ctr"]
kexAlgorithms = ["sntrup761x25519-sha512@openssh.com", "curve25519-sha256"]
macs = ["hmac-sha2-512-etm@openssh.com"]
hostKeys = ["ed25519", "rsa"]
hostKeyDirectory = "/var/lib/ssh"
limits.maxAuthTries = 6
limits.maxSessions = 4
limits.maxStartups = "5:50:20"
limits.perSourceMaxStartups = 3
limits.loginGraceSeconds = 20
limits.aliveIntervalSeconds = 30
limits.aliveCount = 3
ban.enable = true
ban.after = 4
ban.time = "2h"
ban.longest = "2w"
ban.ignore = ["192.0.2.0/24"]
forwarding.tcp = "local"
forwarding.agent = true
forwarding.x11 = true
sftp = false
acceptEnv = ["LC_*", "COLORTERM"]
banner = "No trespassing."
logLevel = "INFO"
"""
VARIANTS = [
    "",
    'algorithms = "recommended"\n',
    'algorithms = "openssh"\n',
    'permitRootLogin = "forced-commands-only"\nforwarding.tcp = "no"\n',
    EVERYTHING + TAILNET,
]


def built(fleet, text, **how):
    return fleet(HEAD + text, **how)


def settings(fleet, text="", **how):
    return built(fleet, text, **how).nixos(module=MODULE)


def sshd(found):
    return {path.removeprefix(SETTINGS): value for path, value in found.items() if path.startswith(SETTINGS)}


def own(found):
    found.codes()
    return [finding for finding in found.findings if finding.option.startswith(f"pantherOS.{MODULE}")]


def test_keys_only_and_no_root(fleet):
    found = built(fleet, "")
    made = found.nixos(module=MODULE)
    assert made["services.openssh.enable"] is True
    assert made["services.openssh.openFirewall"] is False
    assert made["services.openssh.authorizedKeysInHomedir"] is False
    assert made["services.openssh.hostKeys"] == [{"type": "ed25519", "path": "/etc/ssh/ssh_host_ed25519_key"}]
    assert sshd(made) == {
        "PermitRootLogin": "no",
        "PasswordAuthentication": False,
        "KbdInteractiveAuthentication": False,
        "AuthenticationMethods": "publickey",
        "LogLevel": "VERBOSE",
        "AllowUsers": ["ada"],
        "Ciphers": ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com"],
        "Macs": [
            "hmac-sha2-512-etm@openssh.com",
            "hmac-sha2-256-etm@openssh.com",
            "umac-128-etm@openssh.com",
        ],
        "MaxAuthTries": 4,
        "MaxSessions": 10,
        "MaxStartups": "10:30:60",
        "LoginGraceTime": 30,
        "ClientAliveInterval": 60,
        "ClientAliveCountMax": 5,
        "AllowAgentForwarding": False,
    }
    assert not own(found)


def test_everything(fleet):
    found = settings(fleet, EVERYTHING + TAILNET)
    assert found["services.openssh.ports"] == [22, 2222]
    assert found["services.openssh.listenAddresses"] == [{"addr": "0.0.0.0"}, {"addr": "::"}]
    assert found["services.openssh.hostKeys"] == [
        {"type": "ed25519", "path": "/var/lib/ssh/ssh_host_ed25519_key"},
        {"type": "rsa", "path": "/var/lib/ssh/ssh_host_rsa_key", "bits": 4096},
    ]
    assert found["services.openssh.authorizedKeysInHomedir"] is True
    assert found["services.openssh.allowSFTP"] is False
    assert found["programs.ssh.setXAuthLocation"] is True
    made = sshd(found)
    assert made["AllowUsers"] == ["ada", "root", "backup@10.0.0.*"]
    assert made["PermitRootLogin"] == "prohibit-password"
    assert made["Ciphers"] == ["aes256-gcm@openssh.com", "aes256-ctr"]
    assert made["KexAlgorithms"] == ["sntrup761x25519-sha512@openssh.com", "curve25519-sha256"]
    assert made["Macs"] == ["hmac-sha2-512-etm@openssh.com"]
    assert made["MaxStartups"] == "5:50:20"
    assert made["PerSourceMaxStartups"] == 3
    assert made["AllowTcpForwarding"] == "local"
    assert made["X11Forwarding"] is True
    assert made["LogLevel"] == "INFO"


def test_bans(fleet):
    found = settings(fleet, 'ban.enable = true\nban.ignore = ["192.0.2.0/24"]\n' + TAILNET)
    assert found["services.fail2ban.enable"] is True
    assert found["services.fail2ban.maxretry"] == 5
    assert found["services.fail2ban.bantime"] == "1h"
    assert found["services.fail2ban.bantime-increment.enable"] is True
    assert found["services.fail2ban.bantime-increment.maxtime"] == "1w"
    assert found["services.fail2ban.ignoreIP"] == ["100.64.0.0/10", "fd7a:115c:a1e0::/48", "192.0.2.0/24"]
    assert "services.fail2ban.ignoreIP" not in settings(fleet, "ban.enable = true\n")


def test_root_with_a_key_is_among_the_allowed(fleet):
    assert sshd(settings(fleet, 'permitRootLogin = "prohibit-password"\n'))["AllowUsers"] == ["ada", "root"]


@pytest.mark.parametrize("release", RELEASES)
def test_algorithms_by_release(fleet, release):
    made = settings(fleet, 'algorithms = "openssh"\n', release=release)
    if release in ("26.05", "unstable"):
        assert made["services.openssh.enableRecommendedAlgorithms"] is False
        assert "Ciphers" not in sshd(made)
    else:
        assert [sshd(made)[name] for name in ("Ciphers", "KexAlgorithms", "Macs")] == [None, None, None]
    recommended = settings(fleet, 'algorithms = "recommended"\n', release=release)
    assert not {"Ciphers", "KexAlgorithms", "Macs"} & sshd(recommended).keys()


@pytest.mark.parametrize("release", RELEASES)
def test_banner_and_environment_by_release(fleet, release):
    made = settings(fleet, 'banner = "Hello"\nacceptEnv = ["LANG", "LC_*"]\n', release=release)
    if release in ("26.05", "unstable"):
        (file,) = parts(sshd(made)["Banner"])
        assert file == File("banner.txt", "Hello\n")
        assert sshd(made)["AcceptEnv"] == ["LANG", "LC_*"]
    else:
        assert made["services.openssh.banner"] == "Hello\n"
        assert sshd(made)["AcceptEnv"] == "LANG LC_*"


def test_resources(fleet):
    host = built(fleet, "ports = [22, 2222]\n").model.resolver.host("box")
    assert [(p.number, p.exposure) for p in host.resources(Port)] == [(22, "public"), (2222, "public")]
    assert State("/etc/ssh/ssh_host_ed25519_key", kind="file", mode="0600") in host.resources(State)
    assert State("/etc/ssh/ssh_host_ed25519_key.pub", kind="file", mode="0644") in host.resources(State)


def test_on_the_tailnet_alone(fleet):
    found = built(fleet, f"tailnetOnly = true\n{TAILNET}")
    firewall = found.nixos(module="security.firewall")
    assert firewall["networking.firewall.interfaces.tailscale0.allowedTCPPorts"] == [22]
    assert "networking.firewall.allowedTCPPorts" not in firewall
    assert not own(found)


def test_without_our_firewall_sshd_opens_its_port(fleet):
    off = "[pantherOS.security.firewall]\nenable = false\n"
    # NixOS opens the port by default, so there is nothing to say.
    assert "services.openssh.openFirewall" not in settings(fleet, off)
    found = built(fleet, f"tailnetOnly = true\n{TAILNET}{off}")
    assert found.nixos(module=MODULE)["services.openssh.openFirewall"] is False
    assert [finding.code for finding in own(found)] == ["tailnet-only-without-firewall"]


@pytest.mark.parametrize(
    ("text", "code", "severity"),
    [
        ("tailnetOnly = true\n", "tailnet-only-without-tailnet", "error"),
        ('allowedUsers = ["ada", "root"]\n', "root-not-permitted", "warning"),
        ('ciphers = ["aes256-ctr", "aes128-cbc"]\n', "weak-algorithm", "warning"),
        ('macs = ["hmac-sha1"]\n', "weak-algorithm", "warning"),
        ('kexAlgorithms = ["diffie-hellman-group14-sha1"]\n', "weak-algorithm", "warning"),
        ("limits.maxAuthTries = 0\n", "out-of-range", "error"),
        ('permitRootLogin = "yes"\n', "not-one-of", "error"),
        ('listenAddresses = ["localhost"]\n', "invalid-value", "error"),
        ("hostKeys = []\n", "out-of-range", "error"),
    ],
)
def test_findings(fleet, text, code, severity):
    (finding,) = own(built(fleet, text))
    assert (finding.code, finding.severity) == (code, severity)
    assert finding.origin is not None
    assert finding.origin.line > 2


def test_nobody_has_a_key(fleet):
    base = 'name = "test"\nrelease = "26.05"\n[people.ada]\n'
    files = {"fleet.toml": base, "hosts/box/host.toml": f'people = ["ada"]\n{HEAD}'}
    found = fleet(files)
    assert [finding.code for finding in own(found)] == ["nobody-can-log-in"]
    assert "AllowUsers" not in sshd(found.nixos(module=MODULE))
    files["hosts/box/host.toml"] += 'allowedUsers = ["ada"]\n'
    assert [finding.code for finding in own(fleet(files))] == ["user-without-key"]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("text", VARIANTS)
def test_settings_exist_in_every_release(fleet, release, text):
    index = Index.of(Release.parse(release))
    for path in settings(fleet, text, release=release):
        assert index.status("nixos", split_path(path)).kind in ("known", "doubtful"), path


# sshd itself --------------------------------------------------------------------------------------------------

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin:/run/current-system/sw/bin")
NIXOS_DEFAULTS = {
    "AuthorizedPrincipalsFile": "none",
    "GatewayPorts": "no",
    "KbdInteractiveAuthentication": True,
    "PasswordAuthentication": True,
    "PrintMotd": False,
    "StrictModes": True,
    "UseDns": False,
    "UsePAM": True,
    "X11Forwarding": False,
}
"""What NixOS itself sets, where the module does not."""


def sshd_config(found: dict[str, object], directory: Path) -> str:
    """An sshd_config from settings, put together the way the NixOS module does it."""
    lines = []
    for name, value in (NIXOS_DEFAULTS | sshd(found)).items():
        if isinstance(value, list):
            value = (" " if name in ("AllowUsers", "AcceptEnv") else ",").join(value)  # noqa: PLW2901
        elif isinstance(value, bool):
            value = "yes" if value else "no"  # noqa: PLW2901
        elif name == "Banner":
            (file,) = parts(str(value))
            assert isinstance(file, File)
            (directory / file.name).write_text(file.text)
            value = directory / file.name  # noqa: PLW2901
        if value is not None:
            lines.append(f"{name} {value}")
    if "services.openssh.banner" in found:
        (directory / "issue").write_text(str(found["services.openssh.banner"]))
        lines.append(f"Banner {directory / 'issue'}")
    for port in found.get("services.openssh.ports", [22]):
        lines.append(f"Port {port}")
    for address in found.get("services.openssh.listenAddresses", []):
        lines.append(f"ListenAddress {address['addr']}")
    if found.get("services.openssh.allowSFTP", True):
        lines.append("Subsystem sftp internal-sftp")
    lines.append("AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u")
    for entry in found["services.openssh.hostKeys"]:
        path = directory / Path(entry["path"]).name
        if not path.exists():
            size = ["-b", "2048"] if entry["type"] == "rsa" else []
            command = ["ssh-keygen", "-q", "-t", entry["type"], *size, "-N", "", "-f", str(path)]
            subprocess.run(command, check=True)
        lines.append(f"HostKey {path}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def privilege_separation():
    """Debian's sshd insists on this directory, which there only is while it runs."""
    directory = Path("/run/sshd")
    if not directory.is_dir():
        try:
            directory.mkdir(mode=0o755)
        except OSError as error:
            pytest.skip(f"sshd needs {directory}, which cannot be made: {error.strerror}")


@pytest.mark.skipif(not SSHD or not shutil.which("ssh-keygen"), reason="openssh-server is not installed")
@pytest.mark.parametrize("release", ["24.11", "26.05"])
@pytest.mark.parametrize("text", VARIANTS)
def test_sshd_accepts_it(fleet, tmp_path, privilege_separation, release, text):
    path = tmp_path / "sshd_config"
    path.write_text(sshd_config(settings(fleet, text, release=release), tmp_path))
    checked = subprocess.run([str(SSHD), "-t", "-f", str(path)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    # What it makes of the file: the words are in lower case.
    effective = subprocess.run(
        [str(SSHD), "-T", "-f", str(path)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert "passwordauthentication no" in effective
    assert "kbdinteractiveauthentication no" in effective
    assert "authenticationmethods publickey" in effective
    assert "permitrootlogin yes" not in effective
    assert "allowusers ada" in effective
