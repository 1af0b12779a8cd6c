"""What a changed bid may be: Vast would refuse the others, or take them and stop the machine. And
the bid to try where one was lost.
"""

from __future__ import annotations

import math

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.machines.costs import is_dearer
from vast_mcp.offers_seen import OffersSeen
from vast_mcp.vast.models import Instance

MAX_USD_PER_GPU = 32  # docs/vast-api.md A.6
RAISE = 1.1  # the least that a lost bid is raised by: what the other one bids, no row says
WHY_REBID = "a bid 10 % higher; it may lose too"


def rebid(
    instance_id: int,
    bid: float | None,
    floor: float | None,
    gpus: int | None,
    *,
    ours: bool | None = True,
) -> Json | None:
    """The arguments of manage_instance that raise a lost bid, in $/h of the machine, above itself
    and its floor, which is not the highest that others bid (docs/vast-api.md A.6). None where
    neither is known, or there is no higher one.
    """
    lost = max(bid or 0.0, floor or 0.0)
    price = min(math.ceil(lost * RAISE * 10_000) / 10_000, MAX_USD_PER_GPU * (gpus or 1))
    if price <= lost:
        return None
    arguments: Json = {"instance_id": instance_id, "action": "change_bid", "price": price}
    return arguments if ours else {**arguments, "not_ours": True}


def rebid_of(row: Instance, *, ours: bool | None) -> Json | None:
    """The same for the machine of a row."""
    return rebid(row.id, row.dph_base, row.min_bid, row.num_gpus, ours=ours)


def check_bid(row: Instance, usd_per_hour: float, again: NextStep) -> None:
    """Raises BadArguments where this machine cannot have this bid, in $/h for the whole machine,
    and BidTooLow under its minimum (docs/vast-api.md A.6). A figure that the row lacks is not
    judged. `again`: the same call.
    """
    if row.is_bid is False:
        raise _bad("action", "this machine is rented on demand and has no bid")
    highest = MAX_USD_PER_GPU * (row.num_gpus or 1)
    if usd_per_hour > highest:
        raise _bad("price", f"at most {highest} $/h for this machine")
    if row.min_bid is not None and usd_per_hour < row.min_bid:
        raise _too_low(row.id, usd_per_hour, row.min_bid, again)


def warnings_of(row: Instance | None, usd_per_hour: float, seen: OffersSeen) -> list[str]:
    """What to say of a bid that was changed. One above the price on demand may be meant: the disk
    of a machine goes nowhere else.
    """
    on_demand = None if row is None else seen.on_demand_usd_on(row.machine_id, row.num_gpus)
    if on_demand is None or not is_dearer(usd_per_hour, on_demand):
        return []
    return [
        f"The same GPUs cost {on_demand:g} $/h on demand, less than this bid, and are not "
        "interrupted."
    ]


def _bad(field: str, problem: str) -> errors.BadArguments:
    return errors.bad("manage_instance", [Problem(field, problem)])


def _too_low(
    instance_id: int, usd_per_hour: float, lowest: float, again: NextStep
) -> errors.BidTooLow:
    enough = {**again.arguments, "price": lowest}
    return errors.BidTooLow(
        f"{usd_per_hour:g} $/h is under this machine's minimum of {lowest:g}; "
        "it would be stopped and bill its disk.",
        instance_id=instance_id,
        problems=[Problem("price", f"at least {lowest:g}")],
        next_steps=[NextStep("manage_instance", enough, "the lowest bid there is")],
    )
