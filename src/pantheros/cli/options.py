"""`panther options`: options of NixOS, home-manager and pantherOS, found and explained; and fetching their lists."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pantheros.checks.view import HostView
from pantheros.cli.fleet import JsonOption, ReleaseOption, is_fleet, parse_release
from pantheros.cli.output import nix, one_line, paragraph, plain, print_json, printable, say, table
from pantheros.findings import BrokenModule, PantherError, nearest
from pantheros.fleet.read import FLEET_FILE, read_fleet
from pantheros.fleet.secrecy import hidden
from pantheros.nix.values import Scope, join_path, split_path
from pantheros.releases.index import UNKNOWN, Index, Status
from pantheros.releases.release import CURRENT, Release
from pantheros.synth.build import Model
from pantheros.synth.describe import OptionText, options_of
from pantheros.synth.library import Library, Module

Names = tuple[str, ...]

SCOPES: tuple[Scope, ...] = ("nixos", "home")
OURS = "pantherOS"
WHOSE = {"nixos": "NixOS", "home": "home-manager", OURS: "pantherOS"}
SHOWN = 50
"""As many options as a person reads; the rest are counted."""
_WIDEST_TYPE = 60
_FORMER = 100
"""What old names are ranked behind."""


class Whose(StrEnum):
    NIXOS = "nixos"
    HOME = "home"


FleetOption = Annotated[
    Path | None, typer.Option("--fleet", metavar="DIR", help="The fleet's directory.", show_default="here")
]


def _where(fleet: Path | None, release: str | None) -> tuple[Path | None, Release]:
    """The fleet asked about, None where there is none; and the release: asked for, the fleet's or the current one."""
    asked = parse_release(release)
    if fleet is None and is_fleet(Path()):
        fleet = Path()
    if fleet is not None and not is_fleet(fleet):
        raise PantherError(f"{fleet} is not a fleet: it has no {FLEET_FILE}")
    if asked is None:
        asked = read_fleet(fleet).release if fleet is not None else CURRENT
    return fleet, asked


# Search -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    name: str
    scope: str
    type: str
    text: str = ""
    old: bool = False
    to: str = ""


def search(
    words: Annotated[list[str], typer.Argument(metavar="WORDS...", help="Words that the option's name has.")],
    scope: Annotated[Whose | None, typer.Option("--scope", help="Options of NixOS, or of home-manager, alone.")] = None,
    release: ReleaseOption = None,
    fleet: FleetOption = None,
    json: JsonOption = False,
) -> int:
    """Find options whose names have all the words."""
    root, of = _where(fleet, release)
    wanted = [word.lower() for given in words for word in given.split()]
    if not wanted:
        raise PantherError("no word to search for")
    index = Index.of(of)
    found = [*_ours(root, wanted)] if scope is None else []
    for each in SCOPES:
        if scope in (None, each):
            found += _theirs(index, each, wanted)
    found.sort(key=lambda option: _rank(option, wanted))
    if json:
        rows = [
            {
                "name": option.name,
                "type": option.type or None,
                "scope": option.scope,
                "old": option.old,
                "to": option.to or None,
                "text": option.text or None,
            }
            for option in found
        ]
        print_json({"release": of.name, "words": wanted, "options": rows})
        return int(not found)
    if not found:
        say(f"no option of {of} has {' and '.join(wanted)} in its name")
        return 1
    shown = found[:SHOWN]
    texts = any(option.text for option in shown)
    titles = ("option", "type", "scope", "what it does")
    cells = [(option.name, _kind(option), option.scope, option.text) for option in shown]
    table(titles if texts else titles[:3], cells if texts else [row[:3] for row in cells])
    if len(found) > SHOWN:
        say(f"and {len(found) - SHOWN:,} more: say more words, or --json for all")
    return 0


def _kind(option: _Found) -> str:
    if option.old:
        return f"old: it is {option.to} now" if option.to else "old: removed"
    kind = option.type or "not known"
    return kind if len(kind) <= _WIDEST_TYPE else kind[: _WIDEST_TYPE - 1] + "…"


