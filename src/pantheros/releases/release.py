"""NixOS releases: their names, their order, and until when each is supported.

No data is loaded here, so whatever only needs to say which release a host runs stays cheap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from pantheros.findings import nearest

_END_OF_LIFE: Final[dict[str, date | None]] = {
    "24.11": date(2025, 6, 30),
    "25.05": date(2025, 12, 31),
    "25.11": date(2026, 6, 30),
    "26.05": date(2026, 12, 31),
    "unstable": None,
}
"""The last day each release gets security fixes: a month after its successor comes out."""

_SHAPE = re.compile(r"(\d\d)\.(\d\d)\Z")


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """A release by its name, oldest first; `unstable` is newer than any.

    Compares with another release or with a name: `host.release >= "25.11"`. A name that is no known release
    raises `ValueError`, there as in `Release("25.10")`: a slip in a module must not pass for False.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in _END_OF_LIFE:
            raise ValueError(f"no known NixOS release: {self.name!r} (nearest: {_nearest(self.name)})")

    @classmethod
    def parse(cls, text: str) -> Release:
        """The release that a user names (`25.11`, `unstable`). `ValueError` names the nearest known one."""
        return cls(text.strip())

    @classmethod
    def all(cls) -> tuple[Release, ...]:
        """Every known release, oldest first."""
        return tuple(map(cls, _END_OF_LIFE))

    @property
    def end_of_life(self) -> date | None:
        """The last day of support; None for `unstable`."""
        return _END_OF_LIFE[self.name]

    def past_end_of_life(self, today: date) -> bool:
        """Whether support had ended before `today`."""
        end = self.end_of_life
        return end is not None and today > end

    def __str__(self) -> str:
        return self.name

    # The names sort as the releases do: digits come before letters.

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Release):
            return self.name == other.name
        return self.name == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    def __lt__(self, other: Release | str) -> bool:
        return self.name < _name(other)

    def __le__(self, other: Release | str) -> bool:
        return self.name <= _name(other)

    def __gt__(self, other: Release | str) -> bool:
        return self.name > _name(other)

    def __ge__(self, other: Release | str) -> bool:
        return self.name >= _name(other)


def _name(other: Release | str) -> str:
    return other.name if isinstance(other, Release) else Release(other).name


def _nearest(text: str) -> str:
    """The known release nearest in time, or in spelling when `text` has not the shape of one."""
    match = _SHAPE.search(text.strip())
    if not match:
        return nearest(text, _END_OF_LIFE) or CURRENT.name
    months = int(match[1]) * 12 + int(match[2])
    dated = [name for name, end in _END_OF_LIFE.items() if end]
    return min(dated, key=lambda name: abs(int(name[:2]) * 12 + int(name[3:]) - months))


CURRENT: Final = Release("26.05")
"""The newest stable release."""
