"""The values that a NixOS setting can hold.

Python's own stand for Nix's: None, bool, int, float, str, list and dict (with string keys). What Python lacks is
an `Expression` here. An expression formatted into a Python string (`f"{Package('git')}/bin/git"`) leaves a mark in
it, which `parts` finds again and the writer turns into an antiquotation. The mark is made of NUL characters: no
Nix string can hold one, so nothing that a user writes can be taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

Scope = Literal["nixos", "home"]
"""Whose options a setting assigns: the system's, or those of one person's home."""

_MARK = re.compile("\0(\\d+)\0")
_embedded: dict[Expression, int] = {}
_by_number: list[Expression] = []


@dataclass(frozen=True, slots=True)
class Expression:
    """Something that Nix computes."""

    def __format__(self, spec: str) -> str:
        if spec:
            raise ValueError(f"a Nix expression takes no format: {spec!r}")
        return str(self)

    def __str__(self) -> str:
        number = _embedded.get(self)
        if number is None:
            number = _embedded[self] = len(_by_number)
            _by_number.append(self)
        return f"\0{number}\0"


@dataclass(frozen=True, slots=True)
class Package(Expression):
    """A package by its attribute path below `pkgs`: `k9s`, `python312Packages.requests`."""

    name: str


@dataclass(frozen=True, slots=True)
class Raw(Expression):
    """Nix code as it stands. `home` is the code to use in a person's home, where that differs."""

    code: str
    home: str | None = None


@dataclass(frozen=True, slots=True)
class File(Expression):
    """A file written beside the Nix file that refers to it."""

    name: str
    text: str
    executable: bool = False


@dataclass(frozen=True, slots=True)
class FleetPath(Expression):
    """A file or directory of the fleet (posix path, relative to the fleet), which is copied into the output."""

    path: str


@dataclass(frozen=True, slots=True)
class Override:
    """A value with a priority of its own: 50 is `lib.mkForce`, 1000 is `lib.mkDefault`."""

    priority: Literal[50, 1000]
    value: Value


Scalar: TypeAlias = bool | int | float | str | None
Value: TypeAlias = "Scalar | Expression | Override | Sequence[Value] | Mapping[str, Value]"


def parts(text: str) -> list[str | Expression]:
    """A string's literal text and the expressions formatted into it, in order; no empty text among them."""
    if "\0" not in text:
        return [text] if text else []
    pieces: list[str | Expression] = []
    for index, piece in enumerate(_MARK.split(text)):
        if index % 2:
            pieces.append(_by_number[int(piece)])
        elif piece:
            pieces.append(piece)
    return pieces


# Attribute paths ----------------------------------------------------------------------------------------------

_IDENTIFIER = re.compile(r"[a-zA-Z_][a-zA-Z0-9_'-]*\Z")
_KEYWORDS = frozenset({"assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"})
_SEGMENT = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^."\s]+))\s*(\.|\Z)', re.DOTALL)


@cache
def key(name: str) -> str:
    """An attribute's name as Nix wants it, quoted where it needs to be: `foo`, `"foo.bar"`."""
    if _IDENTIFIER.match(name) and name not in _KEYWORDS:
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    escaped = escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f'"{escaped}"'


_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@cache
def split_path(path: str) -> tuple[str, ...]:
    """The names in a dotted attribute path; a quoted name keeps its dots. `ValueError` when it is not a path."""
    if '"' not in path:
        names = tuple(path.split("."))
        if not all(names):
            raise ValueError(f"not an attribute path: {path!r}")
        return names
    found: list[str] = []
    position = 0
    while True:
        match = _SEGMENT.match(path, position)
        if not match:
            raise ValueError(f"not an attribute path: {path!r}")
        quoted, bare, dot = match.groups()
        found.append(bare if quoted is None else re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), quoted))
        position = match.end()
        if not dot:
            return tuple(found)


def join_path(names: tuple[str, ...] | list[str]) -> str:
    """The inverse of `split_path`."""
    return ".".join(map(key, names))
