"""A fresh container on a machine one holds: apart from the gentler acts, because its disk's content
goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from vast_mcp.account.roll import check_ours
from vast_mcp.errors import NextStep
from vast_mcp.machines.shown import status_of
from vast_mcp.renting import wording
from vast_mcp.renting.acts import SHOW_INSTANCES, Act, Outcome, perform
from vast_mcp.renting.target import Target
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Instance

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


class Recycle(Act):
    """No row proves a recycle: whether the disk's content is gone cannot be seen."""

    name = "recycle"
    may_cost = True
    restarts = True
    makes_anew = True
    may_start = True
    provable = False

    @property
    def question(self) -> str:
        machine = wording.machine(self.target.instance_id, self.target.row)
        return f"Recycle {machine}? What is on its disk is lost, and it runs then."

    async def check(self) -> None:
        self.check_time_to_boot()

    async def send(self, vast: Vast) -> None:
        await vast.recycle_instance(self.target.instance_id)

    def shows(self, row: Instance) -> bool:
        return row.intended_status == "running"

    def steps_if_unsure(self) -> list[NextStep]:
        return [SHOW_INSTANCES]  # the same call again may lose a disk's content a second time


async def recycle_instance(args: RecycleInstance, call: Call) -> RecycleInstanceResult:
    """Makes a machine's container anew of a freshly pulled image: what is on its disk is lost,
    billing goes on. manage_instance reboot loses nothing.
    """
    instance_id = args.instance_id
    target = await Target.read(call, instance_id)
    if not args.not_ours:
        check_ours(
            [instance_id],
            target.there,
            loses="what is on a recycled machine's disk is lost",
            again=lambda _: [_this(args, "if the person wants that", not_ours=True)],
        )
    outcome = await perform(
        Recycle(call, target, args.model_dump(exclude_none=True), _this(args, "the same call"))
    )
    return _result(instance_id, outcome)


def _this(args: RecycleInstance, why: str, **changed: bool) -> NextStep:
    """The same call."""
    return NextStep("recycle_instance", {**args.model_dump(exclude_defaults=True), **changed}, why)


def _result(instance_id: int, outcome: Outcome) -> RecycleInstanceResult:
    """What was accepted, and the machine's state. Not being able to say undoes nothing."""
    result = RecycleInstanceResult(
        instance_id=instance_id,
        next_steps=[step("wait_for_instance", "until it runs again", instance_id=instance_id)],
    )
    if outcome.row is not None:
        result.status = status_of(outcome.row)
    elif outcome.trouble is not None:
        code = outcome.trouble.code
        result.warnings = [f"Vast accepted it; a look afterwards failed ({code})."]
    else:
        result.warnings = ["Vast accepted it and does not show the machine at the moment."]
    return result


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
