"""Reading a fleet's directory. Whatever is wrong in it becomes a finding, and the rest is read on."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from pantheros import document
from pantheros.document import Document
from pantheros.findings import Finding, Origin, PantherError, Related, nearest, slip
from pantheros.fleet.files import read_text
from pantheros.fleet.layers import FORCE, MIRRORS, ROOTS, tables
from pantheros.fleet.model import (
    DeclaredFleet,
    DeclaredHost,
    DeclaredHosts,
    DeclaredPerson,
    DeclaredSecret,
    Import,
    Layer,
    Profile,
)
from pantheros.fleet.tables import (
    DefaultsTable,
    FleetTable,
    HostTable,
    PersonTable,
    ProfileTable,
    SecretTable,
)
from pantheros.fleet.toml import read_toml
from pantheros.fleet.typed import TypedTable, check
from pantheros.fleet.words import field_names, listed
from pantheros.nix.reader import read_nix
from pantheros.nix.values import FleetPath, Override, parts
from pantheros.nix.words import shown
from pantheros.releases.release import CURRENT, Release

T = TypeVar("T", bound=TypedTable)

FLEET_FILE = "fleet.toml"
HOST_FILES = ("host.toml", "host.nix")
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
USER_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}\Z")
_SECRET_NAME = re.compile(r"[a-z][a-zA-Z0-9]*\Z")
_COLMENA_NAMES = {"meta", "defaults", "network"}
_LEFT_OUT = object()
"""In the place of a value that has a finding instead."""
_Priorities = Literal["nowhere", "not in lists", "everywhere"]
"""Where in a value `lib.mkForce` and `lib.mkDefault` mean something."""


def read_fleet(root: Path, release: Release | None = None) -> DeclaredFleet:
    """The fleet in a directory; `release` stands in for the one that `fleet.toml` names.

    Raises `PantherError` where there is no fleet to read.
    """
    try:
        there = stat.S_ISREG(os.stat(root / FLEET_FILE).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        there = False
    except OSError as error:
        raise PantherError(f"cannot read {root / FLEET_FILE}: {(error.strerror or 'unreadable').lower()}") from error
    if not there and os.path.lexists(root / FLEET_FILE):
        raise PantherError(f"there is no fleet in {root}: its {FLEET_FILE} is {_kind_of_file(root / FLEET_FILE)}")
    if not there:
        raise PantherError(
            f"there is no fleet in {root}: it has no {FLEET_FILE}",
            help="name the fleet's directory, or make one with `panther init`",
        )
    return _Reading(root).fleet(release)


def _kind_of_file(path: Path) -> str:
    """What there is instead of a file."""
    if not path.exists():
        return f"a link to {os.readlink(path)}, which is not there"
    return "a directory" if path.is_dir() else "a pipe or a device"


def read_document(root: Path, file: str) -> Document:
    """A TOML or Nix file of the fleet; findings in the document say what could not be read."""
    text, findings = read_text(root, file)
    if text is None:
        return Document(file, {}, findings)
    return read_nix(file, text) if file.endswith(".nix") else read_toml(file, text)


class _Reading:
    """One reading, of `fleet.toml` or of a host's file: gathers findings on the way."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.findings: list[Finding] = []

    def fleet(self, release: Release | None) -> DeclaredFleet:
        source = self._document(FLEET_FILE)
        table, found = check(FleetTable, source.data, lambda path, key: source.origin(path, key=key), noun="key")
        self.findings += found
        fleet = DeclaredFleet(
            self.root,
            source,
            table or FleetTable(release=CURRENT.name),  # type: ignore[arg-type]  # a Literal, by construction
            release or (Release.parse(table.release) if table else CURRENT),
            Layer("defaults"),
            DeclaredHosts(self.host_files(), lambda name, file: _Reading(self.root).host(name, file, fleet)),
        )
        if table is None:
            # Refused as a whole for want of a release: read the rest of it all the same.
            data = {**source.data, "release": CURRENT.name}
            fleet.table = check(FleetTable, data, lambda path, key: None)[0] or fleet.table
        defaults = fleet.table.defaults
        fleet.defaults = self._layer("defaults", source, ("defaults",), defaults, DefaultsTable)[1]
        self._people(fleet, source)
        self._secrets(fleet, source)
        self._profiles(fleet, source)
        self._reserved(fleet, source)
        fleet.findings = self.findings
        return fleet

    def _reserved(self, fleet: DeclaredFleet, source: Document) -> None:
        for name in sorted(_COLMENA_NAMES & set(fleet.hosts)) if "colmena" in fleet.table.outputs else ():
            file = fleet.hosts.files[name]
            message = f"colmena has a use of its own for {shown(name)}: no host can be called that"
            index = fleet.table.outputs.index("colmena")
            related = (Related("colmena is asked for", source.origin(("outputs", index))),)
            help = f"rename the directory {posixpath.dirname(file)}, or do without colmena"
            where = Origin(file, 1, 1, 1, 1)
            self.findings.append(Finding("reserved-name", message, origin=where, help=help, related=related))

    def _document(self, file: str) -> Document:
        source = read_document(self.root, file)
        self.findings += source.findings
        return source

    def _table(self, source: Document, path: document.Path, value: Any, expected: str = "a table") -> dict[str, Any]:
        """`value`, if it is a table; else a finding, and nothing."""
        if isinstance(value, dict):
            return value
        name = ".".join(map(str, path))
        self.findings.append(
            Finding(
                "wrong-type",
                f"`{name}` is {shown(value)}, but takes {expected}",
                option=name,
                origin=source.origin(path),
            )
        )
        return {}

    def _layer(
        self,
        name: str,
        source: Document,
        prefix: document.Path,
        data: dict[str, Any],
        model: type[T],
        roots: tuple[str, ...] = ROOTS,
    ) -> tuple[T | None, Layer]:
        """A table's own keys, and the layer that it carries."""
        keys = (*roots, *MIRRORS)
        known = {key: value for key, value in data.items() if key not in keys}
        carried = {key: self._table(source, (*prefix, key), data[key]) for key in keys if key in data}
        for mirror in MIRRORS:
            for root in carried.get(mirror, {}):
                path = (*prefix, mirror, root)
                if root not in roots:
                    guess = nearest(root, roots)
                    self.findings.append(
                        Finding(
                            "unknown-key",
                            f"`{mirror}` mirrors {listed(roots)}: there is no `{'.'.join(map(str, path))}`",
                            origin=source.origin(path, key=True),
                            help=f"did you mean `{mirror}.{guess}`?" if guess else "",
                        )
                    )
                else:
                    self._table(source, path, carried[mirror][root])
        checked, found = check(
            model,
            known,
            lambda path, key: source.origin((*prefix, *path), key=key),
            name=".".join(map(str, prefix)),
            noun="key",
        )
        self.findings += [_with_layer_keys(finding, model, keys) for finding in found]
        base = posixpath.dirname(source.file)
        imports = tuple(self._imports(source, (*prefix, "imports"), getattr(checked, "imports", []), base))
        return checked, Layer(name, tuple(tables(name, source, prefix, carried)), imports)

    def _imports(self, source: Document, path: document.Path, values: list[Any], base: str) -> Iterator[Import]:
        for index, value in enumerate(values):
            origin = source.origin((*path, index))
            if isinstance(value, FleetPath):
                found = value.path
            elif isinstance(value, str):
                found = posixpath.normpath(posixpath.join(base, value))
            else:
                self.findings.append(Finding("wrong-type", f"an import is a path, not {shown(value)}", origin=origin))
                continue
            if found.startswith(("/", "../")) or found == "..":
                self.findings.append(
                    Finding(
                        "path-outside-fleet",
                        f"the import {shown(value)} leaves the fleet",
                        origin=origin,
                        help="copy the module into the fleet: what the flake needs must lie in it",
                    )
                )
            elif found == ".":
                message = "a fleet cannot import itself: what is imported is copied into what is written there"
                help = "name the module itself"
                self.findings.append(Finding("path-outside-fleet", message, origin=origin, help=help))
            elif not _inside(self.root, found):
                self.findings.append(
                    Finding("path-outside-fleet", f"the import {found} is a link out of the fleet", origin=origin)
                )
            elif not os.path.exists(self.root / found):
                near = nearest(found, self._nix_files(posixpath.dirname(found)))
                self.findings.append(
                    Finding(
                        "missing-file",
                        f"there is no {found}",
                        origin=origin,
                        help=f"did you mean {posixpath.relpath(near, base or '.')}?" if near else "",
                    )
                )
            elif os.path.isdir(self.root / found) and not os.path.lexists(self.root / found / "default.nix"):
                message = f"{found} is a directory, and has no default.nix to import"
                self.findings.append(Finding("missing-file", message, origin=origin, help="name the file itself"))
            else:
                yield Import(found, origin)

    def _nix_files(self, directory: str) -> list[str]:
        folder = self.root / directory
        if not folder.is_dir():
            return []
        return [posixpath.join(directory, path.name) for path in folder.iterdir() if path.suffix == ".nix"]

    def _named(
        self, source: Document, section: str, noun: str, values: dict[str, Any], rule: re.Pattern[str], what: str
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The entries of a section whose name and shape are fit to be read."""
        for name, value in values.items():
            if not rule.match(name):
                words = re.findall(r"[A-Za-z0-9]+", name)
                camel = "".join(word[:1].upper() + word[1:] for word in words)
                fit = next((n for n in (name.lower(), camel[:1].lower() + camel[1:]) if rule.match(n)), None)
                self.findings.append(
                    Finding(
                        "invalid-name",
                        f"{shown(name)} is no name for a {noun}: it takes {what}",
                        origin=source.origin((section, name), key=True),
                        help=f"call it {shown(fit)}" if fit else "",
                    )
                )
            elif isinstance(value, dict):
                yield name, value
            else:
                expected = (
                    "a reference such as op://vault/item/field, or a table" if section == "secrets" else "a table"
                )
                self._table(source, (section, name), value, expected)

    def _people(self, fleet: DeclaredFleet, source: Document) -> None:
        what = "small letters, digits, `-` and `_`, a letter first"
        for name, value in self._named(source, "people", "person", fleet.table.people, USER_NAME, what):
            path = ("people", name)
            table, layer = self._layer(f"person {name}", source, path, value, PersonTable, ("pantherOS", "home"))
            origin = source.origin(path, key=True)
            fleet.people[name] = DeclaredPerson(name, table or PersonTable(), layer, origin)

    def _secrets(self, fleet: DeclaredFleet, source: Document) -> None:
        what = "camelCase, as OpNix wants it: letters and digits, a small letter first"
        # A secret may be a reference alone.
        short = {name for name, value in fleet.table.secrets.items() if isinstance(value, str)}
        values = {name: {"reference": value} if name in short else value for name, value in fleet.table.secrets.items()}
        for name, value in self._named(source, "secrets", "secret", values, _SECRET_NAME, what):
            path = ("secrets", name)

            def locate(below: document.Path, key: bool, path: document.Path = path) -> Origin:
                return source.origin(path if path[1] in short else (*path, *below), key=key)

            table, found = check(SecretTable, value, locate, name=f"secrets.{name}", noun="key", private=True)
            self.findings += found
            if table is None:
                # Its name is known all the same: what uses it is not at fault.
                table = SecretTable.model_construct(reference="")
            fleet.secrets[name] = DeclaredSecret(name, table, source.origin(path, key=True))

    def _profiles(self, fleet: DeclaredFleet, source: Document) -> None:
        for name, value in fleet.table.profiles.items():
            path = ("profiles", name)
            data = self._table(source, path, value)
            table, layer = self._layer(f"profile {name}", source, path, data, ProfileTable)
            include = tuple(table.include) if table else ()
            fleet.profiles[name] = Profile(name, include, layer, source.origin(path, key=True))
        for profile in fleet.profiles.values():
            where = ("profiles", profile.name, "include")
            self._known(source, where, profile.include, fleet.profiles, "profile")
        self._cycles(fleet, source)

    def _cycles(self, fleet: DeclaredFleet, source: Document) -> None:
        done: set[str] = set()
        for start in fleet.profiles:
            # The way from `start` to where we are, each with what it has still to include.
            way = {} if start in done else {start: iter(fleet.profiles[start].include)}
            while way:
                last = next(reversed(way))
                name = next(way[last], None)
                if name is None:
                    del way[last]
                    done.add(last)
                elif name in way:
                    names = list(way)
                    circle = " → ".join([*names[names.index(name) :], name])
                    index = fleet.profiles[last].include.index(name)
                    self.findings.append(
                        Finding(
                            "profile-cycle",
                            f"profiles include each other in a circle: {circle}",
                            origin=source.origin(("profiles", last, "include", index)),
                            help="take one of them out of the circle",
                        )
                    )
                elif name not in done and name in fleet.profiles:
                    way[name] = iter(fleet.profiles[name].include)

    def _known(
        self, source: Document, path: document.Path, names: Iterable[Any], known: Iterable[str], what: str
    ) -> list[str]:
        """The names that are known; a finding for each of the others."""
        known = list(known)
        good = []
        for index, name in enumerate(names):
            if name in known:
                good.append(name)
                continue
            if not isinstance(name, str):
                option = ".".join(map(str, path))
                message = f"`{option}` takes names, and {shown(name)} is none"
                where = source.origin((*path, index))
                self.findings.append(Finding("wrong-type", message, option=option, origin=where))
                continue
            guess = nearest(name, known)
            help = f"did you mean {shown(guess)}?" if guess else ""
            fix = shown(found) if (found := slip(name, guess)) else ""
            self.findings.append(
                Finding(
                    f"unknown-{what}",
                    f"there is no {what} {shown(name)}",
                    origin=source.origin((*path, index)),
                    help=help or (f"the fleet has {listed(known)}" if known else f"the fleet has no {what} yet"),
                    fix=fix,
                )
            )
        return good

    def host_files(self) -> dict[str, str]:
        """The file of every host, by the host's name."""
        found: dict[str, str] = {}
        names: dict[str, str] = {}
        for directory, files in sorted(self._host_directories()):
            name = posixpath.basename(directory)
            file = f"{directory}/{files[0]}"
            start = Origin(file, 1, 1, 1, 1)
            if not HOST_NAME.match(name):
                message = f"{shown(name)} is no host name: it takes letters, digits and `-`, at most 63"
                help = f"rename the directory {directory}"
                self.findings.append(Finding("invalid-name", message, origin=start, help=help))
            elif name.lower() in names:
                other = names[name.lower()]
                message = f"two hosts are called {shown(name)}"
                if other != name:
                    message = f"the hosts {shown(other)} and {shown(name)} have one name: capitals make no difference"
                related = (Related("the other one", Origin(found[other], 1, 1, 1, 1)),)
                help = "rename one of their directories"
                self.findings.append(Finding("duplicate-host", message, origin=start, help=help, related=related))
            else:
                found[name] = file
                names[name.lower()] = name
            if len(files) > 1:
                where = Origin(f"{directory}/{files[1]}", 1, 1, 1, 1)
                message = f"{directory} has both {files[0]} and {files[1]}"
                self.findings.append(Finding("two-host-files", message, origin=where, help="keep one of them"))
        return dict(sorted(found.items()))

    def _host_directories(self) -> Iterator[tuple[str, list[str]]]:
        """Every directory below `hosts/` that holds a host's file, with the files' names."""
        pending = ["hosts"]
        while pending:
            directory = pending.pop()
            try:
                with os.scandir(self.root / directory) as scan:
                    entries = sorted(scan, key=lambda entry: entry.name)
            except FileNotFoundError:
                continue
            except OSError as error:
                where = Origin(directory, 1, 1, 1, 1)
                message = f"cannot read {directory}: {(error.strerror or 'unreadable').lower()}"
                self.findings.append(Finding("unreadable-file", message, origin=where))
                continue
            names = {entry.name for entry in entries}
            files = [file for file in HOST_FILES if file in names]
            if files and directory == "hosts":
                where = Origin(f"hosts/{files[0]}", 1, 1, 1, 1)
                message = f"hosts/{files[0]} is in no directory of its own, which would give the host its name"
                help = f"move it to hosts/NAME/{files[0]}"
                self.findings.append(Finding("misplaced-host", message, origin=where, help=help))
            elif files:
                yield directory, files
            elif directory != "hosts":
                self._no_host(directory, names)
            pending += [path for entry in entries if (path := self._host_directory(directory, entry))]

    def _host_directory(self, directory: str, entry: os.DirEntry[str]) -> str | None:
        """The path of an entry that is a directory to look into for hosts."""
        path = f"{directory}/{entry.name}"
        where = Origin(path, 1, 1, 1, 1)
        if entry.name.startswith("."):
            return None
        if not entry.is_dir(follow_symlinks=False):
            if entry.is_symlink() and any(os.path.lexists(self.root / path / file) for file in HOST_FILES):
                message = f"{path} is a link, and hosts are not looked for behind links"
                help = "move the directory itself here"
                self.findings.append(Finding("link-not-followed", message, origin=where, help=help))
            return None
        if not is_plain(path):
            message = f"{shown(path)} is no name for a directory of hosts: not all of it can be printed"
            self.findings.append(Finding("invalid-name", message, origin=where, help="rename it"))
            return None
        return path

    def _no_host(self, directory: str, names: set[str]) -> None:
        """A directory whose host's file is called by another name, or still lacks."""
        near = next((name for name in sorted(names) if nearest(name, HOST_FILES, 0.8)), None)
        if near or "facter.json" in names:
            where = Origin(f"{directory}/{near or 'facter.json'}", 1, 1, 1, 1)
            message = f"{directory} is no host: it has no host.toml"
            help = f"rename {near} to {nearest(near, HOST_FILES)}" if near else f"write {directory}/host.toml"
            self.findings.append(Finding("no-host-file", message, severity="warning", origin=where, help=help))

    def host(self, name: str, file: str, fleet: DeclaredFleet) -> DeclaredHost:
        source = self._document(file)
        data = self._fit(source, (), source.data) if file.endswith(".nix") else dict(source.data)
        people = data.get("people")
        if isinstance(people, list):
            known = self._known(source, ("people",), people, fleet.people, "person")
            data["people"] = {person: {} for person in known}
        table, layer = self._layer(f"host {name}", source, (), data, HostTable)
        if table is None:
            table = HostTable()
        layers: dict[str, Layer] = {}
        for person, value in table.people.items():
            path = ("people", person)
            if person not in fleet.people:
                self.findings.append(self._unknown_person(source, path, person, fleet.people))
                continue
            content = self._table(source, path, value)
            label = f"host {name}, person {person}"
            layers[person] = self._layer(label, source, path, content, TypedTable, ("pantherOS", "home"))[1]
        self._known(source, ("profiles",), table.profiles, fleet.profiles, "profile")
        findings = tuple(replace(finding, host=name) for finding in self.findings)
        return DeclaredHost(name, posixpath.dirname(file), source, table, layer, layers, findings)

    def _fit(self, source: Document, path: document.Path, data: dict[str, Any]) -> dict[str, Any]:
        """A table of a host.nix without priorities where there can be none, and without files that are not there."""
        found: dict[str, Any] = {}
        for name, value in data.items():
            here = (*path, name)
            if name == "people" and not path and isinstance(value, dict):
                found[name] = {
                    person: self._fit(source, (*here, person), below)
                    if isinstance(below, dict)
                    else self._fit_value(source, (*here, person), below, "nowhere")
                    for person, below in value.items()
                }
                continue
            priorities: _Priorities = "nowhere"
            if name in ROOTS and isinstance(value, dict):
                # NixOS takes priorities within lists, too.
                priorities = "not in lists" if name == "pantherOS" else "everywhere"
            fit = self._fit_value(source, here, value, priorities)
            if fit is not _LEFT_OUT:
                found[name] = fit
        return found

    def _fit_value(self, source: Document, path: document.Path, value: Any, priorities: _Priorities) -> Any:
        """A value without what does not fit there, which has a finding; `_LEFT_OUT` when nothing is left of it."""
        if isinstance(value, Override):
            inner = self._fit_value(source, path, value.value, priorities)
            if inner is _LEFT_OUT:
                return inner
            if priorities != "nowhere":
                return Override(value.priority, inner)
            name = "lib.mkForce" if value.priority == FORCE else "lib.mkDefault"
            message = f"`{name}` cannot be used here: only options and settings have a priority"
            finding = Finding("misplaced-priority", message, origin=source.origin(path), help="write the value alone")
            self.findings.append(finding)
            return inner
        if isinstance(value, dict):
            items = ((name, self._fit_value(source, (*path, name), v, priorities)) for name, v in value.items())
            return {name: fit for name, fit in items if fit is not _LEFT_OUT}
        if isinstance(value, list):
            within: _Priorities = "everywhere" if priorities == "everywhere" else "nowhere"
            fits = [self._fit_value(source, (*path, index), item, within) for index, item in enumerate(value)]
            return [fit for fit in fits if fit is not _LEFT_OUT]
        if path[0] == "imports":
            return value  # looked for later, as those of TOML files are
        files = [value] if isinstance(value, FleetPath) else parts(value) if isinstance(value, str) else []
        wrong = [f.path for f in files if isinstance(f, FleetPath) and self._unusable(f.path)]
        for file in wrong:
            self.findings.append(self._no_file(file, source.origin(path), posixpath.dirname(source.file)))
        return _LEFT_OUT if wrong else value

    def _unusable(self, path: str) -> bool:
        return path == "." or not os.path.exists(self.root / path)

    def _no_file(self, path: str, origin: Origin, base: str) -> Finding:
        """The finding for a file of the fleet that is not there, or is all of it; `base` is the directory of the file
        that names it."""
        if path == ".":
            message = "the fleet's own directory cannot be copied: what is written lies in it"
            return Finding("path-outside-fleet", message, origin=origin, help="name what is needed of it")
        directory = posixpath.dirname(path)
        try:
            names = os.listdir(self.root / directory)
        except OSError:
            names = []
        near = nearest(posixpath.basename(path), [name for name in names if is_plain(name)])
        meant = posixpath.relpath(posixpath.join(directory, near), base or ".") if near else ""
        help = f"did you mean ./{meant}?" if meant else ""
        return Finding("missing-file", f"there is no {path}", origin=origin, help=help)

    def _unknown_person(self, source: Document, path: document.Path, person: str, known: Iterable[str]) -> Finding:
        guess = nearest(person, known)
        return Finding(
            "unknown-person",
            f"there is no person {shown(person)}",
            origin=source.origin(path, key=True),
            help=f"did you mean {shown(guess)}?" if guess else f"the fleet has {listed(list(known))}",
        )


def is_plain(path: str) -> bool:
    """Whether a file's path is text on one line, as lists and comments of the output need it."""
    return path.isprintable()  # what is no UTF-8 comes as surrogates, which are not


def _inside(root: Path, path: str) -> bool:
    """Whether a path of the fleet stays in it, links followed."""
    real = os.path.realpath(root)
    return os.path.realpath(os.path.join(root, path)).startswith(f"{real.rstrip('/')}/")


def _with_layer_keys(finding: Finding, model: type[TypedTable], keys: tuple[str, ...]) -> Finding:
    """An unknown key may have been meant as one that carries a layer, which the model does not list."""
    if finding.code != "unknown-key":
        return finding
    word = finding.option.rpartition(".")[2]
    known = [*field_names(model), *keys]
    guess = nearest(word, known)
    return replace(finding, help=f"did you mean `{guess}`?" if guess else f"known here: {listed(known)}")
