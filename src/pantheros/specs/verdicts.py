"""The verdict on every change and every spec of a tree."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pantheros.findings import PantherError
from pantheros.specs.cache import Cache, Keys
from pantheros.specs.issues import Issue, valid
from pantheros.specs.listing import progress
from pantheros.specs.text import collation, decoded
from pantheros.specs.tree import Kind, Root, archived_names, change_names, read_bytes, spec_files
from pantheros.specs.validate_change import change_issues
from pantheros.specs.validate_spec import spec_issues

_LAST = 5
"""Of a change and a spec of one name the reference tells the spec first where the change is among the last so many."""


@dataclass
class Item:
    """What is wrong with one change or spec."""

    id: str
    type: Kind
    issues: list[Issue] = field(default_factory=list)
    milliseconds: int = 0

    def valid(self, *, strict: bool = False) -> bool:
        return valid(self.issues, strict=strict)

    def as_json(self, *, strict: bool = False) -> dict[str, Any]:
        """The item as the reference writes it."""
        return {
            "id": self.id,
            "type": self.type,
            "valid": self.valid(strict=strict),
            "issues": [issue.as_json() for issue in self.issues],
            "durationMs": self.milliseconds,
        }


def summary(items: Iterable[Item], kinds: Iterable[Kind], *, strict: bool = False) -> dict[str, Any]:
    """How many items there are, and how many of them pass, as the reference writes it."""
    items = list(items)

    def counts(of: list[Item]) -> dict[str, int]:
        passed = sum(item.valid(strict=strict) for item in of)
        return {"items": len(of), "passed": passed, "failed": len(of) - passed}

    return {
        "totals": counts(items),
        "byType": {kind: counts([item for item in items if item.type == kind]) for kind in kinds},
    }


def all_items(root: Root, kinds: Iterable[Kind]) -> list[Item]:
    """Every open change, and every spec, in the reference's order. Raises `Outside` for a main spec that is a link out
    of the tree."""
    kinds = set(kinds)
    cache = Cache(root)
    keys = Keys(root)
    names = change_names(root) if "change" in kinds else []
    found = [_change(root, name, cache, keys) for name in sorted(names)]
    late = set(sorted(names)[-_LAST:])
    if "spec" in kinds:
        found += [_spec(capability, path, cache, keys) for capability, path in spec_files(root.specs).items()]
    cache.save(whole=kinds == {"change", "spec"})
    return sorted(found, key=lambda item: (collation(item.id), item.type == ("change" if item.id in late else "spec")))


def one_change(root: Root, name: str) -> Item:
    """The verdict on one change. Raises `Outside` and `TooLarge`."""
    return _timed(name, "change", lambda: change_issues(root, name))


def one_spec(root: Root, capability: str) -> Item:
    """The verdict on one main spec."""

    def issues() -> list[Issue]:
        path = root.specs / capability / "spec.md"
        try:
            return spec_issues(decoded(read_bytes(path)))
        except OSError as error:
            return [Issue("ERROR", "file", f"{path} cannot be read: {error.strerror}")]

    return _timed(capability, "spec", issues)


def _timed(id: str, type: Kind, issues: Callable[[], list[Issue]]) -> Item:
    started = time.perf_counter()
    found = issues()
    return Item(id, type, found, round((time.perf_counter() - started) * 1000))


def _change(root: Root, name: str, cache: Cache, keys: Keys) -> Item:
    def issues() -> list[Issue]:
        key = keys.change(name)
        known = cache.get(key)
        if known is not None:
            return known
        try:
            found = change_issues(root, name)
        except (OSError, PantherError) as error:
            found = [Issue("ERROR", "file", str(error))]
        cache.put(key, found)
        return found

    return _timed(name, "change", issues)


def _spec(capability: str, path: Any, cache: Cache, keys: Keys) -> Item:
    def issues() -> list[Issue]:
        try:
            content = read_bytes(path)
        except OSError as error:
            return [Issue("ERROR", "file", f"{path} cannot be read: {error.strerror}")]
        key = keys.spec(content)
        known = cache.get(key)
        if known is None:
            known = spec_issues(decoded(content))
            cache.put(key, known)
        return known

    return _timed(capability, "spec", issues)


def archived_items(root: Root) -> list[Item]:
    """The changes in the archive: what of their tasks is open."""
    return [_timed(name, "change", partial(_open_tasks, root, name)) for name in archived_names(root)]


def _open_tasks(root: Root, name: str) -> list[Issue]:
    done, total = progress(root, root.archive / name)
    if done == total:
        return []
    return [Issue("ERROR", "tasks.md", f"{total - done} of {total} tasks open, {done} done")]
