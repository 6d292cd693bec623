"""What is wrong with a change, before it is merged."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pantheros.specs.delta import Block, Delta, body, folded, has_keyword, name_of, read_delta, scenarios
from pantheros.specs.issues import Issue
from pantheros.specs.main_spec import parts
from pantheros.specs.merge import KEEP, CannotMerge, lost_scenarios, merge, quoted
from pantheros.specs.metadata import FILE, NotMetadata, marker
from pantheros.specs.schema import NoSchema, Schema, outputs, schema_names, schema_of
from pantheros.specs.tasks import Document, Slip, misnumbered, without_checkbox
from pantheros.specs.text import collation
from pantheros.specs.tree import (
    SPEC,
    NoFile,
    Root,
    about_nested,
    any_file,
    is_special,
    nested_changes,
    read,
    spec_files,
    stray_deltas,
)
from pantheros.specs.validate_spec import without_keyword

_NO_DELTA = (
    "the change has no delta: write a spec for each capability that it changes, such as specs/http-server/spec.md, with"
    ' requirements under headers such as "## ADDED Requirements", and a "#### Scenario:" under each. A change that'
    " changes no spec on purpose says `skip_specs: true` in .openspec.yaml"
)
_UNREADABLE = (errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)


def change_issues(root: Root, name: str) -> list[Issue]:
    """What is wrong with a change, in the reference's order. Raises `Outside` and `TooLarge`."""
    nested = nested_changes(root, name)
    if nested:
        return [Issue("ERROR", "file", about_nested(name, nested))]
    return [*_Change(root, root.changes / name).issues(), *task_issues(root, root.changes / name)]


def delta_issues(root: Root, change: Path) -> list[Issue]:
    """What of a change's deltas keeps it from being archived, without what the merge itself looks at."""
    return list(_Change(root, change, alone=True).issues())


@dataclass
class _Found:
    """What the deltas of a change come to."""

    entries: int = 0
    at_top: bool = False
    """Whether a delta lies where no capability is."""


