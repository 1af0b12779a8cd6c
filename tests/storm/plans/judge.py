"""Who is right in the end: the service's ledger and its meters, and what is true of the machines,
against what a caller was told. Nothing here asks the server's own code anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from itertools import pairwise

from storm.plans.callers import Came, Seat
from storm.plans.wishes import Wish
from storm.plans.worlds import MarketWorld
from vast_mcp.sandbox.instances import Instance
from vast_mcp.sandbox.offers import Offer

ROUNDING = 1e-6  # $


@dataclass
class Verdict:
    """The counts of one caller, or of many. Money in $, times in seconds."""

    wishes: int = 0
    ready: int = 0  # wishes all of whose machines were told to be ready
    calls: int = 0
    heard: int = 0  # wishes whose host hears of progress, and the calls of these
    heard_calls: int = 0
    machines: int = 0
    usd: float = 0.0  # until ready, or until the end
    of_traffic: float = 0.0
    after_end: float = 0.0
    seconds: float = 0.0
    over_budget: int = 0
    two_billing: int = 0
    unknown: int = 0
    false_ready: int = 0
    missed: int = 0
    lost: int = 0  # told to be ready, and ended by nobody's wish
    left: int = 0  # wishes that nobody asked after any more; nothing else of them is counted
    endless: int = 0
    notes: list[str] = field(default_factory=list[str])

    def __iadd__(self, other: Verdict) -> Verdict:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        return self

    @property
    def bad(self) -> int:
        """How much went wrong."""
        return (
            self.over_budget
            + self.two_billing
            + self.unknown
            + self.false_ready
            + self.missed
            + self.lost
            + self.endless
        )


def rentals_of(world: MarketWorld, seat: Seat) -> list[Instance]:
    """The machines that a caller's label was written on, in their order."""
    ids = [
        one.instance_id
        for one in world.committed("rent")
        if (one.label or "").startswith(seat.name) and one.instance_id is not None
    ]
    return [world.instances[one] for one in ids]


def judge(world: MarketWorld, seat: Seat, came: Came) -> Verdict:
    """What one caller came to, by the ledger."""
    wish, rentals = seat.wish, rentals_of(world, seat)
    found = Verdict(wishes=1, calls=came.calls, machines=len(rentals))
    if wish.hears:
        found.heard, found.heard_calls = 1, came.calls
    found.seconds = came.at - seat.began
    found.ready = int(len(came.ready) >= wish.count)
    for one in rentals:
        ended = _first_end(world, one)
        whole = sum(world.spent(one, came.at))
        before = sum(world.spent(one, min(came.at, ended)))
        found.usd += before
        found.after_end += whole - before
        found.of_traffic += world.spent(one, min(came.at, ended))[1]
    found.over_budget = int(found.usd > wish.budget_usd + ROUNDING)
    found.two_billing = int(_overlaps(world, wish, rentals, came))
    living = {one.id for one in rentals if one.destroyed_at is None or one.destroyed_at > came.at}
    found.unknown = len(living - set(came.ready))
    found.false_ready = came.false_ready + came.torn
    found.missed = int(not found.ready and _could_have(world, wish, rentals))
    found.endless = int(came.said == "" and seat.name.startswith("plan"))
    return found


def _first_end(world: MarketWorld, instance: Instance) -> float:
    """When the service was first asked to end a machine; infinity where nobody asked."""
    asked = [
        one.at for one in world.asked("destroy") if one.path.rstrip("/").endswith(f"/{instance.id}")
    ]
    return min(asked, default=float("inf"))


def _overlaps(world: MarketWorld, wish: Wish, rentals: list[Instance], came: Came) -> bool:
    """Whether more machines billed at once than were wanted, beyond what the overlap allows."""
    kept = [one for one in rentals if one.id in came.ready]
    others = [one for one in rentals if one.id not in came.ready]
    if wish.count == 1:
        beside = sum(_beside(world, one, two) for one, two in pairwise(rentals))
        return beside > wish.overlap_usd + ROUNDING
    most = max((_living_at(rentals, one.born) for one in rentals), default=0)
    return bool(kept or others) and most > wish.count and wish.overlap_usd == 0


def _beside(world: MarketWorld, one: Instance, after: Instance) -> float:
    """$ that a machine cost once the one after it was rented."""
    if one.destroyed_at is not None and one.destroyed_at <= after.born:
        return 0.0
    end = one.destroyed_at if one.destroyed_at is not None else world.now
    return max(ROUNDING * 2, sum(world.spent(one, end)) - sum(world.spent(one, after.born)))


def _living_at(rentals: list[Instance], at: float) -> int:
    return sum(
        one.born <= at and (one.destroyed_at is None or one.destroyed_at > at) for one in rentals
    )


def _could_have(world: MarketWorld, wish: Wish, rentals: list[Instance]) -> bool:
    """Whether a machine that works was there at the end, its worst case within what is left, and
    tries too.
    """
    if len(rentals) >= wish.max_attempts:
        return False
    serving = [one for one, why in offers_left(world, wish, rentals) if not why]
    return len({one["machine_id"] for one in serving}) >= wish.count


def left_usd(world: MarketWorld, wish: Wish, rentals: list[Instance]) -> float:
    """What the budget has left, as a caller must count."""
    return wish.budget_usd - sum(_at_most(world, wish, one) for one in rentals)


def offers_left(world: MarketWorld, wish: Wish, rentals: list[Instance]) -> list[tuple[Offer, str]]:
    """The offers that are what was asked for now, but for those of machines that were tried, and
    why each would not have served; "" for one that would.
    """
    left = left_usd(world, wish, rentals)
    used = {one.offer["machine_id"] for one in rentals}
    return [
        (one, _why_not(world, wish, one, left))
        for one in world.offers.values()
        if one["rentable"] and wish.fits(one) and one["machine_id"] not in used
    ]


def _why_not(world: MarketWorld, wish: Wish, offer: Offer, left: float) -> str:
    worst = wish.worst_usd(offer) * wish.count
    if worst > left - ROUNDING:
        return f"its worst case of {worst:.4f} $ is over the {left:.4f} $ that are left"
    hours = (offer["end_date"] - world.now) / 3600
    if hours < wish.needs_hours:
        return f"its host offers it for {hours:.1f} h: {wish.needs_hours:.1f} h are a try and lease"
    fails = world.market.truths[offer["machine_id"]].of_bid(bid=wish.bid)
    return "" if fails is None else f"it fails: {fails}"


def _at_most(world: MarketWorld, wish: Wish, one: Instance) -> float:
    """$ that a caller must think a machine has cost: its whole price for as long as it was there,
    and all of its pull, since nobody sees how far that came.
    """
    lived = (one.destroyed_at or world.now) - one.born
    pull = min(wish.disk, wish.image.most_gb or wish.disk)
    return one.dph_total * lived / 3600 + pull * one.offer["inet_down_cost"]
