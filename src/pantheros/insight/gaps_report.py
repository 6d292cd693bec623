"""The gap analysis as people and programs read it: Markdown, and data for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pantheros.insight.documents import Documents
from pantheros.insight.evidence import Evidence
from pantheros.insight.gaps import Gap, Status, lacks
from pantheros.insight.proposals import Proposal, Recommended
from pantheros.insight.prose import counted, escaped, listed, lower, percent, plural
from pantheros.insight.standing import Moved, Since, Standing
from pantheros.insight.survey import Change
from pantheros.scan.host import PARTS, Host
from pantheros.specs.metadata import PRIORITIES

MARKS: dict[Status, str] = {"present": "✓", "partial": "◐", "missing": "✗"}
STATES = {"complete": "✓ done", "in-progress": "in progress", "no-tasks": "no tasks"}


def as_json(found: Standing, changed: Since | None) -> dict[str, Any]:
    """The analysis as `docs/gaps.md` describes it."""
    repository = found.survey.repository
    data: dict[str, Any] = {
        "repository": repository.root.name,
        "kind": "pantherOS fleet" if found.survey.is_fleet else "flake" if repository.flake else "directory",
        "modules": _modules(found),
        "flake": {
            "inputs": [{"name": each.name, "url": each.url} for each in found.survey.flake.inputs],
            "outputs": [each.name for each in found.survey.flake.outputs],
        },
        "hosts": [_host(host, found.gaps) for host in found.survey.hosts],
        "changes": [_change(change) for change in found.survey.changes],
        "archived": list(found.survey.archived),
        "specs": list(found.survey.specs),
        "docs": {"total": len(repository.docs), "by_directory": _by_directory(repository.docs)},
        "tests": list(repository.tests),
        "ci": list(repository.ci),
        "scripts": list(repository.scripts),
        "secrets": list(found.survey.secrets),
        "broken": [{"file": path, "why": why} for path, why in repository.broken.items()],
        "gaps": [_gap(gap) for gap in found.gaps],
        "proposals": [_proposal(each) for each in found.recommended.proposals],
        "order": [
            {"phase": phase, "changes": open_changes, "proposals": ids}
            for phase, open_changes, ids in in_order(found.recommended)
        ],
        "critical_path": list(found.recommended.critical_path),
        "critical_path_days": found.recommended.days,
        "not_verified": list(not_verified(found)),
    }
    if changed is not None:
        data["since"] = {
            "revision": changed.revision,
            "improved": [_moved(each) for each in changed.improved],
            "worse": [_moved(each) for each in changed.worse],
            "counts": {name: {"before": was, "now": now} for name, (was, now) in changed.counts.items()},
        }
    return data


def _modules(found: Standing) -> dict[str, Any]:
    repository = found.survey.repository
    layers = Counter(module.layer for module in repository.modules)
    by_layer = {layer: layers[layer] for layer in ("nixos", "home-manager", "shared")}
    if layers["other"]:
        by_layer["other"] = layers["other"]
    categories: dict[str, dict[str, int]] = {}
    for module in repository.modules:
        if module.category:
            of_layer = categories.setdefault(module.layer, {})
            of_layer[module.category] = of_layer.get(module.category, 0) + 1
    unused = set(repository.unused)
    documents = Documents(repository)
    return {
        "total": len(repository.modules),
        "by_layer": by_layer,
        "by_category": dict(sorted(Counter(each.category for each in repository.modules if each.category).items())),
        "categories_of_layer": categories,
        "options": sum(len(module.facts.options) for module in repository.modules),
        "unused": repository.unused,
        "files": [
            {
                "path": module.path,
                "layer": module.layer,
                "category": module.category,
                "broken": module.facts.broken or None,
                "options": [option._asdict() for option in module.facts.options],
                "imports": repository.imports[module.path],
                "imported_by": repository.imported_by.get(module.path, []),
                "unused": module.path in unused,
                "page": (page := documents.page(module)) or None,
                "example": bool(page) and documents.has_example(page),
            }
            for module in repository.modules
        ],
    }


def _host(host: Host, gaps: tuple[Gap, ...]) -> dict[str, Any]:
    return {
        "name": host.name,
        "kind": host.kind,
        "in_flake": host.in_flake,
        "output": host.output,
        "given": str(host.given) if host.given is not None else None,
        "directory": host.directory,
        "has": {part: _place(host, part) for part in PARTS},
        "unknown": host.unknown or host.foreign or None,
        "missing": lacks(host, gaps),
    }


def _place(host: Host, part: str) -> str | None:
    return str(host.has[part]) if part in host.has else None


def _change(change: Change) -> dict[str, Any]:
    return {
        "name": change.name,
        "status": change.status,
        "completedTasks": change.done,
        "totalTasks": change.total,
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "area": gap.capability.area,
        "capability": gap.capability.id,
        "title": gap.capability.title,
        "status": gap.status,
        "priority": gap.capability.priority,
        "evidence": [_evidence(each) for each in gap.evidence],
        "lacking": list(gap.lacking),
        "unsure": list(gap.unsure),
        "count": _count(gap.count),
        "proposed_by": gap.proposed_by or None,
    }


def _evidence(each: Evidence) -> dict[str, Any]:
    return {"what": each.what, "file": each.place.file, "line": each.place.line or None, "host": each.host or None}


def _proposal(each: Proposal) -> dict[str, Any]:
    return {
        "id": each.id,
        "title": each.template.title,
        "priority": each.priority,
        "rationale": each.template.rationale,
        "scope": each.scope,
        "capabilities": [gap.capability.id for gap in each.gaps],
        "depends_on": list(each.depends_on),
        "blocks": list(each.blocks),
        "phase": each.phase,
        "days": each.days,
        "questions": list(each.template.questions),
    }


def _moved(each: Moved) -> dict[str, Any]:
    then = each.before.count if each.before is not None else None
    return {
        "capability": each.gap.capability.id,
        "before": each.was,
        "now": each.gap.status,
        "hosts": list(each.hosts),
        "count": {"before": _count(then), "now": _count(each.gap.count)},
    }


def _count(count: tuple[int, int] | None) -> dict[str, int] | None:
    return {"have": count[0], "of": count[1]} if count is not None else None


def _by_directory(paths: Iterable[str]) -> dict[str, int]:
    """How many files lie in each directory below `docs/`; those in none count for `.`."""
    found = Counter(path.split("/")[1] if path.count("/") > 1 else "." for path in paths)
    return dict(sorted(found.items()))


def not_verified(found: Standing) -> Iterator[str]:
    """What could not be told, and why."""
    yield from found.survey.unread
    for host in found.survey.hosts:
        if host.in_flake is None:
            yield f"whether the flake gives out {host.name}, and with what: its outputs are computed, only Nix can tell"
        elif host.unknown:
            yield f"what {host.name} lacks: {host.unknown} is not followed"
        elif host.foreign:
            yield f"what {host.name} lacks: {host.foreign} may bring it"
        if host.kind == "unknown":
            yield f"what {host.name} lacks for its kind: whether it is a workstation or a server does not show"
    for path, line, written in found.survey.repository.dangling:
        yield f"{path}:{line} takes in {written}, which is not there"
    outputs = {output.name for output in found.survey.flake.outputs}
    if "nixosConfigurations" in outputs and not found.survey.hosts:
        yield "the hosts: the flake computes them, and no directory was recognised as one"
    for path, why in found.survey.repository.broken.items():
        yield f"{path}: it cannot be read ({why})"


# Markdown -----------------------------------------------------------------------------------------------------------


def as_markdown(found: Standing, changed: Since | None, day: str, revision: str) -> str:
    """The report."""
    name = found.survey.repository.root.name
    lines = [f"# Where {escaped(name)} stands", "", f"{day}{f', at {revision[:12]}' if revision else ''}", ""]
    lines += ["## In short", "", *(f"- {each}" for each in in_short(found)), ""]
    if changed is not None:
        lines += _changed(changed)
    if found.survey.changes:
        lines += ["## Changes", "", "| Change | Status | Tasks |", "|---|---|---|"]
        lines += [
            f"| {escaped(each.name)} | {STATES[each.status]} | {_share(each)} |"
            for each in ordered(found.survey.changes)
        ]
        lines += [""]
    if found.survey.hosts:
        lines += _hosts_table(found)
    lines += ["## Gaps", ""]
    for area in found.model.areas.values():
        lines += _area(area.title, [gap for gap in found.gaps if gap.capability.area == area.id])
    lines += _proposals(found)
    doubts = list(not_verified(found))
    if doubts:
        lines += ["## Not verified", "", *(f"- {escaped(doubt)}" for doubt in doubts), ""]
    return "\n".join(lines).rstrip() + "\n"


def in_short(found: Standing) -> Iterator[str]:
    """The counts, a line each."""
    survey, repository = found.survey, found.survey.repository
    layers = Counter(module.layer for module in repository.modules)
    if repository.modules:
        parts = ", ".join(f"{count} {layer}" for layer, count in layers.most_common())
        options = sum(len(module.facts.options) for module in repository.modules)
        yield f"{counted(len(repository.modules), 'module')} ({parts}) with {counted(options, 'option')}"
        if repository.unused:
            yield f"{counted(len(repository.unused), 'module')} that nothing refers to"
    if repository.broken:
        yield f"{counted(len(repository.broken), 'Nix file')} that cannot be read"
    kinds = Counter(host.kind for host in survey.hosts)
    parts = ", ".join(
        f"{count} {'of unknown kind' if kind == 'unknown' else plural(count, kind)}"
        for kind, count in kinds.most_common()
    )
    yield counted(len(survey.hosts), "host") + (f" ({parts})" if parts else "")
    states = Counter(change.status for change in survey.changes)
    parts = ", ".join(f"{states[status]} {STATES[status].lstrip('✓ ')}" for status in STATES if states[status])
    archived = f", {len(survey.archived)} in the archive" if survey.archived else ""
    yield counted(len(survey.changes), "open change") + (f" ({parts})" if parts else "") + archived
    yield counted(len(repository.docs), "file") + " of documentation"
    statuses = Counter(gap.status for gap in found.gaps)
    told = ", ".join(f"{statuses[status]} {status}" for status in ("present", "partial", "missing"))
    yield f"Of {len(found.gaps)} capabilities: {told}"


def ordered(changes: Iterable[Change]) -> list[Change]:
    """Changes: those that are done first, then those that are on their way, then those without tasks."""
    order = list(STATES)
    return sorted(changes, key=lambda each: (order.index(each.status), each.name))


def _share(change: Change) -> str:
    if not change.total:
        return "–"
    return f"{change.done}/{change.total} ({percent(change.done, change.total)})"


def how(moved: Moved) -> str:
    """How a capability stands otherwise than it did, in a few words."""
    now, then = moved.gap, moved.before
    if moved.was != now.status:
        said = f"{moved.was or 'not expected'} → {now.status}"
    else:
        said = now.status
        if now.count is not None and then is not None and then.count is not None:
            said += f", {then.count[0]} of {then.count[1]} → {now.count[0]} of {now.count[1]}"
    hosts = listed(moved.hosts, "and", most=4)
    return f"{said}: {'not ' if moved.hosts[0] in now.lacking else ''}{hosts}" if hosts else said


def _changed(changed: Since) -> list[str]:
    lines = [f"## Since {escaped(changed.revision)}", ""]
    counts = [f"{name}: {was} → {now}" for name, (was, now) in changed.counts.items() if was != now]
    if counts:
        lines += [f"- {', '.join(counts)}"]
    for title, moved in (("Better", changed.improved), ("Worse", changed.worse)):
        lines += [f"- {title}: {escaped(each.gap.capability.title)} ({escaped(how(each))})" for each in moved]
    if len(lines) == 2:
        lines += ["Nothing has changed."]
    return [*lines, ""]


def _hosts_table(found: Standing) -> list[str]:
    lines = [
        "## Hosts",
        "",
        "| Host | Kind | In the flake | Hardware | Disks | Users | Home |",
        "|---|---|---|---|---|---|---|",
    ]
    for host in found.survey.hosts:
        given = "?" if host.in_flake is None else "✓" if host.in_flake else "✗"
        cells = ["✓" if part in host.has else "✗" for part in PARTS]
        lines.append(f"| {escaped(host.name)} | {host.kind} | {given} | {' | '.join(cells)} |")
    lines.append("")
    titles = {gap.capability.id: gap.capability.title for gap in found.gaps}
    for host in found.survey.hosts:
        missing = [titles[each] for each in lacks(host, found.gaps) if each in titles]
        if missing:
            lines.append(
                f"- **{escaped(host.name)}** has no {listed([lower(each) for each in missing], 'or', most=40)}."
            )
    return [*lines, ""] if lines[-1] else lines


def _area(title: str, gaps: Sequence[Gap]) -> list[str]:
    if not gaps:
        return []
    lines = [f"### {title}", ""]
    if all(gap.status == "present" for gap in gaps):
        return [*lines, f"All there: {listed([lower(gap.capability.title) for gap in gaps], 'and', most=40)}.", ""]
    lines += ["| | Capability | Priority | What is known |", "|---|---|---|---|"]
    for gap in gaps:
        cells = [MARKS[gap.status], escaped(gap.capability.title), gap.capability.priority, escaped(known(gap))]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def known(gap: Gap) -> str:
    """What is known of a capability, in a few words."""
    said = []
    if gap.count is not None and gap.status != "present":
        have, total = gap.count
        what = "host" if gap.capability.hosts or "host" in (gap.capability.measure or "") else ""
        what = what or ("option" if gap.capability.measure == "options-described" else "module")
        said.append(f"{have} of {counted(total, what)}")
        if have and gap.lacking:
            said[-1] += f", not {listed(gap.lacking, 'or', most=4)}"
        if gap.unsure:
            said[-1] += f", not known of {listed(gap.unsure, 'and', most=4)}"
    if gap.evidence and not (gap.capability.measure and gap.status != "present"):
        each = gap.evidence[0]
        said.append(
            each.what if each.place.file in each.what and not each.place.line else f"{each.what} ({each.place})"
        )
    if gap.proposed_by:
        said.append(f"proposed as {gap.proposed_by}")
    return "; ".join(said)


def _proposals(found: Standing) -> list[str]:
    recommended = found.recommended
    if not recommended.proposals:
        return ["## Recommended proposals", "", "None: whatever is missing is proposed already.", ""]
    lines = ["## Recommended proposals", ""]
    for priority in PRIORITIES:
        of_priority = [each for each in recommended.proposals if each.priority == priority]
        if not of_priority:
            continue
        lines += [f"### {priority.capitalize()} priority", ""]
        for each in of_priority:
            lines += [f"#### {escaped(each.template.title)}", "", f"`{each.id}`, {counted(each.days, 'day')}", ""]
            lines += [escaped(each.template.rationale), "", *(f"- {escaped(step)}" for step in each.scope), ""]
            if each.depends_on:
                lines += [f"After {listed([f'`{name}`' for name in each.depends_on], 'and', most=20)}.", ""]
            if each.blocks:
                lines += [f"Before {listed([f'`{name}`' for name in each.blocks], 'and', most=20)}.", ""]
    lines += ["## In which order", "", "| Phase | Open changes to finish | Proposals |", "|---|---|---|"]
    for phase, open_changes, ids in in_order(recommended):
        cells = [", ".join(f"`{name}`" for name in names) for names in (open_changes, ids)]
        lines.append(f"| {phase} | {' | '.join(cells)} |")
    way = " → ".join(f"`{id}`" for id in recommended.critical_path)
    lines += ["", f"The critical path takes {counted(recommended.days, 'day')}: {way}.", ""]
    asked = [(each, question) for each in recommended.proposals for question in each.template.questions]
    if asked:
        lines += ["## Open questions", ""]
        lines += [f"- {escaped(question)} (`{each.id}`)" for each, question in asked]
        lines += [""]
    return lines


def in_order(recommended: Recommended) -> Iterator[tuple[int, list[str], list[str]]]:
    """By phase: the open changes and the proposals that can begin in it."""
    phases = {*recommended.pending.values(), *(each.phase for each in recommended.proposals)}
    for phase in sorted(phases):
        yield (
            phase,
            [name for name, of in recommended.pending.items() if of == phase],
            [each.id for each in recommended.proposals if each.phase == phase],
        )
