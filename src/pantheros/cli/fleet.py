"""Finding the fleet that a command is about, and the parameters that commands share."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pantheros.findings import Finding, PantherError
from pantheros.fleet.model import DeclaredFleet
from pantheros.fleet.read import FLEET_FILE
from pantheros.releases.release import CURRENT, Release
from pantheros.synth.build import Model

FleetArgument = Annotated[Path, typer.Argument(metavar="FLEET", help="The fleet's directory.", show_default="here")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ReleaseOption = Annotated[
    str | None, typer.Option("--release", metavar="R", help="Another NixOS release than the fleet's.")
]


def parse_release(text: str | None) -> Release | None:
    if text is None:
        return None
    try:
        return Release.parse(text)
    except ValueError as error:
        raise PantherError(str(error)) from error


def support_ended(fleet: DeclaredFleet, today: date) -> list[Finding]:
    """A warning when the fleet's release gets no security fixes any more."""
    if not fleet.release.past_end_of_life(today):
        return []
    message = f"NixOS {fleet.release} has had no security fixes since {fleet.release.end_of_life}"
    help = f'move to a supported release, such as `release = "{CURRENT}"`'
    asked_for = fleet.table.release != fleet.release.name
    where = None if asked_for else fleet.document.origin(("release",))
    return [Finding("release-past-support", message, severity="warning", help=help, origin=where)]


def is_fleet(directory: str | Path) -> bool:
    return (Path(directory) / FLEET_FILE).is_file()


def model_of(fleet: Path, release: str | None = None) -> Model:
    return Model.of(fleet, parse_release(release))


def swapped(word: str, fleet: Path) -> tuple[str, Path]:
    """A command's word and the fleet, whichever came first on the command line."""
    if is_fleet(word) and not is_fleet(fleet):
        return str(fleet), Path(word)
    return word, fleet


def inputs(options: list[str] | None) -> list[tuple[str, str]]:
    """The inputs of a flake that another takes the place of, as `--override-input` names them."""
    found = []
    for option in options or ():
        name, equals, flake = option.partition("=")
        if not (name and equals and flake):
            raise PantherError(f"--override-input takes NAME=FLAKE, not {option!r}")
        found.append((name, flake))
    return found
