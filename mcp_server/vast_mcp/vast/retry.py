"""When a read is asked again. A PUT that rents is never here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from vast_mcp import errors
from vast_mcp.settings import Times
from vast_mcp.vast.replies import Reply

READ_TRIES = 4

# What a try came to: an answer that is a success, or an error.
Try = Reply | errors.VastMcpError
# The error of an answer that is no success.
Judge = Callable[[Reply], errors.VastMcpError | None]

# After these nobody knows whether the request did anything.
_LOST = (errors.Unreachable, errors.VastUnavailable)
_REPEATED = (*_LOST, errors.RateLimited)
# These are said of the machine, not of the try, so they hold whatever became of an earlier one.
_OF_THE_MACHINE = (errors.NoSuchInstance, errors.StartQueued)


async def read(
    send: Callable[[], Awaitable[Reply]],
    refusal: Judge,
    times: Times,
    deadline: float,
    tries: int = READ_TRIES,
    *,
    acts: bool = False,
) -> Reply:
    """Ask until there is a success, within `deadline` (anyio's clock), at most `tries` times.
    `refusal`: the error of an answer that is none.

    Repeats on no connection, no answer, 5xx and 429, which cost nothing on a request that changes
    nothing (or whose repetition changes nothing). Raises any other refusal at once, and Unreachable
    when no answer ever came.

    If an earlier try was lost, its error is raised even when a later try is refused, because
    refusing try 2 proves nothing about try 1. For reads only a 429 and our own pacing count as such
    refusals; with `acts` every refusal does that is not said of the machine itself.
    """
    wait = times.retry_s
    lost: errors.VastMcpError | None = None
    for left in reversed(range(tries)):
        try:
            tried = await _try(send, refusal)
        except errors.RateLimited as exc:
            raise (lost or exc) from None  # not sent: its turn comes too late
        if isinstance(tried, Reply):
            return tried
        if not isinstance(tried, _REPEATED):
            raise _outranked(tried, lost, acts=acts)
        if isinstance(tried, _LOST) and (lost is None or not tried.never_left):
            lost = tried
        pause = _pause(tried, wait, times)
        if left == 0 or anyio.current_time() + pause > deadline:
            raise lost or tried
        await anyio.sleep(pause)
        wait *= 2
    raise AssertionError("unreachable")


async def _try(send: Callable[[], Awaitable[Reply]], refusal: Judge) -> Try:
    """Send once. Raises RateLimited where our own pace leaves no time for it."""
    try:
        reply = await send()
    except errors.Unreachable as exc:
        return exc
    return refusal(reply) or reply


def _outranked(
    refusal: errors.VastMcpError, lost: errors.VastMcpError | None, *, acts: bool
) -> errors.VastMcpError:
    """The error to raise for a refusal: that of an earlier try where the refusal says nothing of
    it, and it may have left.
    """
    if lost is None or lost.never_left or not acts or isinstance(refusal, _OF_THE_MACHINE):
        return refusal
    return lost


def _pause(tried: errors.VastMcpError, wait: float, times: Times) -> float:
    """Seconds until the next try: as long as Vast asks for after a 429, else longer every time."""
    if not isinstance(tried, errors.RateLimited):
        return wait
    if tried.retry_after_s is None:
        return times.rate_limit_s
    return max(tried.retry_after_s, 0.05)
