"""A machine of some kind that has come to the end of some fate, on a world whose clock stands."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcp import Client

from house import KEY_LINE, an_offer_to_bid_on, call, served
from vast_mcp.sandbox.fates import FATES
from vast_mcp.sandbox.replies import Refusal
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

STEP_S = 60  # a status of a course
AGO_S = 3600  # it was rented so long ago

# What is asked for, beside an offer with room for all of it.
KINDS: dict[str, dict[str, Any]] = {
    "ssh": {"runtype": "ssh_direct"},
    "jupyter": {"runtype": "jupyter_direct", "env": "-p 9000:9000"},
    "port": {
        "image": "vllm/vllm-openai",
        "runtype": "args",
        "args_str": "x",
        "env": "-p 8000:8000",
    },
    "bare": {"image": "a/b:1", "runtype": "args", "args_str": "sleep 9"},
    "vm": {"vm": True, "runtype": "ssh_direct", "image": "docker.io/vastai/kvm:ubuntu_terminal"},
    "bid": {"runtype": "ssh_direct"},
    "leased": {"runtype": "ssh_direct", "lease_hours": 5},
}

# Where a course has come to: a fate's end, or a moment on the way there.
FATES_HERE = [*FATES, "being_made", "being_loaded", "stopped", "queued"]


def row_of_table() -> list[tuple[str, str]]:
    """Every fate beside every kind."""
    return [(fate, kind) for fate in FATES_HERE for kind in KINDS]


@dataclass
class Standing:
    """One machine, the server that rented it, and the world."""

    world: World
    client: Client
    instance_id: int
    offer_id: int
    asked: dict[str, Any]
    made: dict[str, Any]
    fate: str
    kind: str

    @property
    def machine(self) -> dict[str, int]:
        return {"instance_id": self.instance_id}

    @property
    def lives(self) -> bool:
        return self.world.instances[self.instance_id].alive

    @property
    def metered(self) -> float:
        return self.world.metered(self.instance_id)

    @property
    def status(self) -> str | None:
        return self.world.instances[self.instance_id].status(self.world.now)

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return await call(self.client, tool, **arguments)


@dataclass
class Clock:
    """It stands where it is set."""

    at: float

    def __call__(self) -> float:
        return self.at


@asynccontextmanager
async def standing(
    fate: str, kind: str, settings: Settings, folder: Path, *, watched: bool = True
) -> AsyncIterator[Standing]:
    """Rent a machine of this kind through the tools, and let its fate come to its end: looked at
    by the tools all the way, or an hour later by nobody so far.
    """
    clock = Clock(time.time() - AGO_S)
    world = World(
        ssh_banners=True, looks_per_step=None, seconds_per_step=STEP_S, clock=clock, log_looks=0
    )
    world.set_keys([KEY_LINE])
    wish = KINDS[kind] | {"disk": 20, "max_usd_per_hour": 50}
    try:
        traits = {"ports": True, "vm": True, "direct_port_count": lambda n: n > 3}
        if kind == "bid":
            offer = an_offer_to_bid_on(world, **traits)
            wish["price"] = round(offer["min_bid"] * 1.5, 4)
        else:
            offer = world.offer(**traits, disk_space=lambda gb: gb > 100)
        if fate in FATES:
            world.set_fate(offer["id"], fate)
        async with served(world, hurried(settings, folder)) as client:
            made = await call(client, "create_instance", offer_id=offer["id"], **wish)
            at = Standing(world, client, made["instance_id"], offer["id"], wish, made, fate, kind)
            await come_to_its_end(at, clock, watched=watched)
            if not watched:
                make_older(folder)
            yield at
    finally:
        world.close()


def hurried(settings: Settings, folder: Path) -> Settings:
    """Ten minutes of grace are 1.5 s, a start stands still after 0.4 s, a look costs 5 ms."""
    times = replace(settings.times, young_s=1.5, stuck_s=0.4, look_s=0.005, pace=0.0, budget_s=5.0)
    times = replace(times, verify_s=0.01, log_s=0.01, log_fresh_s=0.01)
    return replace(settings, times=times, state_dir=folder)


async def come_to_its_end(at: Standing, clock: Clock, *, watched: bool) -> None:
    """Let one status pass after the other, and an hour where that may be."""
    world, number = at.world, at.instance_id
    if at.fate == "being_made":
        return
    clock.at += STEP_S
    if at.fate == "being_loaded":
        return
    for _ in world.instances[number].course:
        if watched:
            await at.call("show_instance", **at.machine)
        clock.at += STEP_S
    world.show(number)
    if at.fate in {"stopped", "queued"}:
        world.set_state(number, "stopped")
    if at.fate == "queued":
        world.take_gpu(number, looks=10_000)
        with suppress(Refusal):  # said beside what happens
            world.set_state(number, "running")
    world.show(number)
    clock.at += AGO_S


def make_older(folder: Path) -> None:
    """Let the journal too believe that the rental is an hour old."""
    with closing(sqlite3.connect(folder / "journal.db")) as db, db:
        db.execute("UPDATE intents SET made_at = made_at - ?, sent_at = sent_at - ?", [AGO_S] * 2)
