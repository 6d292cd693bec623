"""Attributes that a set has twice: Nix refuses them while it parses."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node, Query

from pantheros.nix.syntax import LANGUAGE
from pantheros.scan.expressions import SETS, binding_nodes, captured, inherited
from pantheros.source import Source


def assigned_twice(source: Source) -> str:
    """Where an attribute set has an attribute twice, which Nix refuses while it parses; "" where none has."""
    for node in captured(_ALL_SETS, source.root, "set"):
        twice = _twice([node])
        if twice is not None:
            line = twice.start_point.row + 1
            return f"line {line}: `{source.of(twice)}` is assigned twice"
    return ""


def _twice(sets: list[Node]) -> Node | None:
    """The name that is assigned a second time in sets that are merged to one."""
    below: dict[bytes, list[tuple[Node, list[Node], Node | None]]] = {}
    for node in sets:
        for binding in binding_nodes(node):
            attrpath = binding.child_by_field_name("attrpath")
            if attrpath is None:
                for name in inherited(binding):
                    below.setdefault(name.text or b"", []).append((name, [], None))
                continue
            first, *rest = attrpath.named_children
            if first.type != "interpolation":
                value = binding.child_by_field_name("expression")
                below.setdefault((first.text or b"").strip(b'"'), []).append((attrpath, rest, value))
    return next((found for each in below.values() if len(each) > 1 for found in _clashes(each)), None)


def _clashes(bindings: list[tuple[Node, list[Node], Node | None]]) -> Iterator[Node]:
    """Bindings that begin with one name, each with the rest of its path: which of them cannot be."""
    whole = [each for each in bindings if not each[1]]
    for attrpath, _, value in whole[1 if len(whole) == len(bindings) else 0 :]:
        if value is None or value.type not in SETS:
            yield attrpath
            return
    if whole and (whole[0][2] is None or whole[0][2].type not in SETS):
        yield whole[0][0]
        return
    below: dict[bytes, list[tuple[Node, list[Node], Node | None]]] = {}
    for attrpath, rest, value in bindings:
        if rest:
            if rest[0].type != "interpolation":
                below.setdefault((rest[0].text or b"").strip(b'"'), []).append((attrpath, rest[1:], value))
        elif value is not None:
            for binding in binding_nodes(value):
                inner = binding.child_by_field_name("attrpath")
                if inner is not None and inner.named_children[0].type != "interpolation":
                    first, *more = inner.named_children
                    given = binding.child_by_field_name("expression")
                    below.setdefault((first.text or b"").strip(b'"'), []).append((inner, more, given))
    for each in below.values():
        if len(each) > 1:
            yield from _clashes(each)


_ALL_SETS = Query(LANGUAGE, "[(attrset_expression) (rec_attrset_expression) (let_expression)] @set")
