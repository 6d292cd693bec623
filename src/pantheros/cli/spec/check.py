"""`panther spec check`: the fleet that a change is implemented in is built and checked, which is kept as evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.fleet import inputs
from pantheros.cli.output import paragraph, print_json, printable, say
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, open_change, settled
from pantheros.findings import PantherError
from pantheros.specs.evidence import Checked, checked, run, scenario_names, unshown
from pantheros.specs.record import with_evidence
from pantheros.specs.recording import update_record
from pantheros.specs.tree import required_root


def command(
    change: Annotated[str, typer.Argument(metavar="NAME", help="A change.")],
    since: Annotated[str, typer.Option("--since", metavar="REV", help="The revision to compare with.")] = "",
    nix: Annotated[bool, typer.Option("--nix", help="Have Nix evaluate each host, too.")] = False,
    override_input: Annotated[
        list[str] | None,
        typer.Option("--override-input", metavar="NAME=FLAKE", help="With --nix: another flake for an input."),
    ] = None,
    command_line: Annotated[
        str, typer.Option("--run", metavar="COMMAND", help="Run this instead, and keep what comes of it.")
    ] = "",
    scenario: Annotated[
        str,
        typer.Option("--scenario", metavar="S", help="With --run: what it shows: capability/requirement/scenario."),
    ] = "",
    json: JsonOption = False,
    directory: DirectoryOption = Path(),
) -> int:
    root = settled(required_root(directory))
    path = open_change(root, change)
    if scenario and not command_line:
        raise PantherError("--scenario goes with --run: which command shows it?")
    if command_line:
        known = scenario_names(root, change)
        if scenario and scenario not in known:
            raise PantherError(f"{change} has no scenario “{scenario}”", help=f"there are {'; '.join(known)}")
        found = Checked([run(root, scenario or command_line, command_line, scenario)])
    else:
        found = checked(root, change, since, nix=nix, overrides=inputs(override_input))
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
        mark = ("✓ ", "green") if each.passed else ("✗ ", "bold red")
        first, *rest = each.result.splitlines() or [""]
        say(mark, (each.what, "bold"), f": {printable(first)} ({each.seconds} s)")
        for line in rest:
            say(f"    {printable(line)}")
    for doubt in doubts:
        paragraph(("not verified: ", "cyan"), f"{doubt.what}: {doubt.why}")
    return int(bool(failed))
