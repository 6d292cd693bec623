"""`panther explain CODE`: the page of a finding."""

from __future__ import annotations

from typing import Annotated

import typer

from pantheros.checks.pages import codes, directory, page
from pantheros.cli.output import markdown, say
from pantheros.findings import PantherError, nearest


def command(
    code: Annotated[str | None, typer.Argument(metavar="CODE", help="A finding's code; left out: a list.")] = None,
) -> int:
    if code is None:
        for each in codes():
            found = page(each)
            say((each, "bold"), f"  {found.title}" if found else "")
        return 0
    if code == "limits":
        markdown((directory() / "limits.md").read_text(encoding="utf-8"))
        return 0
    found = page(code)
    if found is None:
        guess = nearest(code, codes())
        help = f"did you mean {guess!r}?" if guess else "`panther explain` lists them"
        raise PantherError(f"there is no code {code!r}", help=help)
    markdown(found.text)
    return 0
