"""`panther spec task`: a task is done, or open again; progress is kept in `tasks.md` itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pantheros.cli.output import paragraph, say
from pantheros.cli.spec.shared import DirectoryOption, open_change, settled
from pantheros.findings import PantherError
from pantheros.git import user
from pantheros.specs.journal import Write, change_together, locked
from pantheros.specs.listing import change_tasks, progress
from pantheros.specs.policy import read_policy, standing
from pantheros.specs.record import with_author
from pantheros.specs.recording import PATIENCE, record_write
from pantheros.specs.rules import objections
from pantheros.specs.tasks import called, ticked
from pantheros.specs.text import decoded
from pantheros.specs.tree import read_bytes, required_root


def command(
    change: Annotated[str, typer.Argument(metavar="NAME", help="A change.")],
    number: Annotated[
        str, typer.Argument(metavar="TASK", help="A task by its number, such as 1.2, or by its place, such as @3.")
    ] = "",
    done: Annotated[bool, typer.Option("--done", help="It is done.")] = False,
    open: Annotated[bool, typer.Option("--open", help="It is open again.")] = False,
    directory: DirectoryOption = Path(),
) -> int:
    root = settled(required_root(directory))
    path = open_change(root, change)
    found = change_tasks(root, path)
    names = called([task for _, task in found])
    if not number:
        for (_, task), name in zip(found, names, strict=True):
            shown = f"{name} {task.description}" if name.startswith("@") else task.description
            paragraph(f"[{'x' if task.done else ' '}] ", shown)
        return 0
    named = [each for at, each in enumerate(found) if number in (names[at], f"@{at + 1}", each[1].spelled)]
    if len(named) != 1:
        known = ", ".join(names)
        wrong = f"{change} has no task {number}" if not named else f"{change} has {len(named)} tasks {number}"
        raise PantherError(wrong, help=f"there are {known}" if known else "it has no tasks")
    if done == open:
        raise PantherError("say --done or --open")
    policy = read_policy(root)
    now = standing(root, policy, change)
    against = objections(root, policy, change, now, "implement")
    closed = [each for each in against if each.code in ("gate_closed", "dependency_open")]
    if done and closed and not number.startswith("1."):
        raise PantherError(f"{change} may not be implemented yet: {closed[0].message}", help=closed[0].help)
    document, task = named[0]
    file = (document.file or path / document.path).resolve()
    if not file.is_relative_to(root.path.resolve()):
        raise PantherError(f"a link leads out of the project to the tasks of {change}, {file}", help="tick it there")
    who = user(root.path)
    with locked(root, wait=PATIENCE):
        content = read_bytes(file)
        if decoded(content) != document.text:
            raise PantherError(f"{file} was edited meanwhile", help="try again")
        try:
            writes = [Write(file, content, ticked(content.decode(), task, done).encode())]
        except UnicodeDecodeError as error:
            raise PantherError(f"{file} is not UTF-8 text") from error
        if done and now.governed and who:
            writes.append(record_write(path, lambda record: with_author(record, who)))
        change_together(root, writes, None)
    finished, total = progress(root, path)
    say(f"{number} is {'done' if done else 'open'}: {finished} of {total}")
    return 0
