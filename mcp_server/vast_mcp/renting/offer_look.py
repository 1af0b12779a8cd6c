"""The look at the offer, and at the room for a new volume on its machine: what they cost, or a
sentence why that is not known.
"""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.machines import volumes
from vast_mcp.machines.costs import room_usd_per_hour
from vast_mcp.offers_seen import BID, ON_DEMAND
from vast_mcp.renting.findings import LOOK_S
from vast_mcp.renting.order import Order
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer

NOT_LISTED = "Vast lists no offer with this id now, so its price is not known."
ANY_DISK_GB = 5.0  # what Vast's own client searches with


async def offer_of(
    call: Call, order: Order, disk_gb: float, *, fresh: bool
) -> tuple[Offer | None, str]:
    """The offer as a search showed it, or one look; else a sentence why there is none. `fresh`:
    something rests on its price, which counts as Vast names it now, with this disk.

    An offer that is not found may exist all the same: Vast's answer to the rental is the verdict.
    """
    known = None if fresh else _known(call, order)
    if known is not None and not _lacks_on_demand(call, order):
        return known, ""
    try:
        found = await _look(call, order, disk_gb) or known
    except (
        errors.RateLimited,
        errors.SearchQuotaExceeded,
        errors.VastUnavailable,
        errors.Unreachable,
    ) as exc:
        return known, "" if known is not None else _not_looked_up("The offer's price", exc)
    if found is None:
        return None, NOT_LISTED
    return found, ""


def _known(call: Call, order: Order) -> Offer | None:
    """The offer's row in the order's own market; a bid may do with the row on demand, which says
    the least bid too.
    """
    offers, offer_id = call.session.offers, order.offer_id
    known = offers.get(offer_id, order.market)
    if known is None and order.bid is not None:
        known = offers.get(offer_id, ON_DEMAND)
        if known is not None and known.min_bid is None:
            return None
    return known


def _lacks_on_demand(call: Call, order: Order) -> bool:
    """Whether a bid cannot be held against the price on demand: a search for bids shows none, and
    the least bid may be above it (docs/vast-api.md A.6).
    """
    return order.bid is not None and call.session.offers.on_demand_usd(order.offer_id) is None


async def _look(call: Call, order: Order, disk_gb: float) -> Offer | None:
    """The offer as Vast lists it now: on demand, since that row says the price on demand and the
    least bid (docs/vast-api.md A.6). Where that says too little, once more: in the order's own
    market, and without the disk, which would hide an offer that lacks the room (B.1).
    """
    found = await _look_in(call, order, ON_DEMAND, disk_gb)
    if found is not None and (order.bid is None or found.min_bid is not None):
        return found
    return await _look_in(call, order, order.market, ANY_DISK_GB) or found


async def _look_in(call: Call, order: Order, market: str, disk_gb: float) -> Offer | None:
    vast = call.within(LOOK_S)
    found = await vast.find_offer(order.offer_id, bid=market == BID, disk_gb=disk_gb)
    if found is not None:
        call.session.offers.remember([found], market, shown=order.market, told=False)
    return found


async def volume_usd_per_hour(
    call: Call, volume: Json, offer: Offer | None
) -> tuple[float | None, str]:
    """What the new volume will bill; None and a sentence where that is not known. Room is listed
    by machine.
    """
    if offer is None or offer.machine_id is None:
        return None, "The new volume's price could not be looked up."
    try:
        rooms = await volumes.rooms_on(call.within(LOOK_S), offer.machine_id, volume["size"])
    except errors.VastMcpError as exc:
        return None, _not_looked_up("The new volume's price", exc)
    for room in rooms:
        if room.id == volume["volume_id"]:
            usd = room_usd_per_hour(room, volume["size"])
            return usd, "" if usd is not None else "The new volume's room shows no price."
    return None, "Vast lists no such room for a new volume on the offer's machine."


def _not_looked_up(what: str, exc: errors.VastMcpError) -> str:
    """Why there is no price; a used-up quota says until when."""
    because = f"{what} could not be looked up ({exc.code})."
    if isinstance(exc, errors.SearchQuotaExceeded):
        return f"{because} {exc}"
    return because
