"""Reading TOML: data, mistakes and the place of everything."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantheros.document import Document
from pantheros.findings import Origin
from pantheros.fleet.toml import read_toml

FILE = "hosts/yoga/host.toml"


def read(text: str) -> Document:
    return read_toml(FILE, text)


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
    origins = [span.key for span in document.locate().values()]
    origins += [span.value for span in document.locate().values()]
    for finding in document.findings:
        assert finding.origin and finding.message and finding.code
        origins += [finding.origin, *(related.origin for related in finding.related)]
    for origin in origins:
        assert origin.file == FILE
        assert (origin.line, origin.column) <= (origin.end_line, origin.end_column)
        for line, column in ((origin.line, origin.column), (origin.end_line, origin.end_column)):
            assert 1 <= line <= len(lines)
            assert 1 <= column <= len(lines[line - 1]) + 1


def test_data() -> None:
    document = read('kind = "laptop"\nports = [22, 80]\n[people.anna]\nadmin = true\n')
    assert document.data == {"kind": "laptop", "ports": [22, 80], "people": {"anna": {"admin": True}}}
    assert document.findings == []


TEXT = """\
a.b . "c" = 1 # one
[x.y]
z = '''
ä
'''
[[list.of]]
l = [1, {a = 1, b.c = [2]},
 # between
3]
[[list.of]]
[list.of.sub]
"ü\\u0041" = "ß" # after
[x]
d = true
"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("a",), "a", 'a.b . "c"'),
        (("a", "b"), "b", 'a.b . "c"'),
        (("a", "b", "c"), '"c"', "1"),
        (("x",), "x", "[x]"),
        (("x", "y"), "y", "[x.y]"),
        (("x", "y", "z"), "z", "'''\nä\n'''"),
        (("x", "d"), "d", "true"),
        (("list",), "list", "[[list.of]]"),
        (("list", "of"), "of", "[[list.of]]"),
        (("list", "of", 0), "[[list.of]]", "[[list.of]]"),
        (("list", "of", 0, "l", 1), "{a = 1, b.c = [2]}", "{a = 1, b.c = [2]}"),
        (("list", "of", 0, "l", 1, "b"), "b", "b.c"),
        (("list", "of", 0, "l", 1, "b", "c", 0), "2", "2"),
        (("list", "of", 0, "l", 2), "3", "3"),
        (("list", "of", 1, "sub"), "sub", "[list.of.sub]"),
        (("list", "of", 1, "sub", "üA"), '"ü\\u0041"', '"ß"'),
    ],
)
def test_places(path: tuple[str | int, ...], key: str, value: str) -> None:
    document = read(TEXT)
    assert cut(TEXT, document.origin(path, key=True)) == key
    assert cut(TEXT, document.origin(path)) == value


def test_a_table_of_its_own_counts_more_than_one_that_is_implied() -> None:
    document = read("[a.b]\n[a]\nx = 1\n")
    assert document.origin(("a",)).line == 2


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a =\nb = 1", 1, 4, "a value is missing"),
        ("a = yes", 1, 5, "`yes` is no value"),
        ("a = null", 1, 5, "`null` is no value"),
        ("a = laptop", 1, 5, "`laptop` is no value"),
        ("a: 1", 1, 2, "`:` instead of `=`"),
        ("a b = 1", 1, 3, "`=` is missing after `a`"),
        ("a = 1 b = 2", 1, 7, "not expected after the value"),
        ("a = 01", 1, 6, "not expected after the value"),
        ('a = "x\nb = 1', 1, 7, "a text is not closed"),
        ('b = 1\na = """x\n', 2, 5, "this text is never closed"),
        ("a = [1,\nb = 2", 1, 5, "this list is never closed"),
        ("a = [1 2]", 1, 8, "`,` or `]` is missing"),
        ("a = {b = 1", 1, 11, "an inline table is not closed"),
        ('a = "C:\\dir"', 1, 8, "a `\\` that means nothing"),
        ("[a\nb = 1", 1, 3, "the header is not closed"),
        ("[[a]\nb = 1", 1, 4, "the header is not closed"),
        ("[a] b", 1, 5, "after the header"),
        ("= 1", 1, 1, "neither `key = value` nor a `[table]`"),
        ("ä = 1", 1, 1, "neither"),
        ("a = 'x\x01'", 1, 7, "a character that TOML does not allow"),
        ("a = 1\r", 1, 6, "a carriage return"),
    ],
)
def test_mistakes(text: str, line: int, column: int, message: str) -> None:
    document = read(text)
    finding = document.findings[0]
    assert finding.code == "toml-syntax"
    assert message in finding.message
    assert finding.origin is not None
    assert finding.origin[1:3] == (line, column)
    assert_sound(document, text)


