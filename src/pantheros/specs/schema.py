"""The schema of a change: which documents it has, in which order they are written, and which of them hold tasks."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from pantheros.specs.metadata import BUILT_IN, NotMetadata, read_metadata
from pantheros.specs.text import decoded
from pantheros.specs.tree import CONFIGS, Outside, Root, entries, read, utf16
from pantheros.specs.yaml import NotYaml, read_yaml


@dataclass(frozen=True)
class Artifact:
    """A document, or several of one pattern."""

    id: str
    generates: str
    """Its path below the change; may hold `*`, `**`, `?`, `[...]` and `{a,b}`."""
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """The documents of a change."""

    name: str
    artifacts: tuple[Artifact, ...]
    apply_requires: tuple[str, ...] = ()
    tracks: str | None = None
    own: bool = False
    """Whether the project has it, rather than the reference."""

    @property
    def tracked(self) -> str | None:
        """The pattern of the files that hold the tasks."""
        if self.tracks is not None:
            return next((each.generates for each in self.artifacts if each.generates == self.tracks), None)
        return next((each.generates for each in self.artifacts if each.id == "tasks"), None)


SPEC_DRIVEN = Schema(
    BUILT_IN,
    (
        Artifact("proposal", "proposal.md"),
        Artifact("specs", "specs/**/*.md", ("proposal",)),
        Artifact("design", "design.md", ("proposal",)),
        Artifact("tasks", "tasks.md", ("specs", "design")),
    ),
    ("tasks",),
    "tasks.md",
)


class NoSchema(ValueError):
    """A change's schema is not there, or cannot be read."""


def schema_names(root: Root) -> list[str]:
    """The names of the schemas that there are."""
    found = {BUILT_IN}
    for directory in _places(root):
        try:
            found |= {entry.name for entry in entries(directory) if (directory / entry.name / "schema.yaml").is_file()}
        except OSError:
            continue
    return sorted(found, key=utf16)


def _places(root: Root) -> tuple[Path, ...]:
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return (root.schemas, Path(data) / "openspec" / "schemas")


def schema_named(root: Root, name: str) -> Schema:
    """A schema of the project, of the user, or the one that is built in. Raises `NoSchema`."""
    for directory in _places(root):
        path = directory / name / "schema.yaml"
        if path.is_file():
            return _read(path)
    if name == BUILT_IN:
        return SPEC_DRIVEN
    raise NoSchema(f"there is no schema '{name}': {', '.join(schema_names(root))} are known")


def schema_of(root: Root, change: Path) -> Schema:
    """The schema of a change: as it says itself, else as the project does. Raises `NoSchema` and `NotMetadata`."""
    metadata = read_metadata(change)
    if metadata is not None and metadata.faults:
        raise NotMetadata(str(metadata.faults[0]))
    name = metadata.schema if metadata is not None else default_schema(root)
    return schema_named(root, name)


def default_schema(root: Root) -> str:
    """The name of the schema that changes have which do not name one."""
    for file in CONFIGS:
        try:
            data = read_yaml(read(root.path / "openspec" / file))
        except FileNotFoundError:
            continue
        except (OSError, NotYaml):
            break
        name = data.get("schema") if isinstance(data, dict) else None
        return name if isinstance(name, str) and name else BUILT_IN
    return BUILT_IN


def _read(path: Path) -> Schema:
    try:
        data = read_yaml(decoded(path.read_bytes()))
        listed = data["artifacts"]
        artifacts = tuple(
            Artifact(str(each["id"]), str(each["generates"]), tuple(map(str, each.get("requires") or ())))
            for each in listed
        )
        apply: dict[str, Any] = data.get("apply") or {}
        known = [artifact.id for artifact in artifacts]
        required = tuple(map(str, apply.get("requires") or ()))
        schema = Schema(str(data["name"]), artifacts, required, apply.get("tracks"), own=True)
    except (OSError, NotYaml) as error:
        raise NoSchema(f"{path} cannot be read: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise NoSchema(f"{path} is no schema: it needs a name, and artifacts with `id` and `generates`") from error
    if len(set(known)) != len(known):
        raise NoSchema(f"{path} has two artifacts of one id")
    asked = {name for artifact in artifacts for name in artifact.requires} | set(required)
    if unknown := sorted(asked - set(known)):
        raise NoSchema(f"{path} requires {', '.join(unknown)}, which it does not have")
    in_order(schema)
    return schema


def in_order(schema: Schema) -> list[Artifact]:
    """The artifacts, each after those that it requires. Raises `NoSchema` for a circle."""
    pending, done, found = list(schema.artifacts), set[str](), list[Artifact]()
    while pending:
        ready = [artifact for artifact in pending if done.issuperset(artifact.requires)]
        if not ready:
            raise NoSchema(f"the artifacts of {schema.name} require each other in a circle")
        found += ready
        done |= {artifact.id for artifact in ready}
        pending = [artifact for artifact in pending if artifact.id not in done]
    return found


# Which files there are -------------------------------------------------------------------------------------------

_MAGIC = re.compile(r"[*?\[{]")


def outputs(change: Path, pattern: str) -> list[Path]:
    """The files of a change that an artifact's pattern fits, links followed. Raises `Outside` for one that leads out of
    the change."""
    if not _MAGIC.search(pattern):
        path = change / pattern
        return [path.resolve()] if path.is_file() else []
    fits = _compiled(pattern)
    first = PurePosixPath(pattern).parts[0]
    if not _MAGIC.search(first) and (change / first).is_file():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(change / first))
    found = [path.resolve() for name, path in _files(change, change.resolve(), ()) if fits.fullmatch(name)]
    return sorted(found, key=lambda path: utf16(str(path)))


def _files(directory: Path, top: Path, names: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    for entry in entries(directory):
        if entry.name.startswith("."):
            continue
        path = directory / entry.name
        if path.is_dir():
            if entry.is_symlink() and not path.resolve().is_relative_to(top):
                raise Outside(f"the link {path} leads out of {top}")
            if not (entry.is_symlink() and top.is_relative_to(path.resolve())):  # else it would go on for ever
                yield from _files(path, top, (*names, entry.name))
        elif path.is_file():
            if entry.is_symlink() and not path.resolve().is_relative_to(top):
                raise Outside(f"the link {path} leads out of {top}")
            yield "/".join((*names, entry.name)), path


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("/".join(_step(part) for part in PurePosixPath(pattern).parts).replace("**/", "(?:[^/]+/)*"))


def _step(part: str) -> str:
    if part == "**":
        return part
    out, at, depth = "", 0, 0
    while at < len(part):
        char = part[at]
        at += 1
        if char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "[" and (end := part.find("]", at + 1)) != -1:
            inside = part[at:end]
            out += "[" + ("^" + inside[1:] if inside[0] in "!^" else inside).replace("\\", "\\\\") + "]"
            at = end + 1
        elif char == "{":
            out, depth = out + "(?:", depth + 1
        elif char == "}" and depth:
            out, depth = out + ")", depth - 1
        elif char == "," and depth:
            out += "|"
        else:
            out += re.escape(char)
    return out + ")" * depth
