"""A host written in Nix (`host.nix`), read as plain data without Nix.

What stands for itself is read: literals, lists, attribute sets, `let`, `inherit`, packages, paths of the
fleet, `lib.mkForce` and `lib.mkDefault`. What Nix would have to compute belongs into a raw module, and is a
finding here; everything around it is still read. The meaning of what is read is Nix's own, tested against it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from math import isinf
from typing import Any, Literal, TypeAlias

from tree_sitter import Node

from pantheros.document import Document, Path, Span
from pantheros.findings import Finding, Origin, Related, nearest
from pantheros.nix.paths import in_fleet, outside
from pantheros.nix.syntax import parse, syntax_findings
from pantheros.nix.values import Expression, FleetPath, Override, Package, key

_DEEPEST = 100
"""How far values may nest: far beyond any host, and far below what would exhaust Python's stack."""
_MOST_VALUES = 100_000
_LONGEST_TEXT = 4_000_000
"""`let` can double a value with every line; beyond these somebody made a mistake."""

_ANYWHERE = "write the value itself, or move this into a raw module: a `.nix` file listed in `imports`"
_KNOWN_TO_NIXOS = "only NixOS knows it; move this into a raw module: a `.nix` file listed in `imports`"


def read_nix(file: str, text: str) -> Document:
    """The data of a `host.nix`; a finding for everything in it that is not plain data."""
    reader = _Reader(file, text)
    data = reader.read()
    return Document(file, data, reader.findings, lambda: _places(file, text))


def _places(file: str, text: str) -> dict[Path, Span]:
    reader = _Reader(file, text, keep_places=True)
    reader.read()
    return reader.places


class _Known(Enum):
    """What a name can mean besides data."""

    PACKAGES = "the package set"
    LIB = "the library `lib`"
    ARGUMENTS = "the module's arguments"
    NOTHING = "nothing"
    """Something with a finding already."""
    UNREAD = "not yet read"
    READING = "being read"


@dataclass(slots=True)
class _Binding:
    """A value with its place and, where it has one, its name's; read when first wanted, as in Nix."""

    name: Node
    node: Node
    read: Callable[[], _Read] | None = None
    value: _Read = _Known.UNREAD
    literal: bool = False
    """Written as an attribute set, so that other bindings may add to it."""


@dataclass(slots=True)
class _Set:
    bindings: dict[str, _Binding] = field(default_factory=dict)


@dataclass(slots=True)
class _List:
    elements: list[_Binding]


@dataclass(slots=True)
class _Priority:
    """`lib.mkForce` or `lib.mkDefault`, not yet applied."""

    name: str
    priority: Literal[50, 1000]


@dataclass(slots=True)
class _Prioritised:
    priority: Literal[50, 1000]
    value: _Binding


@dataclass(slots=True)
class _Argument:
    """An argument of the module that only NixOS can fill."""

    name: str


_Read: TypeAlias = (
    "bool | int | float | str | Expression | _Known | _Set | _List | _Priority | _Prioritised | _Argument | None"
)


@dataclass(slots=True)
class _Scope:
    """Names that `let` or the function's header bring, or what `with` opens."""

    outer: _Scope | None
    names: dict[str, _Binding] = field(default_factory=dict)
    opened: _Read = _Known.NOTHING


_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_PRIORITIES: dict[str, Literal[50, 1000]] = {"mkForce": 50, "mkDefault": 1000}
_GLOBALS = frozenset(
    [
        "abort",
        "baseNameOf",
        "break",
        "builtins",
        "derivation",
        "derivationStrict",
        "dirOf",
        "fetchGit",
        "fetchMercurial",
        "fetchTarball",
        "fetchTree",
        "fromTOML",
        "import",
        "isNull",
        "map",
        "placeholder",
        "removeAttrs",
        "scopedImport",
        "throw",
        "toString",
    ]
)
_NOT_DATA = {
    "assert_expression": ("an assertion", ""),
    "binary_expression": ("a computation", ""),
    "function_expression": ("a function", ""),
    "has_attr_expression": ("a test whether an attribute exists", ""),
    "hpath_expression": (
        "a path in a home directory",
        "a fleet must mean the same for everybody: put the file into the fleet and write `./file`",
    ),
    "if_expression": ("a condition (`if`)", ""),
    "let_attrset_expression": ("an old form of `let`", "write `let … in { … }`"),
    "rec_attrset_expression": (
        "a recursive attribute set (`rec`)",
        "name what is used twice in `let … in` before the set",
    ),
    "spath_expression": (
        "a path that depends on the machine's `NIX_PATH`",
        "a fleet pins its inputs: packages are `pkgs.name`, files of the fleet `./file`",
    ),
    "unary_expression": ("a computation", ""),
    "uri_expression": ("a URL without quotes", "put it in double quotes"),
}


