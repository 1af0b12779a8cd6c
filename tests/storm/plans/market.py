"""A market and what is true of its machines, which no offer says.

The window is the sandbox's own (prices, traffic, disks, places, traps), with these changes, made by
the machine so that its offers agree:

- A machine fails or works, for as long as the world lasts, whatever offer it is rented by: 30 % of
  all fail. How often depends on the reliability that its offers show (from 15 % at 0.9997 to 45 %
  at 0.965, 60 % below 0.9) and on its host, whose machines fail together more often than by chance;
  on nothing else, the price above all.
- A working machine is of use once its image is pulled and unpacked: by the speed that its offer
  shows, of which a registry gives between a third and four fifths, at most 1.5 Gbit/s; SSH answers
  10 to 60 s after that, and the card bills meanwhile.
- Speeds down are spread evenly by their logarithm, 150 to 4,000 Mbit/s.
- Every half minute something happens: a price moves by up to 15 %, an offer is taken by somebody,
  or one comes back.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Any, Literal

from vast_mcp.sandbox import offers as window
from vast_mcp.sandbox.failures import SAID
from vast_mcp.sandbox.fates import GIVEN_UP, OUTBID, VANISHED, Course, Fate
from vast_mcp.sandbox.offers import MONTH_HOURS, Offer

OFFERS = 440
STEP_S = 10.0  # a machine's status may change this often
EVENT_S = 30.0
HORIZON_S = 6 * 3600.0  # a world lasts no longer
FASTEST_MBIT = 1500.0
UNPACKED = 2.5  # times the size of what is pulled

Failing = Literal[
    "never_starts", "bad_pull", "stuck", "no_way_in", "fewer_gpus", "vanishes", "outbid"
]
OF_ALL: dict[Failing, int] = {
    "never_starts": 5,
    "bad_pull": 7,
    "stuck": 5,
    "no_way_in": 5,
    "fewer_gpus": 5,
    "vanishes": 3,
}
OUTBID_SHARE = 0.15  # of machines that work, where one bids on them
# What a host says that is the host's to mend, and not the request's.
HOSTS_FAULTS = ("pull_limit", "no_network", "broken_gpu", "broken_docker")
LOCKED = ("closed", "silent", "refuses_keys")


@dataclass(frozen=True)
class Truth:
    """What becomes of a machine. `share`: of the registry's and the link's speed that it gets;
    `boot_s`: from running until SSH answers; `at`: how far a failing one comes, 0 to 1; `word`:
    which of several ways it fails in.
    """

    fails: Failing | None
    share: float
    boot_s: float
    at: float
    word: str
    outbid: bool

    def of_bid(self, *, bid: bool) -> Failing | None:
        """How it fails, rented by a bid or not."""
        if self.fails is None and bid and self.outbid:
            return "outbid"
        return self.fails


@dataclass
class Market:
    """What a world begins with, the same for the same seed."""

    seed: int
    truths: dict[int, Truth] = field(default_factory=dict[int, Truth])  # by machine_id
    events: list[tuple[float, int, str, float]] = field(
        default_factory=list[tuple[float, int, str, float]]
    )

    def arrange(self, offers: dict[int, Offer]) -> None:
        """Change the window of a new world, and draw what is true of it."""
        dice = random.Random(f"{self.seed}/market")
        lucky: dict[int, float] = {}
        machines: dict[int, dict[str, Any]] = {}
        for offer in offers.values():
            machine = offer["machine_id"]
            if machine not in machines:
                machines[machine] = _machine(dice, offer)
                host = lucky.setdefault(offer["host_id"], dice.gauss(0, 0.8))
                self.truths[machine] = _truth(dice, offer | machines[machine], host)
            offer.update(machines[machine])
        window._invented.cache_clear()
        self.events = _events(dice, sorted(offers))

    def pull_s(self, offer: Offer, gb: float) -> float:
        """Seconds until a machine has pulled and unpacked so many GB."""
        speed = min(offer["inet_down"], FASTEST_MBIT) * self.truths[offer["machine_id"]].share
        return gb * 8000 / speed + gb * UNPACKED * 1000 / min(offer["disk_bw"], 600.0)

    def fate(self, offer: Offer, gb: float, *, bid: bool) -> Fate:
        """What becomes of a rental of this offer with an image of so many GB."""
        truth = self.truths[offer["machine_id"]]
        loading = max(1, math.ceil(self.pull_s(offer, gb) / STEP_S))
        part = max(1, round(loading * truth.at))
        lines = tuple(f"{n * 7919 % 16**12:012x}: Pull complete" for n in range(1, 400))
        whole = (None, *["loading"] * loading)
        broken = (None, *["loading"] * part)
        match truth.of_bid(bid=bid):
            case "never_starts":
                return Fate((None,) if truth.at < 0.5 else (None, "scheduling"))
            case "bad_pull":
                return _bad_pull(truth, broken)
            case "stuck":
                return Fate((None, "loading"), lines=(lines[0],))
            case "vanishes":
                return Fate((*broken, VANISHED), lines=lines)
            case "outbid":
                return Fate((*broken, OUTBID), lines=lines)
            case _:
                return Fate((*whole, "running"), lines=lines)

    def pulled(self, offer: Offer, gb: float, seconds: float, *, bid: bool) -> float:
        """GB that a rental has pulled after so long."""
        truth = self.truths[offer["machine_id"]]
        most = 1.0
        match truth.of_bid(bid=bid):
            case "never_starts":
                return 0.0
            case "bad_pull" | "vanishes" | "outbid":
                most = truth.at
            case "stuck":
                most = STEP_S / self.pull_s(offer, gb)
            case _:
                pass
        begun = max(0.0, seconds - STEP_S)  # a status of null comes first
        return gb * min(most, 1.0, begun / self.pull_s(offer, gb))


def _machine(dice: random.Random, offer: Offer) -> dict[str, Any]:
    """What all offers of a machine agree on."""
    reliability = offer["reliability"]
    return {
        "inet_down": round(math.exp(dice.uniform(math.log(150), math.log(4000))), 1),
        "disk_bw": offer["disk_bw"],
        "inet_down_cost": offer["inet_down_cost"],
        "reliability": reliability,
        "reliability2": reliability,
        "expected_reliability": reliability,
        "reliability_mult": reliability,
        "verification": offer["verification"],
    }


def _truth(dice: random.Random, offer: Offer, luck: float) -> Truth:
    odds = 0.15 + (0.9997 - offer["reliability"]) * 8.6
    odds = min(odds, 0.6)
    logit = math.log(odds / (1 - odds)) + luck
    fails = dice.random() < 1 / (1 + math.exp(-logit))
    kind = dice.choices(list(OF_ALL), list(OF_ALL.values()))[0]
    words = LOCKED if kind == "no_way_in" else HOSTS_FAULTS
    return Truth(
        fails=kind if fails else None,
        share=dice.uniform(0.33, 0.8),
        boot_s=dice.uniform(10, 60),
        at=dice.uniform(0.05, 0.95),
        word=dice.choice(words),
        outbid=dice.random() < OUTBID_SHARE,
    )


def _bad_pull(truth: Truth, broken: Course) -> Fate:
    if truth.at > 0.8:
        circles = ("4c7d45f7c63c: Retrying in 1 second", "4c7d45f7c63c: Pulling fs layer")
        return Fate((None, "loading"), lines=circles)
    text = SAID[truth.word][0]
    if truth.at > 0.6:
        return Fate((*broken, GIVEN_UP), {"loading": text}, ("exited", "loading", GIVEN_UP))
    return Fate((*broken, "created"), {"created": text}, ("exited", "loading", "created"))


def _events(dice: random.Random, ids: list[int]) -> list[tuple[float, int, str, float]]:
    """When what happens to which offer."""
    found: list[tuple[float, int, str, float]] = []
    at = 0.0
    while at < HORIZON_S:
        at += dice.expovariate(1 / EVENT_S)
        what = dice.choices(("price", "taken", "free"), (6, 3, 3))[0]
        found.append((at, dice.choice(ids), what, dice.uniform(0.87, 1.15)))
    return found


def usd_per_hour(offer: Offer, gb: float, *, bid: bool = False) -> float:
    """What an offer costs with so much disk."""
    compute = offer["min_bid"] if bid else offer["dph_base"]
    return compute + offer["storage_cost"] * gb / MONTH_HOURS
