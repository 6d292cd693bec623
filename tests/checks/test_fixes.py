"""What has one safe fix is mended; all else in the file stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pantheros.checks.fixes import apply, edits
from pantheros.checks.run import check

Write = Callable[[dict[str, str]], Path]
TOML = """\
\ufeffkind = "sever" # what it is\r
people = ["adaa"]\r
\r
[pantherOS.system] # the same for all\r
stateVersion = "26.05"\r
timeZoen = "UTC"\r
\r
[pantherOS.development.containrs]\r
enable = true\r
\r
[nixos]\r
services.nginx.enable = "true"   # on\r
services.openssh.settings."PermitRootLogin" = "prohibit-pasword"\r
networking.firewall.allowedTCPPorts = [80, "443"]\r
[home]\r
"programs".git.enabel = true\r
"""
MENDED = (
    TOML.replace("sever", "server")
    .replace("adaa", "ada")
    .replace("Zoen", "Zone")
    .replace("containrs", "containers")
    .replace('"true"', "true")
    .replace("pasword", "password")
    .replace('"443"', "443")
    .replace("enabel", "enable")
)


def mend(root: Path) -> int:
    found = edits(root, check(root).findings)
    apply(root, found)
    return len(found)


def test_toml(write: Write) -> None:
    root = write({"hosts/box/host.toml": "x"})
    file = root / "hosts/box/host.toml"
    file.write_bytes(TOML.encode())
    file.chmod(0o640)
    while mend(root):
        pass
    assert file.read_bytes().decode() == MENDED
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in file.parent.iterdir()] == ["host.toml"]


@pytest.mark.parametrize("file", ["hosts/box/host.toml", "hosts/box/host.nix"])
def test_a_new_name_may_be_several(write: Write, file: str) -> None:
    toml = '[nixos]\nservices.xserver.layout = "de"\nboot.cleanTmpDir = true\n'
    nix = '{ nixos.services.xserver.layout = "de"; nixos.boot.cleanTmpDir = true; }\n'
    text = toml if file.endswith("toml") else nix
    root = write({file: text})
    assert mend(root) == 2
    mended = text.replace(".layout", ".xkb.layout").replace("cleanTmpDir", "tmp.cleanOnBoot")
    assert (root / file).read_text() == mended


def test_nix(write: Write) -> None:
    text = '{ kind = "sever"; people = [ "ada" ]; # é\n  nixos.services.nginx.enable = "true";\n'
    text += "  home.programs.gitt.enable = true; }\n"
    root = write({"hosts/box/host.nix": text})
    while mend(root):
        pass
    mended = text.replace("sever", "server").replace('"true"', "true").replace("gitt", "git")
    assert (root / "hosts/box/host.nix").read_text() == mended


@pytest.mark.parametrize(
    "text",
    [
        "[nixos]\nservices.xyz.enable = true\n",  # near nothing
        'tags = "a"\n',  # a list of it, or something else?
        "[nixos]\ntime.timeZone = 3\n",
        "[nixos]\nservices.xserver.displayManager.sddm.enable = true\n",  # its new name lies elsewhere
        "[nixos]\nservices.printing.gutenprint = true\n",  # its value takes another form
    ],
)
def test_what_is_not_sure_is_left_alone(write: Write, text: str) -> None:
    root = write({"hosts/box/host.toml": text})
    assert mend(root) == 0
    assert (root / "hosts/box/host.toml").read_text() == text
