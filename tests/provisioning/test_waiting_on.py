"""A call that waits on, past the time that hosts allow, where its host hears of progress."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from house import served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio

WISH: dict[str, Any] = {
    "gpu_name": ["RTX 4090"],
    "max_usd_per_hour": 2,
    "ready_when": "running",
    "check": False,
    "give_up_after_minutes": 240,
    "max_attempts": 50,
    "until_done": True,
    "request_key": "on",
}
# A call's own time is short; what ends a plan is longer than any busy machine is slow.
SLOW = {"budget_s": 1.0, "stuck_s": 600.0, "unasked_s": 600.0, "driver_s": 600.0}


async def test_a_call_waits_on_until_the_machine_works_where_its_host_hears_of_it(
    settings: Settings,
) -> None:
    """A call has one second here, of the fifty that hosts allow. The machine runs after that."""
    world = World(looks_per_step=None)
    short = replace(settings, times=replace(settings.times, **SLOW))
    heard: list[str | None] = []

    async def hear(done: float, _total: float | None, said: str | None) -> None:
        heard.append(said)
        for machine in world.living if done > 1.0 else ():
            machine.tempo.looks = 0

    async with served(world, short, mode="legacy") as client:
        unheard = await client.call_tool("provision", WISH)
        assert unheard.structured_content["state"] == "seeking"
        ready = await client.call_tool("provision", WISH, progress_callback=hear)
        alone = {"request_key": "on", "until_done": True}
        named = await client.call_tool("provision", alone, progress_callback=hear)
    assert ready.structured_content["state"] == "ready"
    assert any("1 starts" in (said or "") for said in heard)
    assert named.structured_content["machines"][0]["instance_id"] == world.living[0].id
