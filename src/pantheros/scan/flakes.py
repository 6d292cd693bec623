"""What a flake takes in and gives out, and the machines that it configures."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node, Query

from pantheros.nix.syntax import LANGUAGE
from pantheros.scan.expressions import CONDITIONAL, LAST_ARGUMENT, SETS, Expressions, Scope, bindings_of, captured
from pantheros.scan.facts import CONFIGURATIONS, SOME, Configuration, Input, Named
from pantheros.scan.module import ModuleReader
from pantheros.scan.paths import PathReader

_NAMES = Query(LANGUAGE, "(binding attrpath: (attrpath . attr: (identifier) @name))")
_STRINGS = Query(LANGUAGE, "(string_expression) @text")


class FlakeReader:
    """Gathers what a flake configures."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.configurations: list[Configuration] = []

    def inputs(self, top: Node) -> Iterator[Input]:
        urls: dict[str, tuple[str, int]] = {}
        for path, value, _, line in self.expressions.bound(top, Scope()):
            if path[0] == "inputs":
                for name, url in self._input(value, path[1:]):
                    known = urls.get(name)
                    urls[name] = (url or (known[0] if known else ""), known[1] if known else line)
                    if known is None and len(path) == 1:
                        urls[name] = (urls[name][0], self._line_of(value, name) or line)
        for name, (url, line) in urls.items():
            yield Input(name, url, line)

    def _line_of(self, node: Node, name: str) -> int:
        return next((line for path, _, _, line in self.expressions.bound(node, Scope()) if path[0] == name), 0)

    def _input(self, value: Node, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        if path:
            if path[1:] == ("url",):
                yield path[0], self.expressions.literal(value) or ""
            elif len(path) > 1:
                yield path[0], ""
            else:
                inside = bindings_of(value) if value.type in SETS else {}
                yield path[0], self.expressions.literal(inside.get("url")) or ""
        elif value.type in SETS:
            for below, inner, _, _ in self.expressions.bound(value, Scope()):
                yield from self._input(inner, below)

    def outputs(self, node: Node, scope: Scope) -> Iterator[Named]:
        """What the flake gives out; what it configures is kept on the way."""
        found: dict[str, int] = {}
        for body, inner in self._given(node, scope):
            for path, value, around, line in self.expressions.bound(body, inner):
                head = path[0]
                if head == "flake":  # flake-parts
                    if len(path) > 1:
                        found.setdefault(path[1], line)
                        self._given_out(path[1:], value, around, line)
                    else:
                        for nested, within, _ in self.expressions.sets(value, around, ()):
                            for below, deeper, there, at in self.expressions.bound(nested, within):
                                found.setdefault(below[0], at)
                                self._given_out(below, deeper, there, at)
                    continue
                if head in ("imports", "systems", "debug"):
                    continue
                if head == "perSystem":
                    for nested, within, _ in self.expressions.sets(value, around, ()):
                        for below, _, _, at in self.expressions.bound(nested, within):
                            if below[0] not in ("_module", "imports"):
                                found.setdefault(below[0], at)
                    continue
                found.setdefault(head, line)
                self._given_out(path, value, around, line)
        for name, line in found.items():
            yield Named(name, line)

    def _given_out(self, path: tuple[str, ...], value: Node, scope: Scope, line: int) -> None:
        if path[0] in CONFIGURATIONS:
            self.configured(path, value, scope, line)

    def _given(self, node: Node, scope: Scope) -> Iterator[tuple[Node, Scope]]:
        """The attribute sets that the outputs are put together from, also by functions that do it for every system."""
        for body, inner, _ in self.expressions.sets(node, scope, ()):
            yield body, inner
        stack = [(node, scope)]
        while stack:
            node, scope = self.expressions.through(*stack.pop())
            if node.type == "function_expression":
                body_node = node.child_by_field_name("body")
                if body_node is not None:
                    stack.append((body_node, scope))
            elif node.type == "binary_expression":
                for side in ("left", "right"):
                    part = node.child_by_field_name(side)
                    if part is not None and part.type not in SETS:
                        stack.append((part, scope))
            elif node.type == "apply_expression":
                name, arguments = self.expressions.call(node)
                if name not in LAST_ARGUMENT and name not in CONDITIONAL and name not in ("recursiveUpdate",):
                    # The first argument of flake-parts' `mkFlake` holds the inputs.
                    for argument in arguments[1:] if name == "mkFlake" else arguments:
                        for body, inner, _ in self.expressions.sets(argument, scope, ()):
                            yield body, inner

    def configured(self, path: tuple[str, ...], node: Node, scope: Scope, line: int) -> None:
        output = path[0]
        if len(path) > 1:
            self._configuration(node, scope, output, path[1], line)
            return
        known = False
        for body, inner, _ in self.expressions.sets(node, scope, ()):
            for below, value, around, at in self.expressions.bound(body, inner):
                known = True
                self._configuration(value, around, output, below[0], at)
        if not known or self._computed(node, scope):
            self._configuration(node, scope, output, "", line)

    def _computed(self, node: Node, scope: Scope) -> bool:
        """Whether some of what a set holds is not written in it."""
        node, scope = self.expressions.through(node, scope)
        if node.type == "binary_expression":
            sides = (node.child_by_field_name(side) for side in ("left", "right"))
            return any(self._computed(side, scope) for side in sides if side is not None)
        return node.type not in SETS

    def _configuration(self, node: Node, scope: Scope, output: str, name: str, line: int) -> None:
        name = "" if name == SOME else name
        inline = ModuleReader(self.expressions)
        functions: dict[str, None] = {}
        inner_node, inner_scope = self.expressions.through(node, scope)
        stack = [inner_node]
        while stack:
            here = stack.pop()
            if here.type == "apply_expression":
                called, arguments = self.expressions.call(here)
                functions[called] = None
                stack += [argument for argument in arguments if argument.type not in SETS]
                for argument in arguments:
                    for body, within, _ in self.expressions.sets(argument, inner_scope, ()):
                        for path, value, around, _ in self.expressions.bound(body, within):
                            if path[0] in ("modules", "extraModules", "imports", "configuration"):
                                for one in self.expressions.elements(value, around):
                                    if one.type in (*SETS, "function_expression", "parenthesized_expression"):
                                        inline.module(one, around)
            elif here.type == "parenthesized_expression":
                stack += here.named_children
        texts = [self.expressions.literal(text) or "" for text in captured(_STRINGS, inner_node, "text")]
        if not name:  # the names may be those of any set that a function is given
            texts += [
                self.expressions.source.of(attr) for attr in captured(_NAMES, self.expressions.source.root, "name")
            ]
        self.configurations.append(
            Configuration(
                output,
                name,
                tuple(PathReader(self.expressions).references(inner_node)),
                tuple(text for text in dict.fromkeys(texts) if text),
                tuple(inline.settings),
                tuple(name for name in functions if name),
                line,
            )
        )
