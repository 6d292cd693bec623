"""What a project's context is gathered from."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pantheros.insight.context import context
from pantheros.insight.standing import standing


@pytest.mark.parametrize(
    ("url", "source", "version"),
    [
        ("github:NixOS/nixpkgs/nixos-25.11", "NixOS/nixpkgs", "nixos-25.11"),
        ("github:owner/name/release/2", "owner/name", "release/2"),
        ("github:owner/name?ref=v2&dir=x", "owner/name", "v2"),
        ("github:owner/name", "owner/name", ""),
        ("nixpkgs/nixos-unstable", "nixpkgs", "nixos-unstable"),
        ("nixpkgs", "nixpkgs", ""),
        ("git+https://example.org/x.git?ref=main", "git+https://example.org/x.git", "main"),
        ("path:./x", "path:./x", ""),
        ("./x", "./x", ""),
    ],
)
def test_without_a_lock_file_an_input_is_as_the_flake_asks_for_it(
    tmp_path: Path, url: str, source: str, version: str
) -> None:
    text = '{ inputs.x.url = "URL"; outputs = _: { nixosModules = { }; }; }\n'.replace("URL", url)
    (tmp_path / "flake.nix").write_text(text, encoding="utf-8")
    (found,) = context(standing(tmp_path), date(2026, 2, 1)).technology
    assert (found.name, found.source, found.version, found.revision) == ("x", source, version, "")
