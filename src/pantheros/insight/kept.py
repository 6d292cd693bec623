"""Parts of pages that are kept current between two marks; what a person wrote around them stays as it is.

    <!-- panther roadmap: begin, day=2026-01-31 -->
    ...
    <!-- panther roadmap: end -->

The first mark carries what the part was made from besides the repository's files, so that it can be made again.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pantheros.findings import PantherError

_FIRST, _LAST = date(2000, 1, 1), date(2999, 12, 31)
_VALUE = re.compile(r"([a-z]+)=([^\s,]+)")


@dataclass(frozen=True)
class Part:
    """What stands between the marks, and what it was made from."""

    made_from: dict[str, str]
    body: str

    def day(self, page: Path) -> date:
        """The day that it was made on. Raises `PantherError` where the mark names none."""
        try:
            found = date.fromisoformat(self.made_from["day"])
        except (KeyError, ValueError):
            found = date.min
        if not _FIRST <= found <= _LAST:
            raise PantherError(
                f"the mark in {page} does not say which day it was made on", help="`--write` makes it again"
            )
        return found


def page_in(root: Path, page: Path) -> Path:
    """A page of a repository. Raises `PantherError` for one that lies outside."""
    whole = (root / page).resolve()
    if page.is_absolute() or not whole.is_relative_to(root.resolve()):
        raise PantherError(f"{page} lies outside the repository")
    return root / page


def read_part(path: Path, name: str) -> Part | None:
    """The part of a page that is kept; None where there is no such page, or no mark in it. Raises `PantherError` for
    marks that do not match."""
    text = _text(path)
    span = _span(path, text, name) if text is not None else None
    if text is None or span is None:
        return None
    begin, end, said = span
    return Part(dict(_VALUE.findall(said)), text[begin:end].strip("\r\n").replace("\r\n", "\n") + "\n")


def write_part(path: Path, name: str, made_from: Mapping[str, str], body: str) -> bool:
    """Put a part into its page: between the marks, at the end of a page without them, or as a page of its own. Whether
    anything has changed. Raises `PantherError` where the page cannot be written."""
    text = _text(path)
    said = "".join(f", {key}={value}" for key, value in made_from.items())
    block = f"<!-- panther {name}: begin{said} -->\n{body.strip()}\n<!-- panther {name}: end -->"
    if text is None:
        new = block + "\n"
    else:
        newline = "\r\n" if "\r\n" in text else "\n"
        block = block.replace("\n", newline)
        span = _span(path, text, name)
        if span is None:
            new = text.rstrip("\r\n") + newline * 2 + block + newline if text.strip() else block + newline
        else:
            begin = text.rindex("<!--", 0, span[0])
            end = text.index("-->", span[1]) + len("-->")
            new = text[:begin] + block + text[end:]
    if new == text:
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_bytes(new.encode())
        if text is not None:
            beside.chmod(stat.S_IMODE(path.stat().st_mode))
        beside.replace(path.resolve())
    except OSError as error:
        raise PantherError(f"{path} cannot be written: {error.strerror}") from error
    return True


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PantherError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PantherError(f"{path} is not UTF-8 text") from error


def _span(path: Path, text: str, name: str) -> tuple[int, int, str] | None:
    """Where the part begins and ends in the text, and what its first mark says; None without marks."""
    begins = list(re.finditer(rf"<!-- panther {re.escape(name)}: begin(.*?)-->", text))
    ends = list(re.finditer(rf"<!-- panther {re.escape(name)}: end -->", text))
    if not (begins or ends):
        return None
    if len(begins) != 1 or len(ends) != 1 or begins[0].end() > ends[0].start():
        raise PantherError(
            f"{path} has {len(begins)} marks that begin the {name} and {len(ends)} that end it",
            help=f"leave one `<!-- panther {name}: begin -->` and, after it, one `<!-- panther {name}: end -->`",
        )
    return begins[0].end(), ends[0].start(), begins[0][1]
