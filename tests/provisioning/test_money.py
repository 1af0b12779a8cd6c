"""What a plan may cost: no try is rented whose worst case passes a bound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from wishing import (
    TOOLS,
    account_in,
    ask,
    cheapest,
    doom,
    hurried,
    journal_in,
    living,
    most_at_once,
    until_over,
)

from house import call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Limits, Settings

pytestmark = pytest.mark.anyio


async def test_nothing_is_rented_whose_worst_case_passes_the_budget(
    world: World, settings: Settings
) -> None:
    """Half an hour of any machine costs more than a hundredth of a cent."""
    async with served(world, hurried(settings), TOOLS) as client:
        done = await ask(client, bounds={"budget_usd": 0.0001})
    assert (done["outcome"], done["tries"]) == ("over_budget", [])
    assert not world.asked("create")


async def test_what_failed_tries_cost_is_missing_for_the_next(
    world: World, settings: Settings
) -> None:
    """The budget is for the whole search."""
    doom(world)
    price = world.offer()["dph_total"]
    async with served(world, hurried(settings), TOOLS) as client:
        # A dear second in which each try lives, and a worst case of an hour and more.
        done = await ask(client, bounds={"budget_usd": price * 3, "max_attempts": 50})
    spent = sum(1 for one in done["tries"] if one["gone"])
    assert done["outcome"] in {"over_budget", "attempts", "no_offer"}
    assert spent == len(done["tries"]) > 1
    assert living(world) == []


@pytest.mark.parametrize(("overlap", "most"), [(0.0, 1), (1000.0, 2)])
async def test_a_replacement_bills_beside_a_failed_try_only_where_that_is_allowed(
    world: World, settings: Settings, overlap: float, most: int
) -> None:
    """A destroy that does not go through keeps its machine billing."""
    doom(world)
    world.faults.add("destroy", "status", times=12, status=503, body={})
    async with served(world, hurried(settings), TOOLS) as client:
        await until_over(client, bounds={"max_attempts": 2, "overlap_usd": overlap})
    assert most_at_once(world) == most
    assert living(world) == []


async def test_the_persons_limits_hold_for_a_plan(world: World, settings: Settings) -> None:
    """As for any rental."""
    limited = replace(hurried(settings), limits=Limits(max_instances=1))
    world.rent(world.offer()["id"], {"image": "a/b", "disk": 10})
    async with served(world, limited, TOOLS) as client:
        done = await ask(client)
    assert (done["outcome"], done["detail"]) == ("refused", "over_limit")
    assert len(living(world)) == 1


async def test_a_server_that_may_only_look_drives_no_plan(
    world: World, settings: Settings, state: Path
) -> None:
    """It rents nothing, and ends nothing: the plan has no driver."""
    shared = replace(hurried(settings, budget_s=0.5), state_dir=state)
    doom(world, "pulls")
    async with served(world, shared, TOOLS) as client:
        begun = await ask(client)
    looking = replace(shared, limits=Limits(read_only=True))
    async with served(world, looking, TOOLS) as client:
        await call(client, "show_instances")
        refused = await ask(client)
    [plan] = journal_in(state).plans.not_over(account_in(state))
    assert (begun["state"], refused["error"]["code"]) == ("seeking", "read_only")
    assert (plan.name, plan.driver, plan.turn) == (begun["plan"], None, 1)
    assert len(living(world)) == 1


@pytest.mark.parametrize("bound", ["budget_usd", "max_total_usd_per_hour"])
async def test_the_first_of_several_leaves_room_for_the_others(
    world: World, settings: Settings, bound: str
) -> None:
    """What looks best alone would take the room of the second: two that fit together are there."""
    best, *others = cheapest(world, 3)
    for offer_id, offer in world.offers.items():
        offer["rentable"] = offer_id in {best, *others}
        offer |= {"inet_down_cost": 0.0, "storage_cost": 0.0, "dph_base": 0.24}
        offer["reliability"] = offer["reliability2"] = 0.999 if offer_id == best else 0.9
    if bound == "budget_usd":
        world.offers[best] |= {"inet_down_cost": 0.01, "dph_base": 0.1}
        most = 2.1  # 0.05 $ and a pull that fills the disk; the others cost 0.12 $ at worst
    else:
        world.offers[best]["dph_base"] = 0.3
        most = 0.5
    wish = {"rental": {"image": "some/body", "disk": 200}, "bounds": {"count": 2, bound: most}}
    async with served(world, hurried(settings), TOOLS) as client:
        done = await until_over(client, **wish)
    assert done["outcome"] == "ready"
    assert {one["offer_id"] for one in done["tries"]} == set(others)
