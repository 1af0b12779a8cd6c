"""A table of endpoints says which handler answers which address, and what a key needs for it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from vast_mcp.sandbox.request import Request
from vast_mcp.sandbox.shapes import Json

Handler = Callable[[Request], Any]
Name = str | Callable[[Request], str]


class Endpoint(NamedTuple):
    """An endpoint is one method of one address."""

    path: str  # as the service registers it, with its last slash or without (0)
    method: str
    name: Name  # what faults and limits call it
    scope: str  # the group that a scoped key needs (I); empty: none
    handler: Handler


def done(**said: Any) -> Json:
    """Encode a success, and what is said of it."""
    return {"success": True, **said}
