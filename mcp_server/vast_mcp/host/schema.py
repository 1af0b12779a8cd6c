"""Schemas are flat and small, as every host can read them (docs/hosts.md, "input schemas")."""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from vast_mcp.errors import Json
from vast_mcp.toolspec import ToolSpec


class Slim(GenerateJsonSchema):
    """Schemas without titles, null arms or null defaults: hosts strip or choke on them, and each
    costs tokens.
    """

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            made.pop("default")
        return made


def flat(schema: Json) -> Json:
    """The schema with every local `$ref` written out and titles and model docstrings dropped."""
    definitions = cast("Json", schema.pop("$defs", {}))
    return _expanded(schema, definitions)


def _expanded(node: Json, definitions: Json) -> Json:
    """The object with what its `$ref` names in its place, all the way down."""
    ref = node.get("$ref")
    if isinstance(ref, str):
        target = _without("description", definitions[ref.rpartition("/")[-1]])
        return _expanded(target | _without("$ref", node), definitions)
    return {
        key: _expanded_value(value, definitions)
        for key, value in node.items()
        if not _is_title(key, value)
    }


def _expanded_value(value: Any, definitions: Json) -> Any:
    if isinstance(value, list):
        return [_expanded_value(item, definitions) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return _expanded(cast("Json", value), definitions)
    return value


def _without(name: str, schema: Json) -> Json:
    return {key: value for key, value in schema.items() if key != name}


def _is_title(key: str, value: Any) -> bool:
    """Whether this is a title, and not a property of that name."""
    return key == "title" and isinstance(value, str)


def _schema_of(model: type[BaseModel], mode: JsonSchemaMode) -> Json:
    """A model's flat schema, without the model's docstring."""
    schema = flat(model.model_json_schema(mode=mode, schema_generator=Slim))
    schema.pop("description", None)
    return schema


def input_schema(spec: ToolSpec) -> Json:
    """The closed, flat schema of a tool's arguments."""
    schema = _schema_of(spec.arguments, "validation")
    schema.setdefault("properties", {})
    return schema


def output_schema(spec: ToolSpec) -> Json:
    """The schema of a tool's result. Nothing is required at the top, since a failure has only
    `error` (docs/hosts.md, "output schemas").
    """
    schema = _schema_of(spec.result, "serialization")
    schema.pop("required", None)
    schema.pop("additionalProperties", None)
    schema["properties"]["error"] = {
        "type": "object",
        "description": "Only on failure: code, message, next_steps.",
    }
    return schema
