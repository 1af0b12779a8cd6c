"""What hosts announce for the account's machines is read at most once in ten minutes: by the calls
that show machines, and after any other that lists them, in the background, so that no ordinary call
waits for it. Each thing is told once, by the next answer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import anyio

from vast_mcp import errors
from vast_mcp.account.increases import UNANSWERED, in_words
from vast_mcp.leases import lifetimes
from vast_mcp.leases.labels import utc
from vast_mcp.machines.announced import Announced
from vast_mcp.machines.increases import increased
from vast_mcp.session import Call, Session
from vast_mcp.vast.models import Instance

log = logging.getLogger("vast_mcp")

EVERY_S = 600.0
LOOK_S = 2.0  # the longest that an answer waits for it
SOON_S = 48 * 3600.0
MOST = 2  # told in one answer, which a host shows whole; the next ones tell the others

# One thing to be told: its name, and the words.
_News = tuple[tuple[str, int, float], str]


async def look(call: Call, rows: Sequence[Instance], *, within_s: float = LOOK_S) -> Announced:
    """Read it where that is due, and let this answer's notices tell what is new of these."""
    seen = call.session.announced
    if rows:
        with anyio.move_on_after(within_s):
            async with seen.reading:  # what somebody else reads is worth the wait
                if _is_due(seen):
                    await _read(call, seen, rows)
    new = [(name, words) for name, words in _news(call, seen, rows) if name not in seen.told]
    for name, words in new[:MOST]:
        seen.told.add(name)
        call.session.telling.unsaid.append(words)
    return seen


def _is_due(seen: Announced) -> bool:
    return seen.looked_at is None or anyio.current_time() - seen.looked_at >= EVERY_S


async def _read(call: Call, seen: Announced, rows: Sequence[Instance]) -> None:
    seen.looked_at = anyio.current_time()
    seen.increases_unread = seen.maintenance_unread = "timeout"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_increases, call, seen)
        tasks.start_soon(_maintenances, call, seen, rows)


async def keep_hearing(session: Session) -> None:
    """Look after every whole list that a call has read, until cancelled: a price rise or an end
    that comes soon is told by the next answer of any tool. Errors only make it wait.
    """
    if session.settings.api_key is None:
        return
    seen = session.announced
    while True:
        await seen.listed.wait()
        seen.listed = anyio.Event()
        await anyio.sleep(session.times.hear_s)  # the call that listed them comes first
        try:
            await look(Call.quiet(session), seen.rows, within_s=session.times.read_s)
        except Exception as exc:
            log.error("hosts are not heard: defect: %s", type(exc).__name__)


async def _increases(call: Call, seen: Announced) -> None:
    try:
        listed = await call.vast.price_increases()
    except errors.VastMcpError as exc:
        seen.increases_unread = exc.code
        return
    seen.increases = {one.contract_id: one for one in listed if one.contract_id is not None}
    hidden = not listed.is_whole or len(seen.increases) < len(listed)
    seen.increases_unread = "incomplete_list" if hidden else None


async def _maintenances(call: Call, seen: Announced, rows: Sequence[Instance]) -> None:
    hosts = {row.machine_id for row in rows if row.machine_id is not None}
    try:
        seen.maintenances = list(await call.vast.maintenances(hosts)) if hosts else []
    except errors.VastMcpError as exc:
        seen.maintenance_unread = exc.code
        return
    seen.maintenance_unread = None


def _news(call: Call, seen: Announced, rows: Sequence[Instance]) -> Iterator[_News]:
    """What may be told of these machines."""
    now = call.now()
    for row in rows:
        asked = seen.increases.get(row.id)
        if asked is not None:
            number = asked.pending_price_increase_id
            words = in_words(increased(row, asked))
            yield (
                ("increase", number, 0.0),
                f"The host of machine {row.id} asks for a higher price: {words}. {UNANSWERED} "
                "manage_instance accept_price or reject_price answers it.",
            )
        if row.end_date is not None and row.end_date - now < SOON_S:
            ends = lifetimes.end_of(call, row.id, row)
            if ends is None or ends > row.end_date:
                yield ("contract", row.id, row.end_date), _of_the_end(row.id, row.end_date, now)
        for one in seen.maintenances:
            start, hours = one.start_time, one.duration_hours
            over = start is not None and start + (hours or 0.0) * 3600 < now
            if one.machine_id is not None and one.machine_id == row.machine_id and not over:
                lasts = "" if hours is None else f", for about {hours:g} h"
                at = "at a time not known" if start is None else f"at {utc(start)}"
                yield (
                    ("maintenance", row.id, float(one.id)),
                    f"The host of machine {row.id} announces maintenance "
                    f"({one.category or 'other'}) {at}{lasts}: it may be offline then.",
                )


def unread(seen: Announced) -> list[str]:
    """What could not be read of it, for the answer about one machine."""
    found: list[str] = []
    if seen.increases_unread is not None:
        code = seen.increases_unread
        found.append(f"Whether its host asks for a higher price could not be read ({code}).")
    if seen.maintenance_unread is not None:
        code = seen.maintenance_unread
        found.append(f"Whether its host announces maintenance could not be read ({code}).")
    return found


def _of_the_end(instance_id: int, at: float, now: float) -> str:
    when = "ends" if at > now else "ended"
    return (
        f"The contract of machine {instance_id} {when} at {utc(at)}. An expired machine cannot "
        "start, and Vast may delete it with its disk 48 h later: bring home what matters."
    )
