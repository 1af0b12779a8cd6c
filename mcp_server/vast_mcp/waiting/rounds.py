"""Round after round of looks, each a little later than the last, until every machine's wait has an
end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio

from vast_mcp import errors
from vast_mcp.account.looks import note_look
from vast_mcp.account.seen import learn_from
from vast_mcp.errors import NextStep
from vast_mcp.machines.watching import LOOKS_TO_FAIL
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance
from vast_mcp.waiting import doors, verdicts
from vast_mcp.waiting.facts import Verdict
from vast_mcp.waiting.wait import Wait, Wish

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast  # httpx is loaded by the first call

SLOWER = 1.5
SLOWEST = 5  # times the first pause
LOG_TELLS = frozenset({"running", "exited"})  # phases in which a container has a log

Found = dict[int, Instance | None]  # by id; None: Vast shows no such machine


async def wait_for(instance_ids: Sequence[int], wish: Wish, call: Call) -> list[Verdict]:
    """What the waits for some machines came to, in their order. Raises what every look raised,
    NoSuchInstance, and BadArguments for a way in that one of them does not have.
    """
    waits = [Wait.of(instance_id, wish, call) for instance_id in instance_ids]
    pause = call.times.look_s
    while True:
        waiting = [wait for wait in waits if wait.verdict is None]
        await _look(waiting, call)
        await _judge(waiting)
        waiting = [wait for wait in waiting if wait.verdict is None]
        if not waiting:
            break
        await call.progress(anyio.current_time() - waits[0].began, wish.timeout_s, _doing(waits))
        if waits[0].left <= pause:
            for wait in waiting:
                wait.verdict = await verdicts.still_starting(wait)
            break
        await anyio.sleep(pause)
        pause = min(pause * SLOWER, call.times.look_s * SLOWEST)
    return [wait.verdict for wait in waits if wait.verdict is not None]


def _doing(waits: Sequence[Wait]) -> str:
    """What those that are waited for do, in our words."""
    waiting = [wait for wait in waits if wait.verdict is None]
    doing = verdicts.doing(waiting[0])
    if len(waits) == 1:
        return doing
    return f"{len(waiting)} of {len(waits)} not yet; machine {waiting[0].instance_id}: {doing}"


# ── the looks ─────────────────────────────────────────────────────────────────────────────────────


async def _look(waits: Sequence[Wait], call: Call) -> None:
    """One look at all of them; an answer that does not come tells nothing, unless none ever came.

    Raises NoSuchInstance for an id that nobody here has ever seen.
    """
    try:
        found = await _rows(waits, call, call.within(max(waits[0].left, 0.1)))
    except errors.VastMcpError as exc:
        if not exc.retryable:
            raise
        for wait in waits:
            wait.trouble = exc
        return
    for wait in waits:
        if wait.instance_id in found:
            _note(wait, found[wait.instance_id])
    unknown = [w.instance_id for w in waits if w.watch.looks >= LOOKS_TO_FAIL and not w.is_known]
    if unknown:
        raise _no_such(unknown)


async def _rows(waits: Sequence[Wait], call: Call, vast: Vast) -> Found:
    """The row of one machine, or those of several out of one list: single reads of many would wait
    for each other's turn. A list that lacks rows proves nobody's absence.
    """
    if len(waits) == 1:
        instance_id = waits[0].instance_id
        return {instance_id: await vast.show_instance(instance_id)}
    listed = await vast.list_instances()
    await learn_from(call, listed)
    by_id = {row.id: row for row in listed}
    ids = [wait.instance_id for wait in waits]
    return {one: by_id.get(one) for one in ids if one in by_id or listed.is_whole}


def _note(wait: Wait, row: Instance | None) -> None:
    wait.looked = True
    note_look(wait.call.session, wait.instance_id, row, wait.record)
    if row is not None:
        wait.row = row


def _no_such(unknown: Sequence[int]) -> errors.NoSuchInstance:
    named = ", ".join(map(str, unknown))
    return errors.NoSuchInstance(
        f"The account has no machine {named}.",
        next_steps=[NextStep("show_instances", {}, "see what exists")],
    )


# ── the judgement ─────────────────────────────────────────────────────────────────────────────────


async def _judge(waits: Sequence[Wait]) -> None:
    """Give each its verdict that has one, side by side. Raises the first error."""
    failures: list[errors.VastMcpError] = []

    async def judge(wait: Wait) -> None:
        try:
            wait.verdict = await _ended(wait)
            wait.unready_at = wait.watch.last
        except errors.VastMcpError as exc:
            failures.append(exc)

    async with anyio.create_task_group() as tasks:
        for wait in waits:
            tasks.start_soon(judge, wait)
    if failures:
        raise failures[0]


async def _ended(wait: Wait) -> Verdict | None:
    """The end of a wait by what the last look showed, or None to look again."""
    said = await _said(wait)
    if said is not None:
        return said
    reason = wait.failure()
    if reason is not None:
        return await verdicts.failed(wait, reason)
    # Without a row it ran when an earlier call looked, and this one has no answer yet.
    if wait.watch.phase != "running" or wait.row is None:
        return None
    return await doors.when_running(wait, wait.row)


async def _said(wait: Wait) -> Verdict | None:
    """The end of a wait for a text in the log, which a container that is down has too."""
    if wait.wish.aim.kind != "log" or wait.row is None or wait.watch.phase not in LOG_TELLS:
        return None
    return await doors.when_said(wait, wait.row)