def _ours(root: Path | None, words: list[str]) -> Iterator[_Found]:
    for module in Library(root).modules.values():
        try:
            options = options_of(module)
        except BrokenModule:
            continue  # `panther modules` tells what is wrong with it
        for option in options:
            name = f"{OURS}.{module.name}.{option.path}"
            if _matches(name, words):
                yield _Found(name, OURS, option.type, _first_sentence(option.text))


def _theirs(index: Index, scope: Scope, words: list[str]) -> Iterator[_Found]:
    for name in index.names(scope):
        if _matches(name, words):
            status = index.status(scope, split_path(name))
            kind = status.option.type if status.option else ""
            yield _Found(name, scope, kind, old=status.kind in ("renamed", "removed"), to=status.to)


def _matches(name: str, words: list[str]) -> bool:
    lower = name.lower()
    return all(word in lower for word in words)


def _rank(option: _Found, words: list[str]) -> tuple[int, int, int, str]:
    """Where an option stands among those found: what is asked for exactly comes first, old names last."""
    names = split_path(option.name)
    last = names[-1].lower()
    parts = {part for name in names for part in (name.lower(), *_parts(name))}
    dotted = f".{option.name.lower()}."
    whole = all(word in parts or f".{word}." in dotted for word in words)
    exact = last == "".join(words) or (whole and (last in words or set(_parts(names[-1])) <= set(words)))
    rank = 0 if exact else 1 if whole else 2
    return rank + _FORMER * option.old, len(names), len(option.name), option.name


def _parts(name: str) -> list[str]:
    """The words that a name is made of: `openFirewall` is `open` and `firewall`."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)] or [name.lower()]


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.;:])\s", text, maxsplit=1)[0].rstrip(";:")


# Show ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _By:
    """Who says what an option comes to. A layer says options of ours; modules and raw settings those of NixOS."""

    value: str
    layer: str = ""
    module: str = ""
    option: str = ""
    """The option of ours behind it."""
    origin: str = ""


@dataclass
class _Set:
    """What an option comes to, on the hosts where it is the same for the same reasons."""

    option: str
    """Its full name, where one with `<name>` or a group was asked for."""
    value: Any
    person: str | None
    by: tuple[_By, ...]
    hosts: list[str] = field(default_factory=list)


@dataclass
class _Answer:
    name: str
    scope: str
    kind: str
    """As `Status.kind` has it."""
    type: str = ""
    default: str = ""
    """Nix code, or the manual's words; "" where it is not known."""
    read_only: bool = False
    to: str = ""
    since: str = ""
    detail: str = ""
    text: str = ""
    members: list[str] = field(default_factory=list)
    """What lies right below a group."""
    set: list[_Set] | None = None
    """None without a fleet."""
    not_verified: dict[str, list[str]] = field(default_factory=dict)
    """Raw modules that may set it, and their hosts."""


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An option of NixOS, home-manager or pantherOS.")],
    release: ReleaseOption = None,
    fleet: FleetOption = None,
    json: JsonOption = False,
) -> int:
    """Explain an option; in a fleet, also who sets it and where."""
    root, of = _where(fleet, release)
    try:
        path = split_path(name)
    except ValueError as error:
        raise PantherError(str(error), help='quote a name that has a dot: services."a.b".enable') from error
    library, index = Library(root), Index.of(of)
    answers: list[_Answer] = []
    if path[0] == OURS:
        answers += [answer] if (answer := _our_answer(library, path)) else []
    else:
        answers += [answer for scope in SCOPES if (answer := _their_answer(index, scope, path))]
    if root is not None and answers:
        model = Model.of(root, of)
        for answer in answers:
            answer.set = _set_ours(model, answer) if answer.scope == OURS else []
        _set_theirs(model, path, [answer for answer in answers if answer.scope != OURS])
    later = "" if answers or path[0] == OURS else _later(index, path)
    guess = None if answers else _guess(library, index, path)
    if json:
        print_json(
            {
                "name": name,
                "release": of.name,
                "found": bool(answers),
                "nearest": guess,
                "options": [_json(answer) for answer in answers],
            }
        )
        return int(not answers)
    if not answers:
        meant = f"; did you mean {guess}?" if guess else ""
        say((name, "bold"), f": {'pantherOS' if path[0] == OURS else f'NixOS {of}'} has no such option{later}{meant}")
        return 1
    for number, answer in enumerate(answers):
        say() if number else None
        _print(answer, of)
    return 0


