"""A world that many share is kept: it has one key, proves what it is to who knows the key, and ends
when nobody asks any more.
"""

import hashlib
import hmac
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

CONTROL = "/_sandbox/"
NONCE_LENGTH = 200


class Keeper:
    """A keeper stands before the world's application, and knows when the service is over.

    `is_wanted` is asked now and then: whether the person's record still means this service.
    """

    def __init__(self, token: str, idle_s: float, is_wanted: Callable[[], bool]) -> None:
        self._token, self._idle_s, self._is_wanted = token.encode(), idle_s, is_wanted
        self._asked_at = time.monotonic()
        self.url = ""  # known once it listens
        self.ended = ""  # why, once it has

    def is_over(self) -> bool:
        """Whether the service is to end."""
        if not self.ended and time.monotonic() - self._asked_at > self._idle_s:
            self.ended = "idle"
        if not self.ended and not self._is_wanted():
            self.ended = "forgotten"
        return bool(self.ended)

    def before(self, app: ASGIApp) -> ASGIApp:
        """Stand before an application."""

        async def kept(scope: Scope, receive: Receive, send: Send) -> None:
            self._asked_at = time.monotonic()
            answer = await self._answer(Request(scope, receive))
            await (answer or app)(scope, receive, send)

        return kept

    async def _answer(self, request: Request) -> Response | None:
        """Answer what is the keeper's own; None for what the world answers."""
        path = request.url.path
        if not path.startswith(CONTROL):
            return None
        if path == f"{CONTROL}hello":
            return JSONResponse({"proof": self._proof(request.query_params.get("nonce", ""))})
        if not self._knows(request):
            return JSONResponse({"error": "this world's control needs its key"}, 401)
        if path != f"{CONTROL}end":
            return None
        self.ended = str((await request.json()).get("why", "told"))
        return JSONResponse({"ended": self.ended})

    def _proof(self, nonce: str) -> str:
        """Show that the key is known, without the key, to who asked at this address."""
        said = f"{nonce[:NONCE_LENGTH]} {self.url}".encode()
        return hmac.new(self._token, said, hashlib.sha256).hexdigest()

    def _knows(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(given, b"Bearer " + self._token)
