"""Seeing that a machine is gone: accepting a destroy is not doing it (docs/vast-api.md C.7)."""

from __future__ import annotations

from collections.abc import Sequence

from vast_mcp import errors
from vast_mcp.account.seen import forget_destroyed
from vast_mcp.session import Call

LOOKS = 6


async def still_there(ids: Sequence[int], call: Call) -> list[int]:
    """The ids that cannot be shown to be gone: a machine is, when neither a read nor a whole list
    has it any more.

    Looks again and again, since destroying is eventually consistent (C.7).
    """
    pending = list(ids)
    for attempt in range(LOOKS):
        if attempt and not await call.another_look():
            break
        try:
            unseen = [i for i in pending if await call.vast.show_instance(i) is None]
            listed = (
                {instance.id for instance in await call.vast.list_instances()}
                if unseen
                else set[int]()
            )
        except errors.VastMcpError:
            continue
        pending = [i for i in pending if i not in unseen or i in listed]
        if not pending:
            break
    return pending


async def end(instance_id: int, call: Call) -> bool:
    """Destroy one machine that surely existed; whether it was then seen to be gone. Raises where
    Vast says no.
    """
    if await call.vast.destroy_instance(instance_id):
        call.session.ending.add(instance_id)
    if await still_there([instance_id], call):
        return False
    forget_destroyed(call, [instance_id])
    return True
