"""A world over a market: its machines do what is true of them, prices move, replies get lost, and a
machine's watchdog ends it as a real one would.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from storm.plans.market import STEP_S, Market
from vast_mcp.sandbox.instances import Instance
from vast_mcp.sandbox.offers import Offer
from vast_mcp.sandbox.world import World

WATCHDOG = "vast-mcp: no watchdog"  # stands in every start script that brings one
WATCHDOG_LOOK_S = 60.0
_LEASE = re.compile(r" lease-until=([0-9]{1,10})(?:#|\Z)")

# What is lost or refused on the way: endpoint, kind, before or after the world has acted, and of
# how many worlds it is met in.
FAULTS: list[tuple[str, str, str, float]] = [
    ("create", "drop", "after", 0.12),
    ("create", "drop", "before", 0.06),
    ("create", "html502", "after", 0.06),
    ("create", "html504", "after", 0.06),
    ("create", "truncated_json", "after", 0.04),
    ("destroy", "drop", "after", 0.10),
    ("destroy", "html502", "before", 0.10),
    ("show", "html502", "before", 0.15),
    ("show", "drop", "before", 0.10),
    ("list", "html502", "before", 0.15),
    ("search", "html502", "before", 0.10),
    ("label", "drop", "after", 0.10),
    ("user", "html502", "before", 0.05),
]


@dataclass(frozen=True)
class Image:
    """An image and what it weighs, compressed, in GB. `most_gb`: what is generally known of it;
    None: nothing.
    """

    name: str
    gb: float
    most_gb: float | None


class MarketWorld(World):
    """A world whose machines keep to a market's truths. Rentals have this image."""

    market: Market
    image: Image

    def _begin_life(self, instance: Instance) -> None:
        offer = instance.offer
        truth = self.market.truths[offer["machine_id"]]
        fails, gb = truth.of_bid(bid=instance.launch.is_bid), self.image.gb
        instance.fate = self.market.fate(offer, gb, bid=instance.launch.is_bid)
        instance.set_course(instance.fate.course, self.now)
        self._set_doors(instance, truth.word if fails == "no_way_in" else "closed")
        if fails != "no_way_in":
            boots_at = STEP_S * (len(instance.course) - 1) + truth.boot_s
            asyncio.get_running_loop().call_later(boots_at, self._set_doors, instance, "usual")
        if fails == "fewer_gpus":
            self.lie(instance.id, "fewer_gpus")

    def _set_doors(self, instance: Instance, manner: str) -> None:
        if instance.alive:
            for way in ("direct", "proxy"):
                self.set_door(instance.id, way, manner)

    def write(self, kind: str, instance: Instance | None = None, **detail: Any) -> None:
        super().write(kind, instance, **detail)
        if kind == "rent" and instance is not None and not instance.outbid:
            self._begin_life(instance)

    def works(self, instance: Instance) -> bool:
        """Whether a machine is of use now: it runs, and is what was promised."""
        fails = self.market.truths[instance.offer["machine_id"]].of_bid(bid=instance.launch.is_bid)
        return instance.alive and fails is None and instance.status(self.now) == "running"

    def spent(self, instance: Instance, until: float) -> tuple[float, float]:
        """$ that a machine cost by then: what the meters say, and the traffic of its pull."""
        instance.tick(self.now)
        billed = sum(one.within(0, until).usd for one in instance.meter.spans if one.start < until)
        lived = min(until, instance.destroyed_at or until) - instance.born
        bid = instance.launch.is_bid
        gb = self.market.pulled(instance.offer, self.image.gb, max(0.0, lived), bid=bid)
        return billed, gb * instance.offer["inet_down_cost"]

    # ── what happens by itself ─────────────────────────────────────────────────────────────────

    async def live(self) -> None:
        """Let happen what happens, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._trade())
            tasks.create_task(self._watch())

    async def _trade(self) -> None:
        taken: set[int] = set()
        began = time.time()
        for at, offer_id, what, factor in self.market.events:
            await asyncio.sleep(max(0.0, began + at - time.time()))
            offer = self.offers[offer_id]
            if what == "price":
                _reprice(offer, factor)
            elif what == "taken" and offer["rentable"]:
                self.take(offer_id)
                taken.add(offer_id)
            elif what == "free" and offer_id in taken:
                taken.discard(offer_id)
                self.offers[offer_id] |= {"rentable": True, "rented": False}

    async def _watch(self) -> None:
        """The watchdogs: each ends its machine at the time that its label has, while it runs."""
        while True:
            await asyncio.sleep(WATCHDOG_LOOK_S)
            for instance in self.living:
                if WATCHDOG in (instance.launch.onstart or "") and self._is_over(instance):
                    with suppress(Exception):
                        self.destroy(instance.id)

    def _is_over(self, instance: Instance) -> bool:
        found = _LEASE.search(instance.label or "")
        running = instance.status(self.now) == "running"
        return found is not None and running and float(found.group(1)) < self.now


def _reprice(offer: Offer, factor: float) -> None:
    for name in ("dph_base", "min_bid"):
        offer[name] = round(offer[name] * factor, 6)


def world_of(market: Market, image: Image, public_key: str) -> MarketWorld:
    """A world at its beginning, with what will be lost on the way."""
    world = MarketWorld(
        seed=market.seed,
        clock=time.time,
        offer_count=440,
        looks_per_step=None,
        seconds_per_step=STEP_S,
        ssh_banners=True,
        limits=True,
        credit=1000.0,
    )
    world.market, world.image = market, image
    market.arrange(world.offers)
    world.set_keys([public_key])
    dice = random.Random(f"{market.seed}/faults")
    for endpoint, kind, when, share in FAULTS:
        if dice.random() < share:
            world.faults.add(endpoint, kind, when=when, skip=dice.randrange(3))
    return world
