"""A refused argument is named by its path, with what to do and without its value."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, cast

from pydantic import ValidationError

from vast_mcp import errors
from vast_mcp.errors import Json, Problem

if TYPE_CHECKING:
    pass


def bad_arguments(tool: str, exc: ValidationError, schema: Json) -> errors.BadArguments:
    """The SDK's validation error as ours: fields and problems, nearest names, none of the caller's
    values.
    """
    problems = [
        Problem(_path(detail["loc"]), _problem(cast("Json", detail), schema))
        for detail in exc.errors(include_url=False, include_input=False)
    ]
    # One wrong value of a union is reported once per arm; one line a field and problem is enough.
    return errors.bad(tool, list(dict.fromkeys(problems)))


def _path(loc: tuple[int | str, ...]) -> str:
    return errors.clean(".".join(str(part) for part in loc), 80) or "(arguments)"


def _problem(detail: Json, schema: Json) -> str:
    kind, context = detail["type"], cast("Json", detail.get("ctx") or {})
    if kind == "extra_forbidden":
        known = _known_beside(detail["loc"], schema)
        near = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1, cutoff=0.5)
        return (
            f"unknown argument; the nearest is {near[0]}"
            if near
            else f"unknown argument; known: {', '.join(known)}"
        )
    if kind == "missing":
        return "required"
    if kind == "literal_error":
        return f"must be one of {context.get('expected')}"
    return str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input ")


def _known_beside(loc: tuple[int | str, ...], schema: Json) -> list[str]:
    """The names that exist where an unknown one was given."""
    for part in loc[:-1]:
        schema = cast(
            "Json",
            schema.get("items", {})
            if isinstance(part, int)
            else schema["properties"].get(part, {}),
        )
    return list(schema.get("properties", {}))
