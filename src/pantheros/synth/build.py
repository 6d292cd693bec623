"""A fleet built: from its directory to the files of the flake."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pantheros.findings import Finding, Origin, PantherError, nearest
from pantheros.fleet.files import read_text
from pantheros.fleet.model import DeclaredFleet
from pantheros.fleet.read import FLEET_FILE, is_plain, read_fleet
from pantheros.fleet.words import listed
from pantheros.module import Host
from pantheros.nix.references import Reference, references
from pantheros.nix.words import shown
from pantheros.releases.index import Index
from pantheros.releases.release import Release
from pantheros.synth.cache import Cache, Entry, code_digest, digest, read_or_empty
from pantheros.synth.expand import Expansion, expand
from pantheros.synth.flake import HostPart, flake_nix
from pantheros.synth.layout import COPIES, HostFiles, lay_out
from pantheros.synth.library import Library
from pantheros.synth.parallel import in_parallel
from pantheros.synth.resolve import Resolver
from pantheros.synth.shared_layers import untold
from pantheros.synth.tree import Plan, Tree, Wanted

_WORTH_A_PROCESS = 40
"""Hosts that take longer to work out than a process takes to start."""


@dataclass
class Model:
    """A fleet that was read, with all that is needed to work out its hosts."""

    declared: DeclaredFleet
    resolver: Resolver
    index: Index
    blamed: dict[tuple[str, tuple[str, ...], str | None], list[tuple[str, ...]]] = field(default_factory=dict)
    """Options that were found to be the causes of settings, by module, setting and person."""
    tried: dict[tuple[str, ...], list[bool]] = field(default_factory=dict)
    """Whether an option for a person made a difference, on the hosts where that was tried."""
    fine: set[object] = field(default_factory=set)
    """Settings that were found to be fine, whatever the host."""

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
            help=f"did you mean {guess!r}?" if guess else f"the fleet has {listed(list(hosts)) or 'no hosts yet'}",
        )

    def expand(self, host: Host) -> tuple[list[Expansion], list[Finding]]:
        """A host's settings, and all that is wrong with its options."""
        before = len(self.resolver.findings)
        expansions, findings = expand(self.resolver, host, self.index)
        return expansions, [*host.declared.findings, *self.resolver.findings[before:], *findings]

    def beyond(self, told: Iterable[Finding]) -> list[Finding]:
        """What is wrong with the fleet's shared layers beyond what was `told` of the hosts that have them."""
        return untold(self.declared, self.resolver.library, told)


@dataclass
class Built:
    """The files of a flake by path, and what is wrong.

    A file's content is None where it is known, from an earlier build, to be in the tree already; `fill` has it made.
    """

    model: Model
    files: dict[str, Wanted] = field(default_factory=dict)
    hosts: list[HostPart] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    """What to keep for the next build, by host."""

    def fill(self, paths: Iterable[str]) -> None:
        """Work out the contents of these files, which an earlier build has left to the tree."""
        for name in sorted({path.split("/")[1] for path in paths if self.files[path].content is None}):
            files, _ = _build_host(self.model, self.model.resolver.host(name))
            self.files |= _wanted(files)
            self.model.resolver.forget(self.model.resolver.host(name))

    @property
    def failed(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)


