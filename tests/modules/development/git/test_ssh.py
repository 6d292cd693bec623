"""SSH: hosts, keys that are made, agents."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pantheros.modules.development import _git
from pantheros.nix.values import split_path
from pantheros.releases.release import Release

MODULE = "development.git"
ON = "[pantherOS.development.git]\nenable = true\n"
EVERYTHING = (Path(__file__).parent / "everything.toml").read_text()
SCRIPTS = Path(*_git.__path__) / "scripts"
RELEASES = [release.name for release in Release.all()]


def test_ssh_before_and_after_its_words_changed(fleet):
    text = ON + 'ssh = { enable = true, hosts = { github = "github.com" } }\n'
    old = fleet(text, release="24.11").home(module=MODULE)
    assert old['programs.ssh.matchBlocks."github github.com".identityFile'] == "~/.ssh/id_ed25519"
    assert old["programs.ssh.addKeysToAgent"] == "yes"
    assert "programs.ssh.enableDefaultConfig" not in old
    middle = fleet(text, release="25.11").home(module=MODULE)
    assert middle['programs.ssh.matchBlocks."*".addKeysToAgent'] == "yes"
    assert middle["programs.ssh.enableDefaultConfig"] is False
    new = fleet(text, release="26.05").home(module=MODULE)
    assert new['programs.ssh.settings."github github.com".HostName'] == "github.com"
    assert new['programs.ssh.settings."*".AddKeysToAgent'] == "yes"


def test_one_host_may_have_several_keys(fleet):
    settings = fleet(EVERYTHING).home(module=MODULE)
    assert settings['programs.ssh.settings."github github.com".IdentityFile'] == "~/.ssh/id_rsa"
    assert settings["programs.ssh.settings.acme.IdentityFile"] == "~/.ssh/id_acme"
    assert settings["programs.ssh.settings.acme.HostName"] == "github.com"
    assert settings['programs.ssh.settings."build build.example.org".Port'] == 2222


def test_ssh_reads_what_is_written(fleet, tmp_path):
    if not shutil.which("ssh"):
        pytest.skip("ssh is not installed")
    blocks: dict[str, list[str]] = {}
    for path, value in fleet(EVERYTHING).home(module=MODULE).items():
        names = split_path(path)
        if names[:3] == ("programs", "ssh", "settings"):
            said = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
            blocks.setdefault(names[3], []).append(f"  {names[4]} {said}\n")
    text = "".join(f"Host {pattern}\n{''.join(lines)}" for pattern, lines in blocks.items())
    (tmp_path / "config").write_text(text)

    def answer(host: str) -> dict[str, str]:
        said = subprocess.run(
            ["ssh", "-F", str(tmp_path / "config"), "-G", host], capture_output=True, text=True, check=True
        )
        return dict(line.split(" ", 1) for line in said.stdout.splitlines())

    assert answer("github")["hostname"] == "github.com"
    assert answer("github.com")["identityfile"] == "~/.ssh/id_rsa"
    assert answer("acme")["identityfile"] == "~/.ssh/id_acme"
    assert answer("acme")["user"] == "git"
    assert answer("build")["port"] == "2222"
    assert answer("elsewhere.example")["addkeystoagent"] == "true"


@pytest.fixture
def generate(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    script = SCRIPTS / "generate-ssh-key"

    def generate(kind: str, *paths: Path) -> subprocess.CompletedProcess[str]:
        command = ["bash", str(script), kind, "ada@box", *map(str, paths)]
        return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    return generate


def test_a_missing_key_is_made(generate, tmp_path):
    private = tmp_path / "new/.ssh/id_ed25519"
    assert generate("ed25519", private).returncode == 0
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    assert private.with_suffix(".pub").read_text().split()[::2] == ["ssh-ed25519", "ada@box"]
    assert sorted(p.name for p in private.parent.iterdir()) == ["id_ed25519", "id_ed25519.pub"]


def test_a_key_is_never_replaced(generate, tmp_path):
    private, half = tmp_path / "id_ed25519", tmp_path / "id_other"
    private.write_text("mine")
    half.with_suffix(".pub").write_text("its private half is on a security key")
    dangling = tmp_path / "id_link"
    dangling.symlink_to(tmp_path / "not-mounted-yet")
    assert generate("ed25519", private, half, dangling).returncode == 0
    assert private.read_text() == "mine"
    assert not private.with_suffix(".pub").exists()
    assert not half.exists()
    assert dangling.is_symlink() and not dangling.exists()


def test_keys_are_made_when_the_person_logs_in(fleet):
    settings = fleet(EVERYTHING).home(module=MODULE)
    command = settings["systemd.user.services.git-ssh-key.Service.ExecStart"]
    assert command.endswith(" rsa ada@box %h/.ssh/id_rsa %h/.ssh/id_acme")
    assert settings["systemd.user.services.git-ssh-key.Install.WantedBy"] == ["default.target"]


@pytest.mark.parametrize("release", RELEASES)
def test_1password_as_agent(fleet, release):
    settings = fleet(ON + 'ssh = { enable = true, agent = "1password" }\n', release=release).home(module=MODULE)
    assert [value for path, value in settings.items() if path.lower().endswith("identityagent")] == [
        "~/.1password/agent.sock"
    ]
    assert settings["home.sessionVariables.SSH_AUTH_SOCK"] == "/home/ada/.1password/agent.sock"
    assert "services.ssh-agent.enable" not in settings


def test_gnupg_as_agent(fleet):
    found = fleet(ON + 'ssh = { enable = true, agent = "gpg" }\n')
    assert found.nixos(module=MODULE)["programs.gnupg.agent.enableSSHSupport"] is True
