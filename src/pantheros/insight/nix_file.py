"""What one Nix file says, from its syntax alone: nothing is evaluated, and nothing outside the file is looked at.

A module's structure is followed as NixOS would follow it: through functions, `let`, `with`, `mkIf` and `mkMerge`, down
to what is assigned. What only an evaluation could tell (a name that is computed, a condition that is no mere switch) is
marked as such, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from tree_sitter import Node, Query, QueryCursor

from pantheros.nix.syntax import LANGUAGE, parse, syntax_findings
from pantheros.source import Source

UNKNOWN = "?"
"""Stands in `Setting.needs` for a condition that only Nix can judge."""
SOME = "*"
"""Stands in a path for a name that only Nix can tell."""


class Option(NamedTuple):
    """An option that a module declares. `type`, `default` and `description` are as written, "" where not said;
    `<name>` and `*` in its path stand for the attributes and elements of a submodule."""

    path: str
    type: str
    default: str
    description: str
    line: int


class Setting(NamedTuple):
    """Something that is assigned."""

    path: str
    value: str
    """The value as written where it is a literal, "" otherwise."""
    needs: tuple[str, ...]
    """The options that have to be on for it, and `UNKNOWN` for any other condition."""
    line: int


How = Literal["module", "import", "other"]


class Reference(NamedTuple):
    """A path that the file names. It is a `module` in `imports` or `modules`, an `import` as the argument of `import`
    or `callPackage`, and otherwise anything that some function may do with it."""

    path: str
    """As written, `SOME` standing for each antiquotation; with a slash before it where it begins at the repository's
    root."""
    how: How
    line: int


class Configuration(NamedTuple):
    """A machine or a home that the flake gives out, or, with the name "", several of which only Nix knows the names."""

    output: str
    """`nixosConfigurations`, `darwinConfigurations` or `homeConfigurations`."""
    name: str
    references: tuple[Reference, ...]
    texts: tuple[str, ...]
    """The texts in it: names that a function may make a path of."""
    settings: tuple[Setting, ...]
    """What modules set that are written in place."""
    functions: tuple[str, ...]
    """What is called to make it."""
    line: int


class Input(NamedTuple):
    """An input of a flake."""

    name: str
    url: str
    line: int


class Package(NamedTuple):
    """A package that is put into a list of packages."""

    name: str
    needs: tuple[str, ...]
    line: int


class Named(NamedTuple):
    """A name with its line."""

    name: str
    line: int


@dataclass(frozen=True)
class Facts:
    """What a file says."""

    broken: str = ""
    """Why it is not read: the first syntax error, with its line."""
    options: tuple[Option, ...] = ()
    settings: tuple[Setting, ...] = ()
    references: tuple[Reference, ...] = ()
    packages: tuple[Package, ...] = ()
    modules: tuple[Named, ...] = ()
    """Modules from elsewhere that it takes in: `inputs.disko.nixosModules.disko` as written, and NixOS's own as
    `modulesPath/profiles/qemu-guest.nix`."""
    secrets: tuple[Named, ...] = ()
    """Secrets that it refers to by name or by `op://` address."""
    configurations: tuple[Configuration, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Named, ...] = ()
    """What the flake gives out, by the first part of its name."""
    description: str = ""


_LAST_ARGUMENT = frozenset(
    {"mkDefault", "mkForce", "mkOverride", "mkBefore", "mkAfter", "mkOrder", "mkVMOverride", "mkImageMediaOverride"}
)
_CONDITIONAL = frozenset({"mkIf", "optionalAttrs", "optional", "optionals"})
_IMPORTERS = frozenset({"import", "callPackage", "callPackages", "scopedImport", "importApply"})
_PACKAGE_LISTS = frozenset({"systemPackages", "packages", "extraPackages", "plugins", "corePackages", "fontPackages"})
_CONFIGURATIONS = frozenset({"nixosConfigurations", "darwinConfigurations", "homeConfigurations"})
_TOP = frozenset({"imports", "options", "config", "_module", "meta", "disabledModules", "freeformType", "_file", "key"})
_SECRETS = ("sops.secrets", "age.secrets", "services.onepassword-secrets.secrets", "vault.secrets")
_MOST = 20_000
"""Nodes of a file's structure that are followed: far more than any file has that a person wrote."""

_PATHS = Query(LANGUAGE, "[(path_expression) (spath_expression) (hpath_expression)] @path")
_TEXTS = Query(LANGUAGE, "(string_fragment) @text")
_SELECTS = Query(LANGUAGE, "(select_expression) @select")


def read(text: str) -> Facts:
    """What a file says; of one that Nix could not read, no more than that."""
    source = parse("", text)
    if source.root.has_error:
        findings = syntax_findings(source, text)
        line = findings[0].origin.line if findings and findings[0].origin else 1
        return Facts(broken=f"line {line}: {findings[0].message if findings else 'this is not Nix'}")
    twice = _assigned_twice(source)
    if twice:
        return Facts(broken=twice)
    return _Reader(source).facts()


