"""What a process reads and writes: files, pipes, and texts. A stream is shared by all who have it
open, and ends with the last of them.
"""

import asyncio
import errno
import os
from collections.abc import Callable

from .nodes import File, Readable

ROOM = 65_536  # bytes that a pipe holds
AT_ONCE = 65_536


class Stream:
    """A stream counts who has it open."""

    def __init__(self) -> None:
        self._holders = 1

    def shared(self) -> "Stream":
        """One more has it open."""
        self._holders += 1
        return self

    def drop(self) -> None:
        """One fewer has it open; the last one ends it."""
        self._holders -= 1
        if self._holders == 0:
            self.end()

    def end(self) -> None:
        """What is done once nobody has it open."""

    async def read(self, most: int, until: bytes = b"") -> bytes:
        """Read up to so many bytes, and no further than the first of `until`; b"" is the end."""
        raise _closed(most, until)

    async def write(self, data: bytes) -> None:
        """Write all of it; BrokenPipeError where nobody reads any more."""
        raise _closed(data)


def _closed(*_unused: object) -> OSError:
    return OSError(errno.EBADF, os.strerror(errno.EBADF))


def _upto(data: bytes, until: bytes) -> bytes:
    end = data.find(until) if until else -1
    return data if end < 0 else data[: end + 1]


class TextStream(Stream):
    """A here-document: bytes to be read."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data, self._at = data, 0

    async def read(self, most: int, until: bytes = b"") -> bytes:
        taken = _upto(self._data[self._at : self._at + most], until)
        self._at += len(taken)
        return taken


class FileStream(Stream):
    """An open file has a place at which it is read and written."""

    def __init__(
        self,
        node: Readable,
        wrote: Callable[[int], None],
        *,
        appends: bool = False,
        may: str = "rw",
    ) -> None:
        super().__init__()
        self.node, self.at = node, 0
        self._wrote, self._appends, self._may = wrote, appends, may
        if isinstance(node, File):
            node.streams += 1

    def end(self) -> None:
        if isinstance(self.node, File):
            self.node.streams -= 1
            self.node.let_go()

    async def read(self, most: int, until: bytes = b"") -> bytes:
        if "r" not in self._may:
            return await super().read(most)
        taken = _upto(self.node.read(self.at, most), until)
        self.at += len(taken)
        return taken

    async def write(self, data: bytes) -> None:
        self.put(self.at, data)

    def put(self, offset: int, data: bytes) -> None:
        """Write there, or at the end where that is how it was opened."""
        if "w" not in self._may:
            raise _closed(data)
        offset = self.node.size if self._appends else offset
        self.node.write(offset, data)
        self.at = offset + len(data)
        if isinstance(self.node, File):
            self._wrote(len(data))


class Pipe:
    """A pipe has two ends, and holds a little between them."""

    def __init__(self) -> None:
        self.held = bytearray()
        self.is_read = self.is_written = True  # somebody has that end open
        self._waiting: list[asyncio.Future[None]] = []

    def ends(self) -> "tuple[PipeReader, PipeWriter]":
        """Make both ends."""
        return PipeReader(self), PipeWriter(self)

    async def change(self) -> None:
        """Wait until something is otherwise."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def changed(self) -> None:
        """Wake whoever waits."""
        for one in self._waiting:
            if not one.done():
                one.set_result(None)
        self._waiting.clear()


class PipeReader(Stream):
    """The end of a pipe that is read."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe

    def end(self) -> None:
        self._pipe.is_read = False
        self._pipe.held.clear()
        self._pipe.changed()

    async def read(self, most: int, until: bytes = b"") -> bytes:
        pipe = self._pipe
        while not pipe.held and pipe.is_written:
            await pipe.change()
        taken = _upto(bytes(pipe.held[:most]), until)
        del pipe.held[: len(taken)]
        pipe.changed()
        return taken


class PipeWriter(Stream):
    """The end of a pipe that is written."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe

    def end(self) -> None:
        self._pipe.is_written = False
        self._pipe.changed()

    async def write(self, data: bytes) -> None:
        pipe = self._pipe
        while data:
            while len(pipe.held) >= ROOM and pipe.is_read:
                await pipe.change()
            if not pipe.is_read:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
            room = ROOM - len(pipe.held)
            pipe.held += data[:room]
            data = data[room:]
            pipe.changed()
        if not pipe.is_read:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
