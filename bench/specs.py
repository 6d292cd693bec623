"""How long `panther spec validate --all` takes, beside the reference where it is installed.

Run by `make bench`. `OPENSPEC_PACKAGE` names the directory of `@fission-ai/openspec`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 3
SCENARIO = "#### Scenario: {0}\n- **WHEN** somebody asks for {0}\n- **THEN** it is there\n\n"
REQUIREMENT = "### Requirement: {0}\nThe system SHALL do {0}, and say so.\n\n"


def requirement(name: str) -> str:
    return REQUIREMENT.format(name) + "".join(SCENARIO.format(f"{name} {which}") for which in ("once", "again"))


def tree(directory: Path, changes: int, specs: int) -> Path:
    """So many changes and specs, each of some length; a change modifies one requirement and adds another."""
    for number in range(specs):
        path = directory / f"openspec/specs/area{number % 10}/cap{number}/spec.md"
        path.parent.mkdir(parents=True)
        purpose = f"What capability number {number} is for, in a sentence or two."
        text = f"# cap{number}\n\n## Purpose\n{purpose}\n\n## Requirements\n\n"
        path.write_text(text + "".join(requirement(f"thing {each}") for each in range(8)))
    for number in range(changes):
        change = directory / f"openspec/changes/change-{number}"
        where = number % specs
        delta = change / f"specs/area{where % 10}/cap{where}/spec.md"
        delta.parent.mkdir(parents=True)
        added, modified = requirement(f"new {number}"), requirement("thing 3")
        delta.write_text(f"## ADDED Requirements\n\n{added}## MODIFIED Requirements\n\n{modified}")
        (change / "proposal.md").write_text(f"# Change {number}\n\n## Why\nBecause.\n\n## What Changes\n- something\n")
        (change / "tasks.md").write_text("## 1. All\n\n" + "".join(f"- [ ] 1.{n} step {n}\n" for n in range(1, 9)))
        (change / ".openspec.yaml").write_text("schema: spec-driven\ncreated: 2026-01-01\n")
    return directory


def measured(command: list[str], cwd: Path, cache: Path) -> tuple[float, float]:
    """Seconds, and megabytes of the largest process, of one run."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "OPENSPEC_TELEMETRY": "0", "CI": "1"}
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def row(what: str, figures: list[tuple[float, float]]) -> None:
    seconds, megabytes = (statistics.median(column) for column in zip(*figures, strict=True))
    print(f"{what:48} {seconds:6.2f} s {megabytes:6.0f} MB", flush=True)


def main() -> None:
    ours = [sys.executable, "-m", "pantheros", "spec", "validate", "--all", "--json"]
    package = Path(os.environ.get("OPENSPEC_PACKAGE") or "/usr/local/lib/node_modules/@fission-ai/openspec")
    theirs = ["node", str(package / "bin" / "openspec.js"), "validate", "--all", "--json"]
    base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as directory:
        for changes, specs in ((40, 10), (1000, 200)):
            work = tree(Path(directory) / f"{changes}", changes, specs)
            size = f"{changes} changes, {specs} specs"
            row(f"{size}, cold", [measured(ours, work, work / f"cache{run}") for run in range(RUNS)])
            edited = []
            for run in range(RUNS):
                with (work / "openspec/changes/change-7/tasks.md").open("a") as file:
                    file.write(f"- [ ] 1.{run + 20} more\n")
                edited.append(measured(ours, work, work / "cache0"))
            row(f"{size}, one edited", edited)
            if package.is_dir():
                row(f"{size}, the reference", [measured(theirs, work, work / "none") for _ in range(RUNS)])


if __name__ == "__main__":
    main()
