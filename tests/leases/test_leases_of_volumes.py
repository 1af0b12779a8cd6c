"""A volume's lease stands in the journal alone, and whoever sweeps ends it (docs/protocol.md)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from house import an_offer, call, served
from leases.test_leases import Sweep, sweep, url  # noqa: F401  fixtures
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

HOUR_S = 3600.0


@pytest.fixture
def with_state(settings: Settings, state: Path, url: str) -> Settings:  # noqa: F811
    """What the command of this test knows, too: its journal is of an address."""
    return replace(settings, state_dir=state, sandbox=False, base_url=url)


async def made(client: Client, world: World, **more: Any) -> int:
    room = next(one for one in world.volumes.rooms.values() if one["disk_space"] > 60)
    wish = {"volume_offer_id": room["id"], "size_gb": 20, **more}
    return (await call(client, "create_volume", **wish))["volume_id"]


@pytest.fixture
async def early(world: World, settings: Settings) -> AsyncIterator[Client]:
    """A server that looks at leases at once."""
    times = replace(settings.times, lease_margin_s=0.05, lease_look_s=0.05)
    async with served(world, replace(settings, times=times)) as client:
        yield client


async def ends(client: Client, world: World, volume_id: int) -> list[str]:
    """What answers tell until a volume is gone."""
    told: list[str] = []
    with anyio.fail_after(60):
        while not told:
            await asyncio.sleep(0.02)
            told = (await call(client, "show_account")).get("notices", [])
    assert volume_id not in {one.id for one in world.volumes.living}
    return told


async def test_a_server_deletes_a_volume_whose_lease_is_over_and_says_so(
    early: Client, world: World
) -> None:
    """In the background; the next answer of any tool tells of it, once."""
    volume = await made(early, world, lease_hours=0.001)
    stays = await made(early, world, request_key="stays")
    now = world.clock()
    world.clock = lambda: now + HOUR_S
    [notice] = await ends(early, world, volume)
    assert f"Volume {volume} was deleted" in notice
    assert "notices" not in await call(early, "show_account")
    assert [one.id for one in world.volumes.living] == [stays]


async def test_an_attached_volume_waits_for_its_machine(early: Client, world: World) -> None:
    """A volume that a machine holds cannot be deleted: tried again (docs/vast-api.md F)."""
    volume = await made(early, world, lease_hours=0.5)
    there = next(one for one in world.volumes.living if one.id == volume)
    offer = an_offer(world, machine_id=there.machine_id, verified=None, external=lambda _: True)
    info = {"volume_id": volume, "mount_path": "/workspace"}
    machine = await call(early, "create_instance", offer_id=offer["id"], disk=8, volume_info=info)
    now = world.clock()
    world.clock = lambda: now + HOUR_S
    for _ in range(3):
        await call(early, "show_volumes")
        assert world.volumes.living == [there]
    assert world.asked("delete_volume") == []
    await call(early, "destroy_instance", instance_ids=[machine["instance_id"]])
    await ends(early, world, volume)


async def test_a_lease_that_was_moved_ends_nothing(early: Client, world: World) -> None:
    """Later, or away: manage_volume, and the journal is read again before the delete."""
    volume = await made(early, world, lease_hours=0.5)
    await call(early, "manage_volume", volume_id=volume, lease_hours=0)
    now = world.clock()
    world.clock = lambda: now + HOUR_S
    other = await made(early, world, lease_hours=0.001, request_key="other")
    world.clock = lambda: now + 2 * HOUR_S
    await ends(early, world, other)
    assert [one.id for one in world.volumes.living] == [volume]


async def test_a_copy_that_bears_its_sources_name_does_not_end_with_it(
    early: Client, world: World
) -> None:
    """A service may name a copy as its source: that is no second making of it."""
    first = await made(early, world, lease_hours=0.5)
    copy = await made(early, world, clone_of=first, request_key="copy")
    world.volumes.owned[copy].name = world.volumes.owned[first].name
    for _ in range(3):
        shown = (await call(early, "show_volumes"))["volumes"]
    assert [one["volume_id"] for one in shown if "lease_until" in one] == [first]
    now = world.clock()
    world.clock = lambda: now + HOUR_S
    await ends(early, world, first)
    assert [one.id for one in world.volumes.living] == [copy]


async def test_what_cannot_be_ended_keeps_no_other_lease_waiting(
    world: World, settings: Settings
) -> None:
    """A volume that a machine holds is tried ever less often, and what ends later is ended then."""
    times = replace(settings.times, lease_margin_s=0.05, lease_look_s=3600.0)
    async with served(world, replace(settings, times=times)) as client:
        held = await made(client, world, lease_hours=0.5)
        room = world.volumes.owned[held].room
        world.volumes.owned[held].instances.append(4711)
        now = world.clock()
        world.clock = lambda: now + HOUR_S
        with anyio.fail_after(60):
            while len(world.asked("volumes")) < 2:  # its own sweep has found it attached
                await asyncio.sleep(0.02)
                await call(client, "show_ssh_keys")
        wish = {"volume_offer_id": room["id"], "size_gb": 2, "request_key": "later"}
        later = await call(client, "create_volume", **wish, lease_hours=0.5)
        world.clock = lambda: now + 2 * HOUR_S
        await ends(client, world, later["volume_id"])
        assert [one.id for one in world.volumes.living] == [held]


def test_a_sweep_deletes_what_the_journal_has_past_its_lease(
    world: World,
    with_state: Settings,
    sweep: Sweep,  # noqa: F811
) -> None:
    """`vast-mcp sweep`, in a process that never saw the volume made."""
    from vast_mcp.journal import Journal

    room = next(one for one in world.volumes.rooms.values() if one["disk_space"] > 60)
    over, lasting = (
        world.volumes.rent(room["id"], 5, f"vast_mcp_{n * 16}", world.clock()) for n in "01"
    )
    assert with_state.state_dir is not None
    journal = Journal(with_state.state_dir)
    account = f"{with_state.base_url}#{world.user_id}"
    journal.volumes.set_lease(account, over.id, world.clock() - 60)
    journal.volumes.set_lease(account, lasting.id, world.clock() + 60)
    journal.close()
    dry = sweep("--dry-run")
    assert (dry[0], [row["outcome"] for row in dry[1]["swept"]]) == (3, ["would_destroy"])
    status, said = sweep()
    assert (status, said["past_lease"]) == (0, 0)
    assert [(row["volume_id"], row["outcome"]) for row in said["swept"]] == [(over.id, "destroyed")]
    assert world.volumes.living == [lasting]
