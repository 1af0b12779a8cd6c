"""The question to a person whether to rent, without the price: what, how, and until when."""

from __future__ import annotations

from vast_mcp.machines import figures
from vast_mcp.renting import wording
from vast_mcp.renting.findings import Findings
from vast_mcp.renting.order import Order
from vast_mcp.vast.models import Offer


def rent_question(order: Order, findings: Findings) -> str:
    """What a person is asked, without the price: no values of the caller but ids, numbers and an
    image's plain name.
    """
    disk = f"{findings.counted_disk_gb:g} GB of disk"
    if order.volume_is_new:
        disk += " and a new volume"
    image = wording.image(order.body.get("image"))
    before = f" {findings.before}" if findings.before else ""
    return (
        f"Rent {_gpus(findings.offer)} (offer {order.offer_id}) {_kind(order)} with {disk} on "
        f"Vast.ai, as a {_form(order)} of {image}? {_end(order)}{_bid(order)}"
        f"{_traffic(findings.offer)}{before}"
    )


def _bid(order: Order) -> str:
    if order.bid is None:
        return ""
    return " It pays its bid; a higher bid of somebody else's stops it, and its disk bills on."


def _traffic(offer: Offer | None) -> str:
    """What traffic costs, where it is known."""
    if offer is None:
        return ""
    pair = figures.usd_per_tb(offer.inet_down_cost, offer.inet_up_cost)
    if pair is None:
        return ""
    return f" Traffic costs {pair[0]:g} $ a TB down and {pair[-1]:g} up."


def _kind(order: Order) -> str:
    if order.bid is None:
        return "on demand"
    return f"interruptible, at a bid of {order.bid:g} $/h,"


def _form(order: Order) -> str:
    if order.is_vm:
        return "virtual machine"
    return "container"


def _end(order: Order) -> str:
    if order.lease_hours is None:
        return "It runs until it is destroyed."
    return f"It ends by itself after {order.lease_hours:g} hours."


def _gpus(offer: Offer | None) -> str:
    if offer is None:
        return wording.gpus(None, None)
    return wording.gpus(offer.gpu_name, offer.num_gpus)
