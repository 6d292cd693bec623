"""Reading the descriptions of NixOS's types.

A description is all that a release publishes of a type; nixpkgs puts it together from the types' own words
(`lib/types.nix`), with parentheses where it would be ambiguous:

    type      = "null or " type | choice { (" or " | ", or ") choice } [ " convertible to it" ]
    choice    = "(" type ")"
              | ("list of " | "attribute set of " | "lazy attribute set of " | "DAG of " | "list or DAG of ") choice
              | ("non-empty " | "function that evaluates to a(n) " | "open submodule of " | "pair of ") choice
              | "one of " value { ", " value } | "value " value " (singular enum)"
              | "string matching the pattern " pattern
              | "strings concatenated with " text
              | "tuple of " "(" type ")" { " (" type ")" }
              | "integer between " number " and " number " (both inclusive)" | ...
              | a noun: "boolean", "package", "JSON value", ...

A part that is none of these is a type of which nothing is known: it takes any value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from pantheros.releases.types import (
    ANYTHING,
    AbsolutePath,
    AttrsOf,
    Boolean,
    Dag,
    Derivation,
    ListOf,
    Null,
    Number,
    OneOf,
    String,
    Submodule,
    Tree,
    Type,
    Union,
    Unknown,
)


@cache
def parse(description: str) -> Type:
    """The type that a description stands for. Never fails: what is not understood takes any value."""
    reader = _Reader(description)
    found = reader.type()
    return found if reader.rest() == "" else Unknown(description=description)


# Nouns --------------------------------------------------------------------------------------------------------

_BOOLEAN, _INTEGER, _FLOAT, _STRING = Boolean(), Number(), Number(whole=False, fraction=True), String()
_ANY_NUMBER = Number(fraction=True)
_ATOM = Union((Null(), _BOOLEAN, _ANY_NUMBER, _STRING))
_ONE_LINE = r"[^\n\r]*\n?"


def _or_list(kind: Type, *, empty: bool = True) -> Type:
    return Union((kind, ListOf(kind, empty=empty)))


def _format(*scalars: Type, lists: bool = True, null: bool = True) -> Type:
    kinds = (_BOOLEAN, _ANY_NUMBER, _STRING, AbsolutePath(), *scalars)
    return Tree((Null(), *kinds) if null else kinds, lists=lists)


_NOUNS: dict[str, Type] = {
    "unspecified value": ANYTHING,
    "anything": ANYTHING,
    "raw value": ANYTHING,
    "boolean": _BOOLEAN,
    "boolean (merged using or)": _BOOLEAN,
    "signed integer": _INTEGER,
    "integer of at least 16 bits": Number(least=16),
    "unsigned integer, meaning >=0": Number(least=0),
    "positive integer, meaning >0": Number(least=1),
    "nonzero signed integer, meaning !=0": Number(but=0),
    "floating point number": _FLOAT,
    "nonnegative integer or floating point number, meaning >=0": Number(fraction=True, least=0),
    "positive integer or floating point number, meaning >0": Number(fraction=True, above=0),
    "string": _STRING,
    "Concatenated string": _STRING,
    "non-empty string": String(r"(?=.*\S).*"),
    "(optionally newline-terminated) single-line string": String(_ONE_LINE),
    "string without spaces": String(r"[^ ]*"),
    "string without line breaks or quotes": String(r'[^\n\r"]*'),
    "string, not containing newlines or colons": String(r"[^:\n]*"),
    "path": AbsolutePath(),
    "absolute path": AbsolutePath(),
    "An absolute path": AbsolutePath(),
    "path in the Nix store": AbsolutePath(store=True),
    "package": Derivation(),
    "maintainer": ANYTHING,
    "attribute set": AttrsOf(),
    "submodule": Submodule(),
    "impossible (empty enum)": OneOf(()),
    "systemd option": ANYTHING,
    "JSON value": _format(),
    "YAML value": _format(),
    "TOML value": _format(null=False),
    "INI atom (null, bool, int, float or string)": _ATOM,
    "INI atom (null, bool, int, float or string) or a list of them for duplicate keys": _or_list(_ATOM),
    "INI atom (null, bool, int, float or string) or a non-empty list of them": _or_list(_ATOM, empty=False),
    "atom (null, bool, int, float or string)": _ATOM,
    "atom (null, bool, int, float or string) or a list of them for duplicate keys": _or_list(_ATOM),
    "atom (null, bool, int, float or string) or a non-empty list of them": _or_list(_ATOM, empty=False),
    "string, package, bool, int or float": Union((_STRING, Derivation(), _BOOLEAN, _ANY_NUMBER)),
    "libconfig value": Tree((_BOOLEAN, _ANY_NUMBER, _STRING)),
    "attribute-tagged union": AttrsOf(),
}
_SECTION = re.compile(r"(?:global )?section of an? [\w ]+ file \(attrs of ")
_INTEGERS = re.compile(r"(?:\d+ bit (?:un)?signed integer; |integer )between (-?\d+) and (-?\d+) \(both inclusive\)")
_NUMBERS = re.compile(r"integer or floating point number between (-?[\d.]+) and (-?[\d.]+) \(both inclusive\)")
_LONGEST_FIRST = sorted(_NOUNS, key=len, reverse=True)
_END = re.compile(r"\Z|\)| or |, or | convertible to it|, not containing")
_VALUE = re.compile(r'"(?P<text>[^"]*)"|(?P<number>-?\d+)|(?P<word>true|false)|<(?P<kind>\w+)>')
_STRINGS_WITH = re.compile(r'strings concatenated with "(?:[^"\\]|\\.)*"')


class _Reader:
    """A description, and how much of it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def rest(self) -> str:
        return self.text[self.position :]

    def _take(self, word: str) -> bool:
        found = self.text.startswith(word, self.position)
        self.position += len(word) * found
        return found

    def _since(self, start: int) -> str:
        return self.text[start : self.position]

    def type(self) -> Type:
        start = self.position
        choices = [self._choice()]
        while self._take(" or ") or self._take(", or "):
            choices.append(self._choice())
        # Whatever can be made into the type is taken, too.
        self._take(" convertible to it")
        return choices[0] if len(choices) == 1 else Union(tuple(choices), description=self._since(start))

    def _choice(self) -> Type:
        start = self.position
        for read in (self._noun, self._number, self._section, self._composite, self._enum, self._string):
            found = read()
            if found is not None:
                return found
            self.position = start
        if self._take("("):
            inner = self.type()
            if self._take(")"):
                return inner
            self.position = start
        return self._unknown()

    def _noun(self) -> Type | None:
        if self._take("null"):
            if self._at_end():
                return Null(description="null")
            return None
        for noun in _LONGEST_FIRST:
            if self._take(noun):
                if self._at_end():
                    return _described(_NOUNS[noun], noun)
                self.position -= len(noun)
        return None

    def _at_end(self) -> bool:
        return _END.match(self.text, self.position) is not None

    def _matched(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.position)
        if found:
            self.position = found.end()
        return found

    def _number(self) -> Type | None:
        found = self._matched(_INTEGERS)
        if found:
            return Number(least=int(found[1]), most=int(found[2]), description=found[0])
        found = self._matched(_NUMBERS)
        if found:
            return Number(fraction=True, least=float(found[1]), most=float(found[2]), description=found[0])
        return None

    def _section(self) -> Type | None:
        start = self.position
        if not self._matched(_SECTION):
            return None
        element = self._noun()
        if element is None or not self._take(")"):
            return None
        return AttrsOf(element, description=self._since(start))

    def _composite(self) -> Type | None:
        start = self.position
        for words, make in _COMPOSITES.items():
            if self._take(words):
                return make(self._choice(), self._of_first(start))
        if self._take("non-empty "):
            found = self._choice()
            if isinstance(found, ListOf):
                return ListOf(found.element, empty=False, description=self._since(start))
        elif self._take("tuple of "):
            count = 0
            while self._take("("):
                self.type()
                count += 1
                if not self._take(")"):
                    return None
                self._take(" ")
            return ListOf(length=count, description=self._since(start))
        return None

    def _of_first(self, start: int) -> Callable[[], str]:
        return lambda: self._since(start)

    def _enum(self) -> Type | None:
        start = self.position
        single = self._take("value ")
        if not single and not self._take("one of "):
            return None
        values: list[str | int | bool | None] = []
        while found := self._matched(_VALUE):
            if found["text"] is not None:
                values.append(found["text"])
            elif found["number"]:
                values.append(int(found["number"]))
            elif found["word"]:
                values.append(found["word"] == "true")
            elif found["kind"] == "null":
                values.append(None)
            else:
                return None
            if single or not self._take(", "):
                break
        if not values or (single and not self._take(" (singular enum)")) or not self._at_end():
            return None
        return OneOf(tuple(values), description=self._since(start))

    def _string(self) -> Type | None:
        start = self.position
        if self._matched(_STRINGS_WITH):
            return String(description=self._since(start))
        if not self._take("string matching the pattern "):
            return None
        # The pattern is not quoted: it goes on to where both it and the rest make sense.
        for end in _END.finditer(self.text, self.position):
            pattern = python_pattern(self.text[self.position : end.start()])
            if pattern is not None:
                self.position = end.start()
                return String(pattern, description=self._since(start))
        return None

    def _unknown(self) -> Type:
        start, depth = self.position, 0
        while self.position < len(self.text):
            character = self.text[self.position]
            if not depth and (character == ")" or self.text.startswith((" or ", " convertible to it"), self.position)):
                break
            depth += {"(": 1, ")": -1}.get(character, 0)
            self.position += 1
        return Unknown(description=self._since(start))


