"""A table of endpoints says which handler answers which address."""

from collections.abc import Callable
from typing import Any, NamedTuple

from vast_mcp.sandbox.request import Request

Handler = Callable[[Request], Any]
Name = str | Callable[[Request], str]


class Endpoint(NamedTuple):
    """One method of one address."""

    path: str  # without its last slash
    method: str
    name: Name  # what faults and limits call it
    handler: Handler