class _Reader:
    """One reading of one file."""

    def __init__(self, file: str, text: str, *, keep_places: bool = False) -> None:
        self.file = file
        self.places: dict[Path, Span] = {}
        self._keep_places = keep_places
        self._source = parse(file, text)
        self._syntax = syntax_findings(self._source, text)
        self._broken = self._source.root.has_error
        self._found: dict[Finding, None] = {}
        self._depth = 0
        self._values = 0
        self._active: list[_Set | _List] = []

    @property
    def findings(self) -> list[Finding]:
        # What a broken text seems to say is guesswork: only what broke it is worth telling.
        found = self._syntax or list(self._found)
        return sorted(found, key=lambda finding: finding.origin or Origin(self.file, 1, 1, 1, 1))

    def read(self) -> dict[str, Any]:
        """The file's data."""
        node, scope = self._innermost(self._source.root.child_by_field_name("expression"), None)
        if node is None:
            if not self._broken:
                self._add("nix-syntax", "the file is empty", Origin(self.file, 1, 1, 1, 1), "it must hold `{ … }`")
            return {}
        data = self._plain(_Binding(node, node, partial(self._read, node, scope)), (), 0)
        if isinstance(data, dict):
            return data
        if data is not _Known.NOTHING:
            self._not_data("", node, "the file must hold one attribute set", "write `{ … }` around its values")
        return {}

    # Findings -----------------------------------------------------------------------------------------------

    def _add(self, code: str, message: str, origin: Origin, advice: str = "", *related: Related) -> None:
        self._found[Finding(code, message, help=advice, origin=origin, related=related)] = None

    def _not_data(self, what: str, node: Node, message: str = "", advice: str = "") -> _Known:
        if not message:
            # Where there is a way to say it, that is told instead.
            message = what if advice else f"{what}: this file is read as plain data, nothing is computed"
        self._add("nix-not-data", message, self._source.origin(node), advice or _ANYWHERE)
        return _Known.NOTHING

    def _too_deep(self, node: Node) -> _Known:
        self._add(
            "nix-too-deep",
            f"values nest more than {_DEEPEST} levels deep",
            self._source.origin(node),
            "write it flatter, or move it into a raw module: a `.nix` file listed in `imports`",
        )
        return _Known.NOTHING

    def _too_large(self, node: Node) -> _Known:
        self._add(
            "nix-too-large",
            "the values that `let` multiplies here are too many or too large",
            self._source.origin(node),
            "name each part once",
        )
        return _Known.NOTHING

    def _twice(self, name: str, node: Node, first: Node) -> None:
        self._add(
            "nix-duplicate",
            f"`{key(name)}` is assigned twice",
            self._source.origin(node),
            "keep one of the two",
            Related("first assigned here", self._source.origin(first)),
        )

    # Scopes -------------------------------------------------------------------------------------------------

    def _innermost(self, node: Node | None, scope: _Scope | None) -> tuple[Node | None, _Scope | None]:
        """The expression within parentheses, `let`, `with` and the file's one header; and its scope."""
        headed = scope is not None
        while node is not None:
            if node.type == "parenthesized_expression":
                node = node.child_by_field_name("expression")
            elif node.type == "let_expression":
                scope = self._let(node, scope)
                node = node.child_by_field_name("body")
            elif node.type == "with_expression":
                opened = node.child_by_field_name("environment")
                scope = _Scope(scope, opened=self._opened(opened, scope))
                node = node.child_by_field_name("body")
            elif node.type == "function_expression" and not headed:
                headed = True
                scope = self._header(node, scope)
                node = node.child_by_field_name("body")
            else:
                break
        return node, scope

    def _let(self, node: Node, outer: _Scope | None) -> _Scope:
        names = _Set()
        scope = _Scope(outer, names.bindings)
        for child in node.named_children:
            if child.type == "binding_set":
                self._fill(names, child, scope, outer)
        return scope

    def _header(self, node: Node, outer: _Scope | None) -> _Scope:
        scope = _Scope(outer)
        every = node.child_by_field_name("universal")
        if every is not None:
            scope.names[self._source.of(every)] = _Binding(every, every, value=_Known.ARGUMENTS)
        formals = node.child_by_field_name("formals")
        for formal in formals.named_children if formals is not None else ():
            name = formal.child_by_field_name("name")
            if name is None:
                continue
            text = self._source.of(name)
            if text in scope.names:
                self._twice(text, name, scope.names[text].name)
            scope.names[text] = _Binding(name, name, value=_argument(text))
        return scope

    def _opened(self, node: Node | None, scope: _Scope | None) -> _Read:
        value = self._read(node, scope) if node is not None else _Known.NOTHING
        if isinstance(value, _Set) or value in (_Known.PACKAGES, _Known.LIB, _Known.NOTHING):
            return value
        assert node is not None  # without a node there is nothing, which was returned
        return self._not_data("", node, "`with` opens `pkgs`, `lib` or an attribute set of `let`; this is neither")

    def _lookup(self, name: str, node: Node, scope: _Scope | None) -> _Read:
        """What a name means: `let` and the header first, then Nix's own names, then `with`, inside out."""
        opened: list[_Read] = []
        around = scope
        while around is not None:
            if name in around.names:
                return self._force(around.names[name])
            if around.opened is not _Known.NOTHING:
                opened.append(around.opened)
            around = around.outer
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name in _GLOBALS:
            return self._not_data(f"`{name}`, a function of Nix", node)
        if name in _PRIORITIES and _Known.LIB in opened:
            return _Priority(name, _PRIORITIES[name])
        for what in opened:
            if what is _Known.PACKAGES:
                return Package(key(name))
            if isinstance(what, _Set) and name in what.bindings:
                return self._force(what.bindings[name])
        if _Known.LIB in opened:
            return self._not_data(f"`{name}`, which `with lib` would have to bring", node)
        return self._undefined(name, node, scope)

    def _undefined(self, name: str, node: Node, scope: _Scope | None) -> _Known:
        known = set(_CONSTANTS)
        while scope is not None:
            known.update(scope.names)
            scope = scope.outer
        close = nearest(name, known)
        if name in ("config", "options", "modulesPath"):
            message = f"`{name}` is known to NixOS only: this file is read as plain data"
            return self._not_data("", node, message, _KNOWN_TO_NIXOS)
        if name in ("pkgs", "lib"):
            advice = "begin the file with `{ lib, pkgs, ... }:`"
        elif close:
            advice = f"did you mean `{close}`? Text needs double quotes"
        else:
            advice = f'text needs double quotes: `"{name}"`; names are defined in `let … in` before the set'
        self._add("nix-undefined", f"`{name}` is not defined", self._source.origin(node), advice)
        return _Known.NOTHING

    def _force(self, binding: _Binding) -> _Read:
        if binding.value is _Known.READING:
            self._add("nix-cycle", "this value needs itself to be known", self._source.origin(binding.node))
            return _Known.NOTHING
        if binding.value is _Known.UNREAD and binding.read is not None:
            binding.value = _Known.READING
            binding.value = binding.read()
        return binding.value

    # Bindings -----------------------------------------------------------------------------------------------

    def _fill(self, into: _Set, bindings: Node, scope: _Scope | None, outer: _Scope | None) -> None:
        """Add what a `{ … }` or `let … in` binds. A plain `inherit` looks outside, also in `let`."""
        for child in bindings.named_children:
            if child.type == "binding":
                path, node = child.child_by_field_name("attrpath"), child.child_by_field_name("expression")
                if path is not None and node is not None:
                    self._assign(into, path, node, scope)
            elif child.type == "inherit":
                for name, attribute in self._inherited(child, scope):
                    read = partial(self._lookup, name, attribute, outer)
                    self._put(into, name, _Binding(attribute, attribute, read))
            elif child.type == "inherit_from":
                node = child.child_by_field_name("expression")
                if node is None:
                    continue
                origin = _Binding(node, node, partial(self._read, node, scope))
                for name, attribute in self._inherited(child, scope):
                    read = partial(self._inherit, origin, name, attribute)
                    self._put(into, name, _Binding(attribute, attribute, read))

    def _inherited(self, node: Node, scope: _Scope | None) -> Iterator[tuple[str, Node]]:
        attributes = node.child_by_field_name("attrs")
        for attribute in attributes.named_children if attributes is not None else ():
            name = self._name(attribute, scope)
            if name is not None:
                yield name, attribute

    def _inherit(self, origin: _Binding, name: str, node: Node) -> _Read:
        return self._attribute(self._force(origin), name, node)

    def _put(self, into: _Set, name: str, binding: _Binding) -> None:
        present = into.bindings.setdefault(name, binding)
        if present is not binding:
            self._twice(name, binding.name, present.name)

    def _assign(self, into: _Set, path: Node, node: Node, scope: _Scope | None) -> None:
        if self._broken and (node.has_error or path.has_error) and node.type != "attrset_expression":
            return
        *around, last = [child for child in path.named_children if child.type != "comment"] or [path]
        for attribute in around:
            name = self._name(attribute, scope)
            if name is None:
                return
            present = into.bindings.get(name)
            if present is None:
                present = _Binding(attribute, path, value=_Set(), literal=True)
                into.bindings[name] = present
            inner = self._force(present)
            if not (present.literal and isinstance(inner, _Set)):
                self._twice(name, attribute, present.name)
                return
            into = inner
        name = self._name(last, scope)
        if name is None:
            return
        literal = _within_parentheses(node).type == "attrset_expression"
        binding = _Binding(last, node, partial(self._read, node, scope), literal=literal)
        present = into.bindings.get(name)
        if present is None:
            into.bindings[name] = binding
        elif present.literal and literal:
            # Nix merges one level: an attribute that both sets bind is an error even if it is a set again.
            first, more = self._force(present), self._force(binding)
            if isinstance(first, _Set) and isinstance(more, _Set):
                for inner_name, inner_binding in more.bindings.items():
                    self._put(first, inner_name, inner_binding)
        else:
            self._twice(name, last, present.name)

    def _name(self, node: Node, scope: _Scope | None) -> str | None:
        """An attribute's name; None when it is null or missing, or (with a finding) anything but text."""
        if node.is_missing:
            return None
        if node.type == "identifier":
            return self._source.of(node)
        value: _Read = _Known.NOTHING
        if node.type == "string_expression":
            value = self._read(node, scope)
        elif node.type == "interpolation":
            inner = node.child_by_field_name("expression")
            value = self._read(inner, scope) if inner is not None else _Known.NOTHING
        if isinstance(value, str) and "\0" not in value:
            return value
        # Nix leaves out an attribute whose name is null.
        if value is not _Known.NOTHING and value is not None:
            self._not_data("", node, "an attribute's name must be plain text")
        return None

    # Expressions --------------------------------------------------------------------------------------------

    def _read(self, node: Node, scope: _Scope | None) -> _Read:
        if self._depth > _DEEPEST:
            return self._too_deep(node)
        self._depth += 1
        try:
            read = _READERS.get(node.type)
            if read is not None:
                return read(self, node, scope)
            if node.type in _NOT_DATA:
                what, advice = _NOT_DATA[node.type]
                return self._not_data(what, node, advice=advice)
            return self._not_data("an expression", node)
        finally:
            self._depth -= 1

    def _attribute_set(self, node: Node, scope: _Scope | None) -> _Read:
        found = _Set()
        for child in node.named_children:
            if child.type == "binding_set":
                self._fill(found, child, scope, scope)
        return found

    def _list(self, node: Node, scope: _Scope | None) -> _Read:
        return _List(
            [
                _Binding(child, child, partial(self._read, child, scope))
                for child in node.named_children
                if child.type not in ("comment", "ERROR") and not (self._broken and child.has_error)
            ]
        )

    def _variable(self, node: Node, scope: _Scope | None) -> _Read:
        return self._lookup(self._source.of(node), node, scope)

    def _integer(self, node: Node, scope: _Scope | None) -> _Read:
        digits = self._source.of(node)
        if len(digits.lstrip("0")) > 19 or int(digits) >= 2**63:
            return self._not_data("", node, "this number is too large for Nix", "the largest is 9223372036854775807")
        return int(digits)

    def _float(self, node: Node, scope: _Scope | None) -> _Read:
        number = float(self._source.of(node))
        if isinf(number):
            return self._not_data("", node, "this number is too large for Nix", "write a smaller one")
        return number

    def _unary(self, node: Node, scope: _Scope | None) -> _Read:
        argument = node.child_by_field_name("argument")
        operator = node.child(0)
        if argument is None or operator is None or operator.type != "-":
            return self._not_data("a computation", node)
        value = self._read(argument, scope)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value if value is _Known.NOTHING else self._not_data("a computation", node)
        return 0 - value  # not -value: Nix has no negative zero here

    def _within(self, node: Node, scope: _Scope | None) -> _Read:
        """Parentheses, `let` and `with`: what they hold."""
        inner, scope = self._innermost(node, scope or _Scope(None))
        return _Known.NOTHING if inner is None else self._read(inner, scope)

    def _select(self, node: Node, scope: _Scope | None) -> _Read:
        base, path = node.child_by_field_name("expression"), node.child_by_field_name("attrpath")
        if node.child_by_field_name("default") is not None:
            return self._not_data("a choice (`or`)", node)
        if base is None or path is None:
            return _Known.NOTHING
        value = self._read(base, scope)
        for attribute in path.named_children:
            if attribute.type == "comment":
                continue
            name = self._name(attribute, scope)
            if name is None or value is _Known.NOTHING:
                return _Known.NOTHING
            value = self._attribute(value, name, attribute)
        return value

    def _attribute(self, value: _Read, name: str, node: Node) -> _Read:
        if isinstance(value, _Set):
            if name in value.bindings:
                return self._force(value.bindings[name])
            close = nearest(name, value.bindings)
            self._add(
                "nix-undefined",
                f"the set has no attribute `{key(name)}`",
                self._source.origin(node),
                f"did you mean `{key(close)}`?" if close else "",
            )
            return _Known.NOTHING
        if value is _Known.PACKAGES:
            return _Known.LIB if name == "lib" else Package(key(name))
        if isinstance(value, Package):
            return Package(f"{value.name}.{key(name)}")
        if value is _Known.ARGUMENTS:
            return _argument(name)
        if value is _Known.LIB:
            if name in _PRIORITIES:
                return _Priority(name, _PRIORITIES[name])
            return self._not_data(f"`lib.{key(name)}`", node)
        if isinstance(value, _Argument):
            return self._not_data(f"`{value.name}.{key(name)}`", node, advice=_KNOWN_TO_NIXOS)
        if value is _Known.NOTHING:
            return value
        return self._not_data("", node, f"there is no attribute `{key(name)}` in {_kind(value)}")

    def _apply(self, node: Node, scope: _Scope | None) -> _Read:
        function, argument = node.child_by_field_name("function"), node.child_by_field_name("argument")
        if function is None or argument is None:
            return _Known.NOTHING
        head = function
        while head.type in ("apply_expression", "parenthesized_expression"):
            inner = head.child_by_field_name("function") or head.child_by_field_name("expression")
            if inner is None:
                return _Known.NOTHING
            head = inner
        if head.type not in ("variable_expression", "select_expression"):
            # `a = 1` without its semicolon and with a name behind it reads as a call.
            call = head.type not in ("function_expression", "rec_attrset_expression")
            return self._not_data("a call of a function", node, advice="is a `;` missing before this?" if call else "")
        value = self._read(head, scope)
        if isinstance(value, _Priority) and _within_parentheses(function) == head:
            return _Prioritised(value.priority, _Binding(argument, argument, partial(self._read, argument, scope)))
        return value if value is _Known.NOTHING else self._not_data("a call of a function", node)

    # Text and paths -----------------------------------------------------------------------------------------

    def _pieces(self, node: Node, start: int, end: int, scope: _Scope | None) -> list[str | _Inserted] | None:
        """The raw text between two offsets, and what is antiquoted in it; None when that is not text."""
        pieces: list[str | _Inserted] = []
        sound = True
        for child in node.named_children:
            if child.type != "interpolation":
                continue
            if child.start_byte > start:
                pieces.append(self._source.between(start, child.start_byte))
            start = child.end_byte
            inner = child.child_by_field_name("expression")
            value = self._read(inner, scope) if inner is not None else _Known.NOTHING
            if isinstance(value, str | Expression):
                pieces.append(_Inserted(str(value)))
            else:
                sound = False
                if value is not _Known.NOTHING:
                    self._not_data("", child, f"{_kind(value)} in a text", "only text, packages and paths go into text")
        if start < end:
            pieces.append(self._source.between(start, end))
        return pieces if sound else None

    def _string(self, node: Node, scope: _Scope | None) -> _Read:
        pieces = self._pieces(node, node.start_byte + 1, node.end_byte - 1, scope)
        if pieces is None:
            return _Known.NOTHING
        return self._joined(node, (p.text if isinstance(p, _Inserted) else _unescaped(p) for p in pieces))

    def _indented(self, node: Node, scope: _Scope | None) -> _Read:
        pieces = self._pieces(node, node.start_byte + 2, node.end_byte - 2, scope)
        return _Known.NOTHING if pieces is None else self._joined(node, _without_indentation(pieces))

    def _joined(self, node: Node, texts: Iterator[str]) -> _Read:
        text = "".join(texts)
        return self._too_large(node) if len(text) > _LONGEST_TEXT else text

    def _path(self, node: Node, scope: _Scope | None) -> _Read:
        pieces = self._pieces(node, node.start_byte, node.end_byte, scope)
        if pieces is None:
            return _Known.NOTHING
        path = "".join(piece.text if isinstance(piece, _Inserted) else piece for piece in pieces)
        if "\0" in path:
            return self._not_data("a path made of packages", node)
        if path.startswith("/"):
            return self._not_data(
                "",
                node,
                "a path of the machine that builds",
                f'a file of the host itself is text: "{path}"; a file to copy goes into the fleet: `./file`',
            )
        if isinstance(pieces[-1], str) and path.endswith("/"):
            return self._not_data("", node, "a path cannot end with `/`", f"write `{path.rstrip('/')}`")
        found = in_fleet(self.file, path)
        if found is None:
            finding = outside(path, self._source.origin(node))
            self._found[finding] = None
            return _Known.NOTHING
        return FleetPath(found)

    # Data ---------------------------------------------------------------------------------------------------

    def _plain(self, binding: _Binding, path: Path, depth: int) -> Any:
        """The data that a binding holds, `_Known.NOTHING` where there is a finding instead."""
        value = self._force(binding)
        data = self._data(value, binding, path, depth)
        if self._keep_places and path and data is not _Known.NOTHING:
            self.places[path] = Span(self._source.origin(binding.name), self._source.origin(binding.node))
        return data

    def _data(self, value: _Read, binding: _Binding, path: Path, depth: int) -> Any:
        self._values += 1
        if self._values > _MOST_VALUES:
            return self._too_large(binding.node) if self._values == _MOST_VALUES + 1 else _Known.NOTHING
        if isinstance(value, _Set | _List):
            if any(value is around for around in self._active):
                self._add("nix-cycle", "this value contains itself", self._source.origin(binding.node))
                return _Known.NOTHING
            if depth > _DEEPEST:
                return self._too_deep(binding.node)
            self._active.append(value)
            try:
                if isinstance(value, _Set):
                    return self._plain_set(value, path, depth)
                return self._plain_list(value, path, depth)
            finally:
                self._active.pop()
        if isinstance(value, _Prioritised):
            if isinstance(self._force(value.value), _Prioritised):
                return self._not_data("", binding.node, "a value has one priority only", "keep one of the two")
            inner = self._plain(value.value, path, depth)
            return inner if inner is _Known.NOTHING else Override(value.priority, inner)
        if isinstance(value, _Known | _Priority | _Argument) and value is not _Known.NOTHING:
            advice = _KNOWN_TO_NIXOS if isinstance(value, _Argument) else ""
            return self._not_data(_kind(value), binding.node, advice=advice)
        return value

    def _plain_set(self, value: _Set, path: Path, depth: int) -> dict[str, Any]:
        data = {}
        for name, binding in value.bindings.items():
            item = self._plain(binding, (*path, name), depth + 1)
            if item is not _Known.NOTHING:
                data[name] = item
        return data

    def _plain_list(self, value: _List, path: Path, depth: int) -> list[Any]:
        data: list[Any] = []
        for binding in value.elements:
            # Numbered by what came before, so that places fit the data where an element was left out.
            item = self._plain(binding, (*path, len(data)), depth + 1)
            if item is not _Known.NOTHING:
                data.append(item)
        return data


