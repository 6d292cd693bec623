"""Layers of assignments, one upon another: how they merge, and which of them said what.

A layer is one place where a user sets options: `[defaults]`, a profile, a person, a host. In each, `pantherOS`,
`nixos` and `home` hold assignments of the usual priority; the mirrors `[force.*]` and `[default.*]` (in Nix,
`lib.mkForce` and `lib.mkDefault`) hold some that win over, or yield to, the usual ones of every layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal, NamedTuple

from pantheros.document import Document, Path
from pantheros.findings import Origin
from pantheros.nix.values import Override

Root = Literal["pantherOS", "nixos", "home"]
ROOTS: tuple[Root, ...] = ("pantherOS", "nixos", "home")

Priority = Literal[50, 100, 1000]
"""As in NixOS: the smaller number wins."""
DEFAULT: Priority = 1000
NORMAL: Priority = 100
FORCE: Priority = 50
MIRRORS: dict[str, Priority] = {"default": DEFAULT, "force": FORCE}
_ORDER: tuple[Priority, ...] = (DEFAULT, NORMAL, FORCE)

Tree = dict[str, Any]


class Table(NamedTuple):
    """One layer's assignments of one priority under one root, and where in the document they begin."""

    layer: str
    document: Document
    prefix: Path
    root: Root
    priority: Priority
    data: Tree

    def get(self, path: Sequence[str | int]) -> tuple[bool, Any]:
        """Whether this table says anything at `path`, and what."""
        value: Any = self.data
        for name in path:
            if isinstance(value, Override):
                value = value.value  # a table that has a priority as a whole
            if isinstance(value, dict):
                if name not in value:
                    return False, None
                value = value[name]
            elif isinstance(value, list) and isinstance(name, int) and name < len(value):
                value = value[name]
            else:
                return False, None
        return True, value

    def origin(self, path: Sequence[str | int], *, key: bool = False) -> Origin:
        return self.document.origin((*self.prefix, *path), key=key)


class Contribution(NamedTuple):
    """What one table says at a path, and whether that counts in the end."""

    table: Table
    value: Any
    origin: Origin
    wins: bool


def tables(layer: str, document: Document, prefix: Path, data: Tree) -> list[Table]:
    """The tables of one layer, whose part of the document lies at `prefix` and holds `data`."""
    found: list[Table] = []
    for root in ROOTS:
        below = data.get(root)
        if isinstance(below, dict) and below:
            trees = split_overrides(below, whole_tables=root != "pantherOS")
            found += [Table(layer, document, (*prefix, root), root, priority, tree) for priority, tree in trees.items()]
    for mirror, priority in MIRRORS.items():
        below = data.get(mirror)
        if isinstance(below, dict):
            found += [
                Table(layer, document, (*prefix, mirror, root), root, priority, below[root])
                for root in ROOTS
                if isinstance(below.get(root), dict) and below[root]
            ]
    return found


def split_overrides(data: Tree, *, whole_tables: bool) -> dict[Priority, Tree]:
    """A tree by priority: what is wrapped in an `Override` goes to a tree of that priority, with its path.

    With `whole_tables`, a wrapped table stays as it is: NixOS replaces such a set as a whole.
    """
    if not _has_override(data):
        return {NORMAL: data}
    trees: dict[Priority, Tree] = {}
    _split(data, NORMAL, (), trees, whole_tables)
    return trees


def _has_override(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_override, value.values()))
    return isinstance(value, Override)


def _split(
    value: Any, priority: Priority, path: tuple[str, ...], trees: dict[Priority, Tree], whole_tables: bool
) -> None:
    if isinstance(value, Override) and not (whole_tables and isinstance(value.value, dict)):
        _split(value.value, value.priority, path, trees, whole_tables)
    elif isinstance(value, dict) and value and _has_override(value):
        for name, below in value.items():
            _split(below, priority, (*path, name), trees, whole_tables)
    else:
        tree = trees.setdefault(priority, {})
        for name in path[:-1]:
            tree = tree.setdefault(name, {})
        if path:
            tree[path[-1]] = value
        else:
            tree.update(value)


def append(base: Any, over: Any) -> Any:
    """Two layers of one priority: tables merge, lists append, anything else is replaced. Changes neither."""
    if isinstance(base, dict) and isinstance(over, dict):
        merged = dict(base)
        for name, value in over.items():
            merged[name] = append(base[name], value) if name in base else value
        return merged
    if isinstance(base, list) and isinstance(over, list):
        return base + over
    if isinstance(base, Override) or isinstance(over, Override):
        return base if _priority(base) < _priority(over) else over
    return over


def _priority(value: Any) -> int:
    return value.priority if isinstance(value, Override) else NORMAL


def overlay(base: Any, over: Any) -> Any:
    """What wins over what: tables merge, anything else (a list too) is replaced. Changes neither."""
    if isinstance(base, dict) and isinstance(over, dict):
        merged = dict(base)
        for name, value in over.items():
            merged[name] = overlay(base[name], value) if name in base else value
        return merged
    return over


