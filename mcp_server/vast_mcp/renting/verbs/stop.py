"""A machine keeps its disk and gives its GPU back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vast_mcp.account.reading import Reading
from vast_mcp.leases import guards
from vast_mcp.machines import costs
from vast_mcp.renting import reserving
from vast_mcp.renting.acts import Outcome
from vast_mcp.renting.verbs.verb import Said, Verb
from vast_mcp.toolspec import Step, step
from vast_mcp.vast.models import Instance

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast  # httpx is loaded by the first call


class Stop(Verb):
    name = "stop"
    loses = "a stopped one may lose its GPU"
    must_be_seen = True  # a machine believed stopped that runs is the bill nobody expects

    async def send(self, vast: Vast) -> None:
        await vast.change_instance(self.target.instance_id, {"state": "stopped"})

    def shows(self, row: Instance) -> bool:
        return row.intended_status == "stopped"

    def note(self, outcome: Outcome) -> None:  # noqa: ARG002
        reserving.release(self.call, self.target.instance_id)
        self.call.session.mark_stopped(self.target.instance_id)

    def lead_on(self, outcome: Outcome, reading: Reading | None) -> list[Step]:  # noqa: ARG002
        return [step("show_account", "what still bills, disks of stopped machines among it")]

    async def finish(self, outcome: Outcome, reading: Reading | None) -> Said:
        rate = "at a rate not known"
        disk_usd = None if reading is None else costs.rounded(reading.bills.stopped, costs.DIGITS)
        if disk_usd:
            disk = f"about {disk_usd:.5f} $/h"
            rate = f"{disk}, and a host may charge more for a stopped one"
        bills_on = f"The disk goes on billing until the machine is destroyed: {rate}."
        return Said([bills_on, *guards.warnings_of(self.call, outcome.row)])
