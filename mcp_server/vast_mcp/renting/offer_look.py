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
        return None, _not_looked_up("The offer's price", exc)
    if found is None:
        return None, "Vast lists no offer with this id now, so its price is not known."
    session.offers.remember([found], order.market)
    return found, ""


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
