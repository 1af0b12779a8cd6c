"""Another template, image, environment or start script for a machine one holds: the GPU stays, and
what is on the disk does not, so that this stands beside recycling and not among the gentler acts.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.asked import Asked, asked_of
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.leases import guards
from vast_mcp.machines.machine import Machine
from vast_mcp.machines.shown import status_of
from vast_mcp.renting import lease, wording
from vast_mcp.renting.acts import SHOW_INSTANCES, Outcome, perform
from vast_mcp.renting.anew import Anew, target_of, unseen, wait_for
from vast_mcp.renting.arguments import ONSTART_MAX, Env, Name
from vast_mcp.renting.defaults import ENV_TEXT
from vast_mcp.renting.remaking import CHANGES, Remaking, not_running, noted, remaking_of
from vast_mcp.renting.target import Target
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec

if TYPE_CHECKING:
    from vast_mcp.renting.env_entries import Environment
    from vast_mcp.vast.client import Vast  # httpx is loaded by the first call

_PRIVATE = frozenset({"env", "onstart", "image_login"})
_LOSES = "what is on its disk is lost, and what runs in it ends"


class UpdateInstance(Arguments):
    longer = {"env": ENV_TEXT, "onstart": ONSTART_MAX, "image_login": 16_384}
    grammars = frozenset({"env"})
    told_elsewhere = frozenset({*CHANGES, "instance_id", "env_from", "not_ours"})

    instance_id: Annotated[int, Field(ge=1)]
    template_hash_id: str | None = None
    image: Annotated[str | None, Field(max_length=1024)] = None
    env: Annotated[Env | None, Field(repr=False)] = None
    env_from: list[Name] | None = None
    onstart: Annotated[str | None, Field(repr=False, max_length=ONSTART_MAX)] = None
    image_login: Annotated[str | None, Field(repr=False)] = None
    not_ours: bool = False

    def repeatable(self) -> Json | None:
        given = self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        return given if _PRIVATE.isdisjoint(given) else None


class UpdateInstanceResult(Result):
    instance_id: int
    status: Annotated[str | None, Field(description="After it was accepted.")] = None
    asked: Annotated[Asked | None, Field(description="What runs in it from now on.")] = None
    lease: Annotated[str | None, Field(description="When it ends, and by whom.")] = None
    warnings: list[str] = []
    next_steps: list[Step] = []


class Update(Anew):
    name = "update"

    def __init__(self, args: UpdateInstance, target: Target, call: Call, to: Remaking) -> None:
        given = args.model_dump(exclude_none=True)
        super().__init__(call, target, given, _this(args, "the same call"))
        self.to = to

    @property
    def question(self) -> str:
        machine = wording.machine(self.target.instance_id, self.target.row)
        what = "its own image"
        if "image" in self.to.body or self.to.template is not None:
            what = wording.image(self.to.body.get("image"))
        return f"Make the container of {machine} anew of {what}? {_LOSES.capitalize()}."

    async def check(self) -> None:
        row = self.target.row
        if row is not None and row.intended_status == "stopped":
            raise not_running(row.id, self.target.start("then the same call; a start bills"))
        await super().check()

    async def send(self, vast: Vast) -> None:
        instance_id = self.target.instance_id
        with noted(self.call, self.call.record_of(instance_id), self.to):
            await vast.update_instance(instance_id, self.to.body)

    def steps_if_unsure(self) -> list[NextStep]:
        return [self.target.show("what it runs now; the same call again loses its disk again")]


async def update_instance(args: UpdateInstance, call: Call) -> UpdateInstanceResult:
    """recycle_instance with another template, image, env or onstart, as in create_instance: what is
    on its disk is lost, but for volumes.
    """
    given = _given(args)
    this = partial(_this, args)
    target = await target_of(call, args.instance_id, this, loses=_LOSES, not_ours=args.not_ours)
    left_out = () if args.env is None else cast("Environment", args.env).left_out
    to = await remaking_of(call, given, args.instance_id, target.row, left_out)
    outcome = await perform(Update(args, target, call, to))
    return _result(call, args.instance_id, to, outcome)


def _given(args: UpdateInstance) -> Json:
    """The arguments that change something. Raises BadArguments where there are none."""
    given = args.model_dump(exclude_none=True, exclude={"instance_id", "not_ours"})
    if not given:
        nothing = f"or another of {', '.join(CHANGES)}: recycle_instance changes nothing"
        raise errors.bad("update_instance", [Problem("image", nothing)])
    return given


def _this(args: UpdateInstance, why: str, **changed: Any) -> NextStep:
    """The same call, where an answer may repeat it."""
    given = args.repeatable()
    if given is None:
        return SHOW_INSTANCES
    return NextStep("update_instance", given | changed, why)


def _result(call: Call, instance_id: int, to: Remaking, outcome: Outcome) -> UpdateInstanceResult:
    """What was accepted, and what is known of the machine. Not being able to say undoes nothing."""
    row, record = outcome.row, call.record_of(instance_id)
    call.session.silent.discard(instance_id)
    result = UpdateInstanceResult(
        instance_id=instance_id,
        warnings=list(to.warnings),
        next_steps=[wait_for(instance_id)],
    )
    if to.not_kept:
        result.warnings.append(
            f"Not known to be set any more: {', '.join(to.not_kept)}; env names what is to be."
        )
    result.warnings += unseen(outcome)
    if row is None:
        return result
    result.status = status_of(row)
    result.asked = asked_of(Machine(row, record), row)
    result.warnings += guards.warnings_of(call, row)
    if record is not None and record.lease_until is not None:
        why = guards.why_outside(call, row)
        result.lease = lease.sentence_of(record, now=call.now(), why_outside=why)
    return result


SPEC = ToolSpec(
    fn=update_instance,
    arguments=UpdateInstance,
    result=UpdateInstanceResult,
    title="Change what a machine runs: fresh container, disk content lost",
    read_only=False,
    destructive=True,
    idempotent=False,
    open_world=True,
    sends=("update",),
)
