"""Seeing that a machine is gone: accepting a destroy is not doing it (docs/vast-api.md C.7)."""

from __future__ import annotations

from collections.abc import Sequence

from vast_mcp import errors
from vast_mcp.session import Call

LOOKS = 6


async def still_there(ids: Sequence[int], call: Call) -> list[int]:
    """The ids that cannot be shown to be gone, after looking again and again: destroying is
    eventually consistent (docs/vast-api.md C.7).
    """
    pending = list(ids)
    for attempt in range(LOOKS):
        if attempt and not await call.another_look():
            break
        try:
            gone = await _gone(pending, call)
        except errors.VastMcpError:
            continue
        pending = [i for i in pending if i not in gone]
        if not pending:
            break
    return pending


async def _gone(ids: Sequence[int], call: Call) -> set[int]:
    """Those of the ids that neither a read nor a whole list has any more."""
    unseen = {i for i in ids if await call.vast.show_instance(i) is None}
    if not unseen:
        return unseen
    return unseen - {instance.id for instance in await call.vast.list_instances()}
