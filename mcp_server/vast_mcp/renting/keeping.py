"""A server's background task that ends what is over its limit, while no call does: its own was
cancelled, its server was killed, or its reply was lost.
"""

from __future__ import annotations

import logging

import anyio

from vast_mcp import errors
from vast_mcp.account.whose import account_if_journalled
from vast_mcp.renting.price_kept import check_untold, untold
from vast_mcp.renting.volume_kept import check_untold_volumes, untold_volumes
from vast_mcp.session import Call, Session

log = logging.getLogger("vast_mcp")

LONGEST_PAUSE = 30  # times look_s: what cannot be read is looked at less often


async def keep_within_limits(session: Session) -> None:
    """Check the prices of machines that nobody was told of, and end what is over its limit, until
    cancelled. Without such a machine nothing is asked. Errors of Vast only make it wait.
    """
    if session.settings.api_key is None or session.limits.read_only:
        return
    look_s = session.times.look_s
    pause = look_s
    if not _has_work(session):
        await session.unjudged.wait()
    while True:
        session.unjudged = anyio.Event()
        if await check_quietly(Call.quiet(session)):
            await anyio.sleep(pause)
            pause = min(pause * 2, look_s * LONGEST_PAUSE)
        else:
            pause = look_s
            await session.unjudged.wait()


def _has_work(session: Session) -> bool:
    """Whether there is something to check already, before any call of this process."""
    try:
        journal = session.journal
        return journal.exists() and (journal.any_unjudged() or journal.volumes.any_unjudged())
    except errors.JournalUnavailable:
        return False  # the next rent says so


async def check_quietly(call: Call) -> bool:
    """The same as check_and_end for who goes on whatever fails: a server, and an answer."""
    try:
        return await check_and_end(call)
    except errors.VastMcpError as exc:
        log.info("the check of prices waits: %s", exc.code)
    except Exception as exc:
        # A defect here must not end the server, and a create with it; the type tells, its text
        # may hold anything.
        log.error("the check of prices: defect: %s", type(exc).__name__)
    return True


async def check_and_end(call: Call) -> bool:
    """Check every machine and volume that nobody was told of, and end what is over its limit;
    whether any is still to be checked.
    """
    account = await account_if_journalled(call)
    if account is None or not _left(call, account):
        return False
    await check_untold(call, account)
    await check_untold_volumes(call, account)
    return _left(call, account)


def _left(call: Call, account: str) -> bool:
    return bool(untold(call, account) or untold_volumes(call, account))
