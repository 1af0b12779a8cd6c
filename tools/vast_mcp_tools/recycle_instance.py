"""A fresh container on a machine one holds: apart from the gentler acts, because its disk's content
goes.
"""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.roll import check_known, check_ours, roll
from vast_mcp.errors import NextStep, clean
from vast_mcp.leases import lifetimes
from vast_mcp.renting import confirm, reserving
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Instance


class RecycleInstance(Arguments):
    instance_id: Annotated[int, Field(ge=1, description="from show_instances")]
    not_ours: Annotated[
        bool, Field(description="allows one not made by vast-mcp. Default false")
    ] = False


class RecycleInstanceResult(Result):
    instance_id: int
    status: Annotated[str | None, Field(description="After the recycle was accepted.")] = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def recycle_instance(args: RecycleInstance, call: Call) -> RecycleInstanceResult:
    """Recreates a machine's container from a freshly pulled image: everything on its disk is lost,
    its GPU and id stay, billing goes on. manage_instance reboot restarts without loss.
    """
    there = await roll(call)
    check_known([args.instance_id], there, nothing="recycled", argument="instance_id")
    if not args.not_ours:
        again = NextStep(
            "recycle_instance",
            {"instance_id": args.instance_id, "not_ours": True},
            "if the person wants that",
        )
        loses = "what is on a recycled machine's disk is lost"
        check_ours([args.instance_id], there, nothing="recycled", loses=loses, again=again)
    given = args.model_dump(exclude_defaults=True)
    before = there.living.get(args.instance_id)
    then = NextStep("recycle_instance", given, "then")
    lifetimes.check_time_to_boot(call, args.instance_id, before, then=then)
    consent = _consent(args, before, call)
    held = await reserving.reserve(call, args.instance_id, before, consent)
    try:
        await call.vast.recycle_instance(args.instance_id)
    except errors.StartQueued as exc:
        reserving.settle(call, held, "maybe")
        raise _queued(args, exc) from exc
    except (errors.Unreachable, errors.VastUnavailable) as exc:
        reserving.settle(call, held, "maybe")
        raise _unsure(args, exc) from exc
    except errors.VastMcpError:
        consent.give_back()
        reserving.settle(call, held, None)
        raise
    call.session.watches.mark_started(args.instance_id, time.time())
    row, warnings = await _look(args, call)
    reserving.settle(call, held, "true" if row and row.intended_status == "running" else "maybe")
    return RecycleInstanceResult(
        instance_id=args.instance_id,
        status=clean(row.actual_status or "provisioning", 40) if row else None,
        warnings=warnings,
        next_steps=[step("wait_for_instance", "until it runs again", instance_id=args.instance_id)],
    )


def _consent(args: RecycleInstance, before: Instance | None, call: Call) -> confirm.Consent:
    """The person's, to a machine that stands still and runs afterwards."""
    machine = confirm.machine(args.instance_id, before)
    what = f"Recycle {machine}? What is on its disk is lost, and it runs then."
    given = args.model_dump(exclude_none=True)
    return confirm.Consent(
        call, "recycle_instance", given, what, NextStep("recycle_instance", given, "the same call")
    )


async def _look(args: RecycleInstance, call: Call) -> tuple[Instance | None, list[str]]:
    """Its state after the act. Not being able to say does not undo it."""
    try:
        row = await call.vast.show_instance(args.instance_id)
    except errors.VastMcpError as exc:
        return None, [f"Vast accepted it; a look afterwards failed ({exc.code})."]
    return row, [] if row else ["Vast accepted it and does not show the machine at the moment."]


def _queued(args: RecycleInstance, exc: errors.StartQueued) -> errors.StartQueued:
    stop = {"instance_id": args.instance_id, "action": "stop"} | (
        {"not_ours": True} if args.not_ours else {}
    )
    return errors.StartQueued(
        f"Machine {args.instance_id} has no GPU at the moment. Vast queued the recycle: it "
        f"happens, and the machine "
        "bills, whenever the GPU becomes free.",
        http_status=exc.http_status,
        vast_message=exc.vast_message,
        instance_id=args.instance_id,
        next_steps=[NextStep("manage_instance", stop, "cancels what is queued")],
    )


def _unsure(args: RecycleInstance, lost: errors.VastMcpError) -> errors.OutcomeUnknown:
    """No row proves a recycle: whether the disk's content is gone cannot be told."""
    return errors.OutcomeUnknown(
        f"The recycle of machine {args.instance_id} was not answered: it may have happened, or "
        f"happen yet. The machine "
        "bills as before.",
        http_status=lost.http_status,
        vast_message=lost.vast_message,
        instance_id=args.instance_id,
        next_steps=[NextStep("show_instances", {}, "its state")],
    )


SPEC = ToolSpec(
    fn=recycle_instance,
    arguments=RecycleInstance,
    result=RecycleInstanceResult,
    title="Recycle a machine: fresh container, disk content lost",
    read_only=False,
    destructive=True,
    idempotent=False,
    open_world=True,
)
