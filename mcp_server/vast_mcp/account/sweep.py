"""Ending machines whose lease is over, from outside: those that are stopped or outbid, whose own
watchdog does not run, those that have none, and those whose watchdog could not.

What is ended is read again first, label and journal, because an extension may have come a moment
ago; and it is believed to be gone when Vast no longer shows it (account/ending.py). Whoever moves a
lease is waited for, and not for ever: a process that was stopped may hold the lock for days.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import anyio

from vast_mcp import errors
from vast_mcp.account.ending import still_there
from vast_mcp.account.seen import forget_destroyed, learn_from
from vast_mcp.account.sweep_volumes import SweptVolume, sweep_volumes
from vast_mcp.account.whose import account_to_end
from vast_mcp.leases.labels import lease_notice
from vast_mcp.leases.lifetimes import surely_known
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.vast.models import Instance

TRIES = 3  # to destroy one machine, each after a look of its own


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


class Sweep(list[Swept]):
    """What became of each machine, and why others may be past their lease unseen."""

    trouble: errors.VastMcpError | None = None
    volumes: list[SweptVolume]  # and of each volume

    def __init__(self) -> None:
        super().__init__()
        self.volumes = []

    @property
    def remaining(self) -> int:
        """How many are past their lease and may go on billing."""
        return sum(one.remains for one in (*self, *self.volumes))


async def sweep(call: Call, *, dry_run: bool = False) -> Sweep:
    """Destroy every machine and volume of ours that is past its lease; what became of each. Without
    the list of machines, those that the journal has: each is read once more by itself.

    Raises where neither the whole list nor the journal has one, where the journal or the account
    cannot be read, and ReadOnly: nothing was done then.
    """
    if call.limits.read_only and not dry_run:
        raise errors.ReadOnly(
            "Nothing was destroyed: the person allows looking only (VAST_MCP_READ_ONLY), and a "
            "sweep acts."
        )
    account = await account_to_end(call)
    swept, over, is_whole = Sweep(), dict[int, float](), False
    try:
        listed = await call.vast.list_instances()
        await learn_from(call, listed)
        over, is_whole = _past_lease(call, account, listed), listed.is_whole
    except (errors.Rejected, errors.Unreachable) as exc:
        swept.trouble = exc
    if not is_whole:
        over = _journalled_over(call, account) | over
    turn = _Turn(call)
    for instance_id, until in over.items():
        if dry_run:
            swept.append(Swept(instance_id, until, "would_destroy"))
        else:
            swept.append(await _Ending(call, account, instance_id, until, turn).run())
    try:  # after the machines, which may hold them
        swept.volumes = await sweep_volumes(call, account, turn.taken, dry_run=dry_run)
    except (errors.Rejected, errors.Unreachable) as exc:
        swept.trouble = swept.trouble or exc
    if swept.trouble is not None and not over and not swept.volumes:
        raise swept.trouble
    return swept


def _journalled_over(call: Call, account: str | None) -> dict[int, float]:
    """The same by the journal alone: machine → when its lease ended."""
    leases = surely_known(call, account)
    found = {i: leases.end_of(i, None) for i in leases.journalled}
    return {i: until for i, until in found.items() if until is not None and until <= leases.now}


def _past_lease(call: Call, account: str | None, listed: Sequence[Instance]) -> dict[int, float]:
    """Machine → when its lease ended, in epoch seconds. What another computer moved to later is
    written into the journal, if that takes it.
    """
    leases = surely_known(call, account)
    over: dict[int, float] = {}
    later: dict[int, float] = {}
    for instance_id, until in leases.ends(listed).items():
        if until > leases.journalled.get(instance_id, 0.0):
            later[instance_id] = until
        if until <= leases.now:
            over[instance_id] = until
    if account is not None:
        _write_leases(call, account, later)
    return over


def _write_leases(call: Call, account: str, ends: dict[int, float]) -> None:
    """Write leases that labels moved. A writer that was stopped in the journal keeps no machine
    alive: the label is read again before the end.
    """
    with journal_may_fail:
        for instance_id, until in ends.items():
            call.journal.set_lease(account, instance_id, until)


class _Turn:
    """This sweep's turns among all who move or end leases."""

    def __init__(self, call: Call) -> None:
        self._lock = call.session.lease_lock
        self._wait_s = call.times.lease_wait_s

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncGenerator[None]:
        """Alone, or without where nobody lets go in time: that is waited for once in a sweep."""
        async with contextlib.AsyncExitStack() as held:
            with anyio.move_on_after(self._wait_s) as waiting:
                await held.enter_async_context(self._lock())
            if waiting.cancelled_caught:
                self._wait_s = 0.0
            yield


@dataclass
class _Ending:
    """One machine past its lease, and how far its end has come."""

    call: Call
    account: str | None
    instance_id: int
    until: float
    turn: _Turn
    sent: bool = False
    trouble: errors.VastMcpError | None = None

    async def run(self) -> Swept:
        """Destroy it, each time after a look that shows it past its lease still."""
        for attempt in range(TRIES):
            await self._pause(attempt)
            try:
                # Whoever extends a lease waits for this.
                async with self.turn.taken():
                    extended = await self._destroy()
            except errors.VastMcpError as exc:
                self.trouble = exc
                if not exc.retryable:
                    break
                continue
            if extended:
                return self._swept("extended")
            break
        return await self._verified()

    async def _pause(self, attempt: int) -> None:
        """Wait before another try, as long as the failure of the last one asks for."""
        if self.trouble is None:
            return
        times = self.call.times
        pause = max(times.retry_s * attempt, self.trouble.retry_after_s or 0.0)
        await anyio.sleep(min(pause, times.read_s))

    async def _destroy(self) -> bool:
        """Look once more and destroy; whether the lease turned out to end later instead."""
        session = self.call.session
        vast = self.call.within(self.call.times.read_s)
        await vast.turn_to_destroy()
        asked_at = session.now()
        row = await vast.show_instance(self.instance_id)
        if abs(session.now() - asked_at) > self.call.times.read_s:
            raise errors.Unreachable("The look is an old one: this process was stopped meanwhile.")
        if row is None:
            return False  # no label to judge by: whether it is gone is seen afterwards
        until = surely_known(self.call, self.account).end_of(self.instance_id, row)
        if until is None:
            return True
        self.until = until
        if until > session.now():
            return True
        self.sent, self.trouble = True, None
        if await vast.destroy_instance(self.instance_id, once=True):
            session.ending.add(self.instance_id)
        return False

    async def _verified(self) -> Swept:
        """What became of it, by looks at whether Vast shows it still."""
        if await still_there([self.instance_id], self.call, asked=self.sent):
            return self._swept("still_there" if self.trouble is None else self.trouble.code)
        forget_destroyed(self.call, [self.instance_id])
        self._announce()
        return self._swept("destroyed" if self.sent else "already_gone")

    def _announce(self) -> None:
        """Tell of it in the next answer: through the journal, so that any server can; from memory
        where the journal does not know the machine.
        """
        session = self.call.session
        with journal_may_fail:
            if self.account is not None and session.journal.mark_ended(
                self.account, self.instance_id
            ):
                return
        session.telling.unsaid.append(lease_notice(self.instance_id, self.until))

    def _swept(self, outcome: str) -> Swept:
        return Swept(self.instance_id, self.until, outcome)
