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
    Function,
    ListOf,
    Null,
    Number,
    OneOf,
    Opaque,
    String,
    Submodule,
    Tagged,
    Tree,
    Type,
    Union,
    Unknown,
)


@cache
def parse(description: str) -> Type:
    """The type that a description stands for. Never fails: what is not understood takes any value."""
    text = description.strip()
    for beginning, meaning in _PROSE.items():
        if text.startswith(beginning):
            return replace(parse(meaning), description=text)
    reader = _Reader(text)
    found = reader.type()
    return found if reader.rest() == "" else Unknown(description=text)


# Nouns --------------------------------------------------------------------------------------------------------

_BOOLEAN, _STRING = Boolean(), String()
_INTEGER, _FLOAT, _NUMBER = Number(), Number(whole=False, fraction=True), Number(fraction=True)
_ATOM = Union((Null(), _BOOLEAN, _NUMBER, _STRING))
_PLAIN = (_BOOLEAN, _NUMBER, _STRING, AbsolutePath())
_JSON = Tree((Null(), *_PLAIN))
_TOML = Tree(_PLAIN)

_NOUNS: dict[str, Type] = {
    "unspecified value": ANYTHING,
    "anything": Opaque(),
    "raw value": Opaque(merging="one"),
    "systemd option": Opaque(merging="lists"),
    "maintainer": ANYTHING,
    "boolean": _BOOLEAN,
    "boolean (merged using or)": _BOOLEAN,
    "signed integer": _INTEGER,
    "integer of at least 16 bits": Number(least=16),
    "unsigned integer, meaning >=0": Number(least=0),
    "positive integer, meaning >0": Number(least=1),
    "nonzero signed integer, meaning !=0": Number(but=0),
    "floating point number": _FLOAT,
    "nonnegative floating point number, meaning >=0": Number(whole=False, fraction=True, least=0),
    "nonnegative integer or floating point number, meaning >=0": Number(fraction=True, least=0),
    "positive integer or floating point number, meaning >0": Number(fraction=True, above=0),
    "string": _STRING,
    "Concatenated string": _STRING,
    "non-empty string": String(r"(?=.*[^ \t\n]).*"),
    "(optionally newline-terminated) single-line string": String(r"[^\n\r]*\n?"),
    "path": AbsolutePath(),
    "absolute path": AbsolutePath(),
    "An absolute path": AbsolutePath(),
    "path, not containing newlines or colons": AbsolutePath(),
    "path in the Nix store": AbsolutePath(store=True),
    "package": Derivation(),
    "attribute set": AttrsOf(),
    "submodule": Submodule(),
    "impossible (empty enum)": OneOf(()),
    "JSON value": _JSON,
    "YAML value": _JSON,
    "TOML value": _TOML,
    "GVariant value": _TOML,
    "libconfig value": Tree((_BOOLEAN, _NUMBER, _STRING)),
    "attribute sets or lists of strings": Tree((_STRING,)),
    "attribute sets of strings": Tree((_STRING,), lists=False),
    "string or instances of this type recursively": Tree((_STRING,), lists=False),
    "INI atom (null, bool, int, float or string)": _ATOM,
    "INI atom (null, int, bool, string, or float)": _ATOM,
    "atom (null, bool, int, float or string)": _ATOM,
    "Swaynag config atom (null, bool, int, float, str)": _ATOM,
    "attribute-tagged union": Tagged(),
    "lambda": Function(),
    "nixpkgs overlay": Function(),
}
_FORMATS = frozenset({"JSON value", "YAML value", "TOML value", "int, bool, string or list of them"})
"""Types that a set of options may have for the names that it does not list. Such a set has their description: in
parentheses where they themselves would have none, which is how it is told from them."""

