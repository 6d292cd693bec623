"""What raw modules refer to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantheros.nix.references import references


@pytest.mark.parametrize(
    ("code", "paths"),
    [
        ("{ imports = [ ./lib/foo.nix ../../shared ]; }", ["hosts/yoga/lib/foo.nix", "shared"]),
        ("{ a = ./.; b = ../.; }", ["hosts/yoga", "hosts"]),
        ("{ a = ../../.; }", ["."]),
        ("n: ./${n}.nix", ["hosts/yoga"]),
        ("n: ./lib/${n}/x.nix", ["hosts/yoga/lib"]),
        ("n: ./lib-${n}.nix", ["hosts/yoga"]),
        ('n: ./lib + "/${n}.nix"', ["hosts/yoga/lib"]),
        ('n: ./lib/x + ".nix"', ["hosts/yoga/lib"]),
        ("n: ./lib + n", ["hosts/yoga"]),
        ('"${./a.sh} ${import ./b.nix {}}"', ["hosts/yoga/a.sh", "hosts/yoga/b.nix"]),
        ("''\n ${./a.sh}\n''", ["hosts/yoga/a.sh"]),
        ("[ ./a ./a ./b/../a ]", ["hosts/yoga/a"]),
        ("a/b", ["hosts/yoga/a/b"]),
        ("[ /etc/x ~/x <nixpkgs> ]", []),
        ('# ./no\n{ a = "./no"; }', []),
        ("/* ./no */ if true then ./yes else rec { x = ./or; }.x", ["hosts/yoga/yes", "hosts/yoga/or"]),
    ],
)
def test_paths(code: str, paths: list[str]) -> None:
    assert references("hosts/yoga/raw.nix", code) == (paths, [])


def test_a_module_in_the_fleet_s_own_directory() -> None:
    assert references("raw.nix", "[ ./. ./a ]") == ([".", "a"], [])


def test_a_path_that_leaves_the_fleet() -> None:
    paths, (finding,) = references("hosts/raw.nix", '[\n  1\n] ++ [ "ä" ../../x ../y ]')
    assert paths == ["y"]
    assert finding.code == "path-outside-fleet"
    assert str(finding.origin) == "hosts/raw.nix:3:12"


def test_a_syntax_error_is_a_warning() -> None:
    paths, (finding,) = references("raw.nix", "{\n a = ./a\n b = ./b;\n}")
    assert paths == ["a", "b"]
    assert (finding.code, finding.severity) == ("nix-syntax", "warning")
    assert str(finding.origin) == "raw.nix:2:9"


@given(
    st.text()
    | st.lists(st.sampled_from(["./a", "..", "/", "${", "}", '"', "''", "+", " ", "{", "ä", "\0"])).map("".join)
)
@settings(max_examples=200, deadline=None)
def test_no_text_raises(text: str) -> None:
    paths, findings = references("hosts/yoga/raw.nix", text)
    lines = text.split("\n")
    assert not any(path.startswith(("..", "/")) and not path.startswith("...") for path in paths)
    for finding in findings:
        assert finding.origin
        assert finding.origin.column <= len(lines[finding.origin.line - 1]) + 1
