"""Fetching the lists of options that are published for a release. Imported only by `panther options sync`.

What is relied on, from the script that publishes the channels (mirror-nixos-branch.pl in NixOS/nixos-channel-scripts)
and the generator of the lists (nixos/lib/make-options-doc in nixpkgs):

- https://channels.nixos.org/nixos-R/options.json.br redirects to the same name in the directory of one release on
  releases.nixos.org, where nothing changes any more. It is compressed with brotli and sent as it lies there.
- The address of that directory, without a slash at its end, is a page with a table: file name, size in bytes and
  SHA-256 (of the compressed file).
- The list is an object: by name, an object with `type` (NixOS's description), `loc` (the name's parts, unquoted),
  `readOnly`, and mostly `default` (`_type` is `literalExpression` or `literalMD`, `text` what the manual shows). Hidden
  and internal options, and what lies below an option that is shown without its parts, are not in it.

home-manager publishes no list (https://github.com/nix-community/home-manager/issues/9121). Its flake makes one, of the
same form: `nix build github:nix-community/home-manager/release-R#docs-json`, below `share/doc/home-manager`.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import brotli

from pantheros.findings import PantherError
from pantheros.nix.values import Scope, key, split_path
from pantheros.releases import synced
from pantheros.releases.fetch import Progress, fetch
from pantheros.releases.index import Listed, packed
from pantheros.releases.release import Release

CHANNELS = "https://channels.nixos.org"
FILE = "options.json.br"

_LARGEST = 64_000_000
"""Bytes; NixOS's list has about two million, and some thirty million when unpacked."""
_LARGEST_UNPACKED = 512_000_000
_LARGEST_PAGE = 4_000_000
_PIECE = 64
"""Bytes unpacked at a time: what they may become is bounded, whatever they are."""
_FEWEST: Final[dict[Scope, int]] = {"nixos": 5_000, "home": 1_000}
"""Options; NixOS has over 20,000 and home-manager over 3,500."""
_ALWAYS: Final[dict[Scope, str]] = {"nixos": "system.stateVersion", "home": "home.stateVersion"}
_WHOSE: Final[dict[Scope, str]] = {"nixos": "NixOS", "home": "home-manager"}
_WILD = re.compile(r"<[^>]+>\Z")
_SHOWN = 200
"""Characters of a default that are kept, for people."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A list that was fetched, checked and, unless that was not wanted, written."""

    scope: Scope
    source: synced.Source
    options: int
    """How many it has."""
    verified: bool
    """Whether it was compared with a SHA-256 that was published, or given."""
    file: Path


def channel(release: Release) -> str:
    """The address of NixOS's list."""
    return f"{CHANNELS}/nixos-{release}/{FILE}"


def sync(
    release: Release,
    *,
    source: str = "",
    home: str = "",
    write: bool = True,
    timeout: float = 30,
    progress: Progress | None = None,
) -> list[Fetched]:
    """Fetch NixOS's list from its channel or another `source`, and home-manager's where `home` says from where.

    Both are an address of a list or of a directory that has `options.json.br`, or a file on this machine. `#sha256=`
    and the hash after an address stand for a page that tells the hash. `timeout` is in seconds.

    All is fetched and checked before anything is written. `PantherError` says what is wrong; then nothing is changed.
    """
    wanted: list[tuple[Scope, str]] = [("nixos", source or channel(release))]
    if home:
        wanted.append(("home", home))
    try:
        found = [_fetched(scope, release, where, timeout, progress) for scope, where in wanted]
        if write:
            for each, text in found:
                _write(each.file, text)
    except PantherError as error:
        kept = [whose for scope, whose in _WHOSE.items() if synced.read(scope, release.name)]
        goes_on = f"the list of {' and '.join(kept)} fetched before goes" if kept else "the packaged index goes"
        raise PantherError(error.message, help=error.help or f"nothing was changed: {goes_on} on being used") from error
    return [each for each, _ in found]


def _fetched(
    scope: Scope, release: Release, where: str, timeout: float, progress: Progress | None
) -> tuple[Fetched, str]:
    """A list, and its text in the index's format."""
    where, _, wanted = where.partition("#sha256=")
    if "://" not in where:
        address, data = where, _file(where)
        known = (len(data), wanted.lower()) if wanted else None
    else:
        address, data = fetch(_list_at(where), limit=_LARGEST, timeout=timeout, progress=progress)
        if scope == "nixos":
            _same_release(release, address)
        # home-manager's lists are on no page; who has a hash names it.
        known = (len(data), wanted.lower()) if wanted else _published(address, timeout) if scope == "nixos" else None
    sha256 = hashlib.sha256(data).hexdigest()
    if known and known != (len(data), sha256):
        size, expected = known
        what = f"has SHA-256 {sha256}, not {expected}"
        if size != len(data):
            what = f"has {len(data):,} bytes, not {size:,}"
        raise PantherError(f"{address}: {what}: it was damaged or changed on its way")
    listed = _listed(scope, address, _unpacked(address, data))
    source = synced.Source(address, sha256)
    text = packed(scope, release, listed, source)
    return Fetched(scope, source, len(listed), known is not None, synced.path(scope, release.name)), text


