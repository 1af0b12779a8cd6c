"""The looks before a rental: at the template, the offer, the account's SSH keys. They only read.

Each has a module of its own: template_look.py, offer_look.py, ssh_access.py. What they find is
judged by the rules of offer_rules.py, before money moves.
"""

from __future__ import annotations

from dataclasses import replace

import anyio

from vast_mcp import errors
from vast_mcp.renting import (
    bid_rules,
    image_fit,
    image_rules,
    offer_rules,
    port_rules,
    rules,
    template_filters,
)
from vast_mcp.renting.before import failed_before
from vast_mcp.renting.findings import Findings, price_of
from vast_mcp.renting.logins import check_login_of_template
from vast_mcp.renting.offer_look import offer_of, volume_usd_per_hour
from vast_mcp.renting.onstart import check_with_template
from vast_mcp.renting.order import Order
from vast_mcp.renting.ssh_access import Keys, keys_of_container, keys_of_vm
from vast_mcp.renting.template_look import disk_gb_wanted, template_in
from vast_mcp.session import Call
from vast_mcp.vast.account import Template
from vast_mcp.vast.models import Offer

DEFAULT_DISK_GB = 10.0  # what Vast's own client asks for; the server's default is reported as 8 too


async def look(call: Call, order: Order, *, priced: bool) -> Findings:
    """Read what decides whether this rental is sound. `priced`: something rests on its price.

    Raises a leaf of Refused where Vast would bill for something useless.
    """
    template, unread, keys = await _way_in(call, order)
    if template is not None:
        check_login_of_template(order.body, template)
        check_with_template(order.body, order.script, template)
    disk_gb = disk_gb_wanted(order.body, template)
    # Last, so that the price is the newest of all that is known.
    offer, because = await offer_of(call, order, disk_gb or DEFAULT_DISK_GB, fresh=priced)
    priced_at = anyio.current_time() if priced else None
    volume, why = await _new_volume(call, order, offer, priced=priced)
    price = price_of(order, offer, disk_gb or DEFAULT_DISK_GB, volume)
    if unread and disk_gb is None:
        price = replace(price, disk=None)
    warnings = [because or why, unread, *keys.warnings]
    if offer is None:
        warnings.append("Whether it has the ports, the disk and the driver for this is not known.")
    warnings += _judged(call, order, template, offer, because)
    before = failed_before(call, offer)
    warnings.append(before)
    return Findings(
        offer=offer,
        counted_disk_gb=disk_gb or DEFAULT_DISK_GB,
        price=price,
        price_unknown_because=because or why or unread,
        warnings=[warning for warning in warnings if warning],
        on_demand_usd=call.session.offers.on_demand_usd(order.offer_id),
        let_in=keys.let_in,
        before=before,
        template=template,
        priced_at=priced_at,
    )


def _judged(
    call: Call, order: Order, template: Template | None, offer: Offer | None, because: str
) -> list[str]:
    """What to warn of in what was found. `because`: why the offer is not known. Raises a leaf of
    Refused where it cannot work.
    """
    if order.is_vm:
        offer_rules.check_vm_offer(order.offer_id, offer, because)
    offer_rules.check_disk(order, template, offer)
    disk_gb = disk_gb_wanted(order.body, template)
    warnings = [
        *_of_bid(call, order, offer),
        *port_rules.check_ports(order, template, offer),
        *image_fit.check_image(order, template, offer),
        *offer_rules.warnings_of(order, offer, disk_gb),
    ]
    if template is not None:
        warnings += _of_its_image(order, template)
        warnings += rules.warnings_of_template(order.body, template)
        warnings += template_filters.warnings_of(template.extra_filters, offer)
    return warnings


def _of_bid(call: Call, order: Order, offer: Offer | None) -> list[str]:
    """What to warn of in a bid. Whoever is told the price on demand may rent at it (market.py)."""
    on_demand = call.session.offers.on_demand_usd(order.offer_id)
    try:
        bid_rules.check_bid(order, offer, on_demand)
    except errors.VastMcpError:
        if on_demand is not None:
            call.session.offers.told_on_demand(order.offer_id)
        raise
    return [] if offer is None else bid_rules.warnings_of(order, on_demand)


def _of_its_image(order: Order, template: Template) -> list[str]:
    """What speaks against the image that a template brings, where it is the one."""
    return [] if "image" in order.body else image_rules.warnings_of_template(template)


async def _way_in(call: Call, order: Order) -> tuple[Template | None, str, Keys]:
    """The template, why it could not be read, and the SSH keys that are let in. Raises a leaf of
    Refused for a VM that nobody could enter.
    """
    if order.is_vm:
        keys = await keys_of_vm(call)
        template, unread = await template_in(call, order.body)
        offer_rules.check_vm_image(order.body, template)
        return template, unread, keys
    template, unread = await template_in(call, order.body)
    if rules.by_args(order.body, template):
        return template, unread, Keys()
    return template, unread, await keys_of_container(call)


async def _new_volume(
    call: Call, order: Order, offer: Offer | None, *, priced: bool
) -> tuple[float | None, str]:
    """What a volume that is made with the machine costs in $/h, 0 where none is, and why that is
    not known where it was looked for (empty elsewhere).
    """
    if not order.volume_is_new:
        return 0.0, ""
    if not priced:
        return None, ""
    return await volume_usd_per_hour(call, order.body["volume_info"], offer)
