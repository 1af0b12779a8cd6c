"""The words that tests of plans share: a tool that asks for machines, settings in a hurry, what the
journal has of a plan, what was ever rented.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import anyio
from mcp import Client
from pydantic import Field

from house import call
from vast_mcp.journal import Journal
from vast_mcp.journal.plan_records import Bounds
from vast_mcp.provisioning import asking
from vast_mcp.provisioning.asked import Asked
from vast_mcp.provisioning.requirement import Requirement, Wanted
from vast_mcp.renting.order import PRIVATE
from vast_mcp.sandbox.world import World
from vast_mcp.session import Call
from vast_mcp.settings import Settings
from vast_mcp.toolspec import Arguments, Result, ToolSpec
from vast_mcp_tools import CATALOGUE


class Wish(Arguments):
    rental: Annotated[dict[str, Any] | None, Field(description="what it is to be")] = None
    bounds: Annotated[dict[str, Any] | None, Field(description="what it may cost")] = None
    ready_when: Annotated[str, Field(description="of use")] = "running"
    check: Annotated[bool | None, Field(description="look inside")] = False
    request_key: Annotated[str | None, Field(description="its name")] = None
    cancel: Annotated[bool, Field(description="end it")] = False


class Stands(Result):
    plan: str
    state: str
    outcome: str | None = None
    detail: str
    tries: list[dict[str, Any]]
    warnings: list[str] = []
    next_steps: list[Any] = []


async def wish(args: Wish, call: Call) -> Stands:
    """Asks for machines."""
    rental = args.rental or {}
    kept = {name: value for name, value in rental.items() if name not in PRIVATE}
    withheld = tuple(sorted(PRIVATE & rental.keys()))
    requirement = Requirement({}, kept, args.ready_when, args.check, withheld)
    bounds = Bounds(**{"max_usd_per_hour": 5.0, **(args.bounds or {})})
    wanted = Wanted(requirement, bounds, rental)
    asked = Asked(wanted, args.request_key, wished={"rental": rental, "bounds": args.bounds})
    ask = asking.cancel if args.cancel else asking.provision
    standing = await ask(call, asked)
    return Stands(
        plan=standing.plan.name,
        state="over" if standing.plan.state == "over" else standing.state,
        outcome=standing.plan.outcome,
        detail=standing.plan.detail,
        tries=[
            {
                "offer_id": one.offer_id,
                "instance_id": one.instance_id,
                "state": one.state,
                "why": one.why,
                "gone": one.gone_at is not None,
            }
            for one in standing.tries
        ],
    )


WISH = ToolSpec(
    fn=wish,
    arguments=Wish,
    result=Stands,
    title="Wish",
    read_only=False,
    destructive=False,
    idempotent=True,
    open_world=True,
    sends=("create", "destroy"),
)
TOOLS = [*CATALOGUE, WISH]


def hurried(settings: Settings, **times: float) -> Settings:
    """Looks cost 20 ms, and no request waits for its turn."""
    usual = {
        "look_s": 0.02,
        "pace": 0.0,
        "budget_s": 5.0,
        "gone_apart_s": 0.005,
        "seen_apart_s": 0.005,
        "verify_s": 0.005,
        "driver_s": 30.0,
        "unasked_s": 600.0,
    }
    return replace(settings, times=replace(settings.times, **{**usual, **times}))


async def ask(client: Client, **arguments: Any) -> dict[str, Any]:
    return await call(client, "wish", **arguments)


async def until(holds: Callable[[], bool]) -> None:
    """Let servers work until this holds."""
    for _ in count():
        if holds():
            return
        await anyio.sleep(0.05)


async def until_over(client: Client, **arguments: Any) -> dict[str, Any]:
    """The same call, as often as it takes."""
    while True:
        done = await ask(client, **arguments)
        if done.get("state") in {None, "over"}:
            return done


def living(world: World) -> list[int]:
    """The machines that bill."""
    return [machine.id for machine in world.living]


def journal_in(folder: Path) -> Journal:
    return Journal(folder)


def account_in(folder: Path) -> str:
    """The account of the plans there."""
    with contextlib.closing(sqlite3.connect(folder / "journal.db")) as db:
        [(account,)] = db.execute("SELECT DISTINCT account FROM plans")
    return account


def cheapest(world: World, count: int = 3) -> list[int]:
    """The offers that cost least, in that order, each of another machine."""
    rows = [
        one
        for one in world.priced_offers(10, bid=False)
        if one["rentable"] and not one["external"] and one["verification"] == "verified"
    ]
    rows.sort(key=lambda one: one["dph_total"])
    return list({one["machine_id"]: one["id"] for one in reversed(rows)}.values())[::-1][:count]


def doom(world: World, fate: str = "pull_given_up", *, but: Collection[int] = ()) -> None:
    """Let every machine come to this, except those from some offers."""
    for offer_id in world.offers.keys() - set(but):
        world.set_fate(offer_id, fate)


def doom_after(world: World, count: int) -> None:
    """Let every machine fail but the first ones that are rented."""
    left = iter(range(count))

    def rented() -> None:
        world.before_rent = rented
        if next(left, None) is None:
            doom(world)

    world.before_rent = rented


def most_at_once(world: World) -> int:
    """How many machines there were at the same time, at most."""
    return max((entry.machines for entry in world.ledger), default=0)
