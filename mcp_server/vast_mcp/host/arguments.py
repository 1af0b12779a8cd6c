"""What a host sends as arguments: mended where it is plain what was meant, else refused by name.

The error names fields and problems and the nearest names, and none of the caller's values: those
may be secrets.
"""

from __future__ import annotations

from typing import Any, cast

from pydantic import ValidationError

from vast_mcp import errors
from vast_mcp.errors import Json, Problem
from vast_mcp.host import bookkeeping, bounds, hints
from vast_mcp.host.reading import values_of
from vast_mcp.toolspec import Arguments, ToolSpec

_LOOKED_AT = 50  # problems; an answer shows fewer


def arguments_of(spec: ToolSpec, given: Json, schema: Json) -> Arguments:
    """The tool's argument model. Raises BadArguments."""
    properties = cast("dict[str, Json]", schema["properties"])
    quantities = {name for name, one in properties.items() if {"type": "number"} in _arms(one)}
    given = bookkeeping.without(given, properties)
    _check_bounds(spec, given, quantities)
    values, problems = values_of(given, schema, spec.arguments)
    _check_bounds(spec, values, quantities)
    values = {name: value for name, value in values.items() if not _is_no_filter(name, value)}
    try:
        made = spec.arguments.model_validate(values)
    except ValidationError as exc:
        named = {problem.field.partition(".")[0] for problem in problems}
        found = [_problem(spec.name, cast("Json", one), values, schema) for one in _details(exc)]
        problems += [one for one in found if one.field.partition(".")[0] not in named]
        # One wrong value of a union is reported once per arm; one line of each is enough.
        raise errors.bad(spec.name, list(dict.fromkeys(problems))) from None
    if problems:
        raise errors.bad(spec.name, problems)
    return made


def _arms(schema: Json) -> list[Json]:
    return cast("list[Json]", schema.get("anyOf", [schema]))


def _check_bounds(spec: ToolSpec, given: Json, quantities: set[str]) -> None:
    problems = bounds.beyond(given, spec.arguments.longer, quantities)
    if problems:
        raise errors.bad(spec.name, problems)


def _is_no_filter(name: str, value: Any) -> bool:
    """Whether at least nothing is asked for: hosts that must fill a field write 0."""
    return name.startswith("min_") and type(value) in {int, float} and value == 0


# ── what the model refuses, in words ─────────────────────────────────────────────────────────────

_WORDS = {
    "missing": "required",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
}


def _details(exc: ValidationError) -> list[Any]:
    return exc.errors(include_url=False, include_input=False)[:_LOOKED_AT]


def _problem(tool: str, detail: Json, values: Json, schema: Json) -> Problem:
    kind, loc = detail["type"], detail["loc"]
    words = _WORDS.get(kind) or str(detail["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        words = _unknown(tool, loc, schema)
    if kind == "literal_error":
        words = f"must be one of {detail['ctx']['expected']}"
    if kind in {"greater_than", "greater_than_equal"} and _is_optional_zero(loc, values, schema):
        words += "; or leave it out"
    return Problem(bounds.shown(loc), words.removeprefix("Input "))


def _is_optional_zero(loc: tuple[int | str, ...], values: Json, schema: Json) -> bool:
    return values.get(str(loc[0])) == 0 and loc[0] not in schema.get("required", ())


def _unknown(tool: str, loc: tuple[int | str, ...], schema: Json) -> str:
    inside = [str(part) for part in loc[:-1] if isinstance(part, str)]
    return hints.of_argument(
        inside[-1] if inside else tool, str(loc[-1]), _known_beside(loc, schema)
    )


def _known_beside(loc: tuple[int | str, ...], schema: Json) -> list[str]:
    """The names that exist where an unknown one was given."""
    for part in loc[:-1]:
        if isinstance(part, int):
            schema = cast("Json", schema.get("items", {}))
        else:
            schema = cast("Json", schema["properties"].get(part, {}))
    return list(schema.get("properties", {}))
