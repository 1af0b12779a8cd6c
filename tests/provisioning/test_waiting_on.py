"""A call that waits on, past the time that hosts allow, where its host hears of progress."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from house import served
from vast_mcp.provisioning import asking
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


async def test_an_end_that_comes_late_is_told_with_what_there_is_instead(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes two searches, for which a call's own time is over, and its host still listens."""
    monkeypatch.setattr(asking, "MARGIN_S", 0.0)
    world = World(looks_per_step=None)
    for offer_id in world.offers:
        world.set_fate(offer_id, "pull_given_up")
    short = replace(settings, times=replace(settings.times, **SLOW))

    async def hear(done: float, _total: float | None, _said: str | None) -> None:
        for machine in world.living if done > 1.0 else ():
            machine.tempo.looks = 0

    wish = {**WISH, "max_attempts": 1, "min_cuda": 12.7}
    async with served(world, short, mode="legacy") as client:
        told = await client.call_tool("provision", wish, progress_callback=hear)
    assert told.structured_content["state"] == "over"
    assert any("min_cuda" in one["change"] for one in told.structured_content["instead"])
