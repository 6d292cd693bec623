"""Settings against the release: names that it has, values that its types take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pantheros.checks.raw_modules import declares_options, may_set
from pantheros.checks.view import HostView, Names, Place, written_by_hand
from pantheros.findings import Finding, Severity, nearest, slip
from pantheros.fleet.secrecy import names_a_secret, names_its_file
from pantheros.nix.values import Override, Scope, Value, join_path, key, split_path
from pantheros.nix.words import shown
from pantheros.releases.index import Index, Option, Status
from pantheros.releases.type_grammar import parse
from pantheros.releases.types import ANYTHING, Mismatch, Step, Submodule, Type, at
from pantheros.synth.merged import Definition, leaves

_NUMBER = re.compile(r"0|-?[1-9][0-9]*")
WHOSE = {"nixos": "NixOS", "home": "home-manager"}


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with one definition. `inside` leads from its value to the part at fault."""

    code: str
    message: str
    help: str = ""
    severity: Severity = "error"
    inside: tuple[Step, ...] = ()
    depth: int | None = None
    """How many names of the path lead to the one at fault, where that is not the last."""
    fix: str = ""
    value_said: str = ""
    """Where the message repeats the value: the same without it."""


def findings(view: HostView) -> Iterator[Finding]:
    """What a host's settings and the release disagree about."""
    yield from _without_input(view)
    for scope, person, settings in view.scopes():
        for path, setting in settings.items():
            for definition in setting.definitions:
                for wrong in _judged(view, scope, path, definition):
                    place = _place(view, person, path, definition, wrong)
                    finding = view.finding(wrong.code, wrong.message, place, severity=wrong.severity, help=wrong.help)
                    # What a module made of an option is not what is written there.
                    finding = replace(finding, fix=wrong.fix if definition.module is None else "")
                    name = next((step for step in reversed((*path, *wrong.inside)) if isinstance(step, str)), "")
                    if (wrong.value_said and names_a_secret(name)) or _no_file(name, definition.bare):
                        # The value may be a secret; it is not repeated.
                        finding = replace(finding, message=wrong.value_said or finding.message, private=True)
                        finding = replace(finding, help="" if wrong.value_said else finding.help)
                    elif wrong.code == "unknown-setting" and _nearly_a_secret(wrong):
                        finding = replace(finding, private=True)
                    yield finding


def _no_file(name: str, value: Value) -> bool:
    """Whether a secret may stand where the file belongs that it lies in."""
    return names_its_file(name) and isinstance(value, str) and not value.startswith("/") and "\0" not in value


def _nearly_a_secret(wrong: Wrong) -> bool:
    """Whether the name that is probably meant is a secret's."""
    return any(names_a_secret(step) for step in re.split(r"[`.]", wrong.help))


_OF_INPUTS: dict[Scope, dict[Names, tuple[str, str]]] = {
    "nixos": {
        ("disko",): ("disko", "enable `pantherOS.filesystems.disks`, which brings it"),
        ("environment", "persistence"): (
            "impermanence",
            "enable `pantherOS.filesystems.impermanence`, which brings it",
        ),
        ("facter",): ("nixos-facter-modules", "enable `pantherOS.hardware.facter`, which brings it"),
        ("home-manager",): ("home-manager", "write what is for a person's home below `[home]`, which brings it"),
        ("services", "onepassword-secrets"): ("opnix", "name the fleet's secrets under `[secrets]`, which brings it"),
    },
    "home": {
        ("programs", "onepassword-secrets"): ("opnix", "name the fleet's secrets under `[secrets]`, which brings it"),
    },
}
"""Options that an input brings, by how their names begin: the input, and how a host comes to have it."""


def _without_input(view: HostView) -> Iterator[Finding]:
    """Settings of inputs that the host does not have: they exist, and not there. Told once for each input."""
    for scope, person, settings in view.scopes():
        for beginning, (input, help) in _OF_INPUTS[scope].items():
            first = next((path for path in settings if path[: len(beginning)] == beginning), None)
            if first is None or input in view.inputs[scope]:
                continue
            raw = view.may_set(input)
            if raw:
                view.not_verified(f"`{join_path(first)}`", f"the raw module {raw} may bring {input}")
                continue
            message = f"`{join_path(first)}` is an option of {input}, which this host does not have"
            place = view.place(person, first, settings[first].definitions[-1], key=True)
            yield view.finding("unknown-setting", message, place, help=help)


def _place(view: HostView, person: str | None, path: Names, definition: Definition, wrong: Wrong) -> Place:
    if definition.module is None and wrong.depth is not None:
        return view.place(person, path[: wrong.depth], definition, key=True)._replace(option=join_path(path))
    return view.place(person, path, definition, wrong.inside, key=wrong.code.endswith("-setting"))


