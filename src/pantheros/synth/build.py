"""A fleet built: from its directory to the files of the flake."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pantheros.findings import Finding, Origin, PantherError, nearest
from pantheros.fleet.model import DeclaredFleet
from pantheros.fleet.read import read_fleet, read_text
from pantheros.fleet.typed import listed
from pantheros.module import Host
from pantheros.nix.references import references
from pantheros.releases.index import Index
from pantheros.releases.release import Release
from pantheros.synth.expand import Expansion, expand
from pantheros.synth.flake import HostPart, flake_nix
from pantheros.synth.layout import COPIES, HostFiles, lay_out
from pantheros.synth.library import Library
from pantheros.synth.resolve import Resolver
from pantheros.synth.tree import Wanted


@dataclass
class Model:
    """A fleet that was read, with all that is needed to work out its hosts."""

    declared: DeclaredFleet
    resolver: Resolver
    index: Index

    @classmethod
    def of(cls, root: Path, release: Release | None = None) -> Model:
        declared = read_fleet(root, release)
        library = Library(root)
        declared.findings += library.findings
        return cls(declared, Resolver(declared, library), Index.of(declared.release))

    def known_host(self, name: str) -> Host:
        """The host of that name. `PantherError`, with the nearest, when there is none."""
        hosts = self.declared.hosts
        if name in hosts:
            return self.resolver.host(name)
        guess = nearest(name, hosts)
        raise PantherError(
            f"there is no host {name!r}",
            help=f"did you mean {guess!r}?" if guess else f"the fleet has {listed(list(hosts))}",
        )

    def expand(self, host: Host) -> tuple[list[Expansion], list[Finding]]:
        """A host's settings, and all that is wrong with its options."""
        before = len(self.resolver.findings)
        expansions, findings = expand(self.resolver, host, self.index)
        return expansions, [*self.resolver.findings[before:], *findings]


@dataclass
class Built:
    """The files of a flake by path, and what is wrong."""

    files: dict[str, Wanted] = field(default_factory=dict)
    hosts: list[HostPart] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def build(
    root: Path,
    release: Release | None = None,
    *,
    only: Collection[str] | None = None,
    present: Collection[str] = (),
) -> Built:
    """Everything the flake of the fleet in `root` consists of.

    With `only`, the files of these hosts alone; the flake then knows them, and those that are `present` already.
    """
    model = Model.of(root, release)
    built = Built()
    copies: set[str] = set()
    built.findings += model.declared.findings
    for name in only or ():
        model.known_host(name)
    for name in model.declared.hosts:
        selected = only is None or name in only
        if not selected and name not in present:
            continue
        host = model.resolver.host(name)
        files, findings = build_host(model, host)
        built.hosts.append(HostPart.of(host, files))
        if not selected:
            model.resolver.forget(host)
            continue
        built.findings += findings
        copies |= files.copies
        for path, content in files.files.items():
            built.files[path] = Wanted.of(content.text.encode(), executable=content.executable)
        model.resolver.forget(host)
    for path, wanted, findings in copied(root, copies):
        built.findings += findings
        if wanted is not None:
            built.files[f"{COPIES}/{path}"] = wanted
    flake = flake_nix(model.resolver.fleet, built.hosts, list(model.declared.table.outputs))
    built.files["flake.nix"] = Wanted.of(flake.encode())
    built.findings = [f for f in unique(built.findings) if only is None or not f.host or f.host in only]
    return built


def build_host(model: Model, host: Host) -> tuple[HostFiles, list[Finding]]:
    expansions, findings = model.expand(host)
    files = lay_out(model.resolver, host, expansions)
    return files, [*findings, *files.findings]


def copied(root: Path, paths: Iterable[str]) -> Iterable[tuple[str, Wanted | None, list[Finding]]]:
    """The files of the fleet that the flake needs: those named, and those that raw modules refer to in turn."""
    pending = sorted(paths, reverse=True)
    seen: set[str] = set()
    while pending:
        path = pending.pop()
        if path in seen:
            continue
        seen.add(path)
        where = Origin(path, 1, 1, 1, 1)
        full = root / path
        if not full.resolve().is_relative_to(root.resolve()):
            yield (
                path,
                None,
                [Finding("path-outside-fleet", f"{path} is a link out of the fleet", origin=where)],
            )
        elif full.is_dir():
            with os.scandir(full) as entries:
                names = sorted(entry.name for entry in entries if entry.name != ".git")
            pending += reversed([posixpath.normpath(f"{path}/{name}") for name in names])
        else:
            try:
                content = full.read_bytes()
                executable = bool(full.stat().st_mode & stat.S_IXUSR)
            except OSError as error:
                reason = (error.strerror or "unreadable").lower()
                yield path, None, [Finding("unreadable-file", f"cannot read {path}: {reason}", origin=where)]
                continue
            findings: list[Finding] = []
            if path.endswith(".nix"):
                text, findings = read_text(root, path)
                if text is not None:
                    referred, found = references(path, text)
                    findings += found
                    pending += [p for p in referred if (root / p).exists()]
            yield path, Wanted.of(content, executable=executable), findings


def unique(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in the order of their places, each once."""
    far = Origin("~", 0, 0, 0, 0)
    return sorted(dict.fromkeys(findings), key=lambda f: (f.origin or far, f.code, f.host))
