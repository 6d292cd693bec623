"""What `list`, `show` and `status` tell of a tree, with the fields of the reference."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from os import stat_result
from pathlib import Path
from typing import Any, Literal

from pantheros.findings import PantherError
from pantheros.specs.delta import Block, body, read_delta
from pantheros.specs.main_spec import NotASpec, Section, read_main_spec, section_named, sections
from pantheros.specs.metadata import BUILT_IN, NotMetadata, read_metadata
from pantheros.specs.schema import NoSchema, Schema, in_order, outputs, schema_named, schema_of
from pantheros.specs.tasks import Document, Task, tasks
from pantheros.specs.text import by_lines, collation, compiled, plain, trimmed
from pantheros.specs.tree import (
    SPEC,
    Outside,
    Root,
    about_nested,
    change_names,
    entries,
    nested_changes,
    read,
    spec_files,
)
from pantheros.specs.validate_change import tracked_documents

Status = Literal["no-tasks", "complete", "in-progress"]


class Missing(PantherError):
    """A change or a spec that is asked about is not there, or not whole enough to be shown."""


# list -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ListedChange:
    """An open change, and how far it is."""

    name: str
    done: int
    total: int
    modified: float
    """Milliseconds since 1970 of what was written last."""
    nested: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        if not self.total:
            return "no-tasks"
        return "complete" if self.done == self.total else "in-progress"

    def as_json(self) -> dict[str, Any]:
        stamp = datetime.fromtimestamp(self.modified / 1000, UTC)
        return {
            "name": self.name,
            "completedTasks": self.done,
            "totalTasks": self.total,
            "lastModified": f"{stamp:%Y-%m-%dT%H:%M:%S}.{stamp.microsecond // 1000:03}Z",
            "status": self.status,
            **({"nested": list(self.nested)} if self.nested else {}),
        }


def listed_changes(root: Root, *, by_name: bool = False) -> list[ListedChange]:
    """The open changes, the last modified first; hidden directories are listed, too."""
    found = []
    for name in change_names(root, hidden=True):
        done, total = progress(root, root.changes / name)
        modified = _last_modified(root.changes / name)
        found.append(ListedChange(name, done, total, modified, tuple(nested_changes(root, name))))
    if by_name:
        return sorted(found, key=lambda change: collation(change.name))
    return sorted(found, key=lambda change: -change.modified)


def task_documents(root: Root, change: Path) -> list[Document]:
    """The files of a change's tasks; `tasks.md` where it is not known which they are."""
    try:
        return tracked_documents(change, schema_of(root, change))
    except (NoSchema, NotMetadata):
        try:
            return [Document("tasks.md", read(change / "tasks.md"))]
        except OSError:
            return []
    except (OSError, PantherError):
        return []


def change_tasks(root: Root, change: Path) -> list[tuple[Document, Task]]:
    """The tasks of a change, in order."""
    return [(document, task) for document in task_documents(root, change) for task in tasks(document.text)]


def progress(root: Root, change: Path) -> tuple[int, int]:
    """How many of a change's tasks are done, and how many there are."""
    found = change_tasks(root, change)
    return sum(task.done for _, task in found), len(found)


def _last_modified(change: Path) -> float:
    """When any file of a change was written last, in whole milliseconds; the directory itself where it has none."""
    times = list(_times(change))
    if times:
        return max(times)
    try:
        return _milliseconds(change.stat())
    except OSError:
        return 0


def _times(directory: Path) -> Iterator[float]:
    try:
        inside = entries(directory)
    except OSError:
        return
    for entry in inside:
        if entry.is_dir(follow_symlinks=False):
            yield from _times(directory / entry.name)
        else:
            with suppress(OSError):  # a link to nowhere
                yield _milliseconds(entry.stat())


def _milliseconds(state: stat_result) -> float:
    seconds, nanoseconds = divmod(state.st_mtime_ns, 10**9)
    return math.floor(seconds * 1000 + nanoseconds / 1e6 + 0.5)


def listed_specs(root: Root) -> list[dict[str, Any]]:
    """The main specs, and how many requirements each has; one that cannot be read has none."""
    found = []
    for capability, path in spec_files(root.specs).items():
        try:
            count = len(read_main_spec(read(path)).requirements)
        except (OSError, NotASpec, PantherError):
            count = 0
        found.append({"id": capability, "requirementCount": count})
    return sorted(found, key=lambda spec: collation(str(spec["id"])))


