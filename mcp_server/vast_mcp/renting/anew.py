"""A container is made anew on a machine that exists: of its own image (recycle_instance), or of
another (update_instance). What is on its disk is lost.
"""

from __future__ import annotations

from collections.abc import Callable

from vast_mcp.account.roll import check_ours
from vast_mcp.errors import NextStep
from vast_mcp.renting.acts import SHOW_INSTANCES, Act, Outcome
from vast_mcp.renting.target import Target
from vast_mcp.session import Call
from vast_mcp.toolspec import Step, step
from vast_mcp.vast.models import Instance

# The same call as a step: why it is made, and what is another in it.
This = Callable[..., NextStep]


class Anew(Act):
    """No row proves that a container was made anew: its disk's content cannot be seen."""

    may_cost = True
    restarts = True
    makes_anew = True
    may_start = True
    provable = False

    async def check(self) -> None:
        self.check_time_to_boot()

    def shows(self, row: Instance) -> bool:
        return row.intended_status == "running"

    def steps_if_unsure(self) -> list[NextStep]:
        return [SHOW_INSTANCES]  # the same call again may lose a disk's content a second time


async def target_of(
    call: Call, instance_id: int, this: This, *, loses: str, not_ours: bool
) -> Target:
    """The machine, by a list just read. `loses`: what somebody else's would. Raises
    NoSuchInstance, NotOurs.
    """
    target = await Target.read(call, instance_id)
    if not not_ours:
        again = [this("if the person wants that", not_ours=True)]
        check_ours([instance_id], target.there, loses=loses, again=lambda _: again)
    return target


def unseen(outcome: Outcome) -> list[str]:
    """What is said where no row shows the machine after Vast accepted it, which undoes nothing."""
    if outcome.row is not None:
        return []
    if outcome.trouble is not None:
        return [f"Vast accepted it; a look afterwards failed ({outcome.trouble.code})."]
    return ["Vast accepted it and does not show the machine at the moment."]


def wait_for(instance_id: int) -> Step:
    """What comes next."""
    return step("wait_for_instance", "until it runs again", instance_id=instance_id)
