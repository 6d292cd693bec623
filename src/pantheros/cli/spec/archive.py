"""`panther spec archive`: a change is merged into the specs and put into the archive."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from pantheros.cli.output import paragraph, print_json, say
from pantheros.cli.spec.diff import print_change, print_overlaps
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, about, check_name, refused, settled
from pantheros.findings import PantherError
from pantheros.git import changed_files, user
from pantheros.specs.archive import Archiving, CannotArchive
from pantheros.specs.changelog import BEGIN, END, Documented
from pantheros.specs.evidence import NotShown, unshown
from pantheros.specs.issues import MARKS
from pantheros.specs.journal import Write
from pantheros.specs.policy import read_policy, standing
from pantheros.specs.record import Forced, Record, read_record
from pantheros.specs.recording import record_write
from pantheros.specs.rules import Objection, dependencies, objections
from pantheros.specs.tree import SPEC, root_of


def command(
    change: Annotated[str, typer.Argument(metavar="NAME", help="A change.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    skip_specs: Annotated[bool, typer.Option("--skip-specs", help="Leave the specs as they are.")] = False,
    no_validate: Annotated[bool, typer.Option("--no-validate", help="Whatever is wrong with it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing: show what would change.")] = False,
    force: Annotated[
        str, typer.Option("--force", metavar="REASON", help="Against the project's rules; the reason is recorded.")
    ] = "",
    lessons: Annotated[str, typer.Option("--lessons", metavar="TEXT", help="What was learned.")] = "",
    summary: Annotated[str, typer.Option("--summary", metavar="TEXT", help="What it came to, for the changelog.")] = "",
    json: JsonOption = False,
    directory: DirectoryOption = Path(),
) -> int:
    root = settled(root_of(directory))
    archiving = Archiving(root, change, date.today(), checked=not no_validate)
    try:
        if not change:
            raise CannotArchive("archive_change_name_required", "which change is to be archived?")
        check_name(change, "Change name", "archive_change_name_invalid")
        archiving.locate()
        archiving.validate()
        asker = _Asker(yes=yes or dry_run, json=json)
        if no_validate:
            asker.ask("archive_confirmation_required", "archive it without looking for mistakes?")
        against = _objections(archiving, force)
        number = archiving.open_tasks()
        if number and not any(each.code == "tasks_open" for each in against):
            question = f"{number} task{'s are' if number > 1 else ' is'} open: archive it all the same?"
            asker.ask("archive_tasks_incomplete", question)
        archiving.aim()
        if not skip_specs:
            archiving.merge()
            if archiving.updates or archiving.refusal:
                number = len(archiving.updates) + bool(archiving.refusal)
                asker.ask("archive_confirmation_required", f"change {number} spec{'s' * (number > 1)}?")
            archiving.proofread()
        if not json:
            print_overlaps(root, change)
        if dry_run:
            return _shown(archiving, json=json)
        uncommitted = _uncommitted(archiving)
        doubts = _doubts(archiving)
        listed = archiving.carry_out(_record(archiving, against, force, lessons, summary))
        if (summary or lessons) and listed.unmarked and not listed.marked:
            listed.warnings.append(_unmarked(listed.unmarked))
    except _Declined:
        say("nothing was changed")
        return 0
    except PantherError as error:
        for issue in getattr(error, "issues", ()) if not json else ():
            paragraph(f"  {MARKS[issue.level]} {issue.path}: ", issue.message, error=True)
        return refused(error, "archive_error", json=json, before={"archive": None, **about(root)})
    if json:
        print_json({"archive": _as_json(archiving, listed), **about(root)})
    else:
        _print(archiving, uncommitted, listed)
        for doubt in doubts:
            paragraph(("not verified: ", "cyan"), f"{doubt.what}: {doubt.why}")
    return 0


def _objections(archiving: Archiving, force: str) -> list[Objection]:
    """What of the project's rules is against it, where that was overruled; refuses it where it was not."""
    policy = read_policy(archiving.root)
    now = standing(archiving.root, policy, archiving.name)
    found = objections(archiving.root, policy, archiving.name, now, "archive")
    if not now.governed:
        for each in dependencies(archiving.root, archiving.name, "archive"):
            paragraph(("warning: ", "bold yellow"), each.message, error=True)
    if found and not force.strip():
        overruled = "--force REASON archives it all the same, and records the reason"
        first, *others = [(each.code, each.message, each.help or overruled) for each in found]
        more = [CannotArchive(code, message, help=help) for code, message, help in others]
        raise CannotArchive(first[0], first[1], help=first[2], others=more)
    return found


