"""The channel under SFTP: requests that leave together, and each reply handed to whoever asked."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from vast_mcp.ssh import sftp_wire as wire
from vast_mcp.ssh.lost import LineLost
from vast_mcp.ssh.sftp_wire import Ask, Cursor, Garbled, Reply

Answer = tuple[int, bytes]
REPLIES = frozenset(Reply)


@dataclass(eq=False)
class Talk(asyncssh.SSHClientSession[bytes]):
    """Requests under way, and what is heard."""

    channel: Any = None
    heard: bytearray = field(default_factory=bytearray)
    asked: dict[int, asyncio.Future[Answer]] = field(
        default_factory=dict[int, "asyncio.Future[Answer]"]
    )
    version: asyncio.Future[bytes] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    room: asyncio.Event = field(default_factory=asyncio.Event)
    unsent: list[bytes | memoryview] = field(default_factory=list[bytes | memoryview])
    count: int = 0
    lost: bool = False

    def __post_init__(self) -> None:
        self.room.set()

    def connection_made(self, chan: Any) -> None:
        """The channel is there."""
        self.channel = chan

    def pause_writing(self) -> None:
        """The connection takes no more for now."""
        self.room.clear()

    def resume_writing(self) -> None:
        """The connection takes more."""
        self.room.set()

    async def greeted(self) -> bytes:
        """What the server says of itself."""
        with contextlib.suppress(OSError):
            self.channel.write(struct.pack(">IBI", 5, Ask.INIT, 3))
        return await self.version

    def ask(self, kind: Ask, body: bytes, data: bytes | memoryview = b"") -> asyncio.Future[Answer]:
        """Send a request, together with others of this turn of the loop. `data` ends it."""
        if self.lost:
            raise LineLost
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self.count = self.count + 1 & 0xFFFFFFFF
        self.asked[self.count] = answer
        if not self.unsent:
            loop.call_soon(self._send)
        length = len(body) + len(data) + 5
        self.unsent += (wire.header(length, kind, self.count), body, data)
        return answer

    def _send(self) -> None:
        said = b"".join(self.unsent)
        self.unsent.clear()
        with contextlib.suppress(OSError):  # its end is told to whoever waits
            self.channel.write(said)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Hand each whole reply to whoever asked. What the server writes beside SFTP, to stderr,
        is heard by nobody.
        """
        if datatype is not None or self.lost:
            return
        self.heard += data
        try:
            self._hand_out()
        except Garbled:
            self.connection_lost(None)
            self.channel.abort()

    def _hand_out(self) -> None:
        heard, at = self.heard, 0
        while len(heard) - at >= 5:
            (length,) = struct.unpack_from(">I", heard, at)
            if not 1 <= length <= wire.LONGEST or heard[at + 4] not in REPLIES:
                raise Garbled
            end = at + 4 + length
            if len(heard) < end:
                break
            self._hand(heard[at + 4], bytes(memoryview(heard)[at + 5 : end]))
            at = end
        del heard[:at]

    def _hand(self, kind: int, body: bytes) -> None:
        if kind == Reply.VERSION:
            if not self.version.done():
                self.version.set_result(body)
            return
        answer = self.asked.pop(Cursor(body).number(), None)
        if answer is None:
            raise Garbled
        if not answer.done():
            answer.set_result((kind, body))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Tell everybody who waits."""
        self.lost = True
        self.room.set()
        for one in (self.version, *self.asked.values()):
            if not one.done():
                one.set_exception(LineLost())
                one.exception()  # nobody may be there to hear of it
        self.asked.clear()