@dataclass(slots=True)
class _Scope:
    """What `let` binds, around a place."""

    outer: _Scope | None = None
    names: dict[str, Node] = field(default_factory=dict)
    opened: dict[str, str] = field(default_factory=dict)
    """Names that `inherit (x.y) name` brings, with the path they stand for."""

    def find(self, name: str) -> tuple[Node, _Scope] | None:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name], scope
            scope = scope.outer
        return None

    def inherited(self, name: str) -> str:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.opened:
                return scope.opened[name]
            scope = scope.outer
        return ""


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.options: list[Option] = []
        self.settings: list[Setting] = []
        self.packages: list[Package] = []
        self.secrets: list[Named] = []
        self.configurations: list[Configuration] = []
        self.left = _MOST
        self.following: set[int] = set()
        """Names that are being followed, so that one that is bound to itself ends."""

    def facts(self) -> Facts:
        root = self.source.root
        top = next((node for node in root.named_children if node.type != "comment"), None)
        if top is None:
            return Facts(broken="line 1: there is nothing in it")
        inputs: list[Input] = []
        outputs: list[Named] = []
        description = ""
        flake = _bindings_of(top) if top.type in _SETS else {}
        if "outputs" in flake:
            description = self._literal(flake.get("description")) or ""
            inputs = list(self._inputs(top))
            outputs = list(self._outputs(flake["outputs"], _Scope()))
        else:
            self._module(top, _Scope())
        self._secrets()
        return Facts(
            options=tuple(self.options),
            settings=tuple(self.settings),
            references=tuple(self._references(root)),
            packages=tuple(self.packages),
            modules=tuple(self._foreign_modules()),
            secrets=tuple(dict.fromkeys(self.secrets)),
            configurations=tuple(self.configurations),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            description=description,
        )

    # The structure of a module ----------------------------------------------------------------------------------

    def _module(self, node: Node, scope: _Scope) -> None:
        """A module, or whatever else a file comes to: settings, unless it says `config` or `options`."""
        for body, inner, needs in self._sets(node, scope, ()):
            bound = list(self._bound(body, inner))
            long = any(path[:1] in (("options",), ("config",)) for path, *_ in bound)
            for path, value, around, line in bound:
                if path[0] == "options":
                    self._declared(value, around, path[1:], line)
                elif path[0] == "config" and long:
                    self._set(value, around, path[1:], needs, line)
                elif path[0] == "imports":
                    for one in self._list(value, around):
                        if one.type in (*_SETS, "function_expression", "parenthesized_expression"):
                            self._module(one, around)
                elif path[0] not in _TOP and not long:
                    self._set(value, around, path, needs, line)

    def _sets(
        self, node: Node, scope: _Scope, needs: tuple[str, ...]
    ) -> Iterator[tuple[Node, _Scope, tuple[str, ...]]]:
        """The attribute sets that an expression comes to, each with its scope and conditions."""
        self.left -= 1
        if self.left < 0:
            return
        kind = node.type
        if kind in _SETS:
            yield node, (_with_bindings(node, scope) if kind != "attrset_expression" else scope), needs
        elif kind == "function_expression" or kind in _THROUGH:
            body = node.child_by_field_name("body") or node.child_by_field_name("expression")
            if body is not None:
                yield from self._sets(body, scope, needs)
        elif kind == "let_expression":
            body = node.child_by_field_name("body")
            if body is not None:
                yield from self._sets(body, _with_bindings(node, scope), needs)
        elif kind == "apply_expression":
            yield from self._applied(node, scope, needs)
        elif kind == "binary_expression" and self._operator(node) == "//":
            for side in ("left", "right"):
                part = node.child_by_field_name(side)
                if part is not None:
                    yield from self._sets(part, scope, needs)
        elif kind == "if_expression":
            for side in ("consequence", "alternative"):
                part = node.child_by_field_name(side)
                if part is not None:
                    yield from self._sets(part, scope, (*needs, UNKNOWN))
        elif kind == "variable_expression":
            found = scope.find(self.source.of(node))
            if found is not None and found[0].id not in self.following:
                self.following.add(found[0].id)
                yield from self._sets(found[0], found[1], needs)
                self.following.discard(found[0].id)

    def _applied(
        self, node: Node, scope: _Scope, needs: tuple[str, ...]
    ) -> Iterator[tuple[Node, _Scope, tuple[str, ...]]]:
        name, arguments = self._call(node)
        if not arguments:
            return
        if name in _CONDITIONAL and len(arguments) == 2:
            yield from self._sets(arguments[1], scope, (*needs, *self._condition(arguments[0], scope)))
        elif name == "mkMerge":
            for one in self._list(arguments[-1], scope):
                yield from self._sets(one, scope, needs)
        elif name in _LAST_ARGUMENT:
            yield from self._sets(arguments[-1], scope, needs)
        elif name in ("recursiveUpdate", "mergeAttrs"):
            for argument in arguments:
                yield from self._sets(argument, scope, needs)
        elif name in ("mkMerge", "foldl", "mergeAttrsList"):
            for argument in arguments:
                for one in self._list(argument, scope):
                    yield from self._sets(one, scope, needs)

    def _bound(self, node: Node, scope: _Scope) -> Iterator[tuple[tuple[str, ...], Node, _Scope, int]]:
        """What an attribute set binds: path, value, the value's scope, line."""
        for binding in _binding_nodes(node):
            line = binding.start_point.row + 1
            if binding.type == "binding":
                attrpath = binding.child_by_field_name("attrpath")
                value = binding.child_by_field_name("expression")
                if attrpath is not None and value is not None:
                    yield self._path(attrpath, scope), value, scope, line
            elif binding.type == "inherit":
                for name in _inherited(binding):
                    text = self.source.of(name)
                    found = scope.find(text)
                    if found is not None:
                        yield (text,), found[0], found[1], line
                    else:
                        yield (text,), name, scope, line
            else:
                for name in _inherited(binding):
                    yield (self.source.of(name),), name, scope, line

    def _path(self, attrpath: Node, scope: _Scope) -> tuple[str, ...]:
        return tuple(self._name(attr, scope) for attr in attrpath.named_children if attr.type != "comment")

    def _name(self, attr: Node, scope: _Scope) -> str:
        """An attribute's name; `SOME` where only Nix can tell."""
        if attr.type == "identifier":
            return self.source.of(attr)
        if attr.type == "interpolation":
            inner = attr.named_child(0)
            return (self._literal(inner, scope) if inner is not None else None) or SOME
        return self._literal(attr, scope) or SOME

    def _literal(self, node: Node | None, scope: _Scope | None = None) -> str | None:
        """The text of a string without antiquotations, also of one that a name stands for."""
        if node is None:
            return None
        if node.type == "variable_expression" and scope is not None:
            found = scope.find(self.source.of(node))
            return self._literal(found[0], None) if found is not None else None
        if node.type not in ("string_expression", "indented_string_expression"):
            return None
        parts = []
        for part in node.named_children:
            if part.type == "interpolation":
                inner = part.named_child(0)
                known = self._literal(inner, scope) if scope is not None else None
                if known is None:
                    return None
                parts.append(known)
            else:
                parts.append(self.source.of(part))
        return "".join(parts)

    def _list(self, node: Node, scope: _Scope) -> Iterator[Node]:
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
                    yield from self._list(part, scope)
        elif node.type in _THROUGH or node.type == "let_expression":
            body = node.child_by_field_name("body") or node.child_by_field_name("expression")
            if body is not None:
                yield from self._list(body, scope)
        elif node.type == "apply_expression":
            name, arguments = self._call(node)
            if arguments and (name in _CONDITIONAL or name in _LAST_ARGUMENT):
                if name == "optional":
                    yield arguments[-1]
                else:
                    yield from self._list(arguments[-1], scope)
            elif name in ("map", "flatten", "concatLists", "unique", "mkMerge"):
                for argument in arguments:
                    yield from self._list(argument, scope)
        elif node.type == "variable_expression":
            found = scope.find(self.source.of(node))
            if found is not None and found[0].id not in self.following:
                self.following.add(found[0].id)
                yield from self._list(*found)
                self.following.discard(found[0].id)

    def _call(self, node: Node) -> tuple[str, list[Node]]:
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

    def _operator(self, node: Node) -> str:
        operator = node.child_by_field_name("operator")
        return self.source.of(operator) if operator is not None else ""

    # Conditions ---------------------------------------------------------------------------------------------------

    def _condition(self, node: Node, scope: _Scope) -> tuple[str, ...]:
        """The options that have to be on for a condition to hold, and `UNKNOWN` where there is more to it."""
        if node.type == "parenthesized_expression":
            inner = node.child_by_field_name("expression")
            return self._condition(inner, scope) if inner is not None else (UNKNOWN,)
        if node.type == "binary_expression" and self._operator(node) == "&&":
            sides = (node.child_by_field_name(side) for side in ("left", "right"))
            return tuple(dict.fromkeys(need for side in sides if side for need in self._condition(side, scope)))
        if node.type == "variable_expression" and self.source.of(node) == "true":
            return ()
        return (self._option(node, scope) or UNKNOWN,)

    def _option(self, node: Node, scope: _Scope, depth: int = 0) -> str:
        """The path of the option that an expression reads: `config.a.b`, `cfg.b`; "" for anything else."""
        if depth > 8:
            return ""
        if node.type == "parenthesized_expression":
            inner = node.child_by_field_name("expression")
            return self._option(inner, scope, depth + 1) if inner is not None else ""
        if node.type == "select_expression":
            base, attrpath = node.child_by_field_name("expression"), node.child_by_field_name("attrpath")
            if base is None or attrpath is None or base.type != "variable_expression":
                return ""
            path = [_quoted(name) for name in self._path(attrpath, scope)]
            name = self.source.of(base)
            if name in ("config", "osConfig"):
                return ".".join(path)
            head = self._option(base, scope, depth + 1)
            return ".".join([head, *path]) if head else ""
        if node.type == "variable_expression":
            name = self.source.of(node)
            found = scope.find(name)
            if found is not None:
                return self._option(found[0], found[1], depth + 1)
            return scope.inherited(name)
        return ""

    # What is set ----------------------------------------------------------------------------------------------------

    def _set(self, node: Node, scope: _Scope, path: tuple[str, ...], needs: tuple[str, ...], line: int) -> None:
        self.left -= 1
        if self.left < 0:
            return
        if path[:1] and path[0] in _CONFIGURATIONS:
            self._configured(node, scope, path, line)
            return
        if path[:1] == ("flake",) and path[1:2] and path[1] in _CONFIGURATIONS:
            self._configured(node, scope, path[1:], line)
            return
        # A home's or a container's settings may come as a module, with its own imports and arguments.
        empty = True
        for body, inner, conditions in self._sets(node, scope, needs):
            empty = False
            bound = list(self._bound(body, inner))
            if not bound:
                self._leaf(node, path, conditions, line, "{ }")
            for below, value, around, at in bound:
                if below == ("imports",) and _holds_modules(path):
                    continue
                self._set(value, around, (*path, *below), conditions, at)
        if empty:
            self._value(node, scope, path, needs, line)

    def _value(self, node: Node, scope: _Scope, path: tuple[str, ...], needs: tuple[str, ...], line: int) -> None:
        """A value that is no attribute set."""
        node, more = self._bare(node, scope)
        needs = tuple(dict.fromkeys((*needs, *more)))
        if path and path[-1] in _PACKAGE_LISTS:
            for one in self._list(node, scope):
                name = self._package(one)
                if name:
                    self.packages.append(Package(name, needs, one.start_point.row + 1))
        option = self._option(node, scope)
        if option:
            self._leaf(node, path, (*needs, option), line, "true")
            return
        text = self._literal(node, scope)
        if text is None:
            text = self.source.of(node) if node.type in _PLAIN else ""
        self._leaf(node, path, needs, line, text if len(text) <= 200 else "")

    def _bare(self, node: Node, scope: _Scope) -> tuple[Node, tuple[str, ...]]:
        """A value without `mkIf` and `mkDefault` around it, and the conditions that were."""
        needs: tuple[str, ...] = ()
        while True:
            if node.type == "parenthesized_expression":
                inner = node.child_by_field_name("expression")
            elif node.type == "apply_expression":
                name, arguments = self._call(node)
                if not arguments or not (name in _LAST_ARGUMENT or name == "mkIf"):
                    return node, needs
                inner = arguments[-1]
                if name == "mkIf" and len(arguments) == 2:
                    needs = (*needs, *self._condition(arguments[0], scope))
            else:
                return node, needs
            if inner is None:
                return node, needs
            node = inner

    def _leaf(self, node: Node, path: tuple[str, ...], needs: tuple[str, ...], line: int, value: str) -> None:
        if path:
            self.settings.append(Setting(".".join(map(_quoted, path)), value, needs, line))

    def _package(self, node: Node) -> str:
        """The name of a package in a list: `git`, `pkgs.git`, `(python3.withPackages …)`."""
        if node.type == "parenthesized_expression":
            inner = node.child_by_field_name("expression")
            return self._package(inner) if inner is not None else ""
        if node.type == "apply_expression":
            function = node.child_by_field_name("function")
            return self._package(function) if function is not None else ""
        if node.type == "variable_expression":
            return self.source.of(node)
        if node.type == "select_expression":
            base, attrpath = node.child_by_field_name("expression"), node.child_by_field_name("attrpath")
            names = [self.source.of(attr) for attr in attrpath.named_children] if attrpath is not None else []
            if (
                base is not None
                and base.type == "variable_expression"
                and self.source.of(base) not in _SETS_OF_PACKAGES
            ):
                names = [self.source.of(base), *names]
            while names and names[-1] in ("withPackages", "override", "overrideAttrs", "withExtensions"):
                names.pop()
            return ".".join(names)
        return ""

    # What is declared ---------------------------------------------------------------------------------------------

    def _declared(self, node: Node, scope: _Scope, path: tuple[str, ...], line: int) -> None:
        self.left -= 1
        if self.left < 0:
            return
        node, scope = self._through(node, scope)
        if node.type == "apply_expression" or self._is_option(node):
            name, _ = self._call(node)
            if name in ("mkMerge", "recursiveUpdate", "mergeAttrs") or name in _CONDITIONAL:
                for body, inner, _ in self._sets(node, scope, ()):
                    self._declared(body, inner, path, line)
                return
            self._option_made(node, scope, path, line)
            return
        sets = list(self._sets(node, scope, ()))
        for body, inner, _ in sets:
            for below, value, around, at in self._bound(body, inner):
                self._declared(value, around, (*path, *below), at)

    def _through(self, node: Node, scope: _Scope) -> tuple[Node, _Scope]:
        """What stands behind parentheses, `let`, `with`, and a name that `let` binds."""
        for _ in range(20):
            if node.type in _THROUGH:
                inner = node.child_by_field_name("body") or node.child_by_field_name("expression")
            elif node.type == "let_expression":
                scope, inner = _with_bindings(node, scope), node.child_by_field_name("body")
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

    def _is_option(self, node: Node) -> bool:
        """Whether this is `mkEnableOption "…" // { default = true; }`."""
        if node.type != "binary_expression" or self._operator(node) != "//":
            return False
        left = node.child_by_field_name("left")
        while left is not None and left.type == "parenthesized_expression":
            left = left.child_by_field_name("expression")
        return left is not None and left.type == "apply_expression" and self._call(left)[0].startswith("mk")

    def _option_made(self, node: Node, scope: _Scope, path: tuple[str, ...], line: int) -> None:
        more: dict[str, Node] = {}
        while node.type == "binary_expression":
            right, left = node.child_by_field_name("right"), node.child_by_field_name("left")
            if left is None or right is None:
                return
            for body, _, _ in self._sets(right, scope, ()):
                more = {**_bindings_of(body), **more}
            node = left
            while node.type == "parenthesized_expression":
                node = node.child_by_field_name("expression") or node
        name, arguments = self._call(node)
        said = dict(more)
        for argument in arguments:
            for body, _, _ in self._sets(argument, scope, ()):
                said = {**_bindings_of(body), **said}
        type, default = self._words(said.get("type")), self._words(said.get("default"))
        description = self._description(said.get("description"), scope)
        if name == "mkEnableOption":
            what = self._description(arguments[0], scope) if arguments else ""
            type, default = "bool", default or "false"
            description = description or (f"Whether to enable {what}." if what else "")
        elif name == "mkPackageOption":
            what = (self._literal(arguments[1], scope) if len(arguments) > 1 else "") or ""
            type, default = "package", default or (f"pkgs.{what}" if what else "")
            description = description or (f"The {what} package to use." if what else "")
        self.options.append(Option(".".join(map(_quoted, path)), type, default, description, line))
        if "type" in said:
            self._below(said["type"], scope, path)

    def _below(self, node: Node, scope: _Scope, path: tuple[str, ...]) -> None:
        """The options of a submodule that an option's type has."""
        self.left -= 1
        if self.left < 0:
            return
        node, scope = self._through(node, scope)
        if node.type != "apply_expression":
            return
        name, arguments = self._call(node)
        if name in ("attrsOf", "lazyAttrsOf", "attrsWith"):
            path = (*path, "<name>")
        elif name in ("listOf", "nonEmptyListOf"):
            path = (*path, "*")
        elif name in ("submodule", "submoduleWith"):
            for argument in arguments:
                for body, inner, _ in self._sets(argument, scope, ()):
                    for below, value, around, line in self._bound(body, inner):
                        if below[0] == "options":
                            self._declared(value, around, (*path, *below[1:]), line)
                        elif below == ("modules",):
                            for one in self._list(value, around):
                                self._submodule(one, around, path)
            return
        for argument in arguments:
            if argument.type == "list_expression":
                for one in self._list(argument, scope):
                    self._below(one, scope, path)
            else:
                self._below(argument, scope, path)

    def _submodule(self, node: Node, scope: _Scope, path: tuple[str, ...]) -> None:
        for body, inner, _ in self._sets(node, scope, ()):
            for below, value, around, line in self._bound(body, inner):
                if below[0] == "options":
                    self._declared(value, around, (*path, *below[1:]), line)

    def _words(self, node: Node | None) -> str:
        """An expression as written, on one line; without the library's names before types."""
        if node is None:
            return ""
        text = " ".join(self.source.of(node).split())
        for before in ("lib.types.", "types."):
            text = text.replace(before, "")
        return text if len(text) <= 120 else text[:119] + "…"

    def _description(self, node: Node | None, scope: _Scope) -> str:
        if node is None:
            return ""
        if node.type == "apply_expression":  # mdDoc, literalMD
            arguments = self._call(node)[1]
            return self._description(arguments[-1], scope) if arguments else ""
        if node.type == "parenthesized_expression":
            return self._description(node.child_by_field_name("expression"), scope)
        text = self._literal(node, scope)
        if text is None and node.type in ("string_expression", "indented_string_expression"):
            text = self.source.of(node).strip("'\"")
        return " ".join(text.split()) if text else ""

    # Paths, modules and secrets -------------------------------------------------------------------------------------

    def _references(self, within: Node) -> Iterator[Reference]:
        found: dict[Reference, None] = {}
        for node in _captured(_PATHS, within, "path"):
            if node.type == "path_expression":
                found[Reference(self._written(node), self._how(node), node.start_point.row + 1)] = None
        for node in _captured(_TEXTS, within, "text"):
            text = self.source.of(node)
            if "/" not in text or len(text) > 200 or any(c.isspace() for c in text) or "://" in text:
                continue
            whole = node.parent
            if whole is None or whole.type != "string_expression":
                continue
            parts = whole.named_children
            # `"${self}/modules/x.nix"`, and `relativeToRoot "modules/x.nix"`: a function puts the directory before it.
            if parts[0].type == "interpolation" and parts[1].id == node.id:
                path = self._rooted(parts[0]) + self._pattern(parts[1:])
            elif parts[0].id == node.id and _is_argument(whole):
                path = "/" + self._pattern(parts).lstrip("/")
            else:
                continue
            found[Reference(path, self._how(whole), node.start_point.row + 1)] = None
        yield from found

    def _written(self, node: Node) -> str:
        """A path as written, with what is put behind it."""
        text = self._pattern(node.named_children)
        parent = node.parent
        if parent is not None and parent.type == "binary_expression" and self._operator(parent) == "+":
            left, right = parent.child_by_field_name("left"), parent.child_by_field_name("right")
            if left is not None and left.id == node.id and right is not None:
                string = right.type == "string_expression"
                more = self._pattern(right.named_children) if string else f"/{SOME}"
                return text.rstrip("/") + more if more.startswith("/") else text + more
        return text

    def _pattern(self, parts: list[Node]) -> str:
        """A text or path with `SOME` for each antiquotation."""
        return "".join(SOME if part.type == "interpolation" else self.source.of(part) for part in parts)

    def _rooted(self, interpolation: Node) -> str:
        """What a text begins with whose first part is an antiquotation: nothing, for the repository's root, or the path
        that a name stands for."""
        inner = interpolation.named_child(0)
        if inner is None or inner.type != "variable_expression":
            return ""
        value = self._bound_in_file.get(self.source.of(inner))
        if value is None:
            return ""
        if value.type == "path_expression":
            return self._pattern(value.named_children)
        if value.type == "string_expression" and value.named_children[:1]:
            first, *rest = value.named_children
            return self._pattern(rest if first.type == "interpolation" else value.named_children)
        return ""

    @cached_property
    def _bound_in_file(self) -> dict[str, Node]:
        """What the names are bound to that are bound somewhere in the file, the first of each."""
        found: dict[str, Node] = {}
        for binding in _captured(_BINDINGS, self.source.root, "binding"):
            attrpath, value = binding.child_by_field_name("attrpath"), binding.child_by_field_name("expression")
            if attrpath is not None and value is not None and attrpath.named_child_count == 1:
                found.setdefault(self.source.of(attrpath), value)
        return found

    def _how(self, node: Node) -> How:
        """What is done with a path."""
        parent = node.parent
        while parent is not None and parent.type in ("parenthesized_expression", "binary_expression"):
            node, parent = parent, parent.parent
        if parent is None:
            return "other"
        if parent.type == "apply_expression":
            name, arguments = self._call(parent)
            if name in _IMPORTERS and arguments and arguments[0].id == node.id:
                return "import"
            if name in ("mkIf", "optional", "optionals"):
                return "module"
            return "other"
        while parent is not None and parent.type in (
            "list_expression",
            "parenthesized_expression",
            "binary_expression",
        ):
            node, parent = parent, parent.parent
            if parent is not None and parent.type == "apply_expression":
                if self._call(parent)[0] not in (*_CONDITIONAL, "concatLists", "flatten", "map"):
                    return "other"
                node, parent = parent, parent.parent
        # `imports = [ … ]`, `modules = [ … ]`, `users.alice = ./home.nix`, `nixosModules.x = ./x.nix`
        return "module" if parent is not None and parent.type == "binding" else "other"

    def _foreign_modules(self) -> Iterator[Named]:
        found: dict[Named, None] = {}
        for node in _captured(_SELECTS, self.source.root, "select"):
            attrpath = node.child_by_field_name("attrpath")
            if attrpath is None:
                continue
            names = [self.source.of(attr) for attr in attrpath.named_children]
            if any(name in _MODULE_SETS for name in names):
                found[Named(self.source.of(node), node.start_point.row + 1)] = None
        for node in _captured(_SUMS, self.source.root, "sum"):
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is not None and right is not None and left.text == b"modulesPath":
                text = self._literal(right) or ""
                found[Named(f"modulesPath/{text.lstrip('/')}", node.start_point.row + 1)] = None
        for node in _captured(_STRINGS, self.source.root, "text"):
            first, *rest = node.named_children or [node]
            if first.type == "interpolation" and first.text == b"${modulesPath}":
                found[Named(f"modulesPath/{self._pattern(rest).lstrip('/')}", node.start_point.row + 1)] = None
        yield from found

    def _secrets(self) -> None:
        for setting in self.settings:
            for prefix in _SECRETS:
                if setting.path.startswith(f"{prefix}."):
                    self.secrets.append(Named(_first(setting.path[len(prefix) + 1 :]), setting.line))
        for node in _captured(_TEXTS, self.source.root, "text"):
            text = self.source.of(node)
            if text.startswith("op://"):
                self.secrets.append(Named(text.split()[0], node.start_point.row + 1))
        for node in _captured(_SELECTS, self.source.root, "select"):
            option = self._option(node, _Scope())
            for prefix in _SECRETS:
                if option.startswith(f"{prefix}."):
                    self.secrets.append(Named(_first(option[len(prefix) + 1 :]), node.start_point.row + 1))

    # Flakes -------------------------------------------------------------------------------------------------------

    def _inputs(self, top: Node) -> Iterator[Input]:
        urls: dict[str, tuple[str, int]] = {}
        for path, value, _, line in self._bound(top, _Scope()):
            if path[0] == "inputs":
                for name, url in self._input(value, path[1:]):
                    known = urls.get(name)
                    urls[name] = (url or (known[0] if known else ""), known[1] if known else line)
                    if known is None and len(path) == 1:
                        urls[name] = (urls[name][0], self._line_of(value, name) or line)
        for name, (url, line) in urls.items():
            yield Input(name, url, line)

    def _line_of(self, node: Node, name: str) -> int:
        return next((line for path, _, _, line in self._bound(node, _Scope()) if path[0] == name), 0)

    def _input(self, value: Node, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        if path:
            if path[1:] == ("url",):
                yield path[0], self._literal(value) or ""
            elif len(path) > 1:
                yield path[0], ""
            else:
                inside = _bindings_of(value) if value.type in _SETS else {}
                yield path[0], self._literal(inside.get("url")) or ""
        elif value.type in _SETS:
            for below, inner, _, _ in self._bound(value, _Scope()):
                yield from self._input(inner, below)

    def _outputs(self, node: Node, scope: _Scope) -> Iterator[Named]:
        """What the flake gives out; what it configures is kept on the way."""
        found: dict[str, int] = {}
        for body, inner in self._given(node, scope):
            for path, value, around, line in self._bound(body, inner):
                head = path[0]
                if head == "flake":  # flake-parts
                    if len(path) > 1:
                        found.setdefault(path[1], line)
                        self._given_out(path[1:], value, around, line)
                    else:
                        for nested, within, _ in self._sets(value, around, ()):
                            for below, deeper, there, at in self._bound(nested, within):
                                found.setdefault(below[0], at)
                                self._given_out(below, deeper, there, at)
                    continue
                if head in ("imports", "systems", "debug"):
                    continue
                if head == "perSystem":
                    for nested, within, _ in self._sets(value, around, ()):
                        for below, _, _, at in self._bound(nested, within):
                            if below[0] not in ("_module", "imports"):
                                found.setdefault(below[0], at)
                    continue
                found.setdefault(head, line)
                self._given_out(path, value, around, line)
        for name, line in found.items():
            yield Named(name, line)

    def _given_out(self, path: tuple[str, ...], value: Node, scope: _Scope, line: int) -> None:
        if path[0] in _CONFIGURATIONS:
            self._configured(value, scope, path, line)

    def _given(self, node: Node, scope: _Scope) -> Iterator[tuple[Node, _Scope]]:
        """The attribute sets that the outputs are put together from, also by functions that do it for every system."""
        for body, inner, _ in self._sets(node, scope, ()):
            yield body, inner
        stack = [(node, scope)]
        while stack:
            node, scope = self._through(*stack.pop())
            if node.type == "function_expression":
                body_node = node.child_by_field_name("body")
                if body_node is not None:
                    stack.append((body_node, scope))
            elif node.type == "binary_expression":
                for side in ("left", "right"):
                    part = node.child_by_field_name(side)
                    if part is not None and part.type not in _SETS:
                        stack.append((part, scope))
            elif node.type == "apply_expression":
                name, arguments = self._call(node)
                if name not in _LAST_ARGUMENT and name not in _CONDITIONAL and name not in ("recursiveUpdate",):
                    for argument in arguments:
                        for body, inner, _ in self._sets(argument, scope, ()):
                            yield body, inner

    def _configured(self, node: Node, scope: _Scope, path: tuple[str, ...], line: int) -> None:
        output = path[0]
        if len(path) > 1:
            self._configuration(node, scope, output, path[1], line)
            return
        known = False
        for body, inner, _ in self._sets(node, scope, ()):
            for below, value, around, at in self._bound(body, inner):
                known = True
                self._configuration(value, around, output, below[0], at)
        if not known or self._computed(node, scope):
            self._configuration(node, scope, output, "", line)

    def _computed(self, node: Node, scope: _Scope) -> bool:
        """Whether some of what a set holds is not written in it."""
        node, scope = self._through(node, scope)
        if node.type == "binary_expression":
            sides = (node.child_by_field_name(side) for side in ("left", "right"))
            return any(self._computed(side, scope) for side in sides if side is not None)
        return node.type not in _SETS

    def _configuration(self, node: Node, scope: _Scope, output: str, name: str, line: int) -> None:
        name = "" if name == SOME else name
        inline = _Reader(self.source)
        inline.left = self.left
        functions: dict[str, None] = {}
        inner_node, inner_scope = self._through(node, scope)
        stack = [inner_node]
        while stack:
            here = stack.pop()
            if here.type == "apply_expression":
                called, arguments = self._call(here)
                functions[called] = None
                stack += [argument for argument in arguments if argument.type not in _SETS]
                for argument in arguments:
                    for body, within, _ in self._sets(argument, inner_scope, ()):
                        for path, value, around, _ in self._bound(body, within):
                            if path[0] in ("modules", "extraModules", "imports", "configuration"):
                                for one in self._list(value, around):
                                    if one.type in (*_SETS, "function_expression", "parenthesized_expression"):
                                        inline._module(one, around)
            elif here.type == "parenthesized_expression":
                stack += here.named_children
        texts = [self._literal(text) or "" for text in _captured(_STRINGS, inner_node, "text")]
        if not name:  # the names may be those of any set that a function is given
            texts += [self.source.of(attr) for attr in _captured(_NAMES, self.source.root, "name")]
        self.configurations.append(
            Configuration(
                output,
                name,
                tuple(self._references(inner_node)),
                tuple(text for text in dict.fromkeys(texts) if text),
                tuple(inline.settings),
                tuple(name for name in functions if name),
                line,
            )
        )


_SETS = ("attrset_expression", "rec_attrset_expression", "let_attrset_expression")
_THROUGH = frozenset({"with_expression", "assert_expression", "parenthesized_expression"})
_PLAIN = frozenset({"integer_expression", "float_expression", "path_expression", "variable_expression"})
_SETS_OF_PACKAGES = frozenset({"pkgs", "self", "inputs", "final", "prev", "unstable"})
_MODULE_SETS = frozenset({"nixosModules", "nixosModule", "homeManagerModules", "homeModules", "homeManagerModule"})
_NAMES = Query(LANGUAGE, "(binding attrpath: (attrpath . attr: (identifier) @name))")
_BINDINGS = Query(LANGUAGE, "(binding) @binding")
_SUMS = Query(LANGUAGE, "(binary_expression) @sum")
_STRINGS = Query(LANGUAGE, "(string_expression) @text")


def _assigned_twice(source: Source) -> str:
    """Where an attribute set has an attribute twice, which Nix refuses while it parses; "" where none has."""
    for node in _captured(_ALL_SETS, source.root, "set"):
        twice = _twice([node])
        if twice is not None:
            line = twice.start_point.row + 1
            return f"line {line}: `{source.of(twice)}` is assigned twice"
    return ""


def _twice(sets: list[Node]) -> Node | None:
    """The name that is assigned a second time in sets that are merged to one."""
    below: dict[bytes, list[tuple[Node, list[Node], Node | None]]] = {}
    for node in sets:
        for binding in _binding_nodes(node):
            attrpath = binding.child_by_field_name("attrpath")
            if attrpath is None:
                for name in _inherited(binding):
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
        if value is None or value.type not in _SETS:
            yield attrpath
            return
    if whole and (whole[0][2] is None or whole[0][2].type not in _SETS):
        yield whole[0][0]
        return
    below: dict[bytes, list[tuple[Node, list[Node], Node | None]]] = {}
    for attrpath, rest, value in bindings:
        if rest:
            if rest[0].type != "interpolation":
                below.setdefault((rest[0].text or b"").strip(b'"'), []).append((attrpath, rest[1:], value))
        elif value is not None:
            for binding in _binding_nodes(value):
                inner = binding.child_by_field_name("attrpath")
                if inner is not None and inner.named_children[0].type != "interpolation":
                    first, *more = inner.named_children
                    given = binding.child_by_field_name("expression")
                    below.setdefault((first.text or b"").strip(b'"'), []).append((inner, more, given))
    for each in below.values():
        if len(each) > 1:
            yield from _clashes(each)


_ALL_SETS = Query(LANGUAGE, "[(attrset_expression) (rec_attrset_expression) (let_expression)] @set")


def _is_argument(node: Node) -> bool:
    """Whether something is given to a function, by itself or in a list."""
    parent = node.parent
    while parent is not None and parent.type in ("list_expression", "parenthesized_expression"):
        node, parent = parent, parent.parent
    if parent is None or parent.type != "apply_expression":
        return False
    argument = parent.child_by_field_name("argument")
    return argument is not None and argument.id == node.id


def _captured(query: Query, node: Node, name: str) -> list[Node]:
    return sorted(QueryCursor(query).captures(node).get(name, []), key=lambda found: found.start_byte)


def _binding_nodes(node: Node) -> list[Node]:
    for child in node.named_children:
        if child.type == "binding_set":
            return [each for each in child.named_children if each.type in ("binding", "inherit", "inherit_from")]
    return []


def _inherited(binding: Node) -> Iterator[Node]:
    attrs = binding.child_by_field_name("attrs")
    if attrs is not None:
        yield from attrs.named_children


def _bindings_of(node: Node) -> dict[str, Node]:
    """What an attribute set binds to names of one part."""
    found = {}
    for binding in _binding_nodes(node):
        attrpath, value = binding.child_by_field_name("attrpath"), binding.child_by_field_name("expression")
        if attrpath is not None and value is not None and attrpath.named_child_count == 1:
            name = attrpath.named_child(0)
            if name is not None and name.type == "identifier" and name.text is not None:
                found[name.text.decode()] = value
    return found


def _with_bindings(node: Node, scope: _Scope) -> _Scope:
    """The scope in a `let` or a `rec` set."""
    inner = _Scope(scope, _bindings_of(node))
    for binding in _binding_nodes(node):
        if binding.type == "inherit_from":
            source = binding.child_by_field_name("expression")
            path = _config_path(source)
            for name in _inherited(binding) if path is not None else ():
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


def _holds_modules(path: tuple[str, ...]) -> bool:
    """Whether what lies at a path is a module of its own."""
    return path[:2] == ("home-manager", "users") or path[-1:] == ("config",) or path[:1] == ("containers",)


def _quoted(name: str) -> str:
    """An attribute's name in a path, as nixpkgs shows it."""
    return name if name in (SOME, "<name>") or _IDENTIFIER.match(name) else f'"{name}"'


_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_'-]*\Z")


def _first(path: str) -> str:
    """The first part of a dotted path, without its quotes."""
    return path[1:].partition('"')[0] if path.startswith('"') else path.partition(".")[0]
