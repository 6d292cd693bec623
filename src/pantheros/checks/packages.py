"""Packages that the release lacks, or knows by another name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial

from pantheros.checks.view import HostView, Place, winning
from pantheros.findings import Finding, Severity, nearest
from pantheros.nix.values import Override, Package, Value, parts, split_path
from pantheros.releases.index import Index, Refused, Status
from pantheros.releases.types import Step


def findings(view: HostView) -> Iterator[Finding]:
    """The packages that a host's settings name, and the release does not have."""
    overlays = _overlays(view)
    for _, person, settings in view.scopes():
        for path, setting in settings.items():
            for definition in setting.definitions:
                for inside, name in named_in(definition.value):
                    status = view.index.package(name)
                    if status.kind in ("known", "alias") and not overlays:
                        yield from _refused(view, name, partial(view.place, person, path, definition, inside))
                    if status.kind in ("known", "group"):
                        continue
                    if status.kind in ("doubtful", "alias") or not status.certain or overlays:
                        if status.kind != "alias":
                            why = overlays or status.detail or f"not all of what {view.index.release} has is known"
                            view.not_verified(f"the package `{name}`", why)
                        continue
                    place = view.place(person, path, definition, inside)
                    message, help = _words(view.index, name, status)
                    if status.kind == "renamed":
                        # The old name is mostly an alias for a while.
                        yield view.finding("renamed-package", message, place, severity="warning", help=help)
                    elif status.kind == "removed":
                        yield view.finding("removed-package", message, place, help=help)
                    else:
                        yield view.finding("unknown-package", message, place, help=help)
    if not overlays:
        yield from _brought(view)


def _brought(view: HostView) -> Iterator[Finding]:
    """The packages that no setting names, but that a module of NixOS or home-manager brings along."""
    for scope, person, settings in view.scopes():
        for option, refused in view.index.brought(scope).items():
            name, _, element = option.partition("=")
            path = split_path(name)
            setting = settings.get(path)
            if setting is None or (*path[:-1], "package") in settings:
                continue
            value = setting.value
            if (isinstance(value, list) and element in value) if element else value is True:
                inside = (value.index(element),) if element and len(setting.definitions) == 1 else ()
                place = partial(view.place, person, path, winning(setting), inside)
                yield from _unless_allowed(view, refused.pname, refused, place)


def _refused(view: HostView, name: str, place: Callable[[], Place]) -> Iterator[Finding]:
    """A package that nixpkgs has, and does not let anybody use unless the configuration allows it."""
    refused = view.index.refused(name)
    if refused is not None:
        yield from _unless_allowed(view, name, refused, place)


def _unless_allowed(view: HostView, name: str, refused: Refused, place: Callable[[], Place]) -> Iterator[Finding]:
    if view.value("nixpkgs.pkgs") is not None:
        return
    # A licence seldom changes; what is insecure or broken does.
    if refused.unfree and not _allowed(view, "Unfree", name, refused.pname):
        severity: Severity = "error" if view.index.release == "24.11" else "warning"
        message = f"`{name}` is not free software, which nixpkgs refuses unless it is allowed"
        help = f'add "{refused.pname}" to `pantherOS.system.nix.allowUnfree`, or set that to true'
        yield view.finding("unfree-package", message, place(), severity=severity, help=help)
    if view.index.release != "24.11":
        return
    if refused.insecure and not _allowed(view, "Insecure", name, refused.pname):
        message = f"nixpkgs {view.index.release} knows `{name}` to be insecure, and refuses it"
        help = "use another, or name it with its version in `nixpkgs.config.permittedInsecurePackages`"
        yield view.finding("insecure-package", message, place(), help=help)
    if refused.broken and view.host.system == "x86_64-linux" and not _allowed(view, "Broken", name, refused.pname):
        message = f"`{name}` is marked as broken in nixpkgs {view.index.release}, which refuses it"
        yield view.finding("broken-package", message, place(), help="use another, or one of another release")


def _allowed(view: HostView, what: str, name: str, pname: str) -> bool:
    """Whether the configuration of nixpkgs allows a package, or may do so."""
    config = ("nixpkgs", "config")
    if view.value((*config, f"allow{what}")) is True:
        return True
    predicate = view.value((*config, f"allow{what}Predicate"))
    permitted = view.value((*config, f"permitted{what}Packages"))
    if f'"{pname}"' in str(getattr(predicate, "code", "")) or any(str(n).startswith(pname) for n in permitted or ()):
        return True
    ours = all(d.module for d in view.system[(*config, f"allow{what}Predicate")].definitions) if predicate else True
    raw = (
        view.may_set(f"allow{what}")
        or view.may_set(f"allow{what}Predicate")
        or view.may_set(f"permitted{what}Packages")
    )
    if raw or not ours:
        view.not_verified(f"whether `{name}` is allowed", f"{raw or 'a predicate'} decides")
    return bool(raw) or not ours


def named_in(value: Value, inside: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], str]]:
    """The packages that a value names, and the way to each."""
    if isinstance(value, Package):
        yield inside, value.name
    elif isinstance(value, Override):
        yield from named_in(value.value, inside)
    elif isinstance(value, str):
        for part in parts(value) if "\0" in value else ():
            if isinstance(part, Package):
                yield inside, part.name
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from named_in(below, (*inside, name))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from named_in(below, (*inside, index))


def _overlays(view: HostView) -> str:
    """Who may add packages, "" where nobody does."""
    if view.below("nixpkgs", "overlays") or view.below("nixpkgs", "config", "packageOverrides"):
        return "an overlay may bring it"
    raw = view.may_set("overlays") or view.may_set("packageOverrides")
    return f"the raw module {raw} may bring it with an overlay" if raw else ""


def _words(index: Index, name: str, status: Status) -> tuple[str, str]:
    message = f"nixpkgs {index.release} has no package `{name}`"
    if status.kind == "renamed":
        return f"nixpkgs {index.release} calls `{name}` now `{status.to}`", f"write `{status.to}`"
    if status.kind == "removed":
        instead = f"use `{status.to}`" if status.to else "take it out"
        return f"{message} any more", f"{instead} ({status.detail.rstrip('.')})" if status.detail else instead
    if status.to:
        return message, f"here it is still called `{status.to}`"
    if status.since is not None:
        return message, f"it comes with {status.since}"
    near = near_package(index, name)
    return message, f"did you mean `{near}`?" if near else "search.nixos.org/packages lists what there is"


@cache
def near_package(index: Index, name: str) -> str | None:
    """The package that a name was most likely meant to be."""
    above, _, last = name.rpartition(".")
    meant = nearest(last, index.packages(above), 0.75)
    if meant is None:
        # Perhaps it is a member of a set: `requests` is `python3Packages.requests`.
        return next((f"{found}.{last}" for found in index.package_sets() if last in index.packages(found)), None)
    return f"{above}.{meant}" if above else meant
