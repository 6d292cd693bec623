"""What an expression of Nix comes to, as far as its syntax tells: attribute sets, lists, names, conditions.

`let`, `with`, functions, `mkIf` and `mkMerge` are seen through; what only an evaluation could tell is left out, or
marked with `UNKNOWN` and `SOME`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node, Query, QueryCursor

from pantheros.nix.syntax import LANGUAGE
from pantheros.scan.facts import NEVER, SOME, UNKNOWN
from pantheros.source import Source

SETS = ("attrset_expression", "rec_attrset_expression", "let_attrset_expression")
THROUGH = frozenset({"with_expression", "assert_expression", "parenthesized_expression"})
"""Expressions that come to what is in them."""
LAST_ARGUMENT = frozenset(
    {"mkDefault", "mkForce", "mkOverride", "mkBefore", "mkAfter", "mkOrder", "mkVMOverride", "mkImageMediaOverride"}
)
"""Functions that come to their last argument."""
SELECTS = Query(LANGUAGE, "(select_expression) @select")
STRINGS = Query(LANGUAGE, "(string_expression) @text")
TEXTS = Query(LANGUAGE, "(string_fragment) @text")
CONDITIONAL = frozenset({"mkIf", "optionalAttrs", "optional", "optionals"})
_MOST = 20_000
"""Nodes of a file's structure that are followed: far more than any file has that a person wrote."""


@dataclass(slots=True)
class Scope:
    """What `let` binds, around a place."""

    outer: Scope | None = None
    names: dict[str, Node] = field(default_factory=dict)
    opened: dict[str, str] = field(default_factory=dict)
    """Names that `inherit (x.y) name` brings, with the path they stand for."""

    def find(self, name: str) -> tuple[Node, Scope] | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name], scope
            scope = scope.outer
        return None

    def inherited(self, name: str) -> str:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.opened:
                return scope.opened[name]
            scope = scope.outer
        return ""


