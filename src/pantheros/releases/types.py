"""The types of NixOS's options: what values they take.

A type is read from its description (`type_grammar.parse`), which is all that a release publishes of it. What a value
has to be is NixOS's own rule for that type (nixpkgs, `lib/types.nix`), with one difference: where the description says
too little to know, the value is taken. So a value that is refused here is refused by NixOS.

Values are those of a setting (`nix/values.py`). What only Nix can compute is taken wherever it could fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, TypeAlias

from pantheros.nix.values import Expression, File, FleetPath, Override, Package, Raw, Value, parts

Step: TypeAlias = str | int
Path: TypeAlias = tuple[Step, ...]
Code = Literal["wrong-type", "not-one-of", "out-of-range", "pattern-mismatch", "unknown-setting"]
Inside = Callable[[Path, Mapping[str, Value], "Type | None"], "Iterator[Mismatch]"]
"""Looks into a submodule's value at a path: what its options are is not part of the type. With a type, that is what
names that are no option may be."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A value that a type refuses: `path` leads to it from the value that was looked at."""

    path: Path
    value: Value
    expected: Type
    code: Code = "wrong-type"
    certain: bool = True
    """False where options with this type's description differ in it."""
    near: str = ""
    """The name that an unknown one was most likely meant to be."""


@dataclass(frozen=True, slots=True)
class Type:
    """What an option takes. Any value, unless a kind of type says otherwise."""

    description: str = field(compare=False, kw_only=True, default="anything")
    """In NixOS's words."""

    @property
    def understood(self) -> bool:
        """Whether more is known of it than its name."""
        return True

    def accepts(self, value: Value) -> bool:
        """Whether NixOS takes this value; the options of submodules are not looked at."""
        return next(self.mismatches(value), None) is None

    def mismatches(self, value: Value, inside: Inside | None = None, path: Path = ()) -> Iterator[Mismatch]:
        """What keeps NixOS from taking this value; nothing where it takes it."""
        if isinstance(value, Override):
            value = value.value
        if isinstance(value, Raw) or (value is None and self._takes_null()):
            return
        yield from self._mismatches(value, inside, path)

    def _takes_null(self) -> bool:
        return False

    def _mismatches(self, value: Value, inside: Inside | None, path: Path) -> Iterator[Mismatch]:
        code = self._refusal(value)
        if code:
            yield Mismatch(path, value, self, code)

    def _refusal(self, value: Value) -> Code | None:
        """Why this value (no override, nothing raw) is refused as it is; None when it is taken."""
        return None

    def below(self, step: str) -> Type | None:
        """The type of what lies below a name (or an element's number) in such a value; None where nothing can."""
        return ANYTHING


@dataclass(frozen=True, slots=True)
class Unknown(Type):
    """A description that nothing here explains."""

    @property
    def understood(self) -> bool:
        return False


ANYTHING = Type()


@dataclass(frozen=True, slots=True)
class Opaque(Type):
    """A type that takes any value; what is known of it is how it puts several together."""

    merging: Literal["one", "equal", "lists"] = "equal"
    """Only one definition; equal ones; or lists, else equal ones."""

    def below(self, step: str) -> Type | None:
        return self if self.merging == "equal" else ANYTHING


class _Leaf(Type):
    """A type whose values have nothing below them."""

    __slots__ = ()

    def below(self, step: str) -> Type | None:
        return None


# Scalars ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Null(_Leaf):
    def _takes_null(self) -> bool:
        return True

    def _refusal(self, value: Value) -> Code | None:
        return "wrong-type"


@dataclass(frozen=True, slots=True)
class Boolean(_Leaf):
    def _refusal(self, value: Value) -> Code | None:
        return None if isinstance(value, bool) else "wrong-type"


@dataclass(frozen=True, slots=True)
class Number(_Leaf):
    """A whole number, or (`fraction`) one with a point, or either; within bounds that belong to it."""

    whole: bool = True
    fraction: bool = False
    least: float | None = None
    most: float | None = None
    but: int | None = None
    """One that it is not."""
    above: float | None = None
    """One that it is greater than."""

    def _refusal(self, value: Value) -> Code | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "wrong-type"
        if not (self.fraction if isinstance(value, float) else self.whole):
            return "wrong-type"
        out = (
            (self.least is not None and value < self.least)
            or (self.most is not None and value > self.most)
            or (self.above is not None and value <= self.above)
            or value == self.but
        )
        return "out-of-range" if out else None


