"""The sections of systemd-networkd's units, of which NixOS knows every field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pantheros.checks.settings import Wrong
from pantheros.checks.view import HostView, Names
from pantheros.findings import Finding, nearest
from pantheros.fleet.words import shown
from pantheros.nix.values import Override, Raw, Value, join_path
from pantheros.releases.index import NetworkdSection

_UNITS = (("systemd", "network"), ("boot", "initrd", "systemd", "network"))


def findings(view: HostView) -> Iterator[Finding]:
    """What NixOS would refuse of a host's networks, links and devices."""
    sections = view.index.networkd
    for top in _UNITS if sections else ():
        for path, setting in view.below(*top).items():
            depth = len(top) + (2 if path[len(top)] == "config" else 3)
            names = list(path[len(top) : depth])
            if len(names) > 2:
                names[1] = "<name>"
            for definition in setting.definitions:
                value = _bare(definition.value)
                one, several = sections.get(".".join(names)), sections.get(".".join((*names, "*")))
                if one is not None and len(path) == depth + 1:
                    for wrong in _field(one, path[:-1], path[-1], value):
                        place = view.place(None, path, definition, key=wrong.code == "unknown-setting")
                        yield view.finding(wrong.code, wrong.message, place, help=wrong.help)
                elif several is not None and len(path) == depth and isinstance(value, list):
                    for index, element in enumerate(value):
                        for wrong in _element(several, path, element):
                            inside = (index, *wrong.inside)
                            place = view.place(None, path, definition, inside, key=wrong.code == "unknown-setting")
                            yield view.finding(wrong.code, wrong.message, place, help=wrong.help)


def _bare(value: Value) -> Value:
    return value.value if isinstance(value, Override) else value


def _element(section: NetworkdSection, path: Names, element: Value) -> Iterator[Wrong]:
    if not isinstance(element, Mapping) or (section.legacy and section.legacy in element):
        return
    for name, value in element.items():
        for wrong in _field(section, path, name, _bare(value)):
            yield Wrong(wrong.code, wrong.message, wrong.help, inside=(name,))


def _field(section: NetworkdSection, path: Names, name: str, value: Value) -> Iterator[Wrong]:
    """What is wrong with one field of a section."""
    where = f"`{join_path((*path, name))}`"
    if name not in section.fields:
        near = nearest(name, sorted(section.fields))
        help = f"did you mean `{near}`?" if near else "systemd.network(5) and systemd.netdev(5) list what there is"
        yield Wrong("unknown-setting", f"{where} is no field of this section that NixOS knows", help)
    elif isinstance(value, Raw) or (isinstance(value, str) and "\0" in value):
        return
    elif name in section.one_of and not any(type(value) is type(c) and value == c for c in section.one_of[name]):
        words = ", ".join(shown(choice) for choice in section.one_of[name])
        yield Wrong("not-one-of", f"{where} is {shown(value)}, but is one of {words}")
    elif name in section.whole and (isinstance(value, bool) or not isinstance(value, int)):
        yield Wrong("wrong-type", f"{where} is {shown(value)}, but is a whole number")
    elif name in section.range and isinstance(value, int) and not isinstance(value, bool):
        least, most = section.range[name]
        if value < least or (most is not None and value > most):
            within = f"from {least} to {most}" if most is not None else f"at least {least}"
            yield Wrong("out-of-range", f"{where} is {value}, but is a number {within}")