_READERS: dict[str, Callable[[_Reader, Node, _Scope | None], _Read]] = {
    "apply_expression": _Reader._apply,
    "attrset_expression": _Reader._attribute_set,
    "float_expression": _Reader._float,
    "indented_string_expression": _Reader._indented,
    "integer_expression": _Reader._integer,
    "let_expression": _Reader._within,
    "list_expression": _Reader._list,
    "parenthesized_expression": _Reader._within,
    "path_expression": _Reader._path,
    "select_expression": _Reader._select,
    "string_expression": _Reader._string,
    "unary_expression": _Reader._unary,
    "variable_expression": _Reader._variable,
    "with_expression": _Reader._within,
}


def _argument(name: str) -> _Read:
    return {"pkgs": _Known.PACKAGES, "lib": _Known.LIB}.get(name) or _Argument(name)


def _within_parentheses(node: Node) -> Node:
    while node.type == "parenthesized_expression":
        inner = node.child_by_field_name("expression")
        if inner is None:
            break
        node = inner
    return node


def _kind(value: _Read) -> str:
    """What a value is, in a user's words."""
    match value:
        case _Known():
            return str(value.value)
        case _Priority():
            return f"`{value.name}` without a value"
        case _Prioritised():
            return "a value with a priority"
        case _Argument():
            return f"`{value.name}`"
        case _Set():
            return "an attribute set"
        case _List():
            return "a list"
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case Expression():
            return "a package or path"
        case _:
            return "a text"


