"""The end of a try: sent, and seen. A machine is gone when, after an accepted DELETE, neither a
read nor a whole list has it, twice, some seconds apart; its new volume goes with it.

Only a try that the journal calls failed, or of which nothing was to come, is ended: that is written
down before anything is sent, so that whoever drives its plan next does not hand it over.
"""

from __future__ import annotations

import anyio

from vast_mcp import errors
from vast_mcp.account.seen import forget_destroyed, learn_from
from vast_mcp.journal.plan_records import Try
from vast_mcp.journal.records import Intent, token_of
from vast_mcp.machines import volumes
from vast_mcp.session import Call

LOOKS = 2  # that prove it gone


async def end_and_see(call: Call, one: Try) -> bool:
    """End a try and what else carries its token; whether all of it was seen to be gone, and
    is written down so. Raises nothing of Vast's: what fails is tried again by the next call.
    """
    gone = await end_strays(call, one)
    intent = one.intent
    if one.made_own and intent is not None:
        gone = await _ended(call, one, intent) and gone
    if gone:
        call.journal.plans.note_gone(one)
    return gone


async def end_strays(call: Call, one: Try) -> bool:
    """End the machines that came of a try beside its own; whether all were seen to be gone."""
    return all([await _ended(call, one, stray) for stray in one.strays])


async def _ended(call: Call, one: Try, intent: Intent) -> bool:
    """End one machine; whether it was seen to be gone."""
    if intent.instance_id is None:
        return False
    try:
        if not await _accepted(call, one, intent):
            return False
        if intent.token == one.token:
            call.journal.plans.note_ending(one)  # what bills from here on is not the plan's doing
        gone = await is_gone(call, intent)
    except errors.VastMcpError:
        return False
    if gone:
        forget_destroyed(call, [intent.instance_id])
    return gone


async def _accepted(call: Call, one: Try, intent: Intent) -> bool:
    """Send a DELETE; whether it was accepted, now or before, or Vast has no such machine any more.
    One that nobody has ever seen, and that is young, may only be unreadable yet.
    """
    instance_id = intent.instance_id or 0
    if await call.vast.destroy_instance(instance_id):
        call.session.ending.add(instance_id)
        return True
    if one.ending_at is not None or intent.gone_at is not None:
        return True
    seen = call.session.watch_of(instance_id).seen
    return seen or not call.journal.is_young(intent, call.times.young_s)


async def is_gone(call: Call, intent: Intent) -> bool:
    """Whether looks that are far enough apart show nothing of a machine whose end was accepted.
    Raises what keeps one from being made.
    """
    for attempt in range(LOOKS):
        if attempt:
            await anyio.sleep(call.times.gone_apart_s)
        if not await _shows_nothing(call, intent):
            return False
    return True


async def _shows_nothing(call: Call, intent: Intent) -> bool:
    """Whether neither a read nor a whole list has it, or another machine of its token, nor its new
    volume. What is found is ended.
    """
    instance_id = intent.instance_id or 0
    row = await call.vast.show_instance(instance_id)
    listed = await call.vast.list_instances()
    await learn_from(call, listed)
    left = [
        one.id for one in listed if one.id == instance_id or token_of(one.label) == intent.token
    ]
    for machine in left:
        await call.vast.destroy_instance(machine)
    if row is not None or left or not listed.is_whole:
        return False
    return not intent.makes_volume or await _has_no_volume(call, intent.token)


async def _has_no_volume(call: Call, token: str) -> bool:
    """Whether a whole list lacks the volume that was made with it, which is deleted where it is
    there. It is refused while the machine lets go of it.
    """
    listed = await call.vast.list_volumes()
    made = [one.id for one in listed if volumes.token_of(one) == token]
    for volume_id in made:
        await call.vast.destroy_volume(volume_id)
    return listed.is_whole and not made
