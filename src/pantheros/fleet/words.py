"""Types and values in the words that users know them by.

A type is described from a pydantic model's annotation: `a list of strings`, `a whole number from 1 to 64`.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pantheros.nix.words import shown


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


def field_of(model: type[BaseModel], key: str) -> FieldInfo | None:
    return next((field for name, field in model.model_fields.items() if (field.alias or name) == key), None)


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
        least = ", not empty," if any(getattr(c, "min_length", 0) for c in metadata) else ""
        return f"a list{least} {_each(describe(arguments[0]))}"
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
    if pattern:
        return f" that matches `{pattern}`"
    return " that is not empty" if any(getattr(c, "min_length", 0) for c in metadata) else ""


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names in a sentence, cut where there are too many."""
    quoted = [f"`{name}`" for name in names[:most]]
    return ", ".join(quoted) + (f" and {len(names) - most} more" if len(names) > most else "")
