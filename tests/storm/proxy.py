"""A TCP proxy that reads HTTP, remembers every request, and breaks what it is told to break.

It knows bytes, not Vast: a request meets the first rule that matches, and the rule's act decides
what the client gets, whether the service hears of it, and when. Without a rule everything passes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

HOST = "127.0.0.1"
HOP_HEADERS = {"connection", "keep-alive", "content-length", "transfer-encoding", "host"}

# 0.1.0 asks this without the slash that it has, and follows nobody who says so. What is counted
# here is what two versions do with one journal.
OF_THE_FIRST_RELEASE = {"/api/v0/users/current": "/api/v0/users/current/"}


@dataclass
class Reply:
    """An answer as the service or a fault gave it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def json(cls, status: int, value: Any, headers: Mapping[str, str] | None = None) -> Reply:
        return cls(
            status,
            {"content-type": "application/json", **(headers or {})},
            json.dumps(value).encode(),
        )

    @classmethod
    def text(cls, status: int, text: str, kind: str = "text/plain") -> Reply:
        return cls(status, {"content-type": kind}, text.encode())

    @property
    def data(self) -> Any:
        """The body as JSON, or None."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Whatever"]
        lines += [
            f"{name}: {value}"
            for name, value in self.headers.items()
            if name.lower() not in HOP_HEADERS
        ]
        return "\r\n".join([*lines, f"content-length: {len(self.body)}", "", ""]).encode()


@dataclass
class Seen:
    """One request as it arrived, and what became of it. Times are monotonic seconds."""

    seq: int
    at: float
    method: str
    target: str
    body: bytes
    fresh: bool  # the first request of its connection
    forwarded_at: float | None = None
    reply: Reply | None = None  # what the client got whole; None where it got nothing, or a part
    edited: bool = False  # the reply is not what the service said

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def data(self) -> dict[str, Any]:
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


@dataclass
class Exchange:
    """One request in the hands of a rule."""

    proxy: Proxy
    seen: Seen
    headers: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    over: bool = False  # the connection cannot be used again

    async def forward(self) -> Reply:
        """Let the service hear of it; its answer. What a rent commits is committed when this
        returns.
        """
        self.seen.forwarded_at = time.monotonic()
        return await self.proxy.ask_upstream(self.seen, self.headers)

    async def send(self, reply: Reply) -> None:
        """The whole answer."""
        self.writer.write(reply.head() + reply.body)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()
            self.seen.reply = reply

    async def send_part(self, data: bytes) -> bool:
        """Some bytes of an answer; false when the client is gone."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            return False
        return not self.writer.is_closing()

    def reset(self) -> None:
        """Cut the connection the hard way: the client reads a reset, not an end."""
        self.over = True
        connection: socket.socket | None = self.writer.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def client_gone(self) -> None:
        """Return when the client has hung up."""
        self.over = True
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(4096):
                pass


Act = Callable[[Exchange], Awaitable[None]]
Match = Callable[[Seen], bool]


@dataclass
class Rule:
    """What happens to requests that match: `skip` pass first, then `times` are met; None is every
    time.
    """

    match: Match
    act: Act
    times: int | None = 1
    skip: int = 0
    met: int = 0


async def passes(exchange: Exchange) -> None:
    """Nothing breaks."""
    await exchange.send(await exchange.forward())


@dataclass
class Proxy:
    """One listening address before one service."""

    upstream: int
    port: int = 0
    rules: list[Rule] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._connections: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    # ── listening ─────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Listen; the same port again after `refuse`."""
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, HOST, self.port, reuse_address=True
            )
            self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Refuse new connections from here on; those that exist live on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def close(self) -> None:
        self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._connections:
            writer.transport.abort()

    # ── rules ─────────────────────────────────────────────────────────────────────────────────────

    def add(self, match: Match, act: Act, *, times: int | None = 1, skip: int = 0) -> Rule:
        self.rules.append(Rule(match, act, times, skip))
        return self.rules[-1]

    def calm(self) -> None:
        """The faults end."""
        self.rules.clear()

    def later(self, work: Awaitable[Any]) -> None:
        """Work that outlives its connection, such as a rent that commits late."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Return when nothing is held back any more."""
        while pending := [task for task in self._tasks if not task.done()]:
            await asyncio.wait(pending)

    def _rule(self, seen: Seen) -> Rule | None:
        for rule in self.rules:
            if not rule.match(seen):
                continue
            if rule.skip:
                rule.skip -= 1
                continue
            if rule.times is not None:
                if rule.times == 0:
                    continue
                rule.times -= 1
            rule.met += 1
            return rule
        return None

    # ── the wire ──────────────────────────────────────────────────────────────────────────────────

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        fresh = True
        try:
            while (exchange := await self._read(reader, writer, fresh=fresh)) is not None:
                fresh = False
                rule = self._rule(exchange.seen)
                await (rule.act if rule else passes)(exchange)
                if exchange.over:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, fresh: bool
    ) -> Exchange | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        seen = Seen(len(self.seen) + 1, time.monotonic(), method, target, body, fresh)
        self.seen.append(seen)
        return Exchange(self, seen, headers, reader, writer)

    async def ask_upstream(self, seen: Seen, headers: Mapping[str, str]) -> Reply:
        """The same request on a connection of its own."""
        reader, writer = await asyncio.open_connection(HOST, self.upstream)
        try:
            lines = [
                f"{seen.method} {OF_THE_FIRST_RELEASE.get(seen.target, seen.target)} HTTP/1.1",
                f"host: {HOST}:{self.upstream}",
                "connection: close",
            ]
            lines += [
                f"{name}: {value}" for name, value in headers.items() if name not in HOP_HEADERS
            ]
            lines += [f"content-length: {len(seen.body)}", "", ""]
            writer.write("\r\n".join(lines).encode() + seen.body)
            return _parsed(await reader.read())
        finally:
            writer.close()


def _parsed(raw: bytes) -> Reply:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    return Reply(int(first.split(" ")[1]), headers, body)
