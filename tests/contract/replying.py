"""Vast that answers one request as somebody recorded it, and everything else as the sandbox does.

A recorded row is of a machine that the sandbox has too, under the recorded id, so that it can be
listed, acted on and ended.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from house import KEY_LINE, ROOT
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World

FOLDER = Path(os.environ.get("RECORDED_REPLIES") or ROOT.parent / "shared" / "replies")

Json = dict[str, Any]
LENGTH = b"content-length"


@dataclass(frozen=True)
class Recorded:
    """A file of the folder."""

    name: str
    method: str
    path: str
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def number(self) -> int:
        """The id in its path; 0 for none."""
        parts = [part for part in self.path.split("/") if part.isdecimal()]
        return int(parts[0]) if parts else 0

    @property
    def row(self) -> Json | None:
        """The row of the one machine that it shows."""
        body = self.body if isinstance(self.body, dict) else {}
        row = body.get("instances")
        return row if isinstance(row, dict) else None


def recorded(path: Path) -> Recorded:
    said = json.loads(path.read_text(encoding="utf-8"))
    method, _, where = said["request"].partition(" ")
    headers = said.get("headers", {})
    return Recorded(path.name, method, where, said["status"], headers, said["body"])


def all_recorded() -> list[Recorded]:
    return [recorded(path) for path in sorted(FOLDER.glob("*.json"))]


class Replying:
    """The sandbox as an app, but for one answer."""

    def __init__(self, world: World, reply: Recorded) -> None:
        self.world, self.reply = world, reply
        self.answered = 0  # how often the recorded answer was given
        self._app = create_app(world)
        self._arrange()

    def _arrange(self) -> None:
        """What the request is about exists in the sandbox."""
        self.world.set_keys([KEY_LINE])
        number, world = self.reply.number, self.world
        if "/asks/" in self.reply.path:
            world.offers[number] = world.offer() | {"id": number, "ask_contract_id": number}
        elif number and self.reply.body != {"instances": None}:
            self._rent_as(number)

    def _rent_as(self, number: int, **more: Any) -> None:
        """A machine in the sandbox under this id, looked at until it runs; stopped where a start is
        what is recorded.
        """
        world = self.world
        offer = world.offer(direct_port_count=lambda ports: ports > 0)
        made = world.rent(offer["id"], {"image": "ubuntu:22.04", "disk": 16.0, **more})
        del world.instances[made.id]
        made.id = number
        world.instances[number] = made
        for _ in range(8):
            world.show(number)
        if self.reply.method == "PUT" and "/instances/" in self.reply.path:
            world.set_state(number, "stopped")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._is_asked(scope):
            self.answered += 1
            if self.reply.method == "DELETE":
                self.world.destroy(self.reply.number)
            made = self.reply.body.get("new_contract") if "/asks/" in self.reply.path else None
            if made is not None:
                self._rent_as(made, target_state="stopped")
            await _answer(send, self.reply)
        elif self.reply.row and scope["path"] == "/api/v1/instances/":
            await self._app(scope, receive, _Listing(self, send))
        else:
            await self._app(scope, receive, send)

    def _is_asked(self, scope: Any) -> bool:
        if (scope["method"], scope["path"]) != (self.reply.method, self.reply.path):
            return False
        return self.reply.row is None or self.world.find(self.reply.number) is not None

    def listed(self, page: Json) -> Json:
        """A page of the list with the recorded row in the place of the sandbox's."""
        row = self.reply.row or {}
        rows = [row if one["id"] == row["id"] else one for one in page["instances"]]
        return {**page, "instances": rows}


class _Listing:
    """The way of a page of the list."""

    def __init__(self, replying: Replying, send: Any) -> None:
        self._replying, self._send, self._start = replying, send, {}

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            kept = [one for one in message["headers"] if one[0] != LENGTH]
            self._start = {**message, "headers": kept}
            return
        page = json.loads(message["body"])
        if self._start["status"] == 200:
            page = self._replying.listed(page)
        await self._send(self._start)
        await self._send({**message, "body": json.dumps(page).encode()})


async def _answer(send: Any, reply: Recorded) -> None:
    headers = {"content-type": "application/json", **reply.headers}
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    body = b"" if reply.body is None else json.dumps(reply.body).encode()
    await send({"type": "http.response.start", "status": reply.status, "headers": sent})
    await send({"type": "http.response.body", "body": body})
