"""Reading `host.nix`: data, findings, places, and Nix itself as the judge."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantheros.document import Document
from pantheros.findings import Origin
from pantheros.nix.reader import read_nix
from pantheros.nix.values import FleetPath, Override, Package

FILE = "hosts/yoga/host.nix"


def read(text: str) -> Document:
    return read_nix(FILE, text)


def cut(text: str, origin: Origin) -> str:
    """The text that an origin names."""
    assert origin.file == FILE
    lines = text.split("\n")
    if origin.line == origin.end_line:
        return lines[origin.line - 1][origin.column - 1 : origin.end_column - 1]
    first, *middle = lines[origin.line - 1 : origin.end_line]
    return "\n".join([first[origin.column - 1 :], *middle[:-1], middle[-1][: origin.end_column - 1]])


def assert_sound(document: Document, text: str) -> None:
    """Every finding and every place lies in the file."""
    lines = text.split("\n")
    origins = [origin for span in document.locate().values() for origin in (span.key, span.value)]
    for finding in document.findings:
        assert finding.origin and finding.message and finding.code
        origins += [finding.origin, *(related.origin for related in finding.related)]
    for origin in origins:
        assert origin.file == FILE
        assert (origin.line, origin.column) <= (origin.end_line, origin.end_column)
        for line, column in ((origin.line, origin.column), (origin.end_line, origin.end_column)):
            assert 1 <= line <= len(lines)
            assert 1 <= column <= len(lines[line - 1]) + 1


# Values that are not JSON -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("{ pkgs, ... }: { a = pkgs.k9s; }", {"a": Package("k9s")}),
        ("{ pkgs, ... }: { a = pkgs.a.b; }", {"a": Package("a.b")}),
        ("{ pkgs, ... }: { b = (pkgs.a).\"b c\"; }", {"b": Package('a."b c"')}),
        ("args: { a = args.pkgs.git; }", {"a": Package("git")}),
        ("{ pkgs, ... }@args: { a = args.pkgs.git; }", {"a": Package("git")}),
        ("{ pkgs, ... }: { l = with pkgs; [ a b.c ]; }", {"l": [Package("a"), Package("b.c")]}),
        ("{ pkgs, ... }: with pkgs; { l = [ a true null ]; }", {"l": [Package("a"), True, None]}),
        ("{ pkgs, ... }: { inherit (pkgs) a b; }", {"a": Package("a"), "b": Package("b")}),
        ("{ pkgs, ... }: let a = pkgs.b; in with pkgs; { l = [ a c ]; }",
         {"l": [Package("b"), Package("c")]}),
        ("{ pkgs, ... }: { s = \"${pkgs.git}/bin/git\"; }", {"s": f"{Package('git')}/bin/git"}),
        ("{ pkgs, ... }: { s = ''\n  x\n    ${pkgs.git} y\n''; }", {"s": f"x\n  {Package('git')} y\n"}),
        ("{ lib, ... }: { a = lib.mkForce 1; }", {"a": Override(50, 1)}),
        ("{ lib, ... }: { a = lib.mkDefault { b = [ 1 ]; }; }", {"a": Override(1000, {"b": [1]})}),
        ("{ lib, ... }: with lib; { a = mkForce true; }", {"a": Override(50, True)}),
        ("{ lib, ... }: let inherit (lib) mkForce; in { a = mkForce true; }", {"a": Override(50, True)}),
        ("{ lib, ... }: let force = lib.mkForce; in { a = (force) true; }", {"a": Override(50, True)}),
        ("{ pkgs, ... }: { a = pkgs.lib.mkForce 1; }", {"a": Override(50, 1)}),
        (
            "{ lib, pkgs, ... }: with lib; with pkgs; { a = mkDefault [ git ]; }",
            {"a": Override(1000, [Package("git")])},
        ),
        ("{ a = ./x.nix; b = ../z; c = ./.; }", {
            "a": FleetPath("hosts/yoga/x.nix"), "b": FleetPath("hosts/z"), "c": FleetPath("hosts/yoga")
        }),
        ("let n = \"x\"; in { a = ./${n}.nix; }", {"a": FleetPath("hosts/yoga/x.nix")}),
        ("{ a = \"${./x}/y\"; }", {"a": f"{FleetPath('hosts/yoga/x')}/y"}),
    ],
)  # fmt: skip
def test_values(text: str, data: dict[str, Any]) -> None:
    document = read(text)
    assert document.findings == []
    assert document.data == data


# Findings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "code", "place", "words"),
    [
        ("if true then 1 else 2", "nix-not-data", None, "a condition"),
        ("x: x", "nix-not-data", None, "a function"),
        ("1 + 1", "nix-not-data", None, "a computation"),
        ("[ 1 ] ++ [ 2 ]", "nix-not-data", None, "a computation"),
        ("!true", "nix-not-data", None, "a computation"),
        ("assert true; 1", "nix-not-data", None, "an assertion"),
        ("rec { b = 1; }", "nix-not-data", None, "`rec`"),
        ("let { body = 1; }", "nix-not-data", None, "old form of `let`"),
        ("{ b = 1; } ? b", "nix-not-data", None, "whether an attribute exists"),
        ("{ b = 1; }.c or 2", "nix-not-data", None, "a choice"),
        ("toString 1", "nix-not-data", "toString", "`toString`"),
        ("lib.mkIf true 1", "nix-not-data", "mkIf", "`lib.mkIf`"),
        ("lib.mkForce (lib.mkDefault 1)", "nix-not-data", None, "one priority"),
        ("lib.mkForce", "nix-not-data", None, "without a value"),
        ("config.networking.hostName", "nix-not-data", "networking", "`config.networking`"),
        ("pkgs", "nix-not-data", None, "the package set"),
        ("(pkgs.python3.withPackages (p: [ ]))", "nix-not-data", None, "a call"),
        ("<nixpkgs>", "nix-not-data", None, "`NIX_PATH`"),
        ("~/x", "nix-not-data", None, "home directory"),
        ("/etc/x", "nix-not-data", None, "the machine that builds"),
        ("./x/", "nix-not-data", None, "cannot end with `/`"),
        ("http://nixos.org", "nix-not-data", None, "a URL without quotes"),
        ("../../../x", "path-outside-fleet", None, "outside the fleet"),
        ("9223372036854775808", "nix-not-data", None, "too large"),
        ("1.0e999", "nix-not-data", None, "too large"),
        ('"a ${1} b"', "nix-not-data", "${1}", "a number in a text"),
        ('{ "${[ ]}" = 1; }', "nix-not-data", "${[ ]}", "a list in a text"),
        ("{ ${1} = 1; }", "nix-not-data", "${1}", "name must be plain text"),
        ("True", "nix-undefined", None, "`True` is not defined"),
        ("nothing", "nix-undefined", None, "`nothing` is not defined"),
        ("with lib; types", "nix-not-data", "types", "`types`"),
        ("with 1; 2", "nix-not-data", "1", "`with` opens"),
        ("{ b = 1; }.c", "nix-undefined", "c", "no attribute `c`"),
        ("true.c", "nix-not-data", "c", "no attribute `c`"),
        ("let b = b; in b", "nix-cycle", "b", "needs itself"),
    ],
)
def test_what_is_not_data(value: str, code: str, place: str | None, words: str) -> None:
    text = f"{{ config, lib, pkgs, ... }}: {{\n  before = 1;\n  a.x = {value};\n  after = [ 2 ];\n}}\n"
    document = read(text)
    (finding,) = document.findings
    assert (finding.code, finding.severity) == (code, "error")
    assert words in finding.message
    assert finding.help or code == "nix-cycle" or ".c" in value
    assert finding.origin is not None
    assert finding.origin.line == 3
    inner = value[1:-1] if value.startswith("(") else value
    assert cut(text, finding.origin) == (place or inner)
    del document.data["a"]
    assert document.data == {"before": 1, "after": [2]}
    assert_sound(document, text)


@pytest.mark.parametrize(
    ("bindings", "name", "place"),
    [
        ("a = 1; a = 2;", "`a`", "a"),
        ("a.b = 1; a.b = 2;", "`b`", "b"),
        ("a = 1; a.b = 2;", "`a`", "a"),
        ("a = { b = 1; }; a = { b = 2; };", "`b`", "b"),
        ("a = { b.c = 1; }; a = { b.d = 2; };", "`b`", "b"),
        ("inherit (x) a; a = 2;", "`a`", "a"),
        ('a = 1; "a" = 2;', "`a`", '"a"'),
    ],
)
def test_assigned_twice(bindings: str, name: str, place: str) -> None:
    text = f"let x = {{ a = 1; }}; in {{\n {bindings} }}"
    (finding,) = read(text).findings
    assert finding.code == "nix-duplicate"
    assert name in finding.message
    assert finding.origin is not None
    assert cut(text, finding.origin) == place
    assert finding.related[0].origin < finding.origin


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("{\n  a = 1\n  b = 2;\n}", 2, 8, "a semicolon is missing (before `b`)"),
        ("{\n  a = {\n    b = 1;\n  }\n  c.d = 2;\n}", 4, 4, "a semicolon is missing (before `c`)"),
        ("{\n  a = 1;\n  b = [ 2 ]\n}", 3, 12, "a semicolon is missing"),
        ("{\n  a = 1;\n  b = { c = 2\n  };\n  d = 3;\n}", 3, 14, "a semicolon is missing (before `}`)"),
        ("{ pkgs, ... }: {\n  a = with pkgs; [ b ]\n}", 2, 23, "a semicolon is missing"),
        ("{ a = let b = 1; in b }", 1, 22, "a semicolon is missing"),
        ("{ a = { inherit (b) c }; d = 1; }", 1, 22, "a semicolon is missing (before `}`)"),
        ("{ a = 1; # ;\n  b = 2 # ;\n  c = 3; }", 2, 8, "a semicolon is missing (before `c`)"),
        ("let a = 1\nin { b = a; }", 1, 10, "a semicolon is missing (before `in`)"),
        ("let a = 1; { b = a; }", 1, 5, "`in` is missing"),
        ("{ inherit a\n  b = 1; }", 1, 12, "a semicolon is missing"),
        ("{ a = 1, b = 2; }", 1, 8, "Nix wants `;`"),
        ("{ a: 1; }", 1, 4, "a value is assigned with `=`"),
        ("a = 1;\n", 1, 1, "`{` is missing"),
        ("{ a = [ 1, 2 ]; }", 1, 10, "a comma"),
        ("{ a = [ -1 ]; }", 1, 9, "a negative number in a list"),
        ("{ a = 'x'; }", 1, 7, "single quotes"),
        ('{ a = "x; }', 1, 7, "never closed"),
        ('{\n  a = "x;\n  b = "y";\n  c = "z";\n}', 2, 7, 'is its closing `"` missing?'),
        ("{ a = [ 1 2; }", 1, 12, "`]` is missing"),
        ("{ a = 1;\n", 1, 9, "`}` is missing"),
        ("{ ", 1, 2, "`}` is missing"),
        ("{ a = { b = 1; ", 1, 15, "`}` is missing"),
        ("{ pkgs, ... }: { a = [", 1, 23, "`]` is missing"),
        ("{ a = 1; } }", 1, 12, "`}` without a `{`"),
        ("{ lib pkgs ... }: { }", 1, 3, "not separated by commas"),
        ("{ a 1; }", 1, 1, "this set cannot be read"),
        ("", 1, 1, "the file is empty"),
        ("{ a\0= 1; }", 1, 4, "a NUL character"),
        ("\ufeff{ }", 1, 1, "a byte order mark"),
    ],
)
def test_syntax(text: str, line: int, column: int, words: str) -> None:
    document = read(text)
    finding = document.findings[0]
    assert finding.code == "nix-syntax"
    assert words in finding.message
    assert finding.origin is not None
    assert finding.origin[1:3] == (line, column)
    assert_sound(document, text)


def test_a_syntax_error_leaves_the_rest() -> None:
    document = read("{\n  a = 1;\n  b = [ 2, 3 ];\n  c.d = 4;\n}")
    assert {finding.code for finding in document.findings} == {"nix-syntax"}
    assert document.data == {"a": 1, "c": {"d": 4}}


@pytest.mark.parametrize("text", ["1", "[ ]", '"x"', "null", "x: y: { }", "{ a = { }; }.a.b"])
def test_what_is_no_host(text: str) -> None:
    document = read(text)
    assert document.data == {}
    assert len(document.findings) == 1


@pytest.mark.parametrize("size", [150, 2000])
@pytest.mark.parametrize(
    ("left", "right"), [("[", "]"), ("(", ")"), ("{ x = ", ";}"), ("let x = 1; in ", ""), ("-", "")]
)
def test_values_that_nest_too_deep(left: str, right: str, size: int) -> None:
    text = f"{{ a = {left * size}1{right * size}; b = 1; }}"
    document = read(text)
    assert {finding.code for finding in document.findings} <= {"nix-too-deep"}
    assert document.data["b"] == 1
    json.dumps(document.data)
    assert_sound(document, text)


@pytest.mark.parametrize(
    ("first", "step"), [("[ 1 1 ]", "[ a{0} a{0} ]"), ('"xx"', '"${{a{0}}}${{a{0}}}"'), ("1", "a{0}")]
)
def test_values_that_multiply(first: str, step: str) -> None:
    chain = "".join(f"a{i + 1} = {step.format(i)}; " for i in range(150))
    document = read(f"let a0 = {first}; {chain} in {{ b = 1; x = a150; }}")
    assert {finding.code for finding in document.findings} <= {"nix-too-large", "nix-too-deep"}
    assert document.findings
    assert document.data["b"] == 1


def test_a_value_that_contains_itself() -> None:
    document = read("let a = { b = [ a ]; }; in { x = a; y = a; }")
    assert {finding.code for finding in document.findings} == {"nix-cycle"}


def test_a_let_value_with_a_finding_is_told_once() -> None:
    document = read("let a = [ (1 + 1) ]; in { x = a; y = a; }")
    assert len(document.findings) == 1
    assert document.data == {"x": [], "y": []}


# Places -----------------------------------------------------------------------------------------------

TEXT = """\
{ lib, pkgs, ... }:
let
  ä = { name = "Ä"; };