class _Change:
    def __init__(self, root: Root, change: Path, *, alone: bool = False) -> None:
        self.root = root
        self.directory = change
        self.alone = alone
        """Whether the main specs are left out of account."""

    def issues(self) -> Iterator[Issue]:
        found = _Found()
        found_issues: list[Issue] = []
        empty: list[tuple[str, Delta]] = []
        lacking: list[str] = []
        specs = self.directory / "specs"
        with suppress(FileNotFoundError, NotADirectoryError):  # what is not there has no deltas
            self._deltas(specs, found, found_issues, empty, lacking)
        yield from found_issues
        strays = list(stray_deltas(specs))
        for path, belongs in strays:
            message = f"a delta is called spec.md, in the directory of its capability: move this to specs/{belongs}"
            yield Issue("ERROR", path, message)
        for path, delta in empty:
            headers = " and ".join(f"## {name} Requirements" for name in delta.sections)
            message = f'there is no requirement under {headers}: each begins with "### Requirement: "'
            yield Issue("ERROR", path, message)
        for path in lacking:
            message = 'there is no section of a delta, such as "## ADDED Requirements"; what is no delta lies elsewhere'
            yield Issue("ERROR", path, message)
        yield from self._skipping(specs, nothing=not (found.entries or found.at_top or strays))

    def _deltas(
        self,
        specs: Path,
        found: _Found,
        issues: list[Issue],
        empty: list[tuple[str, Delta]],
        lacking: list[str],
    ) -> None:
        files = spec_files(specs)
        texts: dict[str, str] = {}
        if (specs / SPEC).is_file():
            found.at_top = True
            message = "a delta lies in the directory of its capability, as in specs/backup/spec.md: this is left out"
            issues.append(Issue("ERROR", SPEC, message))
        for capability, path in files.items():
            try:
                texts[capability] = read(path)
            except NoFile as error:
                issues.append(Issue("ERROR", f"{capability}/{SPEC}", f"it cannot be read: {error.strerror}"))
                continue
            except OSError:
                continue
            delta = read_delta(texts[capability])
            at = f"{capability}/{SPEC}"
            issues += self._of_delta(capability, at, delta)
            found.entries += delta.entries
            if not delta.entries and delta.sections:
                empty.append((at, delta))
            elif not delta.entries:
                lacking.append(at)
        if self.alone:
            return
        done = {issue.path for issue in issues if issue.level == "ERROR"} | {at for at, _ in empty} | set(lacking)
        for capability, text in texts.items():
            at = f"{capability}/{SPEC}"
            if at not in done and (refusal := self._refusal(capability, text)):
                issues.append(Issue("INFO", at, f"this cannot be archived as things are: {refusal}"))

    def _refusal(self, capability: str, text: str) -> str:
        """Why a delta could not be merged now; "" where it could."""
        try:
            before: str | None = read(self.root.specs / capability / SPEC)
        except (FileNotFoundError, NotADirectoryError):
            before = None
        except OSError:
            return ""
        try:
            merge(text, before, capability, self.directory.name)
        except CannotMerge as error:
            return str(error)
        return ""

    def _of_delta(self, capability: str, at: str, delta: Delta) -> Iterator[Issue]:
        for header, section, line in delta.skipped:
            nameless = re.fullmatch("requirement:?", header, re.IGNORECASE | re.ASCII)
            what = "names no requirement" if nameless else 'is not "### Requirement: ...", and is passed over'
            yield Issue("INFO", at, f'"### {header}" under {section} {what}', line)
        for side, name, line in delta.unpaired:
            other = "TO" if side == "FROM" else "FROM"
            yield Issue("ERROR", at, f'the {side} of "{name}" has no {other} beside it', line)
        for name, orphan_section, line in delta.orphans:
            where = f'under "## {orphan_section}"' if orphan_section else "above the first section"
            said = f'"{name}" stands {where}, which is no section of a delta, and is left out'
            yield Issue("WARNING", at, said, line)
        for operation, blocks in (("ADDED", delta.added), ("MODIFIED", delta.modified)):
            yield from _of_blocks(at, operation, blocks)
        if delta.modified and not self.alone:
            yield from self._losses(capability, at, delta)
        yield from _of_names(at, delta)

    def _losses(self, capability: str, at: str, delta: Delta) -> Iterator[Issue]:
        """The scenarios that the main spec has, and a modified requirement leaves out."""
        path = self.root.specs / capability / SPEC
        try:
            now = {name_of(block.name): block for block in parts(read(path)).blocks}
        except OSError as error:
            if error.errno in _UNREADABLE:
                yield Issue("ERROR", at, f"{path}, which is to be modified, cannot be read: {error.strerror}")
            return
        before = {name_of(new): name_of(old) for old, new in delta.renamed}
        gone = {name_of(old) for old, _ in delta.renamed}
        for block in delta.modified:
            name: str | None = name_of(block.name)
            if name in gone:
                continue
            seen: set[str] = set()
            while name is not None and name not in now and name not in seen:
                seen.add(name)
                name = before.get(name)
            known = now.get(name) if name is not None else None
            lost = lost_scenarios(known, block) if known is not None else []
            if lost:
                yield Issue("ERROR", at, f'MODIFIED "{block.name}" leaves out {quoted(lost)}: {KEEP}')

    def _skipping(self, specs: Path, *, nothing: bool) -> Iterator[Issue]:
        declared, invalid = marker(self.directory, "skip_specs", schema_names(self.root))
        if invalid:
            yield Issue("ERROR", FILE, f"`skip_specs` does not count, since the metadata are not valid: {invalid}")
        with_files = declared and any_file(specs)
        if with_files:
            yield Issue("ERROR", "file", "`skip_specs` is set, and there are specs: take out the one or the others")
        if nothing and declared and not with_files:
            yield Issue("INFO", "file", "`skip_specs` is set: the change is to change no spec")
        elif nothing and not declared:
            yield Issue("ERROR", "file", _NO_DELTA)


