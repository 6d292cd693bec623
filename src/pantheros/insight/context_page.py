"""The context as people and programs read it: a page, a short form of bounded size, and data for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pantheros.fleet.secrecy import masked
from pantheros.insight.context import RECENT_DAYS, Context
from pantheros.insight.gaps_report import known
from pantheros.insight.prose import counted, escaped, lower, percent
from pantheros.insight.roadmap import Item
from pantheros.insight.roadmap_page import MARKS
from pantheros.scan.host import PARTS, Host

RECENT = f"## Recent changes (last {RECENT_DAYS} days)"
_MOST_COMMITS = 30
_MOST = 12
_STEPS = (
    ("panther gaps", "what is there and what is missing"),
    ("panther roadmap", "phases, and when what can be done"),
    ("panther spec list", "the open changes"),
    ("panther spec impl NAME", "what is to be done next on one"),
)
_FLEET_STEPS = (
    ("panther check", "find mistakes without Nix"),
    ("panther build", "write the flake"),
    ("panther diff", "what an edit means for each host"),
)


def as_markdown(found: Context) -> str:
    """The page, without its marks."""
    sections = [
        _heading(found),
        _hosts(found),
        _architecture(found),
        _technology(found),
        _phases(found),
        _metrics(found),
        _recent(found),
        _proposals(found),
        _challenges(found),
        _decisions(found),
        _reference(found),
    ]
    return "\n".join(line for section in sections for line in section).rstrip() + "\n"


def _heading(found: Context) -> Iterator[str]:
    at = f", at {found.revision[:12]}" if found.revision else ""
    yield "# Project context"
    yield ""
    yield f"As of {found.today}{at}."
    yield ""
    if found.introduction:
        yield "## Overview"
        yield ""
        yield escaped(found.introduction)
        yield ""
    if found.way.goals:
        yield "Goals:"
        yield ""
        yield from (f"- {escaped(goal)}" for goal in found.way.goals)
        yield ""


def _hosts(found: Context) -> Iterator[str]:
    hosts = found.standing.survey.hosts
    if not hosts:
        return
    yield "## Hosts"
    yield ""
    yield "| Host | Kind | In the flake | Without |"
    yield "|---|---|---|---|"
    for host in hosts:
        given = "not known" if host.in_flake is None else "yes" if host.in_flake else "no"
        yield f"| {escaped(host.name)} | {host.kind} | {given} | {_without(host)} |"
    yield ""


def _without(host: Host) -> str:
    return ", ".join(part for part in PARTS if part not in host.has)


def _architecture(found: Context) -> Iterator[str]:
    survey = found.standing.survey
    if not (found.tree or survey.is_fleet or survey.repository.flake):
        return
    yield "## Architecture"
    yield ""
    if survey.is_fleet:
        yield "A pantherOS fleet: `panther build` makes a plain NixOS flake of it."
        yield ""
    elif survey.repository.flake is not None:
        names = ", ".join(f"`{output.name}`" for output in survey.flake.outputs)
        yield f"A flake with the outputs {names}." if names else "A flake."
        yield ""
    if found.tree:
        widest = max(len(_indented(each.name)) for each in found.tree)
        yield "```"
        for each in found.tree:
            about = f"  {each.about}" if each.about else ""
            yield f"{_indented(each.name).ljust(widest)}  {counted(each.files, 'file')}{about}".rstrip()
        yield "```"
        yield ""


def _indented(name: str) -> str:
    return f"{'  ' * name.count('/')}{name.rpartition('/')[2]}/"


def _technology(found: Context) -> Iterator[str]:
    if not (found.technology or found.in_use):
        return
    yield "## Technology in use"
    yield ""
    if found.technology:
        yield "| Input | From | Version | Locked on |"
        yield "|---|---|---|---|"
        for each in found.technology:
            version = " ".join(part for part in (each.version, f"({each.revision})" if each.revision else "") if part)
            yield f"| {escaped(each.name)} | {escaped(each.source)} | {escaped(version)} | {each.day} |"
        yield ""
        if not any(each.revision for each in found.technology):
            yield "There is no lock file that names their revisions."
            yield ""
    for area, titles in found.in_use.items():
        yield f"- {area}: {', '.join(titles)}"
    if found.in_use:
        yield ""


def _phases(found: Context) -> Iterator[str]:
    if not found.way.items:
        return
    yield "## Phases"
    yield ""
    for phase in found.way.phases:
        done = sum(item.state == "done" for item in phase.items)
        due = f", due {phase.due}" if phase.due else ""
        goal = f": {escaped(phase.goal)}" if phase.goal else ""
        said = f"{phase.state}, {done} of {counted(len(phase.items), 'change')} done{due}"
        yield f"- {MARKS[phase.state]} **{escaped(phase.title)}** ({said}){goal}"
    yield ""


def _metrics(found: Context) -> Iterator[str]:
    repository = found.standing.survey.repository
    options = [option for module in repository.modules for option in module.facts.options]
    done, begun, pending = found.tasks
    total = done + begun + pending
    yield "## Metrics"
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield f"| Hosts configured | {_share(found.configured, len(found.standing.survey.hosts))} |"
    yield f"| Modules | {len(repository.modules)} |"
    if options:
        yield f"| Options described | {_share(sum(bool(option.description) for option in options), len(options))} |"
    yield f"| Documentation files | {len(repository.docs)} |"
    yield f"| Tasks done | {_share(done, total)} |"
    yield f"| Tasks in progress | {_share(begun, total)} |"
    yield f"| Tasks pending | {_share(pending, total)} |"
    statuses = Counter(gap.status for gap in found.standing.gaps)
    for status in ("present", "partial", "missing"):
        yield f"| Capabilities {status} | {_share(statuses[status], len(found.standing.gaps))} |"
    yield ""


def _share(number: int, total: int) -> str:
    return f"{number}/{total} ({percent(number, total)})" if total else f"{number}"


def _recent(found: Context) -> Iterator[str]:
    yield RECENT
    yield ""
    if not found.recent:
        yield "None that git knows of."
        yield ""
        return
    day = ""
    for commit in found.recent[:_MOST_COMMITS]:
        if commit.day != day:
            if day:
                yield ""
            day = commit.day
            yield f"{day}:"
            yield ""
        yield f"- {escaped(commit.subject)}"
    if len(found.recent) > _MOST_COMMITS:
        yield f"- and {len(found.recent) - _MOST_COMMITS} earlier ones"
    yield ""


def _proposals(found: Context) -> Iterator[str]:
    if not found.proposals:
        return
    yield "## Open proposals"
    yield ""
    for item in found.proposals:
        yield f"- {_proposal(item)}"
    yield ""


def _proposal(item: Item) -> str:
    tasks = f"{item.done}/{item.total} tasks" if item.total else "no tasks"
    priority = f"{item.planning.priority} priority, " if item.planning.priority else ""
    why = f"; {item.why}" if item.why else ""
    return f"**{escaped(item.name)}** ({priority}{tasks}){escaped(why)}"


def _challenges(found: Context) -> Iterator[str]:
    if found.challenges:
        yield "## Challenges"
        yield ""
        for gap in found.challenges[:_MOST]:
            said = known(gap)
            told = f"; {said}" if said else ""
            yield f"- **{gap.capability.title}**: {gap.status}, {gap.capability.priority} priority{escaped(told)}"
        if len(found.challenges) > _MOST:
            yield f"- and {len(found.challenges) - _MOST} more, which `panther gaps` lists"
        yield ""
    questions = _questions(found)
    if questions:
        yield "## Open questions"
        yield ""
        yield from (f"- {escaped(question)}" for question in questions[:_MOST])
        if len(questions) > _MOST:
            yield f"- and {len(questions) - _MOST} more, which `panther gaps --markdown` lists"
        yield ""


def _questions(found: Context) -> list[str]:
    return [question for each in found.standing.recommended.proposals for question in each.template.questions]


def _decisions(found: Context) -> Iterator[str]:
    if not found.decisions:
        return
    yield "## Decisions"
    yield ""
    for each in found.decisions[:_MOST]:
        yield f"- {f'{each.day}: ' if each.day else ''}{escaped(each.title)} (`{each.place}`)"
    if len(found.decisions) > _MOST:
        yield f"- and {len(found.decisions) - _MOST} earlier ones"
    yield ""


def _reference(found: Context) -> Iterator[str]:
    yield "## Quick reference"
    yield ""
    for name, about in found.entry_files.items():
        yield f"- `{name}`: {about}"
    for command, about in [*(_FLEET_STEPS if found.standing.survey.is_fleet else ()), *_STEPS]:
        yield f"- `{command}`: {about}"
    yield ""
    if found.way.next:
        names = ", ".join(escaped(item.name) for item in found.way.next[:5])
        yield f"Can be worked on now: {names}."
        yield ""


# The short form -----------------------------------------------------------------------------------------------------


def short(found: Context, most: int) -> str:
    """What an assistant has to know, in no more than `most` characters: whole lines, the most important first."""
    survey = found.standing.survey
    hosts = ", ".join(_host_in_short(host) for host in survey.hosts)
    done, begun, pending = found.tasks
    lines = [f"# {found.name} ({found.today}{f', {found.revision[:12]}' if found.revision else ''})"]
    lines += [found.introduction] if found.introduction else []
    lines += ["A pantherOS fleet: edit fleet.toml and hosts/, never the generated nixos/."] if survey.is_fleet else []
    lines += [f"Hosts: {hosts}"] if hosts else []
    lines += [f"Phases: {_phases_in_short(found)}"] if found.way.items else []
    lines += [f"Tasks: {done} done, {begun} in progress, {pending} pending"]
    lines += [f"Next: {', '.join(item.name for item in found.way.next[:5])}"] if found.way.next else []
    blocked = [f"{item.name} ({item.why})" for item in found.way.open if item.why]
    lines += [f"Blocked or overdue: {'; '.join(blocked[:5])}"] if blocked else []
    files = "; ".join(f"{name} ({about})" for name, about in found.entry_files.items())
    lines += [f"Files: {files}"] if files else []
    missing = ", ".join(lower(gap.capability.title) for gap in found.challenges)
    lines += [f"Missing or partial: {missing}"] if missing else []
    lines += [f"{area}: {', '.join(titles)}" for area, titles in found.in_use.items()]
    lines += [f"Inputs: {', '.join(each.name for each in survey.flake.inputs)}"] if survey.flake.inputs else []
    lines += [f"{commit.day} {commit.subject}" for commit in found.recent[:10]]
    return bounded([masked(line) for line in lines], most)


def bounded(lines: Sequence[str], most: int) -> str:
    """As many lines as there is room for, from the first on; a line that is too long ends with an ellipsis."""
    text = ""
    for line in lines:
        room = most - len(text) - 1
        if len(line) > room:
            return text + (line[: room - 1] + "…\n" if room > 40 else "")
        text += line + "\n"
    return text


def _host_in_short(host: Host) -> str:
    without = [*(part for part in PARTS if part not in host.has), *(["flake"] if host.in_flake is False else [])]
    told = f", without {', '.join(without)}" if without else ""
    return f"{host.name} ({host.kind}{told})"


def _phases_in_short(found: Context) -> str:
    return ", ".join(f"{phase.title} {phase.state}" for phase in found.way.phases)


# JSON ---------------------------------------------------------------------------------------------------------------


def as_json(found: Context) -> dict[str, Any]:
    """The context as `docs/context.md` describes it."""
    repository = found.standing.survey.repository
    options = [option for module in repository.modules for option in module.facts.options]
    done, begun, pending = found.tasks
    return {
        "name": found.name,
        "introduction": found.introduction,
        "as_of": f"{found.today}",
        "revision": found.revision or None,
        "goals": list(found.way.goals),
        "hosts": [
            {
                "name": host.name,
                "kind": host.kind,
                "in_flake": host.in_flake,
                "without": _without(host).split(", ") if _without(host) else [],
            }
            for host in found.standing.survey.hosts
        ],
        "technology": [each._asdict() for each in found.technology],
        "in_use": found.in_use,
        "tree": [each._asdict() for each in found.tree],
        "phases": [
            {
                "id": phase.id,
                "title": phase.title,
                "status": phase.state,
                "done": sum(item.state == "done" for item in phase.items),
                "total": len(phase.items),
            }
            for phase in found.way.phases
        ],
        "metrics": {
            "hosts": {"configured": found.configured, "total": len(found.standing.survey.hosts)},
            "modules": len(repository.modules),
            "options": {"described": sum(bool(option.description) for option in options), "total": len(options)},
            "docs": len(repository.docs),
            "tasks": {"done": done, "in_progress": begun, "pending": pending},
            "capabilities": dict(Counter(gap.status for gap in found.standing.gaps)),
        },
        "recent": [commit._asdict() for commit in found.recent],
        "proposals": [
            {
                "name": item.name,
                "priority": item.planning.priority or None,
                "status": item.state,
                "completedTasks": item.done,
                "totalTasks": item.total,
            }
            for item in found.proposals
        ],
        "challenges": [
            {"capability": gap.capability.id, "status": gap.status, "priority": gap.capability.priority}
            for gap in found.challenges
        ],
        "questions": _questions(found),
        "decisions": [each._asdict() for each in found.decisions],
        "entry_files": dict(found.entry_files),
        "next": [item.name for item in found.way.next],
    }
