"""Whether what stands at the target is already what is to be put there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vast_mcp.working.files.crew import Clock, TimeUp, together
from vast_mcp.working.files.kept import Job, Kept
from vast_mcp.working.files.sides import PIECE, Part, Seen, Side

FILES_AT_ONCE, BYTES_AT_ONCE = 500, 16 * PIECE


class Comparer:
    """Compares files of two sides that have the same size."""

    def __init__(self, source: Side, target: Side, kept: Kept, clock: Clock) -> None:
        self._source = source
        self._target = target
        self._kept = kept
        self._clock = clock
        self.by_size_only = False

    async def same(self, pairs: Sequence[tuple[Job, Seen]]) -> set[Job]:
        """Those that are the same, each with what stands in its place. Without a tool for digests
        that is told by the time too, since a copy keeps it. Raises TimeUp.
        """
        left = [pair for pair in pairs if not self._kept.is_same(*pair)]
        small = [pair for pair in left if pair[0].seen.size <= PIECE]
        for some in _batches(small):
            await self._whole(some)
        for pair in left:
            if pair[0].seen.size > PIECE:
                await self._by_pieces(pair)
        return {pair[0] for pair in pairs if self._kept.is_same(*pair)}

    async def _whole(self, pairs: Sequence[tuple[Job, Seen]]) -> None:
        found = await self._digests(
            [Part(job.source) for job, _ in pairs], [Part(job.target) for job, _ in pairs]
        )
        for pair, is_same in zip(pairs, found or map(_by_time, pairs), strict=True):
            if is_same:
                self._kept.mark(*pair)

    async def _by_pieces(self, pair: tuple[Job, Seen]) -> None:
        job, stands = pair
        known = (job, stands.mtime)
        count = -(-job.seen.size // PIECE)
        at = self._kept.compared.get(known, 0)
        while at < count:
            numbers = range(at, min(count, at + BYTES_AT_ONCE // PIECE))
            found = await self._digests(
                [Part(job.source, number) for number in numbers],
                [Part(job.target, number) for number in numbers],
            )
            if found is None and not _by_time(pair):
                return
            if found is not None and not all(found):
                return
            at = numbers.stop if found is not None else count
            self._kept.compared[known] = at
        self._kept.mark(*pair)

    async def _digests(self, sources: Sequence[Part], targets: Sequence[Part]) -> list[bool] | None:
        """Of each whether both are the same; None where nobody can say."""
        if self._clock.is_over:
            raise TimeUp
        within_s = self._clock.left_s
        one, two = await together(
            [self._source.digests(sources, within_s), self._target.digests(targets, within_s)]
        )
        if one is None or two is None:
            self.by_size_only = True
            return None
        return [a is not None and a == b for a, b in zip(one, two, strict=True)]


def _by_time(pair: tuple[Job, Seen]) -> bool:
    job, stands = pair
    return job.seen.mtime == stands.mtime


def _batches(pairs: Sequence[tuple[Job, Seen]]) -> Iterator[list[tuple[Job, Seen]]]:
    some, size = list[tuple[Job, Seen]](), 0
    for pair in pairs:
        some.append(pair)
        size += pair[0].seen.size
        if len(some) >= FILES_AT_ONCE or size >= BYTES_AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some
