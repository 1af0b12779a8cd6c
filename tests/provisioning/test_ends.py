"""How a plan comes to its end, and what is left of it: nothing that was not handed over."""

from __future__ import annotations

import pytest
from wishing import TOOLS, ask, cheapest, doom, doom_after, hurried, living, until, until_over

from house import puts, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio


async def test_a_cancelled_plan_leaves_nothing(world: World, settings: Settings) -> None:
    """Its machine is ended, and seen gone."""
    doom(world, "pulls")
    async with served(world, hurried(settings, budget_s=1.0), TOOLS) as client:
        begun = await ask(client)
        done = await until_over(client, cancel=True)
        again = await ask(client, request_key=None)
    assert begun["state"] == "seeking"
    assert done["outcome"] == "cancelled"
    assert again["plan"] != begun["plan"]


async def test_there_is_nothing_to_cancel_where_nothing_was_asked_for(
    world: World, settings: Settings
) -> None:
    """It opens no plan."""
    async with served(world, hurried(settings), TOOLS) as client:
        done = await ask(client, cancel=True)
    assert done["error"]["code"] == "bad_arguments"
    assert not puts(world)


async def test_what_was_handed_over_outlives_a_cancel(world: World, settings: Settings) -> None:
    """It is its caller's."""
    async with served(world, hurried(settings), TOOLS) as client:
        await until_over(client)
        await ask(client, cancel=True)
    assert len(living(world)) == 1


async def test_a_plan_that_nobody_asks_after_ends(world: World, settings: Settings) -> None:
    """Its caller is gone, and nobody would use what is found."""
    doom(world, "pulls")
    async with served(world, hurried(settings, budget_s=1.0, unasked_s=1.5), TOOLS) as client:
        begun = await ask(client, request_key="mine")
        assert begun["tries"], begun
        await until(lambda: not living(world))
        done = await until_over(client, request_key="mine")
    assert done["outcome"] == "unasked"


async def test_a_plan_with_a_key_tells_the_same_end_again(world: World, settings: Settings) -> None:
    """A key names one plan for good; without one the same call tries anew."""
    doom(world)
    bounds = {"max_attempts": 1}
    async with served(world, hurried(settings), TOOLS) as client:
        first = await ask(client, bounds=bounds, request_key="mine")
        again = await ask(client, bounds=bounds, request_key="mine")
        other = await ask(client, bounds={"max_attempts": 2}, request_key="mine")
        assert puts(world) == 1
        derived = await ask(client, bounds=bounds)
        anew = await ask(client, bounds=bounds)
    assert first == again
    assert other["error"]["code"] == "key_reused"
    assert derived["plan"] != anew["plan"]
    assert puts(world) == 3


async def test_a_market_without_such_a_machine_ends_a_plan_at_once(
    world: World, settings: Settings
) -> None:
    """Nothing is rented."""
    async with served(world, hurried(settings), TOOLS) as client:
        done = await ask(client, bounds={"max_usd_per_hour": 0.0001})
    assert (done["outcome"], done["tries"]) == ("no_offer", [])
    assert not puts(world)


async def test_a_refusal_of_every_offer_ends_a_plan(world: World, settings: Settings) -> None:
    """A credit that is used up is no offer's fault: the others are not asked."""
    world.credit = 0.0
    async with served(world, hurried(settings), TOOLS) as client:
        done = await ask(client)
    assert (done["outcome"], done["detail"]) == ("refused", "insufficient_credit")
    assert puts(world) <= 1


async def test_several_are_handed_over_together(world: World, settings: Settings) -> None:
    """One fails at first, and none of the three is missing in the end."""
    doom(world, but=cheapest(world, 40)[1:])
    async with served(world, hurried(settings), TOOLS) as client:
        done = await until_over(client, bounds={"count": 3, "max_attempts": 9})
    assert done["outcome"] == "ready"
    assert sum(one["state"] == "handed" for one in done["tries"]) == 3
    assert len(living(world)) == 3


@pytest.mark.parametrize(("together", "left"), [(True, 0), (False, 2)])
async def test_of_several_there_are_all_or_none_or_as_many_as_there_are(
    world: World, settings: Settings, together: bool, left: int
) -> None:
    """As the caller wants it."""
    doom_after(world, 2)
    bounds = {"count": 3, "max_attempts": 6, "together": together}
    async with served(world, hurried(settings), TOOLS) as client:
        done = await until_over(client, bounds=bounds)
    assert done["outcome"] == ("attempts" if together else "ready")
    assert len(living(world)) == left
