"""One step of a plan, by the journal as it is now and what looks show:

    doubts are settled → what failed is ended and seen gone → what was rented is waited for, and
    checked → places without a machine get the next try → all of use: told, then handed over

What is decided is written down before it is acted on: a try is called failed before its machine is
ended, and is rented in the transaction that counts it. Whoever is killed between two lines has left
what the next step begins with.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

import anyio

from vast_mcp import errors
from vast_mcp.journal.plan_records import Plan, Try
from vast_mcp.provisioning import handing
from vast_mcp.provisioning.becoming import Becoming, lost
from vast_mcp.provisioning.ending import end_and_see, end_strays
from vast_mcp.provisioning.filling import Came, Filling
from vast_mcp.provisioning.trying import Passed
from vast_mcp.session import Call

OF_USE = frozenset({"ready", "handed"})
STOPPED = "stopped"  # why a machine of use is of none


@dataclass
class Memory:
    """What a driver remembers between its steps; none of it decides about money."""

    passed: Passed = field(default_factory=Passed)
    becoming: Becoming = field(default_factory=Becoming)


@dataclass(frozen=True)
class Step:
    """One step. `call`: the server's own, with a time of its own; `plan`: as it is now."""

    call: Call
    plan: Plan
    memory: Memory

    async def make(self) -> Came:
        """Do the first that there is to do. Raises NotRented where the turn was lost, and what
        keeps the step from being made.
        """
        if await self._settled_doubts() or self._noted_what_came_of_them() or self._ends_unasked():
            return "moved"
        if self.plan.state == "ending":
            return await self._ended()
        return await self._sought()

    def _tries(self) -> list[Try]:
        return self.call.journal.plans.tries(self.plan.name)

    def _move(self, one: Try, state: Literal["ready", "failed", "void"], why: str = "") -> bool:
        """Write down what became of a try."""
        return self.call.journal.plans.move(self.plan, one, state, why)

    # ── what became of requests ────────────────────────────────────────────────────────────────

    async def _settled_doubts(self) -> bool:
        """Settle what nobody knows the outcome of; whether a doubt is gone."""
        doubts = [one for one in self._tries() if one.in_doubt]
        if not doubts:
            return False
        self.call.journal.abandon_unsent(self.plan.account)
        for one in doubts:
            await self._settle(one)
        return sum(one.in_doubt for one in self._tries()) < len(doubts)

    async def _settle(self, one: Try) -> None:
        """Look for the machine of a try in doubt, for a while."""
        times, call = self.call.times, self.call
        until = anyio.current_time() + times.look_s + 2 * times.seen_apart_s
        key = one.intent.request_key if one.intent is not None else ""
        try:
            await call.reconciler.settle(
                call.vast, self.plan.account, until, request_key=key, mine=[one.token]
            )
        except errors.DuplicateRentals as exc:
            # Several machines for one request: the first is the try's, the next list makes the
            # others its strays, and all are ended.
            if one.intent is not None and exc.instance_id is not None:
                call.journal.mark_confirmed(one.intent, exc.instance_id)
                self._move(one, "failed", exc.code)

    def _noted_what_came_of_them(self) -> bool:
        """Write down what the journal of attempts says of tries; whether something was news."""
        open_ones = [one for one in self._tries() if one.state in {"begun", "ready", "void"}]
        return any(self._note(one) for one in open_ones)

    def _note(self, one: Try) -> bool:
        """Write down what became of one try's request, or of its machine."""
        if one.in_doubt or one.intent is None:
            return False
        if one.made_nothing:
            reason = one.intent.reason or one.intent.state
            return one.state == "begun" and self._move(one, "void", reason)
        if one.state == "void" or not one.made_own:  # something came of it all the same
            return self._move(one, "failed", "late")
        why = lost(one, self.plan.bounds, time.time())
        if why is None or not self._move(one, "failed", why):
            return False
        self._untell(one)
        return True

    def _untell(self, one: Try) -> None:
        """What was told of a machine that was of use holds no more."""
        if one.state == "ready":
            self.call.journal.plans.untell(self.plan.name)

    # ── its end ────────────────────────────────────────────────────────────────────────────────

    def _ends_unasked(self) -> bool:
        """End a plan that nobody has asked after for long, or whose machines' short leases are
        over: no answer that names them has arrived.
        """
        plan, times = self.plan, self.call.times
        if plan.state != "open" or plan.told:
            return False
        if time.time() - plan.asked_at < times.unasked_s and not self._a_lease_is_over():
            return False
        self.call.journal.plans.give_up(plan, "unasked")
        return True

    def _a_lease_is_over(self) -> bool:
        """Whether a machine of use has come to the end of its short lease."""
        ready = [one.intent for one in self._tries() if one.state == "ready"]
        ends = [intent.lease_until for intent in ready if intent is not None]
        return any(end is not None and end <= self.call.now() for end in ends)

    async def _ended(self) -> Came:
        """End what was not handed over; over, once none of it is left."""
        for one in self._tries():
            if one.state in {"begun", "ready"} and one.made_own and not one.in_doubt:
                self._move(one, "failed", self.plan.outcome or "cancelled")
        await self._buried()
        if any(one.bills for one in self._tries()):
            return "waits"
        self.call.journal.plans.mark_over(self.plan, self.plan.outcome or "cancelled")
        return "over"

    async def _buried(self) -> None:
        """End what is condemned, and see it gone."""
        for one in self._tries():
            await (end_and_see if one.is_condemned else end_strays)(self.call, one)

    # ── its machines ───────────────────────────────────────────────────────────────────────────

    async def _sought(self) -> Came:
        """Bring the plan's machines nearer to being of use."""
        await self._buried()
        if await self._looked():
            return "moved"
        tries, count = self._tries(), self.plan.bounds.count
        living = [one for one in tries if one.lives]
        if sum(one.state in OF_USE for one in living) >= count:
            return await self._handed(living)
        if not await self._kept(living):
            return self._cannot_wait(living)
        if len(living) < count:
            return await Filling(self.call, self.plan, self.memory.passed, tries).fill()
        return "waits"

    async def _looked(self) -> bool:
        """Look at what was rented; whether something was decided."""
        call, plan, becoming = self.call, self.plan, self.memory.becoming
        begun = [one for one in self._tries() if one.state == "begun" and one.instance_id]
        try:
            came = await becoming.of(call, plan, begun)
        except errors.BadArguments as exc:  # what is waited for no machine of this plan can do
            call.journal.plans.give_up(plan, "refused", exc.code)
            return True
        decided = [self._move(one, state, why) for one, state, why in came]
        ready = [one for one in self._tries() if one.state == "ready" and one.instance_id]
        for one, why in await becoming.failed_since(call, ready):
            if plan.told and why == STOPPED:
                continue  # who was told of it may have stopped it, and wants what is on its disk
            decided.append(self._move(one, "failed", why))
            if decided[-1]:
                self._untell(one)
        return any(decided)

    async def _kept(self, living: list[Try]) -> bool:
        """Let machines of use live until the others are; False where the budget has no room."""
        ready = [one for one in living if one.state == "ready"]
        return all([await handing.keep_short(self.call, self.plan, one) for one in ready])

    def _cannot_wait(self, living: list[Try]) -> Came:
        """Machines of use may not wait for the others any longer: they are what there is."""
        plans = self.call.journal.plans
        if self.plan.bounds.together:
            plans.give_up(self.plan, "over_budget")
            return "moved"
        for one in living:
            if one.state == "begun" and not one.in_doubt:
                self._move(one, "failed", "over_budget")
        plans.settle_for(self.plan, sum(one.state in OF_USE for one in living))
        return "moved"

    async def _handed(self, living: list[Try]) -> Came:
        """All are of use: hand them over, once an answer that names them has arrived."""
        if not self.plan.told:
            await self._kept(living)  # until whoever asks comes back, or nobody does for long
            return "waits"
        ready = [one for one in living if one.state == "ready"]
        if not all([await handing.hand_over(self.call, self.plan, one) for one in ready]):
            return "waits"
        if any(one.bills for one in self._tries()):
            return "waits"  # what failed earlier is not seen to be gone
        self.call.journal.plans.mark_over(self.plan, "ready")
        return "over"