@dataclass(frozen=True, slots=True)
class Stack:
    """Layers from the lowest to the highest, with what they merge to.

    `merged` holds, by root and priority, the layers put together; extending a stack leaves the old one as it was,
    so that a thousand hosts share what their profiles come to.
    """

    tables: tuple[Table, ...] = ()
    merged: dict[tuple[Root, Priority], Tree] | None = None

    def extended(self, more: Sequence[Table]) -> Stack:
        if not more:
            return self
        merged = dict(self.merged or {})
        for table in more:
            place = (table.root, table.priority)
            merged[place] = append(merged[place], table.data) if place in merged else table.data
        return Stack((*self.tables, *more), merged)

    def get(self, root: Root, path: Sequence[str]) -> Any:
        """What the layers come to at `path`; None where nobody says anything."""
        values = []
        for priority in _ORDER:
            value: Any = (self.merged or {}).get((root, priority))
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            if value is not None:
                values.append(value)
        return reduce(overlay, values) if values else None

    def emitted(self, root: Root) -> Tree:
        """What the layers come to, as NixOS is to see it: forced and default values wrapped in an `Override`."""
        merged = self.merged or {}
        low = _wrapped(merged.get((root, DEFAULT), {}), 1000)
        high = _wrapped(merged.get((root, FORCE), {}), 50)
        return reduce(overlay, [low, merged.get((root, NORMAL), {}), high])

    def contributions(self, root: Root, path: Sequence[str | int]) -> list[Contribution]:
        """What each layer says at `path`, the lowest first; `wins` marks what the end result is made of."""
        said = [
            (table, value)
            for priority in _ORDER
            for table in self.tables
            if table.root == root and table.priority == priority
            for found, value in [table.get(path)]
            if found
        ]
        winning: list[int] = []
        for index, (table, value) in enumerate(said):
            below = [i for i in winning if _joins(said[i], (table, value))]
            winning = [*below, index]
        return [
            Contribution(table, value, table.origin(path), index in winning)
            for index, (table, value) in enumerate(said)
        ]

    def origin(self, root: Root, path: Sequence[str | int], *, key: bool = False, least: int = 1) -> Origin | None:
        """Where `path` was last said, or the nearest thing around it; None when nobody wrote any of it, or no more
        than fewer than `least` names of it."""
        path = tuple(path)
        list_at = next((i for i, name in enumerate(path) if isinstance(name, int)), None)
        if list_at is not None:
            origin = self._element_origin(root, path[:list_at], path[list_at:], key=key)
            if origin:
                return origin
            path = path[:list_at]
        for length in range(len(path), least - 1, -1):
            for priority in reversed(_ORDER):
                for table in reversed(self.tables):
                    if table.root == root and table.priority == priority and table.get(path[:length])[0]:
                        return table.origin(path[:length], key=key or length < len(path))
        return None

    def _element_origin(self, root: Root, path: Path, below: Path, *, key: bool) -> Origin | None:
        """Where an element of a list was written: lists append, so its index counts on through the layers."""
        index = below[0]
        assert isinstance(index, int)
        for contribution in self.contributions(root, path):
            if contribution.wins and isinstance(contribution.value, list):
                if index < len(contribution.value):
                    return contribution.table.origin((*path, index, *below[1:]), key=key)
                index -= len(contribution.value)
        return None

    def leaves(self, root: Root, path: Sequence[str] = ()) -> Iterator[tuple[str, ...]]:
        """The path of every value that some layer sets below `path` (lists are values), each once, sorted."""
        seen: set[tuple[str, ...]] = set()
        for table in self.tables:
            if table.root == root:
                found, value = table.get(path)
                if found:
                    seen.update(leaves_of(value, tuple(path)))
        return iter(sorted(seen))

    def with_option(self, path: tuple[str, ...], value: Any) -> Stack:
        """The stack as it would be were an option of pantherOS set to `value`, whatever else is said of it."""
        document = Document("", {})
        return self.extended([Table("", document, (), "pantherOS", FORCE, nested(path, value))])

    def without(self, root: Root, path: Sequence[str]) -> Stack:
        """The stack as it would be had nobody set `path`."""
        return Stack().extended(
            [
                table._replace(data=_removed(table.data, tuple(path))) if table.root == root else table
                for table in self.tables
            ]
        )


def nested(path: tuple[str, ...], value: Any) -> Tree:
    """A tree that says nothing but `value`, at `path`."""
    for name in reversed(path[1:]):
        value = {name: value}
    return {path[0]: value}


def _wrapped(value: Any, priority: Literal[50, 1000]) -> Any:
    if isinstance(value, dict) and value:
        return {name: _wrapped(below, priority) for name, below in value.items()}
    return value if isinstance(value, Override) or value == {} else Override(priority, value)


def _joins(lower: tuple[Table, Any], higher: tuple[Table, Any]) -> bool:
    """Whether what a lower layer says is still part of the result once a higher one has spoken."""
    if isinstance(lower[1], dict) and isinstance(higher[1], dict):
        return True
    lists = isinstance(lower[1], list) and isinstance(higher[1], list)
    return lists and lower[0].priority == higher[0].priority


def leaves_of(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of the values in a tree; lists and empty tables are values."""
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from leaves_of(below, (*path, name))
    elif path:
        yield path


def _removed(data: Tree, path: tuple[str, ...]) -> Tree:
    if not path or path[0] not in data:
        return data
    copy = dict(data)
    if len(path) == 1:
        del copy[path[0]]
    elif isinstance(copy[path[0]], dict):
        copy[path[0]] = _removed(copy[path[0]], path[1:])
        if not copy[path[0]]:
            del copy[path[0]]
    return copy
