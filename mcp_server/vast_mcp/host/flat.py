"""A schema with every local `$ref` written out, as every host can read it."""

from __future__ import annotations

from typing import Any, cast

from vast_mcp.errors import Json


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
