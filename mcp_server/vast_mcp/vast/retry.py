"""When a read is asked again, and how fast we ask at all. A PUT that rents is never here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from vast_mcp import errors
from vast_mcp.settings import Times
from vast_mcp.vast.replies import Reply, failure

READ_TRIES = 4

# Minimum seconds between two calls of one kind (docs/vast-api.md H; search is 10 a minute per
# address, and bursts of five were seen to pass, so it is paced at a third of that and 429s are
# waited out).
INTERVALS: dict[str, float] = {
    "create": 4.5,
    "search": 2.0,
    "show": 2.0,
    "list": 1.0,
    "destroy": 3.0,
    "manage": 1.0,
    "bid": 5.5,
    "volumes": 5.5,
    "keys": 1.0,
    "templates": 3.0,
}


class Pace:
    """Spaces the calls of one kind, process-wide: waiting a moment is cheaper than a 429 with its
    penalty.
    """

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._next_at: dict[str, float] = {}

    async def turn(self, kind: str, deadline: float) -> None:
        """Wait until a call of this kind may go out, and reserve the slot. Raises RateLimited past
        the deadline.
        """
        interval = INTERVALS.get(kind, 0.0) * self._factor
        now = anyio.current_time()
        at = max(now, self._next_at.get(kind, 0.0))
        if at > max(now, deadline):
            raise errors.RateLimited(
                f"Not sent: Vast wants {interval:g} s between such requests, and this call's time "
                f"ends before that.",
                retry_after_s=round(at - now, 1),
            )
        self._next_at[kind] = at + interval
        if at > now:
            await anyio.sleep(at - now)


async def read(
    send: Callable[[], Awaitable[Reply]],
    times: Times,
    deadline: float,
    tries: int = READ_TRIES,
    *,
    acts: bool = False,
) -> Reply:
    """Ask until there is a verdict, within `deadline` (anyio's clock), at most `tries` times.

    Repeats on no connection, no answer, 5xx and 429, which cost nothing on a request that changes
    nothing (or whose repetition changes nothing). Returns any other reply, good or bad. Raises
    Unreachable when no answer ever came, or the failure of the last reply; but what refuses a later
    try says nothing of one that was lost, so that one's failure is raised: of a 429 or our own pace
    always, of any other refusal where the request `acts`.
    """
    wait = times.retry_s
    lost: errors.VastMcpError | None = None
    for attempt in range(1, tries + 1):
        problem: errors.VastMcpError
        try:
            reply = await send()
        except errors.RateLimited as exc:
            raise (lost or exc) from None  # not sent: its turn comes too late
        except errors.Unreachable as exc:
            problem = lost = exc
            pause = wait
        else:
            problem = failure(reply) if not reply.ok else errors.UnexpectedReply("")
            if not isinstance(problem, (errors.RateLimited, errors.VastUnavailable)):
                said = isinstance(
                    problem, (errors.NoSuchInstance, errors.StartQueued)
                )  # of the machine, not the try
                if lost is not None and acts and not reply.ok and not said:
                    raise lost
                return reply
            pause = wait
            if isinstance(problem, errors.VastUnavailable):
                lost = problem
            else:
                asked = reply.retry_after_s
                pause = times.rate_limit_s if asked is None else max(asked, 0.05)
        if attempt == tries or anyio.current_time() + pause > deadline:
            raise lost or problem
        await anyio.sleep(pause)
        wait *= 2
    raise AssertionError("unreachable")
