"""What raw modules may do, as far as their text tells: they are Nix, and only Nix knows."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from pantheros.synth.build import copied

_DECLARES = re.compile(
    r"\b(mkOption|mkEnableOption|mkPackageOption|mkRenamedOptionModule|mkAliasOptionModule|options)\b"
)
_WORD = re.compile(r"[A-Za-z_][\w'-]*")


def declares_options(root: Path, path: str) -> bool:
    """Whether a raw module, or what it refers to, may declare options."""
    return _DECLARES.search(_text(root, path)) is not None


def may_set(root: Path, path: str, names: tuple[str, ...]) -> bool:
    """Whether a raw module, or what it refers to, may set an option: it has all the words of its name."""
    return _words(root, path).issuperset(name for name in names if _WORD.fullmatch(name))


@cache
def _text(root: Path, path: str) -> str:
    contents = [wanted.content for _, wanted, _ in copied(root, [path]) if wanted is not None]
    return "\n".join(content.decode(errors="replace") for content in contents if content is not None)


@cache
def _words(root: Path, path: str) -> frozenset[str]:
    return frozenset(_WORD.findall(_text(root, path)))


def forget() -> None:
    """Let go of what the texts were: they may have changed."""
    _text.cache_clear()
    _words.cache_clear()
