"""A way to a server that breaks: after so many bytes of a connection, or all at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class Way:
    """What breaks of it: the first connection after so many bytes, the second after as many as it
    says, and no other. `shut`: nobody gets in; `then_shut`: once one broke. `stalls`: what would
    break stands still instead.
    """

    port: int = 0
    cuts: list[int] = field(default_factory=list[int])
    shut: bool = False
    then_shut: bool = False
    stalls: bool = False
    guests: int = 0


@contextlib.asynccontextmanager
async def way_to(upstream: int, *cuts: int) -> AsyncIterator[Way]:
    """A way to a port of this computer."""
    way, tasks = Way(cuts=list(cuts)), set[asyncio.Task[None]]()

    async def host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way.guests += 1
        left = [way.cuts.pop(0) if way.cuts else 1 << 60]
        if way.shut:
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", upstream)
        ways = [_carry(reader, back, left, way), _carry(there, writer, left, way)]
        carrying = [asyncio.ensure_future(one) for one in ways]
        tasks.update(carrying)
        await asyncio.wait(carrying, return_when=asyncio.FIRST_COMPLETED)
        for one in (*carrying, back, writer):
            one.cancel() if isinstance(one, asyncio.Future) else one.transport.abort()

    server = await asyncio.start_server(host, "127.0.0.1", 0)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        for task in tasks:
            task.cancel()


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: list[int], way: Way
) -> None:
    while data := await reader.read(65_536):
        left[0] -= len(data)
        if left[0] < 0:
            way.shut = way.then_shut
            if way.stalls:
                await asyncio.get_running_loop().create_future()
            return
        writer.write(data)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
