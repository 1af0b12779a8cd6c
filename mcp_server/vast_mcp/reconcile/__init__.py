"""Unknown outcome → fact: what a list of machines proves about attempts whose reply was lost
(docs/protocol.md).

A machine is ours by its token. It counts once it was seen twice, at least two seconds apart.
Absence needs two whole lists without it, a minute apart on this process's own clock, a minute and a
half after we knew of the doubt, and an offer that is still free, or ten minutes. Whatever was given
up stays watched: any later list may still find it.
"""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from vast_mcp import errors
from vast_mcp.journal import Journal
from vast_mcp.journal.elsewhere import Stranger
from vast_mcp.journal.records import Intent, Notice, holds, token_of
from vast_mcp.reconcile.doubts import Doubt
from vast_mcp.settings import Times
from vast_mcp.vast.models import Instance, shows_every_label
from vast_mcp.vast.rows import Listing

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast

LONGEST_PAUSE = 15  # times look_s: a doubt that lasts is looked at less often


@dataclass(eq=False, repr=False)
class Reconciler:
    """What this process has seen of machines and attempts. Times are on anyio's clock."""

    journal: Journal
    times: Times
    _lock: anyio.Lock = field(default_factory=anyio.Lock)
    _doubts: defaultdict[str, Doubt] = field(init=False)  # by token
    # Confirmed machine → first whole list without it.
    _missing: dict[int, float] = field(default_factory=dict[int, float])
    # Machine of another journal → since when every whole list has shown it, or has lacked it.
    _strangers: dict[Stranger, float] = field(default_factory=dict[Stranger, float])
    _strangers_missing: dict[Stranger, float] = field(default_factory=dict[Stranger, float])

    def __post_init__(self) -> None:
        self._doubts = defaultdict(Doubt)

    # ── lists ─────────────────────────────────────────────────────────────────────────────────────

    async def look(
        self, vast: Vast, account: str, *, mine: Collection[str] = ()
    ) -> Listing[Instance]:
        """Read the whole list and learn from it. `mine`: tokens the caller itself will report."""
        listed = await vast.list_instances()
        self.learn_from(listed, account, mine=mine)
        return listed

    def learn_from(
        self, listed: Listing[Instance], account: str, *, mine: Collection[str] = ()
    ) -> None:
        """Learn from a whole list: late matches, second sights, absences, machines gone. What it
        hides is absent of nothing.
        """
        now = anyio.current_time()
        by_token = _by_token(listed)
        strangers: set[Stranger] = set()
        for token, machines in by_token.items():
            intent = self.journal.by_token(token)
            if intent is None:
                strangers |= {(token, machine.id) for machine in machines}
            elif intent.account == account:
                self._learn_of(intent, machines, now, mine)
        shows_all = shows_every_label(listed)
        self._note_strangers(strangers, account, now, is_whole=shows_all)
        self.journal.abandon_unsent(account)
        if shows_all:
            self._notice_lacking(set(by_token), account, now)
        self._notice_gone(listed, account, now)

    def _learn_of(
        self, intent: Intent, machines: list[Instance], now: float, mine: Collection[str]
    ) -> None:
        """These machines carry the attempt's token. Those that the journal holds already are
        nothing new, and one whose id it cannot hold leaves its attempt in doubt.
        """
        new = [
            machine
            for machine in machines
            if holds(machine.id) and self.journal.by_instance(machine.id, intent.account) is None
        ]
        if intent.state == "confirmed":
            for machine in new:
                self.journal.add_twin(intent, machine.id)
            return
        if new and self._may_have_come_of(intent):
            self._recover(intent, new, now, mine)

    def _recover(
        self, intent: Intent, machines: list[Instance], now: float, mine: Collection[str]
    ) -> None:
        """Machines came of an attempt that was in doubt or given up: one that is seen twice is its
        machine, several are not for us to choose from.
        """
        doubt = self._doubts[intent.token]
        doubt.note_found()
        if len(machines) > 1:
            doubt.twins = [machine.id for machine in machines]
            return
        doubt.twins = []
        [machine] = machines
        if now - doubt.seen_since(machine.id, now) >= self.times.seen_apart_s:
            self.journal.mark_confirmed(
                intent,
                machine.id,
                stopped=is_stopped(machine),
                announce=self._notice_of(intent, mine),
            )

    def _note_strangers(
        self, listed: set[Stranger], account: str, now: float, *, is_whole: bool
    ) -> None:
        """Keep the machines of other journals, and drop those that two whole lists lack. Nothing
        of this is worth more than what the list is read for.
        """
        self._strangers = {one: self._strangers.get(one, now) for one in listed}
        with contextlib.suppress(errors.JournalUnavailable):
            lacking = self.journal.elsewhere.of(account) - listed if is_whole else set[Stranger]()
            missing = self._strangers_missing
            self._strangers_missing = {one: missing.get(one, now) for one in lacking}
            for (_, instance_id), since in self._strangers_missing.items():
                if now - since >= self.times.lists_apart_s:
                    self.journal.elsewhere.drop(account, instance_id)
            self.journal.elsewhere.keep(account, listed)

    def was_seen_twice(self, stranger: Stranger) -> bool:
        """Whether lists far enough apart have shown this machine of another journal."""
        since = self._strangers.get(stranger)
        return since is not None and anyio.current_time() - since >= self.times.seen_apart_s

    def _notice_lacking(self, tokens: set[str], account: str, now: float) -> None:
        """Attempts in doubt whose token no machine of a whole list carries."""
        for intent in self.open_for(account):
            if intent.token not in tokens:
                self._doubts[intent.token].note_lacking(now)

    def _may_have_come_of(self, intent: Intent) -> bool:
        """Not one that its living owner is just sending, or has yet to settle, and has time to.
        Ours is not on its way any more where its verdict could not be written.
        """
        is_open = intent.state in {"intended", "sending", "unknown"}
        return not is_open or self.journal.may_confirm(intent)

    def _notice_of(self, intent: Intent, mine: Collection[str]) -> Notice:
        """What is to be told of a machine that a list showed: a caller that reports it itself needs
        only that its answer arrives. An owner that stands still will not tell of it.
        """
        if intent.token in mine and self.journal.may_settle(intent):
            return Notice.RENTED
        return Notice.LATE

    def _notice_gone(self, rows: Listing[Instance], account: str, now: float) -> None:
        """A confirmed machine that two whole lists lack is gone, where none between them has it; a
        young one may only be invisible yet.
        """
        listed = {instance.id for instance in rows}
        for intent in self.journal.living(account):
            instance_id = intent.instance_id
            if instance_id is None:
                continue
            if instance_id in listed:
                self._missing.pop(instance_id, None)
                continue
            if not rows.is_whole or self.journal.is_young(intent, self.times.young_s):
                continue
            first = self._missing.setdefault(instance_id, now)
            if now - first >= self.times.lists_apart_s:
                self.journal.mark_gone(account, [instance_id])

    # ── settling ──────────────────────────────────────────────────────────────────────────────────

    def doubt(self, intent: Intent) -> None:
        """From now on this process knows that the attempt is in doubt."""
        self._doubts[intent.token].note_known(anyio.current_time())

    def open_for(self, account: str, request_key: str | None = None) -> list[Intent]:
        """Attempts in doubt whose machine this process may find, of one key where it is given."""
        return [
            intent
            for intent in self.journal.open_intents(account)
            if request_key in {None, intent.request_key} and self.journal.may_confirm(intent)
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
        """Look until nothing that we may find is open, or `until` (anyio's clock). Raises
        DuplicateRentals.

        A list that cannot be read settles nothing and is tried again.
        """
        pause = self.times.look_s
        while doubts := self.open_for(account, request_key):
            for intent in doubts:
                self.doubt(intent)
            await self._look_and_judge(vast, account, until, mine)
            self._check_twins(doubts)
            wait = pause
            if any(self._doubts[intent.token].machine is not None for intent in doubts):
                wait = self.times.seen_apart_s
            if not self.open_for(account, request_key) or anyio.current_time() + wait > until:
                return
            await anyio.sleep(wait)
            pause = min(pause * 1.5, self.times.look_s * LONGEST_PAUSE)

    async def _look_and_judge(
        self, vast: Vast, account: str, until: float, mine: Collection[str]
    ) -> None:
        """One look at the whole list, and what it proves of the attempts that it lacks."""
        # Another task's look may be waiting for Vast; this one has a deadline of its own.
        with (
            contextlib.suppress(errors.Rejected, errors.Unreachable),
            anyio.move_on_after(until - anyio.current_time()),
        ):
            async with self._lock:
                listed = await self.look(vast, account, mine=mine)
                if shows_every_label(listed):
                    await self._declare_absent(vast, account)

    def _check_twins(self, doubts: list[Intent]) -> None:
        for intent in doubts:
            ids = self._doubts[intent.token].twins
            if ids:
                raise _duplicates(intent, ids)

    async def _declare_absent(self, vast: Vast, account: str) -> None:
        """Give up what is proven to have made nothing; never while its owner lives, which may have
        been stopped, and has the last word.
        """
        now = anyio.current_time()
        for intent in self.open_for(account):
            doubt = self._doubts[intent.token]
            if not self.journal.may_settle(intent) or not doubt.was_lacking_long(now, self.times):
                continue
            if doubt.is_old(now, intent.tried_at, self.times) or (
                not doubt.ever_seen and await _is_free(vast, intent)
            ):
                self.journal.mark_absent(intent)
                doubt.lacking = math.inf


def _by_token(listed: Sequence[Instance]) -> dict[str, list[Instance]]:
    """The machines whose label ends in a token, by token."""
    found: dict[str, list[Instance]] = defaultdict(list)
    for instance in listed:
        token = token_of(instance.label)
        if token is not None:
            found[token].append(instance)
    return found


def _duplicates(intent: Intent, ids: list[int]) -> errors.DuplicateRentals:
    return errors.DuplicateRentals(
        f"Vast made {len(ids)} machines for one request: {', '.join(map(str, ids))}. Each bills.",
        instance_id=ids[0],
        offer_id=intent.offer_id,
        request_key=intent.request_key,
        token=intent.token,
        results=[{"instance_id": instance_id} for instance_id in ids],
        next_steps=[
            errors.NextStep("show_instances", {"label": intent.token}, "what they are, and cost"),
            errors.NextStep(
                "destroy_instance",
                {"instance_ids": ids[1:]},
                "keeps the first: one was asked for",
            ),
        ],
    )


async def _is_free(vast: Vast, intent: Intent) -> bool:
    """Whether the offer can still be rented: then this attempt did not rent it."""
    offer = await vast.find_offer(intent.offer_id)
    return offer is not None and offer.rentable is True and offer.rented is False


def is_stopped(machine: Instance) -> bool:
    """Found stopped: as it was asked to be, for a bid too low, or since it could not start."""
    return "stopped" in {machine.intended_status, machine.cur_state}
