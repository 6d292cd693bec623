"""What modules offer, for people and editors: every option with its type, default and text.

The text of an option is the string below its field, read from the module's source when somebody asks.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pantheros.fleet.words import describe
from pantheros.synth.library import Module


@dataclass(frozen=True, slots=True)
class OptionText:
    """One option as a page shows it. `path` is relative to the module; `<name>` and `*` stand for keys and elements."""

    path: str
    type: str
    default: Any
    text: str
    required: bool = False


def options_of(module: Module) -> list[OptionText]:
    """Every option of a module, in the order of its source."""
    return list(_fields(module.options, ""))


def text_of(module: Module) -> str:
    """The module's own docstring."""
    return inspect.getdoc(module.code) or ""


@cache
def field_texts(model: type[BaseModel]) -> dict[str, str]:
    """The string below each field of a model, by the field's Python name; those of its bases included."""
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not (issubclass(base, BaseModel) and base is not BaseModel):
            continue
        body = _bodies(sys.modules[base.__module__]).get(base.__qualname__, [])
        for field, below in pairwise(body):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
                and isinstance(below.value.value, str)
            ):
                texts[field.target.id] = " ".join(inspect.cleandoc(below.value.value).split())
    return texts


@cache
def _bodies(module: ModuleType) -> dict[str, list[ast.stmt]]:
    """What the classes of a Python module consist of, by their names."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return {}
    found: dict[str, list[ast.stmt]] = {}
    pending = [("", tree.body)]
    while pending:
        above, body = pending.pop()
        for part in body:
            if isinstance(part, ast.ClassDef):
                found[above + part.name] = part.body
                pending.append((f"{above}{part.name}.", part.body))
    return found


def _fields(model: type[BaseModel], above: str) -> Iterator[OptionText]:
    texts = field_texts(model)
    for name, field in model.model_fields.items():
        path = f"{above}{field.alias or name}"
        text = texts.get(name, "")
        inner = _model_in(field.annotation)
        if inner is None:
            yield OptionText(
                path,
                describe(field.annotation, [*field.metadata, field]),
                plain_default(field),
                text,
                field.is_required(),
            )
            continue
        below, kind = inner
        if kind == "":
            yield from _fields(below, f"{path}.")
            continue
        words = "a list of tables" if kind == ".*" else "a table of tables"
        yield OptionText(path, words, plain_default(field), text, field.is_required())
        yield from _fields(below, f"{path}{kind}.")


def _model_in(annotation: Any) -> tuple[type[BaseModel], str] | None:
    """The model that a field holds, directly (`""`), by name (`.<name>`) or in a list (`.*`)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    arguments = get_args(annotation)
    if get_origin(annotation) is list:
        inner = _model_in(arguments[0])
        return (inner[0], ".*") if inner else None
    if get_origin(annotation) is dict:
        inner = _model_in(arguments[1])
        return (inner[0], ".<name>") if inner else None
    for branch in arguments:
        inner = _model_in(branch) if branch is not type(None) else None
        if inner:
            return inner
    return None


def plain_default(field: FieldInfo) -> Any:
    """A field's default as a user would write it."""
    if field.is_required():
        return None
    return _plain(field.get_default(call_default_factory=True))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True)
    if isinstance(value, dict):
        return {name: _plain(below) for name, below in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(below) for below in value]
    return value
