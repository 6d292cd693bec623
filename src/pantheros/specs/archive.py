"""Archiving a change: its deltas are merged into the main specs, and it is moved into the archive.

All that can be refused is refused before anything is written; then everything is written together (`journal`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from pantheros.findings import PantherError
from pantheros.specs.changelog import Documented
from pantheros.specs.issues import Issue, valid
from pantheros.specs.journal import Busy, Move, Write, change_together, locked
from pantheros.specs.listing import progress
from pantheros.specs.merge import CannotMerge, Counts, Merge, merge, with_ends_of
from pantheros.specs.metadata import Declared, marker
from pantheros.specs.schema import schema_names
from pantheros.specs.text import by_lines, compiled, decoded
from pantheros.specs.tree import (
    ARCHIVE,
    SPEC,
    Root,
    about_nested,
    any_file,
    change_names,
    nested_changes,
    read,
    read_bytes,
    spec_files,
    stray_deltas,
)
from pantheros.specs.validate_change import delta_issues
from pantheros.specs.validate_spec import spec_issues

Outcome = Literal["write", "retire", "skip"]
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}-", re.ASCII)
_HAS_DELTA = compiled(r"^##\s+(ADDED|MODIFIED|REMOVED|RENAMED)\s+Requirements", re.IGNORECASE | re.MULTILINE)


class CannotArchive(PantherError):
    """A change cannot be archived; `code` is what programs know the reason by, `issues` are what is wrong with it."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        help: str = "",
        issues: Sequence[Issue] = (),
        others: Sequence[CannotArchive] = (),
    ) -> None:
        super().__init__(message, help=help)
        self.code = code
        self.issues = list(issues)
        self.others = list(others)
        """Further reasons, each of which would be one alone."""


@dataclass(frozen=True)
class Update:
    """What becomes of one main spec."""

    capability: str
    path: Path
    """The file itself, where a link leads to it."""
    before: bytes | None
    merged: Merge
    outcome: Outcome

    @property
    def after(self) -> bytes | None:
        """What the file is to hold; None where it is to go."""
        if self.outcome == "retire":
            return None
        text = self.merged.text
        return (text if self.before is None else with_ends_of(text, decoded(self.before))).encode()

    @property
    def changes(self) -> bool:
        """Whether anything is to be written."""
        return self.outcome == "retire" or (self.outcome == "write" and bool(self.merged.counts))


