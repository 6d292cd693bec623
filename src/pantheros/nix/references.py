"""What a raw Nix module refers to, so that it can be copied along with the module.

A raw module may be any Nix. Its path literals are all that is read: what it computes from them stays in their
directory, so far as anybody can tell without Nix.
"""

from __future__ import annotations

from dataclasses import replace

from tree_sitter import Node

from pantheros.findings import Finding
from pantheros.nix.paths import in_fleet, outside
from pantheros.nix.syntax import parse, syntax_findings
from pantheros.source import Source


def references(file: str, text: str) -> tuple[list[str], list[Finding]]:
    """The fleet-relative paths that a raw module's path literals name, and what is wrong with them.

    A path with an antiquotation (`./${name}.nix`), or with more text put behind it (`./name + ".nix"`), names
    its directory. Syntax errors are warnings: Nix itself judges raw modules.
    """
    source = parse(file, text)
    findings = [replace(finding, severity="warning") for finding in syntax_findings(source, text)]
    paths: dict[str, None] = {}
    stack = [source.root]
    while stack:
        node = stack.pop()
        if node.type == "path_expression":
            literal = _literal(source, node)
            if not literal.startswith("/"):
                path = in_fleet(file, literal)
                if path is None:
                    findings.append(outside(source.of(node), source.origin(node)))
                else:
                    paths[path] = None
        stack.extend(reversed(node.named_children))
    return list(paths), findings


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