@dataclass(frozen=True, slots=True)
class String(_Leaf):
    """Text; `pattern` (Python's) is for all of it."""

    pattern: str = ""

    def _refusal(self, value: Value) -> Code | None:
        if not isinstance(value, str):
            return "wrong-type"
        if self.pattern and not _computed(value) and not _compiled(self.pattern).fullmatch(value):
            return "pattern-mismatch"
        return None


@dataclass(frozen=True, slots=True)
class AbsolutePath(_Leaf):
    """A path: Nix's own, or text that begins with `/`. In `store`, right below the Nix store."""

    store: bool = False

    def _refusal(self, value: Value) -> Code | None:
        if isinstance(value, Package):
            return None
        if isinstance(value, File | FleetPath):
            return "wrong-type" if self.store else None
        if not isinstance(value, str):
            return "wrong-type"
        if value.startswith("\0"):
            return None  # begins with what Nix computes
        good = re.match(r"/nix/store/[^/]", value) if self.store else value.startswith("/")
        return None if good else "wrong-type"


@dataclass(frozen=True, slots=True)
class Derivation(_Leaf):
    """A package."""

    def _refusal(self, value: Value) -> Code | None:
        if isinstance(value, Package) or (isinstance(value, str) and value.startswith(("/nix/store/", "\0"))):
            return None
        return "wrong-type"


@dataclass(frozen=True, slots=True)
class OneOf(_Leaf):
    """Certain values alone."""

    values: tuple[str | int | float | bool | None, ...] = ()

    def _takes_null(self) -> bool:
        return None in self.values

    def _refusal(self, value: Value) -> Code | None:
        if isinstance(value, str) and _computed(value):
            return None if any(isinstance(choice, str) for choice in self.values) else "wrong-type"
        if any(type(choice) is type(value) and choice == value for choice in self.values):
            return None
        alike = any(type(choice) is type(value) for choice in self.values)
        return "not-one-of" if alike else "wrong-type"


@dataclass(frozen=True, slots=True)
class Function(_Leaf):
    """A function, which only Nix can write."""

    def _refusal(self, value: Value) -> Code | None:
        return "wrong-type"


# Of other types -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListOf(Type):
    element: Type = ANYTHING
    empty: bool = True
    """Whether it may be empty."""
    length: int | None = None

    def _mismatches(self, value: Value, inside: Inside | None, path: Path) -> Iterator[Mismatch]:
        if not isinstance(value, list):
            yield Mismatch(path, value, self)
        elif (not value and not self.empty) or (self.length is not None and len(value) != self.length):
            yield Mismatch(path, value, self, "out-of-range")
        else:
            for index, each in enumerate(value):
                yield from self.element.mismatches(each, inside, (*path, index))

    def below(self, step: str) -> Type | None:
        return self.element if step.isdecimal() or step == "*" else None


@dataclass(frozen=True, slots=True)
class AttrsOf(Type):
    element: Type = ANYTHING
    doubtful: bool = False
    """Whether the elements may be sets of options that have the element's description."""

    def _mismatches(self, value: Value, inside: Inside | None, path: Path) -> Iterator[Mismatch]:
        if not isinstance(value, dict):
            yield Mismatch(path, value, self)
            return
        for name, each in value.items():
            yield from self.element.mismatches(each, inside, (*path, name))
            if self.doubtful and not isinstance(each, dict | Raw | Override):
                yield Mismatch((*path, name), each, self.element, certain=False)

    def below(self, step: str) -> Type | None:
        return self.element


