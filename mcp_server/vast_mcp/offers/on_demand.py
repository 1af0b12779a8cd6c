"""What offers of a search for bids cost on demand: their rows show the lowest bid in its place,
which may be as dear or dearer (docs/vast-api.md A.6).
"""

from __future__ import annotations

from collections.abc import Sequence

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.offers.filters import Filter
from vast_mcp.offers.search import ORDERS, Search
from vast_mcp.offers_seen import BID, ON_DEMAND
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer

_ANYTHING: Json = {"in": [True, False]}


async def look(call: Call, offers: Sequence[Offer], disk_gb: float) -> tuple[dict[int, Offer], str]:
    """The offers that can be had on demand too, as a search for that shows them, by id; or none,
    and a sentence why that is not known.

    One look for as many rows, which takes little of the call's time and fails nothing. An offer has
    one id in both markets (A.6).
    """
    ids = [one.ask_contract_id for one in offers]
    filters = [
        Filter(None, "ask_contract_id", {"in": ids}),
        Filter(None, "verified", _ANYTHING),
        Filter(None, "external", _ANYTHING),
        Filter(None, "rentable", {"eq": True}),
    ]
    search = Search(ON_DEMAND, disk_gb)
    try:
        vast = call.in_passing().shared
        listed = await search.rows(vast, filters, ORDERS["usd_per_hour"], len(ids))
    except errors.VastMcpError as exc:
        return {}, f"What these offers cost on demand could not be looked up ({exc.code})."
    # The caller is shown them as bids.
    call.session.offers.remember(listed, ON_DEMAND, shown=BID)
    return {one.ask_contract_id: one for one in listed}, ""


def saves_nothing(bid: Offer, on_demand: Offer | None) -> bool:
    """Whether renting on demand, where nobody can outbid one, costs no more than the lowest bid."""
    if on_demand is None or bid.dph_total is None or on_demand.dph_total is None:
        return False
    return bid.dph_total >= on_demand.dph_total
