"""A text and its tree-sitter tree.

tree-sitter counts rows from 0 and columns in bytes; people and editors count both from 1, in characters. The
readers of TOML and of Nix share the translation.
"""

from __future__ import annotations

from functools import cached_property

from tree_sitter import Language, Node, Parser, Point

from pantheros.findings import Origin


class Source:
    """A parsed text that gives the place of a node, or of a character."""

    def __init__(self, file: str, text: str, language: Language) -> None:
        self.file = file
        self.text = text
        # What UTF-8 cannot hold becomes one "?", so that characters still count as characters.
        self.encoded = text.encode("utf-8", "replace")
        self.root = Parser(language).parse(self.encoded).root_node

    @cached_property
    def _lines(self) -> list[bytes]:
        return self.encoded.split(b"\n")

    def of(self, node: Node) -> str:
        """A node's text."""
        return self.encoded[node.start_byte : node.end_byte].decode()

    def between(self, start: int, end: int) -> str:
        """The text between two byte offsets."""
        return self.encoded[start:end].decode()

    def _column(self, point: Point) -> int:
        before = self._lines[point.row][: point.column]
        return (point.column if before.isascii() else len(before.decode("utf-8", "replace"))) + 1

    def origin(self, first: Node, last: Node | None = None) -> Origin:
        """The place of a node, or from one node to another."""
        return self.span(first.start_point, (last or first).end_point)

    def span(self, start: Point, end: Point) -> Origin:
        """The place between two of tree-sitter's points."""
        return Origin(self.file, start.row + 1, self._column(start), end.row + 1, self._column(end))


def origin_at(file: str, text: str, start: int, length: int = 1) -> Origin:
    """The place of some characters on one line; of the line's end when `start` lies there."""
    start = min(start, len(text))
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", start)
    end = min(start + length, len(text) if line_end < 0 else line_end)
    line = text.count("\n", 0, start) + 1
    return Origin(file, line, start - line_start + 1, line, max(start, end) - line_start + 1)
