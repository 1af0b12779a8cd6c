"""What a requirement needs of an offer: what was asked for, and what image, template, ports, volume
and lease want beside that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from vast_mcp import errors
from vast_mcp.errors import Json, Problem
from vast_mcp.journal.plan_records import Bounds
from vast_mcp.offers import asked
from vast_mcp.offers.asked import OfferArguments
from vast_mcp.offers.filters import Filter
from vast_mcp.offers_seen import ON_DEMAND
from vast_mcp.provisioning.requirement import TOOL, Requirement
from vast_mcp.renting import (
    image_fit,
    offer_rules,
    port_rules,
    template_filters,
    template_needs,
)
from vast_mcp.renting.order import Order, order_of
from vast_mcp.renting.template_look import disk_gb_wanted, template_in
from vast_mcp.session import Call
from vast_mcp.vast.account import Template
from vast_mcp.vast.models import Offer

LEASE = "lease_hours"
# The arguments of a rental that another process may lack the values of, and those that are filled
# in for each offer.
_NOT_JUDGED = {
    *("env_from", "image_login_from", "onstart_file", "volume_info", "lease_hours"),
    *("request_key", "max_usd_per_hour", "dry_run", "price", "offer_id"),
}


@dataclass(frozen=True)
class Needs:
    """What an offer must be. `market`: on-demand or bid; `disk_gb`: that prices count and that the
    rental is made with; `filters`: of a search; `most_usd_per_hour`: the strictest of the plan's
    and the person's, None where there is none; `warnings`: how the wish was read.
    """

    market: str
    disk_gb: float
    filters: Sequence[Filter]
    args: OfferArguments
    most_usd_per_hour: float | None
    warnings: Sequence[str]
    order: Order
    template: Template | None
    volume: Json  # that the rental asks for; empty where it asks for none

    @property
    def image(self) -> str | None:
        """The image that runs, where that is known."""
        brought = None if self.template is None else self.template.image
        return self.order.body.get("image") or brought

    def doubts_of(self, offer: Offer) -> list[str] | None:
        """What speaks against an offer without forbidding it; None where it cannot serve."""
        template = self.template
        if template is not None and template_filters.differs(template.extra_filters, offer):
            return None
        try:
            if self.order.is_vm:
                offer_rules.check_vm_offer(offer.ask_contract_id, offer)
            offer_rules.check_disk(self.order, template, offer)
            return [
                *port_rules.check_ports(self.order, template, offer),
                *image_fit.check_image(self.order, template, offer),
            ]
        except errors.Refused:
            return None


def ports_in(rental: Json) -> int:
    """How many direct ports a rental's env opens, for Requirement.ports."""
    return len(port_rules.ports_of({"env": rental.get("env") or {}}).opened)


async def needs_of(call: Call, requirement: Requirement, bounds: Bounds) -> Needs:
    """What the plan's machines need. Raises BadArguments, NoSuchTemplate, and what kept a template
    from being read that decides.
    """
    rental = _judged(requirement.rental)
    order = order_of({**rental, "offer_id": 1}, call.settings)
    template, unread = await template_in(call, order.body)
    market = str(requirement.search.get("type") or ON_DEMAND)
    most = _lowest(
        requirement.search.get("max_usd_per_hour"),
        bounds.max_usd_per_hour,
        call.limits.max_usd_per_hour,
    )
    given = _searched(requirement, disk_gb_wanted(order.body, template), most)
    read = await asked.read(call, given, TOOL)
    return Needs(
        market,
        read.args.min_disk_gb,
        [*read.filters, *_beside(requirement, bounds, order, template)],
        read.args,
        most,
        [*read.warnings, *([unread] if unread else [])],
        order,
        template,
        requirement.rental.get("volume_info") or {},
    )


def _judged(rental: Json) -> Json:
    return {name: value for name, value in rental.items() if name not in _NOT_JUDGED}


def _lowest(*prices: float | None) -> float | None:
    return min((usd for usd in prices if usd is not None), default=None)


def _searched(
    requirement: Requirement, disk_gb: float | None, most: float | None
) -> OfferArguments:
    """The wish as arguments of a search, with the disk and the price that hold."""
    names = OfferArguments.model_fields
    given: Json = {name: value for name, value in requirement.search.items() if name in names}
    if disk_gb is not None:
        given["min_disk_gb"] = max(disk_gb, given.get("min_disk_gb", 0.0))
    if most is not None:
        given["max_usd_per_hour"] = most
    if requirement.rental.get("vm"):
        given["vm"] = True
    try:
        return OfferArguments.model_validate(given)
    except ValidationError as exc:
        wrong = [Problem(str(one["loc"][0]), one["msg"]) for one in exc.errors()]
        raise errors.bad(TOOL, wrong) from exc


def _beside(
    requirement: Requirement, bounds: Bounds, order: Order, template: Template | None
) -> list[Filter]:
    """What the rental needs of an offer, whatever was asked."""
    own = port_rules.ports_of(order.body)
    lease_s = bounds.lease_s + 3600 * (bounds.lease_hours or 0.0)
    found = [_at_least("duration", lease_s, LEASE if bounds.lease_hours else None)]
    ports = len(own.direct) + requirement.ports
    if template is not None:
        cuda = template_needs.cuda_of(template)
        found += [] if cuda is None else [_at_least("cuda_max_good", cuda)]
        ports += len(port_rules.ports_of_template(template, order.body).all - own.all)
    if ports:
        found.append(_at_least("direct_port_count", ports))
    return found


def _at_least(column: str, value: Any, argument: str | None = None) -> Filter:
    return Filter(argument, column, {"gte": value})
