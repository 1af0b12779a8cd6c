"""A machine of the sandbox that tells no lie is what its offer promised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from house import OURS, an_offer, call, served
from people import register_a_key
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio


async def test_a_machine_that_does_not_lie_is_as_promised(
    settings: Settings, tmp_path: Path
) -> None:
    """However long this computer takes to pretend it: a fast disk is one on a slow computer too."""
    world = World(ssh_banners=True)
    register_a_key(tmp_path, world)
    offer = an_offer(world, ports=True, disk_bw=lambda speed: speed > 900)
    body = {"image": "a/b", "disk": 20, "label": OURS, "runtype": "ssh_direct"}
    made = world.rent(offer["id"], body).id
    times = replace(settings.times, look_s=0.005, pace=0.0, budget_s=50.0)
    async with served(world, replace(settings, times=times, state_dir=tmp_path / "s")) as client:
        await call(client, "wait_for_instance", instance_id=made)
        found = await call(client, "check_machine", instance_id=made)
    world.close()
    assert found["verdict"] == "as_promised", found["said"]
    speed = next(item for item in found["items"] if item["item"] == "disk_write")
    assert speed["verdict"] == "ok"
