"""What a service, or an element of a list or set, cannot do without."""

from __future__ import annotations

from collections.abc import Iterator

from pantheros.checks.refusals.rule import Refused, Said
from pantheros.checks.settings import Wrong
from pantheros.checks.view import Names
from pantheros.nix.values import Raw, join_path
from pantheros.releases.index import Required


def missing(said: Said) -> Iterator[Refused]:
    """`lib/modules.nix`: options without a default that something asks for, of which nothing is said.

    A warning: with other settings beside it, a module may do without one after all.
    """
    for trigger, required in said.view.index.required().items():
        if trigger[:2] not in said.below or (required.where and said.value(required.where) is not True):
            continue
        if trigger[-1] == "enable":
            if said.value(trigger) is True:
                yield from _of(said, trigger, trigger[:-1], required)
        elif trigger[-1] == "*":
            yield from _of_elements(said, trigger, required)
        else:
            for element in _elements(said, (), trigger):
                yield from _of(said, element, element, required)


def _elements(said: Said, path: Names, rest: Names) -> Iterator[Names]:
    """The paths that a pattern stands for, of which something is said."""
    if not rest:
        yield path
        return
    for name in said.names(path) if rest[0] == "<name>" else rest[:1]:
        if (*path, name) in said.below:
            yield from _elements(said, (*path, name), rest[1:])


def _of(said: Said, trigger: Names, group: Names, required: Required) -> Iterator[Refused]:
    for need in required.needs:
        path = (*group, *need)
        known = said.view.index.status("nixos", path).kind == "known"  # in a later release it may be gone
        if known and not said.anything(path):
            yield Refused(_wrong(join_path(group), join_path(need)), (trigger,), (path,))


def _of_elements(said: Said, trigger: Names, required: Required) -> Iterator[Refused]:
    """What elements of lists lack, each told at its place."""
    above = trigger[:-1]
    if "*" in above:
        return
    for path in said.settings:
        if len(path) != len(above) or not all(part in ("<name>", name) for part, name in zip(above, path, strict=True)):
            continue
        value = said.value(path)
        for at, element in enumerate(value if isinstance(value, list) else ()):
            if not isinstance(element, dict) or any(isinstance(each, Raw) for each in element.values()):
                continue
            for need in required.needs:
                if len(need) == 1 and need[0] not in element:
                    yield Refused(_wrong(f"{join_path(path)}[{at}]", need[0]), (path,), (), (at,))


def _wrong(where: str, need: str) -> Wrong:
    message = f"`{where}` says no `{need}`, which has no default"
    return Wrong("missing-setting", message, f"set `{where}.{need}`", "warning")


FUNCTIONS = (missing,)
