"""A server's background task that sweeps when leases end."""

from __future__ import annotations

import logging

import anyio

from vast_mcp import errors
from vast_mcp.account.sweep import sweep
from vast_mcp.account.whose import account_to_end
from vast_mcp.leases.lifetimes import surely_known
from vast_mcp.session import Call, Session

log = logging.getLogger("vast_mcp")

LONGEST_PAUSE = 30  # times lease_look_s: what cannot be ended is tried less often


async def keep_sweeping(session: Session) -> None:
    """Sweep when a lease ends, and once soon after the start, until cancelled: a lease may have
    ended while nobody was there, and the look shows how far this computer's clock is off.

    Without a lease nothing is asked. What was ended is told by the next call of any tool. Errors
    of Vast only make it wait.
    """
    if session.settings.api_key is None or session.limits.read_only:
        return
    await anyio.sleep(session.times.lease_margin_s)
    sweeper = _Sweeper(session)
    while True:
        await sweeper.turn()


class _Sweeper:
    """What the task keeps between its turns."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._times = session.times
        self._pause = self._times.lease_look_s
        self._heard = False  # from Vast, so its clock is known

    async def turn(self) -> None:
        """Wait for the next end of a lease, or sweep; rest after a sweep that left something."""
        self._session.answered = anyio.Event()
        try:
            if await self._has_waited():
                return
            failed = await self._leaves_something()
        except errors.VastMcpError as exc:
            log.info("the sweep waits: %s", exc.code)
            failed = True
        except Exception as exc:
            # A defect here must not end the server, and a create with it; the type tells, its
            # text may hold anything.
            log.error("the sweep: defect: %s", type(exc).__name__)
            failed = True
        await self._rest(failed=failed)

    async def _has_waited(self) -> bool:
        """Wait where no lease is over; whether there was a reason to."""
        until = await _next_end(self._session)
        if until is None:
            await self._session.answered.wait()
            self._heard = True  # so has whoever answered
            return True
        left = self._seconds_to(until)
        if not self._heard or left <= 0:
            return False
        # In pieces, for a computer that sleeps: its clock goes on and a long wait would not.
        with anyio.move_on_after(min(left, self._times.lease_look_s)):
            await self._session.answered.wait()
        return True

    async def _leaves_something(self) -> bool:
        """Sweep; whether a machine past its lease remains, or is gone and not proven so."""
        swept = await sweep(Call.quiet(self._session))
        self._heard = True
        until = await _next_end(self._session)
        if swept.trouble is not None or swept.remaining:
            return True
        return until is not None and self._seconds_to(until) <= 0

    async def _rest(self, *, failed: bool) -> None:
        """Wait after a failure, longer each time, and no longer than until a lease ends that had
        not when this began.
        """
        if not failed:
            self._pause = self._times.lease_look_s
            return
        began = self._session.link.now()
        with anyio.move_on_after(self._pause):
            while not await self._another_ended(began):
                self._session.answered = anyio.Event()
                with anyio.move_on_after(self._times.lease_look_s):
                    await self._session.answered.wait()
        self._pause = min(self._pause * 2, self._times.lease_look_s * LONGEST_PAUSE)

    async def _another_ended(self, began: float) -> bool:
        """Whether a lease is over that was not at `began`, as far as that can be read."""
        try:
            until = await _next_end(self._session, began)
        except errors.VastMcpError:
            return False
        return until is not None and self._seconds_to(until) <= 0

    def _seconds_to(self, until: float) -> float:
        """Seconds until a lease that ends then is to be swept, by Vast's clock."""
        return until + self._times.lease_margin_s - self._session.link.now()


async def _next_end(session: Session, after: float = 0.0) -> float | None:
    """When the next lease of this account's machines and volumes ends, in epoch seconds and later
    than `after`, by the journal and the labels of the last list; None where neither has one.
    """
    ends = dict(session.labelled)
    if session.journal.exists() and session.journal.any_lease():
        call = Call.quiet(session)
        leases = surely_known(call, await account_to_end(call))
        for instance_id in leases.journalled:
            until = leases.end_of(instance_id, None)
            if until is None:
                ends.pop(instance_id, None)
            else:
                ends[instance_id] = max(until, ends.get(instance_id, until))
    found = [*ends.values(), *await _ends_of_volumes(session)]
    return min((until for until in found if until > after), default=None)


async def _ends_of_volumes(session: Session) -> list[float]:
    """When leases of volumes end, which the journal alone says."""
    if not session.journal.exists() or not session.journal.volumes.any_lease():
        return []
    account = await account_to_end(Call.quiet(session))
    return list(session.journal.volumes.lease_ends(account or "").values())
