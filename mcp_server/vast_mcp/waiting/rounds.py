"""Look after look, each a little later than the last, until a machine's wait has an end."""

from __future__ import annotations

import anyio

from vast_mcp import errors
from vast_mcp.account.looks import note_look
from vast_mcp.errors import NextStep
from vast_mcp.machines.watching import LOOKS_TO_FAIL
from vast_mcp.session import Call
from vast_mcp.waiting import doors, verdicts
from vast_mcp.waiting.verdicts import Verdict
from vast_mcp.waiting.wait import Wait, Wish

SLOWER = 1.5
SLOWEST = 5  # times the first pause


async def wait_for(instance_id: int, wish: Wish, call: Call) -> Verdict:
    """What the wait for a machine came to. Raises what every look raised, and NoSuchInstance."""
    wait = Wait.of(instance_id, wish, call)
    pause = call.times.look_s
    while True:
        await _look(wait)
        done = await _ended(wait)
        if done is not None:
            return done
        passed = anyio.current_time() - wait.began
        await call.progress(passed, wish.timeout_s, verdicts.doing(wait.watch.phase))
        if wait.left <= pause:
            return await verdicts.still_starting(wait)
        await anyio.sleep(pause)
        pause = min(pause * SLOWER, call.times.look_s * SLOWEST)


async def _look(wait: Wait) -> None:
    """One look; an answer that does not come tells nothing, unless none ever came.

    Raises NoSuchInstance for an id that nobody here has ever seen.
    """
    try:
        row = await wait.call.within(max(wait.left, 0.1)).show_instance(wait.instance_id)
    except errors.VastMcpError as exc:
        if not exc.retryable:
            raise
        wait.trouble = exc
        return
    wait.looked = True
    note_look(wait.call.session, wait.instance_id, row, wait.record)
    if row is not None:
        wait.row = row
    if wait.watch.looks >= LOOKS_TO_FAIL and not wait.is_known:
        raise errors.NoSuchInstance(
            f"The account has no machine {wait.instance_id}.",
            next_steps=[NextStep("show_instances", {}, "see what exists")],
        )


async def _ended(wait: Wait) -> Verdict | None:
    """The end of the wait by what the last look showed, or None to look again."""
    reason = wait.failure()
    if reason is not None:
        return await verdicts.failed(wait, reason)
    # Without a row it ran when an earlier call looked, and this one has no answer yet.
    if wait.watch.phase != "running" or wait.row is None:
        return None
    return await doors.when_running(wait, wait.row)
