"""What is shown is read by others: in a terminal that is shared, in CI's log, in a pull request."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import HOST, Panther

SECRET = "hunter2-hunter2"
FLEET = f"""{HOST}
[nixos]
services.grafana.settings.security = {{ admin_password = "{SECRET}", admin_user = 7 }}
services.davfs2.settings.globalSection.password = "{SECRET}"
users.users.ada.hashedPassword = ["{SECRET}"]
users.users.ada.pasword = "x"
nix.settings.access-tokens = "github.com=ghp_{"k3J9" * 9}"

[nixos.force]
users.users.root.initialPassword = "{SECRET}"
"""


@pytest.mark.parametrize(
    "command",
    [
        ["show", "box"],
        ["show", "box", "--json"],
        ["why", "box", "services.davfs2.settings.globalSection.password"],
        ["why", "box", "services.davfs2.settings", "--json"],
        ["why", "box", "users.users.root.initialPassword"],
        ["options", "show", "users.users.<name>.initialPassword"],
        ["options", "show", "services.davfs2.settings", "--json"],
        ["diff", "HEAD"],
        ["diff", "HEAD", "--json"],
        ["diff", "HEAD", "--format", "markdown"],
        *(["check", "--format", form] for form in ("text", "json", "sarif", "github", "junit")),
    ],
    ids=" ".join,
)
def test_no_secret_is_shown(panther: Panther, write: Callable[[dict[str, str]], Path], command: list[str]) -> None:
    root = write({"hosts/box/host.toml": HOST})
    for git in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        subprocess.run(["git", "-C", str(root), *git], check=True)
    (root / "hosts/box/host.toml").write_text(FLEET)
    answer = panther(*command, root)
    assert answer.out + answer.err
    assert SECRET not in answer.out + answer.err
    assert "k3J9k3J9" not in answer.out + answer.err


def test_what_is_pointed_at_is_shown(panther: Panther, write: Callable[[dict[str, str]], Path]) -> None:
    """The name of a secret is none."""
    root = write(
        {"hosts/box/host.toml": HOST + '\n[pantherOS.networking.tailscale]\nenable = true\nauthKey = "tailnetkey"\n'}
    )
    assert '8 | authKey = "tailnetkey"' in panther("check", root).err
