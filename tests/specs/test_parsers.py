"""The parsers take any text, and what is kept never changes an answer."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.specs.comparing import write
from tests.specs.generated import LINES, tree

from pantheros.specs.delta import read_delta, scenarios
from pantheros.specs.main_spec import NotASpec, parts, read_main_spec
from pantheros.specs.merge import CannotMerge, merge, with_ends_of
from pantheros.specs.metadata import metadata_of, planning
from pantheros.specs.tasks import Document, misnumbered, tasks, ticked, without_checkbox
from pantheros.specs.text import collation, compiled, fenced, length, trimmed
from pantheros.specs.tree import Root
from pantheros.specs.validate_spec import spec_issues
from pantheros.specs.verdicts import all_items
from pantheros.specs.yaml import NotYaml, read_yaml

PIECES = st.sampled_from([*LINES, "## ADDED Requirements", "### Requirement: One", "- [ ] 1.1 a", "* [x] b", "[x]"])
TEXTS = st.one_of(
    st.text(), st.lists(st.one_of(PIECES, st.text(max_size=12))).map("\n".join), st.lists(PIECES).map("\r\n".join)
)


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS)
def test_any_text_is_read(one: str, other: str) -> None:
    found = read_delta(one)
    for block in (*found.added, *found.modified):
        assert block.text in one.replace("\r\n", "\n").replace("\r", "\n")
        scenarios(block)
    spec_issues(one)
    parts(one)
    list(misnumbered([Document("a", one), Document("b", other)]))
    list(without_checkbox([Document("a", one)]))
    try:
        read_main_spec(one)
    except NotASpec as error:
        assert error.section in ("Purpose", "Requirements")
    try:
        merged = merge(one, other, "cap", "change")
    except CannotMerge as error:
        assert str(error).startswith("cap: ")
    else:
        assert merged.text.endswith("\n")
        assert with_ends_of(merged.text, "a\r\nb\r\n").count("\n") == with_ends_of(merged.text, "a\r\n").count("\r\n")


def requirements(names: list[str], said: str = "") -> str:
    return "\n".join(f"### Requirement: {n}\nIt SHALL {n}{said}.\n\n#### Scenario: S\n- **WHEN** a\n" for n in names)


NAMES = st.lists(st.from_regex(r"[A-Za-z\u00e0-\u00ff]{1,8}", fullmatch=True), unique_by=str.casefold, max_size=5)


@settings(max_examples=60, deadline=None)
@given(NAMES, NAMES)
def test_what_is_merged_once_is_merged(old: list[str], new: list[str]) -> None:
    known = {name.lower() for name in old}
    new = [name for name in new if name.lower() not in known] or ["another"]
    before = f"# cap\n\n## Purpose\nWhy.\n\n## Requirements\n\n{requirements(old)}"
    change = f"## ADDED Requirements\n\n{requirements(new)}"
    once = merge(change, before, "cap", "change")
    assert [block.name for block in parts(once.text).blocks] == [*old, *new]
    assert once.counts.added == len(new)
    twice = merge(change, once.text, "cap", "change")
    assert (twice.text, bool(twice.counts)) == (once.text, False)
    gone = merge("## REMOVED Requirements\n" + "".join(f"- ### Requirement: {n}\n" for n in new), once.text, "cap", "c")
    assert [block.name for block in parts(gone.text).blocks] == old


@given(TEXTS)
def test_ticking_touches_nothing_else(content: str) -> None:
    for task in tasks(content):
        for done in (True, False):
            after = ticked(content, task, done)
            now = next(each for each in tasks(after) if each.line == task.line)
            assert now == task._replace(done=done)
            lines = zip(content.split("\n"), after.split("\n"), strict=True)
            assert [at for at, (one, other) in enumerate(lines, 1) if one != other] in ([], [task.line])


@pytest.mark.parametrize(
    ("line", "done"),
    [
        ("- [ ] a", False),
        ("* [x] a", True),
        ("+ [X] a", True),
        ("1. [x] a", True),
        ("2) [ ] a", False),
        ("-[x] a", True),
        ("  - [ x ] a", True),
        ("- [] a", False),
        ("- [~] a", False),
        ("- [✓] a", False),
        ("- [xx] a", None),
        ("- [x](link)", None),
        ("> - [ ] a", None),
        ("- [😀] a", None),
    ],
)
def test_what_is_a_task(line: str, done: bool | None) -> None:
    assert [task.done for task in tasks(line)] == ([] if done is None else [done])


@given(st.text())
def test_any_text_is_yaml_or_told(content: str) -> None:
    try:
        found = metadata_of(read_yaml(content))
    except NotYaml as error:
        assert str(error)
    else:
        planning(found.more)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("a: yes", {"a": "yes"}),
        ("a: 2026-01-01", {"a": "2026-01-01"}),
        ("a: 010", {"a": 10}),
        ("a: 0o10", {"a": 8}),
        ("a: TRUE", {"a": True}),
        ("<<: {b: 1}", {"<<": {"b": 1}}),
        ("true: b", {"true": "b"}),
        ("a: !own b", {"a": "b"}),
        ("# nothing", None),
        ("\ufeffa: 1\r\n", {"a": 1}),
    ],
)
def test_yaml_is_the_newer_one(content: str, value: object) -> None:
    assert read_yaml(content) == value


@pytest.mark.parametrize("content", ["a: 1\na: 2", "a: b: c", "{a: 1", "a: 1\n---\nb: 2", "\ta: 1", "a: *x"])
def test_what_is_no_yaml(content: str) -> None:
    with pytest.raises(NotYaml):
        read_yaml(content)


def test_text_is_javascript_s() -> None:
    assert trimmed("\ufeff\u00a0 a\u3000\u2028") == "a"
    assert trimmed("\x1ca\x85") == "\x1ca\x85"
    assert length("a😀") == 3
    assert compiled(r"^\s*a.$").match("\ufeff ab")
    assert not compiled(r"a.$").match("a\u2028")
    assert fenced(["```js", "~~~", "```", "x", "  ~~~~", "~~~", "~~~~", "y"]) == [True] * 3 + [False] + [True] * 3 + [
        False
    ]


def test_names_are_in_the_reference_s_order() -> None:
    names = ["_a", "😀", "1", "a", "a_b", "a-b", "a/b", "a1", "a10", "a2", "ab", "B", "o", "ø", "p"]
    names += ["resume", "Resume", "resumé", "ss", "ß", "z", "δ", "и", "й", "я", "한", "か", "カ", "き", "日"]
    shuffled = names.copy()
    random.Random(1).shuffle(shuffled)
    assert sorted(shuffled, key=collation) == names


@pytest.mark.parametrize("seed", range(6))
def test_what_is_kept_never_changes_an_answer(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(root: Root) -> list[object]:
        return [(item.id, item.type, item.issues) for item in all_items(root, ("change", "spec"))]

    root = Root(tmp_path / "tree")
    for step in range(6):
        write(tree(seed * 100 + step // 2), root.path)
        chosen = random.Random(step)
        for path in [path for path in root.path.rglob("*.md") if chosen.random() < 0.3]:
            if chosen.random() < 0.3:
                path.unlink()
            else:
                path.write_text(
                    path.read_text() + chosen.choice(["\n## Notes\n", "\n### Requirement: Two\nMUST\n", "x"])
                )
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "kept"))
        first, again = answers(root), answers(root)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"fresh{step}"))
        assert first == again == answers(root)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 1, "answers": {"a": 3}}', "\0"])
def test_a_cache_that_is_broken_is_no_cache(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = Root(tmp_path / "tree")
    write(tree(1), root.path)
    before = [item.issues for item in all_items(root, ("change", "spec"))]
    for path in (tmp_path / "cache").rglob("*.json"):
        path.write_text(content)
    assert [item.issues for item in all_items(root, ("change", "spec"))] == before
