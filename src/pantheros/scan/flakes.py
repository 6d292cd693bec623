"""What a flake takes in and gives out, and the machines that it configures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node, Query

from pantheros.fleet.secrecy import masked
from pantheros.nix.syntax import LANGUAGE
from pantheros.scan.expressions import (
    CONDITIONAL,
    LAST_ARGUMENT,
    SETS,
    STRINGS,
    Expressions,
    Scope,
    bindings_of,
    captured,
)
from pantheros.scan.facts import CONFIGURATIONS, SOME, Configuration, Input, Named
from pantheros.scan.module import ModuleReader
from pantheros.scan.paths import PathReader

_NAMES = Query(LANGUAGE, "(binding attrpath: (attrpath . attr: (identifier) @name))")


class FlakeReader:
    """Gathers what a flake configures."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.configurations: list[Configuration] = []
        self.given: list[Named] = []
        """The modules that are given out, by name."""

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
            yield Input(name, masked(url), line)

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
                if head == "perSystem" and len(path) > 1:
                    found.setdefault(path[1], line)
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
        elif path[0].endswith("Modules"):
            if len(path) > 1:
                self.given.append(Named(path[1], line))
            for body, inner, _ in self.expressions.sets(value, scope, ()) if len(path) == 1 else ():
                self.given += [Named(below[0], at) for below, _, _, at in self.expressions.bound(body, inner)]

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
        made = _Made(ModuleReader(self.expressions))
        self._constructed(node, scope, made, 0)
        texts = [
            self.expressions.literal(text) or "" for part in made.parts for text in captured(STRINGS, part, "text")
        ]
        if not name:  # the names may be those of any set that a function is given
            texts += [
                self.expressions.source.of(attr) for attr in captured(_NAMES, self.expressions.source.root, "name")
            ]
        paths = PathReader(self.expressions)
        references = dict.fromkeys(each for part in made.parts for each in paths.references(part))
        self.configurations.append(
            Configuration(
                output,
                name,
                tuple(references),
                tuple(text for text in dict.fromkeys(texts) if _NAME.match(text) and masked(text) == text),
                tuple(made.modules.settings),
                tuple(dict.fromkeys([*made.opaque, *(each.name for each in made.modules.opaque)])),
                tuple(dict.fromkeys(each.name for part in made.parts for each in paths.foreign_modules(part))),
                line,
            )
        )

    def _constructed(self, node: Node, scope: Scope, made: _Made, depth: int) -> None:
        """What a configuration is made by: a call, and the functions of the same file that it calls."""
        node, scope = self.expressions.through(node, scope)
        if node.id in made.seen or depth > _DEEPEST:
            return
        made.seen.add(node.id)
        made.parts.append(node)
        if node.type == "function_expression":
            body = node.child_by_field_name("body")
            if body is not None:
                self._constructed(body, scope, made, depth)
            return
        if node.type in SETS:
            self._module_lists(node, scope, made)
            return
        if node.type == "binary_expression":
            for side in ("left", "right"):
                part = node.child_by_field_name(side)
                if part is not None:
                    self._constructed(part, scope, made, depth)
            return
        if node.type != "apply_expression":
            return
        name, arguments = self.expressions.call(node)
        helper = scope.find(name) if name else None
        if self._is_foreign(node):
            made.opaque.append(self.expressions.source.of(node).split("{")[0].split()[0])
        elif helper is not None:
            self._constructed(helper[0], helper[1], made, depth + 1)
        elif name not in _CONSTRUCTORS and name not in CONDITIONAL and name not in LAST_ARGUMENT:
            made.opaque.append(name or "a function")
        for argument in arguments:
            for body, within, _ in self.expressions.sets(argument, scope, ()):
                self._module_lists(body, within, made)
            if argument.type not in SETS:
                inner, around = self.expressions.through(argument, scope)
                if inner.type == "apply_expression":
                    self._constructed(inner, around, made, depth + 1)

    def _is_foreign(self, node: Node) -> bool:
        """Whether what is called is a part of a library that is not nixpkgs' own: `mylib.nixosSystem`."""
        function: Node | None = node
        while function is not None and function.type in ("apply_expression", "parenthesized_expression"):
            part = "function" if function.type == "apply_expression" else "expression"
            function = function.child_by_field_name(part)
        if function is None or function.type != "select_expression":
            return False
        base = function.child_by_field_name("expression")
        return base is not None and self.expressions.source.of(base) not in _LIBRARIES

    def _module_lists(self, body: Node, scope: Scope, made: _Made) -> None:
        """The modules that an attribute set of arguments has in place."""
        for path, value, around, _ in self.expressions.bound(body, scope):
            if path[0] not in _MODULE_LISTS:
                continue
            made.opaque += [
                " ".join(self.expressions.source.of(each).split())[:60]
                for each in self.expressions.unfollowed(value, around)
            ]
            for one in self.expressions.elements(value, around):
                if one.type in (*SETS, "function_expression", "parenthesized_expression"):
                    made.modules.module(one, around)


@dataclass
class _Made:
    """What a configuration is made of."""

    modules: ModuleReader
    """Those that are written in place."""
    parts: list[Node] = field(default_factory=list)
    opaque: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)


_DEEPEST = 4
_NAME = re.compile(r"[\w./@-]{1,64}\Z")
"""What may be a host's name, or a part of its path."""
_LIBRARIES = frozenset({"lib", "nixpkgs", "inputs", "home-manager", "darwin", "nix-darwin", "builtins", "self"})
"""Names of sets whose functions are known for what they make."""
_MODULE_LISTS = ("modules", "extraModules", "imports", "configuration")
_CONSTRUCTORS = frozenset(
    {
        *("nixosSystem", "darwinSystem", "homeManagerConfiguration", "makeOverridable", "import", "evalModules"),
        *("genAttrs", "mapAttrs", "listToAttrs", "map", "nameValuePair", "readDir", "recursiveUpdate", "attrNames"),
    }
)
"""Functions that are known for what they make, or that put other things together."""
