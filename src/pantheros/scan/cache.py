"""What files said, kept by their content, so that only what has changed is read again."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pantheros import __version__, source
from pantheros.fleet import secrecy
from pantheros.nix import syntax
from pantheros.scan.facts import Configuration, Facts, Input, Named, Option, Package, Reference, Setting


def key(content: bytes) -> str:
    """What a file's facts are kept by."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


@functools.cache
def _maker() -> str:
    """What stands for our own code: facts that other code made are not ours."""
    code = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return key(
        b"".join(
            [
                __version__.encode(),
                *(Path(str(module.__file__)).read_bytes() for module in (syntax, secrecy, source)),
                *code,
            ]
        )
    )


def load(root: Path) -> dict[str, Any]:
    """The facts that are kept for a repository, as they were written; nothing where none are, or another version's."""
    try:
        data = json.loads(_file(root).read_bytes())
        kept = data["facts"] if data["made_by"] == _maker() else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return kept if isinstance(kept, dict) else {}


def save(root: Path, facts: Mapping[str, Any]) -> None:
    """Keep facts. Where that cannot be, the next reading takes as long as this one."""
    path = _file(root)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{os.getpid()}")
        # Whoever may not read the repository is not to read what it says.
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump({"made_by": _maker(), "facts": facts}, file)
        new.replace(path)
    except (OSError, UnicodeEncodeError):
        return


def _file(root: Path) -> Path:
    directory = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(directory) / "pantheros" / "scan" / f"{hashlib.sha256(os.fsencode(root)).hexdigest()[:32]}.json"


def as_data(facts: Facts) -> list[Any]:
    """Facts as JSON holds them."""
    return [facts.broken, facts.description, *(getattr(facts, name) for name in _LISTS)]


def from_data(data: list[Any]) -> Facts:
    """Facts from what `as_data` made, also once it was JSON. Raises `TypeError` or `ValueError` for other data."""
    broken, description, *lists = data
    if not (isinstance(broken, str) and isinstance(description, str)):
        raise TypeError("no text")
    read = {
        name: tuple(_READ.get(name, kind._make)(each) for each in listed)
        for (name, kind), listed in zip(_LISTS.items(), lists, strict=True)
    }
    return Facts(broken=broken, description=description, **read)


def _setting(data: list[Any]) -> Setting:
    path, value, needs, line, priority = data
    return Setting(path, value, tuple(needs), line, priority)


def _package(data: list[Any]) -> Package:
    name, needs, line = data
    return Package(name, tuple(needs), line)


def _configuration(data: list[Any]) -> Configuration:
    output, name, references, texts, settings, opaque, modules, line = data
    return Configuration(
        output,
        name,
        tuple(map(Reference._make, references)),
        tuple(texts),
        tuple(map(_setting, settings)),
        tuple(opaque),
        tuple(modules),
        line,
    )


_LISTS: dict[str, Any] = {
    "options": Option,
    "settings": Setting,
    "references": Reference,
    "packages": Package,
    "modules": Named,
    "opaque": Named,
    "calls": Named,
    "secrets": Named,
    "configurations": Configuration,
    "inputs": Input,
    "outputs": Named,
    "given": Named,
}
_READ: dict[str, Any] = {"settings": _setting, "packages": _package, "configurations": _configuration}
