"""`panther schema`: the JSON Schema of the fleet's files, for editors."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.fleet import FleetArgument, is_fleet
from pantheros.cli.output import print_json, say
from pantheros.findings import PantherError
from pantheros.synth.library import Library
from pantheros.synth.schema import fleet_schema, host_schema

SCHEMA_FILES = {"fleet": "fleet.schema.json", "host": "host.schema.json"}


def command(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="`fleet` or `host`; both, by name, when left out.")
    ] = None,
    fleet: FleetArgument = Path(),
    to: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write fleet.schema.json and host.schema.json there."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As always: a schema is JSON.", hidden=True)] = False,
) -> int:
    if file is not None and file not in SCHEMA_FILES:
        if not is_fleet(file):
            raise PantherError(f"there is no schema of {file!r}", help="name `fleet` or `host`, or a fleet's directory")
        fleet, file = Path(file), None
    library = Library(fleet if is_fleet(fleet) else None)
    schemas = {"fleet": fleet_schema(library), "host": host_schema(library)}
    if to is not None:
        write_schemas(library, to)
        for name in SCHEMA_FILES.values():
            say(f"wrote {to / name}")
        return 0
    print_json(schemas if file is None else schemas[file])
    return 0


def write_schemas(library: Library, directory: Path) -> None:
    """Write both schemas. Raises `PantherError` when they cannot be written."""
    schemas = {"fleet": fleet_schema(library), "host": host_schema(library)}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, schema in schemas.items():
            text = json_module.dumps(schema, indent=1, ensure_ascii=False) + "\n"
            (directory / SCHEMA_FILES[name]).write_text(text, encoding="utf-8")
    except OSError as error:
        raise PantherError(f"cannot write {directory}: {(error.strerror or str(error)).lower()}") from error
