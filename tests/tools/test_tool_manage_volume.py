"""manage_volume: a lease of a volume stands in the journal alone (docs/protocol.md)."""

from __future__ import annotations

import pytest
from mcp import Client

from house import call
from vast_mcp.sandbox.world import World


async def test_a_lease_is_set_and_taken_away(client: Client, world: World) -> None:
    made = await call(client, "create_volume", volume_offer_id=min(world.volumes.rooms))
    volume = made["volume_id"]
    kept = await call(client, "manage_volume", volume_id=volume, lease_hours=2.0)
    assert kept["lease_left_hours"] == pytest.approx(2.0, abs=0.02)
    [row] = (await call(client, "show_volumes"))["volumes"]
    assert row["lease_until"] in kept["lease"]
    await call(client, "manage_volume", volume_id=volume, lease_hours=0)
    [row] = (await call(client, "show_volumes"))["volumes"]
    assert "lease_until" not in row


async def test_a_volume_of_somebody_else_gets_no_lease(client: Client, world: World) -> None:
    """A lease deletes what is on it, when nobody looks."""
    theirs = world.volumes.rent(min(world.volumes.rooms), 2, "thesis", world.clock())
    error = (await call(client, "manage_volume", volume_id=theirs.id, lease_hours=1))["error"]
    assert error["code"] == "not_ours"
    error = (await call(client, "manage_volume", volume_id=4711, lease_hours=1))["error"]
    assert error["code"] == "not_found"
