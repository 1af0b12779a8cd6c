"""Rented machines that are real OpenSSH servers: a world's rows with the addresses of those."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from openssh import Sshd
from starlette.applications import Starlette

from house import OURS, an_offer
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World

Json = dict[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]


class Places:
    """Machines of a world, by id, and the servers that they are."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ports: dict[int, int] = {}

    def machine(self, sshd: Sshd, label: str = OURS) -> int:
        """A machine of ours that runs, and is this server."""
        body = {"image": "a/b", "disk": 20, "label": label, "runtype": "ssh_direct"}
        made = self.world.rent(an_offer(self.world)["id"], body).id
        self.ports[made] = sshd.port
        return made

    def app(self) -> App:
        """The world's API, whose rows lead to the servers."""
        app: Starlette = create_app(self.world)

        async def served(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or "/instances" not in scope["path"]:
                await app(scope, receive, send)
                return
            await app(scope, receive, _Readdressed(send, self.ports).send)

        return served


class _Readdressed:
    """A reply whose rows have other addresses."""

    def __init__(self, send: Callable[[Any], Awaitable[None]], ports: Mapping[int, int]) -> None:
        self._send, self._ports = send, ports
        self._start: Json = {}
        self._body = b""

    async def send(self, message: Json) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = self._with_addresses()
        headers = [pair for pair in self._start["headers"] if pair[0] != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    def _with_addresses(self) -> bytes:
        try:
            told = json.loads(self._body)
        except ValueError:
            return self._body
        rows = told.get("instances") if isinstance(told, dict) else None
        for row in rows if isinstance(rows, list) else [rows]:
            if isinstance(row, dict) and row.get("id") in self._ports:
                row.update(_address(self._ports[row["id"]]))
        return json.dumps(told).encode()


def _address(port: int) -> Json:
    return {
        "public_ipaddr": "127.0.0.1",
        "ports": {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(port)}]},  # noqa: S104
        "ssh_host": "127.0.0.1",
        "ssh_port": port,
        "image_runtype": "ssh_direc ssh_proxy",
    }
