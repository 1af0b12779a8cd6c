"""The search that leads on where an offer is gone, or is not what an order needs."""

from __future__ import annotations

from typing import Any

from vast_mcp.errors import Json, NextStep
from vast_mcp.renting.order import Order
from vast_mcp.vast.models import Offer


def another(order: Order, why: str, *, card_of: Offer | None = None, **needed: Any) -> NextStep:
    """A search for something like what was asked for here. `card_of`: an offer whose card is meant
    as well. `needed`: what this offer lacked, as arguments of search_offers.
    """
    wanted = like(order)
    if card_of is not None and card_of.gpu_name is not None:
        wanted["gpu_name"] = [card_of.gpu_name]
        if card_of.num_gpus is not None:
            wanted["num_gpus"] = card_of.num_gpus
    return NextStep("search_offers", wanted | needed, why)


def like(order: Order) -> Json:
    """Search arguments for something like what was asked for here."""
    wanted: Json = {}
    if order.given.get("vm"):
        wanted["vm"] = True
    if order.bid is not None:
        wanted["type"] = "bid"
    if "disk" in order.given:
        wanted["min_disk_gb"] = order.given["disk"]
    if order.max_usd_per_hour is not None:
        wanted["max_usd_per_hour"] = order.max_usd_per_hour
    return wanted
