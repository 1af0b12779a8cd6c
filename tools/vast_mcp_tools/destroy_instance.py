"""Ending a rental, and knowing that it ended: the only way to stop all billing.

"Gone" is believed when Vast no longer shows the machine, not when it accepted the request.
"""

from __future__ import annotations

import time
from typing import Annotated, Literal

import anyio
from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.ending import still_there
from vast_mcp.account.roll import check_known, check_ours, roll
from vast_mcp.account.seen import forget_destroyed
from vast_mcp.errors import Json, NextStep
from vast_mcp.machines import costs, volumes
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Instance, Volume

VOLUMES_S = 6.0  # the longest that destroying waits for a look at the volumes


class DestroyInstance(Arguments):
    instance_ids: Annotated[
        list[Annotated[int, Field(ge=1)]],
        Field(min_length=1, max_length=25, description="1 to 25"),
    ]
    not_ours: Annotated[
        bool, Field(description="allows machines not made by vast-mcp. Default false")
    ] = False


class Destroyed(Part):
    instance_id: int
    outcome: Literal["destroyed", "already_gone"]
    estimated_usd: Annotated[
        float | None,
        Field(
            description="Estimate, no bill: hours since its start times $/h; stopped hours cost "
            "less."
        ),
    ] = None


class LeftVolume(Part):
    volume_id: int
    was_on: Annotated[int, Field(description="The destroyed machine.")]
    size_gb: float | None = None
    usd_per_hour: float | None = None


class DestroyInstanceResult(Result):
    results: Annotated[
        list[Destroyed], Field(description="One an id; each was looked up again and is gone.")
    ]
    volumes_still_billing: list[LeftVolume] = []
    warnings: list[str] = []
    next_steps: list[Step] = []


async def destroy_instance(args: DestroyInstance, call: Call) -> DestroyInstanceResult:
    """Destroys machines: disks are deleted for good and billing ends; volumes stay and bill.
    Success means each was looked up again and is gone. Unknown ids, or machines not made by
    vast-mcp without not_ours, are an error and nothing is destroyed.
    """
    ids = list(dict.fromkeys(args.instance_ids))
    there = await roll(call)
    check_known(
        ids,
        there,
        nothing="destroyed",
        argument="instance_ids",
        formerly=call.session.instances_seen,
    )
    if not args.not_ours:
        again = NextStep(
            "destroy_instance", {"instance_ids": ids, "not_ours": True}, "if the person wants that"
        )
        loses = "a destroyed machine's disk is gone for good"
        check_ours(ids, there, nothing="destroyed", loses=loses, again=again)
    ending = [i for i in ids if there.is_known(i)]
    # Asked before: a volume may lose sight of a machine as soon as that is gone.
    left, warnings = await _volumes_of(ending, call)
    failed: dict[int, errors.VastMcpError | None] = {}
    for instance_id in ending:
        try:
            accepted = await call.vast.destroy_instance(instance_id)
        except errors.VastMcpError as exc:
            failed[instance_id] = exc
        else:
            if accepted:
                call.session.ending.add(instance_id)
            # Not known to Vast, and too young to be listed: it may only not be readable yet.
            elif instance_id not in there.living.keys() | call.session.ending and _is_young(
                instance_id, call
            ):
                failed[instance_id] = None
    failed |= dict.fromkeys(await still_there([i for i in ids if i not in failed], call))
    forget_destroyed(call, [i for i in ids if i not in failed])
    if failed:
        raise _unverified(ids, failed, args)
    steps = (
        [step("show_volumes", "no tool here deletes a volume; a person does so at Vast")]
        if left
        else []
    )
    return DestroyInstanceResult(
        results=[_destroyed(i, there.living.get(i)) for i in ids],
        volumes_still_billing=left,
        warnings=warnings,
        next_steps=steps,
    )


def _destroyed(instance_id: int, row: Instance | None) -> Destroyed:
    if row is None:
        return Destroyed(instance_id=instance_id, outcome="already_gone")
    cost = costs.cost_so_far(row.start_date, row.dph_total, time.time())
    return Destroyed(instance_id=instance_id, outcome="destroyed", estimated_usd=cost)


async def _volumes_of(ids: list[int], call: Call) -> tuple[list[LeftVolume], list[str]]:
    """The volumes that hang on these machines. Not being able to say never stops a destroy."""
    if not ids:
        return [], []
    listed: list[Volume] = []
    why = "it took too long"
    # Looks at volumes are spaced by seconds, and a queue of them must not keep machines alive.
    with anyio.move_on_after(min(VOLUMES_S, (call.deadline - anyio.current_time()) / 4)) as scope:
        try:
            listed = await call.vast.list_volumes()
        except errors.VastMcpError as exc:
            why = exc.code
        else:
            why = ""
    if scope.cancelled_caught or why:
        return [], [f"Whether volumes of these machines go on billing could not be read ({why})."]
    left = [
        LeftVolume(
            volume_id=volume.id,
            was_on=on,
            size_gb=volume.disk_space,
            usd_per_hour=costs.rounded(costs.volume_usd_per_hour(volume), 5),
        )
        for volume in listed
        for on in volumes.attached_to(volume)
        if on in ids
    ]
    return left, []


def _is_young(instance_id: int, call: Call) -> bool:
    """Whether this machine was rented so lately that its row may not be readable
    (docs/protocol.md).
    """
    record = call.session.record_of(instance_id)
    made_at = record.made_at if record else call.session.created.get(instance_id, 0.0)
    return time.time() - made_at < call.times.young_s


def _unverified(
    ids: list[int], failed: dict[int, errors.VastMcpError | None], args: DestroyInstance
) -> errors.DestroyUnverified:
    results: list[Json] = []
    for instance_id in ids:
        exc = failed.get(instance_id)
        outcome = "destroyed" if instance_id not in failed else exc.code if exc else "still_there"
        results.append({"instance_id": instance_id, "outcome": outcome})
    first = next((exc for exc in failed.values() if exc), None)
    names = ", ".join(map(str, failed))
    return errors.DestroyUnverified(
        f"Not seen to be gone: {names}. They may still bill; the same call again is safe.",
        http_status=first.http_status if first else None,
        vast_message=first.vast_message if first else None,
        instance_id=next(iter(failed)) if len(failed) == 1 else None,
        results=results,
        next_steps=[
            NextStep(
                "destroy_instance",
                {"instance_ids": list(failed)} | ({"not_ours": True} if args.not_ours else {}),
                "tries again",
            )
        ],
    )


SPEC = ToolSpec(
    fn=destroy_instance,
    arguments=DestroyInstance,
    result=DestroyInstanceResult,
    title="Destroy machines",
    read_only=False,
    destructive=True,
    idempotent=True,
    open_world=True,
)
