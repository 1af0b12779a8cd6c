"""The next try of a plan: which offer, at which price, and what a refusal means for the plan."""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

import anyio

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.journal.plan_records import (
    ROUNDING,
    Bounds,
    Plan,
    Try,
    TryOf,
    condemned_beside,
)
from vast_mcp.provisioning.candidates import Candidate, candidates
from vast_mcp.provisioning.requirement import Requirement
from vast_mcp.renting.order import Order, order_of
from vast_mcp.renting.rent import rent
from vast_mcp.session import Call

# Why there is no next try; asks: a person is to be asked at the price of what there is.
Lacks = Literal["no_offer", "over_budget", "asks"]

_NEVER_ARRIVED = frozenset({"unreachable", "rate_limited", "abandoned"})
MOVED = 1.001  # an offer that became dearer than this since it was found is another offer
MOVED_LOOKS = 30  # times look_s, after which such an offer is looked at anew


@dataclass
class Passed:
    """Offers that were refused, by their ids: the code of why, and until when they are passed over,
    on anyio's clock. What was refused before it was sent costs nothing, and is not counted.
    """

    _offers: dict[int, tuple[str, float]] = field(default_factory=dict[int, tuple[str, float]])

    def note(self, offer_id: int, exc: errors.VastMcpError, look_s: float) -> None:
        """Pass an offer over; one that became dearer only for a while."""
        moved = isinstance(exc, errors.OverLimit) and exc.offer_id is not None
        until = anyio.current_time() + MOVED_LOOKS * look_s if moved else math.inf
        self._offers[offer_id] = ("" if moved else exc.code, until)

    def now(self) -> set[int]:
        """Those to be passed over now."""
        now = anyio.current_time()
        return {offer_id for offer_id, (_, until) in self._offers.items() if now < until}

    def refused(self) -> str | None:
        """Why offers were refused, where that may hold for every one."""
        return next(iter(reversed(self._codes())), None)

    def are_many(self) -> bool:
        """Whether so many were refused that it holds for every one."""
        return len(self._codes()) >= MOST_REFUSED

    def _codes(self) -> list[str]:
        either = {kind.code for kind in OF_EITHER}
        return [code for code, _ in self._offers.values() if code in either]


def rental_of(values: Json | None, plan: Plan) -> Json | None:
    """The arguments of a rental of this plan, those that this process was called with (`values`)
    among them; None where this process was not told those that the
    journal does not keep.
    """
    if values is not None:
        return values
    requirement = Requirement.of_json(plan.wanted)
    return None if requirement.withheld else requirement.rental


def agreed_usd_per_hour(call: Call, plan: Plan) -> float | None:
    """The most that a machine may cost before a person is asked: by what they said yes to, and,
    where nobody was asked, by the setting of whoever drives too. None is no bound.
    """
    agreed, own = plan.agreed, call.settings.confirm_above
    if agreed is None:
        return own
    if agreed.asked or own is None:
        return agreed.usd_per_hour
    return min(own, agreed.usd_per_hour)


def free_place(plan: Plan, tries: list[Try], now: float) -> int | None:
    """The first place without a machine that may have one now; None while there is none, or what it
    replaces may still bill.
    """
    living = [one for one in tries if one.lives]
    blocking = condemned_beside(plan.bounds, tries, now)
    if len(living) + len(blocking) >= plan.bounds.count:
        return None
    taken = {one.place for one in [*living, *blocking]}
    return next(place for place in count(1) if place not in taken)


async def next_of(
    call: Call, plan: Plan, tries: list[Try], passed: Collection[int]
) -> Candidate | Lacks:
    """The best offer that this plan may try now; else why there is none."""
    bounds = _bounds_left(plan, tries)
    found = await candidates(
        call,
        Requirement.of_json(plan.wanted),
        bounds,
        without_machines={
            one.machine_id for one in tries if one.machine_id and not one.made_nothing
        },
        without_offers={*passed, *(one.offer_id for one in tries if _is_spent(one))},
    )
    if not found.offers:
        return "over_budget" if found.over_budget else "no_offer"
    room, agreed = bounds.max_total_usd_per_hour, agreed_usd_per_hour(call, plan)
    roomy = [one for one in found.offers if room is None or one.usd_per_hour <= room + ROUNDING]
    if not roomy:
        return "no_offer"
    allowed = [one for one in roomy if agreed is None or one.usd_per_hour <= agreed + ROUNDING]
    return _leaving_room(allowed, bounds)[0] if allowed else "asks"