class Expressions:
    """The expressions of one file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.left = _MOST
        self._following: set[int] = set()
        """Names that are being followed, so that one that is bound to itself ends."""

    def sets(self, node: Node, scope: Scope, needs: tuple[str, ...]) -> Iterator[tuple[Node, Scope, tuple[str, ...]]]:
        """The attribute sets that an expression comes to, each with its scope and conditions."""
        self.left -= 1
        if self.left < 0:
            return
        kind = node.type
        if kind in SETS:
            yield node, (with_bindings(node, scope) if kind != "attrset_expression" else scope), needs
        elif kind == "function_expression" or kind in THROUGH:
            body = node.child_by_field_name("body") or node.child_by_field_name("expression")
            if body is not None:
                yield from self.sets(body, scope, needs)
        elif kind == "let_expression":
            body = node.child_by_field_name("body")
            if body is not None:
                yield from self.sets(body, with_bindings(node, scope), needs)
        elif kind == "apply_expression":
            yield from self._applied(node, scope, needs)
        elif kind == "binary_expression" and self.operator(node) == "//":
            for side in ("left", "right"):
                part = node.child_by_field_name(side)
                if part is not None:
                    yield from self.sets(part, scope, needs)
        elif kind == "if_expression":
            for side in ("consequence", "alternative"):
                part = node.child_by_field_name(side)
                if part is not None:
                    yield from self.sets(part, scope, (*needs, UNKNOWN))
        elif kind == "variable_expression":
            found = scope.find(self.source.of(node))
            if found is not None and found[0].id not in self._following:
                self._following.add(found[0].id)
                yield from self.sets(found[0], found[1], needs)
                self._following.discard(found[0].id)

    def _applied(
        self, node: Node, scope: Scope, needs: tuple[str, ...]
    ) -> Iterator[tuple[Node, Scope, tuple[str, ...]]]:
        name, arguments = self.call(node)
        if not arguments:
            return
        if name in CONDITIONAL and len(arguments) == 2:
            yield from self.sets(arguments[1], scope, (*needs, *self.condition(arguments[0], scope)))
        elif name == "mkMerge":
            for one in self.elements(arguments[-1], scope):
                yield from self.sets(one, scope, needs)
        elif name in LAST_ARGUMENT:
            yield from self.sets(arguments[-1], scope, needs)
        elif name in ("recursiveUpdate", "mergeAttrs"):
            for argument in arguments:
                yield from self.sets(argument, scope, needs)
        elif name in ("foldl", "mergeAttrsList"):
            for argument in arguments:
                for one in self.elements(argument, scope):
                    yield from self.sets(one, scope, needs)

    def bound(self, node: Node, scope: Scope) -> Iterator[tuple[tuple[str, ...], Node, Scope, int]]:
        """What an attribute set binds: path, value, the value's scope, line."""
        for binding in binding_nodes(node):
            line = binding.start_point.row + 1
            if binding.type == "binding":
                attrpath = binding.child_by_field_name("attrpath")
                value = binding.child_by_field_name("expression")
                if attrpath is not None and value is not None:
                    yield self.path(attrpath, scope), value, scope, line
            elif binding.type == "inherit":
                for name in inherited(binding):
                    text = self.source.of(name)
                    found = scope.find(text)
                    if found is not None:
                        yield (text,), found[0], found[1], line
                    else:
                        yield (text,), name, scope, line
            else:
                for name in inherited(binding):
                    yield (self.source.of(name),), name, scope, line

    def path(self, attrpath: Node, scope: Scope) -> tuple[str, ...]:
        return tuple(self.name(attr, scope) for attr in attrpath.named_children if attr.type != "comment")

    def name(self, attr: Node, scope: Scope) -> str:
        """An attribute's name; `SOME` where only Nix can tell."""
        if attr.type == "identifier":
            return self.source.of(attr)
        if attr.type == "interpolation":
            inner = attr.named_child(0)
            return (self.literal(inner, scope) if inner is not None else None) or SOME
        return self.literal(attr, scope) or SOME

    def literal(self, node: Node | None, scope: Scope | None = None) -> str | None:
        """The text of a string without antiquotations, also of one that a name stands for."""
        if node is None:
            return None
        if node.type == "variable_expression" and scope is not None:
            found = scope.find(self.source.of(node))
            return self.literal(found[0], None) if found is not None else None
        if node.type not in ("string_expression", "indented_string_expression"):
            return None
        parts = []
        for part in node.named_children:
            if part.type == "interpolation":
                inner = part.named_child(0)
                known = self.literal(inner, scope) if scope is not None else None
                if known is None:
                    return None
                parts.append(known)
            else:
                parts.append(self.source.of(part))
        return "".join(parts)

    def elements(self, node: Node, scope: Scope) -> Iterator[Node]:
        """The elements of the lists that an expression comes to."""
        self.left -= 1
        if self.left < 0:
            return
        if node.type == "list_expression":
            yield from (child for child in node.named_children if child.type != "comment")
        elif node.type == "binary_expression":
            for side in ("left", "right"):
                part = node.child_by_field_name(side)
                if part is not None:
                    yield from self.elements(part, scope)
        elif node.type in THROUGH or node.type == "let_expression":
            body = node.child_by_field_name("body") or node.child_by_field_name("expression")
            if body is not None:
                yield from self.elements(body, scope)
        elif node.type == "apply_expression":
            name, arguments = self.call(node)
            if arguments and (name in CONDITIONAL or name in LAST_ARGUMENT):
                if name == "optional":
                    yield arguments[-1]
                else:
                    yield from self.elements(arguments[-1], scope)
            elif name in ("map", "flatten", "concatLists", "unique", "mkMerge"):
                for argument in arguments:
                    yield from self.elements(argument, scope)
        elif node.type == "variable_expression":
            found = scope.find(self.source.of(node))
            if found is not None and found[0].id not in self._following:
                self._following.add(found[0].id)
                yield from self.elements(*found)
                self._following.discard(found[0].id)

    def unfollowed(self, node: Node, scope: Scope) -> Iterator[Node]:
        """What of a list of modules cannot be told: names that nothing here binds, and calls that name no path."""
        self.left -= 1
        if self.left < 0:
            return
        node, scope = self.through(node, scope)
        if node.type == "list_expression":
            for child in node.named_children:
                if child.type != "comment":
                    yield from self.unfollowed(child, scope)
        elif node.type == "binary_expression":
            if self.operator(node) == "++":
                for side in ("left", "right"):
                    part = node.child_by_field_name(side)
                    if part is not None:
                        yield from self.unfollowed(part, scope)
        elif node.type == "variable_expression":
            if not _is_formal(node):
                yield node
        elif node.type == "apply_expression" and not captured(_ANY_PATH, node, "path"):
            name, arguments = self.call(node)
            if name in CONDITIONAL or name in LAST_ARGUMENT:
                yield from self.unfollowed(arguments[-1], scope)
            elif name not in ("attrValues", "importTOML"):
                yield node
        elif node.type == "if_expression":
            for side in ("consequence", "alternative"):
                part = node.child_by_field_name(side)
                if part is not None:
                    yield from self.unfollowed(part, scope)

    def call(self, node: Node) -> tuple[str, list[Node]]:
        """What is applied, without the library's name before it, and to what."""
        arguments: list[Node] = []
        function: Node | None = node
        while function is not None and function.type == "apply_expression":
            argument = function.child_by_field_name("argument")
            if argument is not None:
                arguments.insert(0, argument)
            function = function.child_by_field_name("function")
            while function is not None and function.type == "parenthesized_expression":
                function = function.child_by_field_name("expression")
        if function is None:
            return "", arguments
        if function.type == "select_expression":
            path = function.child_by_field_name("attrpath")
            last = path.named_children[-1] if path is not None and path.named_children else None
            return (self.source.of(last) if last is not None else ""), arguments
        return (self.source.of(function) if function.type == "variable_expression" else ""), arguments

    def operator(self, node: Node) -> str:
        operator = node.child_by_field_name("operator")
        return self.source.of(operator) if operator is not None else ""

    def through(self, node: Node, scope: Scope) -> tuple[Node, Scope]:
        """What stands behind parentheses, `let`, `with`, and a name that `let` binds."""
        for _ in range(20):
            if node.type in THROUGH:
                inner = node.child_by_field_name("body") or node.child_by_field_name("expression")
            elif node.type == "let_expression":
                scope, inner = with_bindings(node, scope), node.child_by_field_name("body")
            elif node.type == "variable_expression":
                found = scope.find(self.source.of(node))
                if found is None:
                    return node, scope
                inner, scope = found
            else:
                return node, scope
            if inner is None:
                return node, scope
            node = inner
        return node, scope

    # Conditions -----------------------------------------------------------------------------------------------------

    def condition(self, node: Node, scope: Scope) -> tuple[str, ...]:
        """The options that have to be on for a condition to hold, and `UNKNOWN` where there is more to it."""
        if node.type == "parenthesized_expression":
            inner = node.child_by_field_name("expression")
            return self.condition(inner, scope) if inner is not None else (UNKNOWN,)
        if node.type == "binary_expression" and self.operator(node) == "&&":
            sides = (node.child_by_field_name(side) for side in ("left", "right"))
            return tuple(dict.fromkeys(need for side in sides if side for need in self.condition(side, scope)))
        node, scope = self.through(node, scope)
        if node.type == "variable_expression" and self.source.of(node) in ("true", "false"):
            return () if self.source.of(node) == "true" else (NEVER,)
        return (self.option(node, scope) or UNKNOWN,)

    def option(self, node: Node, scope: Scope, depth: int = 0) -> str:
        """The path of the option that an expression reads: `config.a.b`, `cfg.b`; "" for anything else."""
        if depth > 8:
            return ""
        if node.type == "parenthesized_expression":
            inner = node.child_by_field_name("expression")
            return self.option(inner, scope, depth + 1) if inner is not None else ""
        if node.type == "select_expression":
            base, attrpath = node.child_by_field_name("expression"), node.child_by_field_name("attrpath")
            if base is None or attrpath is None or base.type != "variable_expression":
                return ""
            path = [quoted(name) for name in self.path(attrpath, scope)]
            name = self.source.of(base)
            if name in ("config", "osConfig"):
                return ".".join(path)
            head = self.option(base, scope, depth + 1)
            return ".".join([head, *path]) if head else ""
        if node.type == "variable_expression":
            name = self.source.of(node)
            found = scope.find(name)
            if found is not None:
                return self.option(found[0], found[1], depth + 1)
            return scope.inherited(name)
        return ""


