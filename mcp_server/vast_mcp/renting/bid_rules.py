"""What an order may bid for an offer: not under its floor, and not more than the same machine costs
on demand, where nobody can take it back by a bid. Pure.
"""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.errors import NextStep, Problem
from vast_mcp.machines.costs import is_dearer
from vast_mcp.renting.order import Order
from vast_mcp.vast.models import Offer

NOT_KNOWN = "What it costs on demand is not known here: that may be less than this bid."


def check_bid(order: Order, offer: Offer | None, on_demand: float | None) -> None:
    """Raises BidTooLow where a bid is under the offer's minimum, and BadArguments where it is above
    the price on demand, $/h, as far as those are known.
    """
    _check_floor(order, offer, on_demand)
    if order.bid is not None and on_demand is not None and is_dearer(order.bid, on_demand):
        raise _too_high(order, offer, on_demand)


def _check_floor(order: Order, offer: Offer | None, on_demand: float | None) -> None:
    """A bid too low stops a machine that bills its disk (docs/vast-api.md A.6)."""
    bid = order.bid
    if bid is None or offer is None or offer.min_bid is None or bid >= offer.min_bid:
        return
    lowest = f"{offer.min_bid:g}"
    enough = f"at least {lowest} for this offer, or none to rent on demand"
    if on_demand is not None:
        enough += f" at {on_demand:g}"
    raise errors.BidTooLow(
        f"The bid of {bid:g} $/h is under this offer's minimum of {lowest}; Vast "
        "would make a stopped machine that bills its disk.",
        offer_id=offer.ask_contract_id,
        problems=[Problem("price", enough)],
    )


def _too_high(order: Order, offer: Offer | None, on_demand: float) -> errors.BadArguments:
    """The refusal of a bid over the price on demand: it costs more, and may be lost all the same
    (docs/vast-api.md A.6).
    """
    floor = None if offer is None else offer.min_bid
    instead = "leave it out to rent on demand"
    if floor is not None and floor < on_demand:
        instead += f", or bid {floor:g} to {on_demand:g}"
    steps = [NextStep("search_offers", {"type": "bid"}, "offers with their minimum bids")]
    if not order.hides:
        without = {name: value for name, value in order.spoken.items() if name != "price"}
        steps = [NextStep("create_instance", without, "the same on demand"), *steps]
    return errors.BadArguments(
        f"`price` is a bid, and {order.bid:g} $/h is more than this machine costs "
        f"on demand, {on_demand:g}; it would be dearer and could be interrupted.",
        offer_id=order.offer_id,
        problems=[Problem("price", instead)],
        next_steps=steps,
    )


def warnings_of(order: Order, on_demand: float | None) -> list[str]:
    """What to say of a bid that is sent."""
    if order.bid is None:
        return []
    if on_demand is None:
        return [NOT_KNOWN]
    if not is_dearer(on_demand, order.bid):
        return [f"On demand it costs the same, {on_demand:g} $/h, and is not interrupted."]
    return []
