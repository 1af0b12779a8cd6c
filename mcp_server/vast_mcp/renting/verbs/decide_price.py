"""A higher price that a host asks for is accepted or rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from vast_mcp import errors
from vast_mcp.account import increases
from vast_mcp.account.reading import Reading
from vast_mcp.errors import NextStep
from vast_mcp.machines import costs
from vast_mcp.machines.increases import Increased, increased
from vast_mcp.renting.acts import Outcome
from vast_mcp.renting.verbs.verb import Said, Verb
from vast_mcp.vast.announced import PriceIncrease
from vast_mcp.vast.models import Instance

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast  # httpx is loaded by the first call


class Decide(Verb):
    """An answer to a higher price that the host asks for. What proves it is that no list has it
    waiting any more: no row of the machine changes before its contract ends.
    """

    provable = False
    accepts: ClassVar[bool]
    increase: PriceIncrease | None = None

    async def check(self) -> None:
        await super().check()
        found = await increases.waiting_for(self.call, self.target.instance_id)
        if self.increase is not None and self.increase != found:
            raise errors.NeedsConfirmation(
                "The host changed what it asks for while a person read. The same call asks again.",
                instance_id=self.target.instance_id,
                next_steps=[self.again],
            )
        self.increase = found
        # A yes is to this increase, and to no later one at the same price.
        self.given = {**self.wanted.given, "increase": found.model_dump(mode="json")}

    @property
    def prices(self) -> Increased | None:
        """What it makes of the price; None where the machine is not listed."""
        row, asked = self.target.row, self.increase
        return None if row is None or asked is None else increased(row, asked)

    async def send(self, vast: Vast) -> None:
        await increases.decide(vast, self.increase, accept=self.accepts)

    def shows(self, row: Instance) -> bool:  # noqa: ARG002
        return False

    async def finish(self, outcome: Outcome, reading: Reading | None) -> Said:  # noqa: ARG002
        # It waits no more: what was read of it before is not shown on.
        self.call.session.announced.increases.pop(self.target.instance_id, None)
        return Said(price_increase=None if self.prices is None else increases.shown(self.prices))


class AcceptPrice(Decide):
    name = "accept_price"
    loses = "it costs more then"
    accepts = True
    takes_most = True
    may_cost = True
    comes_later = True

    async def check(self) -> None:
        await super().check()
        most = self.wanted.max_usd_per_hour
        if most is not None:
            asked = self.afterwards(self.target.row)
            self._check_most(most, costs.rounded(asked, costs.DIGITS))  # as answers show it

    def _check_most(self, most: float, asked: float | None) -> None:
        """The host may ask for more than the caller has read of, which is up to ten minutes old.
        Raises OverLimit, or PriceUnknown where what it asks for cannot be told.
        """
        told: dict[str, Any] = {
            "instance_id": self.target.instance_id,
            "next_steps": [
                NextStep("show_instance", {"instance_id": self.target.instance_id}, "its price now")
            ],
        }
        if asked is None:
            raise errors.PriceUnknown(
                f"What the host asks for is not known in $/h, and at most {most:g} is allowed "
                "(max_usd_per_hour).",
                **told,
            )
        if costs.is_dearer(asked, most):
            raise errors.OverLimit(
                f"The host asks for {asked:g} $/h with its disk, and at most {most:g} is allowed "
                "(max_usd_per_hour).",
                **told,
            )

    def afterwards(self, row: Instance | None) -> float | None:
        asked = self.increase
        return None if row is None or asked is None else increased(row, asked).then.running

    @property
    def question(self) -> str:
        prices = "" if self.prices is None else f" {increases.in_words(self.prices)}"
        return f"Accept the higher price that the host asks for {self.target.named}:{prices}?"


class RejectPrice(Decide):
    name = "reject_price"
    loses = "its contract may end sooner"
    accepts = False

    async def finish(self, outcome: Outcome, reading: Reading | None) -> Said:
        said = await super().finish(outcome, reading)
        ends = said.price_increase and said.price_increase.applies_at
        said.warnings.append(
            f"The price stays. The contract ends at {ends or 'its present end'}: then the machine "
            "cannot start, and Vast may delete it with its disk 48 h later."
        )
        return said
