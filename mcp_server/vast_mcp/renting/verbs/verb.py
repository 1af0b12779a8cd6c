"""What each action of manage_instance is: an act, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from vast_mcp.account.increases import Increase
from vast_mcp.account.reading import Reading
from vast_mcp.errors import Json, NextStep
from vast_mcp.renting.acts import Act, Outcome, perform
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.next_calls import calls_for
from vast_mcp.renting.prepaying import Reserved
from vast_mcp.renting.target import Target
from vast_mcp.session import Call
from vast_mcp.toolspec import Step, step


@dataclass(frozen=True)
class Wanted:
    """What a call wants of one machine. `given`: all of the call. `this`: the same call as a step,
    with why it is made and what is another in it.
    """

    given: Json = field(repr=False)
    this: Callable[..., NextStep] = field(repr=False)
    label: str | None = None
    price: float | None = None
    lease_hours: float | None = None
    amount_usd: float | None = None
    max_usd_per_hour: float | None = None
    not_ours: bool = False


@dataclass
class Said:
    """What only one action says in its answer."""

    warnings: list[str] = field(default_factory=list[str])
    lease_until: str | None = None
    lease_left_hours: float | None = None
    ssh_line: str | None = None
    price_increase: Increase | None = None
    reserved: Reserved | None = None


class Verb(Act):
    """One action: what speaks against it, what it sends, what proves it, what is said afterwards.

    Made from a list just read; making one raises where its arguments cannot be sent.
    """

    argument: ClassVar[str | None] = None  # the one that only this action takes
    takes_most: ClassVar[bool] = False  # max_usd_per_hour, where the caller gives it
    loses: ClassVar[str]  # what it means for a machine that somebody else made
    writes_label: ClassVar[bool] = False

    def __init__(self, wanted: Wanted, target: Target, call: Call) -> None:
        super().__init__(call, target, wanted.given, wanted.this("asks again, which is safe"))
        self.wanted = wanted

    async def check(self) -> None:
        if not self.wanted.not_ours:
            again = self.for_others()
            self.target.check_ours(loses=self.loses, again=again)

    async def do(self, consent: Consent | None) -> Outcome:
        """Do it, once. Raises as perform() does."""
        return await perform(self, consent)

    def for_others(self) -> NextStep:
        """What leads on where somebody else made the machine."""
        return self.wanted.this("if the person wants that", not_ours=True)

    def note(self, outcome: Outcome) -> None:
        """Note what the action did to the machine, before it is read."""

    def lead_on(self, outcome: Outcome, reading: Reading | None) -> list[Step]:  # noqa: ARG002
        """What comes next; a machine that is not listed yet is waited for."""
        return [self.wait()] if reading is None else calls_for(reading)

    async def finish(self, outcome: Outcome, reading: Reading | None) -> Said:  # noqa: ARG002
        """What only this action says."""
        return Said()

    def wait(self) -> Step:
        return step("wait_for_instance", "until it runs", instance_id=self.target.instance_id)
