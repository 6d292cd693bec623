"""`panther check`: every mistake that can be found without Nix."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import typer

from pantheros.checks import formats
from pantheros.checks.evaluation import OfHost, evaluated
from pantheros.checks.fixes import apply, edits
from pantheros.checks.pages import codes
from pantheros.checks.run import Checked, Checker, check, signatures
from pantheros.checks.verdict import Verdict, judged
from pantheros.checks.view import HostView, NotVerified
from pantheros.cli.build import OUTPUT
from pantheros.cli.fleet import FleetArgument, JsonOption, ReleaseOption, inputs, parse_release, support_ended
from pantheros.cli.output import finding_json, paragraph, print_json, printable, report, say, write
from pantheros.findings import Finding, PantherError, nearest
from pantheros.nix.command import available
from pantheros.releases.release import Release
from pantheros.synth.build import build


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    JUNIT = "junit"


Codes = list[str] | None
_LOOK = 0.1
"""Seconds between two looks at the files, with --watch."""


def command(
    fleet: FleetArgument = Path(),
    format: Annotated[Format, typer.Option("--format", help="How to print what was found.")] = Format.TEXT,
    select: Annotated[
        Codes, typer.Option("--select", metavar="CODES", help="Only these codes, separated by commas; `*` matches.")
    ] = None,
    ignore: Annotated[Codes, typer.Option("--ignore", metavar="CODES", help="All but these codes.")] = None,
    release: ReleaseOption = None,
    nix: Annotated[bool, typer.Option("--nix", help="Have Nix evaluate each host, too.")] = False,
    override_input: Annotated[
        list[str] | None,
        typer.Option("--override-input", metavar="NAME=FLAKE", help="With --nix: another flake for an input."),
    ] = None,
    memory: Annotated[
        int | None, typer.Option("--memory", metavar="MB", help="With --nix: no more than this, in megabytes.")
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what has one safe fix.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --fix: write nothing, show the edits.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Check again whenever a file changes.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell what could not be verified.")] = False,
    json: JsonOption = False,
) -> int:
    chosen = Chosen(_words(select), _words(ignore))
    text = not json and format is Format.TEXT
    _fit_together(text=text, nix=nix, fix=fix, dry_run=dry_run, watch=watch, for_nix=bool(override_input or memory))
    if watch:
        return _watch(fleet, parse_release(release), chosen, verbose=verbose)
    started = time.perf_counter()
    checked = check(fleet, parse_release(release))
    verdict = chosen.of(checked)
    if fix and (mended := _fixed(fleet, verdict, write=not dry_run)) and not dry_run:
        checked = check(fleet, parse_release(release))
        say((f"mended {mended} place{'s' * (mended > 1)}", "bold green"), error=True)
    more = _with_nix(checked, fleet, release, inputs(override_input), memory, text=text) if nix else []
    verdict = chosen.of(checked, more)
    if not text and format in (Format.TEXT, Format.JSON):
        print_json(_json(checked, verdict))
    elif format is Format.SARIF:
        print_json(formats.sarif(verdict.findings, fleet.as_posix()))
    elif format is Format.GITHUB:
        write(formats.github(verdict.findings, fleet.as_posix()))
    elif format is Format.JUNIT:
        hosts = list(checked.model.declared.hosts)
        write(formats.junit(verdict.findings, hosts, checked.model.declared.table.name))
    else:
        _print(checked, verdict, fleet, time.perf_counter() - started, verbose=verbose)
    return int(verdict.failed)


@dataclass(frozen=True)
class Chosen:
    """The codes that a run is about. Raises `PantherError` for a pattern that no code fits: nothing would be found."""

    select: list[str]
    ignore: list[str]

    def __post_init__(self) -> None:
        known = codes()
        for pattern in (*self.select, *self.ignore):
            if not any(fnmatchcase(code, pattern) for code in known):
                guess = nearest(pattern, known)
                help = f"did you mean {guess}?" if guess else "`panther explain` lists them"
                raise PantherError(f"there is no code {pattern!r}", help=help)

    def of(self, checked: Checked, more: Sequence[Finding] = ()) -> Verdict:
        today = date.today()
        found = [*support_ended(checked.model.declared, today), *checked.findings, *more]
        return judged(checked.model.declared, found, today, select=self.select, ignore=self.ignore)


def _fit_together(*, text: bool, nix: bool, fix: bool, dry_run: bool, watch: bool, for_nix: bool) -> None:
    """Raise `PantherError` for options that would be passed over in silence."""
    if watch and (fix or nix or not text):
        raise PantherError("--watch goes with none of --json, --format, --fix and --nix")
    if dry_run and not fix:
        raise PantherError("--dry-run is about --fix: a check writes nothing")
    if for_nix and not nix:
        raise PantherError("--override-input and --memory are about --nix")


def _fixed(fleet: Path, verdict: Verdict, *, write: bool) -> int:
    """Mend what can be, and show how; the number of edits."""
    wanted = edits(fleet, verdict.findings)
    for edit in wanted:
        say(str(edit.origin), error=True)
        say(("  - ", "red"), printable(edit.before), error=True)
        say(("  + ", "green"), printable(edit.after), error=True)
    if write:
        apply(fleet, wanted)
    return len(wanted)


def _watch(fleet: Path, release: Release | None, chosen: Chosen, *, verbose: bool) -> int:
    """Check now, and whenever a file of the fleet changes, until interrupted."""
    # Unlike other commands this one stays: what is no longer used has to go.
    gc.enable()
    checker = Checker(fleet, release)
    seen: object = None
    status = 0
    try:
        while True:
            now = signatures(fleet)
            if now != seen:
                seen, started = now, time.perf_counter()
                say((f"── {datetime.now():%H:%M:%S}", "dim"))
                try:
                    checked = checker.check()
                except PantherError as error:  # a fleet.toml that is away while an editor writes it
                    say((f"error: {error.message}", "bold red"))
                    continue
                verdict = chosen.of(checked)
                status = int(verdict.failed)
                _print(checked, verdict, fleet, time.perf_counter() - started, verbose=verbose)
            time.sleep(_LOOK)
    except KeyboardInterrupt:
        return status


def _with_nix(
    checked: Checked,
    fleet: Path,
    release: str | None,
    overrides: list[tuple[str, str]],
    memory: int | None,
    *,
    text: bool,
) -> list[Finding]:
    """What Nix says of each host, after what we found without it."""
    if not available():
        raise PantherError("there is no `nix` on this machine", help="install Nix, or check without --nix")
    # A fleet with errors of ours builds all the same: Nix may know more.
    built = build(fleet, parse_release(release))
    model = checked.model

    def view(name: str) -> HostView:
        host = model.resolver.host(name)
        return HostView.of(model, host, model.expand(host)[0])

    def told(result: OfHost) -> None:
        state = ("evaluates", "green") if result.evaluated.ok else ("does not evaluate", "bold red")
        figures = f"  {result.evaluated.seconds:.1f} s, {result.evaluated.megabytes:.0f} MB"
        if text:
            say((result.host, "bold"), " ", state, (figures, "dim"))

    results = evaluated(built, fleet / OUTPUT / "flake.lock", view, overrides, memory=memory, told=told)
    return [finding for result in results for finding in result.findings]


def _words(options: Codes) -> list[str]:
    return [word.strip() for option in options or () for word in option.split(",")]


def _json(checked: Checked, verdict: Verdict) -> dict[str, Any]:
    return {
        "findings": [finding_json(finding) for finding in verdict.findings],
        "not_verified": [
            {"what": what, "why": why, "hosts": hosts} for what, why, hosts in _not_verified(checked.not_verified)
        ],
        "summary": {
            "hosts": len(checked.model.declared.hosts),
            **{f"{word}s": sum(f.severity == word for f in verdict.findings) for word in ("error", "warning", "info")},
            "waived": len(verdict.waived),
        },
    }


def _not_verified(notes: list[NotVerified]) -> list[tuple[str, str, list[str]]]:
    """What could not be looked into, each thing once with its hosts."""
    hosts: dict[tuple[str, str], list[str]] = {}
    for note in notes:
        hosts.setdefault((note.what, note.why), []).append(note.host)
    return [(what, why, sorted(filter(None, on))) for (what, why), on in hosts.items()]


def _print(checked: Checked, verdict: Verdict, fleet: Path, took: float, *, verbose: bool) -> None:
    hosts = len(checked.model.declared.hosts)
    waived = f", {len(verdict.waived)} waived" if verdict.waived else ""
    what = f" in {hosts} host{'s' * (hosts != 1)}{waived} ({took:.2f} s)"
    report(verdict.findings, fleet, what)
    if all(finding.severity == "info" for finding in verdict.findings):
        said = "nothing wrong found" if not verdict.left_out else "nothing found of what was asked about"
        say((said, "bold green"), what)
    if verdict.left_out:
        more = verdict.left_out
        say(f"left out, as --select and --ignore say: {more} other finding{'s' * (more > 1)}", error=True)
    notes = _not_verified(checked.not_verified)
    if verbose:
        for unsure, why, _ in notes:
            paragraph(("not verified: ", "cyan"), f"{unsure}: {why}")
    elif notes:
        say(f"not verified: {len(notes)} thing{'s' * (len(notes) > 1)} (tell them with --verbose)")
    say(("What only Nix can know is not looked at: see `panther explain limits`.", "dim"))
