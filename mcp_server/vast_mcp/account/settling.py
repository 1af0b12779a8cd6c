"""TODO: one line."""

from __future__ import annotations

import logging
import math

import anyio

from vast_mcp import errors
from vast_mcp.account.whose import account_of
from vast_mcp.session import Call, Session

log = logging.getLogger("vast_mcp")


async def keep_settling(session: Session) -> None:
    """A server's background task: settle what an earlier process left open, and what calls of this
    one could not.

    What it finds is told by the next call of any tool. Runs until cancelled; errors of Vast only
    make it wait.
    """
    try:
        if session.settings.api_key is None or not (
            session.journal.exists() and session.journal.anything_open()
        ):
            await session.doubts.wait()
    except errors.JournalUnavailable:
        return  # the next rent says so
    pause = session.settings.times.look_s
    while True:
        call = Call.quiet(session)
        try:
            account, _ = await account_of(call)
            await session.reconciler.settle(call.vast, account, math.inf)
        except errors.VastMcpError as exc:
            log.info("settling waits: %s", exc.code)
        except Exception as exc:
            # A defect here must not end the server, and a create with it; the type tells, its text
            # may hold anything.
            log.error("settling: defect: %s", type(exc).__name__)
        else:
            session.doubts = anyio.Event()
            pause = session.settings.times.look_s
            if not session.reconciler.open_for(account):
                await session.doubts.wait()
        await anyio.sleep(pause)
        pause = min(pause * 2, session.settings.times.look_s * 30)
