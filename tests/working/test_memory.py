"""What was done in a machine is remembered of it: somebody worked there, or a check found less."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import an_offer, call, served, whole_rows
from people import register_a_key
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(settings: Settings, tmp_path: Path, world: World) -> AsyncIterator[Client]:
    """A person with a key, whose machines open their doors at once."""
    register_a_key(tmp_path, world)
    times = replace(settings.times, look_s=0.005, pace=0.0)
    there = replace(settings, times=times, state_dir=tmp_path / "state")
    async with served(world, there) as made:
        yield made


@pytest.fixture
def world() -> World:
    return World(ssh_banners=True)


async def rented(client: Client, world: World) -> dict[str, Any]:
    """A machine of ours that lets us in; its offer."""
    offer = an_offer(world, ports=True, num_gpus=2)
    made = await call(
        client,
        "create_instance",
        offer_id=offer["id"],
        disk=20,
        image="a/b",
        runtype="ssh_direct",
        max_usd_per_hour=50,
    )
    return {**offer, "instance_id": made["instance_id"]}


async def told_of(client: Client, offer: dict[str, Any], **asked: Any) -> str | None:
    """What a search says of the rentals of this offer's machine, once it is for rent again."""
    await call(client, "destroy_instance", instance_ids=[offer["instance_id"]])
    found = await call(
        client,
        "search_offers",
        filters={"machine_id": {"eq": offer["machine_id"]}},
        limit=50,
        **asked,
    )
    rows = whole_rows(found)
    return rows[0].get("before") if rows else None


async def test_a_machine_in_which_somebody_worked_has_been_ready_whoever_waited(
    client: Client, world: World
) -> None:
    """An agent that is told how to enter may never wait."""
    offer = await rented(client, world)
    for _ in range(4):
        world.show(offer["instance_id"])
    ran = await call(client, "run_command", instance_id=offer["instance_id"], command="true")
    assert ran["exit_status"] == 0
    await call(client, "show_instance", instance_id=offer["instance_id"])
    assert await told_of(client, offer) == "ready once"


async def test_a_machine_that_is_less_than_promised_is_known_as_that(
    client: Client, world: World
) -> None:
    """Its end and a search without it come next, and later searches can do without it too."""
    offer = await rented(client, world)
    world.lie(offer["instance_id"], "fewer_gpus")
    await call(client, "wait_for_instance", instance_id=offer["instance_id"])
    found = await call(client, "check_machine", instance_id=offer["instance_id"])
    assert found["verdict"] == "worse"
    end, search = found["next_steps"]
    assert end["tool"] == "destroy_instance"
    assert search["arguments"]["before"] == "not_failed"
    said = await told_of(client, offer)
    assert said is not None
    assert "check failed (gpu_count" in said
    assert await told_of(client, offer, before="not_failed") is None
