"""HTTP bodies: each is a message for the SDK, or is answered here with an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from vast_mcp.host.messages import (
    LONGEST,
    TOO_LONG,
    Fault,
    error_line,
    fault_of,
    is_reply,
    members_of,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Messages:
    """Lets through what the SDK can read and answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self._app(scope, receive, send)
        try:
            body, is_whole = await _body_of(Request(scope, receive))
        except ClientDisconnect:
            return None
        fault = TOO_LONG
        if is_whole:
            fault = await anyio.to_thread.run_sync(fault_of, body)
        if fault is not None:
            wrong = await anyio.to_thread.run_sync(_wrong, body, fault)
            status = 400 if is_whole else 413
            return await Response(wrong, status, media_type="application/json")(
                scope, receive, send
            )
        await self._app(scope, _again(body, receive), send)


async def _body_of(request: Request) -> tuple[bytes, bool]:
    """The body, as much as a message may have, and whether that is all of it."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LONGEST:
            return bytes(body[:LONGEST]), False
    return bytes(body), True


def _wrong(body: bytes, fault: Fault) -> str:
    members = members_of(body)
    if is_reply(members):
        members = {}
    return error_line(members, fault)


def _again(body: bytes, receive: Receive) -> Receive:
    """What was read, once more, and then what follows."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return first.pop() if first else await receive()

    return received
