"""Values written as Nix, the way RFC 166 (nixfmt) lays it out.

A set is one binding a line, `a.b.c = x;` where only one thing lies below a name. A list of more than one element is
one element a line. Text of several lines is an indented string where that is exact, a plain one otherwise.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable

from pantheros.nix.values import Expression, File, FleetPath, Override, Package, Raw, Scope, Value, key, parts

_ESCAPED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TO_ESCAPE = re.compile(r'["\\\n\r\t]|\$(?=\{)')
_PLAIN = re.compile(r'[^"\\$\n\r\t\0]*\Z')
_ARGUMENT = re.compile(r"(?<![\w.'\"-])(config|lib|pkgs|options|modulesPath)(?![\w'-])")
_ATOM = re.compile(r"[\w./][\w.+'/-]*\Z|pkgs\.[^\s]+\Z", re.ASCII)
_PATH = re.compile(r"\.{1,2}(/[\w.+-]+)+\Z", re.ASCII)
_NOT_INDENTABLE = re.compile(r"[^\n\t\x20-\x7e\x80-\U0010ffff]|'''|'\$\{|^[ \t]+$|\$\Z|'\Z", re.MULTILINE)
_MAX_INT = 2**63 - 1

Place = Callable[[File | FleetPath], str]
"""Gives the relative path (`./git/pre-commit`) by which the Nix file being written names a file."""


class Unwritable(ValueError):
    """Nix has no way to write this value."""


class Writer:
    """Writes values for one Nix file and notes what they need.

    `arguments` are the module arguments in use so far (`pkgs`, `lib`, `config`), `files` what is to be written or
    copied along.
    """

    def __init__(self, scope: Scope = "nixos", place: Place | None = None) -> None:
        self.scope = scope
        self.place = place
        self.arguments: set[str] = set()
        self.files: dict[File | FleetPath, None] = {}

    def value(self, value: Value, indent: str = "") -> str:
        """`value` as Nix; its later lines begin with `indent`. `Unwritable` for what Nix cannot hold."""
        if isinstance(value, str):
            return self.string(value, indent)
        if value is True:
            return "true"
        if value is False:
            return "false"
        if value is None:
            return "null"
        if isinstance(value, dict):
            return self.attributes(value, indent)
        if isinstance(value, list):
            return self._list(value, indent)
        if isinstance(value, Expression):
            return self._expression(value)
        if isinstance(value, Override):
            self.arguments.add("lib")
            function = "lib.mkForce" if value.priority == 50 else "lib.mkDefault"
            return f"{function} {self._operand(value.value, indent)}"
        if isinstance(value, int):
            return _integer(value)
        if isinstance(value, float):
            return _float(value)
        raise Unwritable(f"Nix has no {type(value).__name__}")

    def attributes(self, value: dict[str, Value], indent: str = "") -> str:
        if not value:
            return "{ }"
        return f"{{\n{self.bindings(value, indent + '  ')}{indent}}}"

    def bindings(self, value: dict[str, Value], indent: str) -> str:
        """The inside of a set, a binding a line (or more), each ending in a newline."""
        lines: list[str] = []
        for name, below in value.items():
            path = key(name)
            while isinstance(below, dict) and len(below) == 1:
                ((name, below),) = below.items()  # noqa: PLW2901 (the chain is walked down)
                path += "." + key(name)
            lines.append(f"{indent}{path} = {self.value(below, indent)};\n")
        return "".join(lines)

    def string(self, text: str, indent: str = "") -> str:
        if _PLAIN.match(text):
            return f'"{text}"'
        pieces = parts(text)
        if "\n" in text[:-1] and self._indentable(text, pieces):
            return self._indented(pieces, indent)
        written = [
            f"${{{self._expression(piece)}}}"
            if isinstance(piece, Expression)
            else _TO_ESCAPE.sub(lambda m: _ESCAPED.get(m[0], "\\$"), piece)
            for piece in pieces
        ]
        for index, piece in enumerate(pieces[:-1]):
            # `$` right before an antiquotation would escape it.
            if isinstance(piece, str) and piece.endswith("$") and not isinstance(pieces[index + 1], str):
                written[index] = written[index][:-1] + "\\$"
        return f'"{"".join(written)}"'

    def _indentable(self, text: str, pieces: list[str | Expression]) -> bool:
        """Whether an indented string holds exactly this text: Nix strips what all lines share, and `''` escapes."""
        if any(isinstance(piece, str) and _NOT_INDENTABLE.search(piece) for piece in pieces):
            return False
        lines = [line for line in text.split("\n") if line]
        return any(not line.startswith(" ") for line in lines)

    def _indented(self, pieces: list[str | Expression], indent: str) -> str:
        inner = indent + "  "
        text = "".join(
            f"${{{self._expression(piece)}}}"
            if isinstance(piece, Expression)
            else piece.replace("''", "'''").replace("${", "''${")
            for piece in pieces
        )
        lines = [inner + line if line else "" for line in text.split("\n")]
        if text.endswith("\n"):
            lines[-1] = indent
        return "''\n" + "\n".join(lines) + "''"

    def _list(self, value: list[Value], indent: str) -> str:
        if not value:
            return "[ ]"
        if len(value) == 1:
            only = self._element(value[0], indent)
            if "\n" not in only:
                return f"[ {only} ]"
        inner = indent + "  "
        return "[\n" + "".join(f"{inner}{self._element(v, inner)}\n" for v in value) + f"{indent}]"

    def _element(self, value: Value, indent: str) -> str:
        if isinstance(value, dict) and len(value) == 1:
            ((name, below),) = value.items()
            if not isinstance(below, dict | list):
                line = f"{{ {key(name)} = {self.value(below, indent)}; }}"
                if "\n" not in line:
                    return line
        return self._operand(value, indent)

    def _operand(self, value: Value, indent: str) -> str:
        """A value as a list's element or a function's argument: in parentheses where it would fall apart."""
        written = self.value(value, indent)
        if isinstance(value, Override | Expression) and not _ATOM.match(written):
            return f"({written})"
        if isinstance(value, int | float) and written[0] == "-":
            return f"({written})"
        return written

    def _expression(self, value: Expression) -> str:
        if isinstance(value, Package):
            if not value.name:
                raise Unwritable("a package without a name")
            self.arguments.add("pkgs")
            return "pkgs." + ".".join(map(key, value.name.split(".")))
        if isinstance(value, Raw):
            code = value.home if self.scope == "home" and value.home is not None else value.code
            self.arguments.update(_ARGUMENT.findall(code))
            return code
        if isinstance(value, File | FleetPath):
            if self.place is None:
                raise Unwritable("a file has no place here")
            self.files[value] = None
            return self.place(value)
        raise Unwritable(f"Nix has no {type(value).__name__}")


def path_literal(path: str) -> str:
    """A relative path (`./x`, `../y`) as Nix code; where Nix has no literal for it, as a sum."""
    if _PATH.match(path):
        return path
    base, _, rest = path.partition("/")
    return f"{base}/. + {Writer().string('/' + rest)}"


def _integer(value: int) -> str:
    if not -_MAX_INT - 1 <= value <= _MAX_INT:
        raise Unwritable(f"{value} does not fit in Nix's 64-bit integers")
    if value == -_MAX_INT - 1:  # the positive number that Nix would read first does not fit
        return f"(-{_MAX_INT} - 1)"
    return str(value)


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise Unwritable(f"Nix has no {value}")
    if 0 < abs(value) < sys.float_info.min:
        # Nix refuses to read a subnormal number; as a product it is exact.
        root = _float(2.0**-537)
        return f"({_float(value / 2.0**-537 / 2.0**-537)} * {root} * {root})"
    mantissa, _, exponent = repr(value).partition("e")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}e{exponent}" if exponent else mantissa


def lambda_head(arguments: set[str], indent: str = "") -> str:
    """`{ pkgs, ... }:`, as RFC 166 lays it out."""
    names = sorted(arguments)
    if len(names) < 3:
        return f"{{ {', '.join([*names, '...'])} }}:"
    return f"{{\n{''.join(f'{indent}  {name},{chr(10)}' for name in names)}{indent}  ...\n{indent}}}:"
