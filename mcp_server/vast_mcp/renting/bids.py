"""What a changed bid may be: Vast would refuse the others, or take them and stop the machine."""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.errors import NextStep, Problem
from vast_mcp.vast.models import Instance

MAX_USD_PER_GPU = 32  # docs/vast-api.md A.6


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


def _bad(field: str, problem: str) -> errors.BadArguments:
    return errors.bad("manage_instance", [Problem(field, problem)])


def _too_low(
    instance_id: int, usd_per_hour: float, lowest: float, again: NextStep
) -> errors.BidTooLow:
    enough = {**again.arguments, "price": lowest}
    return errors.BidTooLow(
        f"Nothing was sent: {usd_per_hour:g} $/h is under this machine's minimum of {lowest:g}; "
        "it would be stopped and bill its disk.",
        instance_id=instance_id,
        problems=[Problem("price", f"at least {lowest:g}")],
        next_steps=[NextStep("manage_instance", enough, "the lowest bid there is")],
    )
