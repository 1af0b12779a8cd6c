"""A fresh container on a machine one holds: apart from the gentler acts, because its disk's content
goes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from vast_mcp.errors import NextStep
from vast_mcp.machines.shown import status_of
from vast_mcp.renting import wording
from vast_mcp.renting.acts import perform
from vast_mcp.renting.anew import Anew, target_of, unseen, wait_for
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast  # httpx is loaded by the first call


class RecycleInstance(Arguments):
    told_elsewhere = frozenset({"instance_id", "not_ours"})

    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    not_ours: bool = False


class RecycleInstanceResult(Result):
    instance_id: int
    status: Annotated[str | None, Field(description="After the recycle was accepted.")] = None
    warnings: list[str] = []
    next_steps: list[Step] = []


class Recycle(Anew):
    name = "recycle"

    @property
    def question(self) -> str:
        machine = wording.machine(self.target.instance_id, self.target.row)
        return f"Recycle {machine}? What is on its disk is lost, and it runs then."

    async def send(self, vast: Vast) -> None:
        await vast.recycle_instance(self.target.instance_id)


async def recycle_instance(args: RecycleInstance, call: Call) -> RecycleInstanceResult:
    """Makes a machine's container anew of a freshly pulled image: what is on its disk is lost,
    billing goes on. manage_instance reboot loses nothing.
    """
    this = partial(_this, args)
    loses = "what is on a recycled machine's disk is lost"
    target = await target_of(call, args.instance_id, this, loses=loses, not_ours=args.not_ours)
    outcome = await perform(
        Recycle(call, target, args.model_dump(exclude_none=True), this("the same call"))
    )
    return RecycleInstanceResult(
        instance_id=args.instance_id,
        status=None if outcome.row is None else status_of(outcome.row),
        warnings=unseen(outcome),
        next_steps=[wait_for(args.instance_id)],
    )


def _this(args: RecycleInstance, why: str, **changed: bool) -> NextStep:
    """The same call."""
    return NextStep("recycle_instance", {**args.model_dump(exclude_defaults=True), **changed}, why)


SPEC = ToolSpec(
    fn=recycle_instance,
    arguments=RecycleInstance,
    result=RecycleInstanceResult,
    title="Recycle a machine: fresh container, disk content lost",
    read_only=False,
    destructive=True,
    idempotent=False,
    open_world=True,
    sends=("manage",),
)
