"""A machine is shown as one look finds it: state, ways in, costs. Waiting for it is
wait_for_instance.
"""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.access import Access, access_to
from vast_mcp.errors import NextStep, clean_or_none
from vast_mcp.journal.records import Intent
from vast_mcp.leases import guards, lifetimes
from vast_mcp.machines import costs, shown
from vast_mcp.machines.failures import Failure
from vast_mcp.machines.machine import Machine
from vast_mcp.machines.patience import Patience
from vast_mcp.machines.phases import State, failure_of, phase_of
from vast_mcp.renting.bids import WHY_REBID, rebid_of
from vast_mcp.renting.over_limit import warning_of
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
    outbid: Annotated[bool | None, Field(description="True: a higher bid has its GPU.")] = None
    status: str
    intended: str | None = None
    failure: Annotated[
        Failure | None, Field(description="What its start fails of, by what its host says.")
    ] = None
    gpu: str | None = None
    untrusted_gpu: str | None = None
    gpu_util_percent: Annotated[
        float | None, Field(description="Cached by Vast, so it may be old.")
    ] = None
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
    ours: Annotated[bool | None, Field(description="Absent: not known.")] = None
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
    row = await call.vast.shared.show_instance(args.instance_id)
    if row is None:
        raise _not_shown(args.instance_id, record, call)
    call.session.note_seen(row)
    now = time.time()
    machine = Machine(row, record)
    result = _facts(row, machine, now)
    watches = call.session.watches
    phase = watches.judged(phase_of(row), row, record)
    result.state = watches.state_of(row, now, Patience.of(call.times), phase)
    result.outbid = phase == "outbid" or None
    if result.state == "running":
        result.access, result.warnings = await access_to(
            call, row, vm=machine.is_vm, jupyter_token=args.show_jupyter_token
        )
    result.lease_left_hours, result.past_lease = lifetimes.left(lifetimes.known(call), row.id, row)
    result.warnings += [*warning_of(row, record), *guards.warnings_of(call, row)]
    result.next_steps = [*_rebid(result, row), *_steps(result)]
    return result


def _not_shown(instance_id: int, record: Intent | None, call: Call) -> errors.NoSuchInstance:
    """The error for a row that is not there. A row can be unreadable for seconds after birth
    (docs/vast-api.md C.1), so a young machine of ours is not denied.
    """
    if record is None or not record.lives or not _is_young(record, call):
        return errors.NoSuchInstance(
            f"Vast shows no machine {instance_id}.",
            next_steps=[NextStep("show_instances", {}, "see what exists")],
        )
    wait = NextStep("wait_for_instance", {"instance_id": instance_id}, "waits until it shows")
    return errors.NoSuchInstance(
        f"Vast does not show machine {instance_id} yet; it was rented moments ago, exists and "
        "bills.",
        instance_id=instance_id,
        next_steps=[wait],
    )


def _is_young(record: Intent, call: Call) -> bool:
    return call.session.journal.is_young(record, call.times.young_s)


def _facts(row: Instance, machine: Machine, now: float) -> ShowInstanceResult:
    """What the row says, in the fields that an agent needs; the caller judges the state."""
    return ShowInstanceResult(
        instance_id=row.id,
        state="starting",
        status=shown.status_of(row),
        intended=shown.intended_of(row),
        failure=failure_of(row),
        gpu=shown.gpus_of(row),
        untrusted_gpu=None if row.gpu_name else clean_or_none(row.untrusted_gpu_name, 60),
        gpu_util_percent=row.gpu_use,
        interruptible=row.is_bid or None,
        usd_per_hour=costs.rounded(row.dph_total, 4),
        disk_usd_per_hour=costs.rounded(row.disk_usd_per_hour(), 4),
        cost_estimate_usd=costs.cost_so_far(machine.born, row.dph_total, now),
        age_hours=shown.age_hours(row, now),
        contract_ends_in_hours=shown.hours_to_end(row, now),
        disk_gb=costs.rounded(row.disk_space, 1),
        disk_used_gb=shown.disk_used_gb(row),
        machine_id=row.machine_id,
        ours=machine.is_ours,
        untrusted_label=clean_or_none(row.label, 256),
        untrusted_image=clean_or_none(row.image_uuid, 120),
        untrusted_location=clean_or_none(row.geolocation, 60),
        untrusted_status=clean_or_none(row.status_msg),
    )


def _rebid(result: ShowInstanceResult, row: Instance) -> list[Step]:
    """The better bid, where it lost its own."""
    better = rebid_of(row, ours=result.ours) if result.outbid else None
    return [] if better is None else [step("manage_instance", WHY_REBID, **better)]


def _steps(result: ShowInstanceResult) -> list[Step]:
    """What leads on from a state; ending it always does."""
    machine = {"instance_id": result.instance_id}
    destroy = step("destroy_instance", "ends all billing", instance_ids=[result.instance_id])
    match result.state:
        case "starting":
            why = "waits until it can be entered"
            return [step("wait_for_instance", why, **machine), destroy]
        case "stopped":
            theirs = {} if result.ours else {"not_ours": True}
            return [
                step("manage_instance", "starts it", **machine, action="start", **theirs),
                destroy,
            ]
        case "failed":
            why = "judges by several looks, with the reason"
            return [step("wait_for_instance", why, **machine), destroy]
        case "running":
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
