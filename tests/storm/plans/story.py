"""What happened in one world, for whoever looks for a cause: what was wanted, what was tried and
what is true of it, what was told, and what the judge holds for possible; and a digest by which two
times that a world was played are seen to be the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any

from storm.plans.callers import Came, Seat
from storm.plans.judge import Verdict, left_usd, offers_left, rentals_of
from storm.plans.market import usd_per_hour
from storm.plans.virtual import EPOCH, clock
from storm.plans.wishes import Scene
from storm.plans.worlds import MarketWorld
from vast_mcp.sandbox.instances import Instance
from vast_mcp.sandbox.offers import Offer

# What the system gives a door, and the key that it shows: they differ each time, and nothing looks.
_OF_DOORS = re.compile(r"SHA256:[\w+/]{43}|(?<=127\.0\.0\.1:)\d+|(?<=-p )\d+|(?<=\"port\": )\d+")


@dataclass
class Story:
    """The story of a world that is being played."""

    lines: list[str] = field(default_factory=list[str])
    digest: str = ""
    _told: list[Any] = field(default_factory=list[Any])

    def begin(self, scene: Scene, world: MarketWorld) -> None:
        """What the world begins with."""
        journals = "one journal" if scene.one_journal else "a journal each"
        lost = [f"{one.endpoint} {one.kind} {one.when}" for one in world.faults.waiting]
        image = world.image
        self.lines.append(
            f"world {scene.seed}: {image.name} of {image.gb} GB, {journals}; lost or refused on "
            f"the way: {', '.join(lost) or 'nothing'}"
        )

    def take(self, seat: Seat, came: Came) -> None:
        """One caller has come to an end."""
        rentals = rentals_of(seat.world, seat)
        self._told.append([seat.name, asdict(came)])
        self.lines += [
            "",
            f"{seat.name}: {json.dumps(seat.wish.as_plan())}",
            *_of_seat(seat),
            *(_of_rental(seat, one) for one in rentals),
            *_of_answer(came),
            *_of_offers(seat, came, rentals),
        ]

    def end(self, world: MarketWorld, verdict: Verdict) -> None:
        """What it came to."""
        counts = {name: value for name, value in asdict(verdict).items() if value}
        self.lines += ["", f"in all: {json.dumps(counts)}"]
        whole = [[one.as_json() for one in world.requests], self._told, asdict(verdict)]
        text = _OF_DOORS.sub("", json.dumps(whole, sort_keys=True, default=str))
        self.digest = hashlib.sha256(text.encode()).hexdigest()[:16]


def _at(seconds: float) -> str:
    return f"{seconds // 60:4.0f}:{seconds % 60:04.1f}"


def _of_seat(seat: Seat) -> list[str]:
    """What else is true of a caller."""
    said = [f"killed {', '.join(f'{at:.0f}' for at in seat.kills)} s later"] if seat.kills else []
    if seat.leaves is not None:
        said.append(f"never asks again {seat.leaves:.0f} s later")
    if seat.has_twin:
        said.append("two servers are asked")
    return [f"  {_at(seat.began - EPOCH)} asks; {'; '.join(said) or 'and stays'}"]


def _of_rental(seat: Seat, one: Instance) -> str:
    truth = seat.world.market.truths[one.offer["machine_id"]].of_bid(bid=one.launch.is_bid)
    until = "lives" if one.destroyed_at is None else f"gone {_at(one.destroyed_at - EPOCH).strip()}"
    return (
        f"  {_at(one.born - EPOCH)} rents {one.id} by {_named(one.offer)}, "
        f"{one.dph_total:.4f} $/h, at worst {seat.wish.worst_usd(one.offer):.4f} $: "
        f"in truth it {'works' if truth is None else f'fails ({truth})'}; {until}"
    )


def _named(offer: Offer) -> str:
    return f"offer {offer['id']} of machine {offer['machine_id']}"


def _of_answer(came: Came) -> list[str]:
    """The last answer: what it said, and of each try."""
    last = came.answers[-1] if came.answers else {}
    said = last.get("said") or last.get("error", {}).get("message") or came.said
    lines = [f"  {_at(clock.now)} is told, by call {came.calls}: {said}"]
    for one in last.get("tries", []):
        lines.append(f"          {one.get('instance_id')} {one['became']}, {one['cost_usd']} $")
    if last.get("instead"):
        lines.append(f"          instead: {json.dumps(last['instead'])}")
    return lines


def _of_offers(seat: Seat, came: Came, rentals: list[Instance]) -> list[str]:
    """What the judge thinks of the market as it is at the end, where not all that was wanted came
    of it.
    """
    world, wish = seat.world, seat.wish
    if len(came.ready) >= wish.count:
        return []
    left, tries = left_usd(world, wish, rentals), wish.max_attempts - len(rentals)
    found = [
        f"  the judge: {left:.4f} $ and {tries} tries are left; of what fits and was not tried:"
    ]
    for one, why in offers_left(world, wish, rentals):
        price = usd_per_hour(one, wish.disk, bid=wish.bid)
        found.append(f"          {_named(one)}, {price:.4f} $/h: {why or 'would have served'}")
    return found
