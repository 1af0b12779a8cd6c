"""How fast we ask: the distance between requests of one kind, in the whole process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from vast_mcp import errors

# Who hears of a wait, in a sentence.
Tell = Callable[[str], Awaitable[None]]

# Least seconds between two requests of one kind (docs/vast-api.md H). Where the generated table
# and the hand-written description differ it is the longer: a wait costs less than a 429 with its
# penalty. Of searches, ten a minute by the latter are not kept: five at once were seen to pass.
INTERVALS: dict[str, float] = {
    "create": 4.5,
    "search": 2.0,
    "show": 2.0,
    "list": 1.0,
    "destroy": 3.0,
    "manage": 1.0,
    "manage_many": 4.0,
    "bid": 5.5,
    "volumes": 5.5,
    "search_volumes": 5.5,
    "destroy_volume": 5.5,
    "create_volume": 5.5,
    "keys": 1.0,
    "delete_key": 1.0,
    "attached": 2.0,
    "attach": 2.0,
    "detach": 2.0,
    "templates": 3.0,
    "save_template": 3.0,
    "delete_template": 3.0,
    "charges": 1.0,
    "increases": 2.0,
    "decide": 2.0,
    "prepay": 2.0,
    "balance": 3.0,
    "maintenances": 1.0,
    "update": 2.0,
    "invoices": 3.0,
    "spend_rate": 2.0,
    "execute": 1.5,
    "data": 3.5,
    "clouds": 2.9,
}
MARGIN = 1.02  # clocks differ
ANSWER_S = 10.0  # after which a request is taken to have arrived, though its answer has not
TOLD_S = 1.0  # a longer wait is told to the host
LONGEST_HOLD_S = 60.0  # that a 429 makes others wait: longer ones are told, and asked again


@dataclass(eq=False)
class _Lane:
    """The requests of one kind, which go one after the other."""

    interval: float
    # On anyio's clock: when the next may leave by the interval, and by a 429; when the last did.
    next_at: float = 0.0
    held_until: float = 0.0
    left_at: float = 0.0
    waiting: int = 0
    turn: anyio.Lock = field(default_factory=anyio.Lock)
    moved: anyio.Event = field(default_factory=anyio.Event)  # its times have changed

    @property
    def wait(self) -> float:
        """Seconds until the next may leave."""
        return max(self.next_at, self.held_until) - anyio.current_time()

    def move(self, next_at: float) -> None:
        self.next_at = next_at
        self.moved.set()
        self.moved = anyio.Event()


class Pace:
    """The distance between requests of one kind. Vast counts arrivals, so the next one is counted
    from when the last is known to have arrived: from its answer.

    Every process keeps its own pace; several with one key meet a 429 now and then, and wait it out.
    """

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._lanes: defaultdict[str, _Lane] = defaultdict(lambda: _Lane(0.0))
        for kind, seconds in INTERVALS.items():
            self._lanes[kind] = _Lane(seconds * factor * MARGIN)

    def interval(self, kind: str) -> float:
        """Seconds between two requests of this kind."""
        return self._lanes[kind].interval

    async def turn(self, kind: str, deadline: float, tell: Tell) -> None:
        """Wait until a request of this kind may leave, and reserve the turn. Raises RateLimited
        where that is past the deadline.
        """
        lane = self._lanes[kind]
        wait = lane.wait + lane.waiting * lane.interval
        _check(wait, deadline, lane.interval)
        lane.waiting += 1
        try:
            if wait > TOLD_S:
                await tell(f"waiting {wait:.0f} s for a turn: Vast wants such requests spaced")
            async with lane.turn:
                await self._until_free(lane, deadline)
        finally:
            lane.waiting -= 1

    async def _until_free(self, lane: _Lane, deadline: float) -> None:
        while (wait := lane.wait) > 0:
            _check(wait, deadline, lane.interval)
            with anyio.move_on_after(wait):
                await lane.moved.wait()
        lane.left_at = anyio.current_time()
        if lane.interval:
            lane.move(lane.left_at + lane.interval + ANSWER_S * self._factor)

    def arrived(self, kind: str, left_at: float) -> None:
        """The request that left then has an answer, or none will be heard: if it was the last, the
        next is counted from here.
        """
        lane = self._lanes[kind]
        if left_at >= lane.left_at:
            lane.move(anyio.current_time() + lane.interval)

    def hold(self, kind: str, seconds: float) -> None:
        """Vast wants no request of this kind for so long (a 429): a part of the pace, and scaled
        like it.
        """
        lane = self._lanes[kind]
        until = anyio.current_time() + min(seconds, LONGEST_HOLD_S) * self._factor
        lane.held_until = max(lane.held_until, until)


def _check(wait: float, deadline: float, interval: float) -> None:
    """Raises RateLimited where a turn comes after the deadline."""
    if wait <= 0 or anyio.current_time() + wait <= deadline:
        return
    why = f"Vast wants {interval:.3g} s between such requests"
    if not interval:
        why = "Vast wants no such request for a while"
    raise errors.RateLimited(
        f"{why}, and this call's time ends before its turn.",
        retry_after_s=round(wait, 1),
    )
