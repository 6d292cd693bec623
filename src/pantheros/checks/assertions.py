"""What the modules of NixOS and home-manager refuse: settings that cannot go together, and settings that lack another.

The rules lie in `refusals/`, a file a subject; those of `homes.py` are about what is said of each person's home. A rule
is a row of `RULES`: the module that refuses (below `nixos/modules`, or home-manager's `modules`), what to say, and the
conditions that hold together only where it does. A `*` in a path stands for one name, the same in the whole rule. What
no row can say is a function of the same shape, in `FUNCTIONS`. Each was tried with real evaluation of NixOS 24.11;
`last` is the newest release that is known to refuse, where a later one does not or may not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from pantheros.checks.refusals import (
    accounts,
    containers,
    desktops,
    graphics,
    homes,
    machine,
    programs,
    required,
    servers,
    starting,
    upkeep,
)
from pantheros.checks.refusals.rule import Refused, Rule, Said
from pantheros.checks.settings import Wrong
from pantheros.checks.view import HostView, Names, Place
from pantheros.findings import Finding, Related
from pantheros.nix.values import Scope, join_path
from pantheros.synth.merged import EVERY_HOST

_SUBJECTS = (accounts, containers, desktops, graphics, machine, programs, servers, starting, upkeep)
RULES: dict[Scope, tuple[Rule, ...]] = {
    "nixos": tuple(rule for subject in _SUBJECTS for rule in subject.RULES),
    "home": homes.RULES,
}
FUNCTIONS: dict[Scope, tuple[Callable[[Said], Iterator[Refused]], ...]] = {
    "nixos": (
        *(*accounts.FUNCTIONS, *desktops.FUNCTIONS, *machine.FUNCTIONS),
        *(*required.FUNCTIONS, *servers.FUNCTIONS, *starting.FUNCTIONS, *upkeep.FUNCTIONS),
    ),
    "home": homes.FUNCTIONS,
}


def findings(view: HostView) -> Iterator[Finding]:
    """What NixOS would refuse on a host with one of its assertions, or home-manager in a home there."""
    for scope, person, _ in view.scopes():
        said = Said(view, person)
        for rule in RULES[scope]:
            if view.host.release <= rule.last:
                for found in _refused(said, rule):
                    yield from _told(said, found)
        for function in FUNCTIONS[scope]:
            for found in function(said):
                yield from _told(said, found)


def _refused(said: Said, rule: Rule) -> Iterator[Refused]:
    starred = next((path for path in rule.conditions[0].paths if "*" in path), None)
    for name in said.names(starred[: starred.index("*")]) if starred else [""]:
        made_by: list[Names] = []
        lacking: list[Names] = []
        for condition in rule.conditions:
            paths = [tuple(name if step == "*" else step for step in path) for path in condition.paths]
            holding = [path for path in paths if condition.holds(said, path)]
            if len(holding) < (len(paths) if condition.lacking else 1):
                break
            (lacking if condition.lacking else made_by).extend(holding)
        else:
            if not rule.unless(said, name):
                yield Refused(_named(rule.wrong, name), tuple(made_by), tuple(lacking))


def _named(wrong: Wrong, name: str) -> Wrong:
    return replace(wrong, message=wrong.message.replace("{name}", name), help=wrong.help.replace("{name}", name))


def _told(said: Said, found: Refused) -> Iterator[Finding]:
    """The finding; a note in its place where something that only Nix can read may say otherwise."""
    view = said.view
    for path in (*found.made_by, *found.lacking):
        raw = view.may_set(*path)
        if raw is not None:
            view.not_verified(f"`{join_path(path)}`", f"the raw module {raw} may set it: {found.wrong.message}")
            return
    if found.lacking:
        raw = view.may_set("modulesPath")
        others = [f"the raw module {raw}"] if raw else [f"the input {name}" for name in view.foreign_inputs]
        others += ["a setting of `home-manager`"] if said.person and _home_from_outside(view) else []
        if others:
            view.not_verified(f"`{join_path(found.lacking[0])}`", f"{others[0]} may set it: {found.wrong.message}")
            return
    paths = [at for path in found.made_by if (at := said.at(path)) is not None]
    places = [
        (path, _place(said, path, found.inside if path == found.made_by[0] else ())) for path in dict.fromkeys(paths)
    ]
    own = [at for at, (_, place) in enumerate(places) if place.origin and place.origin.file.startswith("hosts/")]
    # Of what the host's own file says, that something is switched on is seldom what is wrong about it.
    own = [at for at in own if at == 0 or places[at][0][-1] != "enable" or places[0][0][-1] == "enable"]
    _, place = places.pop(own[0] if own else 0) if places else ((), Place(None))
    related = [Related(f"`{join_path(path)}` is set here", other.origin) for path, other in places if other.origin]
    wrong = found.wrong
    finding = view.finding(
        wrong.code, wrong.message, place, severity=wrong.severity, help=wrong.help, related=tuple(related)
    )
    yield replace(finding, private=any(_SECRET.search(path[-1]) for path in found.made_by))


_SECRET = re.compile(r"(?i)(password|passphrase|privateKey|token)$")


def _home_from_outside(view: HostView) -> bool:
    """Whether the system's settings say something of homes, besides what every host gets."""
    told = [view.below("home-manager", name).values() for name in ("users", "sharedModules")]
    return any(each.by != EVERY_HOST for group in told for found in group for each in found.definitions)


def _place(said: Said, path: Names, inside: tuple[str | int, ...]) -> Place:
    """Where the definition is that wins, the first of several."""
    setting = said.settings[path]
    winning = next((found for found in setting.definitions if found.bare in setting.winning), setting.definitions[0])
    return said.view.place(said.person, path, winning, inside if len(setting.definitions) == 1 else ())
