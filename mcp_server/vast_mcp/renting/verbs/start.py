"""A machine that stands still is to run, and bills then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vast_mcp.account.reading import Reading
from vast_mcp.errors import NextStep
from vast_mcp.renting.acts import Outcome
from vast_mcp.renting.verbs.verb import Verb
from vast_mcp.toolspec import Step
from vast_mcp.vast.models import Instance

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast  # httpx is loaded by the first call


class Start(Verb):
    name = "start"
    loses = "a started one bills"
    may_cost = True
    restarts = True
    may_start = True

    async def check(self) -> None:
        await super().check()
        self.check_time_to_boot()

    async def send(self, vast: Vast) -> None:
        await vast.change_instance(self.target.instance_id, {"state": "running"})

    def shows(self, row: Instance) -> bool:
        return row.intended_status == "running" and row.cur_state != "stopped"

    def steps_if_unsure(self) -> list[NextStep]:
        return [*super().steps_if_unsure(), self.target.stop("if it is not to run after all")]

    def lead_on(self, outcome: Outcome, reading: Reading | None) -> list[Step]:  # noqa: ARG002
        return [self.wait()]
