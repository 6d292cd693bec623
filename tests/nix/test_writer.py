"""What is written is what Nix reads back: checked by Nix itself."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pantheros.nix.values import File, FleetPath, Override, Package, Raw, join_path, key, parts, split_path
from pantheros.nix.writer import Unwritable, Writer, lambda_head, path_literal

needs_nix = pytest.mark.skipif(shutil.which("nix-instantiate") is None, reason="nix-instantiate is not installed")


def written(value: Any, **options: Any) -> str:
    return Writer(**options).value(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (-3, "-3"),
        ([-3], "[ (-3) ]"),
        (-(2**63), "(-9223372036854775807 - 1)"),
        (1.0, "1.0"),
        (1e22, "1.0e+22"),
        (1e-7, "1.0e-07"),
        (5e-324, "(1.0 * 2.2227587494850775e-162 * 2.2227587494850775e-162)"),
        ("a", '"a"'),
        ('say "${x}" \\ \t', '"say \\"\\${x}\\" \\\\ \\t"'),
        ([], "[ ]"),
        ({}, "{ }"),
        (["a", "b"], '[\n  "a"\n  "b"\n]'),
        ({"a": {"b": {"c": 1}}}, "{\n  a.b.c = 1;\n}"),
        ({"a.b": 1, "or": 2, "x-y": 3, "1x": 4}, '{\n  "a.b" = 1;\n  "or" = 2;\n  x-y = 3;\n  "1x" = 4;\n}'),
        ("one\ntwo\n", "''\n  one\n  two\n''"),
        ("one\n  two", "''\n  one\n    two''"),
        (Package("k9s"), "pkgs.k9s"),
        (Package("python312Packages.requests"), "pkgs.python312Packages.requests"),
        ([Raw("f x"), Raw("config.a.b")], "[\n  (f x)\n  config.a.b\n]"),
        (Override(50, "x"), 'lib.mkForce "x"'),
        ([Override(1000, [1])], "[ (lib.mkDefault [ 1 ]) ]"),
        (f"{Package('git')}/bin/git ${{HOME}}", '"${pkgs.git}/bin/git \\${HOME}"'),
        (f"${Package('git')}", '"\\$${pkgs.git}"'),
    ],
)
def test_written(value: Any, expected: str) -> None:
    assert written(value) == expected


def test_what_a_file_needs_is_noted() -> None:
    writer = Writer(place=lambda file: "./git/hook" if isinstance(file, File) else "../../x")
    hook = File("hook", "#!/bin/sh\n", executable=True)
    text = writer.value(
        {"a": Package("git"), "b": hook, "c": FleetPath("x"), "d": Raw("config.a"), "e": Override(50, 1)}
    )
    assert writer.arguments == {"config", "lib", "pkgs"}
    assert list(writer.files) == [hook, FleetPath("x")]
    assert "b = ./git/hook;" in text


def test_arguments_are_not_seen_where_there_are_none() -> None:
    writer = Writer()
    writer.value([Raw("x.config.lib"), Raw('"pkgs"'), Raw("my-lib")])
    assert writer.arguments == set()


def test_home_code_differs() -> None:
    value = Raw("config.services.x", home="config.programs.x")
    assert written(value) == "config.services.x"
    assert written(value, scope="home") == "config.programs.x"


@pytest.mark.parametrize("value", [math.inf, math.nan, 2**63, Package(""), object(), FleetPath("x")])
def test_unwritable(value: Any) -> None:
    with pytest.raises(Unwritable):
        written(value)


def test_heads() -> None:
    assert lambda_head({"pkgs"}) == "{ pkgs, ... }:"
    assert lambda_head({"pkgs", "lib", "config"}) == "{\n  config,\n  lib,\n  pkgs,\n  ...\n}:"


def test_paths() -> None:
    assert path_literal("./a/b.nix") == "./a/b.nix"
    assert path_literal("../a b/c") == '../. + "/a b/c"'


names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
nix_words = st.sampled_from(
    ["''", "'", "$", "${", "}", "\\", '"', "\n", "\n\n", "  ", "\t", "\r", "''$", "a", "$$", "''\\n", " \n", "é", "𝄞"]
)
texts = st.one_of(names, st.lists(nix_words, max_size=10).map("".join))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)


@needs_nix
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(values, min_size=40, max_size=60))
def test_nix_reads_back_what_was_written(batch: list[Any]) -> None:
    """Each value stands beside the same value in Nix's JSON, and Nix says whether they are equal."""
    listed = "\n".join(f"({written(value)})" for value in batch)
    expected = "\n".join(f"({_by_other_means(value)})" for value in batch)
    same = f"builtins.genList (i: builtins.elemAt a i == builtins.elemAt b i) {len(batch)}"
    code = f"let a = [\n{listed}\n]; b = [\n{expected}\n]; in {same}"
    verdicts = _evaluate(code)
    wrong = [value for value, same in zip(batch, verdicts.strip("[] \n").split(), strict=True) if same != "true"]
    assert not wrong


def _by_other_means(value: Any) -> str:
    """The same value by the plainest Nix there is, for comparison."""
    if isinstance(value, str):
        return '"' + "".join(f"\\{c}" if c in '"\\$' else "\\r" if c == "\r" else c for c in value) + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"(builtins.fromJSON ''{value!r}'')"
    if isinstance(value, int):
        return f"(0 - {-value - 1} - 1)" if value < 0 else str(value)
    if isinstance(value, list):
        return f"[ {' '.join(f'({_by_other_means(v)})' for v in value)} ]"
    pairs = " ".join(f"{{ name = {_by_other_means(k)}; value = {_by_other_means(v)}; }}" for k, v in value.items())
    return f"builtins.listToAttrs [ {pairs} ]"


def _evaluate(code: str) -> str:
    process = subprocess.run(
        ["nix-instantiate", "--eval", "--strict", "--store", "dummy://", "-"],
        input=code.encode(),
        capture_output=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr.decode()
    return process.stdout.decode()


@needs_nix
@settings(max_examples=5, deadline=None)
@given(st.lists(st.lists(texts, min_size=1, max_size=5), min_size=30, max_size=30))
def test_antiquotations_stand_where_they_were_put(batch: list[list[str]]) -> None:
    marked = [f"{Raw('x')}".join(pieces) for pieces in batch]
    expected = ["<x>".join(pieces) for pieces in batch]
    listed = "\n".join(f"({written(text)})" for text in marked)
    plain = "\n".join(_by_other_means(text) for text in expected)
    code = f'let x = "<x>"; a = [\n{listed}\n]; b = [\n{plain}\n]; in a == b'
    assert _evaluate(code).strip() == "true"


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_paths_split_as_they_were_joined(names: list[str]) -> None:
    assert list(split_path(join_path(names))) == names


@pytest.mark.parametrize("path", ["", "a..b", ".a", 'a."b', 'a."b"c', "a. b.."])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="attribute path"):
        split_path(path)


def test_keys() -> None:
    assert key("plain-name'") == "plain-name'"
    assert key("é") == '"é"'
    assert key("a${b}") == '"a\\${b}"'


def test_parts() -> None:
    git = Package("git")
    assert parts(f"a {git} b") == ["a ", git, " b"]
    assert parts("") == []
    assert parts(f"{git}{git}") == [git, git]


def test_expressions_take_no_format() -> None:
    with pytest.raises(ValueError, match="format"):
        f"{Package('git'):>10}"


def test_a_file_of_values_is_stable(tmp_path: Path) -> None:
    value = {"b": 1, "a": [1, {"x": "y"}], "c": {"d": {"e": "f\ng\n"}}}
    assert written(value) == written(value)
