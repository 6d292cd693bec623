"""`panther spec impl`: what is to be done next on a change, and the requirements that it serves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import paragraph, print_json
from pantheros.cli.spec.shared import DirectoryOption, JsonOption, open_change, settled
from pantheros.specs.delta import body, folded, read_delta
from pantheros.specs.listing import change_tasks, progress
from pantheros.specs.policy import read_policy, standing
from pantheros.specs.rules import doubts, objections
from pantheros.specs.tree import Root, read, required_root, spec_files


def command(
    change: Annotated[str, typer.Argument(metavar="NAME", help="A change.")],
    json: JsonOption = False,
    directory: DirectoryOption = Path(),
) -> int:
    root = settled(required_root(directory))
    path = open_change(root, change)
    policy = read_policy(root)
    now = standing(root, policy, change)
    against = objections(root, policy, change, now, "implement")
    tasks = [task for _, task in change_tasks(root, path)]
    pending = [task for task in tasks if not task.done]
    group = pending[0].number.partition(".")[0] if pending else ""
    following = [task for task in pending if task.number.partition(".")[0] == group] if group else pending[:5]
    demands = _requirements(root, path)
    serves = {task.line: [name for name in demands if _mentions(task.description, name)] for task in following}
    done, total = progress(root, path)
    if json:
        listed = [
            {"task": task.number, "description": task.description, "requirements": serves[task.line]}
            for task in following
        ]
        told = [each._asdict() for each in against]
        print_json({"change": change, "done": done, "total": total, "next": listed, "objections": told})
        return int(bool(against))
    paragraph("", (f"{change}: {done} of {total} tasks done", "bold"))
    for each in against:
        paragraph(("not yet: ", "bold yellow"), f"{each.message}" + (f" ({each.help})" if each.help else ""))
    for task in following:
        paragraph("  [ ] ", task.description)
        for name in serves[task.line]:
            paragraph("        serves: ", name)
    if following and demands and not any(serves.values()):
        paragraph("", "no task names a requirement, so all of them are meant:")
    for name, text in demands.items() if following else ():
        paragraph("  ", (name, "bold"), f": {text}")
    for doubt in doubts(root, change, now):
        paragraph(("not verified: ", "cyan"), doubt)
    if not pending:
        paragraph("", "nothing is left to do: `panther spec check`, then `panther spec archive`")
    return int(bool(against))


def _requirements(root: Root, change: Path) -> dict[str, str]:
    """What a change demands, by capability and requirement."""
    found = {}
    for capability, path in spec_files(change / "specs").items():
        delta = read_delta(read(path))
        for block in (*delta.added, *delta.modified):
            found[f"{capability}: {block.name}"] = body(block.lines[1:])
    return found


def _mentions(description: str, name: str) -> bool:
    """Whether a task speaks of a requirement, or of its capability."""
    capability, _, requirement = name.partition(": ")
    said = folded(description)
    return folded(requirement) in said or f"`{capability}`" in said
