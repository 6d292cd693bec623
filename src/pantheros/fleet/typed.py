"""Tables of the fleet's files as pydantic models, and what is wrong with one said in its user's words.

Attributes are snake_case in Python and camelCase in the files. Types are strict: `"yes"` is no boolean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from pantheros.document import Path
from pantheros.findings import Finding, Origin, nearest, slip
from pantheros.fleet.secrecy import names_its_file
from pantheros.fleet.words import choices_at, describe_at, field_names, listed
from pantheros.nix.words import shown

M = TypeVar("M", bound=BaseModel)
Locate = Callable[[Path, bool], Origin | None]
"""Gives the place of a value, or of its key."""


class TypedTable(BaseModel):
    """A table whose keys and types are known. It never changes, so that tables may share what they hold."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", alias_generator=to_camel)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self  # pydantic copies defaults, thousands of times in a large fleet


def check(
    model: type[M],
    data: dict[str, Any],
    locate: Locate,
    *,
    name: str = "",
    noun: Literal["option", "key"] = "option",
    private: bool = False,
) -> tuple[M | None, list[Finding]]:
    """`data` as a `model`, and a finding for each value that does not fit.

    Values that do not fit are left out, as if they had not been written, so that one mistake does not hide another.
    None when nothing can be made of what is left. `name` is the path of the table itself, for messages; where it is
    `private`, they do not repeat values.
    """
    findings: list[Finding] = []
    for attempt in range(8):
        try:
            return model.model_validate(data), findings
        except ValidationError as error:
            wrong = _wrong_places(data, error)
            findings += [
                _finding(model, data, path, details, locate, name, noun, private=private)
                for path, details in wrong.items()
                # Later on, a part may be missing only because it was left out as wrong.
                if attempt == 0 or details["type"] == "value_error"
            ]
            # Something that lacks a part it cannot do without is no use either.
            useless = {path[:-1] if details["type"] == "missing" else path for path, details in wrong.items()}
            if () in useless:
                return None, findings
            data = _without(data, useless)
    return None, findings


def _wrong_places(data: Any, error: ValidationError) -> dict[Path, Any]:
    """Errors by the path in `data`; pydantic's own paths also name the branches of unions."""
    places: dict[Path, Any] = {}
    for details in error.errors(include_url=False, include_context=True):
        path: list[str | int] = []
        value = data
        for step in details["loc"]:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                if details["type"] == "missing" and step == details["loc"][-1]:
                    path.append(step)
                continue
            path.append(step)
        places.setdefault(tuple(path), details)
    # Of a union's branches, the one that got furthest says most.
    return {
        place: details
        for place, details in places.items()
        if not any(len(deeper) > len(place) and deeper[: len(place)] == place for deeper in places)
    }


def _without(data: Any, paths: Iterable[Path]) -> Any:
    # Backwards, so that what comes later in a list is gone before the numbers change.
    for path in sorted(paths, key=lambda p: [(isinstance(s, int), s) for s in p], reverse=True):
        data = _removed(data, path)
    return data


def _removed(data: Any, path: Path) -> Any:
    if not path:
        return {}
    copy = data.copy()
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = _removed(copy[path[0]], path[1:])
    return copy


def _finding(
    model: type[BaseModel],
    data: Any,
    path: Path,
    details: Any,
    locate: Locate,
    name: str,
    noun: str,
    *,
    private: bool,
) -> Finding:
    kind = details["type"]
    full = ".".join([name, *(str(step) for step in path)]).strip(".")
    if kind == "extra_forbidden":
        known = field_names(model, path[:-1])
        guess = nearest(str(path[-1]), known)
        return Finding(
            f"unknown-{noun}",
            f"there is no {noun} `{full}`",
            option=full,
            origin=locate(path, True),
            help=f"did you mean `{guess}`?" if guess else f"known here: {listed(known)}",
            private=private,
            fix=slip(str(path[-1]), guess),
        )
    if kind == "missing":
        return Finding(
            f"missing-{noun}",
            f"`{full}` is missing",
            option=full,
            origin=locate(path[:-1], True),
            help=f"add `{path[-1]}`, {describe_at(model, path)}",
        )
    value = _at(data, path)
    expected = describe_at(model, path)
    if kind == "value_error":
        reason = str(details["ctx"]["error"])
        message = f"`{full}`: {reason}"
        return Finding("invalid-value", message, option=full, origin=locate(path, False))
    own = isinstance(value, str) and names_its_file(str(path[-1] if path else "")) and not value.startswith("/")
    if private or own:  # a secret itself, perhaps, where the file belongs that it lies in
        message = f"`{full}` takes {expected}, which this is not"
        code = "pattern-mismatch" if kind == "string_pattern_mismatch" else "wrong-type"
        return Finding(code, message, option=full, origin=locate(path, False), private=True)
    options = choices_at(model, path)
    if kind == "literal_error" and isinstance(value, str):
        guess = nearest(value, options)
        return Finding(
            "not-one-of",
            f"`{full}` is {shown(value)}, but takes {expected}",
            option=full,
            origin=locate(path, False),
            help=f"did you mean {shown(guess)}?" if guess else "",
            fix=shown(found) if (found := slip(value, guess)) else "",
        )
    code = {
        "string_pattern_mismatch": "pattern-mismatch",
        **dict.fromkeys(
            ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "too_long", "too_short"),
            "out-of-range",
        ),
        **dict.fromkeys(("string_too_short", "string_too_long"), "out-of-range"),
    }.get(kind, "wrong-type")
    help = fix = ""
    if code == "wrong-type" and isinstance(value, str) and expected == "true or false":
        help = "write true or false without quotes"
        fix = value if value in ("true", "false") else ""
    elif code == "wrong-type" and isinstance(value, str) and expected.startswith("a whole number"):
        help = "write the number without quotes" if value.strip("-").isdigit() else ""
        fix = value if re.fullmatch(r"0|-?[1-9][0-9]*", value) else ""
    elif code == "wrong-type" and expected.startswith("a list") and not isinstance(value, list | dict):
        fits = isinstance(value, str) or "number" in expected
        help = f"write [{shown(value)}]" if fits else ""
    elif kind in ("string_type", "literal_error") and isinstance(value, int | float) and not isinstance(value, bool):
        help = "text needs quotes"
    elif kind == "model_type" and (known := field_names(model, path)):
        help = f"known here: {listed(known)}"
    return Finding(
        code,
        f"`{full}` is {shown(value)}, but takes {expected}",
        option=full,
        origin=locate(path, False),
        help=help,
        fix=fix,
    )


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data
