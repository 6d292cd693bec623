"""Where everything in a TOML text stands, by tree-sitter.

Apart from `toml.py`, because tree-sitter is imported only when somebody asks for places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import tomli
import tree_sitter_toml
from tree_sitter import Language, Node

from pantheros.document import Path, Span
from pantheros.findings import Origin
from pantheros.source import Source

_LANGUAGE = Language(tree_sitter_toml.language())
_KEYS = ("bare_key", "quoted_key", "dotted_key")
_NOT_VALUES = ("comment", "ERROR")
_DEEPEST = 400
"""Nobody asks for places below, and each path is as long as it is deep."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A `key = value`, or a `[header]`: what it names, with its key's place, and how far it goes."""

    path: Path
    key: Origin
    whole: Origin
    table: bool


def places(file: str, text: str) -> dict[Path, Span]:
    """The place of every value in a TOML text. Where one is named twice, the first counts.

    What only dotted keys or longer headers name has the whole dotted key, or the header, for its value; a
    table opened by a header of its own has that header.
    """
    return _Walk(file, text).places


def statements(file: str, text: str) -> list[Statement]:
    """Every assignment and header in order, those in inline tables too; sound text is not needed."""
    return _Walk(file, text).statements


class _Walk:
    """One walk over one text. Nothing recurses: values may nest as deep as they like."""

    def __init__(self, file: str, text: str) -> None:
        self.places: dict[Path, Span] = {}
        self.statements: list[Statement] = []
        self._source = Source(file, text, _LANGUAGE)
        self._implied: set[Path] = set()
        self._elements: dict[Path, int] = {}
        # What is still to be read, last first: statements below a table, and values.
        self._ahead: list[tuple[Node, Path]] = [(self._source.root, ())]
        while self._ahead:
            self._visit(*self._ahead.pop())

    def _visit(self, node: Node, path: Path) -> None:
        if len(path) > _DEEPEST:
            return
        if node.type in ("table", "table_array_element"):
            path = self._header(node)
            self._statements(node.named_children[1:], path)
        elif node.type in ("document", "inline_table"):
            self._statements(node.named_children, path)
        elif node.type == "pair" or node.is_error:
            self._pair(node, path)
        elif node.type == "array":
            values = [child for child in node.named_children if child.type not in _NOT_VALUES]
            for index, child in enumerate(values):
                origin = self._source.origin(child)
                self.places[*path, index] = Span(origin, origin)
            self._ahead.extend((child, (*path, index)) for index, child in reversed(list(enumerate(values))))

    def _statements(self, nodes: list[Node], path: Path) -> None:
        self._ahead.extend(
            (node, path)
            for node in reversed(nodes)
            if node.type in ("pair", "table", "table_array_element") or node.is_error
        )

    def _pair(self, node: Node, path: Path) -> None:
        children = [child for child in node.named_children if child.type != "comment"]
        if not children or children[0].type not in _KEYS:
            return
        names = list(islice(self._names(children[0]), _DEEPEST))
        dotted = self._source.origin(children[0])
        for name, key in names[:-1]:
            path = (*path, name)
            self._imply(path, Span(self._source.origin(key), dotted))
        name, key = names[-1]
        path = (*path, name)
        origin = self._source.origin(key)
        value = children[1] if len(children) > 1 else None
        # In a text that only tomli understands, the value is whatever is left of the line.
        place = self._source.origin(value, children[-1]) if value is not None else dotted
        self._name(path, Span(origin, place))
        self.statements.append(Statement(path, origin, self._source.origin(node), table=False))
        if value is not None and not node.is_error:
            self._ahead.append((value, path))

    def _header(self, node: Node) -> Path:
        children = node.named_children
        if not children or children[0].type not in _KEYS:
            return ()
        names = list(islice(self._names(children[0]), _DEEPEST))
        end = next((child for child in node.children if child.type in ("]", "]]")), children[0])
        header = self._source.span(node.start_point, end.end_point)
        path: Path = ()
        for name, key in names[:-1]:
            path = (*path, name)
            self._imply(path, Span(self._source.origin(key), header))
            if path in self._elements:
                path = (*path, self._elements[path])
        name, key = names[-1]
        path = (*path, name)
        span = Span(self._source.origin(key), header)
        self._name(path, span)
        if node.type == "table_array_element":
            self._elements[path] = self._elements.get(path, -1) + 1
            path = (*path, self._elements[path])
            self._name(path, Span(header, header))
        else:
            self.statements.append(Statement(path, span.key, header, table=True))
        return path

    def _name(self, path: Path, span: Span) -> None:
        if path in self._implied:
            self._implied.remove(path)
            self.places[path] = span
        else:
            self.places.setdefault(path, span)

    def _imply(self, path: Path, span: Span) -> None:
        if path not in self.places:
            self._implied.add(path)
            self.places[path] = span

    def _names(self, node: Node) -> Iterator[tuple[str, Node]]:
        """The names in a key. A dotted key's tree leans left, as deep as it has dots."""
        stack = [node]
        while stack:
            node = stack.pop()
            if node.type == "dotted_key":
                stack.extend(reversed(node.named_children))
            elif node.type == "quoted_key":
                yield _unquoted(self._source.of(node)), node
            elif node.type == "bare_key":
                yield self._source.of(node), node


def _unquoted(text: str) -> str:
    if text.startswith('"') and "\\" in text:
        try:
            return next(iter(tomli.loads(f"{text} = 0")))
        except ValueError:
            pass
    return text[1:-1]
