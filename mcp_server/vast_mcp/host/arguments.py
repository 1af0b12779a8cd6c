"""What a host sends as arguments: mended where it is plain what was meant, else refused by name.

The error names fields and problems and the nearest names, and none of the caller's values: those
may be secrets.
"""

from __future__ import annotations

import difflib
import json
from typing import Any, cast

from pydantic import ValidationError

from vast_mcp import errors
from vast_mcp.errors import Json, Problem
from vast_mcp.host import bounds
from vast_mcp.toolspec import Arguments, ToolSpec

CONTAINERS = {"object", "array"}
_LOOKED_AT = 50  # problems; an answer shows fewer


def arguments_of(spec: ToolSpec, given: Json, schema: Json) -> Arguments:
    """The tool's argument model. Raises BadArguments."""
    properties = cast("dict[str, Json]", schema["properties"])
    quantities = {name for name, one in properties.items() if one.get("type") == "number"}
    _check_bounds(spec, given, quantities)
    mended = {key: _unwrapped(value, properties.get(key, {})) for key, value in given.items()}
    _check_bounds(spec, mended, quantities)
    try:
        return spec.arguments.model_validate(mended)
    except ValidationError as exc:
        raise _bad_arguments(spec.name, exc, schema) from None


def _check_bounds(spec: ToolSpec, given: Json, quantities: set[str]) -> None:
    problems = bounds.beyond(given, spec.arguments.longer, quantities)
    if problems:
        raise errors.bad(spec.name, problems)


def _unwrapped(value: Any, schema: Json) -> Any:
    """An object or array that came as JSON text (Claude Desktop does that), for an argument that
    takes no text.
    """
    if not isinstance(value, str) or value.strip()[:1] not in {"{", "["} or _takes_text(schema):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _takes_text(schema: Json) -> bool:
    arms = cast("list[Json]", schema.get("anyOf", [schema]))
    return any(arm.get("type") not in CONTAINERS for arm in arms)


def _bad_arguments(tool: str, exc: ValidationError, schema: Json) -> errors.BadArguments:
    problems = [
        Problem(bounds.shown(detail["loc"]), _problem(cast("Json", detail), schema))
        for detail in exc.errors(include_url=False, include_input=False)[:_LOOKED_AT]
    ]
    # One wrong value of a union is reported once per arm; one line a field and problem is enough.
    return errors.bad(tool, list(dict.fromkeys(problems)))


def _problem(detail: Json, schema: Json) -> str:
    kind, context = detail["type"], cast("Json", detail.get("ctx") or {})
    if kind == "extra_forbidden":
        return _unknown(detail["loc"], schema)
    if kind == "missing":
        return "required"
    if kind == "literal_error":
        return f"must be one of {context.get('expected')}"
    return str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input ")


def _unknown(loc: tuple[int | str, ...], schema: Json) -> str:
    known = _known_beside(loc, schema)
    near = difflib.get_close_matches(str(loc[-1])[:80], known, n=1, cutoff=0.5)
    if near:
        return f"unknown argument; the nearest is {near[0]}"
    return f"unknown argument; known: {', '.join(known)}"


def _known_beside(loc: tuple[int | str, ...], schema: Json) -> list[str]:
    """The names that exist where an unknown one was given."""
    for part in loc[:-1]:
        if isinstance(part, int):
            schema = cast("Json", schema.get("items", {}))
        else:
            schema = cast("Json", schema["properties"].get(part, {}))
    return list(schema.get("properties", {}))
