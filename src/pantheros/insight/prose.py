"""Words and Markdown, as the pages put them together."""

from __future__ import annotations

from collections.abc import Sequence

from pantheros.fleet.secrecy import masked

_FEW = 6
"""Names that a line lists; the rest are counted."""


def counted(number: int, what: str) -> str:
    """`1 host`, `2 hosts`."""
    return f"{number} {plural(number, what)}"


def percent(part: int, whole: int) -> str:
    """The nearest percent, and `100%` and `0%` for all and for none alone."""
    nearest = (200 * part + whole) // (2 * whole)
    return f"{min(max(nearest, int(part > 0)), 100 - int(part < whole))}%"


def plural(number: int, what: str) -> str:
    return what if number == 1 else f"{what}s"


def lower(title: str) -> str:
    """A title within a sentence: its first letter small, unless it is a name or an abbreviation."""
    first = title.split(" ", maxsplit=1)[0]
    return title if first[1:].lower() != first[1:] or first in _NAMES else title[:1].lower() + title[1:]


_NAMES = frozenset(
    {"Python", "Go", "Rust", "Neovim", "Zed", "Bluetooth", "Kubernetes", "Datadog", "Nix", "Git", "Wi-Fi"}
)


def listed(names: Sequence[str], word: str, most: int = _FEW) -> str:
    """Names in a sentence, the last behind `word`; more than `most` are counted."""
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {word} {shown[-1]}" if shown else ""


def escaped(text: str) -> str:
    """Text as a cell of a Markdown table, or a line, may have it: of a secret, no more than its beginning."""
    text = masked(text)
    for mark in ("\\", "|", "<", "*", "_", "["):
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())
