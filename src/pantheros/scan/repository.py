"""A repository of NixOS machines, as its files have it: modules, hosts, documents, tests, and what refers to what."""

from __future__ import annotations

import os
import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pantheros.findings import PantherError
from pantheros.git import all_files, is_repository, tracked_and_new
from pantheros.scan import cache
from pantheros.scan.facts import SOME, Facts, Named, Reference
from pantheros.scan.nix_file import read
from pantheros.synth.parallel import in_parallel
from pantheros.synth.tree import MANIFEST

Layer = Literal["nixos", "home-manager", "shared", "other"]

_LAYERS: dict[str, Layer] = {
    "nixos": "nixos",
    "system": "nixos",
    "home-manager": "home-manager",
    "home": "home-manager",
    "hm": "home-manager",
    "homeManager": "home-manager",
    "homemanager": "home-manager",
    "shared": "shared",
    "common": "shared",
}
_LARGEST = 4 * 2**20
"""Bytes of the largest Nix file that is read: no person wrote a larger one."""
_WORTH_A_PROCESS = 250
"""Files that take longer to read than a process takes to start."""


@dataclass(frozen=True)
class Module:
    """A `.nix` file under `modules/`."""

    path: str
    layer: Layer
    category: str
    """The directory below the layer's, "" for a file that lies in it directly."""
    facts: Facts


@dataclass(frozen=True)
class Repository:
    """What lies in a directory. All paths are relative to it, with slashes."""

    root: Path
    files: tuple[str, ...]
    nix: Mapping[str, Facts]
    """By path: what the Nix files say; a broken one says nothing but that."""
    unreadable: Mapping[str, str]
    """Files that could not be read, with the reason."""
    imported_elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By file that is no Nix, as a fleet's: the Nix files that it imports."""

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """In the order of their paths."""
        return tuple(self._modules())

    def _modules(self) -> Iterator[Module]:
        top = any(path.startswith("modules/") for path in self.nix)
        for path, facts in self.nix.items():
            parts = path.split("/")
            if "modules" not in parts[:-1] or (top and parts[0] != "modules") or is_sample(path):
                continue
            below = parts[parts.index("modules") + 1 : -1]
            around = parts[: parts.index("modules")]
            layer: Layer = "other"
            if below and below[0] in _LAYERS:
                layer = _LAYERS[below.pop(0)]
            else:
                layer = next((_LAYERS[part] for part in reversed(around) if part in _LAYERS), "other")
            yield Module(path, layer, below[0] if below else "", facts)

    @cached_property
    def broken(self) -> dict[str, str]:
        """The Nix files that Nix could not read, with the reason, and those that we could not."""
        found = {path: facts.broken for path, facts in self.nix.items() if facts.broken}
        return dict(sorted({**found, **self.unreadable}.items()))

    @cached_property
    def docs(self) -> tuple[str, ...]:
        """Every file under `docs/`."""
        return tuple(path for path in self.files if path.startswith("docs/"))

    @cached_property
    def tests(self) -> tuple[str, ...]:
        """The files of tests and checks."""
        return tuple(path for path in self.files if _is_test(path))

    @cached_property
    def ci(self) -> tuple[str, ...]:
        """What tells a service what to build and test."""
        return tuple(path for path in self.files if any(fnmatchcase(path, pattern) for pattern in _CI))

    @cached_property
    def scripts(self) -> tuple[str, ...]:
        """Programs that people run from the repository."""
        return tuple(path for path in self.files if _is_script(path))

    @cached_property
    def flake(self) -> Facts | None:
        """The `flake.nix` at the top, if there is one, with the outputs that flake-parts' modules bring."""
        facts = self.nix.get("flake.nix")
        if facts is None:
            return None
        outputs = {output.name: output for output in facts.outputs}
        for path in self.closure(["flake.nix"]):
            for setting in self.nix[path].settings:
                where, _, below = setting.path.partition(".")
                name = below.partition(".")[0]
                if where in ("flake", "perSystem") and name and not name.startswith("_") and name != "modules":
                    outputs.setdefault(name, Named(name, setting.line))
            for configuration in self.nix[path].configurations:
                outputs.setdefault(configuration.output, Named(configuration.output, configuration.line))
        return replace(facts, outputs=tuple(outputs.values()))

    @cached_property
    def secrets(self) -> dict[str, list[tuple[str, int]]]:
        """The secrets that are referred to, each with the files and lines."""
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for path, facts in self.nix.items():
            for secret in facts.secrets:
                found[secret.name].append((path, secret.line))
        return dict(sorted(found.items()))

    # What refers to what --------------------------------------------------------------------------------------------

    @cached_property
    def _directories(self) -> dict[str, list[str]]:
        """The Nix files below each directory."""
        found: dict[str, list[str]] = defaultdict(list)
        for path in self.nix:
            directory = posixpath.dirname(path)
            while directory:
                found[directory].append(path)
                directory = posixpath.dirname(directory)
            found[""].append(path)
        return found

    def leads_to(self, file: str, reference: Reference, host: str = "") -> list[str]:
        """The Nix files that a path in a file stands for: itself, a directory's `default.nix`, or, where a function
        may read a whole directory, all below it. Of a path that is computed, what it may be; on a `host`, what has the
        host's name there, if anything has."""
        written = reference.path
        rooted = written.startswith("/")
        if written.startswith(("~", "<")):
            return []
        path = posixpath.normpath(posixpath.join("" if rooted else posixpath.dirname(file), written.lstrip("/")))
        if path == ".." or path.startswith("../") or (rooted and path in (".", SOME)):
            return []
        path = "" if path == "." else path
        # A text that is a path is for a function that makes one of it, and imports that.
        how = "import" if rooted and posixpath.join(path, "default.nix") in self.nix else reference.how
        if SOME in path:
            named = self._literally(path.replace(SOME, host), how) if host else []
            return named or [each for each in self.nix if each != file and _fits(each, path)]
        return [each for each in self._literally(path, how) if each != file]

    def _literally(self, path: str, how: str) -> list[str]:
        if path in self.nix:
            return [path]
        entry = posixpath.join(path, "default.nix")
        if how != "other":
            return [entry] if entry in self.nix else []
        return self._directories.get(path, [])

    @cached_property
    def dangling(self) -> list[tuple[str, int, str]]:
        """Paths that are imported and are not there: file, line, and the path as written."""
        known, found = set(self.files), []
        for path, facts in self.nix.items():
            for reference in facts.references:
                written = reference.path
                if reference.how == "other" or SOME in written or not written.startswith("."):
                    continue
                there = posixpath.normpath(posixpath.join(posixpath.dirname(path), written))
                if not there.startswith("..") and there not in known and there not in self._all_directories:
                    found.append((path, reference.line, written))
        return found

    @cached_property
    def _all_directories(self) -> frozenset[str]:
        found = {"."}
        for path in self.files:
            directory = posixpath.dirname(path)
            while directory and directory not in found:
                found.add(directory)
                directory = posixpath.dirname(directory)
        return frozenset(found)

    @cached_property
    def imports(self) -> dict[str, list[str]]:
        """By file: the Nix files that it refers to."""
        found: dict[str, list[str]] = {}
        for path, facts in self.nix.items():
            led = [other for reference in facts.references for other in self.leads_to(path, reference)]
            found[path] = sorted({other for other in led if other != path})
        return found

    @cached_property
    def imported_by(self) -> dict[str, list[str]]:
        """By file: the Nix files that refer to it."""
        found: dict[str, list[str]] = defaultdict(list)
        for path, others in [*self.imports.items(), *self.imported_elsewhere.items()]:
            for other in others:
                found[other].append(path)
        return dict(found)

    @cached_property
    def unused(self) -> list[str]:
        """The modules that nothing refers to."""
        return [module.path for module in self.modules if not self.imported_by.get(module.path)]

    def closure(self, start: Iterable[str], host: str = "", without: Collection[str] = ()) -> list[str]:
        """Files, and all that they lead to; on a host, computed paths have its name. `without` are directories whose
        files are not followed unless a path names them."""
        seen: set[str] = set()
        stack = list(start)
        while stack:
            path = stack.pop()
            if path not in self.nix or path in seen:
                continue
            seen.add(path)
            for reference in self.nix[path].references:
                led = self.leads_to(path, reference, host)
                guessed = len(led) > 1 or SOME in reference.path
                stack += [each for each in led if not (guessed and each.startswith(tuple(f"{d}/" for d in without)))]
        return sorted(seen)