def _judged(view: HostView, scope: Scope, path: Names, definition: Definition) -> list[Wrong]:
    """As `judge`; what was fine on one host is not looked at again on the next."""
    value = definition.value
    if not isinstance(value, str | int | None):  # what is compared at once, and never by halves
        return judge(view, scope, path, definition)
    known = (scope, path, type(value), value, definition.module is None)
    if known in view.model.fine:
        return []
    notes = len(view.notes)
    found = judge(view, scope, path, definition)
    if not found and len(view.notes) == notes:
        view.model.fine.add(known)
    return found


def judge(view: HostView, scope: Scope, path: Names, definition: Definition) -> list[Wrong]:
    """What is wrong with the name that a definition sets, or with its value."""
    if scope == "nixos" and path[:2] == ("home-manager", "users") and len(path) > 3:
        found = judge(view, "home", path[3:], definition)
        return [replace(wrong, depth=wrong.depth + 3) if wrong.depth else wrong for wrong in found]
    if path[0] in ("disabledModules", "_module"):
        return []  # no options: words of the module system itself
    if path[0] in ("force", "default"):
        message = f"{WHOSE[scope]} has no option `{join_path(path)}`"
        return [Wrong("unknown-setting", message, f"a priority comes first: `[{path[0]}.{scope}]`", depth=1)]
    status = view.index.status(scope, path)
    match status.kind:
        case "known":
            assert status.option is not None
            flags = _flags(scope, path, status.option, ours=not written_by_hand(view, definition))
            return [*flags, *_value(view, scope, path, status.option, definition)]
        case "group":
            return _group(scope, path, definition.value)
        case "renamed":
            return _renamed(view, scope, path, status, definition)
        case "removed":
            name = f"{WHOSE[scope]} {view.index.release} has no `{join_path(path)}` any more"
            instead = f"use `{status.to}`" if status.to else "take it out"
            help = f"{instead} ({status.detail.rstrip('.')})" if status.detail else instead
            if not status.certain:
                view.not_verified(f"`{join_path(path)}`", f"{WHOSE[scope]} may have removed it: {help}")
                return []
            return [Wrong("removed-setting", name, help, "warning" if _ignored(path) else "error")]
        case "doubtful":
            why = status.detail or f"what {WHOSE[scope]} {view.index.release} has is not known whole"
            view.not_verified(f"`{join_path(path)}`", why)
            return []
        case _:
            return _unknown(view, scope, path, status, definition)


_IGNORED = (
    ("networking", "interfaces", "*", "subnetMask"),
    ("systemd", "network", "networks", "*", "dhcpConfig"),
    ("systemd", "network", "networks", "*", "dhcpV6PrefixDelegationConfig"),
    ("systemd", "network", "networks", "*", "ipv6PrefixDelegationConfig"),
)
"""What is removed, and of which NixOS 24.11 says nothing where it is set: nothing there asks for it."""


def _ignored(path: Names) -> bool:
    return any(len(path) >= len(each) and all(map(_fits, each, path)) for each in _IGNORED)


def _fits(part: str, name: str) -> bool:
    return part in ("*", name)


def _flags(scope: Scope, path: Names, option: Option, *, ours: bool) -> Iterator[Wrong]:
    name = join_path(path)
    if option.read_only and not option.below:
        yield Wrong("read-only-setting", f"`{name}` is {WHOSE[scope]}'s own to set", "take it out")
    elif option.internal and not (option.hidden or option.below or ours or path[-1] == "type"):
        message = f"`{name}` is an internal option of {WHOSE[scope]}, which may change without a word"
        yield Wrong("internal-setting", message, "set what it is worked out from", "info")


def _group(scope: Scope, path: Names, value: Value) -> list[Wrong]:
    if value == {} or (isinstance(value, Override) and isinstance(value.value, dict)):
        return []
    message = f"`{join_path(path)}` is {shown(value)}, but is a set of options in {WHOSE[scope]}"
    return [Wrong("wrong-type", message, "set one of the options below it")]


