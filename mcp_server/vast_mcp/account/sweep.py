"""Ending machines whose lease is over, from outside: those that are stopped or outbid, whose own
watchdog does not run, those that have none, and those whose watchdog could not.

What is ended is read again first, label and journal, because an extension may have come a moment
ago; and it is believed to be gone when Vast no longer shows it (ending.py).
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass

import anyio

from vast_mcp import errors
from vast_mcp.account.ending import still_there
from vast_mcp.account.seen import forget_destroyed, learn_from
from vast_mcp.account.whose import account_of
from vast_mcp.leases.labels import ends_at, lease_notice
from vast_mcp.session import Call, Session
from vast_mcp.vast.models import Instance

log = logging.getLogger("vast_mcp")


TRIES = 3  # to destroy one machine, each after a look of its own


LONGEST_PAUSE = 30  # times lease_look_s: what cannot be ended is tried less often


@dataclass(frozen=True)
class Swept:
    """One machine that was found past its lease. `until` in epoch seconds.

    `outcome`: destroyed, already_gone, extended (read again, its lease ends later), would_destroy
    (a dry run), still_there, or the code of the error that kept it.
    """

    instance_id: int
    until: float
    outcome: str

    @property
    def remains(self) -> bool:
        """Whether it is past its lease and may go on billing."""
        return self.outcome not in {"destroyed", "already_gone", "extended"}


async def sweep(call: Call, *, dry_run: bool = False) -> list[Swept]:
    """Destroy every machine of ours that is past its lease; what became of each.

    Raises where the whole list, the journal or the account cannot be read, and ReadOnly: nothing
    was done then.
    """
    if call.settings.limits.read_only and not dry_run:
        raise errors.ReadOnly(
            "Nothing was destroyed: the person allows looking only (VAST_MCP_READ_ONLY), and a "
            "sweep acts."
        )
    listed = await call.vast.list_instances()
    await learn_from(call, listed)
    account, known = await _journalled(call)
    now = call.session.link.now()
    over: list[tuple[Instance, float]] = []
    for row in listed:
        until = ends_at(row, known.get(row.id))
        if until is None:
            continue
        if account is not None and until > known.get(row.id, 0.0):
            call.session.journal.set_lease(account, row.id, until)  # moved by another computer
        if until <= now:
            over.append((row, until))
    if dry_run:
        return [Swept(row.id, until, "would_destroy") for row, until in over]
    return [await _end(row.id, until, account, call) for row, until in over]


async def _journalled(call: Call) -> tuple[str | None, dict[int, float]]:
    """The account, and its living machines' leases. Half of what is known of a lease is not known
    to be enough, so this raises where a journal is there and cannot be read.
    """
    if not call.session.journal.exists():
        return None, {}
    account, _ = await account_of(call)
    return account, call.session.journal.lease_ends(account)


async def _end(instance_id: int, until: float, account: str | None, call: Call) -> Swept:
    """Destroy one, each time after a look that shows it past its lease still."""
    trouble: errors.VastMcpError | None = None
    sent = False
    for attempt in range(TRIES):
        if trouble is not None:
            pause = max(call.times.retry_s * attempt, trouble.retry_after_s or 0.0)
            await anyio.sleep(min(pause, call.times.read_s))
        try:
            async with call.session.lease_lock():
                vast = call.within(call.times.read_s)  # whoever extends a lease waits for this
                await vast.turn_to_destroy()
                row = await vast.show_instance(instance_id)
                if row is None:
                    break  # no label to judge by: whether it is gone is seen below
                _, known = await _journalled(call)
                again = ends_at(row, known.get(instance_id))
                if again is None or again > call.session.link.now():
                    return Swept(instance_id, again or until, "extended")
                until, sent, trouble = again, True, None
                if await vast.destroy_instance(instance_id, once=True):
                    call.session.ending.add(instance_id)
                break
        except errors.VastMcpError as exc:
            trouble = exc
            if not exc.retryable:
                break
    if await still_there([instance_id], call):
        return Swept(instance_id, until, trouble.code if trouble else "still_there")
    forget_destroyed(call, [instance_id])
    _announce(call.session, account, instance_id, until)
    return Swept(instance_id, until, "destroyed" if sent else "already_gone")


def _announce(session: Session, account: str | None, instance_id: int, until: float) -> None:
    """The next answer of any server on this journal says so; of a machine that it does not know, of
    this server.
    """
    with contextlib.suppress(errors.JournalUnavailable):
        if account is not None and session.journal.mark_ended(account, instance_id):
            return
    session.swept.append(lease_notice(instance_id, until))


# ── a server's background task ────────────────────────────────────────────────────────────────────


async def keep_sweeping(session: Session) -> None:
    """Sweep when a lease of the journal's ends, and once soon after the start where one runs: it
    may have ended while nobody was there, and the look shows how far this computer's clock is off.
    Without a lease nothing is asked.

    What was ended is told by the next call of any tool. Runs until cancelled; errors of Vast only
    make it wait.
    """
    if session.settings.api_key is None or session.settings.limits.read_only:
        return
    times = session.settings.times
    await anyio.sleep(times.lease_margin_s)
    looked, pause = False, times.lease_look_s
    while True:
        session.answered = anyio.Event()
        failed = False
        try:
            until = await _next_end(session)
            if until is None:
                await session.answered.wait()
                looked = True  # whoever answered has heard from Vast
                continue
            left = until + times.lease_margin_s - session.link.now()
            if looked and left > 0:
                # In pieces, for a computer that sleeps: its clock goes on and a long wait would
                # not.
                with anyio.move_on_after(min(left, times.lease_look_s)):
                    await session.answered.wait()
                continue
            swept = await sweep(Call.quiet(session))
            looked = True
            failed = any(machine.remains for machine in swept)
            until = await _next_end(
                session
            )  # a machine that is gone and not proven so is looked for again
            failed = failed or (
                until is not None and until + times.lease_margin_s <= session.link.now()
            )
        except errors.JournalUnavailable:
            await session.answered.wait()  # the next rent says so; another call may find it mended
            continue
        except errors.VastMcpError as exc:
            log.info("the sweep waits: %s", exc.code)
            failed = True
        except Exception as exc:
            # A defect here must not end the server, and a create with it; the type tells, its text
            # may hold anything.
            log.error("the sweep: defect: %s", type(exc).__name__)
            failed = True
        if failed:
            await anyio.sleep(pause)
        pause = min(pause * 2, times.lease_look_s * LONGEST_PAUSE) if failed else times.lease_look_s


async def _next_end(session: Session) -> float | None:
    """When the next lease of this account's machines ends, in epoch seconds, by the journal and the
    labels of the last list; None where neither has one.
    """
    ends = dict(session.labelled)
    if session.journal.exists() and session.journal.any_lease():
        account, _ = await account_of(Call.quiet(session))
        for instance_id, until in session.journal.lease_ends(account).items():
            ends[instance_id] = max(until, ends.get(instance_id, until))
    return min(ends.values(), default=None)
