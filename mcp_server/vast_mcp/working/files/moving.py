"""Files on their way: several at once, each beside its place until its digest is compared."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import anyio.to_thread

from vast_mcp.working.files.crew import Clock, together
from vast_mcp.working.files.kept import Job, Kept, Large, Piece
from vast_mcp.working.files.sides import PIECE, File, Part, Seen, Side, Small, Taken, Trouble
from vast_mcp.working.files.streaming import CHANGED, Stream
from vast_mcp.working.files.tally import Tally

SMALL = 256_000  # bytes of a file that is written at once
BATCH_FILES, BATCH_BYTES = 64, 4 << 20  # of small files that travel together
WORKERS = 4
# Of which the machine digests what arrived at once, while more arrives; sooner once the connection
# broke.
UNVERIFIED_FILES, UNVERIFIED_BYTES = 500, 64 << 20
UNVERIFIED_AFTER_A_BREAK = BATCH_FILES

_Unit = Callable[[], Awaitable[None]]


@dataclass(eq=False)
class _Open:
    """A large file under way, open on both sides."""

    large: Large
    source: File
    target: File
    trouble: Trouble | None = None


@dataclass(frozen=True)
class _Arrived:
    """What is to be compared: the digest of what passed through here, and whose it is."""

    part: Part
    digest: str
    size: int
    job: Job
    of: tuple[_Open, Piece] | None = None


@dataclass(eq=False)
class Mover:
    """Moves files from one side to the other. `judge`: which of them is the machine, whose digests
    count: of what arrived there, or of what it was read from.
    """

    source: Side
    target: Side
    up: bool
    replace: bool
    kept: Kept
    clock: Clock
    tally: Tally
    _arrived: list[_Arrived] = field(default_factory=list[_Arrived])
    _open: list[_Open] = field(default_factory=list[_Open])
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    # To be compared; at the end an empty one. Who moves waits where the machine digests slower.
    _batches: asyncio.Queue[list[_Arrived]] = field(
        default_factory=lambda: asyncio.Queue[list[_Arrived]](1)
    )

    async def move(self, jobs: Sequence[Job], stands: dict[bytes, Seen]) -> None:
        """Move them, or as many as there is time for. `stands`: what lies at the target."""
        units = self._units(jobs, stands)
        try:
            await together([self._moved(units), self._compared()])
        finally:
            await units.aclose()
            for one in self._open:
                await one.source.close()
                await one.target.close()

    async def _moved(self, units: AsyncGenerator[_Unit]) -> None:
        """Move them all, and hand over what is yet to be compared."""
        await together([self._work(units) for _ in range(WORKERS)])
        await self._hand_over()
        await self._batches.put([])

    async def _work(self, units: AsyncGenerator[_Unit]) -> None:
        while not self.clock.is_over:
            async with self._turn:
                unit = await anext(units, None)
            if unit is None:
                return
            await unit()
            await self.tally.tell()
            if self._has_enough:
                await self._hand_over()

    async def _units(self, jobs: Sequence[Job], stands: dict[bytes, Seen]) -> AsyncGenerator[_Unit]:
        for some in _batches([job for job in jobs if job.seen.size <= SMALL]):
            yield lambda some=some: self._small(some)
        for job in jobs:
            if job.seen.size <= SMALL:
                continue
            try:
                opened = await self._opened(job, stands.get(job.partial))
            except Trouble as exc:
                self.tally.failed.add(job.target, str(exc))
                continue
            if opened.large.is_verified:
                await self._settle_large(opened)
            else:
                yield lambda opened=opened: self._large(opened)

    # ── small ones ───────────────────────────────────────────────────────────────────────────

    async def _small(self, jobs: Sequence[Job]) -> None:
        got = await self.source.get([(job.source, job.seen.size + 1) for job in jobs])
        files = list[tuple[Job, bytes]]()
        for job, data in zip(jobs, got, strict=True):
            if isinstance(data, Trouble):
                self.tally.failed.add(job.target, str(data))
            elif len(data) != job.seen.size:
                self.tally.failed.add(job.target, CHANGED)
            else:
                files.append((job, data))
        digests = await anyio.to_thread.run_sync(_digests_of, [data for _, data in files])
        smalls = [Small(job.partial, data, job.seen.mode, job.seen.mtime) for job, data in files]
        put = await self.target.put(smalls)
        for (job, data), digest, trouble in zip(files, digests, put, strict=True):
            if trouble is not None:
                self.tally.failed.add(job.target, str(trouble))
                continue
            self.tally.moved += len(data)
            part = Part(job.partial if self.up else job.source)
            self._arrived.append(_Arrived(part, digest, len(data), job))

    # ── large ones ───────────────────────────────────────────────────────────────────────────

    async def _opened(self, job: Job, stands: Seen | None) -> _Open:
        large = self.kept.large.get(job)
        lies = 0 if stands is None else stands.size
        if large is None or large.reaches > lies:
            large = self.kept.large[job] = Large.of(job)
            await self._resume(large, lies)
        source = await self.source.open(job.source)
        try:
            target = await self.target.open(job.partial, job.seen)
        except BaseException:
            await source.close()
            raise
        opened = _Open(large, source, target)
        self._open.append(opened)
        return opened

    async def _resume(self, large: Large, lies: int) -> None:
        """Take what lies there from an earlier process, where it is what it should be."""
        whole = [one for one in large.pieces if one.end <= lies]
        step = UNVERIFIED_BYTES // PIECE
        for at in range(0, len(whole), step):
            if self.clock.is_over:
                return
            some = whole[at : at + step]
            within_s = self.clock.left_s
            ours, theirs = await together(
                [
                    side.digests([Part(path, one.number) for one in some], within_s)
                    for side, path in (
                        (self.source, large.job.source),
                        (self.target, large.job.partial),
                    )
                ]
            )
            for one, mine, other in zip(some, ours or (), theirs or (), strict=False):
                if mine is not None and mine == other:
                    one.at, one.verified = one.end, True

    async def _large(self, opened: _Open) -> None:
        """Move what has not arrived."""
        stream = Stream(
            opened.source,
            opened.target,
            self.up,
            self._is_to_stop(opened),
            self._came,
            self.tally.tell,
        )
        try:
            for piece in opened.large.pieces:
                if piece.has_arrived and not piece.verified:
                    self._take(opened, piece)  # by a connection that broke before it was compared
                elif not piece.verified:
                    stream.add(piece)
            async for piece in stream.pieces():
                self._take(opened, piece)
                if self._has_enough:
                    await self._hand_over()
        except Trouble as exc:
            if opened.trouble is None:
                await self._fail(opened, exc)

    def _is_to_stop(self, opened: _Open) -> Callable[[], bool]:
        return lambda: self.clock.is_over or opened.trouble is not None

    def _came(self, size: int) -> None:
        self.tally.moved += size

    def _take(self, opened: _Open, piece: Piece) -> None:
        """Have a piece that arrived compared."""
        large, job = opened.large, opened.large.job
        part = large.part(job.partial if self.up else job.source, piece)
        size = piece.end - piece.number * PIECE
        digest = piece.digest.hexdigest()
        self._arrived.append(_Arrived(part, digest, size, job, (opened, piece)))

    async def _fail(self, opened: _Open, trouble: Trouble) -> None:
        """Leave nothing of it, since what is wrong with it may be what has arrived."""
        opened.trouble = trouble
        job = opened.large.job
        self.kept.large.pop(job, None)
        self.tally.failed.add(job.target, str(trouble))
        await self.target.remove([job.partial])

    # ── compared, and put in place ───────────────────────────────────────────────────────────

    @property
    def _has_enough(self) -> bool:
        most = UNVERIFIED_AFTER_A_BREAK if self.kept.breaks else UNVERIFIED_FILES
        size = sum(one.size for one in self._arrived)
        return len(self._arrived) >= most or size >= UNVERIFIED_BYTES

    async def _hand_over(self) -> None:
        """Have what arrived compared."""
        arrived, self._arrived = self._arrived, []
        if arrived:
            await self._batches.put(arrived)

    async def _compared(self) -> None:
        """Compare what arrives, until the last of it."""
        while arrived := await self._batches.get():
            await self._verify(arrived)

    async def _verify(self, arrived: Sequence[_Arrived]) -> None:
        """Compare what arrived, and put into its place what is whole."""
        machine = self.target if self.up else self.source
        found = await machine.digests([one.part for one in arrived], self.clock.left_s)
        self.tally.by_size_only |= found is None
        whole, spoilt = list[Job](), list[bytes]()
        for one, digest in zip(arrived, found or (x.digest for x in arrived), strict=True):
            if one.of is not None:
                await self._verified(*one.of, is_same=digest == one.digest)
            elif digest == one.digest:
                whole.append(one.job)
            else:
                self.tally.failed.add(one.job.target, CHANGED)
                spoilt.append(one.job.partial)
        await self.target.remove(spoilt)
        await self._settle(whole)

    async def _verified(self, opened: _Open, piece: Piece, *, is_same: bool) -> None:
        if not is_same:
            if opened.trouble is None:
                await self._fail(opened, Trouble(CHANGED))
            return
        piece.verified = True
        if opened.large.is_verified and opened.trouble is None:
            await self._settle_large(opened)

    async def _settle_large(self, opened: _Open) -> None:
        job = opened.large.job
        try:
            if await self.source.look(job.source) != job.seen:
                raise Trouble(CHANGED)
            await opened.target.finish(job.seen)
        except Trouble as exc:
            await self._fail(opened, exc)
            return
        opened.trouble = Trouble("is done")
        self.kept.large.pop(job, None)
        await self._settle([job])

    async def _settle(self, jobs: Sequence[Job]) -> None:
        """Put whole files into their places."""
        if not jobs:
            return
        pairs = [(job.partial, job.target) for job in jobs]
        troubles = await self.target.rename(pairs, replace=self.replace)
        for job, trouble in zip(jobs, troubles, strict=True):
            if isinstance(trouble, Taken):
                self.tally.differ.add(job.target, str(trouble))
            elif trouble is not None:
                self.tally.failed.add(job.target, str(trouble))
            else:
                self.tally.done.add(job.target)
                self.kept.mark(job, job.seen)
        await self.target.remove(
            [
                job.partial
                for job, trouble in zip(jobs, troubles, strict=True)
                if trouble is not None
            ]
        )
        await self.tally.tell()


def _digests_of(datas: Sequence[bytes]) -> list[str]:
    return [hashlib.sha256(data).hexdigest() for data in datas]


def _batches(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    some, size = list[Job](), 0
    for job in jobs:
        some.append(job)
        size += job.seen.size
        if len(some) >= BATCH_FILES or size >= BATCH_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some