def _their_answer(index: Index, scope: Scope, path: Names) -> _Answer | None:
    """What the index says of an option; None where it has none of that name."""
    status = index.status(scope, path)
    name = join_path(path).replace('"<name>"', "<name>").replace('"*"', "*")
    if status.kind == "unknown" or (status.kind == "doubtful" and status.option is None):
        return None
    since = f"{status.since}{'' if status.certain else ' or another release'}" if status.since else ""
    answer = _Answer(name, scope, status.kind, to=status.to, since=since, detail=status.detail)
    if status.kind == "group":
        answer.members = index.members(scope, path)
    if status.option is not None:
        # What is listed for an old name is not what it takes: that is what the new one does.
        now = index.option(scope, split_path(status.to)) if status.kind == "renamed" and status.to else status.option
        answer.type = now.type if now else ""
        answer.read_only = status.option.read_only
        answer.default = _default(index, scope, path, status)
        if status.option.below:
            answer.detail = answer.detail or f"a part of `{status.option.name}`"
            answer.type = f"inside {answer.type}"
    return answer


def _default(index: Index, scope: Scope, path: Names, status: Status) -> str:
    """An option's default. The release's own list is believed before the packaged one."""
    if status.option is not None and status.option.default_text:
        return status.option.default_text
    known = index.default(scope, path) if index.fetched(scope) is None else UNKNOWN
    return "" if known is UNKNOWN else nix(known)


def _later(index: Index, path: Names) -> str:
    later = [status.since for scope in SCOPES if (status := index.status(scope, path)).since]
    return f"; it comes with {later[0]}" if later else ""


def _module(library: Library, path: Names) -> Module | None:
    """The module that an option of ours belongs to."""
    names = (".".join(path[1 : length + 1]) for length in range(1, len(path)))
    return next((library.modules[name] for name in names if name in library.modules), None)


def _our_answer(library: Library, path: Names) -> _Answer | None:
    module, name = _module(library, path), join_path(path).replace('"<name>"', "<name>").replace('"*"', "*")
    if module is None:
        below = sorted({other[len(path) - 1] for other in _names(library) if other[: len(path) - 1] == path[1:]})
        return _Answer(name, OURS, "group", members=below) if below else None
    asked = path[1 + len(module.names) :]
    options = options_of(module)
    found = next((option for option in options if _is(option, asked)), None)
    if found is None:
        below = sorted({parts[len(asked)] for option in options if _starts(parts := _split(option), asked)})
        text = module.summary if not asked else ""
        return _Answer(name, OURS, "group", members=below, text=text) if below else None
    default = "" if found.required else nix(found.default)
    return _Answer(name, OURS, "known", found.type, default, text=found.text)


def _names(library: Library) -> list[Names]:
    return [module.names for module in library.modules.values()]


def _split(option: OptionText) -> list[str]:
    return option.path.split(".")


def _starts(parts: list[str], asked: Names) -> bool:
    """Whether an option's name goes on below what was asked for, where `<name>` and `*` stand for anything."""
    return len(parts) > len(asked) and all(
        part in ("<name>", "*", name) for part, name in zip(parts, asked, strict=False)
    )


def _is(option: OptionText, asked: Names) -> bool:
    parts = _split(option)
    return len(parts) == len(asked) and _starts([*parts, ""], asked)


def _guess(library: Library, index: Index, path: Names) -> str | None:
    """The name that an unknown one was most likely meant to be."""
    name = join_path(path)
    if path[0] != OURS:
        near = []
        for scope in SCOPES:
            meant = index.nearest(scope, path)
            if meant is not None:
                whole = (*split_path(meant), *path[len(split_path(meant)) :])
                near.append(join_path(whole) if index.status(scope, whole).kind == "known" else meant)
        return nearest(name, near, cutoff=0) if near else None
    module = _module(library, path)
    if module is None:
        for length in range(len(path), 1, -1):
            meant = library.nearest(path[1:length])
            if meant:
                return join_path((OURS, *meant.split("."), *path[length:]))
        return None
    return nearest(name, [f"{OURS}.{module.name}.{option.path}" for option in options_of(module)])


