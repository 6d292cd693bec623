"""Kinds of proposal: what each has to say, who looks at it, and when one is needed at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pantheros.specs.main_spec import section_named, sections
from pantheros.specs.tasks import tasks as read_tasks
from pantheros.specs.text import trimmed

LIBRARIAN, ARCHITECT, SECURITY, IMPACT, REVIEWER = "librarian", "architect", "security", "impact", "reviewer"
ROLES = {
    LIBRARIAN: "it can be done: options, packages and hardware are there",
    ARCHITECT: "it fits the architecture",
    SECURITY: "it leaves the machines no less secure, or says what it risks",
    IMPACT: "what it breaks is known, and how to go over",
    REVIEWER: "it is implemented well, seen by somebody who did not write it",
}
"""Who looks at a change, and what a yes says."""
PHASES = {
    "1": "hardware discovery",
    "2": "modules",
    "3": "hosts",
}


class Part(NamedTuple):
    """A section that a proposal has to have, and what belongs into it."""

    title: str
    about: str


WHY = Part("Why", "What is wrong or missing now, for whom, and what it costs. Two or three sentences.")
WHAT = Part("What Changes", "One line a change, the breaking ones marked so.")
ROLLBACK = Part("Rollback", "How to come back to where we were: which generation, which data, how long it takes.")
TESTING = Part("Testing", "What shows that it works, on which hosts: builds, checks, what is tried by hand.")

_WHERE_IT_MATTERS = (
    Part("Risks", "What may go wrong, how likely and how bad that is, and what is done about it; cases at the edges."),
    Part(
        "Dependencies", "Changes, modules, releases and services that have to be there first, and what builds on this."
    ),
    Part("Migration Path", "What has to stay compatible and for how long; how hosts and people are brought over."),
    Part("Stakeholders", "Who uses, runs or pays for what changes; who has to be asked, and who to be told."),
    Part("Alternatives", "What there is already, what was read about it, and why it is not done that way."),
    Part("Documentation", "Pages that are new or other: the decision, the guide for users, what to do when it fails."),
)
"""Sections that no proposal has to have; one that is there has to say something."""


@dataclass(frozen=True)
class Kind:
    """A kind of proposal."""

    name: str
    title: str
    when: str
    """When a proposal of this kind is needed."""
    parts: tuple[Part, ...]
    gates: tuple[str, ...] = ()
    """Roles that look at it besides the librarian and the architect."""
    phase: str = ""
    """The phase that such a change belongs to, whose impact matrix it has."""


_ALL = (
    Kind(
        "architecture",
        "Architecture",
        "modules, hosts or file systems are laid out anew, or hosts come to depend on each other otherwise",
        (
            Part("Current Architecture", "How it is built now, and what follows from that."),
            Part("Proposed Architecture", "How it is to be built, and what was considered besides."),
            Part("Impact", "Hosts, modules and people that notice it; what has to change with it."),
            Part("Migration Path", "The steps from the one to the other, each of which leaves every host bootable."),
        ),
    ),
    Kind(
        "hardware",
        "Hardware Change",
        "a machine comes or goes, gets other devices, or its disks are laid out anew",
        (
            Part("Current State", "The hardware as the report has it; what limits it, and what is slow."),
            Part("Proposed Changes", "Devices that are new or other; layouts of disks; what is tuned, and why."),
            Part("Impact Analysis", "Hosts and settings that it touches; data that moves; what has to be tried."),
            Part("Implementation Plan", "The steps, one by one, with the point from which there is no way back."),
        ),
        phase="1",
    ),
    Kind(
        "module-interface",
        "Module Interface",
        "a module's options change in name, type or meaning, or modules are cut anew",
        (
            Part(
                "Current Interface", "How the module is cut, its options and their types now, and how fleets use them."
            ),
            Part("Proposed Interface", "How it is cut, its options and their types then; what breaks."),
            Part("Migration Path", "What keeps working and for how long; how a fleet is brought over."),
            Part(
                "Testing Requirements",
                "What shows that the options are judged rightly, that old fleets come to what they did, and that the"
                " modules go together.",
            ),
        ),
        gates=(IMPACT,),
        phase="2",
    ),
    Kind(
        "security",
        "Security Model",
        "firewalls, log-ins, networks between hosts, or the keeping of secrets change",
        (
            Part("Current Security Model", "What protects the machines now, from whom; who may do what."),
            Part("Proposed Security Changes", "What protects them then; what that changes about who may do what."),
            Part(
                "Risk Assessment",
                "What an attacker gains or loses, what he can reach that he could not; what is done about each risk.",
            ),
            Part("Implementation Requirements", "How it is tried, what has to be watched, which rules it meets."),
        ),
        gates=(SECURITY,),
        phase="3",
    ),
    Kind(
        "host",
        "Host Configuration",
        "how hosts are configured, deployed or tried changes for more than one of them",
        (
            Part("Current Pattern", "How hosts are configured, deployed and tried now, and where that falls short."),
            Part("Proposed Pattern", "How it is done then, shown on one host; which hosts stay as they are, and why."),
            Part("Deployment", "In which order the hosts go over, who does it, and how each is seen to be well."),
        ),
        phase="3",
    ),
    Kind(
        "performance",
        "Performance",
        "something is to be faster or smaller at the cost of something else",
        (
            Part("Measurements", "What is slow, measured: command, figures, machine."),
            Part("Proposed Changes", "What is done about it, and what it costs elsewhere."),
            Part("Target", "The figures that are to be reached, and how they are measured."),
        ),
    ),
    Kind(
        "capability",
        "New Capability",
        "the fleet is to do something that it could not: a tool, a service, a platform",
        (
            Part("Capability", "What it does for whom, and what it does not do."),
            Part("Design", "How it is built, on what it stands, and what was considered besides."),
            Part("Operation", "State and its backup, ports, secrets, what is watched."),
        ),
    ),
    Kind(
        "breaking",
        "Breaking Change",
        "something that fleets or people rely on stops working as it did",
        (
            Part("What Breaks", "For whom, with what message, and how to tell beforehand."),
            Part("Compatibility", "What of it could be kept, for how long, and why not longer."),
            Part("Migration Path", "What everybody concerned has to do, step by step."),
        ),
        gates=(IMPACT,),
    ),
    Kind(
        "skill",
        "Skill or Automation",
        "an assistant's skill, a script or a workflow is added, or its interface changes",
        (
            Part("Task", "What is done by hand now, how often, and what goes wrong."),
            Part("Interface", "How it is called, what it takes, what it answers, what it may change."),
            Part("Limits", "What it must not do, and how that is seen to."),
        ),
    ),
)
KINDS = {kind.name: kind for kind in _ALL}

_MATRICES = {
    "1": ("host", ("scan", "disks", "devices", "tuning", "documentation")),
    "2": ("module", ("structure", "options", "dependencies", "documentation", "fleets")),
    "3": ("host", ("settings", "services", "security", "deployment", "testing")),
}


def parts_of(kind: Kind) -> tuple[Part, ...]:
    """All sections that a proposal of a kind has to have."""
    return (WHY, WHAT, *kind.parts, ROLLBACK, TESTING)


def optional_parts(kind: Kind) -> tuple[Part, ...]:
    """Sections that a proposal of a kind may have besides."""
    titles = " ".join(part.title for part in parts_of(kind))
    return tuple(part for part in _WHERE_IT_MATTERS if part.title.removesuffix("s") not in titles)


def proposal(kind: Kind, name: str, phase: str = "", rows: tuple[str, ...] = ()) -> str:
    """A proposal to be filled in. A change of a phase has its impact matrix, with a row for each of `rows`."""
    title = name.replace("-", " ").capitalize()
    text = [f"# {kind.title}: {title}", ""]
    for part in parts_of(kind):
        text += [f"## {part.title}", "", f"<!-- {part.about} -->", ""]
        if part is WHAT and (phase or kind.phase) in _MATRICES:
            text += [*matrix(phase or kind.phase, rows), ""]
    more = [f"- {part.title}: {part.about}" for part in optional_parts(kind)]
    return "\n".join([*text, "<!-- Where it matters, these have sections of their own, too:", "", *more, "-->", ""])


def matrix(phase: str, rows: tuple[str, ...]) -> list[str]:
    """The table of what a change of a phase touches: a row a host or module, to be filled in with yes, no or how."""
    what, columns = _MATRICES[phase]
    lines = [
        f"Impact on {PHASES[phase]}:",
        "",
        f"| {what} | {' | '.join(columns)} |",
        "|---" * (len(columns) + 1) + "|",
    ]
    return lines + [f"| {row} |{' ? |' * len(columns)}" for row in rows or ("...",)]


class Unwritten(NamedTuple):
    """What a proposal still lacks."""

    part: str
    why: str


_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_OPEN_CELL = re.compile(r"\|\s*(?:\?|\.\.\.)\s*(?=\|)")
_IMPACT = frozenset(f"Impact on {what}:" for what in PHASES.values())


def unwritten(kind: Kind, text: str) -> Iterator[Unwritten]:
    """The sections of a proposal that are missing, or hold nothing but what the template put there."""
    tree = sections(text)
    optional = optional_parts(kind)
    for part in (*parts_of(kind), *optional):
        found = section_named(part.title.lower(), tree)
        if found is None:
            if part not in optional:
                yield Unwritten(part.title, "is missing")
            continue
        own, table = _without_matrix(trimmed(_COMMENT.sub("", found.content)))
        if _OPEN_CELL.search(table):
            yield Unwritten(part.title, "has cells of its impact matrix that are not filled in")
        if not own:
            yield Unwritten(part.title, "is not written yet")


def _without_matrix(text: str) -> tuple[str, str]:
    """A section without the impact matrix that the template put there, and the rows of that matrix."""
    own: list[str] = []
    table: list[str] = []
    within = False
    for line in text.split("\n"):
        if trimmed(line) in _IMPACT:
            within = True
        elif within and line.startswith("|"):
            table.append(line)
        elif trimmed(line):
            within = False
            own.append(line)
        elif table:
            within = False
    return "\n".join(own), "\n".join(table)


def tasks(kind: Kind) -> str:
    """A plan to begin with."""
    groups = [
        ("Preparation", ["See that the proposal is reviewed and its gates are open"]),
        ("Implementation", ["..."]),
        ("Validation", ["Build and check every host: `panther spec check`", "Try what is new, and the way back"]),
        (
            "Documentation",
            [
                "Bring guides, decisions and help in trouble up to date",
                "Write down what was learned, and what to watch",
            ],
        ),
    ]
    lines = [f"# Tasks: {kind.title}", ""]
    for number, (title, items) in enumerate(groups, 1):
        lines += [f"## {number}. {title}", ""]
        lines += [f"- [ ] {number}.{at} {item}" for at, item in enumerate(items, 1)]
        lines.append("")
    return "\n".join(lines)


_TO_FILL_IN = ("The system SHALL ...", "#### Scenario: ...", "- **WHEN** ...", "- **THEN** ...")


def unfilled_tasks(text: str) -> list[str]:
    """The numbers of tasks that still say what `tasks` put there to be filled in."""
    return [
        task.number for task in read_tasks(text) if task.number and trimmed(task.description) == f"{task.number} ..."
    ]


def delta(capability: str) -> str:
    """A delta spec to begin with."""
    name = capability.rpartition("/")[2].replace("-", " ")
    demand, *scenario = _TO_FILL_IN
    lines = ["## ADDED Requirements", "", f"### Requirement: {name.capitalize()}", demand, "", *scenario, ""]
    return "\n".join(lines)


def unfilled(text: str) -> bool:
    """Whether a delta spec still holds a line that `delta` put there to be filled in."""
    return any(line.rstrip() in _TO_FILL_IN for line in text.split("\n"))
