"""What is wanted in a world, under which bounds, and which offers could have served it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from storm.plans.market import Market, usd_per_hour
from storm.plans.worlds import Image, MarketWorld
from vast_mcp.sandbox.offers import Offer

Json = dict[str, Any]

# Usual ones, with compressed sizes as registries tell them, at most that of the largest of a name
# (docs/provision.md), and one that nobody knows.
IMAGES = (
    Image("pytorch/pytorch:2.6.0-cuda12.6-cudnn9-devel", 6.9, 11.0),
    Image("nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04", 4.6, 6.0),
    Image("vllm/vllm-openai:v0.8.5", 9.4, 13.0),
    Image("example.org/team/trainer:7", 6.4, None),
)
CARDS = ("RTX 4090", "RTX 3090 Ti", "RTX A6000", "RTX 5090", "L40S", "RTX A4000", "RTX 3060")
LEAVE_SHARE = 0.06  # of those who want a machine, and never ask after it again
TWIN_SHARE = 0.15  # of plans that two servers of one person are asked for
TO_END_MIN = 10.0  # of a failed try, in its worst case


@dataclass(frozen=True)
class Wish:
    """What one caller wants. Money in $."""

    search: Json
    rental: Json
    image: Image
    bid: bool = False
    count: int = 1
    max_usd_per_hour: float = 1.0  # of each
    budget_usd: float = 1.0
    overlap_usd: float = 0.0
    max_attempts: int = 5
    give_up_min: float = 20.0
    lease_hours: float | None = None
    hears: bool = False  # its host hears of progress, and waits for as long as it does

    @property
    def disk(self) -> float:
        return self.rental["disk"]

    def as_plan(self) -> Json:
        """Arguments of provision."""
        given = {
            **self.search,
            **self.rental,
            "max_usd_per_hour": self.max_usd_per_hour,
            "budget_usd": self.budget_usd,
            "max_attempts": self.max_attempts,
            "give_up_after_minutes": self.give_up_min,
        }
        if self.bid:
            given["type"] = "bid"
        if self.count > 1:
            given["count"] = self.count
        if self.overlap_usd:
            given["overlap_usd"] = self.overlap_usd
        if self.lease_hours is not None:
            given["lease_hours"] = self.lease_hours
        if self.hears:
            given["until_done"] = True
        return given

    def as_search(self) -> Json:
        """Arguments of search_offers."""
        given = {
            **self.search,
            "max_usd_per_hour": self.max_usd_per_hour,
            "min_disk_gb": self.disk,
            "min_direct_ports": 1,
        }
        return given | ({"type": "bid"} if self.bid else {})

    def fits(self, offer: Offer) -> bool:
        """Whether an offer is what was asked for, whatever is true of its machine."""
        named = self.search.get("gpu_name")
        return (
            offer["verification"] == "verified"
            and not offer["external"]
            and offer["num_gpus"] == 1
            and (named is None or offer["gpu_name"] in named)
            and offer["gpu_ram"] >= self.search.get("min_gpu_ram_gb", 0) * 1000
            and offer["disk_space"] >= self.disk
            and offer["direct_port_count"] >= 1
            and offer["cpu_arch"] == "amd64"
            and (not self.bid or offer["min_bid"] < offer["dph_base"] * 0.9)
            and usd_per_hour(offer, self.disk, bid=self.bid) <= self.max_usd_per_hour
        )

    @property
    def try_hours(self) -> float:
        """How long a try may live: until it is given up, and until it is gone."""
        return (self.give_up_min + TO_END_MIN) / 60

    @property
    def needs_hours(self) -> float:
        """For how long a host must offer a machine: a try, and the lease that begins after it."""
        return self.try_hours + (self.lease_hours or 0.0)

    def worst_usd(self, offer: Offer) -> float:
        """The most that a try of it may cost, its pull by what is known of the image, or else by
        its disk.
        """
        pull = min(self.disk, self.image.most_gb or self.disk)
        price = usd_per_hour(offer, self.disk, bid=self.bid)
        return price * self.try_hours + pull * offer["inet_down_cost"]


@dataclass
class Scene:
    """A world's callers: what each wants, when their servers are killed, when one never asks again
    (None: stays), and whether they share a journal.
    """

    seed: int
    wishes: list[Wish] = field(default_factory=list[Wish])
    kills: list[list[float]] = field(default_factory=list[list[float]])
    starts: list[float] = field(default_factory=list[float])
    leaves: list[float | None] = field(default_factory=list["float | None"])
    twins: list[bool] = field(default_factory=list[bool])  # two servers ask for the same plan
    one_journal: bool = False


def scene_of(market: Market, world: MarketWorld) -> Scene:
    """What happens in the world of a market, the same for the same seed."""
    dice = random.Random(f"{market.seed}/scene")
    scene = Scene(market.seed, one_journal=dice.random() < 0.5)
    for _ in range(callers_of(market.seed)):
        scene.wishes.append(_wish(dice, world))
        scene.starts.append(dice.uniform(0, 20))
        kills = dice.choices((0, 1, 2), (6, 3, 1))[0]
        scene.kills.append(sorted(dice.expovariate(1 / 120) for _ in range(kills)))
        scene.leaves.append(dice.uniform(5, 400) if dice.random() < LEAVE_SHARE else None)
        scene.twins.append(dice.random() < TWIN_SHARE)
    return scene


def callers_of(seed: int) -> int:
    """How many want a machine in a world at once."""
    return random.Random(f"{seed}/callers").choices((1, 2, 3), (7, 2, 1))[0]


def image_of(seed: int) -> Image:
    """The image that a world's rentals have."""
    return random.Random(f"{seed}/image").choice(IMAGES)


def _wish(dice: random.Random, world: MarketWorld) -> Wish:
    bid = dice.random() < 0.2
    disk = float(dice.choice((16, 24, 40)))
    search: Json = {"num_gpus": 1}
    if dice.random() < 0.6:
        search["gpu_name"] = [dice.choice(CARDS)]
    else:
        search["min_gpu_ram_gb"] = float(dice.choice((16, 24)))
    rental = {"image": world.image.name, "disk": disk, "runtype": "ssh_direct"}
    open_to_all = Wish(search, rental, world.image, bid=bid, max_usd_per_hour=100.0)
    fitting = [one for one in world.offers.values() if one["rentable"] and open_to_all.fits(one)]
    prices = sorted(usd_per_hour(one, disk, bid=bid) for one in fitting) or [0.5]
    share = dice.choice((0.4, 0.7, 1.0, 1.0))
    ceiling = round(prices[min(len(prices) - 1, int(share * len(prices)))] * 1.05 + 0.005, 3)
    count = dice.choices((1, 2), (9, 1))[0]
    typical = prices[len(prices) // 3] / 2 + (world.image.most_gb or disk) * 0.0052
    return Wish(
        search,
        rental,
        world.image,
        bid=bid,
        count=count,
        max_usd_per_hour=ceiling,
        budget_usd=round(count * typical * dice.choice((0.7, 1.5, 2.5, 4.0, 6.0)), 3),
        overlap_usd=dice.choice((0.0, 0.0, 0.0, round(typical * 2, 3))),
        max_attempts=dice.choice((5, 5, 8)),
        lease_hours=dice.choice((None, 2.0, 8.0)),
        hears=dice.random() < 0.5,
    )
