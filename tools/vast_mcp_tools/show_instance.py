"""One machine by its id, by one look: state, ways in, costs. Waiting for it is
wait_for_instance.
"""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.access import Access, access_to
from vast_mcp.errors import NextStep, clean
from vast_mcp.journal.records import Intent, token_of
from vast_mcp.leases import lifetimes
from vast_mcp.machines import costs, phases, ways
from vast_mcp.machines.phases import Patience, State
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Instance


class ShowInstance(Arguments):
    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    show_jupyter_token: Annotated[
        bool, Field(description="put it in jupyter_url. Default false")
    ] = False


class ShowInstanceResult(Result):
    instance_id: int
    state: State
    status: str
    intended: str | None = None
    gpu: str | None = None
    gpu_util_percent: float | None = None
    interruptible: bool | None = None
    usd_per_hour: float | None = None
    disk_usd_per_hour: Annotated[float | None, Field(description="Billed stopped too.")] = None
    cost_estimate_usd: Annotated[
        float | None, Field(description="At most: hours since birth x the full rate.")
    ] = None
    age_hours: float | None = None
    contract_ends_in_hours: float | None = None
    lease_left_hours: Annotated[
        float | None, Field(description="Until it is destroyed by itself.")
    ] = None
    past_lease: bool | None = None
    disk_gb: float | None = None
    disk_used_gb: float | None = None
    machine_id: int | None = None
    access: Access | None = None
    ours: bool
    untrusted_label: str | None = None
    untrusted_image: str | None = None
    untrusted_location: str | None = None
    untrusted_status: str | None = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def show_instance(args: ShowInstance, call: Call) -> ShowInstanceResult:
    """Shows one machine as it is now: state, ssh and rsync lines, mapped ports, costs. SSH is
    not tried: wait_for_instance does that.
    """
    record = call.session.record_of(args.instance_id)
    row = await call.vast.show_instance(args.instance_id)
    if row is None:
        raise _not_shown(args.instance_id, record, call)
    call.session.instances_seen.add(row.id)
    now = time.time()
    made = _facts(row, record, now)
    started_at = call.session.watches.started_at(row.id)
    made.state = phases.state_of(row, now, Patience.of(call.times), started_at=started_at)
    if made.state == "running":
        vm = ways.is_vm(row) or bool(record and record.facts.get("vm"))
        made.access, made.warnings = await access_to(
            call, row, vm=vm, jupyter_token=args.show_jupyter_token
        )
    made.lease_left_hours, made.past_lease = lifetimes.left(
        call, row, record.lease_until if record else None
    )
    made.next_steps = _steps(made)
    return made


def _not_shown(instance_id: int, record: Intent | None, call: Call) -> errors.NoSuchInstance:
    """A row can be unreadable for seconds after birth (C.1), so a young machine of ours is not
    denied.
    """
    if (
        record is not None
        and record.lives
        and call.session.journal.is_young(record, call.times.young_s)
    ):
        return errors.NoSuchInstance(
            f"Vast does not show machine {instance_id} yet; it was rented moments ago, exists "
            f"and "
            f"bills.",
            instance_id=instance_id,
            next_steps=[
                NextStep("wait_for_instance", {"instance_id": instance_id}, "waits until it shows")
            ],
        )
    return errors.NoSuchInstance(
        f"Vast shows no machine {instance_id}.",
        next_steps=[NextStep("show_instances", {}, "see what exists")],
    )


def _facts(row: Instance, record: Intent | None, now: float) -> ShowInstanceResult:
    """What the row says, in the fields an agent needs; the state is judged by the caller."""
    status, intended = row.actual_status or "provisioning", row.intended_status
    born = (record.sent_at or record.made_at) if record else row.start_date
    ends = costs.hours(now, row.end_date) if row.end_date else None
    return ShowInstanceResult(
        instance_id=row.id,
        state="starting",
        status=clean(status, 40),
        intended=clean(intended, 40) if intended and intended != status else None,
        gpu=clean(f"{row.num_gpus or 1}x {row.gpu_name}", 60) if row.gpu_name else None,
        gpu_util_percent=row.gpu_util,
        interruptible=row.is_bid or None,
        usd_per_hour=_rounded(row.dph_total, 4),
        disk_usd_per_hour=_rounded(row.disk_usd_per_hour(), 4),
        cost_estimate_usd=costs.cost_so_far(born, row.dph_total, now),
        age_hours=_rounded(costs.hours(row.start_date, now), 2),
        contract_ends_in_hours=_rounded(ends, 1),
        disk_gb=_rounded(row.disk_space, 1),
        disk_used_gb=_rounded(row.disk_usage, 1)
        if row.disk_usage is not None and row.disk_usage >= 0
        else None,
        machine_id=row.machine_id,
        ours=record is not None or token_of(row.label) is not None,
        untrusted_label=clean(row.label, 256) if row.label else None,
        untrusted_image=clean(row.image_uuid, 120) if row.image_uuid else None,
        untrusted_location=clean(row.geolocation, 60) if row.geolocation else None,
        untrusted_status=clean(row.status_msg) if row.status_msg else None,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _steps(made: ShowInstanceResult) -> list[Step]:
    destroy = step("destroy_instance", "ends all billing", instance_ids=[made.instance_id])
    if made.state == "starting":
        return [
            step(
                "wait_for_instance", "waits until it can be entered", instance_id=made.instance_id
            ),
            destroy,
        ]
    if made.state == "stopped":
        return [
            step("manage_instance", "starts it", instance_id=made.instance_id, action="start"),
            destroy,
        ]
    if made.state == "failed":
        return [
            step(
                "wait_for_instance",
                "judges by several looks, with the reason",
                instance_id=made.instance_id,
            ),
            destroy,
        ]
    return [destroy]


SPEC = ToolSpec(
    fn=show_instance,
    arguments=ShowInstance,
    result=ShowInstanceResult,
    title="Show one machine",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