in
{
  a."b c".d = 1; # one
  "ü" = ä;
  l = [ "ß" (1 + 1) { x = 2; } ];
  inherit (pkgs) git;
  f = lib.mkForce {
    x.y = 3;
  };
}
""".replace("ä", "me")


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("a",), "a", 'a."b c".d'),
        (("a", "b c"), '"b c"', 'a."b c".d'),
        (("a", "b c", "d"), "d", "1"),
        (("ü",), '"ü"', "me"),
        (("ü", "name"), "name", '"Ä"'),
        (("l", 0), '"ß"', '"ß"'),
        (("l", 1), "{ x = 2; }", "{ x = 2; }"),
        (("l", 1, "x"), "x", "2"),
        (("git",), "git", "git"),
        (("f",), "f", "lib.mkForce {\n    x.y = 3;\n  }"),
        (("f", "x", "y"), "y", "3"),
    ],
)
def test_places(path: tuple[str | int, ...], key: str, value: str) -> None:
    document = read(TEXT)
    assert cut(TEXT, document.origin(path, key=True)) == key
    assert cut(TEXT, document.origin(path)) == value


# Any text ---------------------------------------------------------------------------------------------

SNIPPETS = [
    "a",
    "b",
    "=",
    ";",
    " ",
    "\n",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ".",
    ",",
    '"',
    "''",
    "${",
    "$",
    "'",
    "\\",
]
SNIPPETS += [
    "1",
    "1.5",
    "-",
    "./x",
    "/",
    "<x>",
    "let",
    "in",
    "with",
    "rec",
    "inherit",
    "pkgs",
    "lib.mkForce",
    ":",
]
SNIPPETS += [
    "if",
    "then",
    "else",
    "or",
    "?",
    "@",
    "...",
    "ä",
    "#",
    "/*",
    "*/",
    "\0",
    "\r",
    "{ a = 1; }",
    "x: ",
]
scraps = st.lists(st.sampled_from(SNIPPETS), max_size=30).map("".join)


@given(st.text() | scraps | scraps.map(lambda text: f"{{ lib, pkgs, ... }}: {{ a = {text}; }}"))
@settings(max_examples=300, deadline=None)
def test_no_text_raises(text: str) -> None:
    assert_sound(read(text), text)


@given(st.integers(0, len(TEXT)), st.integers(0, 6), scraps)
@settings(max_examples=200, deadline=None)
def test_no_damage_raises(start: int, length: int, scrap: str) -> None:
    text = TEXT[:start] + scrap + TEXT[start + length :]
    assert_sound(read(text), text)


# Nix is the judge -------------------------------------------------------------------------------------

HAND_WRITTEN = [
    "{ a = 1; b = -1; c = 0 ; d = 007; e = 9223372036854775807; f = - - 2; }",
    "{ a = 0.5; b = .5; c = 1.; d = 1.5e3; e = -2.25; f = 1.0e-7; g = -0.0; h = 1234.5; }",
    "{ a = true; b = false; c = null; d = [ ]; e = { }; f = \"\"; g = ''''; }",
    '{ a = "x\\ny\\tz\\r\\"\\\\ \\${x} $${x} $ \\$ \\q é"; b = "a$"; c = "$\\"$$"; d = "$\\${x}"; }',
    '{ a = "two\nlines\r\nand\rmore"; }',
    "{ a = ''\n    one\n      two\n\n    three\n  ''; }",
    "{ a = ''one\n    two''; b = ''   one''; c = ''   ''; d = ''\n''; e = ''\n\n  x''; }",
    "{ a = ''\n  tab:\n\tx\n  ''; b = ''  \n  x\n ''; c = ''\n  x\n   \n ''; }",
    "{ a = ''\n  ''${x} ''' ''\\n ''\\t ''\\\" ''\\x $${x} $ ''$ ' $' '${\"v\"}\n  ''; }",
    "{ a = ''\n    ''\\n  x\n  y\n  ''; b = ''\n  ''\\  x\n    y''; c = ''\n   ''$x\n  y''; }",
    "let v = \"V\\n  W\"; in { a = ''\n    ${v}\n      x ${v}\n    ''; }",
    "let v = \"V\\n  W\"; in { b = ''  ${v}''; c = \"${v}${\"${v}\"}\"; d = ''\n   ${v}  \n  ''; }",
    "let v = \"V\"; in { a = ''\n   $$${v} $''; }",
    "let v = \"V\"; in { b = \"$$${v}\"; c = ''${v}\n  ''; d = ''\n\n    ${v}\n   x''; }",
    "{ a.b.c = 1; a.d = 2; a.b.e = 3; }",
    "{ a = { b = 1; }; a.c = 2; a.d.e = 3; }",
    "{ a.b = 1; a = { c = 2; d.e = 3; }; a.d.f = 4; }",
    "{ a = { b.c = 1; }; a.b.d = 2; }",
    "{ a = ({ b = 1; }); a.c = 2; }",
    '{ "a b".c = 1; "a b"."d.e" = 2; "" = 3; or = 4; a-b\' = 5; "$" = 6; }',
    "let a = 1; b = [ a a ]; c = { inherit a b; }; in { inherit a b c; d = c.b; e = c.a; }",
    "let a.b = 1; a.c = 2; in { x = a; }",
    "let a = 1; in let b = a; a = 2; in { inherit a b; }",
    "let a = 1; b = { c = let a = 2; in a; d = a; }; in b",
    "let a = { x = 1; y = { z = 2; }; }; in { inherit (a) x; inherit (a.y) z; w = a.y.z; q = (a.y).z; }",
    "let a = { x = 1; b = 7; }; b = 2; in with a; { inherit x; y = b; z = with { x = 5; }; x; }",
    "let b = 2; in { a = let inherit b; in b; }",
    "let n = \"k\"; in { ${n} = 1; \"x-${n}\" = 2; ${\"l\"} = 3; ${null} = 4; y.${n}.z = 5; }",
    "let n = \"k\"; a = { k = 1; }; in { x = a.${n}; y = a.\"${n}\"; }",
    "let unused = throw \"no\"; in { a = 1; }",
    "let t = { inherit (u) x; }; u = { x = 1; }; in t",
    "/* c */ { # d\n a /* e */ = # f\n 1; /* g */ b . c = 2; l = [ 1 # x\n 2 /* y */ ]; }",
    "(let x = 1; in ({ a = x; }))",
    "with { x = 1; }; { a = x; }",
    "{ l = [ 1 (-1) 1.5 \"a\" ''b'' [ ] { } true null (let x = 1; in x) ]; }",
    "{ a = [ [ 1 [ 2 ] ] { b = [ { c = 3; } ]; } ]; }",
    "let a = 3; in { b = -a; c = -(a); d = - 1.5; }",
    "let true = 1; in { a = true; }",
    "let a = [ 1 ]; in { inherit ({ q = a; }) q; }",
]  # fmt: skip

REFUSED = [
    "{ a = 1; a = 2; }",
    "{ a = { b = 1; }; a = { b = 2; }; }",
    "{ a = { b = { c = 1; }; }; a = { b = { d = 1; }; }; }",
    "{ a = 1; a.b = 2; }",
    "let x = { b = 1; }; in { a = x; a.c = 2; }",
    "let a = 1; in { inherit a; a = 2; }",
    "{ a = b; }",
    "{ a = [ -1 ]; }",
    "{ a = 9223372036854775808; }",
    "{ a = 1e3; }",
    "{ a = 1 }",
    "{ a = ./x/; }",
    "{ a = \"${1}\"; }",
    "{ a = { }.b; }",
    "let a = b; b = a; in { x = a; }",
    "{ a = (1; }",
]  # fmt: skip


class Writer:
    """Random hosts, to compare with Nix: every form that stands for JSON."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def host(self) -> str:
        bound = [f"v{i}" for i in range(self.random.randrange(4))]
        let = "".join(f"{name} = {self.text([])};\n" for name in bound)
        body = f"{{ {self.bindings(3, bound)} }}"
        return f"let\n{let}in\n{body}" if bound else body

    def bindings(self, depth: int, bound: list[str]) -> str:
        found = []
        for index in range(self.random.randrange(5)):
            path = [f"{self.random.choice('abc')}{index}"]
            path += self.random.choices(['"x y"', "b", "c'-d", '"é.$"'], k=self.random.randrange(3))
            found.append(f"{self.random.choice(['.', ' . ']).join(path)} = {self.value(depth - 1, bound)};")
            if len(path) > 1 and self.random.random() < 0.5:
                found.append(f"{path[0]}.more = {self.value(0, bound)};")
        self.random.shuffle(found)
        return self.random.choice([" ", "\n", " # c\n"]).join(found) + "\n"

    def value(self, depth: int, bound: list[str]) -> str:
        kinds = ["text", "indented", "number", "word"] + ["list", "set", "set"] * (depth > 0) + ["name"] * bool(bound)
        match self.random.choice(kinds):
            case "text":
                return self.text(bound)
            case "indented":
                return self.indented(bound)
            case "number":
                return self.random.choice(["0", "42", "(-7)", "1.5", "(-0.25)", "3.0e5", ".125"])
            case "word":
                return self.random.choice(["true", "false", "null"])
            case "list":
                return f"[ {' '.join(self.value(depth - 1, bound) for _ in range(self.random.randrange(4)))} ]"
            case "set":
                return f"{{ {self.bindings(depth - 1, bound)} }}"
            case _:
                return self.random.choice(bound)

    def text(self, bound: list[str]) -> str:
        pieces = [
            "a",
            " ",
            "é",
            "$",
            "$$",
            "\\$",
            "\\${",
            "\\n",
            "\\\\",
            '\\"',
            "'",
            "''",
            "\n",
            "{",
            "}",
            "\\q",
            "#",
        ]
        pieces += [f"${{{name}}}" for name in bound] + ['${"in"}']
        return f'"{self.joined(pieces, 8)}"'

    def indented(self, bound: list[str]) -> str:
        pieces = [
            "a",
            " ",
            "  ",
            "    ",
            "\n",
            "\n",
            "\n  ",
            "\n    ",
            "\t",
            "$",
            "$$",
            "'' '".replace(" ", ""),
            "''$",
        ]
        pieces += ["''\\n", "''\\ ", "' ", '"', "\\", "''${", "é", "{"]
        pieces += [f"${{{name}}}" for name in bound] + ['${"in"}']
        return f"''{self.joined(pieces, 12)} ''"

    def joined(self, pieces: list[str], most: int) -> str:
        text = ""
        for piece in self.random.choices(pieces, k=self.random.randrange(most)):
            # Dollars that meet would make what follows another thing.
            text += (" " if text.endswith("$") and piece[0] in "${" else "") + piece
        return text