@pytest.mark.parametrize(
    ("text", "key", "first_line", "data"),
    [
        ("a = 1\na = 2\nb = 3", "a", 1, {"a": 1, "b": 3}),
        ("a.b = 1\na.b.c = 2", "c", 1, {"a": {"b": 1}}),
        ("[a]\nx = 1\n[b]\n[a]\ny = 2\n[c]", "a", 1, {"a": {"x": 1}, "b": {}, "c": {}}),
        ("a = [\n 1\n]\na = [\n 2\n]\nb = 3", "a", 1, {"a": [1], "b": 3}),
        ("a = {}\n[a.b]\nc = 1", "b", 1, {"a": {}}),
        ("x = 1\na = {b = 1, b = 2}\nc = 1", "b", 2, {"x": 1, "c": 1}),
        ("[a.b]\nc = 1\n[a]\nb.d = 1\ne = 2", "d", 1, {"a": {"b": {"c": 1}, "e": 2}}),
    ],
)
def test_what_is_there_twice(text: str, key: str, first_line: int, data: dict[str, Any]) -> None:
    document = read(text)
    (finding,) = document.findings
    assert finding.origin is not None
    assert cut(text, finding.origin) == key
    assert f"{key}" in finding.message
    assert finding.related[0].origin.line == first_line
    assert document.data == data


@pytest.mark.parametrize(
    ("text", "path", "line", "column"),
    [
        ('a = "server"\n[b.c]\nd = "UTC\n[b.e]\nf = 1\n[g]\n', ("b", "e"), 4, 4),
        ('a = "server"\n[b.c]\nd = "UTC\n[b.e]\nf = 1\n[g]\n', ("b", "e", "f"), 5, 1),
        ('a = "x\nb = "26.05"\nc = 1\n[d.e]\nf = 1\n', ("c",), 3, 1),
        ("a = [1, 2\n[b]\nc = 1\n[d]\n", ("b", "c"), 3, 1),
    ],
)
def test_places_after_a_mistake(text: str, path: tuple[str, ...], line: int, column: int) -> None:
    document = read(text)
    assert len(document.findings) == 1
    assert document.origin(path, key=True)[1:3] == (line, column)


def test_all_mistakes_at_once_and_the_rest_is_read() -> None:
    text = "a = yes\nb = 1\n[c\nd = 1\n[e]\nf = \ng = 2\n"
    document = read(text)
    assert [finding.origin.line for finding in document.findings if finding.origin] == [1, 3, 6]
    # What stood below the broken header must not go to another table.
    assert document.data == {"b": 1, "e": {"g": 2}}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ('"a\\u0000b"', None),
        ("inf", None),
        ("-nan", None),
        ("1e999", None),
        ("9223372036854775808", None),
        ("-9223372036854775809", None),
        ("0xFFFFFFFFFFFFFFFFFF", None),
        ("1979-05-27", None),
        ("1979-05-27T07:32:00Z", None),
        ("07:32:00", None),
        ("1" * 5000, None),
    ],
)
def test_values_that_nix_cannot_hold(value: str, shown: str | None) -> None:
    text = f"before = 1\nx = {value}\nafter = 1\n"
    document = read(text)
    (finding,) = document.findings
    assert finding.code == "toml-value"
    assert finding.origin is not None
    assert cut(text, finding.origin) == value
    assert document.data == {"before": 1, "after": 1}


def test_places_fit_the_data_after_an_element_was_left_out() -> None:
    text = "l = [inf, 1, nan, {a = 2}]\n"
    document = read(text)
    assert document.data == {"l": [1, {"a": 2}]}
    assert cut(text, document.origin(("l", 0))) == "1"
    assert cut(text, document.origin(("l", 1, "a"))) == "2"
    assert len(document.findings) == 2


def test_a_key_with_nul() -> None:
    document = read('"a\\u0000" = 1\nb = 2\n')
    assert document.data == {"b": 2}
    assert [finding.code for finding in document.findings] == ["toml-value"]