@dataclass(frozen=True, slots=True)
class Dag(AttrsOf):
    """home-manager's: entries that may be written out with what they come before and after."""

    listed: bool = False

    def _mismatches(self, value: Value, inside: Inside | None, path: Path) -> Iterator[Mismatch]:
        if isinstance(value, list) and self.listed:
            for index, each in enumerate(value):
                yield from self.element.mismatches(each, inside, (*path, index))
        elif not isinstance(value, dict):
            yield Mismatch(path, value, self)
        else:
            for name, each in value.items():
                if not (isinstance(each, dict) and "data" in each):
                    yield from self.element.mismatches(each, inside, (*path, name))


@dataclass(frozen=True, slots=True)
class Submodule(Type):
    """A set of options of its own; with `free`, other names may have values of that type. One it `needs`."""

    free: Type | None = None
    needs: str = ""

    def _mismatches(self, value: Value, inside: Inside | None, path: Path) -> Iterator[Mismatch]:
        if isinstance(value, FleetPath | File):
            return  # a module of its own
        if not isinstance(value, dict) or (self.needs and self.needs not in value):
            yield Mismatch(path, value, self)
        elif inside is not None:
            yield from inside(path, value, self.free)

    def below(self, step: str) -> Type | None:
        return self.free or ANYTHING


@dataclass(frozen=True, slots=True)
class Tagged(Type):
    """A set of one value, whose name says what it is."""

    tags: tuple[str, ...] = ()

    def _mismatches(self, value: Value, inside: Inside | None, path: Path) -> Iterator[Mismatch]:
        if not isinstance(value, dict) or len(value) != 1:
            yield Mismatch(path, value, self)
        elif not set(value) <= set(self.tags):
            yield Mismatch(path, value, self, certain=bool(self.tags))


@dataclass(frozen=True, slots=True)
class Union(Type):
    """What any of several types takes."""

    choices: tuple[Type, ...] = ()

    @property
    def understood(self) -> bool:
        return all(choice.understood for choice in self.choices)

    def _takes_null(self) -> bool:
        return any(choice._takes_null() for choice in self.choices)

    def _mismatches(self, value: Value, inside: Inside | None, path: Path) -> Iterator[Mismatch]:
        deepest: list[Mismatch] = []
        for choice in self.choices:
            found = list(choice.mismatches(value, inside, path))
            if not found:
                return
            # Of those that refuse it, the one that got furthest says most.
            if len(found[0].path) > len(path) and (not deepest or len(found[0].path) > len(deepest[0].path)):
                deepest = found
        if deepest:
            yield from deepest
            return
        codes = {found.code for choice in self.choices for found in choice.mismatches(value, inside, path)}
        telling = codes - {"wrong-type"}
        yield Mismatch(path, value, self, telling.pop() if len(telling) == 1 else "wrong-type")

    def below(self, step: str) -> Type | None:
        found = [below for choice in self.choices if (below := choice.below(step)) is not None]
        if len(found) < 2:
            return found[0] if found else None
        return Union(tuple(found), description=" or ".join(each.description for each in found))


@dataclass(frozen=True, slots=True)
class Tree(Type):
    """The values of a data format, however deep: JSON, TOML and their like."""

    scalars: tuple[Type, ...] = ()
    lists: bool = True
    sets: bool = True

    def _takes_null(self) -> bool:
        return any(scalar._takes_null() for scalar in self.scalars)

    def _mismatches(self, value: Value, inside: Inside | None, path: Path) -> Iterator[Mismatch]:
        if isinstance(value, dict) and self.sets:
            for name, each in value.items():
                yield from self.mismatches(each, inside, (*path, name))
        elif isinstance(value, list) and self.lists:
            for index, each in enumerate(value):
                yield from self.mismatches(each, inside, (*path, index))
        elif not any(scalar.accepts(value) for scalar in self.scalars):
            yield Mismatch(path, value, self)

    def below(self, step: str) -> Type | None:
        return self


def at(kind: Type, path: Sequence[str]) -> Type | None:
    """The type of what lies at a path below a value of that type; None where nothing can."""
    found: Type | None = kind
    for step in path:
        found = found.below(step) if found is not None else None
    return found


def _computed(text: str) -> bool:
    """Whether Nix computes part of a text."""
    return "\0" in text and any(isinstance(part, Expression) for part in parts(text))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)