def _unmarked(files: Sequence[str]) -> str:
    has = "has no marks" if len(files) == 1 else "have no marks"
    return (
        f"{' and '.join(files)} {has}, so that the summary and the lessons are in the change's record alone: write"
        f" `{BEGIN}` and `{END}`, each on a line, where archived changes are to be listed"
    )


def _doubts(archiving: Archiving) -> list[NotShown]:
    """The scenarios that nothing shows, of a change that the rules are for."""
    record = read_record(archiving.change)
    return [] if record is None else unshown(archiving.root, archiving.name, record)


def _record(archiving: Archiving, against: Sequence[Objection], force: str, lessons: str, summary: str) -> list[Write]:
    """What is kept of the archiving itself, moved along with the change; nothing where no more than OpenSpec's is
    used."""
    if not (against or lessons or summary):
        return []
    who, day = user(archiving.root.path), f"{archiving.today}"
    forced = tuple(Forced("archive", each.message, force.strip(), who, day) for each in against)

    def update(record: Record) -> Record:
        return replace(
            record,
            forced=(*record.forced, *forced),
            lessons=lessons or record.lessons,
            summary=summary or record.summary,
        )

    return [record_write(archiving.change, update)]


class _Declined(Exception):
    """Whoever was asked has said no."""


class _Asker:
    """Asks whether to go on; where nobody can answer, that is an error."""

    def __init__(self, *, yes: bool, json: bool) -> None:
        self.yes = yes
        self.json = json

    def ask(self, code: str, question: str) -> None:
        if self.yes:
            return
        if self.json or not sys.stdin.isatty():
            raise CannotArchive(code, f"{question} Nobody is there to answer", help="say --yes")
        if not typer.confirm(question):
            raise _Declined


def _as_json(archiving: Archiving, listed: Documented | None = None) -> dict[str, Any]:
    counts = vars(archiving.counts) if archiving.updates else None
    warnings = [*archiving.warnings, *(listed.warnings if listed is not None else ())]
    return {
        "change": archiving.name,
        "archivedAs": archiving.archived_as,
        "path": str(archiving.target),
        "specsUpdated": any(update.changes for update in archiving.updates),
        **({"totals": counts} if counts else {}),
        **({"documents": listed.updated} if listed is not None and listed.updated else {}),
        **({"warnings": warnings} if warnings else {}),
    }


def _uncommitted(archiving: Archiving) -> list[str]:
    """The specs that change and that git knows otherwise than they are."""
    specs = {f"openspec/specs/{update.capability}/{SPEC}" for update in archiving.updates if update.changes}
    return sorted(specs & set(changed_files(archiving.root.path)))


def _print(archiving: Archiving, uncommitted: Sequence[str], listed: Documented) -> None:
    for warning in archiving.warnings:
        paragraph(("warning: ", "bold yellow"), warning, error=True)
    for path in uncommitted:
        said = f"{path} had edits that git does not know: `panther spec unarchive` brings them back, git does not"
        paragraph(("warning: ", "bold yellow"), said, error=True)
    for update in archiving.updates:
        if update.changes:
            counts = vars(update.merged.counts)
            done = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
            say(f"openspec/specs/{update.capability}/{SPEC}: {'given up' if update.outcome == 'retire' else done}")
    if archiving.updates and not any(update.changes for update in archiving.updates):
        say("the specs say all that already")
    for document in listed.updated:
        say(f"{document}: brought up to date")
    say(("archived as ", "bold green"), archiving.archived_as)
    for warning in listed.warnings:
        paragraph(("warning: ", "bold yellow"), warning, error=True)


def _shown(archiving: Archiving, *, json: bool) -> int:
    """The change of the specs, as a diff; or what archiving would say, as JSON."""
    if json:
        print_json({"archive": {**_as_json(archiving), "dryRun": True}, **about(archiving.root)})
        return 0
    for warning in archiving.warnings:
        paragraph(("warning: ", "bold yellow"), warning, error=True)
    for update in archiving.updates:
        if update.changes:
            print_change(f"openspec/specs/{update.capability}/{SPEC}", update.before, update.after)
    say(f"{archiving.name} would be archived as {archiving.archived_as}; nothing was changed", error=True)
    return 0