def _list_at(address: str) -> str:
    return address if address.endswith((".json", ".br")) else f"{address.rstrip('/')}/{FILE}"


def _file(name: str) -> bytes:
    try:
        with open(name, "rb") as file:
            data = file.read(_LARGEST_UNPACKED + 1)
    except (OSError, ValueError) as error:
        raise PantherError(f"{name}: {(getattr(error, 'strerror', '') or str(error)).lower()}") from error
    if len(data) > _LARGEST_UNPACKED:
        raise PantherError(f"{name}: more than {_LARGEST_UNPACKED / 1e6:,.0f} MB, which no list of options has")
    return data


def _same_release(release: Release, address: str) -> None:
    """`PantherError` when the directory that a list was found in is named for another release."""
    named = re.search(r"/nixos-(\d\d\.\d\d)(pre|beta|alpha|\.)?[^/]*/[^/]*\Z", urlsplit(address).path)
    if named is None:
        return
    if release.name not in ("unstable", named[1]) or (named[2] == "pre") != (release == "unstable"):
        raise PantherError(f"{address}: that is a list of NixOS {named[1]}{named[2] or ''}, not of {release}")


def _published(address: str, timeout: float) -> tuple[int, str]:
    """The size and SHA-256 that a release's page has for its list."""
    parts = urlsplit(address)
    above, _, name = parts.path.rpartition("/")
    page = urlunsplit((parts.scheme, parts.netloc, above, "", ""))
    unknown = f"a list from elsewhere can be checked with its hash: {address}#sha256=..."
    try:
        text = fetch(page, limit=_LARGEST_PAGE, timeout=timeout).body.decode(errors="replace")
    except PantherError as error:
        message = f"the list cannot be checked, since its release's page cannot be had: {error.message}"
        raise PantherError(message, help=unknown) from error
    found = re.search(rf"(?<![\w./-]){re.escape(name)}\s+(\d+)\s+([0-9a-f]{{64}})\b", re.sub(r"<[^>]*>", " ", text))
    if not found:
        raise PantherError(f"the list cannot be checked: {page} has no SHA-256 of {name}", help=unknown)
    return int(found[1]), found[2]


def _unpacked(address: str, data: bytes) -> bytes:
    if data[:1] in (b"{", b" ", b"\n") and not address.endswith(".br"):
        return data
    found = bytearray()
    try:
        decoder = brotli.Decompressor()
        for start in range(0, len(data), _PIECE):
            found += decoder.process(data[start : start + _PIECE])
            if len(found) > _LARGEST_UNPACKED:
                raise PantherError(f"{address}: unpacks to more than {_LARGEST_UNPACKED / 1e6:,.0f} MB")
        whole = decoder.is_finished()
    except brotli.error as error:
        raise PantherError(f"{address}: not compressed with brotli, or damaged") from error
    if not whole:
        raise PantherError(f"{address}: what is compressed in it breaks off")
    return bytes(found)


def _listed(scope: Scope, address: str, text: bytes) -> dict[str, Listed]:
    """The options of a list, by their names as the index spells them."""
    whose = _WHOSE[scope]
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PantherError(f"{address}: not JSON ({str(error)[:80]})") from error
    if not isinstance(data, dict) or len(data) < _FEWEST[scope]:
        count = f"{len(data):,} options" if isinstance(data, dict) else "no object"
        raise PantherError(f"{address}: not the list of {whose}, which has thousands of options; this has {count}")
    listed = {}
    for name, found in data.items():
        if not (isinstance(found, dict) and isinstance(found.get("type"), str) and found["type"]):
            raise PantherError(f"{address}: not a list of options: {name[:80]!r} has no type")
        kind = " ".join(found["type"].split())
        listed[_spelt(address, name, found)] = Listed(kind, found.get("readOnly") is True, _default(found))
    if _ALWAYS[scope] not in listed:
        raise PantherError(f"{address}: not the list of {whose}: it has no `{_ALWAYS[scope]}`")
    return listed


def _spelt(address: str, name: str, found: dict[str, Any]) -> str:
    """An option's name as the index spells it: `<name>` for any key, `*` for any element, else quoted as in Nix."""
    parts = found.get("loc")
    try:
        if not (isinstance(parts, list) and parts and all(isinstance(part, str) and part for part in parts)):
            parts = split_path(name)
        spelt = ".".join("<name>" if _WILD.match(part) else part if part == "*" else key(part) for part in parts)
    except ValueError:
        spelt = ""
    if not spelt.isprintable() or not spelt:
        raise PantherError(f"{address}: not a list of options: {name[:80]!r} is no name of one")
    return spelt


def _default(found: dict[str, Any]) -> str:
    default = found.get("default")
    text = default.get("text") if isinstance(default, dict) else None
    line = " ".join(text.split()) if isinstance(text, str) else ""
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def _write(file: Path, text: str) -> None:
    new = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(new, "wb") as out:
            out.write(gzip.compress(text.encode(), 6, mtime=0))
            out.flush()
            os.fsync(out.fileno())
        new.replace(file)
    except BaseException as error:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise PantherError(f"{file} cannot be written: {(error.strerror or str(error)).lower()}") from error
        raise