_CI = (
    ".github/workflows/*.yml",
    ".github/workflows/*.yaml",
    ".gitlab-ci.yml",
    ".forgejo/workflows/*.y*ml",
    ".gitea/workflows/*.y*ml",
    ".woodpecker.y*ml",
    ".woodpecker/*.y*ml",
    ".circleci/config.yml",
    ".builds/*.yml",
    ".build.yml",
    ".travis.yml",
    ".drone.yml",
    "azure-pipelines.yml",
    "buildkite.yml",
    ".buildkite/*.y*ml",
    "garnix.yaml",
    "hydra.nix",
    "ci.nix",
    "Jenkinsfile",
)
_TEST_DIRECTORIES = frozenset({"tests", "test", "checks"})
_SAMPLES = _TEST_DIRECTORIES | {"fixtures", "examples", "templates"}
_SCRIPT_ENDINGS = (".sh", ".bash", ".fish", ".nu", ".zsh")
_SCRIPTS = frozenset({"justfile", "Justfile", ".justfile", "Makefile", "Taskfile.yml"})


def _fits(path: str, pattern: str) -> bool:
    """Whether a file may be what a pattern stands for, itself or as its directory's `default.nix`."""
    wanted = pattern.split("/")
    parts = path.split("/")
    if len(parts) == len(wanted) + 1 and parts[-1] == "default.nix":
        parts.pop()
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _is_test(path: str) -> bool:
    parts = path.split("/")
    return bool(_TEST_DIRECTORIES & set(parts[:-1])) and not parts[0].startswith(".")


