"""An offer whose price no answer has named, rented with nothing that caps it: its price is said
before the request leaves, and beside the machine, and one that cannot be learned is not paid.

A script that calls once a process has seen no search, and goes on: it is told, and not refused.
"""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.renting.another_offer import another
from vast_mcp.renting.findings import Findings
from vast_mcp.renting.offer_look import NOT_LISTED
from vast_mcp.renting.order import Order
from vast_mcp.session import Call

UNSEEN = "No search had shown this offer"


def is_unseen(call: Call, order: Order) -> bool:
    """Whether nothing caps the price, nobody is asked about it, and no answer of this process has
    named it.
    """
    limits = call.limits
    capped = (
        order.bid,
        order.max_usd_per_hour,
        limits.max_usd_per_hour,
        limits.max_total_usd_per_hour,
        call.settings.confirm_above,
    )
    told = call.session.offers.is_told(order.offer_id)
    return not (order.dry_run or told) and all(cap is None for cap in capped)


async def say_price(call: Call, order: Order, findings: Findings) -> list[str]:
    """Tell the host what is about to be paid. Returns what the answer warns of. Raises OfferGone,
    and PriceUnknown.
    """
    usd = findings.price.without_volume
    if usd is None:
        raise _not_to_be_paid(order, findings.price_unknown_because)
    price = f"{usd:.4f} $/h while it runs, its disk included and traffic extra"
    await call.say(f"Renting offer {order.offer_id}: {price}.")
    return [f"{UNSEEN}, and nothing capped its price: it costs {price}. max_usd_per_hour caps it."]


def _not_to_be_paid(order: Order, why: str) -> errors.VastMcpError:
    steps = [another(order, "offers with their prices")]
    if why == NOT_LISTED:
        return errors.OfferGone(why, offer_id=order.offer_id, next_steps=steps)
    return errors.PriceUnknown(
        f"What this machine costs is unknown, nothing caps it, and no search has shown it. {why}",
        offer_id=order.offer_id,
        next_steps=steps,
    )