@pytest.mark.parametrize(
    "value",
    ["[" * 150 + "]" * 150, "[" * 5000 + "]" * 5000, "[" * 5000],
)
def test_values_that_nest_too_deep(value: str) -> None:
    text = f"a = {value}\nb = 1\n"
    document = read(text)
    assert [finding.code for finding in document.findings] == ["toml-too-deep"]
    assert document.data["b"] == 1
    assert_sound(document, text)


def test_keys_that_nest_too_deep() -> None:
    text = f"{'.'.join('a' * 3000)} = 1\nb = 1\n"
    document = read(text)
    assert [finding.code for finding in document.findings] == ["toml-too-deep"]
    assert document.data["b"] == 1
    json.dumps(document.data)


def test_windows_files_are_read_as_any() -> None:
    document = read("\ufeffa = 1\r\nb = [\r\n 2]\r\n")
    assert document.data == {"a": 1, "b": [2]}
    assert document.findings == []
    assert document.origin(("b",)) == Origin(FILE, 2, 5, 3, 4)


# Any text ---------------------------------------------------------------------------------------------

SNIPPETS = [
    "a",
    "b",
    "=",
    " ",
    "\n",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
    '"',
    "'",
    '"""',
    "#",
    "1",
    "-",
    "\\",
    ":",
    "ä",
]
SNIPPETS += [
    "\r",
    "\0",
    "\t",
    "1979-05-27",
    "inf",
    "true",
    "[a]\n",
    "[[a]]\n",
    "a = 1\n",
    "b.c = [1, 2]\n",
    "0x",
]
scraps = st.lists(st.sampled_from(SNIPPETS), max_size=30).map("".join)


@given(st.text() | scraps)
@settings(max_examples=300, deadline=None)
def test_no_text_raises(text: str) -> None:
    # The reader sets aside what editors do not count, and so must whoever looks up its places.
    assert_sound(read(text), text.removeprefix("\ufeff").replace("\r\n", "\n"))


@given(st.integers(0, len(TEXT)), st.integers(0, 6), scraps)
@settings(max_examples=200, deadline=None)
def test_no_damage_raises(start: int, length: int, scrap: str) -> None:
    text = TEXT[:start] + scrap + TEXT[start + length :]
    assert_sound(read(text), text.replace("\r\n", "\n"))


# What is written is what is read ----------------------------------------------------------------------

names = st.text("abcXYZ09_-", min_size=1) | st.text(st.characters(exclude_categories=["Cs", "Cc"]))
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
scalars = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


def quoted(text: str) -> str:
    plain = {'"': '\\"', "\\": "\\\\"}
    return (
        '"' + "".join(plain.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else c) for c in text) + '"'
    )


def written_key(name: str) -> str:
    return name if name and all(c.isascii() and (c.isalnum() or c in "_-") for c in name) else quoted(name)


def inline(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float():
            return repr(value) if "e" not in repr(value) or "." in repr(value) else repr(value).replace("e", ".0e")
        case str():
            return quoted(value)
        case list():
            return "[" + ", ".join(map(inline, value)) + "]"
        case _:
            return "{" + ", ".join(f"{written_key(k)} = {inline(v)}" for k, v in value.items()) + "}"


def written(data: dict[str, Any], path: tuple[str, ...] = ()) -> str:
    tables = {k: v for k, v in data.items() if isinstance(v, dict)}
    lists = {k: v for k, v in data.items() if isinstance(v, list) and v and all(isinstance(i, dict) for i in v)}
    text = "".join(f"{written_key(k)} = {inline(v)}\n" for k, v in data.items() if k not in tables and k not in lists)
    for name, table in tables.items():
        inner = (*path, name)
        text += f"[{'.'.join(map(written_key, inner))}]\n{written(table, inner)}"
    for name, elements in lists.items():
        inner = (*path, name)
        for element in elements:
            text += f"[[{'.'.join(map(written_key, inner))}]]\n{written(element, inner)}"
    return text


def paths(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    found = {path} if path else set()
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        found |= paths(item, (*path, name))
    return found


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.copysign(1, left) == math.copysign(1, right) and left == right
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


@given(st.dictionaries(names, values, max_size=5))
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_what_is_read(data: dict[str, Any]) -> None:
    text = written(data)
    document = read(text)
    assert document.findings == []
    assert same(document.data, data)
    # And everything in it has a place, and nothing else.
    assert set(document.locate()) == paths(data)
    assert_sound(document, text)
