"""The page of each finding's code: what it means, a fleet that has it, and the same fleet put right.

The pages are Markdown under `docs/checks/`, which an installed pantherOS carries along. The first line is a heading
with the code; the first paragraph says in a sentence what is wrong. Blocks of code name their file of the example
fleet after the language: those under "Example" have the finding, those under "Put right" do not.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_PACKAGED = Path(__file__).with_name("docs")
_BLOCK = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def directory() -> Path:
    """Where the pages lie: in the package, or in a checkout beside it."""
    return _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[3] / "docs" / "checks"


@dataclass(frozen=True)
class Page:
    """What is written of one code."""

    code: str
    text: str
    example: dict[str, str] = field(default_factory=dict)
    """Files of a fleet that has the finding; those it does not show are the usual ones."""
    mended: dict[str, str] = field(default_factory=dict)
    """The files that are other where it has been put right."""

    @property
    def title(self) -> str:
        """What is wrong, in a sentence."""
        paragraphs = self.text.split("\n\n")
        return " ".join(paragraphs[1].split()) if len(paragraphs) > 1 else self.code


def codes() -> list[str]:
    """Every code that has a page."""
    return sorted(path.stem for path in directory().glob("*.md") if path.stem not in ("README", "limits"))


def file(code: str) -> Path:
    """Where the page of a code lies, if it has one."""
    return directory() / f"{code}.md"


@cache
def page(code: str) -> Page | None:
    """The page of a code; None where there is none."""
    if not re.fullmatch(r"[a-z0-9-]+", code):
        return None
    try:
        text = file(code).read_text(encoding="utf-8")
    except OSError:
        return None
    before, _, after = text.partition("\n## Put right\n")
    return Page(code, text, _files(before), _files(after))


def _files(text: str) -> dict[str, str]:
    return {found[2]: found[3] for found in _BLOCK.finditer(text)}


def index_page() -> str:
    """The page that lists all others."""
    rows = [f"- [{code}]({code}.md): {found.title}" for code in codes() if (found := page(code)) is not None]
    return (
        "# Findings\n\n"
        "<!-- Made by `python -m pantheros.checks.pages docs/checks`. -->\n\n"
        "Each finding of `panther check` has a code, and each code a page; `panther explain CODE` prints it. What\n"
        "is known and put up with is waived in `fleet.toml`, with a reason and, where it shall end, the last\n"
        "day on which that holds:\n\n"
        "```toml\n"
        "[[checks.waivers]]\n"
        'code = "unstable-device-name"\n'
        'host = "attic"\n'
        'reason = "the disk is soldered on, and there is no other"\n'
        'expires = "2027-06-30"\n'
        "```\n\n"
        "`[checks]` also takes `ignore`, a list of codes, and `severity`, a table of severities by code.\n"
        "[What cannot be known without Nix](limits.md) is on a page of its own.\n\n" + "\n".join(rows) + "\n"
    )


if __name__ == "__main__":
    (Path(sys.argv[1]) / "README.md").write_text(index_page(), encoding="utf-8")
