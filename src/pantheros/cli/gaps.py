"""`panther gaps`: what a repository of NixOS machines has, and what it lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.day import today
from pantheros.cli.output import paragraph, plain, print_json, printable, report, say, table, write
from pantheros.findings import PantherError, nearest
from pantheros.git import revision
from pantheros.insight.gaps import lacks
from pantheros.insight.gaps_report import (
    MARKS,
    STATES,
    as_json,
    as_markdown,
    how,
    in_short,
    known,
    not_verified,
    ordered,
)
from pantheros.insight.propose import contents, name_of, propose
from pantheros.insight.prose import counted
from pantheros.insight.standing import Since, Standing, since, standing
from pantheros.scan.repository import top
from pantheros.specs.metadata import PRIORITIES
from pantheros.specs.tree import Root

_COLOURS = {"present": "green", "partial": "yellow", "missing": "bold red"}
_URGENT = PRIORITIES[:2]


def command(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The repository.", show_default="here")] = Path(),
    area: Annotated[str, typer.Option("--area", metavar="A", help="One area alone.")] = "",
    every: Annotated[bool, typer.Option("--all", help="What is there, too, and what is less urgent.")] = False,
    revision_before: Annotated[
        str, typer.Option("--since", metavar="REV", help="What is better or worse than at a revision.")
    ] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the whole report, as Markdown.")] = False,
    to_propose: Annotated[
        bool, typer.Option("--propose", help="Begin a change for each proposal that is recommended.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="With --propose: that one; may be said repeatedly.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --propose: write nothing, tell what.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    if (only or dry_run) and not to_propose:
        raise PantherError(f"{'--only' if only else '--dry-run'} goes with --propose")
    if area and (json or markdown):
        raise PantherError("--area is for the terminal: the whole is printed with --json and --markdown")
    found = standing(top(path))
    if not (found.survey.is_fleet or found.survey.repository.nix):
        raise PantherError(f"there is no fleet and no Nix in {path.resolve()}", help="`panther init` begins a fleet")
    if to_propose:
        return _propose(found, only or [], dry_run=dry_run)
    if area and area not in found.model.areas:
        guess = nearest(area, found.model.areas)
        raise PantherError(
            f"there is no area '{area}'", help=f"did you mean {guess}?" if guess else ", ".join(found.model.areas)
        )
    root = found.survey.repository.root
    failed = report(found.findings, root) if found.findings else 0
    changed = since(found, revision_before) if revision_before else None
    if json:
        print_json(plain(as_json(found, changed)))
    elif markdown:
        write(as_markdown(found, changed, f"{today()}", revision(root)))
    else:
        _print(found, changed, area, every=every)
    return failed


def _propose(found: Standing, only: Sequence[str], *, dry_run: bool) -> int:
    """Write recommended proposals as changes."""
    known = {each.id: each for each in found.recommended.proposals}
    begun = {change.name for change in found.survey.changes}
    for id in only:
        if id in begun or f"add-{id}" in begun:
            raise PantherError(f"{id} is begun already", help=f"panther spec show {id if id in begun else f'add-{id}'}")
        if id not in known:
            guess = nearest(id, known)
            help = f"did you mean {guess}?" if guess else ", ".join(known)
            raise PantherError(f"no proposal '{id}' is recommended", help=help)
    chosen = [each for id, each in known.items() if id in only or not only]
    root = Root(found.survey.repository.root)
    if not chosen:
        say("nothing is recommended that is not proposed already")
        return 0
    if dry_run:
        for each in chosen:
            for name in contents(root, each):
                say(f"openspec/changes/{name_of(root, each)}/{name}")
        say(f"{counted(len(chosen), 'change')} would be begun; nothing was written", error=True)
        return 0
    for paths in propose(root, chosen, today()).values():
        for path in paths:
            say(path.as_posix())
    say("look through them with `panther spec list`, and in which order they can be done with `panther spec order`")
    return 0


def _print(found: Standing, changed: Since | None, area: str, *, every: bool) -> None:
    if not area:
        say((found.survey.repository.root.name, "bold"))
        for line in in_short(found):
            paragraph("  ", line)
        say()
        if changed is not None:
            _since(changed)
        _changes(found)
        _hosts(found)
    _gaps(found, area, every=every)
    if changed is not None and area:
        _since(changed)
    if not area:
        _proposals(found)
    doubts = list(not_verified(found))
    for doubt in doubts if every else doubts[:5]:
        paragraph(("not verified: ", "cyan"), printable(doubt))
    if len(doubts) > 5 and not every:
        say(("not verified: ", "cyan"), f"{len(doubts) - 5} more, which `--all` lists")


def _changes(found: Standing) -> None:
    if not found.survey.changes:
        return
    rows = [
        [each.name, STATES[each.status], f"{each.done}/{each.total}" if each.total else ""]
        for each in ordered(found.survey.changes)
    ]
    table(["change", "status", "tasks"], rows)
    say()


def _hosts(found: Standing) -> None:
    if not found.survey.hosts:
        return
    rows = []
    for host in found.survey.hosts:
        given = "?" if host.in_flake is None else "yes" if host.in_flake else "no"
        lacking = [part for part in lacks(host, found.gaps) if "." not in part and part != "flake"]
        rows.append([host.name, host.kind, given, ", ".join(lacking)])
    table(["host", "kind", "in the flake", "without"], rows)
    say()


def _gaps(found: Standing, area: str, *, every: bool) -> None:
    for each in found.model.areas.values():
        gaps = [gap for gap in found.gaps if gap.capability.area == each.id]
        if not gaps or area not in ("", each.id):
            continue
        counts = Counter(gap.status for gap in gaps)
        told = ", ".join(f"{counts[status]} {status}" for status in MARKS if counts[status])
        say((each.title, "bold"), f": {told}")
        for gap in gaps:
            if gap.status == "present" and not (every or area):
                continue
            if gap.capability.priority not in _URGENT and not (every or area):
                continue
            said = known(gap)
            label = f"  {MARKS[gap.status]} {gap.capability.title}"
            paragraph((label, _COLOURS[gap.status]), printable(f": {said}" if said else ""))
    if not (area or every):
        left_out = sum(gap.status != "present" and gap.capability.priority not in _URGENT for gap in found.gaps)
        if left_out:
            paragraph("", f"{left_out} less urgent gaps: `--all` lists them, `--area A` those of one area")
    say()


def _since(changed: Since) -> None:
    say((f"since {changed.revision}", "bold"))
    for name, (was, now) in changed.counts.items():
        if was != now:
            say(f"  {name}: {was} → {now}")
    for title, style, moved in (("better", "green", changed.improved), ("worse", "bold red", changed.worse)):
        for each in moved:
            paragraph((f"  {title}: ", style), f"{each.gap.capability.title} ({printable(how(each))})")
    if not (changed.improved or changed.worse or any(was != now for was, now in changed.counts.values())):
        say("  nothing has changed")
    say()


def _proposals(found: Standing) -> None:
    recommended = found.recommended
    if not recommended.proposals:
        say("no proposal is recommended: whatever is missing is proposed already")
        return
    rows = [
        [str(each.phase), each.id, each.priority, str(each.days), ", ".join(each.depends_on)]
        for each in recommended.proposals
    ]
    table(["phase", "recommended proposal", "priority", "days", "after"], rows)
    way = " → ".join(recommended.critical_path)
    paragraph("critical path: ", f"{way} ({recommended.days} days)")
