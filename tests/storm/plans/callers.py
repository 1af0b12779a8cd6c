"""Those who want a machine: an agent with provision, an agent that plays the loop by hand, a
program that takes the next offer after any error, and one who knows which machines work.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from storm.plans.computers import Died, Json, Person, Server, Service
from storm.plans.market import usd_per_hour
from storm.plans.wishes import Wish
from storm.plans.worlds import MarketWorld

AGAIN = 12  # times that an agent repeats a call whose error says that it may
PLAN_CALLS = 300  # of one plan; then it never comes to an end
HAND_TRIES = 10  # machines that an agent, or a program, tries before it gives up
OTHERS_WAIT_S = 600.0  # how long a program waits for a machine
LEFT = "left"
HANDED_AFTER_S = 3900.0  # longer than any machine of a plan lives that was not handed over
SMI = "nvidia-smi -L"


@dataclass
class Seat:
    """A caller at a computer: its server is killed now and then, and started again."""

    person: Person
    service: Service
    world: MarketWorld
    wish: Wish
    name: str
    kills: list[float] = field(default_factory=list[float])
    leaves: float | None = None  # s after its first call: never asks again
    has_twin: bool = False  # another server of the same person is asked for the same plan
    server: Server | None = None
    calls: int = 0
    began: float = 0.0

    async def call(self, tool: str, **arguments: Any) -> Json:
        """One call of the host's. Raises Died."""
        self.calls += 1
        if self.server is None or not self.server.alive:
            self.server = await Server(self.person, self.service).__aenter__()
            asyncio.get_running_loop().create_task(self._kill(self.server))
        return await self.server.call(tool, hears=self.wish.hears, **arguments)

    async def _kill(self, server: Server) -> None:
        left = [at for at in self.kills if at + self.began > time.time()]
        if left:
            await asyncio.sleep(left[0] + self.began - time.time())
            server.kill()

    @property
    def has_left(self) -> bool:
        """Whether it never asks again."""
        return self.leaves is not None and time.time() > self.began + self.leaves

    async def patiently(self, tool: str, **arguments: Any) -> Json:
        """The same call until it says something that a repetition does not mend."""
        told: Json = {"error": {"code": "never_told"}}
        for _ in range(AGAIN):
            try:
                told = await self.call(tool, **arguments)
            except Died:
                continue
            if not told.get("error", {}).get("retryable"):
                break
        return told

    async def leave(self) -> None:
        """The computer is shut down in good order."""
        if self.server is not None:
            await self.server.__aexit__()


@dataclass
class Came:
    """What a caller came to."""

    ready: list[int] = field(default_factory=list[int])
    at: float = 0.0
    calls: int = 0
    answers: list[Json] = field(default_factory=list[Json])
    false_ready: int = 0
    said: str = ""
    torn: bool = False  # two servers told of different machines for one plan

    def take(self, world: MarketWorld, instance_id: int) -> None:
        """Hold a machine for ready, whatever it is."""
        if instance_id not in self.ready:
            self.ready.append(instance_id)
            self.false_ready += not world.works(world.instances[instance_id])


Caller = Callable[[Seat], Awaitable[Came]]


# ── with provision ─────────────────────────────────────────────────────────────────────────────


async def by_plan(seat: Seat) -> Came:
    """One plan, asked for by one server, or by two that are both told of the same machines."""
    if not seat.has_twin:
        return await _by_plan(seat)
    twin = replace(seat, server=None, kills=[], calls=0)
    came, other = await asyncio.gather(_by_plan(seat), _by_plan(twin))
    await twin.leave()
    came.torn = came.said == other.said == "ready" and set(came.ready) != set(other.ready)
    came.false_ready += other.false_ready
    return came


async def _by_plan(seat: Seat) -> Came:
    """The same call, until it says that its machines are ready or that it is over."""
    came, given = Came(), {**seat.wish.as_plan(), "request_key": seat.name, "label": seat.name}
    for _ in range(PLAN_CALLS):
        if seat.has_left:
            came.said = LEFT
            break
        told = await asked(seat, given)
        if told is not None and _is_an_end(seat, came, told):
            break
    came.calls, came.at = seat.calls, time.time()
    return came


def _is_an_end(seat: Seat, came: Came, told: Json) -> bool:
    came.answers.append(told)
    error = told.get("error")
    if error is not None:
        came.said = "" if error.get("retryable") else error["code"]
        return came.said != ""
    if told["state"] not in {"ready", "over"}:
        return False
    came.said = told["state"]
    for machine in told["machines"] if came.said == "ready" else ():
        came.take(seat.world, machine["instance_id"])
    return True


async def is_kept(seat: Seat, came: Came) -> int:
    """How many machines that were told to be ready are not there an hour later, though nobody
    asked for their end; the same call must name them again.
    """
    told = None
    for _ in range(AGAIN):
        told = await asked(seat, {"request_key": seat.name})
        if told is not None:
            break
    named = {one["instance_id"] for one in (told or {}).get("machines", [])}
    await asyncio.sleep(HANDED_AFTER_S)
    living = {one.id for one in seat.world.living}
    return sum(one not in living or one not in named for one in came.ready)


async def asked(seat: Seat, given: Json) -> Json | None:
    try:
        return await seat.call("provision", **given)
    except Died:
        return None


# ── by hand ────────────────────────────────────────────────────────────────────────────────────