_ANY_PATH = Query(LANGUAGE, "[(path_expression) (spath_expression) (string_fragment)] @path")


def _is_formal(variable: Node) -> bool:
    """Whether a name is an argument of a function around it: whoever calls that says what it is."""
    node = variable.parent
    while node is not None:
        if node.type == "function_expression":
            formals, single = node.child_by_field_name("formals"), node.child_by_field_name("universal")
            names = [formal.child_by_field_name("name") for formal in formals.named_children] if formals else []
            if any(name is not None and name.text == variable.text for name in (*names, single)):
                return True
        node = node.parent
    return False


# Nodes ---------------------------------------------------------------------------------------------------------------


def captured(query: Query, node: Node, name: str) -> list[Node]:
    return sorted(QueryCursor(query).captures(node).get(name, []), key=lambda found: found.start_byte)


def binding_nodes(node: Node) -> list[Node]:
    for child in node.named_children:
        if child.type == "binding_set":
            return [each for each in child.named_children if each.type in ("binding", "inherit", "inherit_from")]
    return []


def inherited(binding: Node) -> Iterator[Node]:
    attrs = binding.child_by_field_name("attrs")
    if attrs is not None:
        yield from attrs.named_children


def bindings_of(node: Node) -> dict[str, Node]:
    """What an attribute set binds to names of one part."""
    found = {}
    for binding in binding_nodes(node):
        attrpath, value = binding.child_by_field_name("attrpath"), binding.child_by_field_name("expression")
        if attrpath is not None and value is not None and attrpath.named_child_count == 1:
            name = attrpath.named_child(0)
            if name is not None and name.type == "identifier" and name.text is not None:
                found[name.text.decode()] = value
    return found


def with_bindings(node: Node, scope: Scope) -> Scope:
    """The scope in a `let` or a `rec` set."""
    inner = Scope(scope, bindings_of(node))
    for binding in binding_nodes(node):
        if binding.type == "inherit_from":
            source = binding.child_by_field_name("expression")
            path = _config_path(source)
            for name in inherited(binding) if path is not None else ():
                text = (name.text or b"").decode()
                inner.opened[text] = f"{path}.{text}" if path else text
    return inner


def _config_path(node: Node | None) -> str | None:
    """The path below `config` that an `inherit (config.x)` takes from."""
    while node is not None and node.type == "parenthesized_expression":
        node = node.child_by_field_name("expression")
    if node is None or node.text is None:
        return None
    if node.type == "variable_expression":
        return "" if node.text == b"config" else None
    base, attrpath = node.child_by_field_name("expression"), node.child_by_field_name("attrpath")
    if node.type != "select_expression" or base is None or base.text != b"config" or attrpath is None:
        return None
    return (attrpath.text or b"").decode()


def quoted(name: str) -> str:
    """An attribute's name in a path, as nixpkgs shows it."""
    return name if name in (SOME, "<name>") or _IDENTIFIER.match(name) else f'"{name}"'


_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_'-]*\Z")
