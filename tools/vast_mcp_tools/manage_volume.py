"""The lease of a volume that exists: a disk that nobody remembers bills for ever."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.volumes import is_ours, learn_from_volumes, prices_of
from vast_mcp.account.whose import account_of
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.leases.labels import utc
from vast_mcp.leases.lifetimes import left_hours
from vast_mcp.machines import volumes
from vast_mcp.machines.costs import rounded
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.proposal import Proposal
from vast_mcp.renting.volume_words import NO_END, lease_words
from vast_mcp.session import Call
from vast_mcp.settings import LONGEST_LEASE_H
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.storage import Volume


class ManageVolume(Arguments):
    told_elsewhere: ClassVar[frozenset[str]] = frozenset({"volume_id"})

    volume_id: Annotated[int, Field(ge=1)]
    lease_hours: Annotated[
        float, Field(ge=0, le=LONGEST_LEASE_H, description="from now, at most 8760; 0: never")
    ]


class ManageVolumeResult(Result):
    volume_id: int
    lease: str
    lease_left_hours: float | None = None
    attached_to: Annotated[
        list[int] | None, Field(description="It is not deleted before these are destroyed.")
    ] = None
    usd_per_hour: float | None = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def manage_volume(args: ManageVolume, call: Call) -> ManageVolumeResult:
    """Sets when a volume made by vast-mcp is deleted, with its data, unless a machine holds it."""
    account = await account_of(call)
    consent = Consent(call, _proposal(args, call))
    if call.settings.confirm_above is not None:
        volume = await _volume(args.volume_id, call)
        await consent.ask(prices_of(call, [volume])[volume.id])
    # Read where nobody else ends or moves a lease: what is deleted just now gets none.
    async with call.session.lease_lock():
        volume = await _volume(args.volume_id, call)
        usd = prices_of(call, [volume])[volume.id]
        await consent.ask(usd)
        until = int(call.now() + args.lease_hours * 3600) if args.lease_hours else None
        with call.journal.alone():
            consent.spend()
            call.journal.volumes.set_lease(account, volume.id, until)
    return ManageVolumeResult(
        volume_id=volume.id,
        lease=lease_words(until) or NO_END,
        lease_left_hours=left_hours(until, call.now()),
        attached_to=volumes.attached_to(volume) or None,
        usd_per_hour=rounded(usd, 5),
        next_steps=[step("show_volumes", "every volume with its lease")],
    )


async def _volume(volume_id: int, call: Call) -> Volume:
    """A volume of ours, as a list just read shows it. Raises NotFound, and NotOurs: a lease deletes
    what nobody may want to lose.
    """
    listed = await call.vast.list_volumes()
    await learn_from_volumes(call, listed)
    found = next((one for one in listed if one.id == volume_id), None)
    if found is None:
        raise errors.NotFound(
            f"Vast lists no volume {volume_id}.",
            problems=[Problem("volume_id", "the id of a volume that exists")],
            next_steps=[NextStep("show_volumes", {}, "see what exists")],
        )
    if not is_ours(call, found):
        raise errors.NotOurs(
            f"vast-mcp did not make volume {volume_id}: no lease of its own may delete it.",
            next_steps=[NextStep("show_volumes", {}, "what it is; the person decides")],
        )
    return found


def _proposal(args: ManageVolume, call: Call) -> Proposal:
    given: Json = args.model_dump()
    again = NextStep("manage_volume", given, "the same call")
    if not args.lease_hours:
        what = f"Let volume {args.volume_id} have no end?"
        return Proposal("manage_volume", given, what, again, bills=", until it is deleted")
    until = utc(int(call.now() + args.lease_hours * 3600))
    what = f"Let volume {args.volume_id} be deleted with all that is on it at {until}?"
    return Proposal("manage_volume", given, what, again, bills=" until then")


SPEC = ToolSpec(
    fn=manage_volume,
    arguments=ManageVolume,
    result=ManageVolumeResult,
    title="Set the lease of a volume",
    read_only=False,
    destructive=True,
    idempotent=True,
    open_world=True,
    sends=("lease",),
)
