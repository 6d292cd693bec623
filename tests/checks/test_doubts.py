"""What is no mistake for Nix, and still probably not meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pantheros.checks.run import check

Write = Callable[[dict[str, str]], Path]
ROOT = '[nixos.fileSystems]\n"/" = { device = "/dev/disk/by-label/root", fsType = "ext4" }\n'
LUKS = 'boot.initrd.luks.devices.root.device = "/dev/disk/by-label/crypt"\n'
REFERENCE = 'nixos.services.restic.backups.home.passwordFile = "op://home/restic/password"\n'


@pytest.mark.parametrize(
    ("host", "code", "line"),
    [
        (f'kind = "laptop"\n{ROOT}', "portable-not-encrypted", 3),
        (f'kind = "server"\n{ROOT}', "portable-not-encrypted", None),
        (f'kind = "laptop"\nnixos.{LUKS}{ROOT}', "portable-not-encrypted", None),
        (f'kind = "laptop"\n{ROOT}'.replace("disk/by-label", "mapper"), "portable-not-encrypted", None),
        ("nixos.services.nextcloud.enable = true\n", "missing-setting", 1),
        ("nixos.services.nextcloud.enable = false\n", "missing-setting", None),
        ('nixos.virtualisation.oci-containers.containers.x.ports = ["80:80"]\n', "missing-setting", 1),
        ('nixos.virtualisation.oci-containers.containers.x.image = "x"\n', "missing-setting", None),
        ('[[nixos.security.pam.loginLimits]]\ndomain = "*"\nitem = "nofile"\n', "missing-setting", 1),
        ("nixos.containers.box.config.services.nginx.enable = true\n", "missing-setting", None),
        ('nixos.environment.etc.x.text = "y"\n', "missing-setting", None),
        (REFERENCE, "secret-not-fetched", 1),
        (REFERENCE.replace("op://", "/run/"), "secret-not-fetched", None),
    ],
)
def test_what_is_doubtful(write: Write, host: str, code: str, line: int | None) -> None:
    found = [finding for finding in check(write({"hosts/box/host.toml": host})).findings if finding.code == code]
    assert {finding.origin and finding.origin.line for finding in found} == ({line} if line else set())
    assert all(finding.severity == "warning" for finding in found)


def test_what_a_raw_module_may_use_is_not_called_unused(write: Write) -> None:
    root = write({"hosts/box/host.toml": 'imports = ["own.nix"]\n', "hosts/box/own.nix": "{ ... }: { }\n"})
    with (root / "fleet.toml").open("a") as file:
        file.write('\n[secrets]\napiKey = "op://home/api/key"\n')
    checked = check(root)
    assert "unused-secret" not in [finding.code for finding in checked.findings]
    assert 'that something uses the secret "apiKey"' in [note.what for note in checked.not_verified]


def test_a_file_that_cannot_be_read_may_say_what_seems_to_be_missing(write: Write) -> None:
    root = write({"hosts/box/host.nix": '{ kind = "laptop"\n profiles = [ "desk" ]; }\n'})
    with (root / "fleet.toml").open("a") as file:
        file.write("\n[profiles.desk.nixos]\nservices.printing.enable = true\n")
    assert [finding.code for finding in check(root).findings] == ["nix-syntax"]
