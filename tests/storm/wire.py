"""A TCP proxy that knows no protocol: it counts what passes between a client and a server, and
breaks it at one chosen place.

SSH is encrypted, so a place is a message (whatever one read brought, either way) or a byte. Where
it breaks, that message is passed on first or is not: a far side that acted on what nobody could
confirm looks the same to the client as one that heard nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

HOST = "127.0.0.1"
AT_ONCE = 1 << 18  # bytes of one read

How = Literal["reset", "end", "silence"]
Way = Literal["up", "down"]


@dataclass
class Cut:
    """Where the wire breaks once, counted from when it was set: at message `at`, or with the byte
    `at` where `bytes` says so. `then` is done there before anything else.
    """

    at: int
    how: How = "reset"
    bytes: bool = False
    way: Way | None = None  # only what goes this way counts
    passes_on: bool = False  # the message itself still arrives
    then: Callable[[], Awaitable[None]] | None = None
    done: bool = False
    _counted: int = field(default=0, repr=False)

    def meets(self, way: Way, size: int) -> int | None:
        """How much of this message lies before the place, where the place is in it."""
        if self.done or self.way not in (None, way):
            return None
        self._counted += size if self.bytes else 1
        if self._counted < self.at:
            return None
        self.done = True
        if not self.bytes:
            return size if self.passes_on else 0
        return size - (self._counted - self.at)


@dataclass(eq=False)
class Pair:
    """One connection, both halves of it."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    silent: bool = False

    def close(self, *, hard: bool = False, but: asyncio.StreamWriter | None = None) -> None:
        """End both halves, hard or not; `but` is never reset, for that would take back what was
        just written to it.
        """
        for writer in (self.near, self.far):
            if hard and writer is not but:
                _linger_not(writer)
                writer.transport.abort()
            else:
                writer.close()


@dataclass
class Wire:
    """One listening address before one server."""

    upstream: int
    port: int = 0
    cuts: list[Cut] = field(default_factory=list)
    messages: int = 0  # that passed since the last `calm`
    sizes: dict[Way, int] = field(default_factory=lambda: {"up": 0, "down": 0})
    guests: int = 0

    def __post_init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._pairs: set[Pair] = set()
        self.fell_silent = asyncio.Event()

    async def open(self) -> None:
        """Listen; the same port again after `refuse`."""
        if self._server is None:
            self._server = await asyncio.start_server(
                self._serve, HOST, self.port, limit=AT_ONCE, reuse_address=True
            )
            self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Refuse new connections from here on; those that exist live on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def close(self) -> None:
        """Leave nothing open."""
        self.refuse()
        for pair in list(self._pairs):
            pair.close(hard=True)

    def breaks(self, cut: Cut) -> Cut:
        """Have it break there."""
        self.cuts.append(cut)
        return cut

    def calm(self) -> None:
        """Nothing breaks from here on, and what had fallen silent ends."""
        self.cuts.clear()
        self.messages, self.sizes = 0, {"up": 0, "down": 0}
        for pair in [one for one in self._pairs if one.silent]:
            pair.close(hard=True)

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        self.guests += 1
        try:
            back, far = await asyncio.open_connection(HOST, self.upstream, limit=AT_ONCE)
        except OSError:
            near.transport.abort()
            return
        pair = Pair(near, far)
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(pair, reader, far, "up"))
                both.create_task(self._pass(pair, back, near, "down"))
        except* OSError:
            pass
        finally:
            self._pairs.discard(pair)
            pair.close()

    async def _pass(
        self, pair: Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way
    ) -> None:
        """Pass on what comes, until it ends or the wire breaks."""
        while data := await reader.read(AT_ONCE):
            self.messages += 1
            self.sizes[way] += len(data)
            if pair.silent:
                continue
            for cut in list(self.cuts):
                kept = cut.meets(way, len(data))
                if kept is not None:
                    await self._break(pair, cut, writer, data[:kept])
                    if not pair.silent:
                        return
                    break
            else:
                writer.write(data)
                await writer.drain()
        if not pair.silent:
            with contextlib.suppress(OSError, RuntimeError):
                writer.write_eof()

    async def _break(self, pair: Pair, cut: Cut, writer: asyncio.StreamWriter, rest: bytes) -> None:
        if rest:
            writer.write(rest)
            await writer.drain()
        if cut.then is not None:
            await cut.then()
        if cut.how == "silence":
            pair.silent = True
            self.fell_silent.set()
        else:
            pair.close(hard=cut.how == "reset", but=writer if rest else None)


def _linger_not(writer: asyncio.StreamWriter) -> None:
    """Let the end be a reset."""
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
