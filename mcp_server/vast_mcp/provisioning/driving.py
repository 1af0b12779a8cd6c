"""One plan, driven by the process whose turn it is: a step at a time, each made anew from what the
journal says and looks show, so that any process goes on from wherever another one stopped.

    doubts are settled → what failed is ended and seen gone → what was rented is waited for, and
    checked → places without a machine get the next try → all of use: told, then handed over

What is decided is written down before it is acted on: a try is called failed before its machine is
ended, and is rented in the transaction that counts it. A step that breaks is made again.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Literal

import anyio
import anyio.lowlevel

from vast_mcp import errors
from vast_mcp.caller import no_progress
from vast_mcp.journal.plan_records import Outcome, Plan, Try
from vast_mcp.provisioning import handing, trying
from vast_mcp.provisioning.becoming import Becoming, lost
from vast_mcp.provisioning.candidates import Candidate
from vast_mcp.provisioning.ending import end_and_see
from vast_mcp.session import Call, Session, journal_may_fail

log = logging.getLogger("vast_mcp")

SIGNS = 6  # of its driver while its turn would last
LONGEST_PAUSE = 5  # times look_s, while nothing moves

# What a step came to: something moved, or is waited for, or there is nothing that this process may
# do for the plan, or that anybody could.
Came = Literal["moved", "waits", "rests", "over"]

ASKS = "needs_confirmation"  # a plan's detail, where a person is to be asked
NO_VALUES = "values"  # where nobody who drives knows what the journal does not keep


@dataclass(eq=False)
class Driver:
    """The driver of one plan. `plan`: as it was taken, with the turn."""

    session: Session
    plan: Plan
    passed: trying.Passed = field(default_factory=trying.Passed)
    becoming: Becoming = field(default_factory=Becoming)
    _pause: float = 0.0

    async def drive(self) -> None:
        """Drive until it is over, or another one's. Lets go of the turn in the end."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._give_signs, tasks.cancel_scope)
                while await self._goes_on():
                    pass
                tasks.cancel_scope.cancel()
        finally:
            with journal_may_fail:
                self.session.journal.plans.let_go(self.plan)
                self.session.wake_plans()

    async def _give_signs(self, scope: anyio.CancelScope) -> None:
        """Say that its driver is there; end where the turn was lost."""
        while True:
            await anyio.sleep(self.session.times.driver_s / SIGNS)
            with journal_may_fail:
                if not self.session.journal.plans.keep(self.plan):
                    scope.cancel()

    async def _goes_on(self) -> bool:
        """Make a step; False where there is none to be made here."""
        try:
            came = await self._step()
        except errors.VastMcpError as exc:
            log.info("a plan waits: %s", exc.code)
            self._note_detail(exc.code)
            came = "waits"
        except Exception as exc:
            # A defect here must not end the server, and a create with it; the type tells, its
            # text may hold anything.
            log.error("a plan: defect: %s", type(exc).__name__)
            came = "waits"
        if came in {"rests", "over"} or self.session.closing:
            return False
        await self._rest(came)
        return True

    async def _rest(self, came: Came) -> None:
        """Wait a little where nothing moved, and longer each time."""
        look_s = self.session.times.look_s
        if came == "moved":
            self._pause = 0.0
            await anyio.lowlevel.checkpoint()
            return
        self._pause = min(max(look_s, self._pause * 1.5), look_s * LONGEST_PAUSE)
        with anyio.move_on_after(self._pause):
            await self.session.plans_wake.wait()

    # ── a step ─────────────────────────────────────────────────────────────────────────────────

    async def _step(self) -> Came:
        """The first that there is to do, by the journal as it is now."""
        plans, session = self.session.journal.plans, self.session
        now = plans.by_name(self.plan.account, self.plan.name)
        if now is None or now.state == "over":
            return "over"
        if now.turn != self.plan.turn:
            return "rests"
        self.plan = now
        session.settle_told(session.telling.heard())
        call = self._call()
        if await self._settled_doubts(call):
            return "moved"
        if self._noted_what_came_of_them():
            return "moved"
        if self._ends_unasked():
            return "moved"
        if self.plan.state == "ending":
            return await self._ended(call)
        return await self._sought(call)

    def _call(self) -> Call:
        """A call of the server's own, with a time of its own: nobody waits for it."""
        session = self.session
        return Call(session, anyio.current_time() + session.times.budget_s, no_progress)

    def _tries(self) -> list[Try]:
        return self.session.journal.plans.tries(self.plan.name)

    def _move(self, one: Try, state: Literal["ready", "failed", "void"], why: str = "") -> bool:
        """Write down what became of a try. Raises NotRented where the turn was lost."""
        return self.session.journal.plans.move(self.plan, one, state, why)

    async def _settled_doubts(self, call: Call) -> bool:
        """Settle what nobody knows the outcome of; whether a doubt is gone."""
        doubts = [one for one in self._tries() if one.in_doubt]
        self.session.journal.abandon_unsent(self.plan.account)
        for one in doubts:
            await self._settle(call, one)
        left = [one for one in self._tries() if one.in_doubt]
        return len(left) < len(doubts)

    async def _settle(self, call: Call, one: Try) -> None:
        """Look for the machine of a try in doubt, for a while."""
        journal, times = self.session.journal, self.session.times
        until = anyio.current_time() + times.look_s + 2 * times.seen_apart_s
        key = one.intent.request_key if one.intent is not None else ""
        try:
            await self.session.reconciler.settle(
                call.vast,
                self.plan.account,
                until,
                request_key=key,
                mine=[one.token],
            )
        except errors.DuplicateRentals as exc:
            # Two machines for one request: the first is the try's, and both are ended with it.
            if one.intent is not None and exc.instance_id is not None:
                journal.mark_confirmed(one.intent, exc.instance_id)
                self._move(one, "failed", exc.code)

    def _noted_what_came_of_them(self) -> bool:
        """Write down what the journal of attempts says of tries; whether something was news."""
        moved = [
            self._note(one) for one in self._tries() if one.state in {"begun", "ready", "void"}
        ]
        return any(moved)

    def _note(self, one: Try) -> bool:
        """Write down what became of one try's request, or of its machine."""
        if one.made_nothing:
            reason = "" if one.intent is None else one.intent.reason or one.intent.state
            return one.state == "begun" and self._move(one, "void", reason)
        if one.in_doubt or one.intent is None:
            return False
        if one.state == "void":
            return self._move(one, "failed", "late")
        why = lost(one, self.plan.bounds, time.time())
        return why is not None and self._move(one, "failed", why)

    def _ends_unasked(self) -> bool:
        """End a plan that nobody has asked after for long, unless its machines were told of."""
        plan, times = self.plan, self.session.times
        if plan.state != "open" or plan.told or time.time() - plan.asked_at < times.unasked_s:
            return False
        self.session.journal.plans.end(plan.name, "unasked")
        return True

    # ── its end ────────────────────────────────────────────────────────────────────────────────

    async def _ended(self, call: Call) -> Came:
        """End what was not handed over; over, once none of it is left."""
        for one in self._tries():
            if one.state in {"begun", "ready"} and not one.made_nothing and not one.in_doubt:
                self._move(one, "failed", self.plan.outcome or "ended")
        await self._buried(call)
        if any(one.bills for one in self._tries()):
            return "waits"
        self.session.journal.plans.mark_over(self.plan, self.plan.outcome or "cancelled")
        return "over"

    async def _buried(self, call: Call) -> bool:
        """End what is condemned, and see it gone; whether none of it is left."""
        gone = [await end_and_see(call, one) for one in self._tries() if one.is_condemned]
        return all(gone)

    # ── its machines ───────────────────────────────────────────────────────────────────────────

    async def _sought(self, call: Call) -> Came:
        """Bring the plan's machines nearer to being of use."""
        await self._buried(call)
        if await self._looked(call):
            return "moved"
        tries = self._tries()
        living = [one for one in tries if one.lives]
        if sum(one.state in {"ready", "handed"} for one in living) >= self.plan.bounds.count:
            return await self._handed(call, living)
        if len(living) < self.plan.bounds.count:
            return await self._tried(call, tries)
        return "waits"

    async def _looked(self, call: Call) -> bool:
        """Look at what was rented; whether something was decided."""
        plan, decided = self.plan, False
        begun = [one for one in self._tries() if one.state == "begun" and one.instance_id]
        try:
            came = await self.becoming.of(call, plan, begun)
        except errors.BadArguments as exc:  # what is waited for no machine of this plan can do
            self.session.journal.plans.end(plan.name, "refused", exc.code)
            return True
        for one, state, why in came:
            decided |= self._move(one, state, why)
        ready = [one for one in self._tries() if one.state == "ready" and one.instance_id]
        for one, why in await self.becoming.failed_since(call, ready):
            decided |= self._move(one, "failed", why)
            self.session.journal.plans.untell(plan.name)
        return decided

    async def _handed(self, call: Call, living: list[Try]) -> Came:
        """All are of use: hand them over, once an answer that names them has arrived."""
        if not self.plan.told:
            return "waits"
        done = [
            await handing.hand_over(call, self.plan, one) for one in living if one.state == "ready"
        ]
        if not all(done):
            return "waits"
        self.session.journal.plans.mark_over(self.plan, "ready")
        return "over"

    # ── the next one ───────────────────────────────────────────────────────────────────────────

    async def _tried(self, call: Call, tries: list[Try]) -> Came:
        """Rent the next one, for the first place that may have one now."""
        plan = self.plan
        place = trying.free_place(plan, tries, time.time())
        if place is None or any(one.in_doubt for one in tries):
            return "waits"
        rental = trying.rental_of(self.session.plan_values.get(plan.name), plan)
        if rental is None:
            return self._leaves_it(tries, NO_VALUES)
        if sum(not one.made_nothing for one in tries) >= plan.bounds.max_attempts:
            return self._cannot_fill(tries, "attempts")
        found = await trying.next_of(call, plan, tries, self.passed.now())
        if found == "asks":
            return self._leaves_it(tries, ASKS)
        if not isinstance(found, Candidate):
            refused = self.passed.refused() if found == "no_offer" else None
            return self._cannot_fill(tries, found if refused is None else "refused", refused or "")
        try:
            self._note_detail("")
            await trying.try_it(call, plan, tries, place, found, rental)
        except errors.NeedsConfirmation:
            return self._leaves_it(tries, ASKS)
        except trying.PASSES:
            raise
        except errors.VastMcpError as exc:
            return self._refused(tries, found, exc)
        return "moved"

    def _refused(self, tries: list[Try], found: Candidate, exc: errors.VastMcpError) -> Came:
        """Pass an offer over that was refused; no other is tried where that holds for all."""
        if not isinstance(exc, (*trying.OF_THE_OFFER, *trying.OF_EITHER)):
            return self._cannot_fill(tries, "refused", exc.code)
        self.passed.note(found.offer.ask_contract_id, exc, self.session.times.look_s)
        if self.passed.are_many():
            return self._cannot_fill(tries, "refused", exc.code)
        return "moved"

    def _cannot_fill(self, tries: list[Try], outcome: Outcome, detail: str = "") -> Came:
        """No machine is to be had for a place: there are fewer then, or the plan ends. What the
        market has is judged by a process that was called only: another's limits may be stricter.
        """
        if outcome != "attempts" and self.plan.name not in self.session.plan_values:
            return self._leaves_it(tries, detail or outcome)
        living = [one for one in tries if one.lives]
        if living and not self.plan.bounds.together:
            self.session.journal.plans.settle_for(self.plan, len(living))
        else:
            self.session.journal.plans.end(self.plan.name, outcome, detail)
        return "moved"

    def _leaves_it(self, tries: list[Try], detail: str) -> Came:
        """This process rents nothing more for it; what is there is driven on."""
        self._note_detail(detail)
        return "waits" if any(one.bills for one in tries) else "rests"

    def _note_detail(self, detail: str) -> None:
        if detail != self.plan.detail and self.plan.state == "open":
            with journal_may_fail:
                self.session.journal.plans.note_detail(self.plan, detail)
