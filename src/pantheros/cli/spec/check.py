"""`panther spec check`: the fleet that a change is implemented in is built and checked, which is kept as evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.fleet import inputs
from pantheros.cli.output import paragraph, print_json, printable
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, open_change, settled
from pantheros.findings import PantherError
from pantheros.specs.evidence import OWN, Checked, WithNix, checked, run, scenario_names, unshown
from pantheros.specs.record import Evidence, Record, read_record, with_evidence, without_evidence
from pantheros.specs.recording import update_record
from pantheros.specs.tree import Root, required_root


def command(
    change: Annotated[str, typer.Argument(metavar="NAME", help="A change.")],
    since: Annotated[str, typer.Option("--since", metavar="REV", help="The revision to compare with.")] = "",
    nix: Annotated[bool, typer.Option("--nix", help="Have Nix evaluate each host, too, before and after.")] = False,
    build: Annotated[bool, typer.Option("--build", help="Have Nix build each host, too, before and after.")] = False,
    override_input: Annotated[
        list[str] | None,
        typer.Option(
            "--override-input", metavar="NAME=FLAKE", help="With --nix or --build: another flake for an input."
        ),
    ] = None,
    command_line: Annotated[
        str | None,
        typer.Option("--run", metavar="COMMAND", help="Run this in a shell instead, and keep what comes of it."),
    ] = None,
    scenario: Annotated[
        str,
        typer.Option("--scenario", metavar="S", help="With --run: what it shows: capability/requirement/scenario."),
    ] = "",
    forget: Annotated[
        str,
        typer.Option("--forget", metavar="WHAT", help="Take back what --run has shown: a scenario, or a command."),
    ] = "",
    json: JsonOption = False,
    directory: DirectoryOption = Path(),
) -> int:
    root = settled(required_root(directory))
    path = open_change(root, change)
    if forget:
        return _forgotten(root, path, change, forget, json=json)
    if scenario and command_line is None:
        raise PantherError("--scenario goes with --run: which command shows it?")
    if command_line is not None and not command_line.strip():
        raise PantherError("--run takes a command, and this one is empty")
    if command_line in OWN:
        raise PantherError(f"“{command_line}” is what evidence of its own is called", help="say it by its path")
    if command_line:
        known = scenario_names(root, change)
        if scenario and scenario not in known:
            raise PantherError(f"{change} has no scenario “{scenario}”", help=f"there are {'; '.join(known)}")
        found = Checked([run(root, scenario or command_line, command_line, scenario)])
    else:
        found = checked(root, change, since, WithNix(inputs(override_input), build) if nix or build else None)
    record = update_record(root, path, lambda record: with_evidence(record, found.evidence))
    doubts = [*found.not_verified, *unshown(root, change, record)]
    failed = [each for each in found.evidence if not each.passed]
    if json:
        shown = [
            {"what": each.what, "passed": each.passed, "result": each.result, "seconds": each.seconds}
            for each in found.evidence
        ]
        told = [{"what": each.what, "why": each.why} for each in doubts]
        print_json({"change": change, "evidence": shown, "notVerified": told})
        return int(bool(failed))
    for each in found.evidence:
        _print(each)
    for doubt in doubts:
        paragraph(("not verified: ", "cyan"), f"{doubt.what}: {doubt.why}")
    return int(bool(failed))


def _print(each: Evidence) -> None:
    mark = ("✓ ", "green") if each.passed else ("✗ ", "bold red")
    first, *rest = each.result.splitlines() or [""]
    paragraph(mark, (each.what, "bold"), f": {printable(first)} ({each.seconds} s)")
    for line in rest:
        paragraph("    ", printable(line))


def _forgotten(root: Root, path: Path, change: str, what: str, *, json: bool) -> int:
    """Drop evidence, and say what it was."""
    record = read_record(path) or Record()
    run_by_hand = [each for each in record.evidence if each.what not in OWN]
    named = [each for each in run_by_hand if each.what == what]
    gone = named or [each for each in run_by_hand if each.command == what]
    if what in OWN:
        # Gates depend on what it found, such as a port that was opened.
        raise PantherError(f"the {what} is told anew, not forgotten", help=f"panther spec check {change}")
    if not gone:
        known = "; ".join(dict.fromkeys(each.what for each in run_by_hand))
        help = f"there is {known}" if known else "there is none"
        raise PantherError(f"{change} has no evidence “{what}” of --run", help=help)
    update_record(root, path, lambda record: without_evidence(record, gone))
    if json:
        print_json({"change": change, "forgotten": [{"what": each.what, "command": each.command} for each in gone]})
        return 0
    for each in gone:
        first = printable(each.result.partition("\n")[0])
        paragraph("", f"forgotten: {each.what}, shown by `{each.command}` on {each.date}: {first}")
    return 0
