"""What the market has instead, where too little of it fits: which requirement costs how much, as
arguments of provision that are ready to send.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vast_mcp import errors
from vast_mcp.account.pulled import known_gb
from vast_mcp.errors import Json
from vast_mcp.journal.plan_records import Bounds
from vast_mcp.machines import figures
from vast_mcp.machines.costs import is_dearer
from vast_mcp.offers import relaxing, remembered
from vast_mcp.offers.filters import fits
from vast_mcp.offers.relaxing import Change
from vast_mcp.offers.search import Search
from vast_mcp.provisioning.candidates import Candidates
from vast_mcp.provisioning.needs import LEASE, Needs, needs_of
from vast_mcp.provisioning.pulls import Pull, pull_of
from vast_mcp.provisioning.requirement import Requirement
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer

MOST = 5  # changes that are told
PRICE = "max_usd_per_hour"
# Over the nearest price, so that the one offer at it may fail.
ROOM = 1.15


@dataclass(frozen=True)
class Instead:
    """One change of a wish. `change`: arguments of provision, None for one that is left out;
    `offers`: how many more it finds; `usd_per_hour`: the cheapest of them; `said`: in words.
    """

    change: Json
    offers: int
    usd_per_hour: float | None
    said: str

    def applied_to(self, given: Json) -> Json:
        """A call's arguments with the change."""
        return {
            name: value for name, value in {**given, **self.change}.items() if value is not None
        }


@dataclass(frozen=True)
class _Wish:
    """What is wished, as it was read. `pull`: of its image."""

    requirement: Requirement
    bounds: Bounds
    needs: Needs
    pull: Pull

    def may_be_served(self, name: str, offer: Offer) -> bool:
        """Whether nothing but what is changed speaks against an offer."""
        if name == "min_disk_gb":
            return True
        return self.needs.doubts_of(offer) is not None and self._has_room_for(offer)

    def _has_room_for(self, offer: Offer) -> bool:
        """Whether the worst case of a try of it fits the budget."""
        if self.bounds.budget_usd is None:
            return True
        price, pull_usd = offer.dph_total, self.pull.most_usd(offer)
        if price is None or pull_usd is None:
            return False
        return self.bounds.has_room_for(self.bounds.worst_usd(price, pull_usd))


async def instead(
    call: Call, requirement: Requirement, bounds: Bounds, found: Candidates | None = None
) -> list[Instead]:
    """Single changes that find offers which the wish as it is does not; what finds most first, and
    money last. `found`: what fits, where that was looked for. One search; nothing where it fails.

    Raises BadArguments as needs_of().
    """
    over = [] if found is None else _by_budget(found)
    try:
        needs = await needs_of(call, requirement, bounds)
        known = remembered.remembered(call, needs.args.before)
        wanted = [*needs.filters, *known.filters(needs.args.before)]
        kept, order = relaxing.broader(wanted)
        search = Search(needs.market, needs.disk_gb).whatever_room()
        offers = await search.offers(call, kept, order)
    except errors.BadArguments:
        raise
    except errors.VastMcpError:
        return over
    others = [offer for offer in offers if not fits(offer, wanted)]
    pull = pull_of(needs.image, needs.disk_gb, known_gb(call.session, needs.image))
    wish = _Wish(requirement, bounds, needs, pull)
    changes = relaxing.changes(wanted, others, wish.may_be_served)
    told = [_told(call, wish, one) for one in changes]
    return [*(one for one in told if one is not None), *over][:MOST]


def _told(call: Call, wish: _Wish, one: Change) -> Instead | None:
    """One change in provision's own arguments; None for one that helps nobody."""
    name = one.relaxation.argument
    if name == PRICE:
        return _by_price(call, one)
    change = _change(wish.requirement, wish.bounds, name, one.relaxation.to)
    return None if change is None else _made(change, one.offers)


def _change(requirement: Requirement, bounds: Bounds, name: str, to: Any) -> Json | None:
    """A change of one argument of a search as one of provision's; None where none of them is it."""
    prefix, _, field = name.partition(".")
    if prefix == "filters":
        given: Json = requirement.search.get("filters") or {}
        left: Json = {one: ops for one, ops in {**given, field: to}.items() if ops is not None}
        return {"filters": json.dumps(left) if left else None}
    if name == LEASE:
        hours = math.floor((float(to) - bounds.lease_s) / 3600)
        return {LEASE: hours} if hours >= 1 else None
    if name == "min_disk_gb":
        return {"disk": to}
    return {name: to}


def _made(change: Json, serving: Sequence[Offer]) -> Instead:
    usd = min((one.dph_total for one in serving if one.dph_total is not None), default=None)
    named = ", ".join(
        f"without {name}" if value is None else f"{name} {_shown(value)}"
        for name, value in change.items()
        if value is not None or len(change) == 1
    )
    count = f"{len(serving)} offer{'s' if len(serving) > 1 else ''} more"
    price = "" if usd is None else f", from {figures.at_least(usd):g} $/h"
    return Instead(change, len(serving), usd, f"{named}: {count}{price}")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


# ── money ──────────────────────────────────────────────────────────────────────────────────────


def _by_price(call: Call, one: Change) -> Instead | None:
    """A little over the nearest price, as far as the person allows; None where that is further."""
    persons, nearest = call.limits.max_usd_per_hour, float(one.relaxation.to)
    if persons is not None and is_dearer(nearest, persons):
        return None
    most = figures.at_least(min(nearest * ROOM, math.inf if persons is None else persons))
    within = [
        offer
        for offer in one.fitting
        if offer.dph_total is not None and not is_dearer(offer.dph_total, most)
    ]
    return _made({PRICE: most}, within or one.offers)


def _by_budget(found: Candidates) -> list[Instead]:
    """The budget that has room for the worst case of an offer that fits, and of those beside it."""
    if not found.over_budget:
        return []
    least = min(one.worst_usd for one in found.over_budget)
    budget = math.ceil(least * ROOM * 100) / 100
    within = [one.offer for one in found.over_budget if one.worst_usd <= budget]
    return [_made({"budget_usd": budget}, within)]
