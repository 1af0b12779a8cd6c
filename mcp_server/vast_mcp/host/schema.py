"""Schemas are flat and small, as every host can read them (docs/hosts.md, "input schemas")."""

from __future__ import annotations

import functools
from typing import Any

from mcp.types import Tool, ToolAnnotations
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from vast_mcp.errors import Json
from vast_mcp.host.flat import flat
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


@functools.cache  # building schemas takes 5 ms a tool
def published(spec: ToolSpec) -> Tool:
    """A tool as a host sees it."""
    return Tool(
        name=spec.name,
        title=spec.title,
        description=spec.description,
        input_schema=input_schema(spec),
        output_schema=output_schema(spec),
        annotations=ToolAnnotations(
            title=spec.title,
            read_only_hint=spec.read_only,
            destructive_hint=spec.destructive,
            idempotent_hint=spec.idempotent,
            open_world_hint=spec.open_world,
        ),
    )
