"""The look at the offer, and at the room for a new volume on its machine: what they cost, or a
sentence why that is not known.
"""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.machines import volumes
from vast_mcp.machines.costs import room_usd_per_hour
from vast_mcp.renting.findings import LOOK_S
from vast_mcp.renting.order import Order
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer


async def offer_of(
    call: Call, order: Order, disk_gb: float, *, fresh: bool
) -> tuple[Offer | None, str]:
    """The offer as a search of the order's own market showed it, or one look; else a sentence why
    there is none. `fresh`: something rests on its price, which counts as Vast names it now, in this
    market and with this disk.

    An offer that is not found may exist all the same: Vast's answer to the rental is the verdict.
    """
    session, offer_id = call.session, order.offer_id
    known = session.offers.get(offer_id, order.market)
    if known is not None and not fresh:
        return known, ""
    bid = order.bid is not None
    try:
        found = await call.within(LOOK_S).find_offer(offer_id, bid=bid, disk_gb=disk_gb)
    except (
        errors.RateLimited,
        errors.SearchQuotaExceeded,
        errors.VastUnavailable,
        errors.Unreachable,
    ) as exc:
        return None, f"The offer's price could not be looked up ({exc.code})."
    if found is None:
        return None, "Vast lists no offer with this id now, so its price is not known."
    session.offers.remember([found], order.market)
    return found, ""


async def volume_usd_per_hour(call: Call, volume: Json, offer: Offer | None) -> float | None:
    """What the new volume will bill; None where that is not known. Room is listed by machine."""
    if offer is None or offer.machine_id is None:
        return None
    query = volumes.room_query(offer.machine_id, volume["size"])
    try:
        rooms = await call.within(LOOK_S).search_volumes(query)
    except errors.VastMcpError:
        return None
    for room in rooms:
        if room.id == volume["volume_id"]:
            return room_usd_per_hour(room, volume["size"])
    return None
