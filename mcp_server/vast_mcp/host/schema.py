"""Schemas are flat and small, as every host can read them (docs/hosts.md, "input schemas")."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, cast

from mcp.types import Tool, ToolAnnotations
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from vast_mcp.errors import Json
from vast_mcp.host.flat import flat
from vast_mcp.toolspec import Catalogue, ToolSpec


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
    """The closed, flat schema of a tool's arguments, as every host passes it on."""
    schema = _asked(_schema_of(spec.arguments, "validation"))
    for name in spec.arguments.told_elsewhere:
        schema["properties"][name] = _wordless(schema["properties"][name])
    return schema


def _wordless(node: Json) -> Json:
    """A schema without what describes it and its parts: each of them costs tokens."""
    kept = {key: value for key, value in node.items() if key != "description"}
    if "properties" in kept:
        parts = cast("dict[str, Json]", kept["properties"])
        kept["properties"] = {name: _wordless(part) for name, part in parts.items()}
    return kept


# ── what is asked ────────────────────────────────────────────────────────────────────────────────

# Hosts strip or refuse the others, bounds and defaults among them: the words say those, and the
# models hold to them.
_PASSED_ON = ("type", "enum", "items", "properties", "required", "additionalProperties", "anyOf")
_NEVER_EMPTY = {"integer", "number", "boolean"}
_NOTHING = {"type": "null"}


def _asked(node: Json) -> Json:
    """A schema of what is asked, in the keywords that every host passes on."""
    kept: Json = {key: node[key] for key in _PASSED_ON if key in node}
    if "items" in kept:
        kept["items"] = _asked(kept["items"])
    if kept.get("type") == "object":
        required = kept.get("required", ())
        properties = cast("dict[str, Json]", kept.get("properties", {}))
        kept["properties"] = {
            name: _described(one, required=name in required) for name, one in properties.items()
        }
    return kept


def _described(node: Json, *, required: bool) -> Json:
    """One property. Where every field must be filled, a model says by null that an optional one is
    not given; of texts, lists and objects it says so by an empty one.
    """
    asked = _asked(node)
    if not required and ("enum" in asked or asked["type"] in _NEVER_EMPTY):
        asked = {"anyOf": [asked, _NOTHING]}
    return asked | {"description": node.get("description", "")}


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


def specs_of(catalogue: Sequence[ToolSpec]) -> Mapping[str, ToolSpec]:
    """Tools by name, each loaded when it is asked for where a catalogue can do that."""
    if isinstance(catalogue, Catalogue):
        return catalogue.specs
    return {spec.name: spec for spec in catalogue}


def shown(catalogue: Sequence[ToolSpec]) -> dict[str, Tool]:
    """Tools as a host sees them, by name: as they were recorded, where a catalogue has that."""
    if isinstance(catalogue, Catalogue):
        return _recorded(catalogue)
    return {spec.name: published(spec) for spec in catalogue}


@functools.cache  # servers of one process show the same
def _recorded(catalogue: Catalogue) -> dict[str, Tool]:
    return {name: Tool.model_validate(catalogue.recorded(name)) for name in catalogue.specs}
