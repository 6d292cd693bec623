"""The paths that a file names, what is done with them, and the modules that it takes from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from tree_sitter import Node, Query

from pantheros.nix.syntax import LANGUAGE
from pantheros.scan.expressions import CONDITIONAL, SELECTS, STRINGS, TEXTS, Expressions, captured
from pantheros.scan.facts import SOME, How, Named, Reference

_IMPORTERS = frozenset({"import", "callPackage", "callPackages", "scopedImport", "importApply"})
_MODULE_SETS = frozenset({"nixosModules", "nixosModule", "homeManagerModules", "homeModules", "homeManagerModule"})
_PATHS = Query(LANGUAGE, "[(path_expression) (spath_expression) (hpath_expression)] @path")
_BINDINGS = Query(LANGUAGE, "(binding) @binding")
_SUMS = Query(LANGUAGE, "(binary_expression) @sum")

_ELSEWHERE = frozenset({"modulesPath", "nixpkgs", "pkgs.path", "inputs.nixpkgs", "toString modulesPath"})
"""What a text may begin with that is not this repository's."""


class PathReader:
    """Gathers the paths of a file."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions

    def references(self, within: Node) -> Iterator[Reference]:
        found: dict[Reference, None] = {}
        for node in captured(_PATHS, within, "path"):
            if node.type == "path_expression":
                found[Reference(self._written(node), self._how(node), node.start_point.row + 1)] = None
        for node in captured(TEXTS, within, "text"):
            text = self.expressions.source.of(node)
            if "/" not in text or len(text) > 200 or any(c.isspace() for c in text) or "://" in text:
                continue
            whole = node.parent
            if whole is None or whole.type != "string_expression":
                continue
            parts = whole.named_children
            # `"${self}/modules/x.nix"`, and `relativeToRoot "modules/x.nix"`: a function puts the directory before it.
            if parts[0].type == "interpolation" and parts[1].id == node.id:
                path = self._rooted(parts[0]) + self._pattern(parts[1:])
            elif parts[0].id == node.id and (before := self._put_behind(whole)) is not None:
                path = before + self._pattern(parts)
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
        if parent is not None and parent.type == "binary_expression" and self.expressions.operator(parent) == "+":
            left, right = parent.child_by_field_name("left"), parent.child_by_field_name("right")
            if left is not None and left.id == node.id and right is not None:
                string = right.type == "string_expression"
                more = self._pattern(right.named_children) if string else f"/{SOME}"
                return text.rstrip("/") + more if more.startswith("/") else text + more
        return text

    def _put_behind(self, node: Node) -> str | None:
        """What a text is put behind: "" for the repository's root (`self + "/modules"`), or the path that a name stands
        for; None where it is put behind nothing of the kind."""
        parent = node.parent
        if parent is None or parent.type != "binary_expression" or self.expressions.operator(parent) != "+":
            return None
        left, right = parent.child_by_field_name("left"), parent.child_by_field_name("right")
        if left is None or right is None or right.id != node.id:
            return None
        said = self.expressions.source.of(left).removesuffix(".outPath")
        if said in ("self", "inputs.self", "flake", "inputs.self.outPath"):
            return ""
        value = self._bound_in_file.get(said) if left.type == "variable_expression" else None
        return self._pattern(value.named_children) if value is not None and value.type == "path_expression" else None

    def _pattern(self, parts: list[Node]) -> str:
        """A text or path with `SOME` for each antiquotation."""
        return "".join(SOME if part.type == "interpolation" else self.expressions.source.of(part) for part in parts)

    def _rooted(self, interpolation: Node) -> str:
        """What a text begins with whose first part is an antiquotation: nothing, for the repository's root, or the path
        that a name stands for."""
        inner = interpolation.named_child(0)
        if inner is None or self.expressions.source.of(inner) in _ELSEWHERE:
            return "<elsewhere>"
        return self._stands_for(inner)

    def _stands_for(self, inner: Node) -> str:
        if inner.type != "variable_expression":
            return ""
        value = self._bound_in_file.get(self.expressions.source.of(inner))
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
        for binding in captured(_BINDINGS, self.expressions.source.root, "binding"):
            attrpath, value = binding.child_by_field_name("attrpath"), binding.child_by_field_name("expression")
            if attrpath is not None and value is not None and attrpath.named_child_count == 1:
                found.setdefault(self.expressions.source.of(attrpath), value)
        return found

    def _how(self, node: Node) -> How:
        """What is done with a path."""
        parent = node.parent
        while parent is not None and parent.type in ("parenthesized_expression", "binary_expression"):
            node, parent = parent, parent.parent
        if parent is None:
            return "other"
        if parent.type == "apply_expression":
            name, arguments = self.expressions.call(parent)
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
                if self.expressions.call(parent)[0] not in (*CONDITIONAL, "concatLists", "flatten", "map"):
                    return "other"
                node, parent = parent, parent.parent
        # `imports = [ … ]`, `modules = [ … ]`, `users.alice = ./home.nix`, `nixosModules.x = ./x.nix`
        return "module" if parent is not None and parent.type == "binding" else "other"

    def foreign_modules(self, within: Node) -> Iterator[Named]:
        found: dict[Named, None] = {}
        for node in captured(SELECTS, within, "select"):
            attrpath = node.child_by_field_name("attrpath")
            if attrpath is None:
                continue
            names = [self.expressions.source.of(attr) for attr in attrpath.named_children]
            if any(name in _MODULE_SETS for name in names):
                found[Named(self.expressions.source.of(node), node.start_point.row + 1)] = None
        for node in captured(_SUMS, within, "sum"):
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is not None and right is not None and left.text == b"modulesPath":
                text = self.expressions.literal(right) or ""
                found[Named(f"modulesPath/{text.lstrip('/')}", node.start_point.row + 1)] = None
        for node in captured(STRINGS, within, "text"):
            first, *rest = node.named_children or [node]
            if first.type == "interpolation" and first.text in (b"${nixpkgs}", b"${inputs.nixpkgs}"):
                said = self._pattern(rest).removeprefix("/nixos/modules/")
                found[Named(f"modulesPath/{said}", node.start_point.row + 1)] = None
            if first.type == "interpolation" and first.text == b"${modulesPath}":
                found[Named(f"modulesPath/{self._pattern(rest).lstrip('/')}", node.start_point.row + 1)] = None
        yield from found


def _is_argument(node: Node) -> bool:
    """Whether something is given to a function, by itself or in a list."""
    parent = node.parent
    while parent is not None and parent.type in ("list_expression", "parenthesized_expression"):
        node, parent = parent, parent.parent
    if parent is None or parent.type != "apply_expression":
        return False
    argument = parent.child_by_field_name("argument")
    return argument is not None and argument.id == node.id
