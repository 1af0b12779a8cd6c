"""What an order would meet, with every check and price of the real call, and nothing sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vast_mcp import errors
from vast_mcp.journal.records import Intent
from vast_mcp.renting import confirm
from vast_mcp.renting.earlier import refuse_if_unannounced, seen_of
from vast_mcp.renting.elsewhere import seen_elsewhere
from vast_mcp.renting.findings import LOOK_S
from vast_mcp.renting.limits import Headroom
from vast_mcp.renting.order import Order
from vast_mcp.renting.request import Request, request_of
from vast_mcp.renting.terms import Terms, terms_unasked
from vast_mcp.session import Call
from vast_mcp.settings import Limits


@dataclass(frozen=True)
class Credit:
    """What can be spent, in $. `refills`: a saved card is charged as it runs out, so that it is no
    ceiling (docs/vast-api.md G).
    """

    usd: float
    refills: bool


@dataclass(frozen=True)
class Preview:
    """What the journal has of an order already, else the terms of renting it."""

    request: Request
    found: Intent | None
    terms: Terms | None
    warnings: list[str]
    left: dict[str, float]  # what each limit in force leaves after this rental, by its name
    credit: Credit | None = None  # None: it could not be read, or nothing would be rented

    @property
    def would(self) -> Literal["rent", "replay", "settle"]:
        """What the call would do first."""
        if self.found is None:
            return "rent"
        if self.found.lives:
            return "replay"
        return "settle"


async def preview(call: Call, order: Order) -> Preview:
    """Look as rent() does, and announce nothing. Raises what refuses the rental itself."""
    limits = call.limits
    request, warnings = await request_of(call, order)
    found = seen_of(call, request.wish)
    if found is not None:
        return Preview(request, found, None, warnings, _left(limits, order, None))
    found, lost = await seen_elsewhere(call, request)
    warnings = [*warnings, *lost]
    if found is not None:
        return Preview(request, found, None, warnings, _left(limits, order, None))
    refuse_if_unannounced(call, request.wish)
    terms = await terms_unasked(call, order, request.wish.account)
    call.session.offers.tell(order.offer_id)
    warnings = [*warnings, *terms.findings.warnings]
    if confirm.wanted(call, terms.price.total):
        warnings.append("The person is asked before this is rented (VAST_MCP_CONFIRM).")
    left = _left(limits, order, terms)
    return Preview(request, None, terms, warnings, left, await _credit(call))


async def _credit(call: Call) -> Credit | None:
    try:
        user = await call.within(LOOK_S).recent.user()
    except errors.VastMcpError:
        return None
    if user.credit is None:
        return None
    refills = (user.autobill_threshold, user.autobill_amount) != (None, None)
    return Credit(user.credit, refills=refills)


def _left(limits: Limits, order: Order, terms: Terms | None) -> dict[str, float]:
    left = {"max_lease_hours": _difference(limits.max_lease_hours, order.lease_hours or 0, 2)}
    if terms is not None:
        caps = [usd for usd in (limits.max_usd_per_hour, order.max_usd_per_hour) if usd is not None]
        left["max_usd_per_hour"] = _difference(min(caps, default=None), terms.price.total, 5)
        if terms.room is not None:
            left |= _left_of_account(limits, terms.room)
    return {name: value for name, value in left.items() if value is not None}


def _left_of_account(limits: Limits, room: Headroom) -> dict[str, float | None]:
    most_usd, most_machines = limits.max_total_usd_per_hour, limits.max_instances
    left: dict[str, float | None] = {
        "max_total_usd_per_hour": _difference(most_usd, room.usd_per_hour, 5),
        "max_instances": _difference(most_machines, room.machines, 0),
    }
    if room.credit_hours is not None:
        left["credit_hours"] = round(min(room.credit_hours, 1e6), 1)
    return left


def _difference(most: float | None, used: float | None, digits: int) -> float | None:
    if most is None or used is None:
        return None
    return round(most - used, digits)