@dataclass
class Archiving:
    """One change on its way into the archive; the steps are to be taken in their order. Each raises `CannotArchive`."""

    root: Root
    name: str
    today: date
    checked: bool = True
    """Whether what is wrong with the change, or would be with the specs, keeps it from being archived."""
    updates: list[Update] = field(default_factory=list)
    refusal: str = ""
    """Why the deltas cannot be merged."""

    archived: str = ""
    """What it is called in the archive, where it is there already."""

    @property
    def change(self) -> Path:
        return self.root.archive / self.archived if self.archived else self.root.changes / self.name

    @property
    def archived_as(self) -> str:
        return self.name if _DATED.match(self.name) else f"{self.today:%Y-%m-%d}-{self.name}"

    @property
    def target(self) -> Path:
        return self.root.archive / self.archived_as

    @property
    def warnings(self) -> list[str]:
        """What to know of the merges."""
        found = [warning for update in self.updates for warning in update.merged.warnings]
        return found + [_retired(update.capability) for update in self.updates if update.outcome == "retire"]

    @property
    def counts(self) -> Counts:
        return sum((update.merged.counts for update in self.updates), Counts())

    def locate(self) -> None:
        """See that there is such a change, within the tree."""
        for directory, above in (
            (self.root.changes, self.root.path),
            (self.root.specs, self.root.path),
            (self.root.archive, self.root.changes),
        ):
            if not directory.resolve().is_relative_to(above.resolve()):
                message = f"{directory} leads out of {above}"
                raise CannotArchive("archive_path_outside_root", message)
        if self.change.is_symlink():
            message = f"'{self.name}' is a link"
            raise CannotArchive("archive_change_symlink", message, help="put the directory itself in its place")
        if not self.change.is_dir():
            known = change_names(self.root, hidden=True)
            others = f"open are {', '.join(known)}" if known else "none is open"
            raise CannotArchive("archive_change_not_found", f"there is no change '{self.name}': {others}")
        nested = nested_changes(self.root, self.name)
        if nested:
            raise CannotArchive("archive_change_is_namespace_folder", about_nested(self.name, nested))
        if self.name == ARCHIVE:
            raise CannotArchive("archive_error", f"'{ARCHIVE}' is where archived changes lie, and no change itself")
        specs = self.change / "specs"
        if specs.is_file() and not specs.is_symlink():
            raise CannotArchive("archive_error", f"{specs} is a file, not a directory")

    def validate(self) -> None:
        """See that nothing is wrong with the deltas."""
        if not self.checked or not self._has_deltas():
            return
        found = delta_issues(self.root, self.change)
        if not valid(found):
            raise CannotArchive(
                "archive_validation_failed",
                f"there are mistakes in the change '{self.name}'",
                help=f"`panther spec validate {self.name}` tells them; --no-validate archives it all the same",
                issues=[issue for issue in found if issue.level != "INFO"],
            )

    def _has_deltas(self) -> bool:
        specs = self.change / "specs"
        if (specs / SPEC).is_file() or any(stray_deltas(specs)):
            return True
        declared, invalid = self._marker("skip_specs")
        if invalid or (declared and any_file(specs)):
            return True
        try:
            return any(_HAS_DELTA.search(by_lines(read(path))) for path in spec_files(specs).values())
        except NotADirectoryError:
            return False

    def _marker(self, name: Literal["skip_specs", "retire_capabilities"]) -> Declared:
        return marker(self.change, name, schema_names(self.root))

    def open_tasks(self) -> int:
        done, total = progress(self.root, self.change)
        return total - done

    def aim(self) -> None:
        """See that its place in the archive is free."""
        if os.path.lexists(self.target):
            raise CannotArchive("archive_target_exists", f"'{self.archived_as}' is in the archive already")

    def merge(self) -> None:
        """Work out what becomes of the main specs; why that cannot be is kept for `proofread`."""
        self.updates, self.refusal = [], ""
        if (self.change / "specs").is_symlink():
            self.refusal = f"{self.change / 'specs'} is a link, and would lead elsewhere from the archive"
            return
        files = spec_files(self.change / "specs")
        seen: dict[Path, str] = {}
        for capability, path in files.items():
            target = (self.root.specs / capability / SPEC).resolve()
            if not target.is_relative_to(self.root.path.resolve()):
                self.refusal = f"{self.root.specs / capability} leads out of the project, to {target}"
                return
            if target in seen:
                self.refusal = f"{seen[target]} and {capability} are one file, {target}"
                return
            seen[target] = capability
            try:
                self.updates.append(self.update(capability, target, _content(target), path))
            except (CannotMerge, OSError) as error:
                self.refusal = str(error)
                return

    def update(self, capability: str, target: Path, before: bytes | None, delta: Path) -> Update:
        """What a delta makes of a main spec that holds `before`. Raises `CannotMerge` and `OSError`."""
        content = read_bytes(delta)
        _see_that_it_is_text(target, before or b"")
        _see_that_it_is_text(delta, content)
        text = None if before is None else decoded(before)
        merged = merge(decoded(content), text, capability, self.name)
        return Update(capability, target, before, merged, self._outcome(merged, before))

    def _outcome(self, merged: Merge, before: bytes | None) -> Outcome:
        """What becomes of a spec: without requirements it may be given up, where the change says so."""
        if not merged.empty or merged.unaccounted or not self.checked:
            return "write"
        if not self._marker("retire_capabilities").declared:
            return "write"
        errors = [issue for issue in spec_issues(merged.text) if issue.level == "ERROR"]
        if [issue.path for issue in errors] != ["requirements"]:
            return "write"
        if before is None:
            return "skip"
        return "retire" if merged.counts.removed else "write"

    def proofread(self) -> None:
        """See that the deltas can be merged, and that the specs are as they should be afterwards."""
        if self.refusal:
            help = "correct the deltas; no file was changed"
            raise CannotArchive("archive_spec_update_failed", self.refusal, help=help)
        for update in self.updates if self.checked else ():
            if update.outcome != "write":
                continue
            found = spec_issues(update.merged.text)
            if not valid(found):
                raise CannotArchive(
                    "archive_spec_validation_failed",
                    f"the spec {update.capability} would not be valid afterwards; no file was changed",
                    help=self._advice(update),
                    issues=[issue for issue in found if issue.level != "INFO"],
                )

    def _advice(self, update: Update) -> str:
        if not update.merged.empty:
            return f"correct the deltas, or {update.capability} itself"
        declared, invalid = self._marker("retire_capabilities")
        rest = update.merged.unaccounted
        if rest:
            more = f" and {len(rest) - 3} more lines" if len(rest) > 3 else ""
            shown = ", ".join(f'"{line[:200]}"' for line in rest[:3])
            return f"nothing but this would be left of it: {shown}{more}. Move it into the purpose or a requirement"
        if not declared:
            wrong = f" (what it says now does not count: {invalid})" if invalid else ""
            return f"to give the capability up, set `retire_capabilities: true` in .openspec.yaml{wrong}"
        return f"correct the deltas, or {update.capability} itself"

    def carry_out(self, more: Sequence[Write] = ()) -> Documented:
        """Write the specs (and `more`), and move the change; what came of listing it. Raises `CannotArchive` and
        `PantherError`, with nothing done."""
        writes = [Write(update.path, update.before, update.after) for update in self.updates if update.changes]
        writes += more
        move = Move(self.change, self.target)
        try:
            with locked(self.root):
                self.aim()
                return change_together(self.root, writes, move, keep=self.archived_as)
        except Busy as error:
            raise CannotArchive("archive_target_exists", error.message, help=error.help) from error
        except OSError as error:
            raise CannotArchive("archive_error", f"the change could not be archived: {error}") from error


def _retired(capability: str) -> str:
    path = f"openspec/specs/{capability}/{SPEC}"
    return f'{capability}: given up, and {path} is deleted; `git checkout HEAD -- "{path}"` brings it back'


def _see_that_it_is_text(path: Path, content: bytes) -> None:
    """Refuse what would not come out of the merge as it went in."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CannotMerge(f"{path} is not UTF-8 text (line {line}): nothing of it may be lost") from error


def _content(path: Path) -> bytes | None:
    try:
        return read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