def _set_theirs(model: Model, path: Names, answers: list[_Answer]) -> None:
    """Fill in who sets an option of NixOS or home-manager, and on which hosts."""
    if not answers:
        return
    same: dict[tuple[Any, ...], _Set] = {}
    for name in model.declared.hosts:
        host = model.resolver.host(name)
        expansions, _ = model.expand(host)
        view = HostView.of(model, host, expansions)
        for scope, person, settings in view.scopes():
            answer = next((answer for answer in answers if answer.scope == scope), None)
            for full, setting in settings.items() if answer is not None and answer.set is not None else ():
                if not _below(path, full):
                    continue
                by = []
                for definition in setting.definitions:
                    place = view.place(person, full, definition)
                    raw = definition.module is None
                    by.append(
                        _By(
                            one_line(hidden(definition.value, full[-1])),
                            layer=definition.by if raw else "",
                            module=definition.module or "",
                            option="" if raw else place.option,
                            origin=str(place.origin or ""),
                        )
                    )
                value = hidden(setting.value, full[-1])
                found = _Set(join_path(full), value, person, tuple(by))
                where = (scope, full, person, nix(value), found.by)
                if where not in same and answer and answer.set is not None:
                    answer.set.append(found)
                same.setdefault(where, found).hosts.append(name)
        raw_module = view.may_set(*(part for part in path if part not in ("<name>", "*")))
        if raw_module is not None:
            for answer in answers:
                answer.not_verified.setdefault(raw_module, []).append(name)
        model.resolver.forget(host)


def _below(path: Names, full: Names) -> bool:
    """Whether a setting is at or below a path, in which `<name>` stands for anything."""
    return len(full) >= len(path) and all(part in ("<name>", name) for part, name in zip(path, full, strict=False))


def _set_ours(model: Model, answer: _Answer) -> list[_Set]:
    """What an option of ours comes to where somebody sets it, and the layers that do."""
    path = split_path(answer.name)[1:]
    path = path[: next((i for i, part in enumerate(path) if part in ("<name>", "*")), len(path))]
    module = _module(model.resolver.library, (OURS, *path))
    if module is None:
        return []
    same: dict[tuple[Any, ...], _Set] = {}
    for name in model.declared.hosts:
        host = model.resolver.host(name)
        common: tuple[_By, ...] = ()
        for person in (None, *host.people):
            said = model.resolver.stack(host, person).contributions("pantherOS", path)
            by = tuple(_By(one_line(each.value), each.table.layer, origin=str(each.origin)) for each in said)
            if not by or (person is not None and by == common):
                continue
            common = by if person is None else common
            value: Any = model.resolver.resolved(host, module, person).model_dump(by_alias=True)
            for part in path[len(module.names) :]:
                value = value.get(part) if isinstance(value, dict) else None
            who = person.name if person else None
            found = _Set(join_path((OURS, *path)), value, who, by)
            same.setdefault((who, nix(value), by), found).hosts.append(name)
    return list(same.values())


def _json(answer: _Answer) -> dict[str, Any]:
    return {
        "name": answer.name,
        "scope": answer.scope,
        "kind": answer.kind,
        "type": answer.type or None,
        "default": answer.default or None,
        "read_only": answer.read_only,
        "to": answer.to or None,
        "since": answer.since or None,
        "detail": answer.detail or None,
        "text": answer.text or None,
        "members": answer.members,
        "set": None
        if answer.set is None
        else [
            {
                "option": each.option,
                "value": plain(each.value),
                "person": each.person,
                "hosts": each.hosts,
                "by": [
                    {
                        "value": by.value,
                        "layer": by.layer or None,
                        "module": by.module or None,
                        "option": by.option or None,
                        "origin": by.origin or None,
                    }
                    for by in each.by
                ],
            }
            for each in answer.set
        ],
        "not_verified": [{"module": module, "hosts": hosts} for module, hosts in answer.not_verified.items()],
    }


