"""What is wrong with a spec or a change, in the words of `validate`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Level = Literal["ERROR", "WARNING", "INFO"]
MARKS: dict[Level, str] = {"ERROR": "✗", "WARNING": "⚠", "INFO": "ℹ"}


class Issue(NamedTuple):
    """One problem. `path` says in which file or part it lies; lines count from 1."""

    level: Level
    path: str
    message: str
    line: int | None = None

    def as_json(self) -> dict[str, object]:
        """The issue as the reference writes it."""
        line = {} if self.line is None else {"line": self.line}
        return {"level": self.level, "path": self.path, **line, "message": self.message}


def valid(issues: Iterable[Issue], *, strict: bool = False) -> bool:
    """Whether nothing is wrong that counts: an error, or with `strict` a warning."""
    return not any(issue.level == "ERROR" or (strict and issue.level == "WARNING") for issue in issues)
