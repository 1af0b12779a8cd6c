"""A server's background task that settles attempts in doubt, while no call waits for them."""

from __future__ import annotations

import logging
import math

import anyio

from vast_mcp import errors
from vast_mcp.account.whose import account_of
from vast_mcp.session import Call, Session

log = logging.getLogger("vast_mcp")

LONGEST_PAUSE = 30  # times look_s: what stays in doubt is looked for less often


async def keep_settling(session: Session) -> None:
    """Settle what an earlier process left open, and what calls of this one could not, until
    cancelled.

    What it finds is told by the next call of any tool. Errors of Vast only make it wait.
    """
    look_s = session.times.look_s
    pause = look_s
    if not _has_work(session):
        await session.doubts.wait()
    while True:
        left = await _settle(session)
        if left is not None:
            session.doubts = anyio.Event()
            pause = look_s
            if not left:
                await session.doubts.wait()
        await anyio.sleep(pause)
        pause = min(pause * 2, look_s * LONGEST_PAUSE)


def _has_work(session: Session) -> bool:
    """Whether anything may be settled already, before any call of this process."""
    if session.settings.api_key is None:
        return False
    try:
        journal = session.journal
        return journal.exists() and (journal.anything_open() or journal.volumes.any_open())
    except errors.JournalUnavailable:
        return False  # the next rent says so


async def _settle(session: Session) -> bool | None:
    """Settle what can be; whether anything is left, None where Vast or the journal was in the
    way.
    """
    call = Call.quiet(session)
    try:
        account = await account_of(call)
        doubts = session.volume_doubts
        if doubts.awaits_a_list(account):
            doubts.learn_from(await call.vast.list_volumes(), account)
        await session.reconciler.settle(call.vast, account, math.inf)
        session.unjudged.set()
        return bool(session.reconciler.open_for(account)) or doubts.awaits_a_list(account)
    except errors.VastMcpError as exc:
        log.info("settling waits: %s", exc.code)
        return None
    except Exception as exc:
        # A defect here must not end the server, and a create with it; the type tells, its text
        # may hold anything.
        log.error("settling: defect: %s", type(exc).__name__)
        return None
