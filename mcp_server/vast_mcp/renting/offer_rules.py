"""What an offer or a template makes impossible, or worth a warning. Pure.

Each refusal is for a case in which Vast would bill for something useless, mostly without saying so.
"""

from __future__ import annotations

import math

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep, Problem
from vast_mcp.renting.another_offer import another
from vast_mcp.renting.order import Order
from vast_mcp.renting.rules import VM_IMAGE_NEEDS_HOST, has_registry_host
from vast_mcp.renting.template_look import disk_gb_wanted
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
        raise errors.VmNotPossible(f"{where}: {VM_IMAGE_NEEDS_HOST}.")


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
        f"{why}. {because}".rstrip(),
        offer_id=offer_id,
        next_steps=[NextStep("search_offers", {"vm": True}, "offers that can run a VM")],
    )


def check_disk(order: Order, template: Template | None, offer: Offer | None) -> None:
    """Raises BadArguments where the offer has less room than the disk, or than the new volume,
    would take (docs/vast-api.md A.8, B.4). What is equal fits.
    """
    if offer is None:
        return
    wanted = disk_gb_wanted(order.body, template)
    free = offer.disk_space
    if free is not None and wanted is not None and wanted > free:
        whose = "asked for" if "disk" in order.body else "that the template brings"
        raise _no_room(order, offer, "disk", f"{wanted:g} GB of disk {whose}", free, wanted)
    volume: Json = order.body.get("volume_info", {})
    room = offer.avail_vol_size
    if not order.volume_is_new or volume["volume_id"] != offer.avail_vol_ask_id or room is None:
        return
    if volume["size"] > room:
        raise _no_room(order, offer, "volume_info.size", f"{volume['size']:g} GB of volume", room)


def _no_room(
    order: Order, offer: Offer, field: str, what: str, free: float, disk: float | None = None
) -> errors.BadArguments:
    most = math.floor(free)
    steps = [NextStep("search_volumes", {"offer_id": order.offer_id}, "the room on its machine")]
    if disk is not None:
        steps = [another(order, "offers with enough disk", card_of=offer, min_disk_gb=disk)]
    return errors.BadArguments(
        f"{what} do not fit, {free:g} GB are free.",
        offer_id=order.offer_id,
        problems=[Problem(field, f"at most {most} on this offer")],
        next_steps=steps,
    )


# ── warnings ───────────────────────────────────────────────────────────────────────────────────


def warnings_of(order: Order, offer: Offer | None, disk_gb: float | None) -> list[str]:
    """What speaks against the offer without forbidding it. `disk_gb`: None where Vast picks."""
    warnings: list[str] = []
    if disk_gb is None:
        warnings.append(
            "No disk size was given: Vast picks 8 to 10 GB or the template's, and it cannot be "
            "changed later."
        )
    if offer is None or offer.duration is None:
        return warnings
    hours, lease = offer.duration / 3600, order.lease_hours
    if lease is not None and lease > hours:
        warnings.append(
            f"The host's offer ends in {hours:.1f} hours, before the lease of {lease:g}: the "
            "machine may be taken back then, and its disk with it."
        )
    elif offer.duration < DAY_S:
        warnings.append(
            f"The host's offer ends in {hours:.1f} hours; the machine may be taken back then."
        )
    return warnings
