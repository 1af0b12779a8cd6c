"""create_volume: one wish is one volume, whatever becomes of the reply (docs/protocol.md)."""

from __future__ import annotations

from mcp import Client

from house import call
from vast_mcp.sandbox.world import World


def a_room(world: World) -> int:
    return next(one["id"] for one in world.volumes.rooms.values() if one["disk_space"] > 60)


async def test_a_volume_is_made_by_itself_and_bills(client: Client, world: World) -> None:
    """PUT /volumes/ with a name that ends in the token (docs/vast-api.md F)."""
    room = a_room(world)
    made = await call(client, "create_volume", volume_offer_id=room, size_gb=20, name="data")
    [volume] = world.volumes.living
    assert (made["volume_id"], made["size_gb"]) == (volume.id, 20)
    assert volume.label.startswith("data_vast_mcp_")
    assert made["lease"].startswith("No end is set")
