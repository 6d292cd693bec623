"""Attributes that a set has twice, and arguments that a function has: Nix refuses them while it parses.

The rules are those of `addAttr` and `addFormal` in Nix's own parser: sets are merged where one path leads to both, and
what one of them has the other may not have.
"""

from __future__ import annotations

from typing import Any

from tree_sitter import Node, Query

from pantheros.nix.syntax import LANGUAGE
from pantheros.scan.expressions import binding_nodes, captured, inherited
from pantheros.source import Source

_Table = dict[str, Any]
"""What a set has, by name: a table where that is a set, None otherwise."""
_MERGED = ("attrset_expression", "rec_attrset_expression")
_SETS = Query(
    LANGUAGE, "[(attrset_expression) (rec_attrset_expression) (let_attrset_expression) (let_expression)] @set"
)
_FUNCTIONS = Query(LANGUAGE, "(function_expression) @function")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


def assigned_twice(source: Source) -> str:
    """Where an attribute set has an attribute twice, or a function an argument; "" where none has."""
    found = [*_attributes(source), *_arguments(source)]
    if not found:
        return ""
    first = min(found, key=lambda node: node.start_byte)
    what = "an argument" if first.parent is not None and first.type == "identifier" and _is_argument(first) else ""
    return f"line {first.start_point.row + 1}: `{source.of(first)}` is {what or 'assigned'} twice"


def _attributes(source: Source) -> list[Node]:
    """The names and paths of attributes that are there already."""
    found: list[Node] = []
    tables: dict[int, _Table] = {}
    for node in reversed(captured(_SETS, source.root, "set")):  # what lies within another comes first
        table: _Table = {}
        tables[node.id] = table
        for binding in binding_nodes(node):
            attrpath, value = binding.child_by_field_name("attrpath"), binding.child_by_field_name("expression")
            if attrpath is None:
                for name in inherited(binding):
                    if not _put(table, _static(name, source), None):
                        found.append(name)
            elif value is not None and not _add(table, attrpath, _table(value, tables), source):
                found.append(attrpath)
    return found


def _add(table: _Table, attrpath: Node, value: _Table | None, source: Source) -> bool:
    """Put a value at a path in a set; False where it cannot be."""
    *way, last = [_static(attr, source) for attr in attrpath.named_children if attr.type != "comment"]
    for name in way:
        below = table.setdefault(name, {}) if name is not None else {}
        if below is None:
            return False
        table = below
    there = table.get(last) if last is not None else None
    if there is None or value is None:
        return _put(table, last, value)
    new = value.keys() - there.keys()
    there.update({name: value[name] for name in new})
    return len(new) == len(value)


def _put(table: _Table, name: str | None, value: _Table | None) -> bool:
    if name in table:
        return False
    if name is not None:
        table[name] = value
    return True


def _table(value: Node, tables: dict[int, _Table]) -> _Table | None:
    inner: Node | None = value
    while inner is not None and inner.type == "parenthesized_expression":
        inner = inner.child_by_field_name("expression")
    return tables.get(inner.id) if inner is not None and inner.type in _MERGED else None


def _static(attr: Node, source: Source) -> str | None:
    """An attribute's name; None where it is computed."""
    inner: Node | None = attr
    if attr.type == "interpolation":
        inner = attr.named_child(0)
        while inner is not None and inner.type == "parenthesized_expression":
            inner = inner.child_by_field_name("expression")
        if inner is None or inner.type not in ("string_expression", "indented_string_expression"):
            return None
    if inner is None or inner.type == "identifier":
        return source.of(attr)
    if any(part.type == "interpolation" for part in inner.named_children):
        return None
    parts = (
        _ESCAPED.get(source.of(part)[1:], source.of(part)[1:])
        if part.type == "escape_sequence" and inner.type == "string_expression"
        else source.of(part)
        for part in inner.named_children
    )
    return "".join(parts)


def _arguments(source: Source) -> list[Node]:
    found: list[Node] = []
    for function in captured(_FUNCTIONS, source.root, "function"):
        formals, whole = function.child_by_field_name("formals"), function.child_by_field_name("universal")
        names = [each.child_by_field_name("name") for each in (formals.named_children if formals is not None else ())]
        seen: set[bytes | None] = set()
        for name in [*names, whole if formals is not None else None]:
            if name is not None and name.text in seen:
                found.append(name)
            elif name is not None:
                seen.add(name.text)
    return found


def _is_argument(name: Node) -> bool:
    return name.parent is not None and name.parent.type in ("formal", "function_expression")
