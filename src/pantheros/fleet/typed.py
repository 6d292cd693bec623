"""Tables of the fleet's files as pydantic models, and what is wrong with one said in its user's words.

Attributes are snake_case in Python and camelCase in the files. Types are strict: `"yes"` is no boolean.
"""

from __future__ import annotations

import datetime
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Self, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from pantheros.document import Path
from pantheros.findings import Finding, Origin, nearest
from pantheros.nix.values import Expression, FleetPath, Override, Package, parts

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
) -> tuple[M | None, list[Finding]]:
    """`data` as a `model`, and a finding for each value that does not fit.

    Values that do not fit are left out, as if they had not been written, so that one mistake does not hide another.
    None when nothing can be made of what is left. `name` is the path of the table itself, for messages.
    """
    findings: list[Finding] = []
    for attempt in range(8):
        try:
            return model.model_validate(data), findings
        except ValidationError as error:
            wrong = _wrong_places(data, error)
            findings += [
                _finding(model, data, path, details, locate, name, noun)
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
    model: type[BaseModel], data: Any, path: Path, details: Any, locate: Locate, name: str, noun: str
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
    options = choices_at(model, path)
    if kind == "literal_error" and isinstance(value, str):
        guess = nearest(value, options)
        return Finding(
            "not-one-of",
            f"`{full}` is {shown(value)}, but takes {expected}",
            option=full,
            origin=locate(path, False),
            help=f"did you mean {shown(guess)}?" if guess else "",
        )
    code = {
        "string_pattern_mismatch": "pattern-mismatch",
        **dict.fromkeys(
            ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "too_long", "too_short"),
            "out-of-range",
        ),
        **dict.fromkeys(("string_too_short", "string_too_long"), "out-of-range"),
    }.get(kind, "wrong-type")
    help = ""
    if code == "wrong-type" and isinstance(value, str) and expected == "true or false":
        help = "write true or false without quotes"
    elif code == "wrong-type" and isinstance(value, str) and expected.startswith("a whole number"):
        help = "write the number without quotes" if value.strip("-").isdigit() else ""
    elif code == "wrong-type" and expected.startswith("a list") and not isinstance(value, list | dict):
        help = f"write [{shown(value)}]"
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
    )


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


# Types in words -----------------------------------------------------------------------------------------------


def _annotation(model: type[BaseModel], path: Sequence[str | int]) -> tuple[Any, Sequence[Any]]:
    """The type of what lies at `path` below `model`, and the constraints on it."""
    annotation: Any = model
    metadata: Sequence[Any] = ()
    for step in path:
        annotation = _model_or_container(annotation, step)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = field_of(annotation, str(step))
            if field is None:
                return Any, ()
            annotation, metadata = field.annotation, [*field.metadata, field]
        else:
            arguments = get_args(annotation)
            annotation, metadata = (arguments[-1], ()) if arguments else (Any, ())
    return annotation, metadata


def _model_or_container(annotation: Any, step: str | int) -> Any:
    """Of a union's branches, the one that has something at `step`."""
    annotation = _bare(annotation)
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation
    wanted = list if isinstance(step, int) else dict
    for branch in map(_bare, get_args(annotation)):
        is_model = isinstance(branch, type) and issubclass(branch, BaseModel)
        if get_origin(branch) is wanted or (wanted is dict and is_model):
            return branch
    return Any


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


def field_of(model: type[BaseModel], alias: str) -> FieldInfo | None:
    return next((field for field in model.model_fields.values() if field.alias == alias), None)


def field_names(model: type[BaseModel], path: Sequence[str | int] = ()) -> list[str]:
    """The keys that the table at `path` knows, as they are written in files."""
    annotation = _annotation(model, path)[0]
    for branch in (_bare(annotation), *map(_bare, get_args(annotation))):
        if isinstance(branch, type) and issubclass(branch, BaseModel):
            return [field.alias or name for name, field in branch.model_fields.items()]
    return []


def choices_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    annotation = _annotation(model, path)[0]
    found = []
    for branch in (annotation, *get_args(annotation)):
        if get_origin(branch) is Literal:
            found += [str(choice) for choice in get_args(branch)]
    return found


def describe_at(model: type[BaseModel], path: Sequence[str | int]) -> str:
    return describe(*_annotation(model, path))


_WORDS: dict[Any, str] = {
    bool: "true or false",
    str: "a string",
    int: "a whole number",
    float: "a number",
    Any: "any value",
    type(None): "nothing",
}
_PLURALS = {
    "true or false": "booleans",
    "any value": "any values",
    "a string": "strings",
    "a whole number": "whole numbers",
    "a number": "numbers",
    "a list": "lists",
    "a table": "tables",
}


def describe(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """A type in words: `a list of strings`, `one of "podman", "docker-compat"`, `a whole number from 1 to 64`."""
    for constraint in metadata:
        if isinstance(constraint, FieldInfo) and constraint.description:
            return constraint.description
    if hasattr(annotation, "__metadata__"):
        inner, *more = get_args(annotation)
        return describe(inner, [c for m in more for c in ([m, *m.metadata] if isinstance(m, FieldInfo) else [m])])
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return f"one of {', '.join(shown(choice) for choice in arguments)}"
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(describe(a) for a in arguments if a is not type(None)))
    if origin is list:
        return f"a list {_each(describe(arguments[0]))}"
    if origin is dict:
        return f"a table {_each(describe(arguments[1]))}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "a table"
    return _WORDS.get(annotation, "a value") + _bounds(metadata)


def _each(words: str) -> str:
    """What the elements of a list or table are: `of strings`; `, each an absolute path`."""
    for one, many in _PLURALS.items():
        if words == one or words.startswith((f"{one} of ", f"{one} from ", f"{one} that matches ")):
            return f"of {many}{words[len(one) :].replace(' that matches ', ' that match ')}"
    return f"whose elements are each {words}"


def _bounds(metadata: Sequence[Any]) -> str:
    low = high = pattern = None
    for constraint in metadata:
        low = getattr(constraint, "ge", low)
        high = getattr(constraint, "le", high)
        pattern = getattr(constraint, "pattern", pattern)
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" of at least {low}"
    if high is not None:
        return f" of at most {high}"
    return f" that matches `{pattern}`" if pattern else ""


def shown(value: Any) -> str:
    """A value as a user would write it, shortened."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, str):
        text = "".join(p if isinstance(p, str) else f"${{{shown(p)}}}" for p in parts(value))
        text = text if len(text) <= 60 else text[:57] + "..."
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(value, list):
        return "[]" if not value else f"a list ({', '.join(map(shown, value[:3]))}{', ...' if value[3:] else ''})"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, Package):
        return f"pkgs.{value.name}"
    if isinstance(value, FleetPath):
        return f"the path {value.path}"
    if isinstance(value, Expression):
        return "a Nix expression"
    if isinstance(value, Override):
        return shown(value.value)
    if isinstance(value, datetime.date | datetime.time):
        return f"the date or time {value}"
    return str(value)


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names in a sentence, cut where there are too many."""
    quoted = [f"`{name}`" for name in names[:most]]
    return ", ".join(quoted) + (f" and {len(names) - most} more" if len(names) > most else "")