def _bounds_left(plan: Plan, tries: list[Try]) -> Bounds:
    """The bounds of a plan for the places that have no machine, beside all that was tried."""
    places = plan.bounds.count - sum(one.lives for one in tries)
    return replace(
        plan.bounds,
        count=max(1, places),
        budget_usd=left_usd(plan, tries),
        max_total_usd_per_hour=_room(plan, tries),
    )


def _leaving_room(found: list[Candidate], bounds: Bounds) -> list[Candidate]:
    """Those that leave the other places their part of the budget and of the price of all, where
    there are enough of these for all places; else all.
    """
    usd, total = bounds.share_usd(), bounds.max_total_usd_per_hour
    within = [
        one
        for one in found
        if (usd is None or one.worst_usd <= usd + ROUNDING)
        and (total is None or one.usd_per_hour <= total / bounds.count + ROUNDING)
    ]
    machines = {one.offer.machine_id for one in within}
    return within if len(machines) >= bounds.count else found


def _is_spent(one: Try) -> bool:
    """Whether its offer is not to be tried again: only where no request of it ever arrived."""
    return not (one.made_nothing and one.why in _NEVER_ARRIVED)


def left_usd(plan: Plan, tries: list[Try]) -> float | None:
    """What the budget has left beside all that was tried, in $; None without a budget."""
    if plan.bounds.budget_usd is None:
        return None
    now = time.time()
    return plan.bounds.budget_usd - sum(one.counted_usd(now) for one in tries)


def _room(plan: Plan, tries: list[Try]) -> float | None:
    """What one more machine of the plan may cost beside the others, in $/h."""
    most = plan.bounds.max_total_usd_per_hour
    if most is None:
        return None
    return most - sum(
        one.usd_per_hour for one in tries if one.gone_at is None and not one.made_nothing
    )


async def try_it(
    call: Call, plan: Plan, tries: list[Try], place: int, one: Candidate, rental: Json
) -> None:
    """Rent it, as the next try of the plan. Raises what rent() does."""
    number = 1 + max((each.number for each in tries), default=0)
    attempted = TryOf(
        plan=plan.name,
        number=number,
        place=place,
        turn=plan.turn,
        machine_id=one.offer.machine_id,
        host_id=one.offer.host_id,
        pull_usd=one.pull_usd,
        agreed_usd_per_hour=agreed_usd_per_hour(call, plan),
    )
    await rent(call, order_for(call, plan, one, rental, attempted))


def order_for(call: Call, plan: Plan, one: Candidate, rental: Json, attempted: TryOf) -> Order:
    """The order of a try: what was asked for, with a short lease, and at no more than what the
    offer was found at, so that its worst case holds.
    """
    given = {
        **rental,
        **one.rental,
        "request_key": attempted.request_key,
        "lease_hours": plan.bounds.lease_s / 3600,
        "max_usd_per_hour": _most(plan, one),
    }
    if Requirement.of_json(plan.wanted).check and rental.get("runtype") == "args":
        given["check"] = True  # nobody can log in: it looks at itself
    return replace(order_of(given, call.settings), try_of=attempted)


def _most(plan: Plan, one: Candidate) -> float:
    """The most that a try of an offer may cost an hour."""
    most = one.usd_per_hour * MOVED
    cap = plan.bounds.max_usd_per_hour
    return most if cap is None else min(most, cap)


# What a refusal is of this offer alone, so that another may do.
OF_THE_OFFER = (
    errors.OfferGone,
    errors.OfferPrivate,
    errors.InvalidPrice,
    errors.BidTooLow,
    errors.PriceUnknown,
    errors.VmNotPossible,
    errors.OfferAlreadyRented,
    errors.CreatedStopped,
)
# Of this offer, or of every one: that is seen by trying a few.
OF_EITHER = (
    errors.OverLimit,
    errors.BadArguments,
    errors.InvalidRequest,
    errors.NoSuchInstance,
    errors.NotFound,
)
MOST_REFUSED = 3  # offers, for a reason that may hold for each
# What passes by itself, or by looking again.
PASSES = (
    errors.NotRented,
    errors.OutcomeUnknown,
    errors.UnresolvedIntent,
    errors.EarlierRentalFound,
    errors.JournalUnavailable,
    errors.RateLimited,
    errors.SearchQuotaExceeded,
    errors.Unreachable,
    errors.VastUnavailable,
    errors.IncompleteList,
    errors.UnexpectedReply,
)
