"""Input schemas pass through every host's conversion, and a call in which every field had to be
filled asks for no more than one in which none was.

The conversions are stated here anew, as they are documented; `make hosts` runs the real ones.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from house import call, lenient_world, needed, served
from vast_mcp.host.arguments import arguments_of
from vast_mcp.host.schema import published
from vast_mcp.settings import Settings
from vast_mcp.toolspec import ToolSpec
from vast_mcp_tools import CATALOGUE

Schema = dict[str, Any]
IDS = [spec.name for spec in CATALOGUE]
by_tool = pytest.mark.parametrize("spec", CATALOGUE, ids=IDS)
SCALARS = {"integer", "number", "boolean"}


def of(spec: ToolSpec) -> Schema:
    return published(spec).input_schema


def objects(schema: Schema) -> Any:
    """Every object inside a schema, itself first."""
    yield schema
    for node in schema["properties"].values():
        if node.get("type") == "object":
            yield from objects(node)


def properties(schema: Schema) -> Any:
    """Every property, with whether it is required."""
    for one in objects(schema):
        for name, node in one["properties"].items():
            yield name, node, name in one.get("required", ())


@by_tool
def test_a_schema_holds_types_and_choices_alone(spec: ToolSpec) -> None:
    """Bounds, patterns and defaults are stripped by some hosts and refused by others; one keyword
    more in one tool and a host fails on every turn (docs/hosts.md, "input schemas").
    """
    for name, node, required in properties(of(spec)):
        arms = node.get("anyOf", [node])
        kind = arms[0]
        extra = set(kind) - {"type", "enum", "items", "description"}
        assert extra <= {"properties", "required", "additionalProperties"}, name
        empties = kind["type"] in {"string", "array", "object"} and "enum" not in kind
        if required or empties:
            assert "anyOf" not in node, name
        else:
            assert arms[1:] == [{"type": "null"}], name
            assert set(node) - {"description"} == {"anyOf"}, name


def strict(schema: Schema) -> Schema:
    """OpenAI's strict mode, as documented: every property is required, every object closed; what
    was optional must have a value for nothing. Raises AssertionError for what it refuses.
    """
    allowed = {"type", "properties", "required", "additionalProperties", "description", "enum",
               "items", "anyOf"}  # fmt: skip
    assert set(schema) <= allowed, schema
    made = dict(schema)
    if schema.get("type") == "object":
        assert schema["additionalProperties"] is False
        made["properties"] = {name: strict(node) for name, node in schema["properties"].items()}
        made["required"] = list(schema["properties"])
    if "items" in schema:
        made["items"] = strict(schema["items"])
    if "anyOf" in schema:
        assert "type" not in schema
        made["anyOf"] = [strict(arm) for arm in schema["anyOf"]]
    return made


def for_gemini(schema: Schema) -> Schema:
    """Google's subset of OpenAPI 3.0, as documented: no additionalProperties, a null arm is
    `nullable`, and beside a union nothing else stands. Raises AssertionError for what it refuses.
    """
    made = {key: value for key, value in schema.items() if key != "additionalProperties"}
    if "anyOf" in made:
        [arm] = [arm for arm in made.pop("anyOf") if arm != {"type": "null"}]
        made |= arm | {"nullable": True}
    assert set(made) <= {"type", "properties", "required", "description", "enum", "items",
                         "nullable"}, made  # fmt: skip
    assert made["type"] in {"string", "integer", "number", "boolean", "array", "object"}
    assert made["type"] != "array" or "items" in made
    assert "enum" not in made or made["type"] == "string"
    if "properties" in made:
        made["properties"] = {name: for_gemini(node) for name, node in made["properties"].items()}
    if "items" in made:
        made["items"] = for_gemini(made["items"])
    return made


# ── a call in which every field is filled ────────────────────────────────────────────────────────


def nothing(node: Schema) -> Any:
    """What a model writes for "not given" where it must write something."""
    if "anyOf" in node:
        return None
    if node["type"] == "object":
        return {name: nothing(part) for name, part in node["properties"].items()}
    return [] if node["type"] == "array" else ""


def least(node: Schema) -> Any:
    """What a careless model writes instead: the first choice, false, an empty text."""
    arm = node.get("anyOf", [node])[0]
    if "enum" in arm:
        return arm["enum"][0]
    if arm["type"] == "object":
        return {name: least(part) for name, part in arm["properties"].items()}
    return {"boolean": False, "integer": None, "number": None, "array": []}.get(arm["type"], "")


@by_tool
def test_strict_conversion_keeps_a_tool_callable(spec: ToolSpec) -> None:
    """Every field filled with nothing is true to the converted schema, and the same call."""
    schema = strict(of(spec))
    there = needed(spec.name, lenient_world())
    filled = {name: nothing(node) for name, node in schema["properties"].items()} | there
    jsonschema.validate(filled, schema)
    assert arguments_of(spec, filled, of(spec)) == arguments_of(spec, there, of(spec))
    assert arguments_of(spec, filled, of(spec)).model_fields_set == there.keys()


@by_tool
def test_googles_conversion_refuses_nothing(spec: ToolSpec) -> None:
    assert for_gemini(of(spec))["properties"].keys() == of(spec)["properties"].keys()


@by_tool
@pytest.mark.parametrize("fill", [nothing, least])
async def test_what_a_model_must_fill_makes_no_bid_no_vm_and_no_cap(
    spec: ToolSpec, fill: Any, settings: Settings
) -> None:
    """What is sent is what a call without options sends, but for what was said to be off."""
    asked: list[list[Any]] = []
    for filled in (False, True):
        world = lenient_world()
        there = needed(spec.name, world)
        options = {
            name: fill(node)
            for name, node in of(spec)["properties"].items()
            if filled and name not in there
        }
        async with served(world, replace(settings, files=(Path.home(),))) as client:
            payload = await call(client, spec.name, **there, **options)
        error = payload.get("error", {})
        assert error.get("code") not in {"bad_arguments", "internal_error"}, error
        asked.append(
            [(one.endpoint, said(one.body)) for one in world.requests if one.method != "GET"]
        )
    assert asked[0] == asked[1]


def said(body: Any) -> Any:
    """A body without what is only said to be off, the token in its label or name, and the launch
    mode that is the default.
    """
    if not isinstance(body, dict):
        return body
    plain = {
        name: value
        for name, value in body.items()
        if value is not False and (name, value) not in DEFAULTS and name not in {"label", "name"}
    }
    return json.dumps(plain, sort_keys=True)


DEFAULTS = [("runtype", "ssh"), ("target_state", "running"), ("cancel_unavail", True)]
