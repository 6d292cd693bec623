"""Forges: tokens, and host keys."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from pantheros.modules.development._git.forges import HOST_KEYS
from pantheros.nix.values import parts

MODULE = "development.git"
ON = "[pantherOS.development.git]\nenable = true\n"


def test_a_token_logs_in_over_https(fleet, tmp_path):
    text = ON + 'integrations.github = { enable = true, token = "forge" }\n'
    fleet_toml = '[secrets.forge]\nreference = "op://vault/item/field"\n'
    from_conftest = fleet(text)
    assert "unknown-secret" in from_conftest.codes()
    path = from_conftest.root / "fleet.toml"
    path.write_text(path.read_text() + fleet_toml)
    found = type(from_conftest)(from_conftest.root)
    settings = found.home(module=MODULE)
    assert "unknown-secret" not in found.codes()
    empty, helper = settings['programs.git.settings.credential."https://github.com".helper']
    assert empty == ""
    assert settings["programs.gh.gitCredentialHelper.enable"] is False
    token = tmp_path / "token"
    token.write_text("not-a-token\n")
    said = "".join(p if isinstance(p, str) else str(token) for p in parts(helper))
    (tmp_path / "home").mkdir()
    ran = subprocess.run(
        ["git", "-c", f"credential.helper={said}", "credential", "fill"],
        input="protocol=https\nhost=github.com\n\n",
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines()[-2:] == ["username=x-access-token", "password=not-a-token"]


def test_forges_are_known_hosts(fleet):
    settings = fleet(ON + "integrations = { github = { enable = true }, gitlab = { enable = true } }\n").nixos(
        module=MODULE
    )
    assert settings['programs.ssh.knownHosts."github.com".publicKey'].startswith("ssh-ed25519 ")
    assert settings['programs.ssh.knownHosts."gitlab.com".publicKey'].startswith("ssh-ed25519 ")


def test_the_host_keys_are_those_that_the_forges_publish(tmp_path):
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    published = {
        "github.com": "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
        "gitlab.com": "SHA256:eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8",
    }
    for name, public_key in HOST_KEYS.items():
        (tmp_path / "key.pub").write_text(public_key)
        said = subprocess.run(
            ["ssh-keygen", "-lf", str(tmp_path / "key.pub")], capture_output=True, text=True, check=True
        )
        assert said.stdout.split()[1] == published[name]
