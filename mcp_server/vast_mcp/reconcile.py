"""Unknown outcome → fact: what a list of machines proves about attempts whose reply was lost
(docs/protocol.md).

A machine is ours by its token. It counts once it was seen twice, at least two seconds apart.
Absence needs two whole lists without it, a minute apart on this process's own clock, a minute and a
half after we knew of the doubt, and an offer that is still free, or ten minutes. Whatever was given
up stays watched: any later list may still find it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

import anyio

from vast_mcp import errors
from vast_mcp.journal import Journal
from vast_mcp.journal.records import LATE, RENTED, Intent, token_of
from vast_mcp.settings import Times
from vast_mcp.vast.models import Instance

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast

LONGEST_PAUSE = 15  # times look_s: a doubt that lasts is looked at less often


class Reconciler:
    """What this process has seen of machines and attempts. Times are monotonic seconds."""

    def __init__(
        self, journal: Journal, times: Times, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._journal = journal
        self._times = times
        self._clock = clock
        self._lock = anyio.Lock()
        self._known: dict[str, float] = {}  # token → when this process first knew of the doubt
        self._seen: dict[
            str, tuple[int, float]
        ] = {}  # token → machine and when it was first seen without a break
        self._ever: set[str] = set()  # tokens once seen
        self._lacking: dict[str, float] = {}  # token → first whole list without it
        self._missing: dict[int, float] = {}  # confirmed machine → first whole list without it
        self._twins: dict[str, list[int]] = {}  # token → several machines

    # ── lists ─────────────────────────────────────────────────────────────────────────────────────

    async def look(self, vast: Vast, account: str, *, mine: Collection[str] = ()) -> list[Instance]:
        """Read the whole list and learn from it. `mine`: tokens the caller itself will report."""
        listed = await vast.list_instances()
        self.learn_from(listed, account, mine=mine)
        return listed

    def learn_from(
        self, listed: Sequence[Instance], account: str, *, mine: Collection[str] = ()
    ) -> None:
        """Learn from a whole list: late matches, second sights, absences, machines gone."""
        now = self._clock()
        by_token: dict[str, list[Instance]] = defaultdict(list)
        for instance in listed:
            if (token := token_of(instance.label)) is not None:
                by_token[token].append(instance)
        for token, machines in by_token.items():
            self._matched(token, machines, account, now, mine)
        for intent in self._journal.open_intents(account):
            if intent.token not in by_token and self._journal.may_settle(intent):
                self._known.setdefault(intent.token, now)
                self._lacking.setdefault(intent.token, now)
                self._seen.pop(intent.token, None)
        self._notice_gone({instance.id for instance in listed}, account, now)

    def _matched(
        self, token: str, machines: list[Instance], account: str, now: float, mine: Collection[str]
    ) -> None:
        intent = self._journal.by_token(token)
        if intent is None or intent.account != account:
            return
        if intent.state == "confirmed":
            for machine in machines:
                if self._journal.by_instance(machine.id, account) is None:
                    self._journal.twin(intent, machine.id)
            return
        if not self._settled_or_settleable(intent):
            return
        machines = [m for m in machines if self._journal.by_instance(m.id, account) is None]
        if not machines:
            return
        self._lacking.pop(token, None)
        self._ever.add(token)
        if len(machines) > 1:
            self._twins[token] = [m.id for m in machines]
            return
        self._twins.pop(token, None)
        machine = machines[0]
        seen_id, first = self._seen.setdefault(token, (machine.id, now))
        if seen_id != machine.id:
            self._seen[token] = (machine.id, now)
        elif now - first >= self._times.seen_apart_s:
            self._journal.mark_confirmed(
                intent,
                machine.id,
                stopped=is_stopped(machine, intent),
                announce=RENTED if token in mine else LATE,
            )

    def _settled_or_settleable(self, intent: Intent) -> bool:
        """Not one that its living owner is just sending."""
        if intent.state in {"intended", "sending"}:
            return intent.owner != self._journal.owner and self._journal.may_settle(intent)
        return intent.state != "unknown" or self._journal.may_settle(intent)

    def _notice_gone(self, listed: set[int], account: str, now: float) -> None:
        """A confirmed machine that two whole lists lack is gone; a young one may only be invisible
        yet.
        """
        for intent in self._journal.living(account):
            if intent.instance_id is None or intent.instance_id in listed:
                self._missing.pop(intent.instance_id or 0, None)
            elif time.time() - intent.made_at >= self._times.young_s:
                first = self._missing.setdefault(intent.instance_id, now)
                if now - first >= self._times.lists_apart_s:
                    self._journal.mark_gone(account, [intent.instance_id])

    # ── settling ──────────────────────────────────────────────────────────────────────────────────

    def doubt(self, intent: Intent) -> None:
        """From now on this process knows that the attempt is in doubt."""
        self._known.setdefault(intent.token, self._clock())

    def open_for(self, account: str, request_key: str | None = None) -> list[Intent]:
        """Attempts in doubt that this process may settle."""
        return [
            intent
            for intent in self._journal.open_intents(account)
            if (request_key is None or intent.request_key == request_key)
            and self._journal.may_settle(intent)
        ]

    async def settle(
        self,
        vast: Vast,
        account: str,
        until: float,
        *,
        request_key: str | None = None,
        mine: Collection[str] = (),
    ) -> None:
        """Look until nothing that we may settle is open, or `until` (anyio's clock). Raises
        DuplicateRentals.

        A list that cannot be read settles nothing and is tried again.
        """
        pause = self._times.look_s
        while doubts := self.open_for(account, request_key):
            for intent in doubts:
                self.doubt(intent)
            try:
                # Another task's look may be waiting for Vast; this one has a deadline of its own.
                with anyio.move_on_after(until - anyio.current_time()):
                    async with self._lock:
                        await self.look(vast, account, mine=mine)
                        await self._declare_absent(vast, account)
            except (errors.Rejected, errors.Unreachable):
                pass
            self._check_twins(doubts)
            wait = self._times.seen_apart_s if any(i.token in self._seen for i in doubts) else pause
            if not self.open_for(account, request_key) or anyio.current_time() + wait > until:
                return
            await anyio.sleep(wait)
            pause = min(pause * 1.5, self._times.look_s * LONGEST_PAUSE)

    def _check_twins(self, doubts: list[Intent]) -> None:
        for intent in doubts:
            if ids := self._twins.get(intent.token):
                raise errors.DuplicateRentals(
                    f"Vast made {len(ids)} machines for one request: {', '.join(map(str, ids))}. "
                    f"Each bills.",
                    instance_id=ids[0],
                    offer_id=intent.offer_id,
                    request_key=intent.request_key,
                    token=intent.token,
                    results=[{"instance_id": i} for i in ids],
                    next_steps=[
                        errors.NextStep(
                            "destroy_instance", {"instance_ids": ids[1:]}, "keeps the first"
                        )
                    ],
                )

    async def _declare_absent(self, vast: Vast, account: str) -> None:
        now, times = self._clock(), self._times
        for intent in self.open_for(account):
            first = self._lacking.get(intent.token)
            known = self._known.get(intent.token)
            if (
                first is None
                or known is None
                or now - first < times.lists_apart_s
                or now - known < times.absent_after_s
            ):
                continue
            if self._is_old(intent, known, now) or (
                intent.token not in self._ever and await _is_free(vast, intent)
            ):
                self._journal.mark_absent(intent)
                self._lacking.pop(intent.token, None)

    def _is_old(self, intent: Intent, known: float, now: float) -> bool:
        """Ten minutes since sending, by either clock: the wall's may have been set, ours began when
        we did.
        """
        sent = intent.sent_at or intent.made_at
        return (
            now - known >= self._times.taken_after_s
            or time.time() - sent >= self._times.taken_after_s
        )


async def _is_free(vast: Vast, intent: Intent) -> bool:
    """Whether the offer can still be rented: then this attempt did not rent it."""
    offer = await vast.find_offer(intent.offer_id)
    return offer is not None and bool(offer.rentable) and not offer.rented


def is_stopped(machine: Instance, intent: Intent) -> bool:
    """Asked to run and found stopped: a bid too low, or a machine that could not start."""
    return intent.wanted == "running" and "stopped" in {machine.intended_status, machine.cur_state}
