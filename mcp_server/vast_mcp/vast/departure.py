"""The moment at which a request leaves: until then it can be held back."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from vast_mcp import errors
from vast_mcp.errors import Json

# Failures that happen before any byte of the request can have reached Vast.
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)


def _always() -> bool:
    return True


class Departure:
    """Whether a request has left, and the last look at whether it may: a process can be stopped
    anywhere, for any time.
    """

    def __init__(self, may_leave: Callable[[], bool] = _always) -> None:
        self._may_leave = may_leave
        self._traced = self._sent = False

    @property
    def left(self) -> bool:
        """Whether it may have left: also where nobody tells of its steps, as in the sandbox."""
        return self._sent or not self._traced

    def check(self) -> None:
        """Raises NotRented where the request must not leave any more."""
        if not self._may_leave():
            raise errors.NotRented(
                "This process stood still until the request was too late to be sent. The same call "
                "is safe to repeat."
            )

    async def trace(self, event: str, _info: Json) -> None:
        """What httpcore calls as each step of a request begins and ends (its trace extension)."""
        self._traced = True
        if event.endswith(".send_request_headers.started"):
            self.check()
            self._sent = True
