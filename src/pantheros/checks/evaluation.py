"""What Nix itself says: each host of the flake evaluated, and its errors told where the fleet is at fault.

Nix names files of the flake and options of NixOS. A file that was copied is the fleet's own; of any other, the line
tells the setting, and a setting tells who made it (`HostView.place`).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import tree_sitter_nix
from tree_sitter import Language, Node

from pantheros.checks.packages import named_in
from pantheros.checks.view import HostView, Names, Place
from pantheros.findings import Finding, Origin, PantherError, Severity
from pantheros.fleet.secrecy import names_a_secret
from pantheros.nix.command import Evaluated, evaluate
from pantheros.nix.values import split_path
from pantheros.source import Source
from pantheros.synth.build import Built
from pantheros.synth.layout import COPIES
from pantheros.synth.merged import EVERY_HOST, Merged
from pantheros.synth.tree import Tree, Wanted

_EACH = 1500
"""Megabytes that the evaluation of one host takes, at least."""
_LANGUAGE = Language(tree_sitter_nix.language())
_PLACE = re.compile(
    r"at «?(?:[^\s«»]*?/)??(?P<file>(?:hosts|files)/[^\s«»]*?|flake\.nix)»?:(?P<line>\d+):(?P<column>\d+)"
)
_FROM = re.compile(r"definitions? from `[^']*?/(?P<file>(?:hosts|files)/[^']*|flake\.nix)'")
_SET_IN = re.compile(r"[Ii]n `[^']*?/(?P<file>(?:hosts|files)/[^']*|flake\.nix)'")
_OPTION = re.compile(r"[Oo]ption(?: path)? [`'\"‘](?P<name>[^'`’]+)['’]")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAME = re.compile(r"[a-zA-Z][\w-]*(?:\.(?:\"[^\"]*\"|[\w<>-]+))+")
_MISSING = re.compile(r"attribute '([^']+)' missing")
_STORE = re.compile(r"/[^\s`'«»:]*/[a-z0-9]{32}-source/")


@dataclass(frozen=True, slots=True)
class OfHost:
    """How the evaluation of one host went."""

    host: str
    evaluated: Evaluated
    findings: tuple[Finding, ...] = ()


def evaluated(
    built: Built,
    lock: Path,
    view: Callable[[str], HostView],
    overrides: Sequence[tuple[str, str]] = (),
    *,
    memory: int | None = None,
    told: Callable[[OfHost], None] = lambda result: None,
) -> list[OfHost]:
    """Evaluate every host of a flake that was built; `told` hears of each when it is done.

    `lock` is where a `flake.lock` may lie. As many run at a time as processors and `memory` (megabytes; what is free,
    where left out) allow. Raises `PantherError` where the flake itself cannot be evaluated.
    """
    with tempfile.TemporaryDirectory(prefix="panther-") as directory:
        flake = Path(directory) / "flake"
        tree = Tree(flake, str(flake))
        tree.apply(tree.plan(built.files), built.files)
        if lock.is_file():
            shutil.copy(lock, flake / "flake.lock")
        names = [part.name for part in built.hosts]

        def one(name: str) -> OfHost:
            attribute = f'nixosConfigurations."{name}".config.system.build.toplevel.drvPath'
            return OfHost(name, evaluate(flake, attribute, overrides))

        results = []
        with ThreadPoolExecutor(_at_a_time(memory)) as pool:
            for result in pool.map(one, names):
                translation = _Translation(view(result.host), built.files)
                found = OfHost(result.host, result.evaluated, tuple(_findings(result, translation)))
                told(found)
                results.append(found)
    return results


def _at_a_time(memory: int | None) -> int:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, (memory or _free_memory()) // _EACH))


def _free_memory() -> int:
    """Megabytes that programs may have; a guess where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) // 1024
    except OSError:
        pass
    return 4 * _EACH


# Translating --------------------------------------------------------------------------------------------------


def _findings(result: OfHost, translation: _Translation) -> Iterator[Finding]:
    host = translation.view
    if result.evaluated.ok:
        for warning in warnings(result.evaluated.errors):
            if warning.startswith("the flag '"):
                # About the command line, not about a host.
                yield Finding("nix-warning", warning, "warning")
                continue
            place = translation.place("", warning)
            yield _said("nix-warning", host, warning, place, "warning")
        return
    trace, error = split_error(result.evaluated.errors)
    if not error:
        raise PantherError(f"nix did not evaluate {result.host}, and said nothing", help="run it again by hand")
    for message in messages(error):
        yield _said("nix-error", host, message, translation.place(trace, message), "error")


def _said(code: str, view: HostView, message: str, place: Place, severity: Severity) -> Finding:
    named = [split(name) for name in _OPTION.findall(message)]
    private = any(path and names_a_secret(path[-1]) for path in named)
    if private:
        message = _QUOTED.sub('"(hidden)"', message)
    first, _, rest = message.partition("\n")
    finding = view.finding(code, first.removesuffix(" Definition values:"), place, severity=severity)
    return replace(finding, text=_dedented(rest), private=private)


def warnings(said: str) -> list[str]:
    """The warnings of an evaluation, each with the lines that belong to it."""
    found = re.split(r"^(?:trace: )?(?:evaluation )?warning: ", said, flags=re.MULTILINE)[1:]
    ours = [text.strip() for text in found]
    return [text for text in ours if not text.startswith(("Git tree", "not writing", "updating lock", "creating lock"))]


def split_error(said: str) -> tuple[str, str]:
    """The trace that leads to an error, and what the error is; Nix tells the innermost last (2.8: first)."""
    parts = re.split(r"^\s*error:", _STORE.sub("", said), flags=re.MULTILINE)
    if len(parts) < 2:
        return "", said.strip()
    last = parts[-1]
    message, arrow, rest = last.partition("\n       … ")
    return "".join(parts[:-1]) + arrow + rest, _dedented(message)


