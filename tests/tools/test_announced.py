"""What hosts announce is told once, by one read of each kind for all machines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest
from mcp import Client

from house import OURS, an_offer, call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

HOUR = 3600


@pytest.fixture
def machine(world: World) -> int:
    made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20, "label": OURS}).id
    world.instances[made].offer["end_date"] = world.now + 90 * 24 * HOUR
    return made


async def show(client: Client, machine: int) -> dict[str, Any]:
    return await call(client, "show_instance", instance_id=machine)


async def test_an_increase_is_shown_and_told_once_by_one_read(
    client: Client, world: World, machine: int
) -> None:
    """The machine's answer has it as often as it is asked."""
    world.raise_price(machine)
    first, second = await show(client, machine), await show(client, machine)
    listed = await call(client, "show_instances")
    assert first["price_increase"] == second["price_increase"]
    [notice] = first["notices"]
    assert "asks for a higher price" in notice
    assert "notices" not in second
    assert "notices" not in listed
    assert (len(world.asked("rises")), len(world.asked("maintenances"))) == (1, 1)


async def test_maintenance_and_a_contract_that_ends_soon_are_told_once(
    client: Client, world: World, machine: int
) -> None:
    """With what happens then (docs/vast-api.md C.8, C.11)."""
    offer = world.instances[machine].offer
    offer["end_date"] = world.now + 5 * HOUR
    world.maintenances.append(
        {
            "id": 7,
            "machine_id": offer["machine_id"],
            "start_time": world.now + HOUR,
            "duration_hours": 2.0,
            "maintenance_category": "disk",
        }
    )
    told = " ".join((await call(client, "show_instances"))["notices"])
    assert "48 h later" in told
    assert "maintenance (disk)" in told
    assert "notices" not in await show(client, machine)


async def test_any_tool_tells_what_was_heard_after_a_call_that_listed_the_machines(
    world: World, settings: Settings, machine: int
) -> None:
    """An ordinary call waits for none of it, and asks for none of it itself."""
    world.raise_price(machine)
    world.instances[machine].offer["end_date"] = world.now + 5 * HOUR
    quick = replace(settings, times=replace(settings.times, hear_s=0.0, pace=0.0))
    async with served(world, quick) as client:
        assert "notices" not in await call(client, "show_account")
        told = ""
        with anyio.fail_after(20):
            while not told:
                told = " ".join((await call(client, "search_templates")).get("notices", []))
        assert "asks for a higher price" in told
        assert "48 h later" in told
        assert "notices" not in await call(client, "show_instances")
        assert len(world.asked("rises")) == 1


async def test_what_is_being_read_in_the_background_is_not_said_to_be_unread(
    world: World, settings: Settings, machine: int
) -> None:
    """A call that shows machines waits for it instead."""
    world.raise_price(machine)
    world.faults.add("rises", "late", seconds=0.2)
    quick = replace(settings, times=replace(settings.times, hear_s=0.0, pace=0.0))
    async with served(world, quick) as client:
        await call(client, "show_account")
        shown = await show(client, machine)
    assert "price_increase" in shown
    assert "could not be read" not in str(shown.get("warnings"))


async def test_what_cannot_be_read_keeps_no_machine_from_being_shown(
    client: Client, world: World, machine: int
) -> None:
    """And is not asked again at once."""
    for name in ("rises", "maintenances"):
        world.faults.add(name, "status", times=None, status=403, body={"error": "forbidden"})
    shown = await show(client, machine)
    assert len([one for one in shown["warnings"] if "could not be read (forbidden)" in one]) == 2
    await show(client, machine)
    assert len(world.asked("rises")) == 1
