"""`panther build`: from the fleet's files to the flake."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from pantheros.cli.fleet import FleetArgument, JsonOption, ReleaseOption, parse_release, support_ended
from pantheros.cli.output import finding_json, print_json, report, say
from pantheros.git import ignored, untracked
from pantheros.synth.build import build_tree
from pantheros.synth.tree import Plan

OUTPUT = "nixos"
"""Directory of the flake, below the fleet."""


def command(
    fleet: FleetArgument = Path(),
    to: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to write.", show_default="FLEET/nixos")
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="NAME", help="Write this host alone (may be repeated)."),
    ] = None,
    release: ReleaseOption = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if the tree is stale.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; say what would change.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files of ours that were edited.")] = False,
    json: JsonOption = False,
) -> int:
    started = time.perf_counter()
    directory = to if to is not None else fleet / OUTPUT
    write = not (check or dry_run)
    outcome = build_tree(fleet, directory, parse_release(release), only=host or None, write=write, force=force)
    built, plan, written = outcome.built, outcome.plan, outcome.written
    findings = [*support_ended(built.model.declared, date.today()), *outcome.findings]
    failed = outcome.failed
    new = [path for path in untracked(directory) if path in built.files] if written else []
    if json:
        print_json(
            {
                "out": str(directory),
                "hosts": [part.name for part in built.hosts],
                "written": written,
                "stale": plan.stale,
                "create": plan.create,
                "change": plan.change,
                "remove": plan.remove,
                "unchanged": len(plan.same),
                "untracked": new,
                "findings": [finding_json(finding) for finding in findings],
            }
        )
        return int(failed or (check and plan.stale))
    report(findings, fleet)
    if failed:
        say(f"nothing was written to {directory}", error=True)
        return 1
    if check:
        if plan.stale:
            _changes(plan, directory)
            say((f"{directory} is stale: ", "bold red"), "run `panther build`")
            return 1
        say(f"{directory} is current")
        return 0
    if dry_run:
        _changes(plan, directory)
    took = time.perf_counter() - started
    _summary(len(host) if host else len(built.hosts), plan, directory, took, written=written)
    if not built.hosts:
        say(f"no hosts yet: each has a file of its own, {fleet / 'hosts/NAME/host.toml'}")
    if new:
        say(f"git does not track {len(new)} new file{'s' * (len(new) > 1)} yet, so Nix would not see them:")
        for path in new[:5]:
            say(f"  {directory / path}")
        if len(new) > 5:
            say(f"  and {len(new) - 5} more")
        _tell_git(new, directory)
    return 0


def _tell_git(new: list[str], directory: Path) -> None:
    """What to do so that git, and with it Nix, has the new files."""
    hidden = set(ignored(directory)).intersection(new)
    where = quote(str(directory))
    if not hidden:
        say(f"run: git add {where}")
        return
    what = "them" if len(hidden) == len(new) else f"{len(hidden)} of them"
    say(f"a .gitignore hides {what} from git, and so from Nix: take {directory} out of it, and")
    say(f"run: git add {where} (git add --force {where} does it in spite of the .gitignore)")


def _changes(plan: Plan, directory: Path) -> None:
    marks = (("+", "green", plan.create), ("~", "yellow", plan.change), ("-", "red", plan.remove))
    for mark, colour, paths in marks:
        for path in paths:
            say((f"  {mark} ", colour), str(directory / path))


def _summary(hosts: int, plan: Plan, directory: Path, took: float, *, written: bool) -> None:
    counts = [
        (len(plan.create), "new"),
        (len(plan.change), "changed"),
        (len(plan.remove), "removed"),
        (len(plan.same), "unchanged"),
    ]
    files = ", ".join(f"{n} {word}" for n, word in counts if n) or "no files"
    verb = "built" if written else "would build"
    say(
        (f"{verb} {hosts} host{'s' * (hosts != 1)}", "bold green"),
        f" in {directory}: {files} ({took:.2f} s)",
    )
