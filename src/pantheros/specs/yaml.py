"""YAML as the reference reads it: the core schema of YAML 1.2, one document, no key twice."""

from __future__ import annotations

import re
from typing import Any

import yaml

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NotYaml(ValueError):
    """A text is no YAML; the message says what is wrong, and where."""


class _Loader(_Base):  # type: ignore[misc]  # which of the two there is depends on how PyYAML was built
    """Without YAML 1.1's own: `yes` and `2026-01-01` are texts, `<<` is a key, `010` is ten."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _as_key(self.construct_object(key_node, deep=True))
            if key in found:
                said = f'the key "{key}" is there twice'
                raise yaml.constructor.ConstructorError(None, None, said, key_node.start_mark)
            found[key] = self.construct_object(value_node, deep=True)
        return found


def _as_key(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else ""
    return str(value)


_DECIMAL = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)"
_RULES = (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", rf"{_DECIMAL}(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+.0123456789"),
)
for _name, _pattern, _first in _RULES:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}", re.compile(rf"(?:{_pattern})\Z"), [*_first, *([""] if _name == "null" else [])]
    )


def _number(loader: Any, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text[2:] if base != 10 else text, base)


def _plain(loader: Any, _tag: str, node: yaml.Node) -> Any:
    """What has a tag that means nothing here, without it."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _number)
_Loader.add_multi_constructor("", _plain)


def read_yaml(text: str) -> Any:
    """The data in a document; None where it is empty. Raises `NotYaml`."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise NotYaml(f"{what} (line {mark.line + 1})" if mark else what) from error
    except (ValueError, RecursionError) as error:
        raise NotYaml(str(error) or "it is nested too deep") from error
