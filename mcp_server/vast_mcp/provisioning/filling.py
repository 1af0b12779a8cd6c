"""A place of a plan without a machine gets the next try, or there is none, and why."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from vast_mcp import errors
from vast_mcp.journal.plan_records import Outcome, Plan, Try
from vast_mcp.provisioning import trying
from vast_mcp.provisioning.candidates import Candidate
from vast_mcp.provisioning.words import ASKS
from vast_mcp.session import Call, journal_may_fail

# What a step came to: something moved, or is waited for, or there is nothing that this process may
# do for the plan, or that anybody could.
Came = Literal["moved", "waits", "rests", "over"]

NO_VALUES = "values"  # where nobody who drives knows what the journal does not keep


@dataclass(frozen=True)
class Filling:
    """The next try of a plan, by its tries up to now. `passed`: offers that were refused."""

    call: Call
    plan: Plan
    passed: trying.Passed
    tries: list[Try]

    async def fill(self) -> Came:
        """Rent the next one, for the first place that may have one now. Raises what passes by
        itself.
        """
        plan, tries = self.plan, self.tries
        place = trying.free_place(plan, tries, time.time())
        if place is None or any(one.in_doubt for one in tries):
            return "waits"
        rental = trying.rental_of(self.call.session.plan_values.get(plan.name), plan)
        if rental is None:
            return self._leave(NO_VALUES)
        if sum(not one.made_nothing for one in tries) >= plan.bounds.max_attempts:
            return self._cannot("attempts")
        found = await trying.next_of(self.call, plan, tries, self.passed.now())
        if found == "asks":
            return self._leave(ASKS)
        if not isinstance(found, Candidate):
            refused = self.passed.refused() if found == "no_offer" else None
            return self._cannot(found) if refused is None else self._cannot("refused", refused)
        return await self._rented(place, found, rental)

    async def _rented(self, place: int, found: Candidate, rental: errors.Json) -> Came:
        """Rent an offer. What its refusal means for the plan."""
        self._note("")
        try:
            await trying.try_it(self.call, self.plan, self.tries, place, found, rental)
        except errors.NeedsConfirmation:
            return self._leave(ASKS)
        except trying.PASSES as exc:
            self._note(exc.code)
            raise
        except errors.VastMcpError as exc:
            return self._refused(found, exc)
        return "moved"

    def _refused(self, found: Candidate, exc: errors.VastMcpError) -> Came:
        """Pass an offer over that was refused; no other is tried where that holds for all."""
        if not isinstance(exc, (*trying.OF_THE_OFFER, *trying.OF_EITHER)):
            return self._cannot("refused", exc.code)
        self.passed.note(found.offer.ask_contract_id, exc, self.call.times.look_s)
        if self.passed.are_many():
            return self._cannot("refused", exc.code)
        return "moved"

    def _cannot(self, outcome: Outcome, detail: str = "") -> Came:
        """No machine is to be had for a place: there are fewer then, or the plan ends. What the
        market has is judged by a process that was called only: another's limits may be stricter.
        """
        plans = self.call.journal.plans
        if outcome != "attempts" and self.plan.name not in self.call.session.plan_values:
            return self._leave(detail or outcome)
        living = sum(one.lives for one in self.tries)
        if living and not self.plan.bounds.together:
            plans.settle_for(self.plan, living)
        else:
            plans.give_up(self.plan, outcome, detail)
        return "moved"

    def _leave(self, detail: str) -> Came:
        """This process rents nothing more for it; what is there is driven on."""
        self._note(detail)
        return "waits" if any(one.bills for one in self.tries) else "rests"

    def _note(self, detail: str) -> None:
        """What it waits for, in codes of ours."""
        if detail != self.plan.detail:
            with journal_may_fail:
                self.call.journal.plans.note_detail(self.plan, detail)
