"""Ending a rental, and knowing that it ended: the only way to stop all billing.

"Gone" is believed when Vast no longer shows the machine, not when it accepted the request.
"""

from __future__ import annotations

import time
from typing import Annotated, Literal

import anyio
from pydantic import Field

from vast_mcp import errors
from vast_mcp.account import met
from vast_mcp.account.ending import still_listed, still_there
from vast_mcp.account.refunds import refunds_of
from vast_mcp.account.roll import Roll, check_known, check_ours, roll_to_end
from vast_mcp.account.seen import forget_destroyed
from vast_mcp.account.spent import Cost, tell_costs
from vast_mcp.account.unused import never_ran
from vast_mcp.account.volumes import prices_of
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.machines import costs, volumes
from vast_mcp.machines.phases import phase_of
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.deeds import may_have_happened
from vast_mcp.vast.storage import Volume

_STOPPED = frozenset({"stopped", "halted", "outbid"})
VOLUMES_S = 6.0  # the longest that destroying waits for a look at the volumes

# Machines that remain, or may: the error that says so, where there was one.
Failed = dict[int, errors.VastMcpError | None]


class DestroyInstance(Arguments):
    told_elsewhere = frozenset({"not_ours"})

    instance_ids: Annotated[
        list[Annotated[int, Field(ge=1)]],
        Field(max_length=25, description="1 to 25"),
    ]
    not_ours: bool = False
    only_if_stopped: Annotated[
        bool, Field(description="refuses all while one is not. Default false")
    ] = False


class Ended(Part):
    """How an answer about a machine that is gone begins."""

    instance_id: int
    outcome: Literal["destroyed", "already_gone"]