_MEANINGS = {
    "string without spaces": "string matching the pattern [^ ]*",
    "string without line breaks or quotes": 'string matching the pattern [^\n\r"]*',
    "string, not containing newlines or colons": "string matching the pattern [^:\n]*",
    "single-line string": "string matching the pattern [^\n\r]*",
    "string (with check: non-empty)": "non-empty string",
    "string (with check: non-empty without trailing slash)": "string matching the pattern .*[^/ \t\n]|/",
    "string (with check: hexadecimal string)": "string matching the pattern [0-9a-fA-F]*",
    "string starting with / or ~/": "string matching the pattern ~?/.*",
    "string containing either a number or a range": "string matching the pattern [0-9]+(-[0-9]+)?",
    "string containing all of the characters %Y, %m, %d, %H, %M, %S": "string matching the pattern .*%.*%.*%.*%.*%.*",
    "string of the form number{b|k|M|G}": "string matching the pattern [0-9]+[bkMG]",
    "string (optional when erase is set to true)": "string",
    "string, with spaces inside double quotes": "string",
    "printable string without spaces, # and /": "string matching the pattern [[:graph:]]+",
    "file mode string": "string matching the pattern [0-7]{0,4}",
    "key ID prefixed with KEY_": "string matching the pattern KEY_[[:upper:]]+",
    "tmpfiles.d(5) age format": "string matching the pattern ([0-9]+([smhdw]|min|ms|us)*)+",
    "Go duration (https://golang.org/pkg/time/#ParseDuration)": (
        "string matching the pattern (-?[0-9]+(.[0-9]+)?(ns|us|µs|ms|s|m|h))+"
    ),
    "Network prefix in CIDR notation": "string matching the pattern [[:xdigit:]:]+/[[:digit:]]+",
    "IPv4 or IPv6 address": "string matching the pattern [.0-9:A-Fa-f]+",
    "PKCS#11 URI": "string matching the pattern pkcs11:.+",
    "Minecraft UUID": "string matching the pattern [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "session name": "string",
    "configured template name": "string",
    "package with provided sessions": "package",
    "package that is a Home Assistant component": "package",
    "NetworkManager plug-in": "package",
    "ibus-engine": "package",
    "plugin packages or submodules": "package or (submodule)",
    "bookmark submodule": "submodule",
    "directory submodule": "submodule",
    "Home Manager module": "submodule",
    "Toplevel NixOS config": "submodule",
    "settings option": "submodule",
    "dataset/template options": "submodule",
    "EasyEffects input or output JSON preset": "attribute set",
    "attribute sets": "attribute set",
    "Nushell values": "anything",
    "nixpkgs config": "attribute set",
    "freeciv-server params": "attribute set",
    "xfconf settings": "attribute set of attribute set",
    "Atuin configuration": "attribute set of (TOML value)",
    "KDE Configuration file": "attribute set of (null or attribute set)",
    "KDE option value": "null or boolean or signed integer or floating point number or string or attribute set",
    "Hyprland binds": "attribute set of list of anything",
    "Flat key-value file": "boolean or signed integer or string or list of string",
    "Nix config atom (null, bool, int, float, str, path or package)": (
        "null or boolean or signed integer or floating point number or string or path or package"
    ),
    "sysctl option value": "null or boolean or signed integer or string",
    "string, package, bool, int or float": "string or package or boolean or signed integer or floating point number",
    "string, path, bool, or integer": "string or path or boolean or signed integer",
    "int, bool, string or list of them": "signed integer or boolean or string or list of anything",
    "atom (bool, int or string)": "boolean or signed integer or string",
    "values (null, bool, int, string, or float)": "atom (null, bool, int, float or string)",
    "davmail config type (str, int, bool or attribute set thereof)": "limesurvey config type",
    "limesurvey config type (str, int, bool or attribute set thereof)": "limesurvey config type",
    "Function that takes an attribute set and returns a list containing a selection of the values of the input set": (
        "lambda"
    ),
    "An overlay function, takes self and super and returns an attribute set overriding the desired attributes.": (
        "lambda"
    ),
    # What it holds is put together by rules of the option's own (`programs.git.config`).
    "(attribute set of attribute set of anything) or list of attribute set of attribute set of anything": (
        "(attribute set of attribute set of anything) or list of anything"
    ),
}
"""Names that modules give to types of their own, in the words of `lib/types.nix`."""
_NOUNS["3×3 matrix of floating point numbers"] = ListOf(ListOf(_FLOAT, length=3), length=3)
# Sets of options with one that has no default, by what goes in them besides (Jupyter's kernels, Snapper's volumes).
_NOUNS["null or (attribute set of (JSON value))"] = Union((Null(), AttrsOf(Submodule(_JSON, needs="language"))))
_NOUNS[
    "(attribute set of ((list of (string without line breaks or quotes)) or boolean "
    "or string without line breaks or quotes or signed integer or floating point number))"
] = Submodule(needs="SUBVOLUME")
_NOUNS["limesurvey config type"] = Tree((_STRING, _INTEGER, _BOOLEAN), lists=False)
_NOUNS["Traffic Server records value"] = AttrsOf(Tree((_STRING, _NUMBER), lists=False))
_UNBOUND = "signed integer or string or boolean or floating point number"
_PROSE = {
    "libconfig configuration.": "attribute set of (libconfig value)",
    "privoxy configuration type.": (
        "attribute set of (signed integer or string or boolean or path or list of (string or path or boolean))"
    ),
    "unbound.conf configuration type.": (
        f"attribute set of (string or attribute set of ({_UNBOUND} or list of ({_UNBOUND}))"
        f" or list of (string or attribute set of ({_UNBOUND} or list of ({_UNBOUND}))))"
    ),
    "ncdns.conf configuration type.": "attribute set of (null or boolean or signed integer or string or attribute set)",
    "`coolwsd.xml` configuration type,": "attribute set",
    "An evaluation of Nixpkgs": "raw value",
}
"""Descriptions that are whole paragraphs, by how they begin."""

