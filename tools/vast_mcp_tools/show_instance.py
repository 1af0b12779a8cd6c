"""A machine is shown as one look finds it: state, ways in, costs. Waiting for it is
wait_for_instance.
"""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account import announced
from vast_mcp.account.access import Access, access_to
from vast_mcp.account.increases import Increase
from vast_mcp.account.increases import shown as shown_increase
from vast_mcp.account.reading import Named, Reading, Shown, fill, read_machine
from vast_mcp.account.spent import Cost, tell_costs
from vast_mcp.errors import NextStep, clean_or_none
from vast_mcp.journal.records import Intent
from vast_mcp.leases import guards
from vast_mcp.machines import costs, shown, ways
from vast_mcp.machines.increases import increased
from vast_mcp.renting.next_calls import calls_for
from vast_mcp.renting.over_limit import warning_of
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec
from vast_mcp.vast.models import Instance


class ShowInstance(Arguments):
    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    show_jupyter_token: Annotated[
        bool, Field(description="put it in jupyter_url. Default false")
    ] = False


class ShowInstanceResult(Result, Cost, Shown, Named):
    status: str
    intended: str | None = None
    gpu: str | None = None
    untrusted_gpu: str | None = None
    gpu_util_percent: Annotated[
        float | None, Field(description="Cached by Vast, so it may be old.")
    ] = None
    interruptible: bool | None = None
    age_hours: float | None = None
    contract_ends_in_hours: float | None = None
    price_increase: Annotated[
        Increase | None,
        Field(description="The host asks for it; manage_instance accepts or rejects it."),
    ] = None
    prepaid_usd: Annotated[
        float | None, Field(description="Paid ahead; its end gives back less.")
    ] = None
    disk_gb: float | None = None
    disk_used_gb: float | None = None
    machine_id: int | None = None
    access: Access | None = None
    ours: Annotated[bool | None, Field(description="Absent: not known.")] = None
    untrusted_label: str | None = None
    untrusted_location: str | None = None
    untrusted_status: str | None = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def show_instance(args: ShowInstance, call: Call) -> ShowInstanceResult:
    """Shows one machine as it is now: state, ssh and rsync lines, mapped ports, costs. SSH is
    not tried: wait_for_instance does that.
    """
    look = call.vast.shared
    row = await look.show_instance(args.instance_id)
    if row is None:
        record = call.record_of(args.instance_id)
        raise _not_shown(args.instance_id, record, call)
    reading = read_machine(call, row, fresh=not look.reused)
    result = _facts(row, reading)
    seen = await announced.look(call, [row])
    if row.id in seen.increases:
        result.price_increase = shown_increase(increased(row, seen.increases[row.id]))
    if ways.has_addresses(row, vm=reading.machine.is_vm):
        result.access, result.warnings = await access_to(
            call, row, vm=reading.machine.is_vm, jupyter_token=args.show_jupyter_token
        )
    result.warnings += warning_of(row, reading.machine.record)
    result.warnings += guards.warnings_of(call, row) + announced.unread(seen)
    if reading.watchdog == "not_seen" and reading.phase == "running":
        result.warnings.append(guards.NOT_SEEN_YET)
    result.next_steps = calls_for(reading)
    await tell_costs(call, {row.id: result})
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
    if call.session.watch_of(instance_id).seen:
        return errors.NoSuchInstance(
            f"Vast has shown machine {instance_id} and does not show it now: it is gone, or its "
            "row is missing for a moment. Until that is known it counts as billing.",
            instance_id=instance_id,
            next_steps=[wait],
        )
    return errors.NoSuchInstance(
        f"Vast does not show machine {instance_id} yet; it was rented moments ago, exists and "
        "bills.",
        instance_id=instance_id,
        next_steps=[wait],
    )


def _is_young(record: Intent, call: Call) -> bool:
    return call.session.journal.is_young(record, call.times.young_s)


def _facts(row: Instance, reading: Reading) -> ShowInstanceResult:
    """The reading, and what else the row says that an agent needs."""
    now = time.time()
    result = ShowInstanceResult(
        instance_id=row.id,
        state=reading.state,
        status=shown.status_of(row),
        intended=shown.intended_of(row),
        gpu=shown.gpus_of(row),
        untrusted_gpu=None if row.gpu_name else clean_or_none(row.untrusted_gpu_name, 60),
        gpu_util_percent=row.gpu_use,
        interruptible=row.is_bid or None,
        age_hours=shown.age_hours(row, now),
        contract_ends_in_hours=shown.hours_to_end(row, now),
        prepaid_usd=costs.rounded(row.credit_balance or None, 2),
        disk_gb=costs.rounded(row.disk_space, 1),
        disk_used_gb=shown.disk_used_gb(row),
        machine_id=row.machine_id,
        ours=reading.ours,
        untrusted_label=clean_or_none(row.label, 256),
        untrusted_location=clean_or_none(row.geolocation, 60),
        untrusted_status=clean_or_none(row.status_msg),
    )
    fill(result, reading)
    return result


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
