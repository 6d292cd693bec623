"""Trees put together at random from what specs are made of, and from what people get wrong in them."""

from __future__ import annotations

import random

from tests.specs.comparing import Tree

NAMES = ["One", "Two", "two", "A  b", "a b", "C#", "日本", "Straße", "Über `x`", "x SHALL y", "One ##"]
LINES = [
    *(
        "",
        "",
        "The system SHALL do it.",
        "it MUST",
        "text",
        "  - item",
        "- **WHEN** a",
        "- **THEN** b",
        "**Reason**: old",
    ),
    *("```", "~~~", "````md", "<!--", "-->", "---", "===", "| a | b |", "> said", "1. first", "TBD", "# Title"),
    *("#### Scenario: S1", "#### Scenario: S2", "#### s1", "##### Deep", "####Scenario: no", "#### Scenario: S1 ##"),
    *("## Purpose", "## Notes", "## Requirements", "### Docs", "   ### Requirement: in", "\u00a0", "\u3000x"),
]
SECTIONS = ["ADDED", "MODIFIED", "REMOVED", "RENAMED", "added", "ADDED ", "Added"]
TASKS = [
    "- [ ] 1.1 a",
    "- [x] 1.2 b",
    "* [X] 2.1 c",
    "1. [ ] d",
    "- [~] 1.1 e",
    "- plain",
    "## 1. First",
    "## 2. Second",
]
META = [
    "schema: spec-driven",
    "skip_specs: true",
    "created: 2026-01-02",
    "depends_on: [b]",
    "retire_capabilities: true",
]


def requirement(random: random.Random) -> list[str]:
    name = random.choice(NAMES)
    header = random.choice(
        ["### Requirement: ", "### Requirement: ", "### Requirement: ", "###Requirement:", "### requirement:  "]
    )
    if random.random() < 0.6:
        lines = [
            f"{header}{name}",
            "The system SHALL do it.",
            "",
            f"#### Scenario: S{random.randint(1, 2)}",
            "- **WHEN** a",
            "",
        ]
    else:
        lines = [f"{header}{name}", *(random.choice(LINES) for _ in range(random.randint(0, 6)))]
    return lines


def main_spec(random: random.Random) -> list[str]:
    lines = [
        "# cap",
        "",
        "## Purpose",
        "What this is for, in more than fifty characters of text.",
        "",
        "## Requirements",
        "",
    ]
    for _ in range(random.randint(0, 4)):
        lines += requirement(random)
    if random.random() < 0.3:
        lines.insert(random.randint(0, len(lines)), random.choice(LINES))
    return lines


def delta(random: random.Random) -> list[str]:
    lines: list[str] = []
    for _ in range(random.randint(1, 3)):
        section = random.choice(SECTIONS)
        lines += [f"## {section} Requirements", ""]
        if section == "RENAMED":
            lines += [
                f"- FROM: `### Requirement: {random.choice(NAMES)}`",
                f"- TO: `### Requirement: {random.choice(NAMES)}`",
            ]
        elif section == "REMOVED" and random.random() < 0.5:
            lines += [f"- ### Requirement: {random.choice(NAMES)}"]
        else:
            for _ in range(random.randint(0, 3)):
                lines += requirement(random)
    if random.random() < 0.3:
        lines.insert(random.randint(0, len(lines)), random.choice(LINES))
    return lines


def text(lines: list[str], random: random.Random) -> str:
    end = random.choice(["\n", "\n", "\n", "\n", "\r\n", "\r"])
    bom = "\ufeff" if random.random() < 0.05 else ""
    return bom + end.join(lines) + random.choice([end, end, "", end * 3])


def tree(seed: int) -> Tree:
    """A tree; the same for the same seed."""
    chosen = random.Random(seed)
    found: Tree = {}
    for capability in chosen.sample(["cap", "area/cap", "Cap", "b"], chosen.randint(0, 3)):
        found[f"openspec/specs/{capability}/spec.md"] = text(main_spec(chosen), chosen)
    for change in chosen.sample(["a", "b", "a-b", "2026-01-01-old"], chosen.randint(1, 3)):
        below = f"openspec/changes/{change}"
        for capability in chosen.sample(["cap", "area/cap", "new"], chosen.randint(0, 2)):
            found[f"{below}/specs/{capability}/spec.md"] = text(delta(chosen), chosen)
        if chosen.random() < 0.6:
            tasks = [chosen.choice(TASKS) for _ in range(chosen.randint(0, 6))]
            found[f"{below}/tasks.md"] = text(tasks, chosen)
        if chosen.random() < 0.5:
            lines = ["# A change", "## Why", chosen.choice(LINES), "## What Changes", "- **cap:** adds a thing"]
            found[f"{below}/proposal.md"] = text(lines, chosen)
        if chosen.random() < 0.4:
            meta = chosen.sample(META, chosen.randint(1, 3))
            found[f"{below}/.openspec.yaml"] = "\n".join(meta) + "\n"
    return found
