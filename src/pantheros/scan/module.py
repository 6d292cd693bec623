"""What a module sets and declares."""

from __future__ import annotations

from tree_sitter import Node

from pantheros.fleet.secrecy import masked
from pantheros.scan.expressions import CONDITIONAL, LAST_ARGUMENT, SETS, Expressions, Scope, bindings_of, quoted
from pantheros.scan.facts import CONFIGURATIONS, GIVEN, UNKNOWN, Named, Option, Package, Setting, sort_of

_TOP = frozenset({"imports", "options", "config", "_module", "meta", "disabledModules", "freeformType", "_file", "key"})
_PACKAGE_LISTS = frozenset({"systemPackages", "packages", "extraPackages", "plugins", "corePackages", "fontPackages"})
_PLAIN = frozenset({"integer_expression", "float_expression", "path_expression"})
_SHORT = 6
"""Digits of a number that is no secret."""
_PRIORITIES = {"mkForce": 50, "mkDefault": 1000, "mkVMOverride": 10, "mkImageMediaOverride": 60}
_HARMLESS = frozenset(
    {"no", "yes", "none", "off", "on", "prohibit-password", "without-password", "forced-commands-only"}
)
"""Texts that are no secret, and tell whether something is allowed."""
_WORDS = frozenset({"true", "false", "null"})
"""Values that tell whether something is on."""
_SETS_OF_PACKAGES = frozenset({"pkgs", "self", "inputs", "final", "prev", "unstable"})