def build(
    root: Path,
    release: Release | None = None,
    *,
    only: Collection[str] | None = None,
    present: Collection[str] = (),
    cached: Mapping[str, Entry] | None = None,
) -> Built:
    """Everything the flake of the fleet in `root` consists of.

    With `only`, the files of these hosts alone; the flake then knows them, and those that are `present` already.
    `cached` holds what hosts came to before, which stands for those that have not changed since.
    """
    model = Model.of(root, release)
    built = Built(model)
    built.findings += model.declared.findings
    for name in only or ():
        model.known_host(name)
    keys = {name: _host_key(root, file) for name, file in model.declared.hosts.files.items()}
    all_hosts = digest(*keys, *keys.values())
    names = [name for name in keys if only is None or name in only or name in present]
    known = {
        name: entry
        for name in names
        if (entry := (cached or {}).get(name)) is not None and _holds(entry, keys[name], all_hosts, root)
    }

    def work_out(some: list[str]) -> list[tuple[Entry, dict[str, Wanted]]]:
        return [_entry(model, name, keys[name], all_hosts) for name in some]

    unknown = [name for name in names if name not in known]
    fresh = dict(zip(unknown, in_parallel(work_out, unknown, _WORTH_A_PROCESS), strict=True))
    copies: set[str] = set()
    for name in names:
        if name in fresh:
            entry, files = fresh[name]
        else:
            entry = known[name]
            files = {
                f"hosts/{name}/{path}": Wanted(there, None, executable)
                for path, (there, executable) in entry.files.items()
            }
        built.hosts.append(entry.part)
        if only is None or name in only:
            built.files |= files
            built.findings += entry.findings
            copies |= set(entry.copies)
            if not any(finding.severity == "error" for finding in entry.findings):
                built.entries[name] = entry
    # Answers are kept for what was written, and nothing is where a shared layer is wrong: they say that none is.
    if not cached:
        built.findings += model.beyond(built.findings)
    for path, wanted, findings in copied(root, copies):
        built.findings += findings
        if wanted is not None:
            built.files[f"{COPIES}/{path}"] = wanted
    flake = flake_nix(model.resolver.fleet, built.hosts, list(model.declared.table.outputs))
    built.files["flake.nix"] = Wanted.of(flake.encode())
    built.findings = [f for f in unique(built.findings) if only is None or not f.host or f.host in only]
    return built


def _host_key(root: Path, file: str) -> str:
    """A digest of the files that are a host's own."""
    report = f"{root}/{posixpath.dirname(file)}/facter.json"
    return digest(file, read_or_empty(f"{root}/{file}"), read_or_empty(report), str(os.path.exists(report)))


def _holds(entry: Entry, key: str, all_hosts: str, root: Path) -> bool:
    return (
        entry.key == key
        and entry.across in (None, all_hosts)
        and all(os.path.exists(f"{root}/{path}") for path in entry.copies)
    )


def _entry(model: Model, name: str, key: str, all_hosts: str) -> tuple[Entry, dict[str, Wanted]]:
    host = model.resolver.host(name)
    model.resolver.looked_across = False
    files, findings = _build_host(model, host)
    wanted = _wanted(files)
    entry = Entry(
        key,
        all_hosts if model.resolver.looked_across else None,
        HostPart.of(host, files),
        {path.removeprefix(f"hosts/{name}/"): (w.digest, w.executable) for path, w in wanted.items()},
        sorted(files.copies),
        findings,
    )
    if not model.resolver.looked_across:
        model.resolver.forget(host)
    return entry, wanted


def _wanted(files: HostFiles) -> dict[str, Wanted]:
    return {
        path: Wanted.of(content.text.encode(), executable=content.executable) for path, content in files.files.items()
    }


def _build_host(model: Model, host: Host) -> tuple[HostFiles, list[Finding]]:
    expansions, findings = model.expand(host)
    files = lay_out(model.resolver, host, expansions)
    return files, [*findings, *files.findings]


@dataclass
class Outcome:
    """A build that was carried out, or would have been."""

    built: Built
    plan: Plan
    findings: list[Finding]
    written: bool

    @property
    def failed(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)


def build_tree(
    root: Path,
    out: Path,
    release: Release | None = None,
    *,
    only: Collection[str] | None = None,
    write: bool = True,
    force: bool = False,
) -> Outcome:
    """Build the fleet in `root` into the directory `out`, changing no more than has to.

    Nothing is written where there is an error finding, or with `write` off. Raises `PantherError` when there is no
    fleet, or the tree cannot be written.
    """
    _apart(root, out)
    tree = Tree(out, str(out))
    cache = Cache.load(out, _shared_key(root, release))
    # What is not in the tree has to be made anyway.
    cached = {name: entry for name, entry in cache.entries.items() if name in tree.hosts}
    built = build(root, release, only=only, present=tree.hosts, cached=cached)
    digests = {path: wanted.digest for path, wanted in built.files.items()}
    known_same = cache.unchanged(out, digests)
    plan = tree.plan(built.files, known_same=known_same, partial=only is not None, force=force)
    built.fill([*plan.create, *plan.change])
    outcome = Outcome(built, plan, [*built.findings, *plan.foreign], False)
    if write and not outcome.failed:
        tree.apply(plan, built.files)
        outcome.written = True
        cache.entries |= built.entries
        cache.entries = {name: entry for name, entry in cache.entries.items() if name in built.model.declared.hosts}
        cache.remember(out, digests, unchanged=known_same)
        cache.save()
    return outcome


