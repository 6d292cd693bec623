"""The modules that exist, and their code once somebody needs it.

The library is the directory `pantheros/modules`, what installed packages offer under the entry point
`pantheros.modules`, and the fleet's own `modules/`. Names come from the directory listing alone; a module is
imported when a fleet names it, so that start-up does not grow with the library. Files and folders whose name begins
with `_` are no modules but parts of one: `_git/` holds what `git.py` is made of.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from pantheros.findings import BrokenModule, Finding, Origin, nearest
from pantheros.module import Input, ModuleOptions
from pantheros.nix.words import shown as shown_value

BUILT_IN = "pantheros.modules"
FAILURES = (Exception, SystemExit)
"""What a module's code may fail with, and no more than the module."""
_FUNCTIONS = ("defaults", "nixos", "home", "resources", "findings", "without")


@dataclass
class Module:
    """One `pantherOS.<namespace>.<name>` capability."""

    name: str
    """Its option path below `pantherOS`: `development.git`."""
    path: Path
    """Its source file."""
    shown_path: str
    """The same for people: relative to the fleet, or to the package."""
    import_name: str
    own: bool = False
    """Whether it is one of the fleet's own."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.name.split("."))

    @cached_property
    def code(self) -> ModuleType:
        """The imported module. Raises `BrokenModule` where it cannot be had."""
        try:
            code = _import(self.import_name, self.path)
        except FAILURES as error:
            raise BrokenModule(self.broken(error)) from error
        options = getattr(code, "Options", None)
        if not (isinstance(options, type) and issubclass(options, ModuleOptions)):
            message = f"{self.shown_path} defines no `class Options(ModuleOptions)`"
            raise BrokenModule(Finding("broken-module", message, origin=Origin(self.shown_path, 1, 1, 1, 1)))
        if self.own:
            self._check(code, options)
        return code

    def _check(self, code: ModuleType, options: type[ModuleOptions]) -> None:
        """What the tests see to for our own modules."""
        try:
            options.model_json_schema(by_alias=True)
            options.model_construct().model_dump(by_alias=True)
            if not all(isinstance(found, Input) for found in getattr(code, "INPUTS", ())):
                raise TypeError("`INPUTS` is a tuple of `Input`")
        except FAILURES as error:
            raise BrokenModule(self.broken(error, "cannot be used")) from error

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Every option's own default, as a user would write it."""
        return self.options.model_construct().model_dump(by_alias=True)

    @property
    def options(self) -> type[ModuleOptions]:
        return self.code.Options  # type: ignore[no-any-return]  # `code` has seen to it

    def function(self, name: str) -> Callable[..., Any] | None:
        return getattr(self.code, name, None)

    @property
    def inputs(self) -> tuple[Input, ...]:
        return tuple(getattr(self.code, "INPUTS", ()))

    @property
    def summary(self) -> str:
        """The first sentence of its docstring."""
        return (inspect.getdoc(self.code) or "").split("\n\n")[0].replace("\n", " ")

    def broken(self, error: BaseException, doing: str = "cannot be loaded", line: int | None = None) -> Finding:
        """A finding for an exception out of this module's code: at the deepest of its lines in the traceback, or at
        `line` where it is in none."""
        line, column = line or 1, 1
        if isinstance(error, SyntaxError) and error.filename == str(self.path):
            line, column = error.lineno or 1, error.offset or 1
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename == str(self.path):
                line = frame.lineno or 1
        reason = str(error).split("\n")[0] or type(error).__name__
        return Finding(
            "broken-module",
            f"the module {self.name} {doing}: {type(error).__name__}: {reason}",
            origin=Origin(self.shown_path, line, column, line, column),
            help="this is a mistake in the module's code, not in what you set",
        )


