"""The commands for assistants that write code: `/spec-gen`, `/code-impl`, `/nixos-check`, `/openspec-archive`.

A file that somebody has edited is left alone: it is known by the digest in its last line whether it still is as it was
written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from pantheros.specs.tree import Root

Outcome = Literal["written", "as it was", "left alone: it was edited", "left alone: it leads out of the project"]
DIRECTORIES = {"claude": ".claude/commands", "opencode": ".opencode/command"}
_MARK = re.compile(r"<!-- written by `panther spec install` ([0-9a-f]{16}) -->\n?\Z")

COMMANDS = {
    "spec-gen": (
        "Begin a change of the fleet",
        """\
Begin the change $ARGUMENTS.

1. Run `panther spec gen` without arguments: it tells when a proposal is needed, and of which kind. Where it says that
   what is changed now needs none, say so and stop.
2. Run `panther spec gen NAME --kind KIND --capability CAPABILITY`. `panther spec list --specs` lists the capabilities.
3. Fill in every section of `proposal.md`, the impact matrix included; write requirements with SHALL and at least one
   scenario each under `specs/`; break the work down in `tasks.md`.
4. Run `panther spec rebase NAME`, then `panther spec validate NAME --strict` until nothing is wrong.
5. Tell which reviews are needed: `panther spec review NAME`. Never review what you wrote yourself.
""",
    ),
    "code-impl": (
        "Implement an approved change",
        """\
Implement the change $ARGUMENTS.

1. Run `panther spec impl NAME`. Where it says "not yet", stop and tell why.
2. Do the tasks that it lists, in their order, and no more than they say. Write down in `design.md` what deviates.
3. After each task run `panther check`, then `panther spec task NAME NUMBER --done`.
4. When nothing is left, go on with /nixos-check.
""",
    ),
    "nixos-check": (
        "Check what a change came to",
        """\
Check the change $ARGUMENTS.

1. Run `panther spec check NAME`: it builds and checks every host, and keeps the result as evidence.
2. For each scenario that it calls not verified, run what shows it:
   `panther spec check NAME --scenario "CAPABILITY/REQUIREMENT/SCENARIO" --run "COMMAND"`.
3. Where Nix is at hand, run `panther spec check NAME --nix`, too: it tells the time of evaluation and the closures.
4. Report what failed and what is not verified in the words of the command. Call nothing passed that was not run.
""",
    ),
    "openspec-archive": (
        "Archive a change that is done",
        """\
Archive the change $ARGUMENTS.

1. Run `panther spec diff NAME` and look at what becomes of the specs; where they have moved, bring the deltas up to
   date and run `panther spec rebase NAME`.
2. Run `panther spec archive NAME --dry-run`. Where it is refused, do what it asks for; use --force only when told to.
3. Run `panther spec archive NAME --yes --summary "..." --lessons "..."`.
""",
    ),
}


class Installed(NamedTuple):
    """What became of one file."""

    path: str
    outcome: Outcome


def install(root: Root, assistants: tuple[str, ...] = tuple(DIRECTORIES)) -> Iterator[Installed]:
    """Write the commands for assistants; the second time, nothing."""
    for assistant in assistants:
        for name, (about, text) in COMMANDS.items():
            path = root.path / DIRECTORIES[assistant] / f"{name}.md"
            body = f"---\ndescription: {about}\n---\n\n{text}"
            within = path.resolve().is_relative_to(root.path.resolve())
            outcome: Outcome = _write(path, body) if within else "left alone: it leads out of the project"
            yield Installed(path.relative_to(root.path).as_posix(), outcome)


def _write(path: Path, body: str) -> Outcome:
    text = f"{body}\n<!-- written by `panther spec install` {_digest(body)} -->\n"
    try:
        now = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        now = None
    if now == text:
        return "as it was"
    if now is not None and not _untouched(now):
        return "left alone: it was edited"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return "written"


def _untouched(text: str) -> bool:
    """Whether a file is as some version of pantherOS wrote it."""
    found = _MARK.search(text)
    return found is not None and found[1] == _digest(text[: found.start()].removesuffix("\n"))


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]
