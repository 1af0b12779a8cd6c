"""What is bid for an interruptible machine: our choice, and why. Pure."""

from __future__ import annotations

import math

from vast_mcp.machines.costs import is_dearer
from vast_mcp.vast.models import Offer

# Over the lowest bid: that one is lost to the next who bids a cent, and what is bid is paid.
OVER = 1.1
PARTS = 10_000  # of a $ that a bid is a number of, rounded down: a limit is not passed
LEAST = 0.001  # $/h that Vast takes (docs/vast-api.md A.6)


def bid_for(offer: Offer, on_demand_usd: float | None, most_usd: float | None) -> float | None:
    """The bid for an offer's GPUs, $/h: a tenth over the lowest, but neither over the price on
    demand nor over the most that they may cost. None where it is rented on demand, which costs no
    more than its lowest bid and is not interrupted.
    """
    least = max(offer.min_bid or 0.0, LEAST)
    if on_demand_usd is not None and not is_dearer(on_demand_usd, least):
        return None
    highest = [usd for usd in (least * OVER, on_demand_usd, most_usd) if usd is not None]
    return max(least, math.floor(min(highest) * PARTS) / PARTS)