class ModuleReader:
    """Gathers the options, the settings and the packages of modules."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.options: list[Option] = []
        self.settings: list[Setting] = []
        self.packages: list[Package] = []
        self.configured: list[tuple[tuple[str, ...], Node, Scope, int]] = []
        """What flake-parts' modules configure: the output's path, its value and scope, the line."""
        self.opaque: list[Named] = []
        """What is imported that cannot be told."""

    def module(self, node: Node, scope: Scope) -> None:
        """A module, or whatever else a file comes to: settings, unless it says `config` or `options`."""
        for body, inner, needs in self.expressions.sets(node, scope, ()):
            bound = list(self.expressions.bound(body, inner))
            long = any(path[:1] in (("options",), ("config",)) for path, *_ in bound)
            for path, value, around, line in bound:
                if path[0] == "options":
                    self._declared(value, around, path[1:], line)
                elif path[0] == "config" and long:
                    self._set(value, around, path[1:], needs, line)
                elif path[0] == "imports":
                    self.opaque += [self._named(each) for each in self.expressions.unfollowed(value, around)]
                    for one in self.expressions.elements(value, around):
                        if one.type in (*SETS, "function_expression", "parenthesized_expression"):
                            self.module(one, around)
                elif path[0] not in _TOP and not long:
                    self._set(value, around, path, needs, line)

    def _named(self, node: Node) -> Named:
        return Named(masked(" ".join(self.expressions.source.of(node).split()))[:60], node.start_point.row + 1)

    # What is set ------------------------------------------------------------------------------------------------------

    def _set(self, node: Node, scope: Scope, path: tuple[str, ...], needs: tuple[str, ...], line: int) -> None:
        self.expressions.left -= 1
        if self.expressions.left < 0:
            return
        outputs = path[1:] if path[:1] == ("flake",) else path
        if outputs[:1] and outputs[0] in CONFIGURATIONS:
            self.configured.append((outputs, node, scope, line))
            return
        if (path[:2] == ("flake", "modules") and len(path) == 4) or (_gives_modules(path) and len(path) == 3):
            self.module(node, scope)  # flake-parts: a file that gives out modules holds them
            return
        # A home's or a container's settings may come as a module, with its own imports and arguments.
        empty = True
        for body, inner, conditions in self.expressions.sets(node, scope, needs):
            empty = False
            bound = list(self.expressions.bound(body, inner))
            if not bound:
                self._leaf(path, conditions, line, "{ }")
            for below, value, around, at in bound:
                if below == ("imports",) and _holds_modules(path):
                    continue
                self._set(value, around, (*path, *below), conditions, at)
        if empty:
            self._value(node, scope, path, needs, line)

    def _value(self, node: Node, scope: Scope, path: tuple[str, ...], needs: tuple[str, ...], line: int) -> None:
        """A value that is no attribute set."""
        node, more, priority = self._bare(node, scope)
        needs = tuple(dict.fromkeys((*needs, *more)))
        if path and path[-1] in _PACKAGE_LISTS:
            for one in self.expressions.elements(node, scope):
                name = self._package(one)
                if name:
                    self.packages.append(Package(name, needs, one.start_point.row + 1))
        option = self.expressions.option(node, scope)
        if option and path[-1:] == ("enable",):
            self._leaf(path, (*needs, option), line, "true", priority)
            return
        value = self._shown(node, scope)
        if path[-1:] == ("enable",) and not value:
            needs = (*needs, UNKNOWN)  # whether it is on is computed
        self._leaf(path, needs, line, value, priority)

    def _shown(self, node: Node, scope: Scope) -> str:
        """A value as `Setting.value` has it."""
        node, scope = self.expressions.through(node, scope)
        said = self.expressions.source.of(node)
        if said in _WORDS or (node.type == "integer_expression" and len(said) <= _SHORT):
            return said
        if node.type == "list_expression" and not node.named_child_count:
            return "[ ]"
        text = self.expressions.literal(node, scope)
        if text in _HARMLESS:
            return text or ""
        if text is not None:
            return sort_of(text)
        return GIVEN if node.type in _PLAIN else ""

    def _bare(self, node: Node, scope: Scope) -> tuple[Node, tuple[str, ...], int]:
        """A value without `mkIf` and `mkDefault` around it, the conditions that were, and its priority."""
        needs: tuple[str, ...] = ()
        priority = 100
        while True:
            if node.type == "parenthesized_expression":
                inner = node.child_by_field_name("expression")
            elif node.type == "apply_expression":
                name, arguments = self.expressions.call(node)
                if not arguments or not (name in LAST_ARGUMENT or name == "mkIf"):
                    return node, needs, priority
                inner = arguments[-1]
                if name == "mkIf" and len(arguments) == 2:
                    needs = (*needs, *self.expressions.condition(arguments[0], scope))
                elif name == "mkOverride" and self.expressions.source.of(arguments[0]).isdecimal():
                    priority = int(self.expressions.source.of(arguments[0]))
                else:
                    priority = _PRIORITIES.get(name, priority)
            else:
                return node, needs, priority
            if inner is None:
                return node, needs, priority
            node = inner

    def _leaf(self, path: tuple[str, ...], needs: tuple[str, ...], line: int, value: str, priority: int = 100) -> None:
        if path:
            self.settings.append(Setting(".".join(map(quoted, path)), value, needs, line, priority))

    def _package(self, node: Node) -> str:
        """The name of a package in a list: `git`, `pkgs.git`, `(python3.withPackages …)`."""
        if node.type == "parenthesized_expression":
            inner = node.child_by_field_name("expression")
            return self._package(inner) if inner is not None else ""
        if node.type == "apply_expression":
            function = node.child_by_field_name("function")
            return self._package(function) if function is not None else ""
        if node.type == "variable_expression":
            return self.expressions.source.of(node)
        if node.type == "select_expression":
            base, attrpath = node.child_by_field_name("expression"), node.child_by_field_name("attrpath")
            names = (
                [self.expressions.source.of(attr) for attr in attrpath.named_children] if attrpath is not None else []
            )
            if (
                base is not None
                and base.type == "variable_expression"
                and self.expressions.source.of(base) not in _SETS_OF_PACKAGES
            ):
                names = [self.expressions.source.of(base), *names]
            while names and names[-1] in ("withPackages", "override", "overrideAttrs", "withExtensions"):
                names.pop()
            return ".".join(names)
        return ""

    # What is declared -------------------------------------------------------------------------------------------------

    def _declared(self, node: Node, scope: Scope, path: tuple[str, ...], line: int) -> None:
        self.expressions.left -= 1
        if self.expressions.left < 0:
            return
        node, scope = self.expressions.through(node, scope)
        if node.type == "apply_expression" or self._is_option(node):
            name, _ = self.expressions.call(node)
            if name in ("mkMerge", "recursiveUpdate", "mergeAttrs") or name in CONDITIONAL:
                for body, inner, _ in self.expressions.sets(node, scope, ()):
                    self._declared(body, inner, path, line)
                return
            self._option_made(node, scope, path, line)
            return
        sets = list(self.expressions.sets(node, scope, ()))
        for body, inner, _ in sets:
            for below, value, around, at in self.expressions.bound(body, inner):
                self._declared(value, around, (*path, *below), at)

    def _is_option(self, node: Node) -> bool:
        """Whether this is `mkEnableOption "…" // { default = true; }`."""
        if node.type != "binary_expression" or self.expressions.operator(node) != "//":
            return False
        left = node.child_by_field_name("left")
        while left is not None and left.type == "parenthesized_expression":
            left = left.child_by_field_name("expression")
        return left is not None and left.type == "apply_expression" and self.expressions.call(left)[0].startswith("mk")

    def _option_made(self, node: Node, scope: Scope, path: tuple[str, ...], line: int) -> None:
        more: dict[str, Node] = {}
        while node.type == "binary_expression":
            right, left = node.child_by_field_name("right"), node.child_by_field_name("left")
            if left is None or right is None:
                return
            for body, _, _ in self.expressions.sets(right, scope, ()):
                more = {**bindings_of(body), **more}
            node = left
            while node.type == "parenthesized_expression":
                node = node.child_by_field_name("expression") or node
        name, arguments = self.expressions.call(node)
        said = dict(more)
        for argument in arguments:
            for body, _, _ in self.expressions.sets(argument, scope, ()):
                said = {**bindings_of(body), **said}
        type, default = self._words(said.get("type")), self._words(said.get("default"))
        description = self._description(said.get("description"), scope)
        if name == "mkEnableOption":
            what = self._description(arguments[0], scope) if arguments else ""
            type, default = "bool", default or "false"
            description = description or (f"Whether to enable {what}." if what else "")
        elif name == "mkPackageOption":
            what = (self.expressions.literal(arguments[1], scope) if len(arguments) > 1 else "") or ""
            type, default = "package", default or (f"pkgs.{what}" if what else "")
            description = description or (f"The {what} package to use." if what else "")
        default, description = masked(default), masked(description)
        self.options.append(Option(".".join(map(quoted, path)), type, default, description, line))
        if "type" in said:
            self._below(said["type"], scope, path)

    def _below(self, node: Node, scope: Scope, path: tuple[str, ...]) -> None:
        """The options of a submodule that an option's type has."""
        self.expressions.left -= 1
        if self.expressions.left < 0:
            return
        node, scope = self.expressions.through(node, scope)
        if node.type != "apply_expression":
            return
        name, arguments = self.expressions.call(node)
        if name in ("attrsOf", "lazyAttrsOf", "attrsWith"):
            path = (*path, "<name>")
        elif name in ("listOf", "nonEmptyListOf"):
            path = (*path, "*")
        elif name in ("submodule", "submoduleWith"):
            for argument in arguments:
                for body, inner, _ in self.expressions.sets(argument, scope, ()):
                    for below, value, around, line in self.expressions.bound(body, inner):
                        if below[0] == "options":
                            self._declared(value, around, (*path, *below[1:]), line)
                        elif below == ("modules",):
                            for one in self.expressions.elements(value, around):
                                self._submodule(one, around, path)
            return
        for argument in arguments:
            if argument.type == "list_expression":
                for one in self.expressions.elements(argument, scope):
                    self._below(one, scope, path)
            else:
                self._below(argument, scope, path)

    def _submodule(self, node: Node, scope: Scope, path: tuple[str, ...]) -> None:
        for body, inner, _ in self.expressions.sets(node, scope, ()):
            for below, value, around, line in self.expressions.bound(body, inner):
                if below[0] == "options":
                    self._declared(value, around, (*path, *below[1:]), line)

    def _words(self, node: Node | None) -> str:
        """An expression as written, on one line; without the library's names before types."""
        if node is None:
            return ""
        text = masked(" ".join(self.expressions.source.of(node).split()))
        for before in ("lib.types.", "types."):
            text = text.replace(before, "")
        return text if len(text) <= 120 else text[:119] + "…"

    def _description(self, node: Node | None, scope: Scope) -> str:
        if node is None:
            return ""
        if node.type == "apply_expression":  # mdDoc, literalMD
            arguments = self.expressions.call(node)[1]
            return self._description(arguments[-1], scope) if arguments else ""
        if node.type == "parenthesized_expression":
            return self._description(node.child_by_field_name("expression"), scope)
        text = self.expressions.literal(node, scope)
        if text is None and node.type in ("string_expression", "indented_string_expression"):
            text = self.expressions.source.of(node).strip("'\"")
        return masked(" ".join(text.split())) if text else ""


def _gives_modules(path: tuple[str, ...]) -> bool:
    return path[:1] == ("flake",) and path[1:2] in (("nixosModules",), ("homeManagerModules",), ("homeModules",))


def _holds_modules(path: tuple[str, ...]) -> bool:
    """Whether what lies at a path is a module of its own."""
    return path[:2] == ("home-manager", "users") or path[-1:] == ("config",) or path[:1] == ("containers",)
