"""An answer of provision says what the market has instead, as calls that are ready to send."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from house import call, puts
from vast_mcp.sandbox.world import World

pytestmark = pytest.mark.anyio

WISH: dict[str, Any] = {"gpu_name": ["RTX 4090"], "image": "ubuntu:22.04", "dry_run": True}


async def test_a_dry_run_that_finds_nothing_names_changes_that_do(
    client: Client, world: World
) -> None:
    told = await call(client, "provision", **WISH, min_cuda=12.8, max_usd_per_hour=0.05)
    assert not told.get("offers")
    changed = {name for one in told["instead"] for name in one["change"]}
    assert "max_usd_per_hour" in changed
    for step in told["next_steps"][: len(told["instead"])]:
        if step["tool"] == "provision":
            again = await call(client, "provision", **step["arguments"])
            assert again["offers"]
    assert puts(world) == 0


async def test_what_an_answer_may_not_repeat_is_no_next_step(client: Client) -> None:
    hidden = {**WISH, "env": {"TOKEN": "s3cret-value"}, "max_usd_per_hour": 0.05}
    told = await call(client, "provision", **hidden)
    assert told["instead"]
    assert "s3cret" not in str(told)
    assert all(step["tool"] != "provision" for step in told["next_steps"])


async def test_a_plan_that_ended_without_an_offer_says_the_same(
    client: Client, world: World
) -> None:
    wish = {**WISH, "dry_run": False, "max_usd_per_hour": 0.05}
    told = await call(client, "provision", **wish, request_key="one")
    assert told["state"] == "over"
    assert [one for one in told["instead"] if "max_usd_per_hour" in one["change"]]
    step = next(one for one in told["next_steps"] if one["tool"] == "provision")
    assert "request_key" not in step["arguments"]
    assert puts(world) == 0
