"""The fleet's own files that the flake needs: what raw modules name, and what cannot be copied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pantheros.checks.run import check
from pantheros.findings import Finding

Write = Callable[[dict[str, str]], Path]
HOST = 'kind = "server"\npeople = ["ada"]\nimports = ["raw.nix"]\n[pantherOS.system]\nstateVersion = "24.11"\n'


def told(root: Path) -> list[tuple[str, str, str]]:
    about_files = ("missing-file", "path-outside-fleet", "link-cycle", "unreadable-file")
    return [(f.code, f.severity, str(f.origin)) for f in check(root).findings if f.code in about_files]


def test_paths_that_a_flake_cannot_read(write: Write) -> None:
    raw = """\
{
  imports = [ ./miss.nix ];
  environment.etc.a.source = /etc/passwd;
  environment.etc.b.source = ~/foo;
  environment.etc.c.source = if true then ./c else ./d;
}
"""
    assert told(write({"hosts/a/host.toml": HOST, "hosts/a/raw.nix": raw})) == [
        ("missing-file", "error", "hosts/a/raw.nix:2:15"),
        ("path-outside-fleet", "warning", "hosts/a/raw.nix:3:30"),
        ("path-outside-fleet", "error", "hosts/a/raw.nix:4:30"),
    ]


def test_what_only_lies_in_a_directory_is_perhaps_not_used(write: Write) -> None:
    files = {
        "hosts/a/host.toml": HOST,
        "hosts/a/raw.nix": "{ imports = [ ./d ]; }\n",
        "hosts/a/d/default.nix": "{ imports = [ ./used.nix ]; }\n",
        "hosts/a/d/other.nix": "{ imports = [ ./miss.nix ]; }\n",
        "hosts/a/d/used.nix": "{ imports = [ ./miss.nix ]; }\n",
    }
    assert told(write(files)) == [
        ("missing-file", "warning", "hosts/a/d/other.nix:1:15"),
        ("missing-file", "error", "hosts/a/d/used.nix:1:15"),
    ]


def test_a_link_that_leads_back(write: Write) -> None:
    root = write(
        {
            "hosts/a/host.toml": HOST,
            "hosts/a/raw.nix": "{ environment.etc.d.source = ./d; }\n",
            "hosts/a/d/sub/file": "",
        }
    )
    (root / "hosts/a/d/loop").symlink_to(".")
    (root / "hosts/a/d/sub/up").symlink_to("../sub")
    (root / "hosts/a/d/dangling").symlink_to("nowhere")
    (root / "hosts/a/d/fine").symlink_to("sub/file")
    findings: list[Finding] = check(root).findings
    assert [(f.code, f.message.split(":")[0].split(" is ")[0]) for f in findings if f.severity == "error"] == [
        ("unreadable-file", "cannot read hosts/a/d/dangling"),
        ("link-cycle", "hosts/a/d/loop"),
        ("link-cycle", "hosts/a/d/sub/up"),
    ]


def test_the_fleet_itself_as_a_path_of_host_nix(write: Write) -> None:
    text = '{ people = [ "ada" ]; pantherOS.system.stateVersion = "24.11"; nixos.a.b = ./../..; }\n'
    errors = [finding for finding in told(write({"hosts/a/host.nix": text})) if finding[1] == "error"]
    assert errors == [("path-outside-fleet", "error", f"hosts/a/host.nix:1:{text.index('./..') + 1}")]


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"hosts/a/raw.nix": "{ a.source = ../../.; }\n"}, "hosts/a/raw.nix:1:14"),
        ({"hosts/a/raw.nix": "{ }\n", "hosts/a/host.toml": HOST.replace("raw.nix", "../..")}, "hosts/a/host.toml:3:12"),
    ],
)
def test_the_fleet_itself(write: Write, files: dict[str, str], place: str) -> None:
    root = write({"default.nix": "{ }\n", "hosts/a/host.toml": HOST, **files})
    assert told(root) == [("path-outside-fleet", "error", place)]
    assert not any(" is a link" in finding.message for finding in check(root).findings)
