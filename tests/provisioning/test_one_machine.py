"""A plan for one machine: rented, found to be of use, handed over once; replaced where it fails."""

from __future__ import annotations

import pytest
from wishing import TOOLS, ask, hurried, living

from house import served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio


async def test_the_cheapest_is_rented_once_and_is_handed_over_by_the_same_call(
    world: World, settings: Settings
) -> None:
    """What a plan is for: the same call, repeated, has the one machine."""
    async with served(world, hurried(settings), TOOLS) as client:
        first = await ask(client)
        assert first["state"] == "ready", first
        second = await ask(client)
        third = await ask(client)
    assert (second["state"], second["outcome"]) == ("over", "ready")
    assert third == second
    assert living(world) == [first["tries"][0]["instance_id"]]
    assert len(world.asked("create")) == 1


async def test_a_machine_that_fails_is_gone_before_the_next_is_rented(
    world: World, settings: Settings
) -> None:
    """A replacement beside a machine that bills is paid twice."""
    [first, *_] = sorted(
        (one for one in world.priced_offers(10, bid=False) if one["rentable"]),
        key=lambda one: one["dph_total"],
    )
    async with served(world, hurried(settings), TOOLS) as client:
        world.set_fate(first["id"], "exits")
        done = await ask(client)
    assert done