def _dedented(text: str) -> str:
    lines = [line.rstrip() for line in text.strip().split("\n")]
    return "\n".join(line.removeprefix("       ") for line in lines).strip()


def messages(error: str) -> list[str]:
    """The single complaints of an error: each assertion that failed is one."""
    _, found, rest = error.partition("Failed assertions:")
    if not found:
        return [error]
    parts = re.split(r"^- ", rest.strip(), flags=re.MULTILINE)
    return [part.strip() for part in parts if part.strip()] or [error]


@dataclass(frozen=True)
class _Translation:
    """Finds the places in the fleet for what Nix says of one host."""

    view: HostView
    files: Mapping[str, Wanted]
    """The files of the flake."""

    def place(self, trace: str, message: str) -> Place:
        """Where the fleet is at fault for something that Nix said."""
        for said in (message, trace):
            for found in reversed(list(_PLACE.finditer(said))):
                place = self._of_file(found["file"], int(found["line"]), int(found["column"]), message)
                if place is not None:
                    return place
            names = list(map(split, _OPTION.findall(said)))
            copied = self._of_copy(said, names)
            if copied is not None:
                return copied
            for path in [*names, *map(split, _NAME.findall(said))] if said is message else reversed(names):
                place = self._of_option(path)
                if place is not None:
                    return place
        copies = (file for file in _FROM.findall(message + trace) if file.startswith(f"{COPIES}/"))
        copy = next(copies, None)
        return Place(Origin(copy.removeprefix(f"{COPIES}/"), 1, 1, 1, 1)) if copy else Place(None)

    def _of_file(self, file: str, line: int, column: int, message: str) -> Place | None:
        """The place for a line of the flake: of a copied file the same, of ours that of the setting."""
        if file.startswith(f"{COPIES}/"):
            return Place(Origin(file.removeprefix(f"{COPIES}/"), line, column, line, column + 1))
        wanted = self.files.get(file)
        text = wanted.content.decode() if wanted is not None and wanted.content is not None else ""
        path = setting_at(text, line)
        missing = _MISSING.match(message)
        return self._of_option(path, missing[1] if missing else "") if path else None

    def _of_copy(self, said: str, options: Sequence[Names]) -> Place | None:
        """The place in a copied file that an option is said to be set in, where nothing of ours sets it, too."""
        files = [found["file"] for found in _SET_IN.finditer(said)]
        copy = next((file for file in files if file.startswith(f"{COPIES}/")), None)
        option = options[0] if options else ()
        if copy is None or len(files) > 1 or not option:
            return None
        wanted = self.files.get(copy)
        text = wanted.content.decode(errors="replace") if wanted is not None and wanted.content is not None else ""
        row, column = place_of(text, option[-1])
        return Place(Origin(copy.removeprefix(f"{COPIES}/"), row, column, row, column + len(option[-1])))

    def _of_option(self, path: Names, package: str = "") -> Place | None:
        """The place of what sets an option, or some of what lies below it or around it; or of a package that it
        names."""
        settings: Merged = self.view.system
        person = None
        if path[:2] == ("home-manager", "users") and len(path) > 2 and path[2] in self.view.homes:
            person, settings, path = path[2], self.view.homes[path[2]], path[3:]
        # What is missing has no place; what wants it has: mostly what switched a service on.
        above = [(*path[:length], "enable") for length in range(len(path) - 1, 1, -1)]
        around = [path, *([path[:-1]] if len(path) > 3 else []), *above]
        found = next(
            (at for part in around for at in settings if at[: len(part)] == part or part[: len(at)] == at), None
        )
        if not path or found is None:
            return None
        written = [definition for definition in settings[found].definitions if definition.by != EVERY_HOST]
        # What the user wrote himself is nearer to him than what a module made.
        written.sort(key=lambda definition: definition.module is not None)
        for definition in written:
            for inside, name in named_in(definition.value) if package else ():
                if package in name.split("."):
                    return self.view.place(person, found, definition, inside)
        return self.view.place(person, found, written[0]) if written else None


def split(name: str) -> Names:
    """The names in an option that Nix speaks of; none where that is no path."""
    try:
        return split_path(name)
    except ValueError:
        return ()


def setting_at(text: str, line: int) -> Names | None:
    """The path of the setting on a line of a Nix file that was generated."""
    node: Node | None = Source("", text, _LANGUAGE).root
    path: list[str] = []
    while node is not None:
        if node.type == "binding":
            attributes = node.child_by_field_name("attrpath")
            for attribute in attributes.named_children if attributes is not None else ():
                written = attribute.text or b""
                path += split_path(written.decode()) if attribute.type != "interpolation" else []
        node = next((child for child in node.named_children if _covers(child, line)), None)
    return tuple(path) or None


def place_of(text: str, name: str) -> tuple[int, int]:
    """The line and the column where a Nix file assigns an attribute of a name; its beginning where it does not."""
    pending = [Source("", text, _LANGUAGE).root]
    while pending:
        node = pending.pop()
        if node.type == "attrpath":
            for attribute in node.named_children:
                if (attribute.text or b"").decode().strip('"') == name:
                    line = text.split("\n")[attribute.start_point.row]
                    before = line.encode()[: attribute.start_point.column].decode(errors="replace")
                    return attribute.start_point.row + 1, len(before) + 1
        pending += reversed(node.named_children)
    return 1, 1


def _covers(node: Node, line: int) -> bool:
    return node.start_point.row < line <= node.end_point.row + 1
