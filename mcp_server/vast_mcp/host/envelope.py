"""What holds the arguments is spelled in several ways too. The protocol's own check refuses them
before a tool or a prompt can say what is wrong, as `Invalid request parameters` and no more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

_WITH_ARGUMENTS = frozenset({"tools/call", "prompts/get"})


async def plain_arguments(
    ctx: ServerRequestContext[Any, Any], call_next: CallNext
) -> HandlerResult:
    """A middleware that lets a call through with its arguments as the protocol wants them."""
    params = ctx.params
    if params is None or ctx.method not in _WITH_ARGUMENTS or "arguments" not in params:
        return await call_next(ctx)
    arguments = _object_in(params["arguments"])
    if ctx.method == "prompts/get" and isinstance(arguments, Mapping):
        arguments = _words_in(cast("Mapping[str, Any]", arguments))
    return await call_next(replace(ctx, params={**params, "arguments": arguments}))


def _object_in(given: Any) -> Any:
    """An object that came as JSON text; an empty text or list is an empty one (PHP writes `[]`)."""
    if isinstance(given, str):
        try:
            given = json.loads(given or "{}")
        except (ValueError, RecursionError):
            return given
    return {} if given == [] else given


def _words_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """The words for a prompt: null is nothing, and a number is its digits."""
    return {
        name: json.dumps(value) if type(value) in {int, float} else value
        for name, value in given.items()
        if value is not None
    }