def _renamed(view: HostView, scope: Scope, path: Names, status: Status, definition: Definition) -> list[Wrong]:
    name, whose = join_path(path), f"{WHOSE[scope]} {view.index.release}"
    if not status.certain:
        view.not_verified(f"`{name}`", f"{whose} may call it `{status.to}`")
        return []
    message = f"{whose} calls `{name}` now `{status.to}`"
    severity: Severity = "warning" if status.option is not None else "error"
    new = split_path(status.to) if status.to else path
    alike = next((i for i, (old, now) in enumerate(zip(path, new, strict=False)) if old != now), len(path))
    # Where but one of its names is another, that one can be written over: by one, or by several where it is the last.
    single = path[alike + 1 :] == new[alike + 1 :] or len(path) == alike + 1
    # What is worked out into the new one's value is not that value.
    worked_out = status.option is not None and status.option.type == "unspecified value"
    fix, depth = (join_path(new[alike : len(new) - len(path[alike + 1 :])]), alike + 1) if single else ("", None)
    fix = "" if worked_out else fix
    wrong = [Wrong("renamed-setting", message, f"write `{status.to}`", severity, depth=depth, fix=fix)]
    now = view.index.status(scope, split_path(status.to)) if status.to else status
    if status.option is not None and not worked_out and now.kind == "known" and now.option is not None:
        # An old name has the type of the new one, whatever is listed for it.
        wrong += _value(view, scope, path, now.option, definition)
    return wrong


def _unknown(view: HostView, scope: Scope, path: Names, status: Status, definition: Definition) -> list[Wrong]:
    above = _option_above(view.index, scope, path)
    if above is not None:
        # Not a name too many, but a set where the option takes something else.
        length, option = above
        kind = at(parse(option.type), option.below)
        value = _nested(path[length:], definition.value)
        if kind is not None and not isinstance(kind, Submodule) and not kind.accepts(value):
            return [refusal(path[:length], Mismatch((), value, kind))]
    name = join_path(path)
    reason = _may_be_declared(view, scope, path)
    if reason:
        view.not_verified(f"`{name}`", reason)
        return []
    message = f"{WHOSE[scope]} {view.index.release} has no option `{name}`"
    depth = next(n for n in range(1, len(path) + 1) if view.index.status(scope, path[:n]).kind == status.kind)
    help = fix = ""
    if status.to:
        help = f"here it is still called `{status.to}`"
    elif status.since is not None:
        help = f"it comes with {status.since}"
    elif (near := view.index.nearest(scope, path)) is not None:
        help = f"did you mean `{near}`?"
        fix = key(found) if (found := slip(path[depth - 1], split_path(near)[-1])) else ""
    elif scope == "nixos" and view.index.status("home", path).kind in ("known", "group"):
        help = f"home-manager has it: write it below `[home]`, as `home.{name}`"
    elif scope == "home" and view.index.status("nixos", path).kind in ("known", "group"):
        help = f"NixOS has it: write it below `[nixos]`, as `nixos.{name}`"
    return [Wrong("unknown-setting", message, help, depth=depth, fix=fix)]


def _slip(near: str | None, name: str) -> bool:
    """Whether a name is so near to one that exists that it can hardly be another on purpose."""
    if near is None:
        return False
    depth = len(split_path(near))
    meant, said = split_path(near)[-1], split_path(name)[depth - 1]
    return nearest(said, [meant], 0.85) is not None and len(said) > 4


def _may_be_declared(view: HostView, scope: Scope, path: Names) -> str:
    """Who may declare an option of which nothing is known here; "" where nobody does.

    What is nearly a known name is taken for a slip, unless a module that declares options has the words of it.
    """
    root = view.model.declared.root
    near = view.index.nearest(scope, path)
    lengths = range(1, len(path) + 1)
    unknown = next((n for n in lengths if view.index.status(scope, path[:n]).kind == "unknown"), len(path))
    for found in view.raw_modules:
        if declares_options(root, found.path) and (near is None or may_set(root, found.path, path[:unknown])):
            return f"the raw module {found.path} may declare it"
    if view.foreign_inputs and not _slip(near, join_path(path)):
        return f"the input {view.foreign_inputs[0]} may declare it"
    return ""


def _option_above(index: Index, scope: Scope, path: Names) -> tuple[int, Option] | None:
    """The option that a path goes on below, as if it were a set; and how much of the path is its name."""
    for length in range(len(path) - 1, 0, -1):
        status = index.status(scope, path[:length])
        if status.kind == "known" and status.option is not None:
            return length, status.option
    return None


def _nested(path: Names, value: Value) -> Value:
    for name in reversed(path):
        value = {name: value}
    return value


# Values -------------------------------------------------------------------------------------------------------


def _value(view: HostView, scope: Scope, path: Names, option: Option, definition: Definition) -> list[Wrong]:
    if not option.type:
        return []
    kind = at(parse(option.type), option.below)
    if kind is None:
        return _set_for_another(path, option, definition.value)
    if not kind.understood and written_by_hand(view, definition):
        what = f"the value of `{join_path(path)}`"
        view.not_verified(what, f"what its type takes is not known here: {kind.description.splitlines()[0]}")
    inside = _Inside(view, scope, path)
    return [refusal(path, found) for found in kind.mismatches(definition.value, inside)]


