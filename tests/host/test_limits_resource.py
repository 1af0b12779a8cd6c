"""The person's limits under an address of their own: what a rental meets is what is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from mcp import Client

from house import allowing, an_offer, call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio


async def limits_of(client: Client) -> dict[str, Any]:
    read = await client.read_resource("vast://limits")
    return json.loads(read.contents[0].text)


def by_setting(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["setting"]: one for one in told["limits"]}


async def test_without_a_limit_nothing_is_read(client: Client, world: World) -> None:
    told = await limits_of(client)
    assert told["limits"] == []
    assert not world.requests


async def test_what_is_shown_is_what_the_next_rental_meets(
    world: World, settings: Settings
) -> None:
    """Machines, their price together and the hours of credit, as check_account counts them."""
    limits = {
        "max_instances": 1,
        "max_total_usd_per_hour": 9.0,
        "min_credit_hours": 2.0,
        "max_usd_per_hour": 8.0,
        "max_lease_hours": 5.0,
    }
    async with allowing(world, settings, **limits) as client:
        rented = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=20)
        told = by_setting(await limits_of(client))
        shown = await call(client, "show_instance", instance_id=rented["instance_id"])
        price = shown.get("running_usd_per_hour", shown["usd_per_hour"])
        assert told["VAST_MCP_MAX_INSTANCES"]["now"] == 1
        assert told["VAST_MCP_MAX_TOTAL_USD_PER_HOUR"]["now"] == pytest.approx(price, abs=1e-4)
        assert told["VAST_MCP_MIN_CREDIT_HOURS"]["now"] == pytest.approx(25 / price, rel=0.01)
        assert told["VAST_MCP_MIN_CREDIT_HOURS"]["at_least"] is True
        for name in ("VAST_MCP_MAX_USD_PER_HOUR", "VAST_MCP_MAX_LEASE_HOURS"):
            assert "now" not in told[name]
            assert told[name]["counts"] is False
        other = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=20)
        assert other["error"]["code"] == "over_limit"


async def test_what_cannot_be_read_is_not_known_and_not_nothing(
    world: World, settings: Settings
) -> None:
    world.faults.add("list", "status", times=None, status=500)
    async with allowing(world, settings, max_instances=3) as client:
        told = await limits_of(client)
        assert "now" not in by_setting(told)["VAST_MCP_MAX_INSTANCES"]
        assert "could not be read" in told["warnings"][0]


@pytest.mark.parametrize(
    ("above", "said"), [(None, []), (0.0, ["before each rental"]), (1.5, ["above $1.5/h"])]
)
async def test_when_a_person_is_asked_is_said(
    world: World, settings: Settings, above: float | None, said: list[str]
) -> None:
    async with served(world, replace(settings, confirm_above=above)) as client:
        told = (await limits_of(client))["asks"]
    assert len(told) == len(said)
    assert all(word in text for word, text in zip(said, told, strict=True))