class Destroyed(Cost, Ended):
    refund_usd: Annotated[
        float | None, Field(description="Of what was paid ahead, by Vast's balance just before.")
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
    Success: each was looked up again and is gone. Unknown ids, or machines not made by vast-mcp
    without not_ours, are an error; nothing is destroyed.
    """
    ids = list(dict.fromkeys(args.instance_ids))
    there = await roll_to_end(call, ids)
    seen = call.session.instances_seen
    check_known(ids, there, argument="instance_ids", formerly=seen)
    if not args.not_ours:
        check_ours(
            ids,
            there,
            loses="a destroyed machine's disk is gone for good",
            again=lambda others: _both(ids, others, args),
        )
    if args.only_if_stopped:
        _check_stopped(ids, there, args)
    known = [i for i in ids if there.is_known(i) or i in there.unread]
    # Asked before: a volume may lose sight of a machine as soon as that is gone.
    left, warnings = await _volumes_of(known, call)
    refunds = await refunds_of(call, [there.living[i] for i in known if i in there.living])
    unused = never_ran(call, [there.living[i] for i in known if i in there.living])
    _leave_to_caller(call, known)
    gone = await _together([i for i in known if i in there.living], call)
    left_over = [i for i in ids if i not in gone]
    failed = await _destroy([i for i in left_over if i in known], there, call)
    failed |= dict.fromkeys(await still_there([i for i in left_over if i not in failed], call))
    forget_destroyed(call, [i for i in ids if i not in failed])
    met.note_all(call, [one for one in unused if one.instance_id not in failed])
    if failed:
        raise _unverified(ids, failed, args, [one for one in left if one.was_on not in failed])
    result = DestroyInstanceResult(
        results=await _destroyed(ids, there, call),
        volumes_still_billing=left,
        warnings=warnings + refunds.warnings,
    )
    for one in result.results:
        one.refund_usd = costs.rounded(refunds.usd.get(one.instance_id), 2)
    result.next_steps = [_after(left)]
    return result


def _after(left: list[LeftVolume]) -> Step:
    """What goes on billing; whether its data are wanted only the person knows."""
    if left:
        return step("show_volumes", "what goes on billing; destroy_volume ends that with its data")
    return step("show_account", "what goes on billing")


def _both(ids: list[int], others: list[int], args: DestroyInstance) -> list[NextStep]:
    """The calls for what vast-mcp made, and for the others."""
    ours = [i for i in ids if i not in others]
    lifted = args.model_copy(update={"not_ours": True})
    steps = [_call(ours, "those that vast-mcp made", args)] if ours else []
    return [*steps, _call(others, "if the person wants that", lifted)]


def _check_stopped(ids: list[int], there: Roll, args: DestroyInstance) -> None:
    """Raises NotStopped for machines that run, start, or are not in the list just read."""
    known = [i for i in ids if there.is_known(i) or i in there.unread]  # the others are gone
    moving = [i for i in known if phase_of(there.living.get(i)) not in _STOPPED]
    if not moving:
        return
    names = ", ".join(map(str, moving))
    still = [i for i in ids if i not in moving]
    steps = [_call(still, "those that are stopped", args)] if still else []
    look = NextStep("show_instance", {"instance_id": moving[0]}, "what it does")
    raise errors.NotStopped(
        f"Not stopped, by the list just read: {names}.",
        problems=[Problem("only_if_stopped", f"false destroys {names} as well")],
        next_steps=[*steps, look],
    )


def _leave_to_caller(call: Call, ids: list[int]) -> None:
    """Keep plans from finding others for machines that they told of, and that nobody wants now. A
    journal that fails keeps no machine alive.
    """
    call.session.settle_told(call.told)
    with journal_may_fail:
        account = call.session.journalled_account()
        if account is None:
            return
        for instance_id in ids:
            call.journal.plans.leave_to_caller(account, instance_id)


async def _together(ids: list[int], call: Call) -> set[int]:
    """Ask for the end of several with one request; those that are gone then. What that leaves, or
    where it came to nothing, has a request of its own, whose answer says why.
    """
    if len(ids) < 2:
        return set()
    try:
        await call.vast.destroy_instances(ids)
    except errors.VastMcpError as exc:
        if not may_have_happened(exc):
            return set()
    call.session.ending.update(ids)
    return set(ids) - set(await still_listed(ids, call))


async def _destroy(ids: list[int], there: Roll, call: Call) -> Failed:
    """Ask Vast to destroy each; those that it refused, or that it may not be able to read yet."""
    failed: Failed = {}
    for instance_id in ids:
        try:
            accepted = await call.vast.destroy_instance(instance_id)
        except errors.VastMcpError as exc:
            failed[instance_id] = exc
            continue
        if accepted:
            call.session.ending.add(instance_id)
        elif _may_be_unreadable(instance_id, there, call):
            failed[instance_id] = None
    return failed


def _may_be_unreadable(instance_id: int, there: Roll, call: Call) -> bool:
    """Whether Vast may know nothing of this machine only because it was rented so lately
    (docs/protocol.md).
    """
    if instance_id in there.living or instance_id in call.session.ending:
        return False
    record = call.session.record_of(instance_id)
    made_at = call.session.created.get(instance_id, 0.0)
    if record is not None:
        made_at = record.made_at or 0.0
    return time.time() - made_at < call.times.young_s


async def _destroyed(ids: list[int], there: Roll, call: Call) -> list[Destroyed]:
    """What became of each, and what it cost in the end."""
    results = [Destroyed(instance_id=i, outcome="already_gone") for i in ids]
    ended = [one for one in results if one.instance_id in there.living]
    for one in ended:
        one.outcome = "destroyed"
    await tell_costs(call, {one.instance_id: one for one in ended})
    return results


async def _volumes_of(ids: list[int], call: Call) -> tuple[list[LeftVolume], list[str]]:
    """The volumes that hang on these machines, and what to warn of. Not being able to say never
    stops a destroy.
    """
    if not ids:
        return [], []
    listed: list[Volume] | None = None
    why = "it took too long"
    # Looks at volumes are spaced by seconds, and a queue of them must not keep machines alive.
    with anyio.move_on_after(min(VOLUMES_S, (call.deadline - anyio.current_time()) / 4)):
        try:
            listed = await call.vast.list_volumes()
        except errors.VastMcpError as exc:
            why = exc.code
    if listed is None:
        return [], [f"Whether volumes of these machines go on billing could not be read ({why})."]
    hanging = [(volume, on) for volume in listed for on in volumes.attached_to(volume)]
    prices = prices_of(call, listed)
    return [_left(volume, on, prices[volume.id]) for volume, on in hanging if on in ids], []


def _left(volume: Volume, was_on: int, usd_per_hour: float | None) -> LeftVolume:
    return LeftVolume(
        volume_id=volume.id,
        was_on=was_on,
        size_gb=volume.disk_space,
        usd_per_hour=costs.rounded(usd_per_hour, 5),
    )


def _unverified(
    ids: list[int], failed: Failed, args: DestroyInstance, left: list[LeftVolume]
) -> errors.DestroyUnverified:
    """What is known of machines that may remain, and of the volumes (`left`) of those that are
    gone, which no later answer ties to them.
    """
    names = ", ".join(map(str, failed))
    steps = [_call(list(failed), "tries again", args)]
    bills: list[Json] = [{"volume_id": one.volume_id, "outcome": "bills"} for one in left]
    if left:
        steps.append(NextStep("show_volumes", {}, "what goes on billing"))
    unverified = errors.DestroyUnverified(
        f"Not seen to be gone: {names}. They may still bill; the same call again is safe.",
        results=[*({"instance_id": i, "outcome": _outcome(i, failed)} for i in ids), *bills],
        next_steps=steps,
    )
    if len(failed) == 1:
        unverified.instance_id = next(iter(failed))
    said = [exc for exc in failed.values() if exc is not None]
    if said:
        unverified.http_status, unverified.vast_message = said[0].http_status, said[0].vast_message
    return unverified


def _outcome(instance_id: int, failed: Failed) -> str:
    """destroyed, still_there, or the code of the error that kept it."""
    if instance_id not in failed:
        return "destroyed"
    exc = failed[instance_id]
    return "still_there" if exc is None else exc.code


def _call(ids: list[int], why: str, args: DestroyInstance) -> NextStep:
    """The same call for these machines alone."""
    same = args.model_dump(exclude_defaults=True)
    return NextStep("destroy_instance", {**same, "instance_ids": ids}, why)


SPEC = ToolSpec(
    fn=destroy_instance,
    arguments=DestroyInstance,
    result=DestroyInstanceResult,
    title="Destroy machines",
    read_only=False,
    destructive=True,
    idempotent=True,
    open_world=True,
    sends=("destroy",),
)
