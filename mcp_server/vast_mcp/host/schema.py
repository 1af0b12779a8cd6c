"""Schemas are flat and small, as every host can read them (docs/hosts.md, "input schemas")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from vast_mcp.errors import Json

if TYPE_CHECKING:
    pass
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

    def expand(node: Any) -> Any:
        if isinstance(node, list):
            return [expand(item) for item in cast("list[Any]", node)]
        if not isinstance(node, dict):
            return node
        node = cast("Json", node)
        if isinstance(ref := node.get("$ref"), str):
            target = {
                k: v for k, v in definitions[ref.rsplit("/", 1)[-1]].items() if k != "description"
            }
            return expand({**target, **{k: v for k, v in node.items() if k != "$ref"}})
        return {
            key: expand(value)
            for key, value in node.items()
            if not (key == "title" and isinstance(value, str))
        }

    return cast("Json", expand(schema))


def input_schema(spec: ToolSpec) -> Json:
    """The closed, flat schema of a tool's arguments."""
    schema = flat(spec.arguments.model_json_schema(schema_generator=Slim))
    schema.pop("description", None)
    schema.setdefault("properties", {})
    return schema


def output_schema(spec: ToolSpec) -> Json:
    """The schema of a tool's result. Nothing is required at the top, since a failure has only
    `error` (docs/hosts.md, "output schemas").
    """
    schema = flat(spec.result.model_json_schema(mode="serialization", schema_generator=Slim))
    schema.pop("description", None)
    schema.pop("required", None)
    schema.pop("additionalProperties", None)
    schema["properties"]["error"] = {
        "type": "object",
        "description": "Only on failure: code, message, next_steps.",
    }
    return schema
