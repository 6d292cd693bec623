"""What a raw Nix module refers to, so that it can be copied along with the module.

A raw module may be any Nix. Its path literals are all that is read: what it computes from them stays in their
directory, so far as anybody can tell without Nix.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from tree_sitter import Node

from pantheros.findings import Finding, Origin
from pantheros.nix.paths import in_fleet, outside
from pantheros.nix.syntax import parse, syntax_findings
from pantheros.source import Source


class Reference(NamedTuple):
    """A path of the fleet (posix, relative to it) that a raw module names; `plain` where nothing but the file's being
    there can have been meant: a literal that no condition, function or `let` stands around."""

    path: str
    origin: Origin
    plain: bool


def references(file: str, text: str) -> tuple[list[Reference], list[Finding]]:
    """What a raw module's path literals name in the fleet, each path once, and what is wrong with them.

    A path with an antiquotation (`./${name}.nix`), or with more text put behind it (`./name + ".nix"`), names
    its directory. Syntax errors are warnings: Nix itself judges raw modules.
    """
    source = parse(file, text)
    findings = [replace(finding, severity="warning") for finding in syntax_findings(source, text)]
    found: dict[str, Reference] = {}
    stack = [source.root]
    while stack:
        node = stack.pop()
        if node.type == "hpath_expression":
            findings.append(outside(source.of(node), source.origin(node)))
        elif node.type == "path_expression":
            literal, whole = _literal(source, node), source.of(node)
            path = in_fleet(file, literal)
            if whole.startswith("/"):
                # Perhaps it is only compared with, or is in the store; to read it, a flake may not.
                if not whole.startswith("/nix/store"):
                    findings.append(replace(outside(whole, source.origin(node)), severity="warning"))
            elif path is None:
                findings.append(outside(whole, source.origin(node)))
            else:
                plain = literal == whole and _stands_for_itself(source, node)
                if path not in found or (plain and not found[path].plain):
                    found[path] = Reference(path, source.origin(node), plain)
        stack.extend(reversed(node.named_children))
    return list(found.values()), findings


_AROUND = frozenset({"attrset_expression", "binding", "list_expression", "parenthesized_expression", "with_expression"})
_READERS = frozenset({"import", "builtins.readFile", "lib.readFile", "builtins.readDir", "lib.importJSON"})


def _stands_for_itself(source: Source, node: Node) -> bool:
    """Whether the file is sure to be wanted, so far as that shows: Nix reads only what it needs."""
    while (parent := node.parent) is not None:
        inner = parent.child_by_field_name("body")
        if parent.type == "source_code":
            return True
        if parent.type == "apply_expression":
            function = parent.child_by_field_name("function")
            if function is None or (source.of(function) not in _READERS and function != node):
                return False
        elif parent.type in ("function_expression", "let_expression"):
            if inner != node:
                return False
        elif parent.type == "binding_set":
            if parent.parent is None or parent.parent.type == "let_expression":
                return False
        elif parent.type not in _AROUND:
            return False
        node = parent
    return False


def _literal(source: Source, node: Node) -> str:
    fragment = node.named_child(0)
    if fragment is not None and fragment.end_byte < node.end_byte:
        return source.of(fragment).rpartition("/")[0] or "."
    text = source.of(node)
    return text.rpartition("/")[0] or "." if _continues(source, node) else text


def _continues(source: Source, node: Node) -> bool:
    """Whether text is put behind the path without a slash between."""
    parent = node.parent
    if parent is None or parent.type != "binary_expression" or parent.child_by_field_name("left") != node:
        return False
    operator, right = parent.child_by_field_name("operator"), parent.child_by_field_name("right")
    if operator is None or right is None or source.of(operator) != "+":
        return False
    return not source.of(right).startswith('"/')
