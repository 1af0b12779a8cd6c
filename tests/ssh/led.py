"""A pretended service whose machines are all entered at one port of this computer."""

from __future__ import annotations

import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class LedTo:
    """An app whose rows of machines lead to that port, directly and by Vast's proxy."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "/instances/" not in scope["path"]:
            await self._app(scope, receive, send)
            return
        heard: list[Message] = []

        async def hear(message: Message) -> None:
            heard.append(message)

        await self._app(scope, receive, hear)
        start, body = heard[0], b"".join(one.get("body", b"") for one in heard[1:])
        body = self._led(body)
        headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
        length = (b"content-length", str(len(body)).encode())
        await send({**start, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})

    def _led(self, body: bytes) -> bytes:
        try:
            reply = json.loads(body)
        except ValueError:
            return body
        rows: Any = reply.get("instances") if isinstance(reply, dict) else None
        for row in rows if isinstance(rows, list) else [rows]:
            if isinstance(row, dict):
                row |= {"public_ipaddr": "127.0.0.1", "ssh_host": "127.0.0.1"}
                row |= {"ssh_port": self._port}
                row["ports"] = {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(self._port)}]}  # noqa: S104
        return json.dumps(reply).encode()