def _apart(root: Path, out: Path) -> None:
    """Refuse to write where the fleet's own files are."""
    real = os.path.realpath(out)
    for name in ("hosts", "modules"):
        own = os.path.realpath(root / name)
        if f"{real}/".startswith(f"{own}/"):
            raise PantherError(
                f"cannot write to {out}: it is where the fleet's own {name} are",
                help="choose another directory with `--out`",
            )


def _shared_key(root: Path, release: Release | None) -> str:
    """A digest of what the answers for all hosts rest on."""
    code = code_digest([root / "modules", *Library.installed()])
    return digest(code, release.name if release else "", read_or_empty(root / FLEET_FILE))


def copied(root: Path, paths: Iterable[str]) -> Iterable[tuple[str, Wanted | None, list[Finding]]]:
    """The files of the fleet that the flake needs: those named, and those that raw modules refer to in turn."""
    # Each with where it was named, and whether that was only by what lies in a directory.
    pending = [(path, Origin(path, 1, 1, 1, 1), False) for path in sorted(paths, reverse=True)]
    real = os.path.realpath(root)
    seen: set[str] = set()
    while pending:
        path, where, listed = pending.pop()
        if path in seen:
            continue
        seen.add(path)
        full = root / path
        if path == ".":
            message = "the fleet's own directory cannot be copied: what is written lies in it"
            help = "name what is needed of it"
            yield path, None, [Finding("path-outside-fleet", message, origin=where, help=help)]
        elif not _inside(real, full):
            yield (
                path,
                None,
                [Finding("path-outside-fleet", f"{path} is a link out of the fleet", origin=where)],
            )
        elif not is_plain(path):
            message = f"{shown(path)} is no name for a file that is to be copied: not all of it can be printed"
            yield path, None, [Finding("invalid-name", message, origin=where, help="rename it")]
        elif listed and _leads_back(root, path):
            message = f"{path} is a link to a directory that it lies in: there is no end of copying it"
            yield path, None, [Finding("link-cycle", message, origin=where, help="take the link out")]
        else:
            try:
                mode = full.stat().st_mode
                if stat.S_ISDIR(mode):
                    names = sorted(name for name in os.listdir(full) if name != ".git")
                    below = [posixpath.normpath(f"{path}/{name}") for name in reversed(names)]
                    pending += [(name, Origin(name, 1, 1, 1, 1), True) for name in below]
                    continue
                if not stat.S_ISREG(mode):
                    raise OSError(0, "it is a pipe or a device")
                content = full.read_bytes()
                executable = bool(mode & stat.S_IXUSR)
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
                    for reference in reversed(referred):
                        if os.path.exists(root / reference.path):
                            pending.append((reference.path, reference.origin, False))
                        elif reference.plain:
                            findings.append(_missing(reference, sure=not listed or path.endswith("/default.nix")))
            yield path, Wanted.of(content, executable=executable), findings


def _missing(reference: Reference, *, sure: bool) -> Finding:
    """The finding for a file that a raw module names and that is not there; a warning where perhaps nobody uses the
    module, which only lies in a directory that is copied."""
    message = f"there is no {reference.path}"
    return Finding("missing-file", message, "error" if sure else "warning", origin=reference.origin)


def _leads_back(root: Path, path: str) -> bool:
    """Whether a path is a link to a directory on the way to it."""
    if not os.path.islink(root / path):
        return False
    target = os.path.realpath(root / path)
    while path := posixpath.dirname(path):
        if os.path.realpath(root / path) == target:
            return True
    return target == os.path.realpath(root)


def _inside(real_root: str, path: Path) -> bool:
    return os.path.realpath(path).startswith(real_root + os.sep)


def unique(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in the order of their places, each once."""
    far = Origin("~", 0, 0, 0, 0)
    return sorted(dict.fromkeys(findings), key=lambda f: (f.origin or far, f.code, f.host))