def is_sample(path: str) -> bool:
    """Whether a file is there to be tested with or to be shown, and is nobody's configuration."""
    return bool(_SAMPLES & set(path.split("/")[:-1])) and not path.startswith("modules/")


def _is_script(path: str) -> bool:
    parts = path.split("/")
    if parts[0].startswith("."):
        return False
    in_place = parts[0] in ("scripts", "bin") and len(parts) > 1 and not path.lower().endswith((".md", ".txt", ".org"))
    return in_place or path in _SCRIPTS or (path.endswith(_SCRIPT_ENDINGS) and not is_sample(path))


def scan(root: Path, kept_for: Path | None = None) -> Repository:
    """Read a repository. `kept_for` names the one whose kept facts serve, where this is what git exported of it.
    Raises `PantherError` where there is no such directory."""
    root = root.resolve()
    if not root.is_dir():
        raise PantherError(f"{root} is no directory" if root.exists() else f"there is no {root}")
    try:
        listed = _listed(root) if kept_for is None else all_files(root)
        files = [path for path in listed if lies_there(root, path)]
    except OSError as error:
        raise PantherError(f"{root} cannot be read: {error.strerror}") from error
    files = [path for path in files if not _is_generated(root, path)]
    contents: dict[str, bytes] = {}
    unreadable: dict[str, str] = {}
    for path in files:
        if path.endswith(".nix"):
            content, reason = _content(root / path)
            if content is None:
                unreadable[path] = reason
            else:
                contents[path] = content
    return Repository(root, tuple(files), _facts(contents, kept_for or root, whole=kept_for is None), unreadable)


_TOPS = ("fleet.toml", "flake.nix", "openspec", ".git", "roadmap.toml", "capabilities.toml")


def top(path: Path) -> Path:
    """Where the repository begins that a directory lies in: itself, or the nearest around it in git's work tree that
    has a fleet, a flake or an `openspec/`."""
    here = path.resolve()
    for each in (here, *here.parents):
        if any((each / name).exists() for name in _TOPS):
            return each if each == here or (each / ".git").exists() or is_repository(here) else path
    return path


def _listed(root: Path) -> list[str]:
    """The files: those that git tracks or would; without git all of them, but for what programs keep for themselves."""
    if is_repository(root):
        return tracked_and_new(root)
    found = []
    for directory, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") or name in _TOLD_APART)
        place = os.path.relpath(directory, root)
        found += [posixpath.normpath(posixpath.join(place, name)) for name in names]
    return sorted(found)


_TOLD_APART = frozenset(
    {".github", ".gitlab", ".forgejo", ".gitea", ".woodpecker", ".circleci", ".builds", ".buildkite", ".devcontainer"}
)
"""Hidden directories that are a project's own."""


def lies_there(root: Path, path: str) -> bool:
    """Whether a path is a file, or a link to one within the repository: what lies outside is not the repository's."""
    whole = os.path.join(root, path)
    # A directory that git knows files of may have become a link since.
    return os.path.isfile(whole) and os.path.realpath(whole).startswith(os.path.join(root, ""))


def _is_generated(root: Path, path: str) -> bool:
    """Whether a file lies in what `panther build` has written, which says over again what the fleet says."""
    top = path.partition("/")[0]
    return top != path and (root / top / MANIFEST).is_file()


def _content(path: Path) -> tuple[bytes | None, str]:
    try:
        if path.stat().st_size > _LARGEST:
            return None, f"larger than {_LARGEST // 2**20} MB: not read"
        return path.read_bytes(), ""
    except OSError as error:
        return None, f"cannot be read: {error.strerror}"


def _facts(contents: Mapping[str, bytes], root: Path, *, whole: bool) -> dict[str, Facts]:
    """What files say. Where they are not the `whole` of the repository as it is, what is kept of that stays."""
    known = cache.load(root)
    keys = {path: cache.key(content) for path, content in contents.items()}
    unknown = {keys[path]: content for path, content in contents.items() if keys[path] not in known}

    def work(some: list[bytes]) -> list[list[Any]]:
        return [cache.as_data(read(content.decode("utf-8", errors="replace"))) for content in some]

    fresh = dict(zip(unknown, in_parallel(work, list(unknown.values()), _WORTH_A_PROCESS), strict=True))
    facts: dict[str, Facts] = {}
    read_again: dict[str, Any] = {}
    for path, name in keys.items():
        try:
            facts[path] = cache.from_data(fresh[name] if name in fresh else known[name])
        except (TypeError, ValueError):  # the cache was edited
            read_again[name] = cache.as_data(read(contents[path].decode("utf-8", errors="replace")))
            facts[path] = cache.from_data(read_again[name])
    if fresh or read_again:
        used = {name: known[name] for name in (keys.values() if whole else known) if name in known}
        cache.save(root, {**used, **fresh, **read_again})
    return facts
