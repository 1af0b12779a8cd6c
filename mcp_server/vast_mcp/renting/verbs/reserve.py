"""Money is paid ahead for a machine, by rules of its own (prepaying.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vast_mcp import errors
from vast_mcp.account.reading import Reading
from vast_mcp.errors import Problem
from vast_mcp.renting.acts import Outcome
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.prepaying import FORFEITS, Reserved, Reserving
from vast_mcp.renting.verbs.verb import Said, Verb
from vast_mcp.toolspec import Step, step
from vast_mcp.vast.models import Instance

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast  # httpx is loaded by the first call


class Reserve(Verb):
    """Money is paid ahead: never by the rules of the others, since no row proves it, a person is
    asked in any case, and a second one is paid as well.
    """

    name = "reserve"
    argument = "amount_usd"
    loses = "money is paid for it"
    provable = False
    reserved: Reserved | None = None

    async def check(self) -> None:
        await super().check()
        usd = self.wanted.amount_usd or 0.0
        if usd != round(usd, 2):  # a person is asked about cents
            raise errors.bad("manage_instance", [Problem("amount_usd", "in whole cents")])

    async def do(self, consent: Consent | None) -> Outcome:  # noqa: ARG002
        await self.check()
        usd = self.wanted.amount_usd or 0.0
        paying = Reserving(self.call, self.target, usd, self.given, self.again)
        self.reserved = await paying.run()
        return Outcome(paying.target.row, done=True)

    async def send(self, vast: Vast) -> None:  # noqa: ARG002
        raise AssertionError("it is paid by Reserving")

    def shows(self, row: Instance) -> bool:  # noqa: ARG002
        return False

    def lead_on(self, outcome: Outcome, reading: Reading | None) -> list[Step]:  # noqa: ARG002
        return [step("show_account", "the credit that is left")]

    async def finish(self, outcome: Outcome, reading: Reading | None) -> Said:  # noqa: ARG002
        return Said([FORFEITS], reserved=self.reserved)
