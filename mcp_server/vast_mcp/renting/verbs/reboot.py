"""A container is started once more, on its disk as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vast_mcp.account.reading import Reading
from vast_mcp.renting.acts import Outcome
from vast_mcp.renting.verbs.verb import Verb
from vast_mcp.toolspec import Step
from vast_mcp.vast.models import Instance

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast  # httpx is loaded by the first call


class Reboot(Verb):
    """No row proves a reboot: it may be over before anybody looks."""

    name = "reboot"
    loses = "what runs on it is interrupted"
    may_cost = True
    restarts = True
    may_start = True
    provable = False

    async def check(self) -> None:
        await super().check()
        self.check_time_to_boot()

    async def send(self, vast: Vast) -> None:
        await vast.reboot_instance(self.target.instance_id)

    def shows(self, row: Instance) -> bool:  # noqa: ARG002
        return False

    def lead_on(self, outcome: Outcome, reading: Reading | None) -> list[Step]:  # noqa: ARG002
        return [self.wait()]
