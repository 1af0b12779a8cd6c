"""A plan for one machine: rented, found to be of use, handed over once; replaced where it fails."""

from __future__ import annotations

import pytest
from wishing import TOOLS, ask, doom, hurried, living, most_at_once, until_over

from house import call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio


async def test_one_machine_is_rented_and_the_same_call_has_it_from_then_on(
    world: World, settings: Settings
) -> None:
    """What a plan is for."""
    async with served(world, hurried(settings), TOOLS) as client:
        first = await ask(client)
        done = await until_over(client)
        again = await ask(client)
    assert first["state"] == "ready"
    assert (done["state"], done["outcome"]) == ("over", "ready")
    assert again == done
    assert living(world) == [first["tries"][0]["instance_id"]]
    assert len(world.asked("create")) == 1


async def test_a_machine_that_fails_is_gone_before_the_next_is_rented(
    world: World, settings: Settings
) -> None:
    """A replacement beside a machine that bills is paid twice."""
    doom(world)
    async with served(world, hurried(settings), TOOLS) as client:
        done = await ask(client, bounds={"max_attempts": 3})
    assert (done["state"], done["outcome"]) == ("over", "attempts")
    assert [one["state"] for one in done["tries"]] == ["failed"] * 3
    assert all(one["gone"] for one in done["tries"])
    assert len({one["offer_id"] for one in done["tries"]}) == 3
    assert living(world) == []
    assert most_at_once(world) == 1


async def test_a_machine_that_is_not_of_use_in_time_is_given_up(
    world: World, settings: Settings
) -> None:
    """A pull that never ends bills as long as somebody waits."""
    doom(world, "pulls")
    async with served(world, hurried(settings), TOOLS) as client:
        done = await ask(client, bounds={"max_attempts": 1, "give_up_s": 0.05})
    assert [one["why"] for one in done["tries"]] == ["gave_up"]
    assert living(world) == []


async def test_a_machine_that_is_gone_again_is_rented_anew_by_the_same_call(
    world: World, settings: Settings
) -> None:
    """As the same call of create_instance does."""
    async with served(world, hurried(settings), TOOLS) as client:
        done = await until_over(client)
        gone = done["tries"][0]["instance_id"]
        await call(client, "destroy_instance", instance_ids=[gone])
        anew = await ask(client)
    assert anew["state"] == "ready"
    assert anew["plan"] != done["plan"]
    assert living(world) == [anew["tries"][0]["instance_id"]]


async def test_a_machine_that_dies_before_it_is_handed_over_is_replaced(
    world: World, settings: Settings
) -> None:
    """What an answer has told of it holds no more."""
    async with served(world, hurried(settings), TOOLS) as client:
        first = await ask(client)
        [dead] = living(world)
        world.instances[dead].set_course(("exited",), world.clock())
        done = await until_over(client)
    assert first["tries"][0]["instance_id"] == dead
    assert done["outcome"] == "ready"
    assert [one["state"] for one in done["tries"]] == ["failed", "handed"]
    assert living(world) == [done["tries"][1]["instance_id"]]
