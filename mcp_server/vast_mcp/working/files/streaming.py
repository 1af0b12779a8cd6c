"""A large file on its way: blocks are read ahead, digested in their order, and written behind."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import anyio.to_thread

from vast_mcp.working.files.kept import Piece
from vast_mcp.working.files.sides import File, Trouble

BLOCK = 2 << 20  # bytes
AHEAD = 4  # blocks that are read before they are needed; as many are written behind

CHANGED = "changed while it was copied, or was damaged on the way"


@dataclass(frozen=True)
class _Block:
    piece: Piece
    at: int
    size: int


@dataclass(eq=False)
class Stream:
    """Moves pieces in their order. What counts of a piece is what is known to be written, from its
    beginning on: after a break, the rest is moved again.
    """

    source: File
    target: File
    is_to_stop: Callable[[], bool]
    came: Callable[[int], None]
    tell: Callable[[], Awaitable[None]]
    _pieces: list[Piece] = field(default_factory=list[Piece])
    _reads: deque[tuple[_Block, asyncio.Task[bytes]]] = field(
        default_factory=deque[tuple[_Block, "asyncio.Task[bytes]"]]
    )
    _writes: deque[tuple[_Block, Any, asyncio.Task[None]]] = field(
        default_factory=deque[tuple[_Block, Any, "asyncio.Task[None]"]]
    )

    def add(self, piece: Piece) -> None:
        """Move this piece too."""
        self._pieces.append(piece)

    async def pieces(self) -> AsyncGenerator[Piece]:
        """The pieces, each once all of it is written. Raises Trouble."""
        blocks = self._blocks()
        digests = {piece.number: piece.digest.copy() for piece in self._pieces}
        try:
            self._read_ahead(blocks)
            while self._reads:
                block, read = self._reads.popleft()
                data = await read
                if len(data) != block.size:
                    raise Trouble(CHANGED)
                self._read_ahead(blocks)
                digest = digests[block.piece.number]
                await anyio.to_thread.run_sync(digest.update, data)
                self._write(block, digest.copy(), data)
                if len(self._writes) > AHEAD and (piece := await self._written()) is not None:
                    yield piece
            while self._writes:
                if (piece := await self._written()) is not None:
                    yield piece
        finally:
            await self._stop()

    def _blocks(self) -> Iterator[_Block]:
        for piece in self._pieces:
            for at in range(piece.at, piece.end, BLOCK):
                yield _Block(piece, at, min(BLOCK, piece.end - at))

    def _read_ahead(self, blocks: Iterator[_Block]) -> None:
        while len(self._reads) < AHEAD and not self.is_to_stop():
            block = next(blocks, None)
            if block is None:
                return
            work = self.source.read(block.at, block.size)
            self._reads.append((block, asyncio.ensure_future(work)))

    def _write(self, block: _Block, digest: Any, data: bytes) -> None:
        work = self.target.write(block.at, data)
        self._writes.append((block, digest, asyncio.ensure_future(work)))

    async def _written(self) -> Piece | None:
        """Wait until the oldest block is written; its piece, where it was the last of it."""
        block, _, write = self._writes[0]
        await asyncio.wait([write])
        if not self._counted():
            await write
        await self.tell()
        return block.piece if block.piece.has_arrived else None

    def _counted(self) -> bool:
        """Whether the oldest block is written, which counts from now on."""
        block, digest, write = self._writes[0]
        if not write.done() or write.cancelled() or write.exception() is not None:
            return False
        self._writes.popleft()
        block.piece.at, block.piece.digest = block.at + block.size, digest
        self.came(block.size)
        return True

    async def _stop(self) -> None:
        while self._writes and self._counted():
            pass
        left = [task for _, task in self._reads] + [task for _, _, task in self._writes]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
            for task in left:
                if not task.cancelled():
                    task.exception()  # of those that nobody waited for