def _described(kind: Type, words: str) -> Type:
    return replace(kind, description=words)


_COMPOSITES: dict[str, Callable[[Type, Callable[[], str]], Type]] = {
    "list of ": lambda element, words: ListOf(element, description=words()),
    "attribute set of ": lambda element, words: AttrsOf(element, description=words()),
    "lazy attribute set of ": lambda element, words: AttrsOf(element, description=words()),
    "DAG of ": lambda element, words: Dag(element, description=words()),
    "list or DAG of ": lambda element, words: Dag(element, listed=True, description=words()),
    "open submodule of ": lambda element, words: Submodule(_names_of(element), description=words()),
    "function that evaluates to a(n) ": lambda element, words: OneOf((), description=words()),
    "pair of ": lambda element, words: ListOf(element, length=2, description=words()),
}


def _names_of(free: Type) -> Type:
    """What a name may have in a set of that type."""
    return free.element if isinstance(free, AttrsOf) else free


# Patterns -----------------------------------------------------------------------------------------------------

_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_CLASS = re.compile(r"\[:(\w+):\]")
_BRACKET = re.compile(r"\[(\^?)(\]?(?:\[:\w+:\]|[^\]])*)\]")


def python_pattern(posix: str) -> str | None:
    """A POSIX extended regular expression, which Nix has, in Python's words; None when it is none."""
    found, position = "", 0
    while position < len(posix):
        character = posix[position]
        bracket = _BRACKET.match(posix, position)
        if bracket:
            found += f"[{bracket[1]}{_bracket(bracket[2])}]"
            position = bracket.end()
        elif character == "\\":
            found += re.escape(posix[position + 1 : position + 2])
            position += 2
        else:
            found += character
            position += 1
    try:
        re.compile(found, re.DOTALL)
    except (re.error, OverflowError):
        return None
    return found


def _bracket(inside: str) -> str:
    """What stands between brackets: there, a backslash is a character like any other."""
    found, position = "", 0
    while position < len(inside):
        named = _CLASS.match(inside, position)
        if named:
            found += _CLASSES.get(named[1], "")
            position = named.end()
        else:
            character = inside[position]
            found += f"\\{character}" if character in "\\[]&~|" else character
            position += 1
    return found
