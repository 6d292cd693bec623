"""`panther diff`: what a change means, host by host and setting by setting."""

from __future__ import annotations

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pantheros.cli.fleet import FleetArgument, JsonOption
from pantheros.cli.output import one_line, plain, print_json, report, say, write
from pantheros.findings import PantherError
from pantheros.fleet.read import FLEET_FILE
from pantheros.fleet.secrecy import hidden
from pantheros.git import export
from pantheros.nix.values import join_path
from pantheros.synth.build import Model
from pantheros.synth.difference import HostChange, SettingChange, differences

_MARKS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def command(
    revision: Annotated[str, typer.Argument(metavar="REV", help="The git revision to compare with.")] = "HEAD",
    fleet: FleetArgument = Path(),
    to: Annotated[
        str | None, typer.Option("--to", metavar="REV", help="Another revision.", show_default="the working tree")
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TEXT,
    json: JsonOption = False,
) -> int:
    if (Path(revision) / FLEET_FILE).is_file() and fleet == Path():
        revision, fleet = "HEAD", Path(revision)
    with tempfile.TemporaryDirectory(prefix="panther-") as directory:
        before = _at(fleet, revision, Path(directory) / "before")
        after = _at(fleet, to, Path(directory) / "after") if to is not None else Model.of(fleet)
        changes = list(differences(before, after))
    # What cannot be read is not gone: its settings are missing from the comparison.
    unread = [*after.declared.findings, *(found for host in after.declared.hosts.values() for found in host.findings)]
    unread = [finding for finding in unread if finding.severity == "error"]
    if json or format is Format.JSON:
        print_json({"from": revision, "to": to, "hosts": [_json(change) for change in changes]})
    elif format is Format.MARKDOWN:
        write(_markdown(changes, revision, to))
    else:
        _print(changes, revision, to)
    return report(unread, fleet) if to is None else int(bool(unread))


def _at(fleet: Path, revision: str, into: Path) -> Model:
    into.mkdir()
    export(fleet, revision, into)
    if not (into / FLEET_FILE).is_file():
        raise PantherError(f"there was no fleet in {fleet} at {revision}")
    return Model.of(into)


def _name(change: SettingChange) -> str:
    return join_path(change.path) if change.person is None else f"home.{change.person}.{join_path(change.path)}"


def _seen(change: SettingChange, value: Any) -> Any:
    """A value as everybody may see it: a diff lands in pull requests."""
    return hidden(value, change.path[-1])


def _json(change: HostChange) -> dict[str, Any]:
    return {
        "host": change.host,
        "change": change.kind,
        "settings": [
            {
                "setting": _name(setting),
                "change": setting.kind,
                "before": plain(_seen(setting, setting.before)),
                "after": plain(_seen(setting, setting.after)),
                "option": setting.option or None,
                "origin": str(setting.origin) if setting.origin else None,
            }
            for setting in change.settings
        ],
    }


def _title(revision: str, to: str | None) -> str:
    return f"from {revision} to {to or 'the working tree'}"


def _print(changes: list[HostChange], revision: str, to: str | None) -> None:
    if not changes:
        say(f"no setting changes {_title(revision, to)}")
        return
    for change in changes:
        mark, colour = _MARKS[change.kind]
        count = len(change.settings)
        what = f"{count} setting{'s' * (count != 1)}"
        say((f"{mark} ", colour), (change.host, "bold"), f"  {what if change.kind == 'changed' else change.kind}")
        for setting in change.settings if change.kind == "changed" else ():
            sign, colour = _MARKS[setting.kind]
            where = f"  {setting.option or 'raw settings'}" + (f", {setting.origin}" if setting.origin else "")
            say((f"    {sign} ", colour), _name(setting), (where, "dim"))
            if setting.kind != "added":
                say(("        - ", "red"), one_line(_seen(setting, setting.before), 200))
            if setting.kind != "removed":
                say(("        + ", "green"), one_line(_seen(setting, setting.after), 200))


def _markdown(changes: list[HostChange], revision: str, to: str | None) -> str:
    """For a pull request: a heading a host, a table row a setting."""
    lines = [f"## What changes {_title(revision, to)}", ""]
    if not changes:
        return "\n".join([*lines, "No setting of any host changes.", ""])
    for change in changes:
        lines += [f"### {change.host}", ""]
        if change.kind != "changed":
            lines += [f"The host is {'new' if change.kind == 'added' else 'gone'}.", ""]
            continue
        lines += ["| setting | before | after | because of |", "|---|---|---|---|"]
        for setting in change.settings:
            cells = (
                f"`{_name(setting)}`",
                f"`{one_line(_seen(setting, setting.before))}`" if setting.kind != "added" else "",
                f"`{one_line(_seen(setting, setting.after))}`" if setting.kind != "removed" else "",
                (f"`{setting.option}` " if setting.option else "") + (f"{setting.origin}" if setting.origin else ""),
            )
            lines.append("| " + " | ".join(cell.replace("|", "\\|").strip() for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)
