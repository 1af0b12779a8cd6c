"""An interruptible machine pays another bid from now on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vast_mcp.account.reading import Reading
from vast_mcp.machines import phases
from vast_mcp.renting import bids, reserving
from vast_mcp.renting.acts import Outcome
from vast_mcp.renting.verbs.verb import Said, Verb
from vast_mcp.toolspec import Step, step
from vast_mcp.vast.models import Instance

BID_ROUNDING = 1e-6  # $/h


if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast  # httpx is loaded by the first call


class ChangeBid(Verb):
    name = "change_bid"
    argument = "price"
    loses = "its bid is what it costs, and whether it runs"
    may_cost = True
    may_start = True

    @property
    def bid(self) -> float:
        return self.wanted.price or 0.0

    def afterwards(self, row: Instance | None) -> float | None:
        return reserving.at_bid(row, self.bid)

    @property
    def question(self) -> str:
        return f"Bid {self.bid:g} $/h for {self.target.named}?"

    async def check(self) -> None:
        await super().check()
        row = self.target.row
        if row is not None:
            bids.check_bid(row, self.bid, self.again)
        if phases.phase_of(row) != "running":
            self.check_time_to_boot()  # a better bid boots it

    async def send(self, vast: Vast) -> None:
        await vast.change_bid(self.target.instance_id, self.bid)

    def shows(self, row: Instance) -> bool:
        return row.dph_base is not None and abs(row.dph_base - self.bid) < BID_ROUNDING

    def lead_on(self, outcome: Outcome, reading: Reading | None) -> list[Step]:
        if outcome.row is None or phases.is_under_way(outcome.row):
            return super().lead_on(outcome, reading)
        start = self.target.start("where the bid does not start it by itself")
        return [self.wait(), step(start.tool, start.why, **start.arguments)]

    async def finish(self, outcome: Outcome, reading: Reading | None) -> Said:  # noqa: ARG002
        seen = self.call.session.offers
        return Said(bids.warnings_of(self.target.row, self.bid, seen))