async def by_hand(seat: Seat) -> Came:
    """The cheapest offer, rented, waited for and looked into; else ended, and the next cheapest."""
    came, tried = Came(), list[int]()
    for place in range(seat.wish.count):
        for number in range(HAND_TRIES):
            offer = await _cheapest(seat, tried)
            if offer is None:
                break
            tried.append(offer["machine_id"])
            key = f"{seat.name}-{place}-{number}"
            if await _by_hand_one(seat, came, offer, key):
                break
    came.calls, came.at = seat.calls, time.time()
    return came


async def _cheapest(seat: Seat, tried: list[int]) -> Json | None:
    excluded = {"exclude_machine_ids": tried} if tried else {}
    found = await seat.patiently("search_offers", **seat.wish.as_search(), **excluded)
    rows = found.get("offers") or []
    return {**(found.get("usual") or {}), **rows[0]} if rows else None


async def _by_hand_one(seat: Seat, came: Came, offer: Json, key: str) -> bool:
    told = await seat.patiently("create_instance", **_order(seat, offer), request_key=key)
    instance_id = told.get("instance_id")
    if "error" in told or instance_id is None:
        if told.get("error", {}).get("billing_possible") and instance_id is not None:
            await _end(seat, instance_id)
        return False
    if await _wait(seat, instance_id, seat.wish.give_up_min * 60) and await _is_sound(
        seat, instance_id
    ):
        came.take(seat.world, instance_id)
        return True
    await _end(seat, instance_id)
    return False


def _order(seat: Seat, offer: Json) -> Json:
    wish = seat.wish
    given = {
        **wish.rental,
        "offer_id": offer["offer_id"],
        "label": seat.name,
        "max_usd_per_hour": wish.max_usd_per_hour,
    }
    if wish.bid:
        given["price"] = round(offer["usd_per_hour"] * 1.05, 4)
        given["max_usd_per_hour"] = wish.max_usd_per_hour * 1.2
    if wish.lease_hours is not None:
        given["lease_hours"] = wish.lease_hours
    return given


async def _wait(seat: Seat, instance_id: int, seconds: float) -> bool:
    end = time.time() + seconds
    while time.time() < end:
        told = await seat.patiently("wait_for_instance", instance_id=instance_id)
        if told.get("state") == "ready":
            return True
        if told.get("state") != "still_starting":
            return False
    return False


async def _is_sound(seat: Seat, instance_id: int) -> bool:
    """What an agent looks at by hand: whether the cards are there."""
    told = await seat.patiently("run_command", instance_id=instance_id, command=SMI)
    return "GPU 0" in str(told.get("untrusted_stdout"))


async def _end(seat: Seat, instance_id: int) -> None:
    await seat.patiently("destroy_instance", instance_ids=[instance_id])


# ── the next offer after any error ─────────────────────────────────────────────────────────────


async def by_next_offer(seat: Seat) -> Came:
    """A list of offers, and down that list: whatever goes wrong, the next one. Nothing is settled,
    nothing looked into, and an end is asked for once.
    """
    came, tried = Came(), set[int]()
    for _ in range(seat.wish.count):
        for _ in range(HAND_TRIES):
            offer = await _cheapest(seat, list(tried))
            if offer is None:
                break
            tried.add(offer["machine_id"])
            if await _next_one(seat, came, offer):
                break
    came.calls, came.at = seat.calls, time.time()
    return came


async def _next_one(seat: Seat, came: Came, offer: Json) -> bool:
    key = f"{seat.name}-{offer['offer_id']}-{seat.calls}"
    given = {**_order(seat, offer), "allow_unresolved": True, "request_key": key}
    try:
        made = (await seat.call("create_instance", **given)).get("instance_id")
    except Died:
        return False
    if made is None:
        return False
    if await _wait(seat, made, OTHERS_WAIT_S):
        came.take(seat.world, made)
        return True
    with contextlib.suppress(Died):
        await seat.call("destroy_instance", instance_ids=[made])
    return False


# ── who knows ──────────────────────────────────────────────────────────────────────────────────


async def by_oracle(seat: Seat) -> Came:
    """The machine that works for the least: its first hour, its pull, and the time until it is of
    use. Nothing goes wrong on its way.
    """
    came, tried = Came(), set[int]()
    for place in range(seat.wish.count):
        for number in range(HAND_TRIES):
            offer = _best(seat, tried)
            if offer is None:
                break
            tried.add(offer["id"])
            row = {"offer_id": offer["id"], "usd_per_hour": _price(seat, offer)}
            if await _by_hand_one(seat, came, row, f"{seat.name}-{place}-{number}"):
                break
    came.calls, came.at = seat.calls, time.time()
    return came


def _price(seat: Seat, offer: Json) -> float:
    return usd_per_hour(offer, seat.wish.disk, bid=seat.wish.bid)


def _best(seat: Seat, tried: set[int]) -> Json | None:
    world, wish = seat.world, seat.wish
    fitting = [
        one
        for one in world.offers.values()
        if one["rentable"]
        and one["id"] not in tried
        and wish.fits(one)
        and world.market.truths[one["machine_id"]].of_bid(bid=wish.bid) is None
    ]

    def cost(offer: Json) -> float:
        pull_s = world.market.pull_s(offer, world.image.gb)
        return _price(seat, offer) * (1 + pull_s / 3600) + (
            world.image.gb * offer["inet_down_cost"]
        )

    return min(fitting, key=cost, default=None)


CALLERS: dict[str, Caller] = {
    "provision": by_plan,
    "by hand": by_hand,
    "next offer": by_next_offer,
    "oracle": by_oracle,
}
