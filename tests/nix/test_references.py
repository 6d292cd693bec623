"""What raw modules refer to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantheros.findings import Finding
from pantheros.nix.references import references


def named(file: str, code: str) -> tuple[list[str], list[Finding]]:
    found, findings = references(file, code)
    return [reference.path for reference in found], findings


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
        ("[ /nix/store/x <nixpkgs> ]", []),
        ('# ./no\n{ a = "./no"; }', []),
        ("/* ./no */ if true then ./yes else rec { x = ./or; }.x", ["hosts/yoga/yes", "hosts/yoga/or"]),
    ],
)
def test_paths(code: str, paths: list[str]) -> None:
    assert named("hosts/yoga/raw.nix", code) == (paths, [])


def test_a_module_in_the_fleet_s_own_directory() -> None:
    assert named("raw.nix", "[ ./. ./a ]") == ([".", "a"], [])


def test_a_path_that_leaves_the_fleet() -> None:
    paths, (finding,) = named("hosts/raw.nix", '[\n  1\n] ++ [ "ä" ../../x ../y ]')
    assert paths == ["y"]
    assert finding.code == "path-outside-fleet"
    assert str(finding.origin) == "hosts/raw.nix:3:12"


@pytest.mark.parametrize(
    ("code", "severity"),
    [("{ a.source = /etc/passwd; }", "warning"), ("{ a.source = ~/foo; }", "error"), ("[ /${a}/x ]", "warning")],
)
def test_a_path_of_the_machine(code: str, severity: str) -> None:
    paths, (finding,) = named("hosts/raw.nix", code)
    assert paths == []
    assert (finding.code, finding.severity) == ("path-outside-fleet", severity)
    assert finding.origin is not None
    assert code[finding.origin.column - 1] in "/~"


@pytest.mark.parametrize(
    ("code", "plain"),
    [
        ("{ lib, ... }: { imports = [ ./x ]; }", True),
        ("{ a.b.source = (./x); }", True),
        ("let y = 1; in with y; { a = import ./x { }; }", True),
        ("{ imports = lib.optional (builtins.pathExists ./x) ./x; }", False),
        ("{ imports = if true then [ ./x ] else [ ]; }", False),
        ("let p = ./x; in { }", False),
        ("{ a = n: ./x/${n}; }", False),
        ('{ a = ./x + "/y"; }', False),
        ("{ a = f { b = ./x; }; }", False),
    ],
)
def test_what_has_to_be_there(code: str, plain: bool) -> None:
    (reference,) = references("raw.nix", code)[0]
    assert (reference.path, reference.plain) == ("x", plain)


def test_a_syntax_error_is_a_warning() -> None:
    paths, (finding,) = named("raw.nix", "{\n a = ./a\n b = ./b;\n}")
    assert paths == ["a", "b"]
    assert (finding.code, finding.severity) == ("nix-syntax", "warning")
    assert str(finding.origin) == "raw.nix:2:9"


@given(
    st.text()
    | st.lists(st.sampled_from(["./a", "..", "/", "${", "}", '"', "''", "+", " ", "{", "ä", "\0"])).map("".join)
)
@settings(max_examples=200, deadline=None)
def test_no_text_raises(text: str) -> None:
    paths, findings = named("hosts/yoga/raw.nix", text)
    lines = text.split("\n")
    assert not any(path.startswith(("..", "/")) and not path.startswith("...") for path in paths)
    for finding in findings:
        assert finding.origin
        assert finding.origin.column <= len(lines[finding.origin.line - 1]) + 1
