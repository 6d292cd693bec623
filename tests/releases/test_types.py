"""Types read from NixOS's descriptions of them, and what they take."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantheros.nix.values import File, FleetPath, Override, Package, Raw
from pantheros.releases.type_grammar import parse, python_pattern
from pantheros.releases.types import Submodule, Type, at

VERDICTS = Path(__file__).parents[3] / "shared" / "data" / "type-verdicts.json.gz"
PORT = "16 bit unsigned integer; between 0 and 65535 (both inclusive)"
TAKES = [
    ("boolean", [True, False], [None, 0, "true", []]),
    ("signed integer", [0, -1, 70000], [1.5, "1", True]),
    ("unsigned integer, meaning >=0", [0, 5], [-1, 1.0]),
    ("positive integer, meaning >0", [1], [0]),
    (PORT, [0, 65535], [65536, -1, "80"]),
    ("null or " + PORT, [None, 80], [65536]),
    ("integer or floating point number between 0.5 and 1 (both inclusive)", [0.5, 1], [0.4, 2]),
    ("string", ["", "a\nb"], [1, None, ["a"], Package("git")]),
    ("non-empty string", ["a"], ["", " \n"]),
    ("(optionally newline-terminated) single-line string", ["a", "a\n"], ["a\nb"]),
    ('strings concatenated with "\\n"', ["a\nb"], [["a"]]),
    ("path", ["/a", Package("git"), FleetPath("x"), File("f", "")], ["a", "", 1]),
    ("path in the Nix store", ["/nix/store/x"], ["/etc", FleetPath("x")]),
    ("package", [Package("git"), "/nix/store/x"], ["git", None]),
    ('one of "a", 2, true, <null>', ["a", 2, True, None], ["b", 3, False]),
    ('value "a" (singular enum)', ["a"], ["b"]),
    ("list of string", [[], ["a"]], ["a", [1], {}]),
    ("non-empty (list of string)", [["a"]], [[], [1]]),
    ("attribute set of list of " + PORT, [{}, {"a": [1]}], [{"a": 1}, {"a": ["1"]}]),
    ("null or one of 1, 2 or list of string", [None, 1, ["a"]], [3, "a"]),
    ("(list of string) or string convertible to it", [["a"], "a"], [1, [1]]),
    ("string matching the pattern [0-9]+(K|M|G)iB", ["1KiB"], ["1KB", "KiB"]),
    ("path or string matching the pattern (http|https)://.+", ["/a", "http://x"], ["ftp://x"]),
    ("null or string matching the pattern [a-z]+ or " + PORT, [None, "a", 80], ["A"]),
    ("string matching the pattern [^[:space:]]{1,3}", ["a\\b"], ["a b", ""]),
    ("JSON value", [None, 1, 1.5, "a", [{"a": None}], Package("git")], []),
    ("TOML value", [1, {"a": ["b"]}], [None, {"a": None}]),
    ("section of an INI file (attrs of INI atom (null, bool, int, float or string))", [{"a": 1}], [{"a": {}}, 1]),
    ("pair of signed integer", [[1, 2]], [[1], [1, 2, 3], [1, "a"]]),
    ("function that evaluates to a(n) list of package", [Raw("p: [ ]")], [[], "a"]),
    ("submodule", [{}, {"a": 1}], [1, "a", None]),
    ("something that nobody knows", [None, 1, "a", []], []),
]


@pytest.mark.parametrize(("description", "taken", "refused"), TAKES, ids=[case[0] for case in TAKES])
def test_what_types_take(description: str, taken: list[Any], refused: list[Any]) -> None:
    kind = parse(description)
    assert [value for value in taken if not kind.accepts(value)] == []
    assert [value for value in refused if kind.accepts(value)] == []


@pytest.mark.skipif(not VERDICTS.exists(), reason="needs the recorded verdicts of real evaluation")
def test_real_evaluation_agrees() -> None:
    data = json.loads(gzip.decompress(VERDICTS.read_bytes()))
    for description, verdict in data["verdicts"].items():
        ours = "".join("01"[parse(description).accepts(value)] for value in data["values"])
        assert ours == verdict, description


def test_what_only_nix_computes_is_taken() -> None:
    for description in ("boolean", PORT, "list of string", "submodule", "null or string"):
        assert parse(description).accepts(Raw("config.x"))
        assert parse(description).accepts(Override(50, Raw("config.x")))
    assert not parse("boolean").accepts(Override(50, "yes"))
    assert parse("string matching the pattern [a-z]+").accepts(f"{Package('git')}/bin")
    assert not parse("boolean").accepts(f"{Package('git')}/bin")


def test_where_it_does_not_fit() -> None:
    kind = parse(f"attribute set of list of {PORT}")
    (found,) = kind.mismatches({"a": [1], "b": [2, 70000]})
    assert (found.path, found.code, found.expected.description) == (("b", 1), "out-of-range", PORT)
    (found,) = parse('null or (list of (one of "a", "b"))').mismatches(["a", "c"])
    assert (found.path, found.code) == ((1,), "not-one-of")


def test_below_a_value() -> None:
    kind = at(parse("attribute set of (submodule)"), ("a",))
    assert isinstance(kind, Submodule)
    assert at(parse("boolean"), ("a",)) is None
    assert at(parse("list of string"), ("0",)) == parse("string")
    assert at(parse("null or (attribute set of boolean)"), ("a",)) == parse("boolean")


def test_what_is_not_understood_says_so() -> None:
    assert not parse("a thing").understood
    assert not parse("null or a thing").understood
    assert parse("null or string").understood


@pytest.mark.parametrize(
    ("posix", "text", "fits"),
    [
        (r"[\w]+", "\\w", True),
        (r"[\w]+", "abc", False),
        ("[[:digit:]]+", "12", True),
        ("[]a]+", "]a", True),
        ("[^]a]", "]", False),
        (r"a\.b", "a.b", True),
        (r"a\.b", "axb", False),
    ],
)
def test_patterns_are_posix(posix: str, text: str, fits: bool) -> None:
    assert parse(f"string matching the pattern {posix}").accepts(text) is fits


words = st.sampled_from(
    ["null", "string", "boolean", "signed integer", "package", "path", "submodule", 'one of "a", "b"', "JSON value"]
)


def phrase(description: str) -> str:
    """A description as part of another, in parentheses as nixpkgs writes them."""
    plain = description.startswith(("list of", "attribute set of")) or " or " not in description
    return description if plain and not description.startswith(("one of", "submodule")) else f"({description})"


descriptions = st.recursive(
    words,
    lambda inner: st.one_of(
        inner.map(lambda t: f"list of {phrase(t)}"),
        inner.map(lambda t: f"attribute set of {phrase(t)}"),
        inner.map(lambda t: f"null or ({t})"),
        st.tuples(inner, inner).map(lambda ts: f"({ts[0]}) or ({ts[1]})"),
    ),
    max_leaves=5,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(descriptions, json_values)
def test_a_union_takes_what_its_parts_take(description: str, value: Any) -> None:
    kind = parse(description)
    assert kind.understood
    assert parse(f"null or ({description})").accepts(None)
    if kind.accepts(value):
        assert parse(f"({description}) or boolean").accepts(value)
        assert parse(f"list of {phrase(description)}").accepts([value, value])
    else:
        assert not parse(f"attribute set of {phrase(description)}").accepts({"x": value})


@given(st.text(max_size=60))
def test_no_description_is_too_odd(text: str) -> None:
    assert isinstance(parse(text), Type)
    python_pattern(text)
