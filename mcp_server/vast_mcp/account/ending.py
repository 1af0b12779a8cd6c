"""Seeing that a machine is gone: accepting a destroy is not doing it (docs/vast-api.md C.7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vast_mcp import errors
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance
from vast_mcp.vast.rows import Listing

LOOKS = 6
LOOKS_ALONE = 3  # that prove it without the list


async def still_there(ids: Sequence[int], call: Call, *, asked: bool = True) -> list[int]:
    """The ids that cannot be shown to be gone, after looking again and again: destroying is
    eventually consistent (docs/vast-api.md C.7). `asked`: their end was asked for; without that
    the list alone proves it.
    """
    pending = list(ids)
    unseen: Counter[int] = Counter()  # looks in a row without it
    for attempt in range(LOOKS):
        if attempt and not await call.another_look():
            break
        gone = await _gone(pending, unseen, call, LOOKS_ALONE if asked else LOOKS + 1)
        pending = [i for i in pending if i not in gone]
        if not pending:
            break
    return pending


async def still_listed(ids: Sequence[int], call: Call) -> list[int]:
    """The same of many, by the whole list alone, as nobody has time to read each: gone is what two
    in a row lack, since one may lack what lives (docs/vast-api.md C.1).
    """
    pending, lacked = list(ids), set[int]()
    for attempt in range(LOOKS):
        if attempt and not await call.another_look():
            break
        try:
            listed = await _listed(call)
        except errors.NotFound:
            continue
        if listed is None or not listed.is_whole:
            continue
        lacking = set(pending) - {instance.id for instance in listed}
        pending = [i for i in pending if i not in lacking & lacked]
        lacked = lacking
        if not pending:
            break
    return pending


async def _gone(ids: Sequence[int], unseen: Counter[int], call: Call, alone: int) -> set[int]:
    """Those of the ids that neither a read nor a whole list has any more; without such a list,
    those that so many reads in a row lack (`alone`): one may be null for a machine that lives
    (docs/vast-api.md C.1). Who knows of no list, knows nothing of machines either.
    """
    for instance_id in ids:
        try:
            row = await call.vast.show_instance(instance_id)
        except errors.VastMcpError:
            continue
        unseen[instance_id] = 0 if row is not None else unseen[instance_id] + 1
    lacking = {instance_id for instance_id in ids if unseen[instance_id]}
    try:
        listed = await _listed(call) if lacking else Listing[Instance]()
    except errors.NotFound:
        return set()
    if listed is None or not listed.is_whole:
        lacking = {instance_id for instance_id in lacking if unseen[instance_id] >= alone}
    return lacking - {instance.id for instance in listed or ()}


async def _listed(call: Call) -> Listing[Instance] | None:
    """The whole list; None where it cannot be had in a part of the time that is left. Raises
    NotFound.
    """
    try:
        return await call.in_passing().list_instances()
    except errors.NotFound:
        raise
    except errors.VastMcpError:
        return None
