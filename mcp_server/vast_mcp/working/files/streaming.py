"""A large file on its way: blocks arrive in their order, and are digested in passing.

What is this computer's is read or written one block after the other, in a thread that digests it
too; on the machine's side several are under way, since it is far.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from vast_mcp.working.files.kept import Piece
from vast_mcp.working.files.sides import Digest, File, Trouble

BLOCK = 1 << 20  # bytes
# Blocks on the machine's side, since it may be far. Of twice as many, OpenSSH's server takes up to
# twice as long over each.
UNDER_WAY = 8

# glibc gives the memory of a large block back to the system, and to have it anew takes longer than
# the block does on its way. It keeps what is smaller than the largest that it ever gave back, up to
# 32 MiB: this one, of which nothing is touched.
bytes(31 << 20)

CHANGED = "changed while it was copied, or was damaged on the way"


@dataclass(frozen=True)
class _Block:
    piece: Piece
    at: int
    size: int
    digest: Digest  # of its piece, fed in the order of blocks


@dataclass(eq=False)
class Stream:
    """Moves pieces in their order. What counts of a piece is what is known to be written, from its
    beginning on: after a break, the rest is moved again.
    """

    source: File
    target: File
    up: bool
    is_to_stop: Callable[[], bool]
    came: Callable[[int], None]
    tell: Callable[[], Awaitable[None]]
    _pieces: list[Piece] = field(default_factory=list[Piece])
    _reads: deque[tuple[_Block, asyncio.Task[bytes]]] = field(
        default_factory=deque[tuple[_Block, "asyncio.Task[bytes]"]]
    )
    _writes: deque[tuple[_Block, Digest | None, asyncio.Task[None]]] = field(
        default_factory=deque[tuple[_Block, "Digest | None", "asyncio.Task[None]"]]
    )

    def add(self, piece: Piece) -> None:
        """Move this piece too."""
        self._pieces.append(piece)

    async def pieces(self) -> AsyncGenerator[Piece]:
        """The pieces, each once all of it is written. Raises Trouble."""
        blocks = self._blocks()
        try:
            self._read_ahead(blocks)
            while self._reads:
                block, read = self._reads.popleft()
                data = await read
                if len(data) != block.size:
                    raise Trouble(CHANGED)
                so_far = block.digest.copy() if self.up else None
                self._read_ahead(blocks)
                if len(self._writes) >= (UNDER_WAY if self.up else 1):
                    piece = await self._written()
                    if piece is not None:
                        yield piece
                self._write(block, so_far, data)
            while self._writes:
                piece = await self._written()
                if piece is not None:
                    yield piece
        finally:
            await self._stop()

    def _blocks(self) -> Iterator[_Block]:
        for piece in self._pieces:
            digest = piece.digest.copy()
            for at in range(piece.at, piece.end, BLOCK):
                yield _Block(piece, at, min(BLOCK, piece.end - at), digest)

    def _read_ahead(self, blocks: Iterator[_Block]) -> None:
        while len(self._reads) < (1 if self.up else UNDER_WAY) and not self.is_to_stop():
            block = next(blocks, None)
            if block is None:
                return
            work = self.source.read(block.at, block.size, block.digest if self.up else None)
            self._reads.append((block, asyncio.ensure_future(work)))

    def _write(self, block: _Block, so_far: Digest | None, data: bytes) -> None:
        work = self.target.write(block.at, data, None if self.up else block.digest)
        self._writes.append((block, so_far, asyncio.ensure_future(work)))

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
        block, so_far, write = self._writes[0]
        if not write.done() or write.cancelled() or write.exception() is not None:
            return False
        self._writes.popleft()
        block.piece.at = block.at + block.size
        block.piece.digest = block.digest.copy() if so_far is None else so_far
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
