"""What the order of offers comes to in the markets of `make plans`, by arithmetic: each offer costs
what it would have cost until it worked or was known to fail. Weights are moved one at a time; the
table stands in docs/provision.md, "The order".

    python -m storm.plans.weights 150
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from storm.plans.market import Market, usd_per_hour
from storm.plans.wishes import Wish, image_of, scene_of
from storm.plans.worlds import world_of
from vast_mcp.account.before import Before
from vast_mcp.journal.met import Event
from vast_mcp.provisioning import weighing
from vast_mcp.provisioning.pulls import pull_of
from vast_mcp.sandbox.offers import Offer as Row
from vast_mcp.vast.models import Offer, offers_of

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0d a@b"
GIVE_UP_S, STUCK_S, NO_WAY_IN_S, TO_END_S, SEEN_S = 1200.0, 900.0, 240.0, 20.0, 30.0

# Each weight by itself, and the values that it is tried at.
MOVED: dict[str, tuple[float, ...]] = {
    "BEST": (0.75, 0.95),
    "OF_RELIABILITY": (5, 10, 20, 30),
    "HOURS": (0.5, 2, 4),
    "OF_LEASE": (0, 0.5, 1),
    "FAILED_SHARE": (0.3, 0.5, 0.9),
    "OF_HOST": (0, 1),
    "PRIOR": (1, 4),
    "BOOT_S": (30, 180),
    "OF_TOO_SLOW": (1,),
}


@dataclass
class Case:
    """One wish and the offers that fit it. `bad`: failed machines by host, as it goes on."""

    market: Market
    wish: Wish
    offers: list[tuple[Row, Offer]]
    bad: dict[int, int] = field(default_factory=dict[int, int])

    def price(self, row: Row) -> float:
        return usd_per_hour(row, self.wish.disk, bid=self.wish.bid)

    def came_to(self, row: Row) -> tuple[bool, float]:
        """Whether its machine works, and the dollars until that is known."""
        truth, gb = self.market.truths[row["machine_id"]], self.wish.image.gb
        pull_s, fails = self.market.pull_s(row, gb), truth.of_bid(bid=self.wish.bid)
        usable_s = pull_s + truth.boot_s + TO_END_S
        known_s: dict[str, float] = {
            "never_starts": STUCK_S,
            "stuck": STUCK_S,
            "no_way_in": pull_s + NO_WAY_IN_S,
            "fewer_gpus": usable_s,
        }
        works = fails is None and usable_s <= GIVE_UP_S
        seconds = usable_s
        if not works:
            failed_s = known_s.get(fails or "", truth.at * pull_s + SEEN_S if fails else GIVE_UP_S)
            seconds = min(failed_s, GIVE_UP_S) + TO_END_S
        pulled = gb if works else self.market.pulled(row, gb, seconds, bid=self.wish.bid)
        return works, self.price(row) * seconds / 3600 + pulled * row["inet_down_cost"]

    def expected(self, row: Row, offer: Offer) -> float:
        """By the weights as they are."""
        pull = pull_of(self.wish.image.name, self.wish.disk)
        failed = [
            Before([Event(1, number, "failed", "no_progress", at=1.0)])
            for number in range(self.bad.get(row["host_id"], 0))
        ]
        return weighing.weighed(
            self.price(row),
            pull.usd(offer) or 0.0,
            pull.seconds(offer),
            weighing.chance_of(offer, None, failed, []),
            give_up_s=GIVE_UP_S,
            lease_hours=self.wish.lease_hours,
        ).usd_per_hour

    def cheapest(self, row: Row, offer: Offer) -> float:
        return self.price(row)

    def tried(self, order: Callable[[Row, Offer], float]) -> float:
        """Dollars until one works, or as many failed as are allowed."""
        self.bad.clear()
        left, usd = list(self.offers), 0.0
        for _ in range(self.wish.max_attempts):
            if not left:
                break
            row, _ = min(left, key=lambda one: order(*one))
            works, cost = self.came_to(row)
            usd += cost
            if works:
                break
            self.bad[row["host_id"]] = self.bad.get(row["host_id"], 0) + 1
            left = [one for one in left if one[0]["machine_id"] != row["machine_id"]]
        return usd

    def best(self) -> float:
        """Dollars of who knows which machines work: its first hour and its try cost least."""
        known = [(self.price(row), *self.came_to(row)) for row, _ in self.offers]
        working = [(price + usd, usd) for price, works, usd in known if works]
        return min(working)[1] if working else 0.0


def cases(worlds: int) -> Iterator[Case]:
    """The wishes of so many markets, as those are when they begin."""
    for seed in range(1, worlds + 1):
        market = Market(seed)
        world = world_of(market, image_of(seed), KEY)
        for wish in scene_of(market, world).wishes:
            rows = [one for one in world.offers.values() if one["rentable"] and wish.fits(one)]
            read = {one.ask_contract_id: one for one in offers_of(list(rows))}
            yield Case(market, wish, [(row, read[row["id"]]) for row in rows])


def main() -> None:
    all_cases = list(cases(int(sys.argv[1])))
    best = sum(one.best() for one in all_cases)

    def say(name: str, total: float) -> None:
        print(f"{name:24} {total / len(all_cases):.4f} $, {total / best:.2f} times", flush=True)

    say("who knows", best)
    say("cheapest first", sum(one.tried(one.cheapest) for one in all_cases))
    say("as it is", sum(one.tried(one.expected) for one in all_cases))
    for name, values in MOVED.items():
        kept = getattr(weighing, name)
        for value in values:
            setattr(weighing, name, value)
            say(f"{name} {value}", sum(one.tried(one.expected) for one in all_cases))
        setattr(weighing, name, kept)


if __name__ == "__main__":
    main()
