"""A try whose request nobody knows the outcome of: nothing is rented until that is known."""

from __future__ import annotations

import pytest
from wishing import TOOLS, ask, cheapest, hurried, living, most_at_once, until_over

from house import puts, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio


async def test_a_machine_whose_reply_was_lost_is_the_plans(
    world: World, settings: Settings
) -> None:
    """It is found, and nothing is rented beside it."""
    world.faults.add("create", "drop", when="after")
    async with served(world, hurried(settings), TOOLS) as client:
        done = await ask(client)
    assert done["state"] == "ready"
    assert (puts(world), len(living(world))) == (1, 1)


async def test_nothing_else_is_rented_while_a_try_is_in_doubt(
    world: World, settings: Settings
) -> None:
    """The next offer after an error is how two machines bill."""
    world.faults.add("create", "drop", when="before")
    slow = hurried(settings, budget_s=0.5)
    async with served(world, slow, TOOLS) as client:
        done = await ask(client)
        again = await ask(client)
    assert done["state"] == again["state"] == "seeking"
    assert (puts(world), living(world)) == (1, [])


async def test_a_request_that_is_proven_to_have_made_nothing_costs_nothing(
    world: World, settings: Settings
) -> None:
    """The next one is tried, and the first is not counted."""
    world.faults.add("create", "drop", when="before")
    quick = hurried(settings, lists_apart_s=0.02, absent_after_s=0.04, taken_after_s=0.05)
    async with served(world, quick, TOOLS) as client:
        done = await ask(client, bounds={"max_attempts": 1})
    assert done["state"] == "ready"
    assert len(living(world)) == 1
    assert most_at_once(world) == 1


async def test_an_offer_that_is_gone_is_replaced_and_not_counted(
    world: World, settings: Settings
) -> None:
    """Somebody was faster."""
    world.faults.add(
        "create",
        "status",
        status=404,
        body={"success": False, "error": "no_such_ask", "msg": "no such ask"},
    )
    async with served(world, hurried(settings), TOOLS) as client:
        done = await ask(client, bounds={"max_attempts": 1})
    assert done["state"] == "ready", done
    assert [one["state"] for one in done["tries"]] == ["void", "ready"]


async def test_machines_of_a_request_that_was_repeated_on_its_way_are_all_ended(
    world: World, settings: Settings
) -> None:
    """One was asked for, and each bills."""
    [_, other, *_] = cheapest(world, 40)[20:]

    def repeated() -> None:
        body = world.asked("create")[-1].body
        world.rent(other, {**body})

    world.before_rent = repeated
    world.faults.add("create", "drop", when="after")
    async with served(world, hurried(settings), TOOLS) as client:
        done = await until_over(client)
    assert [(one["state"], one["why"]) for one in done["tries"]] == [
        ("failed", "duplicate_rentals"),
        ("handed", ""),
    ]
    assert living(world) == [done["tries"][1]["instance_id"]]
    assert len(world.committed("rent")) == 3
