"""Secrets where they do not belong: written in a file, and so in the repository and in the world-readable store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pantheros.findings import Finding, Origin
from pantheros.fleet.layers import Table
from pantheros.fleet.model import DeclaredFleet, Layer
from pantheros.fleet.secrecy import looks_random, marked, names_a_secret
from pantheros.nix.values import Override, join_path
from pantheros.source import origin_at

Names = tuple[str | int, ...]
_HARMLESS = frozenset({"", "none", "null", "true", "false", "yes", "no", "prompt", "ask", "required"})
_MARKED = "{} is written here, where everybody who sees the repository or the Nix store can read it"
_ADVICE = "keep it in 1Password, name it under [secrets], and use what reads it from a file"


def of_layers(layers: Iterable[Layer], host: str = "") -> Iterator[Finding]:
    """The secrets that layers hold."""
    for layer in layers:
        for table in layer.tables:
            yield from _of_table(table, host)


def shared(fleet: DeclaredFleet) -> Iterator[Finding]:
    """The secrets in what hosts share, and in the raw modules that they import."""
    people = [person.layer for person in fleet.people.values()]
    profiles = [profile.layer for profile in fleet.profiles.values()]
    yield from of_layers([fleet.defaults, *profiles, *people])


def of_file(file: str, content: bytes) -> Iterator[Finding]:
    """The secrets in a file that is copied as it is."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return
    for found in marked(text):
        where = origin_at(file, text, found.start, found.end - found.start)
        message = _MARKED.format(found.kind)
        yield Finding("secret-in-file", message, origin=where, help=_ADVICE, private=True)


def _of_table(table: Table, host: str) -> Iterator[Finding]:
    for path, value in _texts(table.data):
        name = join_path([str(step) for step in path if isinstance(step, str)])
        option = f"pantherOS.{name}" if table.root == "pantherOS" else name
        found = next(marked(value), None)
        if found is not None:
            message = _MARKED.format(found.kind)
            yield _finding("secret-in-file", message, "error", option, table.origin(path), host)
        elif table.root != "pantherOS" and value.startswith("op://") and "onepassword-secrets" not in path:
            message = f"`{name}` is a reference to 1Password, which nothing follows here: it is taken as it stands"
            help = "name it under [secrets], and the secret in an option of pantherOS that takes one"
            yield Finding(
                "secret-not-fetched", message, "warning", help, option=name, origin=table.origin(path), host=host
            )
        elif table.root != "pantherOS" and _named(path) and _plain(value):
            likely = looks_random(value)
            what = "a secret is written here" if likely else f"`{name}` is by its name a secret, and written here"
            message = f"{what}: the Nix store, where it lands, is readable for everyone on the host"
            yield _finding("secret-in-store", message, "warning", option, table.origin(path), host)


def _plain(value: str) -> bool:
    """Whether a text may be a secret itself, and is not the place of one or what Nix computes."""
    return value.lower() not in _HARMLESS and "\0" not in value and not value.startswith(("/", "op://"))


def _named(path: Names) -> bool:
    last = next((step for step in reversed(path) if isinstance(step, str)), "")
    return names_a_secret(last) and "hashed" not in last.lower()


def _finding(code: str, message: str, severity: Any, option: str, where: Origin, host: str) -> Finding:
    return Finding(code, message, severity, _ADVICE, option=option, origin=where, host=host, private=True)


def _texts(value: Any, path: Names = ()) -> Iterator[tuple[Names, str]]:
    if isinstance(value, Override):
        value = value.value
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from _texts(below, (*path, name))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _texts(below, (*path, index))