# Strings ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Inserted:
    """What an antiquotation puts into a text: no escapes, no indentation."""

    text: str


_ESCAPE = re.compile(r"\\(.)|\r\n?", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


def _unescaped(raw: str) -> str:
    if "\\" not in raw and "\r" not in raw:
        return raw
    return _ESCAPE.sub(lambda m: "\n" if m[1] is None else _ESCAPED.get(m[1], m[1]), raw)


# The tokens of an indented string, as Nix cuts it. Only `plain` ones can hold indentation.
_INDENTED = re.compile(
    r"(?P<plain>(?:[^$']|\$[^{']|'[^'$])+)|''\\(?P<escaped>.)|'''|''(?=\$)|(?P<mark>[$'])", re.DOTALL
)
_OPENING = re.compile(r" *\n")


@dataclass(slots=True)
class _Piece:
    text: str
    plain: bool
    inserted: bool = False


def _without_indentation(pieces: list[str | _Inserted]) -> Iterator[str]:
    """The text of an indented string, by Nix's rules: the smallest indentation of its lines goes away.

    Lines of blanks alone do not count. What is escaped or inserted ends a line's indentation.
    """
    tokens = list(_indented_tokens(pieces))
    smallest = _smallest_indentation(tokens)
    line_begins, dropped = True, 0
    for index, token in enumerate(tokens):
        if token.inserted:
            line_begins, dropped = False, 0
            yield token.text
            continue
        kept = []
        for character in token.text:
            if line_begins and character == " ":
                dropped += 1
                if dropped <= smallest:
                    continue
            elif character == "\n":
                line_begins, dropped = True, 0
            else:
                line_begins, dropped = False, 0
            kept.append(character)
        text = "".join(kept)
        if index == len(tokens) - 1:
            # The blanks before the closing quotes only place these.
            before, newline, last = text.rpartition("\n")
            if newline and not last.strip(" "):
                text = before + newline
        yield text


def _indented_tokens(pieces: list[str | _Inserted]) -> Iterator[_Piece]:
    for index, piece in enumerate(pieces):
        if isinstance(piece, _Inserted):
            yield _Piece(piece.text, plain=False, inserted=True)
            continue
        opening = _OPENING.match(piece) if index == 0 else None
        position = opening.end() if opening else 0
        while match := _INDENTED.match(piece, position):
            position = match.end()
            if match["plain"] is not None:
                yield _Piece(match["plain"], plain=True)
            elif match["escaped"] is not None:
                yield _Piece(_unescaped("\\" + match["escaped"]), plain=False)
            elif match["mark"] is not None:
                yield _Piece(match["mark"], plain=False)
            elif match[0] == "'''":
                yield _Piece("''", plain=False)
            else:
                yield _Piece("$", plain=False)
                position += 1


def _smallest_indentation(tokens: list[_Piece]) -> int:
    smallest, current, line_begins = 1_000_000, 0, True
    for token in tokens:
        for character in token.text if token.plain else "x":
            if character == "\n" and token.plain:
                line_begins, current = True, 0
            elif line_begins and character == " ":
                current += 1
            elif line_begins:
                line_begins = False
                smallest = min(smallest, current)
    return smallest