# show -------------------------------------------------------------------------------------------------------------

_TITLE = compiled(r"^#\s+(?:Change:\s+)?(.+)", re.IGNORECASE | re.MULTILINE)
_NAMED = compiled(r"Requirement:\s*\S", re.IGNORECASE)
_SIMPLE = compiled(r"\s*-\s*\*\*([^*:]+)(?::\*\*|\*\*:)\s*(.+)$")
_WORDS = (
    ("RENAMED", re.compile(r"\brename(s|d|ing)?\b", re.ASCII)),
    ("ADDED", re.compile(r"\badd(s|ed|ing)?\b|\bcreate(s|d|ing)?\b|\bnew\b", re.ASCII)),
    ("REMOVED", re.compile(r"\bremove(s|d|ing)?\b|\bdelete(s|d|ing)?\b", re.ASCII)),
)


def change_as_json(root: Root, name: str) -> dict[str, Any]:
    """A change as the reference shows it. Raises `Missing`."""
    change = root.changes / name
    text = proposal_text(root, name)
    tree = sections(text)
    for title in ("Why", "What Changes"):
        found = section_named(title.lower(), tree)
        if found is None or not found.content:
            raise Missing(f"Change must have a {title} section")
    deltas = list(_deltas(change, tree))
    return {"id": name, "title": title_of(text, name), "deltaCount": len(deltas), "deltas": deltas}


