"""Deleting volumes whose lease is over, which the journal alone says, whatever their rows do.

One that a machine holds cannot be deleted, and is tried again. The journal is read once more before
the delete, since a lease may just have been moved; gone is what a list lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from vast_mcp import errors
from vast_mcp.account.volumes import forget_volume, is_gone, learn_from_volumes
from vast_mcp.leases.labels import utc
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.vast.rows import Listing
from vast_mcp.vast.storage import Volume

Turn = Callable[[], AbstractAsyncContextManager[None]]
LOOKS = 3


@dataclass(frozen=True)
class SweptVolume:
    """One volume that was found past its lease. `until` in epoch seconds.

    `outcome`: destroyed, already_gone, extended, would_destroy (a dry run), attached, still_there,
    or the code of the error that kept it.
    """

    volume_id: int
    until: float
    outcome: str

    @property
    def remains(self) -> bool:
        """Whether it is past its lease and may go on billing."""
        return self.outcome not in {"destroyed", "already_gone", "extended"}


def notice_of(volume_id: int, until: float | None) -> str:
    """What an agent is told of a volume that was deleted behind its back."""
    when = "" if until is None else f" at {utc(until)}"
    return f"Volume {volume_id} was deleted, with all that was on it: its lease ended{when}."


async def sweep_volumes(
    call: Call, account: str | None, turn: Turn, *, dry_run: bool
) -> list[SweptVolume]:
    """Delete what is past its lease; what became of each. Raises where the list of volumes cannot
    be read: nothing was deleted then.
    """
    if account is None or not call.journal.exists():
        return []
    over = _over(call, account)
    if not over:
        return []
    if dry_run:
        return [SweptVolume(one, until, "would_destroy") for one, until in over.items()]
    listed = await call.vast.list_volumes()
    await learn_from_volumes(call, listed)
    return [await _ended(call, account, one, until, listed, turn) for one, until in over.items()]


def _over(call: Call, account: str) -> dict[int, float]:
    """Volume → when its lease ended."""
    ends = call.journal.volumes.lease_ends(account)
    return {one: until for one, until in ends.items() if until <= call.session.now()}


async def _ended(
    call: Call,
    account: str,
    volume_id: int,
    until: float,
    listed: Listing[Volume],
    turn: Turn,
) -> SweptVolume:
    """Delete one, in a turn of its own among all who move or end leases."""
    row = next((one for one in listed if one.id == volume_id), None)
    if row is not None and row.instances:
        return SweptVolume(volume_id, until, "attached")
    if row is None and listed.is_whole:
        return _gone(call, account, volume_id, until, "already_gone")
    try:
        async with turn():
            if volume_id not in _over(call, account):
                return SweptVolume(volume_id, until, "extended")
            await call.vast.destroy_volume(volume_id)
    except errors.VolumeInUse:
        return SweptVolume(volume_id, until, "attached")
    except errors.VastMcpError as exc:
        return SweptVolume(volume_id, until, exc.code)
    if await is_gone(call, volume_id, looks=LOOKS):
        return _gone(call, account, volume_id, until, "destroyed")
    return SweptVolume(volume_id, until, "still_there")


def _gone(call: Call, account: str, volume_id: int, until: float, outcome: str) -> SweptVolume:
    """Write down that it is gone, and what the next answer is to tell."""
    forget_volume(call, volume_id)
    if outcome == "destroyed":
        with journal_may_fail:
            call.journal.volumes.mark_ended(account, volume_id)
    return SweptVolume(volume_id, until, outcome)