class Library:
    """Every module a fleet may use, by name."""

    def __init__(self, fleet_root: Path | None = None) -> None:
        self.modules: dict[str, Module] = {}
        self.findings: list[Finding] = []
        package = importlib.import_module(BUILT_IN)
        for path in package.__path__:
            self._add(Path(path), BUILT_IN, "pantheros/modules")
        for package_name, directory in _installed():
            self._add(directory, package_name, package_name.replace(".", "/"))
        if fleet_root is not None and (fleet_root / "modules").is_dir():
            self._add(fleet_root / "modules", "", "modules", own=True)
        self._by_options: dict[type[ModuleOptions], Module] = {}

    @staticmethod
    def installed() -> list[Path]:
        """The directories of modules that other installed packages bring."""
        return [directory for _, directory in _installed()]

    def _add(self, directory: Path, package: str, shown: str, *, own: bool = False) -> None:
        for path in sorted(directory.rglob("*.py")):
            relative = path.relative_to(directory)
            names = relative.with_suffix("").parts
            if any(name.startswith(("_", ".")) for name in names):
                continue  # what a module keeps for itself
            name = ".".join(map(option_name, names))
            import_name = f"_fleet_modules.{abs(hash(str(path)))}" if own else ".".join((package, *names))
            origin = Origin(f"{shown}/{relative.as_posix()}", 1, 1, 1, 1)
            if not all(part.isidentifier() for part in names):
                message = f"{shown_value(relative.name)} is no name for a module: it takes letters, digits and `_`"
                self.findings.append(Finding("invalid-name", message, origin=origin, help="give the file another name"))
                continue
            other = self._clashing(name) if own else None
            if other is not None:
                what = "exists already" if other.name == name else f"and {other.name} cannot both be modules"
                self.findings.append(
                    Finding(
                        "duplicate-module",
                        f"the module {name} {what}: {other.shown_path}",
                        origin=origin,
                        help="give the file another name",
                    )
                )
                continue
            self.modules[name] = Module(name, path, f"{shown}/{relative.as_posix()}", import_name, own)

    def _clashing(self, name: str) -> Module | None:
        """A module of that name, or one whose options would lie among those of the other."""
        found = (other for other in self.modules if f"{name}.".startswith(f"{other}.") or other.startswith(f"{name}."))
        return next((self.modules[other] for other in found), None)

    @cached_property
    def tree(self) -> dict[str, Any]:
        """Modules as nested tables, as options name them: `tree["development"]["git"]`."""
        tree: dict[str, Any] = {}
        for module in self.modules.values():
            *above, last = module.names
            below = tree
            for name in above:
                below = below.setdefault(name, {})
            below[last] = module
        return tree

    def of(self, options: type[ModuleOptions]) -> Module:
        """The module that a class of options belongs to."""
        found = self._by_options.get(options)
        if found is None:
            found = next(
                m for m in self.modules.values() if m.import_name == options.__module__ and m.options is options
            )
            self._by_options[options] = found
        return found

    def named_by(self, assignments: dict[str, Any]) -> Iterator[tuple[Module | None, tuple[str, ...]]]:
        """The modules that a `pantherOS` table names; None with the path of a name that is no module."""
        pending: list[tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = [(self.tree, assignments, ())]
        while pending:
            tree, values, above = pending.pop()
            for name, value in values.items():
                found = tree.get(name)
                path = (*above, name)
                if isinstance(found, Module):
                    yield found, path
                elif found is not None and isinstance(value, dict):
                    pending.append((found, value, path))
                else:
                    yield None, path

    def nearest(self, path: tuple[str, ...]) -> str | None:
        """The module that `path` was most likely meant to name; None when nothing is close."""
        tree: Any = self.tree
        for depth, name in enumerate(path):
            if name not in tree:
                guess = nearest(name, tree)
                meant = ".".join((*path[:depth], guess or name, *path[depth + 1 :]))
                if meant in self.modules or (guess and depth == len(path) - 1):
                    return meant
                break
            tree = tree[name]
            if isinstance(tree, Module):
                break
        # Perhaps only the namespace is wrong, or missing.
        last = {module.rpartition(".")[2]: module for module in self.modules}
        guess = nearest(path[-1], last)
        return last[guess] if guess else None


@cache
def _installed() -> tuple[tuple[str, Path], ...]:
    """Packages that bring modules, by their entry point, and the directories of those."""
    return tuple(
        (entry.value, Path(directory))
        for entry in entry_points(group=BUILT_IN)
        if (spec := importlib.util.find_spec(entry.value)) is not None
        for directory in spec.submodule_search_locations or ()
    )


def option_name(file_name: str) -> str:
    """A file's name as options write it: `load_balancer` is `loadBalancer`."""
    first, *rest = file_name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _import(import_name: str, path: Path) -> ModuleType:
    if not import_name.startswith("_fleet_modules."):
        return importlib.import_module(import_name)
    module = ModuleType(import_name)
    module.__file__ = str(path)
    sys.modules[import_name] = module
    try:
        # Compiled anew each time: Python's own cache would litter the fleet, and miss edits within a second.
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[import_name]
        raise
    return module
