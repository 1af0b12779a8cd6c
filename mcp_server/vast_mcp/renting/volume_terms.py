"""The terms on which a volume is made: by reads alone, and whatever speaks against it raises."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.journal.volumes import BEFORE
from vast_mcp.leases.labels import utc
from vast_mcp.machines import volumes
from vast_mcp.machines.costs import room_usd_per_hour
from vast_mcp.renting import limits
from vast_mcp.renting.proposal import Proposal
from vast_mcp.renting.standing import Standing
from vast_mcp.renting.volume_order import DEFAULT_GB, VolumeOrder
from vast_mcp.session import Call
from vast_mcp.vast.rows import Listing
from vast_mcp.vast.storage import Volume

if TYPE_CHECKING:
    from vast_mcp.renting.limits import Headroom


@dataclass(frozen=True)
class VolumeTerms:
    """What would be made, where, and for how much in $/h. `before`: the volumes that there are."""

    order: VolumeOrder
    size_gb: int
    machine_id: int | None
    usd_per_hour: float | None
    lease_until: float | None
    standing: Standing | None
    before: list[int]

    @property
    def facts(self) -> Json:
        """What the journal keeps of it, so that a replay says the same."""
        return {"size_gb": self.size_gb, "machine_id": self.machine_id, BEFORE: self.before}

    def check_account(self, call: Call, account: str) -> Headroom | None:
        """Raises OverLimit or PriceUnknown. In the journal's alone() the answer holds until the
        attempt is announced.
        """
        usd = self.usd_per_hour
        return limits.check_account(call, self.standing, account, usd, is_volume=True)


async def volume_terms(
    call: Call, order: VolumeOrder, listed: Listing[Volume], account: str
) -> VolumeTerms:
    """Raises what refuses the volume. `listed`: the account's volumes, just read."""
    if not listed.is_whole:
        raise errors.IncompleteList(
            "Vast's list of volumes has a row without an id that can be read: a lost reply could "
            "not be settled beside it."
        )
    size_gb = _size(order, listed)
    known = call.session.rooms.get(order.room_id)
    room = await volumes.room_of(call.vast, order.room_id, known, size_gb)
    if room is None:
        raise _no_room(order, size_gb)
    usd = room_usd_per_hour(room, size_gb)
    limits.check_volume(call, usd, asked=order.max_usd_per_hour)
    lease = None if order.lease_hours is None else int(call.now() + order.lease_hours * 3600)
    terms = VolumeTerms(
        order=order,
        size_gb=size_gb,
        machine_id=room.machine_id,
        usd_per_hour=usd,
        lease_until=lease,
        standing=await limits.standing(call),
        before=[one.id for one in listed],
    )
    terms.check_account(call, account)
    return terms


def _size(order: VolumeOrder, listed: Listing[Volume]) -> int:
    """How large it becomes: a copy is not smaller than its source (docs/vast-api.md F)."""
    if order.clone_of is None:
        return order.size_gb or DEFAULT_GB
    source = next((one for one in listed if one.id == order.clone_of), None)
    if source is None:
        raise errors.NotFound(
            f"The account has no volume {order.clone_of} to copy.",
            problems=[Problem("clone_of", "the id of a volume that exists")],
            next_steps=[NextStep("show_volumes", {}, "which volumes there are")],
        )
    least = math.ceil(source.disk_space or 1)
    if order.size_gb is not None and order.size_gb < least:
        problem = Problem("size_gb", f"{least} or more: volume {source.id} has so much")
        raise errors.bad("create_volume", [problem])
    return order.size_gb or least


def _no_room(order: VolumeOrder, size_gb: int) -> errors.NotFound:
    return errors.NotFound(
        f"Vast lists no volume offer {order.room_id} with room for {size_gb} GB now.",
        problems=[Problem("volume_offer_id", "the id of a volume offer, from search_volumes")],
        next_steps=[NextStep("search_offers", {}, "a machine; search_volumes finds room on it")],
    )


def proposal_of(terms: VolumeTerms, arguments: Json) -> Proposal:
    """What a person is asked."""
    order = terms.order
    what = f"Make a volume of {terms.size_gb} GB on machine {terms.machine_id}"
    if order.clone_of is not None:
        what += f", a copy of volume {order.clone_of}"
    until = "until it is deleted"
    if terms.lease_until is not None:
        until = f"until {utc(terms.lease_until)}, when it is deleted with all that is on it"
    return Proposal("create_volume", arguments, f"{what}?", order.again, bills=f", {until}")
