"""Text as OpenSpec reads it: its white space, its lines, its fences, its order.

The rules are those of the reference (`@fission-ai/openspec` 1.13), which runs on JavaScript: what counts as white space
or as a line's end there differs from Python, and files have to mean the same to both.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

WHITE = "\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
"""What counts as white space, to stand in a character class."""
_ALL_WHITE = WHITE.replace("\u2000-\u200a", "".join(map(chr, range(0x2000, 0x200B))))
ANY = r"[^\n\r\u2028\u2029]"
"""Any character but the end of a line."""
_LAST_PLANE = 0xFFFF


def compiled(pattern: str, flags: int = 0) -> re.Pattern[str]:
    r"""A pattern in which `\s`, `\S`, `.` and `$` mean what they mean in JavaScript; `\b`, `\d` and `\w` are ASCII."""
    steps = {r"\s": f"[{WHITE}]", r"\S": f"[^{WHITE}]", ".": ANY, "$": r"\Z"}
    if flags & re.MULTILINE:
        del steps["$"]
    out, in_class, at = [], False, 0
    while at < len(pattern):
        step = pattern[at : at + 2] if pattern[at] == "\\" else pattern[at]
        if in_class:
            in_class = step != "]"
            out.append(WHITE if step == r"\s" else step)
        else:
            in_class = step == "["
            out.append(steps.get(step, step))
        at += len(step)
    return re.compile("".join(out), flags | re.ASCII)


def trimmed(text: str) -> str:
    return text.strip(_ALL_WHITE)


def trimmed_end(text: str) -> str:
    return text.rstrip(_ALL_WHITE)


def length(text: str) -> int:
    """The length in UTF-16 units, by which the limits are meant."""
    return len(text) + sum(ord(char) > _LAST_PLANE for char in text)


def decoded(content: bytes) -> str:
    """The text of a file; what is no UTF-8 is replaced."""
    return content.decode("utf-8", errors="replace")


def with_plain_ends(text: str) -> str:
    """The text with each line ended by a single line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def by_lines(text: str) -> str:
    """The text with a line feed wherever JavaScript's `^` sees the beginning of a line behind it."""
    return with_plain_ends(text).replace("\u2028", "\n").replace("\u2029", "\n")


def plain(text: str) -> str:
    """The text without a byte order mark, each line ended by a single line feed."""
    return with_plain_ends(text.removeprefix("\ufeff"))


_OPENS = compiled(r"\s*(`{3,}|~{3,})")
_CLOSES = compiled(r"\s*(`{3,}|~{3,})\s*$")


def fenced(lines: Sequence[str]) -> list[bool]:
    """Which lines belong to a fenced block of code, its fences too; one that is never closed goes on to the end."""
    if not any("```" in line or "~~~" in line for line in lines):
        return [False] * len(lines)
    mask = []
    fence = ""
    for line in lines:
        found = (_CLOSES if fence else _OPENS).match(line)
        mask.append(bool(fence or found))
        if found and not fence:
            fence = found[1]
        elif found and found[1][0] == fence[0] and len(found[1]) >= len(fence):
            fence = ""
    return mask


_SIGNS = {char: place for place, char in enumerate(" _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789")}
_JOINED = {"æ": "ae", "œ": "oe", "ß": "ss", "ø": "o", "ł": "l", "đ": "d"}
_KATAKANA, _KATAKANA_ABOVE = frozenset(map(chr, range(0x30A1, 0x30F7))), 0x60
"""The syllables of Katakana, and how far they lie above those of Hiragana."""
_CONTROLS_THAT_COUNT = "\t\n\v\f\r\x85"


def collation(text: str) -> tuple[object, ...]:
    """A key to sort names by, as the reference does: by ICU's root collation (Unicode Technical Standard 10 with the
    root locale of CLDR), as far as European and East Asian letters go; those of other scripts follow by code point."""
    letters: list[tuple[int, int, int]] = []
    accents: list[str] = []
    capitals: list[int] = []
    apart = unicodedata.normalize("NFD", text)
    for char in apart.replace("и\u0306", "й").replace("И\u0306", "Й"):  # a letter of its own
        if unicodedata.combining(char):
            if accents:
                accents[-1] += char
        elif char in _SIGNS:
            letters.append((0, _SIGNS[char], 0))
            accents.append("")
            capitals.append(0)
        elif unicodedata.category(char)[0] in "SP":
            letters.append((0, _SIGNS["~"], ord(char)))
            accents.append("")
            capitals.append(0)
        elif unicodedata.category(char) != "Cc" or char in _CONTROLS_THAT_COUNT:
            # A letter and its capital are one at first, and so are the two ways to write a Japanese syllable.
            small = chr(ord(char) - _KATAKANA_ABOVE) if char in _KATAKANA else char.lower()
            for each in _JOINED.get(small, small):
                letters.append((1, ord(each), 0))
                accents.append(char if small in "øłđ" else "")
                capitals.append(2 * (small != char) + (len(_JOINED.get(small, small)) > 1))
    return letters, accents, capitals
