"""A file that a user wrote: its data now, the place of each part when somebody asks.

Reading a thousand hosts must be fast and places are wanted only where something is wrong, so a document holds plain
data and finds places by going back to the text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pantheros.findings import Finding, Origin

Path = tuple[str | int, ...]
"""Where a value lies in a document: keys, and indices into lists."""


@dataclass(frozen=True)
class Span:
    """The places of one value: of its key (the value itself, for a list's element) and of the value."""

    key: Origin
    value: Origin


@dataclass
class Document:
    """`data` is what could be read; `findings` say what could not, each at its place.

    Values in `data` are Python's own, and from Nix those of `pantheros.nix.values` (`Package`, `FleetPath`,
    `Override`). `locate` reads the text once more and gives the place of every value.
    """

    file: str
    data: dict[str, Any]
    findings: list[Finding] = field(default_factory=list)
    locate: Callable[[], Mapping[Path, Span]] = dict

    @cached_property
    def _spans(self) -> Mapping[Path, Span]:
        return self.locate()

    def origin(self, path: Sequence[str | int], *, key: bool = False) -> Origin:
        """The place of a value (of its key, on request); of the nearest thing around it that the text names."""
        spans = self._spans
        for length in range(len(path), 0, -1):
            span = spans.get(tuple(path[:length]))
            if span:
                return span.key if key or length < len(path) else span.value
        return Origin(self.file, 1, 1, 1, 1)
