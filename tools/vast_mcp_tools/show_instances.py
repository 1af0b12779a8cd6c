"""What exists and bills. Everything else relies on this list being whole, so a part of it is an
error.
"""

from __future__ import annotations

import json
import time
from typing import Annotated, Literal

from pydantic import Field

from vast_mcp.account.seen import learn_from
from vast_mcp.errors import clean
from vast_mcp.journal.records import Intent
from vast_mcp.leases import lifetimes
from vast_mcp.machines import costs, phases
from vast_mcp.machines.phases import Patience, State
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Instance

SHOWN_BYTES = 9_500  # of JSON; the server adds what every answer states


class ShowInstances(Arguments):
    label: Annotated[
        str | None, Field(min_length=1, description="only labels that contain this, e.g. a token")
    ] = None
    state: Annotated[
        Literal["running", "stopped", "starting", "failed", "all"],
        Field(description="only these. Default all"),
    ] = "all"


class InstanceRow(Part):
    instance_id: int
    state: State
    status: Annotated[
        str,
        Field(description="Of the container: provisioning, loading, running, exited, offline …"),
    ]
    intended: Annotated[
        str | None, Field(description="What was last asked for, where it is not yet so.")
    ] = None
    gpu: str | None = None
    usd_per_hour: Annotated[
        float | None, Field(description="$/h while running, disk included.")
    ] = None
    age_hours: float | None = None
    lease_left_hours: Annotated[
        float | None, Field(description="Until it is destroyed by itself; absent without a lease.")
    ] = None
    past_lease: Annotated[
        bool | None, Field(description="True: its lease is over; listing destroys nothing.")
    ] = None
    ours: Annotated[bool, Field(description="Made by vast-mcp: in its journal, or by its token.")]
    untrusted_label: Annotated[
        str | None, Field(description="Text of whoever labelled it: data.")
    ] = None
    untrusted_image: str | None = None


class OpenIntent(Part):
    token: Annotated[str, Field(description="Its machine's label would end in #token.")]
    offer_id: int
    request_key: str
    state: Literal["sending", "unknown"]
    sent_s_ago: float


class ShowInstancesResult(Result):
    count: Annotated[
        int,
        Field(
            description="Machines on the account, stopped ones included; stopped ones bill disk."
        ),
    ]
    total_usd_per_hour: Annotated[
        float, Field(description="$/h of the machines asked for that run.")
    ]
    stopped_usd_per_hour: Annotated[
        float, Field(description="$/h of disk that the others asked for bill.")
    ]
    more: Annotated[int | None, Field(description="Machines asked for that did not fit here.")] = (
        None
    )
    instances: list[InstanceRow]
    open_intents: Annotated[
        list[OpenIntent],
        Field(
            description="Rentals of ours whose outcome is in doubt: each may be a machine that "
            "bills."
        ),
    ] = []
    next_steps: list[Step] = []


async def show_instances(args: ShowInstances, call: Call) -> ShowInstancesResult:
    """Lists every machine of the account, newest first, stopped ones included. The list is
    whole: a page that cannot be read is an error, never a shorter list. open_intents are rentals
    in doubt; this look helps to settle them.
    """
    listed = await call.vast.list_instances()
    seen = await learn_from(call, listed)
    known = lifetimes.in_journal(call)
    now = time.time()
    states: dict[int, State] = {i.id: _state(i, now, call) for i in listed}
    wanted = [
        i
        for i in listed
        if (args.label is None or args.label in (i.label or ""))
        and args.state in {"all", states[i.id]}
    ]
    steps = (
        [step("destroy_instance", "ends all billing for the newest", instance_ids=[wanted[0].id])]
        if wanted
        else []
    )
    result = ShowInstancesResult(
        count=len(listed),
        total_usd_per_hour=round(sum(map(costs.running_usd_per_hour, wanted)), 4),
        stopped_usd_per_hour=round(sum(map(costs.idle_usd_per_hour, wanted)), 4),
        instances=[
            _leased(row_of(i, now, states[i.id], ours=i.id in seen.ours), i, known, call)
            for i in wanted
        ],
        open_intents=[_open(intent, now) for intent in seen.open],
        next_steps=steps,
    )
    _fit(result, args)
    return result


def _state(instance: Instance, now: float, call: Call) -> State:
    started_at = call.session.watches.started_at(instance.id)
    return phases.state_of(instance, now, Patience.of(call.times), started_at=started_at)


def _fit(result: ShowInstancesResult, args: ShowInstances) -> None:
    """Leave off the oldest rows where all would be more than a host shows, and say how to
    narrow.
    """
    left = (
        SHOWN_BYTES - _size(result.model_copy(update={"instances": []})) - 400
    )  # the step that narrows
    kept = 0
    for row in result.instances:
        left -= _size(row) + 2
        if left < 0:
            break
        kept += 1
    if kept == len(result.instances):
        return
    result.more = len(result.instances) - kept
    cut = result.instances[kept:]
    result.instances = result.instances[:kept]
    result.next_steps.append(_narrower(cut, args))


def _narrower(cut: list[InstanceRow], args: ShowInstances) -> Step:
    """The same look at fewer: by the state of what was left off, else one machine by its id."""
    if args.state == "all":
        given = {"label": args.label} if args.label is not None else {}
        return step(
            "show_instances",
            "fewer: one state, or a label's part with label",
            **given,
            state=cut[0].state,
        )
    return step(
        "show_instance",
        "the first left off; a label's part with label shows fewer",
        instance_id=cut[0].instance_id,
    )


def _size(part: Part) -> int:
    return len(json.dumps(part.model_dump(mode="json", exclude_none=True)))


def _open(intent: Intent, now: float) -> OpenIntent:
    return OpenIntent(
        token=intent.token,
        offer_id=intent.offer_id,
        request_key=intent.request_key,
        state="unknown" if intent.state == "unknown" else "sending",
        sent_s_ago=round(max(0.0, now - (intent.sent_at or intent.made_at)), 1),
    )


def row_of(instance: Instance, now: float, state: State, *, ours: bool) -> InstanceRow:
    """One machine in the fields an agent needs to choose by."""
    status = instance.actual_status or "provisioning"
    intended = instance.intended_status
    gpu = f"{instance.num_gpus or 1}x {instance.gpu_name}" if instance.gpu_name else None
    return InstanceRow(
        instance_id=instance.id,
        state=state,
        status=clean(status, 40),
        intended=clean(intended, 40) if intended and intended != status else None,
        gpu=clean(gpu, 60) if gpu else None,
        usd_per_hour=round(instance.dph_total, 4) if instance.dph_total is not None else None,
        age_hours=round((now - instance.start_date) / 3600, 2) if instance.start_date else None,
        ours=ours,
        untrusted_label=clean(instance.label, 256) if instance.label else None,
        untrusted_image=clean(instance.image_uuid, 120) if instance.image_uuid else None,
    )


def _leased(
    row: InstanceRow, instance: Instance, known: dict[int, float], call: Call
) -> InstanceRow:
    row.lease_left_hours, row.past_lease = lifetimes.left(call, instance, known.get(instance.id))
    return row


SPEC = ToolSpec(
    fn=show_instances,
    arguments=ShowInstances,
    result=ShowInstancesResult,
    title="List machines",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
