"""manage_volume: a lease of a volume stands in the journal alone (docs/protocol.md)."""

from __future__ import annotations

import anyio
import pytest
from mcp import Client

from house import call
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE


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


async def test_a_lease_moved_while_a_sweep_deletes_is_no_success(
    world: World, settings: Settings
) -> None:
    """Whoever ends a lease holds its lock: what was read before that holds no more."""
    server = build(settings, CATALOGUE, create_app(world))
    answers: list[dict[str, object]] = []
    async with Client(server) as client, anyio.create_task_group() as tasks:
        room = min(world.volumes.rooms)
        made = await call(client, "create_volume", volume_offer_id=room, lease_hours=1)

        async def moves() -> None:
            moved = await call(client, "manage_volume", volume_id=made["volume_id"], lease_hours=2)
            answers.append(moved)

        async with server.session.lease_lock():
            tasks.start_soon(moves)
            await anyio.wait_all_tasks_blocked()
            world.volumes.delete(made["volume_id"], world.clock())
    assert answers[0]["error"]["code"] == "not_found"  # type: ignore[index]
