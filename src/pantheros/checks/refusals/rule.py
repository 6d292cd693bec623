"""Rules of what NixOS's own modules refuse, and the words to write them with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from pantheros.checks.settings import Wrong
from pantheros.checks.view import HostView, Names
from pantheros.nix.values import Raw, Scope
from pantheros.releases.index import UNKNOWN, Unknown

NOTHING: tuple[Any, ...] = (None, False, "", [], {})
"""What is as good as not set."""


class Said:
    """What is said on a host, or of a person's home there, and what is said below each path."""

    def __init__(self, view: HostView, person: str | None = None) -> None:
        self.view = view
        self.person = person
        self.scope: Scope = "home" if person else "nixos"
        self.settings = view.homes[person] if person else view.system
        self.below: dict[Names, dict[str, None]] = {}
        for path in self.settings:
            for length, name in enumerate(path):
                self.below.setdefault(path[:length], {})[name] = None

    def anything(self, path: Names) -> bool:
        """Whether a setting has this path, or lies above or below it."""
        return path in self.below or any(path[:length] in self.settings for length in range(1, len(path) + 1))

    def value(self, path: Names) -> Any:
        """What an option is set to, else its default; None where there is none, `UNKNOWN` where only Nix knows.

        Of home-manager's options, no default is known.
        """
        if path in self.settings:
            value = self.settings[path].value
            return UNKNOWN if isinstance(value, Raw) else value
        if path in self.below:
            return UNKNOWN
        for length in range(len(path) - 1, 0, -1):
            if path[:length] in self.settings and self.settings[path[:length]].value != {}:
                return UNKNOWN
        default = self.view.index.default(self.scope, path)
        return None if isinstance(default, Unknown) else default

    def at(self, path: Names) -> Names | None:
        """The first setting that has this path, or lies below it."""
        return next((found for found in self.settings if found[: len(path)] == path), None)

    def names(self, path: Names) -> list[str]:
        """The names that are set right below a path."""
        return list(self.below.get(path, ()))

    def mentioned(self, word: str, within: Names) -> bool:
        """Whether a name occurs outside the settings below a path: the module that is told of it may do more."""
        return any(
            word in path or setting.value == word or (isinstance(setting.value, list) and word in setting.value)
            for path, setting in self.settings.items()
            if path[: len(within)] != within
        )


class Condition(NamedTuple):
    """What has to be so. `lacking` says that it is so where nothing is set."""

    paths: tuple[Names, ...]
    holds: Callable[[Said, Names], bool]
    lacking: bool = False


def _paths(paths: tuple[str, ...]) -> tuple[Names, ...]:
    return tuple(tuple(path.split(".")) for path in paths)


def on(*paths: str) -> Condition:
    """One of them is switched on."""
    return Condition(_paths(paths), lambda said, path: said.value(path) is True)


def given(*paths: str) -> Condition:
    """One of them is set to something."""
    return has(lambda value: value not in NOTHING, *paths)


def has(test: Callable[[Any], bool], *paths: str) -> Condition:
    """One of them is set to a value of which `test` is true."""
    return Condition(_paths(paths), lambda said, path: (value := said.value(path)) is not UNKNOWN and test(value))


def there(path: str) -> Condition:
    """Something is said of it, be it no more than its name."""
    return Condition(_paths((path,)), lambda said, path: said.anything(path))


def off(*paths: str) -> Condition:
    """Each of them is switched off, null, empty or not set."""
    return Condition(_paths(paths), lambda said, path: said.value(path) in NOTHING, lacking=True)


def unset(*paths: str) -> Condition:
    """Nothing is said of any of them."""
    return Condition(_paths(paths), lambda said, path: not said.anything(path), lacking=True)


@dataclass(frozen=True, slots=True)
class Rule:
    """What NixOS refuses. The first condition is the one at fault, where the host's own file has a part in several.

    `{name}` in the words is what `*` stands for. `unless` exempts what the settings do not tell enough about.
    """

    source: str
    wrong: Wrong
    conditions: tuple[Condition, ...]
    last: str = "unstable"
    unless: Callable[[Said, str], bool] = lambda said, name: False


class Refused(NamedTuple):
    """What one rule has found: what to say, the settings that make it so, and those that are lacking.

    `inside` leads to what is at fault in the value of the first setting.
    """

    wrong: Wrong
    made_by: tuple[Names, ...]
    lacking: tuple[Names, ...] = ()
    inside: tuple[str | int, ...] = ()
