"""JSON Schema of the fleet's files, from the same models that check them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from pantheros.fleet.tables import (
    DefaultsTable,
    FleetTable,
    HostTable,
    PersonTable,
    ProfileTable,
    SecretTable,
)
from pantheros.synth.describe import field_texts, options_of
from pantheros.synth.library import Library, Module

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def fleet_schema(library: Library) -> Schema:
    """The schema of `fleet.toml`."""
    definitions = _definitions(library)
    schema = _model(FleetTable)
    properties = schema["properties"]
    properties["people"] = {
        "type": "object",
        "description": "The humans with accounts on hosts, by account name.",
        "additionalProperties": _layered(_model(PersonTable), ("pantherOS", "home")),
    }
    properties["secrets"] = {
        "type": "object",
        "description": "The secrets in 1Password, by the name that options use.",
        "additionalProperties": {
            "anyOf": [{"type": "string", "pattern": "^op://"}, _model(SecretTable)],
        },
    }
    properties["defaults"] = _layered(_model(DefaultsTable))
    properties["profiles"] = {
        "type": "object",
        "description": "Layers of options that hosts share, by name.",
        "additionalProperties": _layered(_model(ProfileTable)),
    }
    return {"$schema": _DIALECT, "title": "fleet.toml", **schema, "$defs": definitions}


def host_schema(library: Library) -> Schema:
    """The schema of `host.toml`."""
    schema = _layered(_model(HostTable))
    person = _layered({"type": "object", "properties": {}, "additionalProperties": False}, ("pantherOS", "home"))
    schema["properties"]["people"] = {
        "description": "Who has an account here: names of the fleet's people; or a table by name, to set options too.",
        "anyOf": [
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": person},
        ],
    }
    schema["properties"]["imports"]["items"] = {"type": "string"}
    return {"$schema": _DIALECT, "title": "host.toml", **schema, "$defs": _definitions(library)}


def _definitions(library: Library) -> Schema:
    """One definition a module, and `pantherOS` which holds them all."""
    modules = {f"pantherOS.{module.name}": _module(module) for module in library.modules.values()}
    return {"pantherOS": _tree(library.tree), **modules}


def _tree(tree: dict[str, Any]) -> Schema:
    properties = {
        name: {"$ref": f"#/$defs/pantherOS.{below.name}"} if isinstance(below, Module) else _tree(below)
        for name, below in sorted(tree.items())
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _module(module: Module) -> Schema:
    schema = _model(module.options)
    schema["description"] = module.summary
    # A module's options may lie on any layer, so that what is required may come from another one.
    schema.pop("required", None)
    for option in options_of(module):
        _describe(schema, option.path.split("."), option.text)
    return schema


def _describe(schema: Schema, path: list[str], text: str) -> None:
    for name in path:
        if name == "*":
            schema = schema.get("items", {})
        elif name == "<name>":
            schema = schema.get("additionalProperties", {})
        else:
            schema = schema.get("properties", {}).get(name, {})
        if "anyOf" in schema and name != path[-1]:
            schema = next((branch for branch in schema["anyOf"] if branch.get("type") in ("object", "array")), schema)
        if not isinstance(schema, dict):
            return
    if text and schema:
        schema["description"] = text


def _model(model: type[BaseModel]) -> Schema:
    """A model's schema with nothing referred to by name, so that it stands anywhere."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    inlined: Schema = _inlined(schema, definitions)
    inlined["additionalProperties"] = False
    texts = field_texts(model)
    for name, field in model.model_fields.items():
        if name in texts:
            inlined["properties"][field.alias or name]["description"] = texts[name]
    inlined.pop("title", None)
    return inlined


def _inlined(schema: Any, definitions: Schema) -> Any:
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _inlined({**definitions[name], **{k: v for k, v in schema.items() if k != "$ref"}}, definitions)
    return {
        key: _inlined(value, definitions)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }


def _layered(schema: Schema, roots: tuple[str, ...] = ("pantherOS", "nixos", "home")) -> Schema:
    """A table that also carries a layer: assignments, and the mirrors that force them or make them defaults."""
    texts = {
        "pantherOS": "Options of pantherOS.",
        "nixos": "Raw NixOS settings.",
        "home": "Raw home-manager settings.",
    }
    tables: Schema = {
        root: {"$ref": "#/$defs/pantherOS"} if root == "pantherOS" else {"type": "object", "description": texts[root]}
        for root in roots
    }
    mirror: Schema = {"type": "object", "properties": tables, "additionalProperties": False}
    schema["properties"] |= {
        **tables,
        "force": {**mirror, "description": "Assignments that win over the usual ones of every layer."},
        "default": {**mirror, "description": "Assignments that yield to the usual ones of every layer."},
    }
    return schema
