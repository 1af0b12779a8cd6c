"""The search that leads on where an offer is gone, or is not what an order needs."""

from __future__ import annotations

from typing import Any

from vast_mcp.errors import Json, NextStep
from vast_mcp.renting.image_hints import at_least, hints_of
from vast_mcp.renting.image_names import image_name
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
    if "template_hash_id" in order.given:
        wanted["template_hash_id"] = order.given["template_hash_id"]
    cuda = None if order.is_vm else _cuda_of(order.given.get("image") or "")
    if cuda is not None:
        wanted["min_cuda"] = cuda
    return wanted


def _cuda_of(image: str) -> float | None:
    """The least CUDA of a driver that an image's name asks for."""
    name = image_name(image)
    cuda = None if name is None else hints_of(name).cuda
    if cuda is None:
        return None
    big, small = at_least(cuda)
    return float(f"{big}.{small}")
