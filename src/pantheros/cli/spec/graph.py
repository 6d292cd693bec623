"""`panther spec graph`: how the open changes depend on each other, drawn."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import write
from pantheros.cli.spec.shared import DirectoryOption, settled
from pantheros.specs.drawing import as_mermaid, as_svg, as_text
from pantheros.specs.listing import progress
from pantheros.specs.planning import plan
from pantheros.specs.tree import required_root


class Format(StrEnum):
    TEXT = "text"
    MERMAID = "mermaid"
    SVG = "svg"


def command(
    format: Annotated[Format, typer.Option("--format", help="How to draw it.")] = Format.TEXT,
    directory: DirectoryOption = Path(),
) -> int:
    root = settled(required_root(directory))
    found = plan(root)
    done = {name: progress(root, root.changes / name) for name in found.graph}
    drawn = {Format.TEXT: as_text, Format.MERMAID: as_mermaid, Format.SVG: as_svg}[format](found, done)
    write(drawn)
    return int(bool(found.troubles))