_UNIT = re.compile(r"systemd \w+ unit configuration")
_LENGTH = re.compile(r"string of length \d+")
_PREFERENCE = re.compile(r"\S+ preference \(int, bool, string, and also attrs, list, float as a JSON string\)")
_KINDS = re.compile(r"one of [a-z_]+(,[a-z_]+)*(?=\Z|\))")
_TAGS = re.compile(r"attribute-tagged union with choices: ([\w-]+(?:, [\w-]+)*)")
_SEVERAL = re.compile(
    r" or a (list of them for duplicate keys|non-empty list of them|list of values, that will be joined with a comma)"
)
_SECTION = re.compile(r"(?:global )?section of an? [\w ]+ file \(attrs of ")
_INTEGERS = re.compile(r"(?:\d+ bit (?:un)?signed integer; |integer )between (-?\d+) and (-?\d+) \(both inclusive\)")
_NUMBERS = re.compile(
    r"(integer or floating point number|float) between (-?[\d.]+) and (-?[\d.]+) \((?:both )?inclusive\)"
)
_LONGEST_FIRST = sorted({*_NOUNS, *_MEANINGS}, key=len, reverse=True)
_END = re.compile(r"\Z|\)| or |, or | convertible to it")
_VALUE = re.compile(r'"(?P<text>[^"]*|"[^"]*")"|(?P<number>-?\d+)|(?P<word>true|false)|<(?P<kind>\w+)>')
_STRINGS_WITH = re.compile(r'strings concatenated with "(?:[^"\\]|\\.)*"')