def _of_blocks(at: str, operation: str, blocks: Sequence[Block]) -> Iterator[Issue]:
    seen: set[str] = set()
    for block in blocks:
        name, what = name_of(block.name), f'{operation} "{block.name}"'
        if name in seen:
            yield Issue("ERROR", at, f'"{block.name}" is twice under {operation}')
        seen.add(name)
        text = body(block.lines[1:])
        if not text:
            yield Issue("ERROR", at, without_keyword(what, block))
        elif not has_keyword(text):
            yield Issue("WARNING", at, without_keyword(what, block))
        found = scenarios(block)
        if not found.filled:
            without = ", except headers with nothing below" if found.names else ""
            yield Issue("ERROR", at, f'{what} has no scenario{without}: a header "#### Scenario: ..." and its steps')


def _of_names(at: str, delta: Delta) -> Iterator[Issue]:
    """What the names contradict each other in."""
    removed: dict[str, None] = {}
    for name in map(name_of, delta.removed):
        if name in removed:
            yield Issue("ERROR", at, f'"{name}" is twice under REMOVED')
        removed[name] = None
    old: set[str] = set()
    new: set[str] = set()
    for renaming in delta.renamed:
        for name, names, side in ((name_of(renaming.old), old, "FROM"), (name_of(renaming.new), new, "TO")):
            if name in names:
                yield Issue("ERROR", at, f'"{name}" is twice under RENAMED as {side}')
            names.add(name)
    added = dict.fromkeys(name_of(block.name) for block in delta.added)
    modified = dict.fromkeys(name_of(block.name) for block in delta.modified)
    for name in modified:
        for others, other in ((removed, "REMOVED"), (added, "ADDED")):
            if name in others:
                yield Issue("ERROR", at, f'"{name}" is both under MODIFIED and under {other}')
    for name in added:
        if name in removed:
            yield Issue("ERROR", at, f'"{name}" is both under ADDED and under REMOVED')
    for renaming in delta.renamed:
        if name_of(renaming.old) in modified:
            yield Issue("ERROR", at, f'what is renamed is modified by its new name, "{renaming.new}"')
        if name_of(renaming.new) in added:
            yield Issue("ERROR", at, f'"{renaming.new}" is both added and what another is renamed to')
        if any(folded(name) == folded(name_of(renaming.old)) for name in removed):
            yield Issue("ERROR", at, f'"{renaming.old}" is both renamed and removed')


# Tasks ------------------------------------------------------------------------------------------------------------


def tracked_documents(change: Path, schema: Schema | None) -> list[Document]:
    """The files that hold a change's tasks; those that cannot be read are left out."""
    pattern = schema.tracked if schema is not None else None
    top = change.resolve()
    found = []
    for path in outputs(change, pattern) if pattern else ():
        try:
            name = path.relative_to(top).as_posix() if path.is_relative_to(top) else path.name
            found.append(Document(name, read(path), path))
        except OSError:
            continue
    return sorted(found, key=lambda document: collation(document.path))


def task_issues(root: Root, change: Path) -> Iterator[Issue]:
    """What is probably not meant in a change's tasks."""
    try:
        schema: Schema | None = schema_of(root, change)
    except (NoSchema, NotMetadata):
        schema = None
    try:
        documents = tracked_documents(change, schema)
        pattern = schema.tracked if schema is not None else None
        if pattern and not documents and is_special(change / pattern):
            yield Issue("WARNING", pattern, "it is no regular file, so this change has no tasks")
    except OSError:
        return
    slips: list[Slip] = list(without_checkbox(documents))
    if schema is not None and not schema.own:
        slips += misnumbered(documents)
    for path, line, message in slips:
        yield Issue("WARNING", path, message, line)
