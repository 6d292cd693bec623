"""What is wrong or doubtful, and where: the words every stage uses to speak to the user.

Nothing of ours is imported here, so every other file may import this one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "info"]


class Origin(NamedTuple):
    """A place in a file that somebody wrote.

    `file` is relative to the fleet (posix). Lines and columns count from 1, columns in characters;
    the end is the first place after the text.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that a finding speaks of, and what it has to do with it."""

    message: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong or doubtful.

    `code` is stable and in kebab case. A module's author gives `at`, the option's path below the module
    (`github.enable`); `option` and `origin` are found from it. Where what is written there may be a secret, the
    finding is `private`: its message does not repeat it, and the line is not shown. `text` is what another program
    said of it, as it stands. `fix` is what to write at the origin instead, where that is safe to do without asking.
    """

    code: str
    message: str
    severity: Severity = "error"
    help: str = ""
    at: str = ""
    option: str = ""
    host: str = ""
    origin: Origin | None = None
    related: tuple[Related, ...] = ()
    private: bool = False
    text: str = ""
    fix: str = ""


class PantherError(Exception):
    """What stops the run: no fleet, a disk that is full, a directory that is not ours. Exit status 2."""

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help


class BrokenModule(Exception):
    """A module whose code cannot be used."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def slip(word: str, meant: str | None) -> str:
    """`meant`, where `word` is so near to it that it can only be a slip of the pen; else "": too unsure to write."""
    if meant is None or len(word) < 4:
        return ""
    return meant if difflib.SequenceMatcher(None, word.lower(), meant.lower()).ratio() >= 0.8 else ""


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that `word` was most likely meant to be; None when nothing is close."""
    known = list(known)
    lower = {k.lower(): k for k in known}
    if word.lower() in lower:
        return lower[word.lower()]
    close = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=cutoff)
    if not close and len(word) > 2:
        begun = [name for name in lower if name.startswith(word.lower())]
        close = begun if len(begun) == 1 else []
    return lower[close[0]] if close else None