class _Reader:
    """A description, and how much of it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def rest(self) -> str:
        return self.text[self.position :]

    def type(self) -> Type:
        start = self.position
        choices = [self._choice()]
        while self._take(" or ") or self._take(", or "):
            choices.append(self._choice(after_or=True))
        if self._take(" convertible to it"):
            # What is to be converted is not looked into before it has been.
            choices[-1] = _unfilled(choices[-1])
        return choices[0] if len(choices) == 1 else Union(tuple(choices), description=self._since(start))

    def _take(self, word: str) -> bool:
        found = self.text.startswith(word, self.position)
        self.position += len(word) * found
        return found

    def _since(self, start: int) -> str:
        return self.text[start : self.position]

    def _at_end(self) -> bool:
        return _END.match(self.text, self.position) is not None

    def _matched(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.position)
        if found:
            self.position = found.end()
        return found

    def _choice(self, *, after_or: bool = False, within: bool = False) -> Type:
        start = self.position
        for read in (self._noun, self._number, self._section, self._composite, self._enum, self._string, self._named):
            found = read()
            if found is not None:
                return found
            self.position = start
        if self._take("("):
            inner = self.type()
            if self._take(")"):
                if after_or and inner.description in _FORMATS:
                    return Submodule(inner, description=inner.description)
                if within and isinstance(inner, AttrsOf) and not inner.description.startswith("section"):
                    return Submodule(inner.element, description=inner.description)
                return inner
            self.position = start
        return self._unknown()

    def _noun(self) -> Type | None:
        start = self.position
        for noun in _LONGEST_FIRST:
            if self._take(noun):
                if self._at_end():
                    kind = _NOUNS[noun] if noun in _NOUNS else parse(_MEANINGS[noun])
                    return self._or_several(replace(kind, description=noun), start)
                self.position = start
        return Null(description="null") if self._take("null") and self._at_end() else None

    def _or_several(self, kind: Type, start: int) -> Type:
        """The type, or lists of its values where the description goes on to say so."""
        more = self._matched(_SEVERAL)
        if more is None:
            return kind
        several = ListOf(kind, empty=not more[1].startswith("non-empty"))
        return Union((kind, several), description=self._since(start))

    def _number(self) -> Type | None:
        found = self._matched(_INTEGERS)
        if found:
            return Number(least=int(found[1]), most=int(found[2]), description=found[0])
        found = self._matched(_NUMBERS)
        if found:
            least, most = float(found[2]), float(found[3])
            return Number(whole=found[1] != "float", fraction=True, least=least, most=most, description=found[0])
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
                within = words in ("attribute set of ", "list of ")
                return replace(make(self._choice(within=within)), description=self._since(start))
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

    def _named(self) -> Type | None:
        """Types whose names are made after a pattern."""
        start = self.position
        kind: Type | None = None
        if self._matched(_UNIT):
            kind = AttrsOf(AttrsOf(AttrsOf()))
        elif self._matched(_LENGTH):
            kind = String()
        elif self._matched(_PREFERENCE):
            kind = _JSON if start else AttrsOf(_JSON)
        elif self._matched(_KINDS):
            kind = Submodule(needs="type")
        elif found := self._matched(_TAGS):
            kind = Tagged(tuple(found[1].split(", ")))
        elif self._take("secret value"):
            kind = Submodule(needs="_secret")
        elif self._take("raw elixir") or self._take("elixir tuple") or self._take("elixir atom"):
            kind = Submodule(needs="_elixirType")
        elif self._take("An attribute set containing a remote type and options."):
            kind = Submodule(needs="type")
        return replace(kind, description=self._since(start)) if kind is not None and self._at_end() else None

    def _unknown(self) -> Type:
        start, depth = self.position, 0
        while self.position < len(self.text):
            character = self.text[self.position]
            if not depth and (character == ")" or self.text.startswith((" or ", " convertible to it"), self.position)):
                break
            depth += {"(": 1, ")": -1}.get(character, 0)
            self.position += 1
        return Unknown(description=self._since(start))


_COMPOSITES: dict[str, Callable[[Type], Type]] = {
    "list of ": ListOf,
    "attribute set of ": lambda element: AttrsOf(element, doubtful=element.description in ("JSON value", "YAML value")),
    "lazy attribute set of ": AttrsOf,
    "DAG of ": Dag,
    "list or DAG of ": lambda element: Dag(element, listed=True),
    "open submodule of ": lambda element: Submodule(_of_names(element)),
    "function that evaluates to a(n) ": lambda element: Function(),
    "pair of ": lambda element: ListOf(element, length=2),
    "unique ": lambda element: element,
}


def _of_names(free: Type) -> Type:
    """What the names of a set may have that itself may be of a type."""
    if _UNIT.fullmatch(free.description):
        return AttrsOf()  # the sections of one unit
    return free.element if isinstance(free, AttrsOf) else free


def _unfilled(kind: Type) -> Type:
    if isinstance(kind, ListOf):
        return ListOf(description=kind.description)
    return AttrsOf(description=kind.description) if isinstance(kind, AttrsOf) else kind


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
