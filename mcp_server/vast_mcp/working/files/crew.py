"""Work that goes on at once, and its time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


async def together(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """What each comes to. The first that fails ends the others, and what it raises is raised."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        left = [task for task in tasks if not task.done()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)


@dataclass(frozen=True)
class Clock:
    """On anyio's clock: after `soft` nothing new is begun, and at `hard` all ends."""

    soft: float
    hard: float

    @property
    def is_over(self) -> bool:
        """Whether nothing new is to be begun."""
        return anyio.current_time() >= self.soft

    @property
    def left_s(self) -> float:
        """Seconds until all ends."""
        return max(0.1, self.hard - anyio.current_time())


class TimeUp(Exception):
    """The time of this call is over, and there is more to do."""
