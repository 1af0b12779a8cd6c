"""Deleting a volume, and knowing that it is gone: it bills until then, whatever its machines do."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.roll import Roll, roll_to_end
from vast_mcp.account.volumes import (
    forget_volume,
    is_gone,
    is_ours,
    learn_from_volumes,
    prices_of,
    record_of_volume,
)
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.machines import costs, volumes
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec
from vast_mcp.vast.storage import Volume

LOOKS = 6
SHOWN = 20
# How long a machine that is gone may still hold its volume (docs/vast-api.md A.8).
LETS_GO_S = 30.0


class DestroyVolume(Arguments):
    told_elsewhere: ClassVar[frozenset[str]] = frozenset({"not_ours"})

    volume_id: Annotated[int, Field(ge=1, description="from show_volumes")]
    not_ours: bool = False


class DestroyVolumeResult(Result):
    volume_id: int
    outcome: Literal["destroyed", "already_gone"]
    size_gb: float | None = None
    usd_per_hour: Annotated[float | None, Field(description="What it billed until now.")] = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def destroy_volume(args: DestroyVolume, call: Call) -> DestroyVolumeResult:
    """Deletes a volume and its data for good, and looks that it is gone. Refused while a machine
    holds it, or if not made by vast-mcp without not_ours.
    """
    there = await roll_to_end(call, ())
    volume = await _volume(args.volume_id, call)
    if volume is None:
        return DestroyVolumeResult(volume_id=args.volume_id, outcome="already_gone")
    if not args.not_ours:
        _check_ours(volume, call)
    _check_free(volume, there, args)
    said = await _destroy(volume.id, call)
    if not await is_gone(call, volume.id, looks=1 if said else LOOKS):
        raise _unverified(volume, said, args)
    forget_volume(call, volume.id)
    return DestroyVolumeResult(
        volume_id=volume.id,
        outcome="destroyed",
        size_gb=volume.disk_space,
        usd_per_hour=costs.rounded(prices_of(call, [volume])[volume.id], 5),
    )


async def _volume(volume_id: int, call: Call) -> Volume | None:
    """The volume; None where it was seen before and is gone. Raises NotFound for an id that the
    account never showed, and IncompleteList where a row without an id may be it.
    """
    listed = await call.vast.list_volumes()
    await learn_from_volumes(call, listed)
    seen = call.session.volumes_seen
    for volume in listed:
        if volume.id == volume_id:
            return volume
    if not listed.is_whole:
        raise errors.IncompleteList(
            f"Vast's list has no volume {volume_id}, and has a row without an "
            "id that can be read, which may be it, and bills."
        )
    if volume_id in seen or record_of_volume(call, volume_id) is not None:
        return None
    raise errors.NotFound(
        f"The account has no volume {volume_id}. {_there_are(listed)}",
        problems=[Problem("volume_id", "the id of a volume that exists")],
        next_steps=[NextStep("show_volumes", {}, "see what exists")],
    )


def _there_are(listed: list[Volume]) -> str:
    """A sentence that names the volumes that there are."""
    if not listed:
        return "It has no volumes."
    shown = ", ".join(str(volume.id) for volume in listed[:SHOWN])
    more = len(listed) - SHOWN
    if more > 0:
        return f"It has {shown} and {more} more."
    return f"It has {shown}."


def _check_ours(volume: Volume, call: Call) -> None:
    if is_ours(call, volume):
        return
    raise errors.NotOurs(
        f"vast-mcp did not make volume {volume.id}, and its data would be gone for good.",
        problems=[
            Problem("not_ours", f"true lifts this for volume {volume.id}, if the person wants that")
        ],
        next_steps=[
            NextStep("show_volumes", {}, "what it is; the person decides"),
            _again(volume.id, "if the person wants that", not_ours=True),
        ],
    )


def _check_free(volume: Volume, there: Roll, args: DestroyVolume) -> None:
    """Raises VolumeInUse where a machine that may exist holds the volume. One that is gone holds it
    for a moment longer: Vast's own answer decides.
    """
    holders = [i for i in volumes.attached_to(volume) if there.is_known(i)]
    if not holders:
        return
    names = ", ".join(map(str, holders))
    raise errors.VolumeInUse(
        f"Volume {volume.id} is attached to machine {names}. A machine lets "
        "go of its volume only by being destroyed.",
        results=[{"volume_id": volume.id, "outcome": "attached", "attached_to": holders}],
        next_steps=[
            NextStep("show_instance", {"instance_id": holders[0]}, "what holds it"),
            _again(volume.id, "once that machine is destroyed", not_ours=args.not_ours),
        ],
    )


async def _destroy(volume_id: int, call: Call) -> errors.VastMcpError | None:
    """Ask Vast to delete it, again while a machine that is gone still holds it; what kept it, if
    anything did.
    """
    said: errors.VastMcpError | None = None
    for attempt in range(LOOKS):
        if attempt and not await call.another_look():
            break
        try:
            await call.vast.destroy_volume(volume_id)
        except errors.VolumeInUse as exc:
            said = exc
            continue
        except errors.VastMcpError as exc:
            return said or exc
        return None
    return said


def _unverified(
    volume: Volume, said: errors.VastMcpError | None, args: DestroyVolume
) -> errors.DestroyUnverified:
    """What is known of a volume that is still shown, or that cannot be looked up."""
    unverified = errors.DestroyUnverified(
        f"Volume {volume.id} was not seen to be gone. It may still bill; the same call again is "
        "safe.",
        results=[{"volume_id": volume.id, "outcome": "still_there" if said is None else said.code}],
        next_steps=[_again(volume.id, "tries again", not_ours=args.not_ours)],
    )
    if said is not None:
        unverified.http_status, unverified.vast_message = said.http_status, said.vast_message
    if isinstance(said, errors.VolumeInUse):
        unverified.retry_after_s = LETS_GO_S
    return unverified


def _again(volume_id: int, why: str, *, not_ours: bool) -> NextStep:
    """A call that deletes this volume."""
    arguments: Json = {"volume_id": volume_id}
    if not_ours:
        arguments["not_ours"] = True
    return NextStep("destroy_volume", arguments, why)


SPEC = ToolSpec(
    fn=destroy_volume,
    arguments=DestroyVolume,
    result=DestroyVolumeResult,
    title="Delete a volume",
    read_only=False,
    destructive=True,
    idempotent=True,
    open_world=True,
    sends=("destroy_volume",),
)
