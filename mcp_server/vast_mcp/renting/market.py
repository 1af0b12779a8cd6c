"""The market that an order means: on demand, or interruptible at a bid. An offer that was seen as a
bid is rented on demand only where somebody looked at that price too.
"""

from __future__ import annotations

import json

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.machines.costs import is_dearer
from vast_mcp.renting.order import Order
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer


def check_market(call: Call, order: Order) -> None:
    """Raises BadArguments where an offer was last seen as a bid and the order has no price: on
    demand it costs several times that, so the lack of a price must be meant.

    Seeing the offer in a search on demand is what says so.
    """
    if order.bid is not None or not call.session.offers.is_for_bids(order.offer_id):
        return
    offer = call.session.offers.get(order.offer_id)
    lowest: float | None = None
    if offer is not None and offer.min_bid is not None:
        lowest = max(offer.min_bid, 0.001)
    at_least = "a bid in $/h" if lowest is None else f"at least {lowest:g} $/h"
    on_demand = call.session.offers.on_demand_usd(order.offer_id)
    costs = "usually costs more" if on_demand is None else f"costs {on_demand:g} $/h"
    if on_demand is not None and lowest is not None and not is_dearer(on_demand, lowest):
        lowest = None  # a bid saves nothing
    raise errors.BadArguments(
        "This offer was last seen in a search for bids, and without price it "
        f"rents on demand, which {costs}.",
        offer_id=order.offer_id,
        problems=[
            Problem(
                "price",
                f"{at_least} to rent interruptible; for on demand see the offer on demand first",
            )
        ],
        next_steps=_to_a_market(order, offer, lowest),
    )


def _to_a_market(order: Order, offer: Offer | None, lowest: float | None) -> list[NextStep]:
    """A look at the offer on demand, and the same order at the minimum bid: a bid comes last, since
    nobody has asked for one.
    """
    why = "its price on demand; then this call, unchanged, rents it so"
    steps = [NextStep("search_offers", _on_demand(order, offer), why)]
    if lowest is not None and not order.hides:
        bid = order.spoken | {"price": lowest}
        steps.append(NextStep("create_instance", bid, "interruptible, at the minimum bid"))
    return steps


def _on_demand(order: Order, offer: Offer | None) -> Json:
    """A search for this very offer on demand."""
    filters: Json = {"ask_contract_id": {"eq": order.offer_id}}  # published as a text of JSON
    if offer is not None and offer.verification != "verified":
        filters["verified"] = {"in": [True, False]}  # a search leaves those out else
    found: Json = {"type": "on-demand", "filters": json.dumps(filters)}
    if "disk" in order.body:
        found["min_disk_gb"] = order.body["disk"]
    return found