def _print(answer: _Answer, release: Release) -> None:
    whose = WHOSE[answer.scope]
    say((answer.name, "bold"), (f"  {whose}" + (f" {release}" if answer.scope != OURS else ""), "cyan"))
    since = f" since {answer.since}" if answer.since else ""
    lines = {
        "what": {
            "group": f"a group: {_few(answer.members, 40)}",
            "renamed": f"an old name{since}: it is {answer.to} now",
            "removed": f"removed{since}" + (f": use {answer.to}" if answer.to else ""),
        }.get(answer.kind, f"new in {answer.since}" if answer.since else ""),
        "type": answer.type,
        "default": answer.default if len(answer.default) <= 200 else answer.default[:199] + "…",
        "read only": f"{whose} sets it itself" if answer.read_only else "",
        "note": answer.detail,
        "does": answer.text,
    }
    if answer.kind == "known":
        lines["type"] = lines["type"] or f"not known for {release}"
        lines["default"] = lines["default"] or ("required, or worked out" if answer.scope == OURS else "not known")
    for label, text in lines.items():
        if text:
            paragraph((f"  {label.ljust(9)}  ", "dim"), printable(" ".join(text.split())))
    for each in answer.set or ():
        below = f"{each.option} = " if each.option != answer.name else ""
        person = f" for {each.person}" if each.person else ""
        hosts = f"on {_few(each.hosts)}{person}"
        paragraph(("  set        ", "dim"), f"{below}{one_line(each.value)}", (f"  {hosts}", "cyan"))
        for by in each.by:
            who = f"{OURS}.{by.module}" if by.module else by.layer
            because = f", for {by.option}" if by.option else ""
            value = f": {by.value}" if len(each.by) > 1 else ""
            paragraph("               ", f"by {who}{because}{value}", (f"  {by.origin}", "dim"))
    if answer.set == [] and not answer.not_verified:
        say(("  set        ", "dim"), "nowhere in this fleet")
    for module, on in answer.not_verified.items():
        paragraph(("  not verified: ", "cyan"), f"the raw module {module} may set it on {_few(on)}")


def _few(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


# Sync ---------------------------------------------------------------------------------------------------------


def sync(
    release: ReleaseOption = None,
    source: Annotated[
        str, typer.Option("--from", metavar="URL", help="NixOS's list from elsewhere: an address or a file.")
    ] = "",
    home: Annotated[
        str, typer.Option("--home-from", metavar="URL", help="home-manager's list, too: an address or a file.")
    ] = "",
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="How long to wait.")] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Fetch and check, but keep nothing.")] = False,
    json: JsonOption = False,
) -> int:
    """Fetch the list of options that a release's channel publishes."""
    # What fetching needs is imported by nothing else.
    from pantheros.releases.sync import sync as fetch_lists  # noqa: PLC0415

    _, of = _where(None, release)
    terminal = sys.stderr.isatty()
    try:
        found = fetch_lists(
            of,
            source=source,
            home=home,
            write=not dry_run,
            timeout=timeout,
            progress=_progress if terminal else None,
        )
    finally:
        if terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    if json:
        lists = [
            {
                "scope": each.scope,
                "options": each.options,
                "url": each.source.url,
                "sha256": each.source.sha256,
                "verified": each.verified,
                "file": str(each.file),
            }
            for each in found
        ]
        print_json({"release": of.name, "written": not dry_run, "lists": lists})
        return 0
    for each in found:
        say((f"{WHOSE[each.scope]} {of}", "bold"), f": {each.options:,} options from {printable(each.source.url)}")
        say(f"  SHA-256 {each.source.sha256}" + ("" if each.verified else ": nothing to compare it with"))
        say("  checked; nothing was kept" if dry_run else f"  kept in {each.file}")
    if not home:
        say("home-manager publishes no list: what is known of it stays (see --home-from)")
    return 0


def _progress(url: str, done: int, total: int | None) -> None:
    of = f" of {total / 1e6:.1f}" if total else ""
    print(f"\r\x1b[K{url.rpartition('/')[2]}: {done / 1e6:.1f}{of} MB", end="", file=sys.stderr, flush=True)


commands: dict[str, Callable[..., int]] = {"search": search, "show": show, "sync": sync}
