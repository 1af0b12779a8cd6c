"""What an offer or a template makes impossible, or worth a warning. Pure.

Each refusal is for a case in which Vast would bill for something useless, mostly without saying so.
"""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.renting.rules import VM_IMAGE_NEEDS_HOST, has_registry_host
from vast_mcp.vast.account import Template
from vast_mcp.vast.models import Offer

DAY_S = 24 * 3600.0


def check_vm_image(body: Json, template: Template | None) -> None:
    """Raises VmNotPossible where the image of a VM lacks its registry host (docs/vast-api.md
    A.5).
    """
    where, image = "image", body.get("image")
    if image is None and template is not None:
        where, image = "the template's image", template.image
    if image is None or not has_registry_host(image):
        raise errors.VmNotPossible(f"Nothing was sent: {where}: {VM_IMAGE_NEEDS_HOST}.")


def check_vm_offer(offer_id: int, offer: Offer | None, because: str = "") -> None:
    """Raises VmNotPossible where an offer cannot run a VM that can be entered (docs/vast-api.md
    A.5). `because`: a sentence why the offer is not known.
    """
    if offer is None:
        why = "the offer could not be looked up, so whether it can run a VM is not known"
    elif not offer.vms_enabled:
        why = "this offer cannot run a VM; Vast would make a container"
    elif not offer.direct_port_count:
        why = "this offer has no direct ports, and Vast's SSH proxy does not reach a VM"
    else:
        return
    raise errors.VmNotPossible(
        f"Nothing was sent: {why}. {because}".rstrip(),
        offer_id=offer_id,
        next_steps=[NextStep("search_offers", {"vm": True}, "offers that can run a VM")],
    )


def check_bid(bid: float | None, offer: Offer | None) -> None:
    """Raises BidTooLow where a bid is under the offer's minimum (docs/vast-api.md A.6)."""
    if bid is None or offer is None or offer.min_bid is None or bid >= offer.min_bid:
        return
    lowest = f"{offer.min_bid:g}"
    raise errors.BidTooLow(
        f"Nothing was sent: the bid of {bid:g} $/h is under this offer's minimum of {lowest}; Vast "
        "would make a stopped machine that bills its disk.",
        offer_id=offer.ask_contract_id,
        problems=[
            Problem("price", f"at least {lowest} for this offer, or none to rent on demand"),
        ],
    )


def warnings_of(offer: Offer | None, disk_gb: float | None) -> list[str]:
    """What speaks against the offer without forbidding it. `disk_gb`: None where Vast picks."""
    warnings: list[str] = []
    if disk_gb is None:
        warnings.append(
            "No disk size was given: Vast picks 8 to 10 GB or the template's, and it cannot be "
            "changed later."
        )
    if offer is None:
        return warnings
    if offer.duration is not None and offer.duration < DAY_S:
        hours = offer.duration / 3600
        warnings.append(
            f"The host's offer ends in {hours:.1f} hours; the machine may be taken back then."
        )
    free_gb = offer.disk_space
    if free_gb is not None and disk_gb is not None and disk_gb > free_gb:
        warnings.append(f"The offer has {free_gb:.0f} GB of disk free, less than was asked for.")
    return warnings
