"""Whoever follows the first next step of every answer reaches what was wished for, and harms
nothing.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from mcp import Client

from agent import Trail, Wish, follow
from house import KEY_LINE, call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from wishes import WISHES, near

TABLE = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([a-z].+?) \| (\w+) \| (\d+) \|$", TABLE, re.MULTILINE)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World(ssh_banners=True, log_looks=0)
    made.set_keys([KEY_LINE])
    yield made
    made.close()


@pytest.fixture
async def client(world: World, settings: Settings, tmp_path: Path) -> AsyncIterator[Client]:
    """Ten minutes of grace are 0.4 s here, and a start stands still after 0.5 s."""
    times = replace(settings.times, young_s=3.0, stuck_s=0.5, look_s=0.005, pace=0.0, budget_s=5.0)
    times = replace(times, verify_s=0.01, log_s=0.01, log_fresh_s=0.05)
    async with served(world, replace(settings, times=times, state_dir=tmp_path)) as made:
        yield made


def test_the_table_names_every_wish_once() -> None:
    """A wish without its number of calls would have all of them."""
    assert [row[0] for row in ROWS] == list(WISHES)


@pytest.mark.parametrize(("words", "first", "most"), ROWS, ids=[row[0] for row in ROWS])
async def test_who_follows_blindly_gets_what_was_wished_for(
    client: Client, world: World, words: str, first: str, most: str
) -> None:
    """Within the calls that the table names, and without harm."""
    wish = await WISHES[words](world, client)
    assert wish.tool == first
    before = len(world.ledger)
    fulfilled, trail = await follow(client, wish, int(most))
    assert fulfilled, trail
    check_harm(world, wish, before, trail)
    listed = await call(client, "show_instances")
    assert {row["instance_id"] for row in listed["instances"]} == {
        instance.id for instance in world.living
    }
    assert near(listed["total_usd_per_hour"], world.metered()), trail


def check_harm(world: World, wish: Wish, before: int, trail: Trail) -> None:
    """What was committed since is what was wished for, and no more."""
    since = world.ledger[before:]

    def those(*kinds: str) -> set[int | None]:
        return {entry.instance_id for entry in since if entry.kind in kinds}

    assert [entry.kind for entry in since].count("rent") == wish.rents, trail
    assert those("destroy", "recycle", "volume_delete") == wish.destroys, trail
    assert those("stop") == wish.stops, trail
    assert not those("reboot"), trail