def proposal_text(root: Root, name: str) -> str:
    """A change's proposal. Raises `Missing`."""
    path = root.changes / name / "proposal.md"
    try:
        return read(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        if not path.parent.is_dir():
            raise Missing(f'Change "{name}" not found at {path}') from error
        nested = nested_changes(root, name)
        if nested:
            raise Missing(about_nested(name, nested)) from error
        raise Missing(f'Change "{name}" has no proposal.md yet') from error
    except OSError as error:
        raise Missing(f"{path} cannot be read: {error.strerror}") from error


def title_of(text: str, name: str) -> str:
    """A proposal's title, or the change's name where it has none of its own."""
    found = _TITLE.search(by_lines(text))
    title = trimmed(found[1]) if found else ""
    return name if not title or title.lower() == "proposal" else title


def _deltas(change: Path, proposal: list[Section]) -> Iterator[dict[str, Any]]:
    texts = {capability: read(path) for capability, path in spec_files(change / "specs").items()}
    deltas = {capability: read_delta(text) for capability, text in texts.items()}
    if not any(delta.sections for delta in deltas.values()):
        yield from _told_in_words(proposal)
        return
    for capability, delta in deltas.items():
        for operation, word, found in (("ADDED", "Add", delta.added), ("MODIFIED", "Modify", delta.modified)):
            for block in found:
                yield from _shown(capability, operation, word, block)
        blocks = list(delta.removed_blocks)
        for name in delta.removed:
            at = next((at for at, block in enumerate(blocks) if block.name == name), None)
            block = Block(name, f"### Requirement: {name}", 0) if at is None else blocks.pop(at)
            yield from _shown(capability, "REMOVED", "Remove", block)
        for old, new in delta.renamed:
            yield {
                "spec": capability,
                "operation": "RENAMED",
                "description": f'Rename requirement from "{old}" to "{new}"',
                "rename": {"from": old, "to": new},
            }


def _shown(capability: str, operation: str, word: str, block: Block) -> Iterator[dict[str, Any]]:
    title = trimmed(block.header.removeprefix("###"))
    if not _NAMED.match(title):
        return
    section = sections("\n".join([f"### {title}", *block.lines[1:]]))[0]
    requirement = {
        "text": body(section.content.split("\n")) or title,
        "scenarios": [{"rawText": each.content} for each in section.children if each.content],
    }
    yield {
        "spec": capability,
        "operation": operation,
        "description": f"{word} requirement: {requirement['text']}",
        "requirement": requirement,
        "requirements": [requirement],
    }


def _told_in_words(proposal: list[Section]) -> Iterator[dict[str, Any]]:
    """The changes that a proposal lists, where there are no deltas: `- **capability:** what`."""
    section = section_named("what changes", proposal)
    for line in plain(section.content).split("\n") if section else ():
        found = _SIMPLE.match(line)
        if found:
            said = trimmed(found[2])
            operation = next((name for name, words in _WORDS if words.search(said.lower())), "MODIFIED")
            yield {"spec": trimmed(found[1]), "operation": operation, "description": said}


def spec_as_json(root: Root, capability: str, *, scenarios: bool = True, only: int | None = None) -> dict[str, Any]:
    """A main spec as the reference shows it; `only` one of its requirements, counted from 1. Raises `Missing`."""
    path = root.specs / capability / SPEC
    try:
        spec = read_main_spec(read(path))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Missing(f"Spec '{capability}' not found at {path}") from error
    except OSError as error:
        raise Missing(f"{path} cannot be read: {error.strerror}") from error
    except NotASpec as error:
        raise Missing(f"Spec must have a {error.section} section") from error
    found = [
        {"text": each.text, "scenarios": [{"rawText": text} for text in each.scenarios] if scenarios else []}
        for each in spec.requirements
    ]
    if only is not None:
        if not 0 < only <= len(found):
            raise Missing(f"Requirement {only} not found")
        found = [found[only - 1]]
    return {
        "id": capability,
        "title": capability,
        "overview": spec.purpose,
        "requirementCount": len(found),
        "requirements": found,
        "metadata": {"version": "1.0.0", "format": "openspec"},
    }


# status -----------------------------------------------------------------------------------------------------------


def status_as_json(root: Root, name: str, schema_name: str = "") -> dict[str, Any]:
    """How far the documents of a change are, as the reference tells it. Raises `Missing`."""
    change = root.changes / name
    nested = nested_changes(root, name)
    if nested:
        raise Missing(about_nested(name, nested))
    try:
        schema = schema_named(root, schema_name) if schema_name else schema_of(root, change)
        metadata = read_metadata(change)
        return _status(root, change, schema, skipping=bool(metadata and metadata.skip_specs))
    except (NoSchema, NotMetadata, Outside) as error:
        raise Missing(str(error)) from error
    except OSError as error:
        raise Missing(f"{change} cannot be read: {error.strerror}") from error


def _status(root: Root, change: Path, schema: Schema, *, skipping: bool) -> dict[str, Any]:
    existing = {artifact.id: outputs(change, artifact.generates) for artifact in schema.artifacts}
    states: dict[str, str] = {}
    listed = []
    for artifact in in_order(schema):
        missing = [name for name in artifact.requires if states[name] not in ("done", "skipped")]
        if existing[artifact.id]:
            state = "done"
        elif skipping and artifact.generates.startswith("specs/"):
            state = "skipped"
        else:
            state = "blocked" if missing else "ready"
        states[artifact.id] = state
        entry: dict[str, Any] = {
            "id": artifact.id,
            "outputPath": artifact.generates,
            "status": state,
            "requires": list(artifact.requires),
        }
        if state == "blocked":
            entry["missingDeps"] = missing
        listed.append(entry)
    complete = all(state in ("done", "skipped") for state in states.values())
    ready = next((name for name, state in states.items() if state == "ready"), None)
    if complete:
        following = [f"The documents are complete: `panther spec impl {change.name}` tells the next tasks."]
    else:
        following = [f"Write the {ready} of {change.name}."] if ready else []
    return {
        "changeName": change.name,
        "schemaName": schema.name,
        "planningHome": {
            "kind": "repo",
            "root": str(root.path),
            "changesDir": str(root.changes),
            "defaultSchema": BUILT_IN,
        },
        "changeRoot": str(change),
        "artifactPaths": {
            artifact.id: {
                "outputPath": artifact.generates,
                "resolvedOutputPath": str(change / artifact.generates),
                "existingOutputPaths": [str(path) for path in existing[artifact.id]],
            }
            for artifact in schema.artifacts
        },
        "isPlanningComplete": complete,
        "isComplete": complete,
        "applyRequires": list(schema.apply_requires),
        "nextSteps": following,
        "actionContext": {
            "mode": "repo-local",
            "sourceOfTruth": "repo",
            "planningArtifacts": [artifact.id for artifact in schema.artifacts],
            "linkedContext": [],
            "allowedEditRoots": [str(root.path)],
            "requiresAffectedAreaSelection": False,
            "constraints": ["What is planned and edited for a change of this repository stays within it."],
        },
        "artifacts": listed,
    }
