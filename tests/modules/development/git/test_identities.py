"""Identities and signatures, as Git itself sees them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pantheros.nix.values import File, parts
from pantheros.releases.release import Release

MODULE = "development.git"
ON = "[pantherOS.development.git]\nenable = true\n"
EVERYTHING = (Path(__file__).parent / "everything.toml").read_text()
RELEASES = [release.name for release in Release.all()]


def test_identities_by_directory_and_remote(home):
    machine = home(
        "[pantherOS.development.git.identities.work]\n"
        'directories = ["~/work"]\nremotes = ["forge.example/acme"]\nemail = "ada@acme.example"\n'
        'sshKey = "~/.ssh/id_acme"\n'
    )
    private, work, cloned, over_ssh = map(machine.repository, ("private", "work/one", "cloned", "over-ssh"))
    cloned.git("remote", "add", "origin", "https://forge.example/acme/tool.git")
    over_ssh.git("remote", "add", "upstream", "git@forge.example:acme/group/tool.git")
    assert private.git("config", "user.email") == "ada@example.org"
    for repository in (work, cloned, over_ssh):
        assert repository.git("config", "user.email") == "ada@acme.example"
        assert repository.git("config", "user.name") == "Ada Example"
        assert repository.git("config", "core.sshCommand") == "ssh -i ~/.ssh/id_acme -o IdentitiesOnly=yes"
    work.add("a file")
    assert work.commit().returncode == 0
    assert work.git("log", "-1", "--format=%ae") == "ada@acme.example"


def test_an_identity_with_a_key_of_the_other_kind(fleet):
    includes = fleet(EVERYTHING).home(module=MODULE)["programs.git.includes"]
    contents = includes[0]["contents"]
    assert contents["gpg"] == {"format": "openpgp"}
    assert contents["user"]["signingKey"] == "0xB0B0B0B0B0B0B0B0"
    assert contents["commit"] == {"gpgSign": False}
    assert [include["condition"] for include in includes] == [
        "gitdir:~/work/",
        "hasconfig:remote.*.url:https://github.com/acme/**",
        "hasconfig:remote.*.url:git@github.com:acme/**",
        "hasconfig:remote.*.url:ssh://git@github.com/acme/**",
        "hasconfig:remote.*.url:https://git.example.com/**",
    ]


def test_commits_are_signed_with_ssh_and_verified(home, tmp_path):
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    secret_key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(secret_key)], check=True)
    public = secret_key.with_suffix(".pub").read_text().strip()
    signers = f'{{ "ada@example.org" = ["{public}"] }}'
    text = f'signing = {{ enable = true, key = "{secret_key}.pub", allowedSigners = {signers} }}\n'
    machine = home(text)
    repository = machine.repository()
    repository.add("file")
    assert repository.commit().returncode == 0
    assert repository.git("log", "-1", "--format=%G? %GS") == "G ada@example.org"
    repository.git("tag", "--message", "one", "v1")
    repository.git("verify-tag", "v1")


def test_commits_are_signed_with_gnupg(home):
    if not shutil.which("gpg"):
        pytest.skip("gpg is not installed")
    machine = home("signing.enable = true\n")
    # gpg's sockets want a short path
    keyring = Path(os.environ.get("XDG_RUNTIME_DIR", "/tmp")) / f"gpg-{os.getpid()}"
    keyring.mkdir(mode=0o700)
    machine.variables["GNUPGHOME"] = str(keyring)
    try:
        made = machine.run(
            *("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "Ada Example <ada@example.org>"),
            cwd=machine.root,
        )
        if made.returncode:
            pytest.skip(f"gpg makes no key here: {made.stderr}")
        repository = machine.repository()
        repository.add("file")
        assert repository.commit().returncode == 0
        assert repository.git("log", "-1", "--format=%G?") in {"G", "U"}
    finally:
        machine.run("gpgconf", "--kill", "all", cwd=machine.root)
        shutil.rmtree(keyring)


@pytest.mark.parametrize("release", RELEASES)
def test_signing_in_every_release(fleet, release):
    ssh = fleet(ON + 'signing = { enable = true, key = "~/.ssh/id.pub" }\n', release=release).home(module=MODULE)
    if release == "24.11":
        place = "programs.git.extraConfig"
        assert ssh[f"{place}.gpg.format"] == "ssh"
        assert ssh[f"{place}.user.signingKey"] == "~/.ssh/id.pub"
        assert ssh[f"{place}.commit.gpgSign"] is True
    else:
        assert ssh["programs.git.signing.format"] == "ssh"
        assert ssh["programs.git.signing.signByDefault"] is True
    gpg = fleet(ON + 'signing = { enable = true, key = "0xA1" }\n', release=release)
    assert gpg.home(module=MODULE)["programs.git.signing.key"] == "0xA1"
    assert gpg.nixos(module=MODULE)["programs.gnupg.agent.enable"] is True


def test_the_key_that_logs_in_signs(fleet):
    settings = fleet(ON + "signing.enable = true\nssh.enable = true\n").home(module=MODULE)
    assert settings["programs.git.signing.key"] == "~/.ssh/id_ed25519.pub"


def test_a_public_key_as_signing_key_is_marked_as_one(fleet):
    settings = fleet(EVERYTHING).home(module=MODULE)
    assert settings["programs.git.signing.key"].startswith("key::ssh-ed25519 AAAA")


def test_signers_are_the_people_and_those_named(fleet):
    found = fleet(EVERYTHING)
    signers = found.home(module=MODULE)["programs.git.settings.gpg.ssh.allowedSignersFile"]
    (signers_file,) = parts(signers)
    assert isinstance(signers_file, File)
    assert [line.split()[:3] for line in signers_file.text.splitlines()] == [
        ["ada@example.org", 'namespaces="git"', "ssh-ed25519"],
        ["bob@example.org", 'namespaces="git"', "ssh-ed25519"],
    ]
