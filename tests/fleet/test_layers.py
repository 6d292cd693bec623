"""What wins over what."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pantheros.document import Document
from pantheros.fleet.layers import Stack, append, overlay, tables
from pantheros.nix.values import Override


def stack(*layers: dict[str, Any]) -> Stack:
    found = Stack()
    for number, data in enumerate(layers):
        found = found.extended(tables(f"layer {number}", Document(f"{number}.toml", data), (), data))
    return found


def pantheros(**values: Any) -> dict[str, Any]:
    return {"pantherOS": {"m": values}}


def got(*layers: dict[str, Any]) -> Any:
    return stack(*layers).get("pantherOS", ("m",))


def test_tables_merge_scalars_replace_lists_append() -> None:
    low = pantheros(a=1, t={"x": 1, "y": 1}, l=["a"])
    high = pantheros(a=2, t={"y": 2}, l=["b"])
    assert got(low, high) == {"a": 2, "t": {"x": 1, "y": 2}, "l": ["a", "b"]}


def test_forced_values_win_over_higher_layers() -> None:
    low = {"force": pantheros(a=1, l=["a"])}
    assert got(low, pantheros(a=2, l=["b"], b=3)) == {"a": 1, "l": ["a"], "b": 3}


def test_default_values_yield_to_lower_layers() -> None:
    high = {"default": pantheros(a=1, l=["a"], b=1)}
    assert got(pantheros(a=2, l=["b"]), high) == {"a": 2, "l": ["b"], "b": 1}


def test_forced_lists_append_among_themselves() -> None:
    assert got({"force": pantheros(l=["a"])}, pantheros(l=["no"]), {"force": pantheros(l=["b"])}) == {"l": ["a", "b"]}


def test_overrides_act_like_the_mirrors() -> None:
    assert got(pantheros(a=Override(50, 1), t={"x": Override(1000, 1)}), pantheros(a=2, t={"x": 2})) == {
        "a": 1,
        "t": {"x": 2},
    }


def test_default_and_force_are_names_of_options_too() -> None:
    assert got(pantheros(force={"a": 1}, default=2)) == {"force": {"a": 1}, "default": 2}


def test_what_nixos_is_to_see() -> None:
    layers = stack(
        {"nixos": {"a": {"b": 1}}, "force": {"nixos": {"x": 1}}, "default": {"nixos": {"y": [1], "a": {"b": 2}}}},
        {"nixos": {"x": 2}},
    )
    assert layers.emitted("nixos") == {"a": {"b": 1}, "x": Override(50, 1), "y": Override(1000, [1])}


def test_a_forced_set_stays_whole_for_nixos() -> None:
    value = Override(50, {"b": 1})
    assert stack({"nixos": {"a": value}}).emitted("nixos") == {"a": value}
    assert stack({"nixos": {"a": value}}, {"nixos": {"a": {"c": 2}}}).emitted("nixos") == {"a": value}


def test_contributions_say_who_wins() -> None:
    layers = stack(pantheros(a=1), pantheros(a=2), {"force": pantheros(a=3)}, pantheros(a=4))
    said = [(c.table.layer, c.value, c.wins) for c in layers.contributions("pantherOS", ("m", "a"))]
    assert said == [("layer 0", 1, False), ("layer 1", 2, False), ("layer 3", 4, False), ("layer 2", 3, True)]


def test_all_lists_that_append_win() -> None:
    layers = stack(pantheros(l=["a"]), pantheros(l=["b"]))
    assert [c.wins for c in layers.contributions("pantherOS", ("m", "l"))] == [True, True]


def test_leaving_out() -> None:
    layers = stack(pantheros(a=1, t={"x": 1}), pantheros(a=2))
    assert layers.without("pantherOS", ("m", "a")).get("pantherOS", ("m",)) == {"t": {"x": 1}}
    assert layers.without("pantherOS", ("m", "t", "x")).get("pantherOS", ("m",)) == {"a": 2}
    assert list(layers.leaves("pantherOS", ("m",))) == [("m", "a"), ("m", "t", "x")]


trees = st.recursive(
    st.one_of(st.integers(), st.lists(st.integers(), max_size=3)),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
tables_of = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


@given(tables_of, tables_of)
def test_merging_changes_neither_side(a: Any, b: Any) -> None:
    before = repr((a, b))
    append(a, b)
    overlay(a, b)
    assert repr((a, b)) == before


@given(st.lists(tables_of, max_size=4))
def test_a_stack_is_the_same_however_it_was_built(layers: list[Any]) -> None:
    data = [{"pantherOS": {"m": layer}} for layer in layers]
    at_once = Stack().extended([t for n, d in enumerate(data) for t in tables(f"layer {n}", Document("x", d), (), d)])
    assert at_once.get("pantherOS", ("m",)) == stack(*data).get("pantherOS", ("m",))