@pytest.fixture(scope="module")
def nix() -> str:
    program = shutil.which("nix-instantiate")
    if not program:
        pytest.skip("needs nix-instantiate, which is not installed")
    return program


@pytest.mark.nix
def test_nix_reads_the_same(nix: str, tmp_path: Path) -> None:
    texts = HAND_WRITTEN + [Writer(seed).host() for seed in range(400)]
    for index, text in enumerate(texts):
        (tmp_path / f"{index}.nix").write_text(text, encoding="utf-8", newline="")
    code = f'map (n: import (./. + "/${{toString n}}.nix")) [ {" ".join(map(str, range(len(texts))))} ]'
    (tmp_path / "all.nix").write_text(code)
    result = subprocess.run(
        [nix, "--eval", "--strict", "--json", "all.nix"], cwd=tmp_path, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr.decode()
    for text, expected in zip(texts, json.loads(result.stdout), strict=True):
        document = read(text)
        assert document.findings == [], text
        assert document.data == expected, text
        assert_sound(document, text)


@pytest.mark.nix
@pytest.mark.parametrize("text", REFUSED)
def test_nix_refuses_the_same(nix: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "host.nix").write_text(text)
    result = subprocess.run(
        [nix, "--eval", "--strict", "--json", "host.nix"], cwd=tmp_path, capture_output=True, check=False
    )
    assert result.returncode != 0
    assert read(text).findings