def _set_for_another(path: Names, option: Option, value: Value) -> list[Wrong]:
    """What is wrong where a name is set below a value that can have none."""
    whole, above = parse(option.type), len(path) - len(option.below)
    length = next(n for n in range(len(option.below)) if at(whole, option.below[: n + 1]) is None)
    kind = at(whole, option.below[:length])
    assert kind is not None
    return [refusal(path[: above + length], Mismatch((), _nested(option.below[length:], value), kind))]


@dataclass(frozen=True)
class _Inside:
    """Looks into the sets of options within a value."""

    view: HostView
    scope: Scope
    path: Names

    def __call__(self, path: tuple[Step, ...], value: Mapping[str, Value], free: Type | None) -> Iterator[Mismatch]:
        for names, below in leaves(dict(value)):
            whole = (*self.path, *map(str, path), *names)
            status = self.view.index.status(self.scope, whole)
            if status.kind == "unknown" and free is None and _listed(self.view.index, self.scope, (*self.path, *path)):
                near = self.view.index.nearest(self.scope, whole)
                # Only where no more than the last of the names is meant otherwise.
                meant = split_path(near)[-1] if near and len(split_path(near)) == len(whole) else ""
                yield Mismatch((*path, *names), below, ANYTHING, "unknown-setting", near=meant)
            elif status.kind == "unknown" and free is not None:
                kind = at(free, names[1:])
                if kind is not None:
                    yield from kind.mismatches(below, None, (*path, *names))
            elif status.kind == "doubtful":
                self.view.not_verified(
                    f"`{join_path(whole)}`", f"not all of what {self.view.index.release} has is known"
                )
            elif status.option is not None and status.option.type:
                kind = at(parse(status.option.type), status.option.below)
                if kind is not None:
                    yield from kind.mismatches(below, self, (*path, *names))


def _listed(index: Index, scope: Scope, path: tuple[Any, ...]) -> bool:
    """Whether the options below a path are known."""
    return bool(index.members(scope, tuple(map(str, path))))


def refusal(path: Names, found: Mismatch) -> Wrong:
    """What a type has against a part of a setting's value, in words."""
    name = name_within(path, found.path)
    value = found.value.value if isinstance(found.value, Override) else found.value
    if found.code == "unknown-setting":
        meant, said = found.near, str(found.path[-1])
        help = f"did you mean `{name_within(path, (*found.path[:-1], meant))}`?" if meant else ""
        fix = key(meant) if meant and slip(said, meant) else ""
        return Wrong("unknown-setting", f"there is no option `{name}`", help, inside=found.path, fix=fix)
    kind = found.expected.description.strip()
    help = fix = ""
    if found.code == "wrong-type" and isinstance(value, str) and found.expected.accepts(_unquoted(value)):
        help = f"write {value} without quotes"
        fix = value
    elif found.code == "wrong-type" and isinstance(value, int | float) and found.expected.accepts(str(value)):
        help = "text needs quotes"
    elif found.code == "wrong-type" and not isinstance(value, list | dict) and found.expected.accepts([value]):
        help = f"write [{shown(value)}]"
    elif found.code == "wrong-type" and isinstance(value, str) and found.expected.accepts([_unquoted(value)]):
        help = f"write [{value}]"
    elif isinstance(value, str):
        near = _nearest_choice(found.expected, value)
        help = f"did you mean {shown(near)}?" if near is not None else ""
        fix = shown(near) if near is not None and slip(value, near) else ""
    message, without = f"`{name}` is {shown(value)}, but is of type {kind}", f"`{name}` is of type {kind}"
    return Wrong(found.code, message, help, inside=found.path, fix=fix, value_said=without)


def name_within(path: Names, inside: tuple[Step, ...]) -> str:
    """A place in a setting's value: `networking.firewall.allowedTCPPorts[1]`."""
    name = join_path(path)
    for step in inside:
        name += f"[{step}]" if isinstance(step, int) else f".{join_path((step,))}"
    return name


def _unquoted(text: str) -> Value:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _NUMBER.fullmatch(text) else text


def _nearest_choice(kind: Type, value: str) -> str | None:
    kinds = [kind, *getattr(kind, "choices", ())]
    texts = [choice for each in kinds for choice in getattr(each, "values", ()) if isinstance(choice, str)]
    return nearest(value, texts)
