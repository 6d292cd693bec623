"""systemd's units: what NixOS takes in their sections, where an option's type says no more than "systemd option"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pantheros.checks.settings import name_within
from pantheros.checks.view import HostView, Names, written_by_hand
from pantheros.findings import Finding, nearest
from pantheros.fleet.words import listed
from pantheros.nix.values import Raw, join_path
from pantheros.nix.words import shown
from pantheros.releases.index import Section, unit_sections
from pantheros.synth.merged import Definition


def findings(view: HostView) -> Iterator[Finding]:
    """Settings of units that NixOS refuses: names that a section lacks, and values that a setting cannot have."""
    # Later releases take more; what they would refuse is not known.
    if view.index.release > "24.11":
        return
    sections = unit_sections()
    for path, setting in view.system.items():
        if path[0] != "systemd" and path[:3] != ("boot", "initrd", "systemd"):
            continue
        for length in range(2, len(path) + 1):
            section = sections.get(_pattern(path[:length]))
            if section is None:
                continue
            for definition in setting.definitions:
                if written_by_hand(view, definition):
                    yield from _in_section(view, section, path, length, definition)


def _pattern(path: Names) -> str:
    """An option's name, as the list has it: `systemd.network.networks.<name>.networkConfig`."""
    # Units of the initial RAM disk and of people's sessions are like those of the system.
    within = path[2:] if path[:2] == ("boot", "initrd") else path
    within = (within[0], *within[2:]) if within[:2] == ("systemd", "user") else within
    named = 3 if within[:2] == ("systemd", "network") else 2
    return ".".join("<name>" if index == named else name for index, name in enumerate(within))


def _in_section(
    view: HostView, section: Section, path: Names, length: int, definition: Definition
) -> Iterator[Finding]:
    value = definition.bare
    if section.old:
        for index, element in enumerate(value if isinstance(value, list) and length == len(path) else ()):
            if isinstance(element, Mapping):
                inner = element.get(section.old)
                inside, fields = ((index, section.old), inner) if isinstance(inner, Mapping) else ((index,), element)
                for name, each in fields.items():
                    yield from _field(view, section, path, definition, (*inside, name), each)
    elif length + 1 == len(path):
        yield from _field(view, section, path, definition, (path[-1],), value)


def _field(
    view: HostView, section: Section, path: Names, definition: Definition, inside: tuple[str | int, ...], value: Any
) -> Iterator[Finding]:
    name = str(inside[-1])
    if isinstance(value, Raw):
        return
    leaf = len(inside) == 1
    place = view.place(None, path, definition, () if leaf else inside)
    said = join_path(path) if leaf else name_within(path, inside)
    if section.fields and name not in section.fields:
        near = nearest(name, section.fields)
        help = f"did you mean `{near}`?" if near else f"it takes {listed(list(section.fields))}"
        yield view.finding("unknown-setting", f"NixOS takes no `{said}` there", place, help=help)
    elif name in section.one_of and not any(
        type(each) is type(value) and each == value for each in section.one_of[name]
    ):
        choices = section.one_of[name]
        near = nearest(str(value), [str(choice) for choice in choices])
        help = f"did you mean {shown(near)}?" if near and near != value else ""
        message = f"`{said}` is {shown(value)}, but takes one of {', '.join(map(shown, choices))}"
        yield view.finding("not-one-of", message, place, help=help)
    elif name in section.integers and (isinstance(value, bool) or not isinstance(value, int)):
        yield view.finding("wrong-type", f"`{said}` is {shown(value)}, but takes a whole number", place)
    elif name in section.ranges and isinstance(value, int | float) and not isinstance(value, bool):
        least, most = section.ranges[name]
        if value < least or (most is not None and value > most):
            within = f"from {least} to {most}" if most is not None else f"of {least} or more"
            message = f"`{said}` is {shown(value)}, but takes a number {within}"
            yield view.finding("out-of-range", message, place)
