"""search_volumes: room for a volume on the machine that is to be rented."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from house import call
from vast_mcp.sandbox.world import World


def room_and_offer(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """Headroom for 30 GB and more, and a free offer of its machine."""
    for room in world.volumes.rooms.values():
        if room["disk_space"] > 40:
            try:
                return room, world.offer(
                    machine_id=room["machine_id"], disk_space=lambda free: free > 20
                )
            except LookupError:
                continue
    raise LookupError


def bare_offer(world: World) -> dict[str, Any]:
    """A free offer whose machine has no room for volumes."""
    machines = {room["machine_id"] for room in world.volumes.rooms.values()}
    return world.offer(machine_id=lambda machine: machine not in machines)


async def test_room_near_an_offer_is_found_and_rented_with_it(client: Client, world: World) -> None:
    """A volume is on the machine of the offer; the step rents both at once
    (docs/vast-api.md A.8 and F).
    """
    room, offer = room_and_offer(world)
    shown = await call(client, "search_volumes", offer_id=offer["id"], size_gb=30)
    assert shown["volume_offers"] == [
        {
            "volume_offer_id": room["id"],
            "machine_id": room["machine_id"],
            "free_gb": room["disk_space"],
            "usd_per_gb_month": room["storage_cost"],
            "usd_per_hour": pytest.approx(room["storage_cost"] * 30 / 720, abs=1e-5),
        }
    ]
    step, alone = shown["next_steps"]
    assert (step["tool"], alone["tool"]) == ("create_instance", "create_volume")
    assert alone["arguments"] == {"volume_offer_id": room["id"], "size_gb": 30}
    made = await call(client, step["tool"], **step["arguments"])
    [volume] = world.volumes.living
    assert (volume.gb, volume.machine_id, volume.instances) == (
        30,
        room["machine_id"],
        [made["instance_id"]],
    )


async def test_a_machine_may_be_named_itself(client: Client, world: World) -> None:
    """An offer of it that a search has shown makes the step ready, another search finds one."""
    room, offer = room_and_offer(world)
    machine = room["machine_id"]
    shown = await call(client, "search_volumes", machine_id=machine)
    assert (shown["size_gb"], shown["volume_offers"][0]["volume_offer_id"]) == (15, room["id"])
    step, alone = shown["next_steps"]
    assert (step["tool"], step["arguments"]) == (
        "search_offers",
        {"filters": f"machine_id={machine}"},
    )
    found = await call(client, step["tool"], **step["arguments"])
    assert offer["id"] in [row["offer_id"] for row in found["offers"]]
    ready, _ = (await call(client, "search_volumes", machine_id=machine))["next_steps"]
    assert ready["tool"] == "create_instance"
    made = await call(client, alone["tool"], **alone["arguments"])
    assert [one.id for one in world.volumes.living] == [made["volume_id"]]


async def test_a_machine_without_room_leads_to_another(client: Client, world: World) -> None:
    """Not every host offers volumes (docs/vast-api.md F)."""
    shown = await call(client, "search_volumes", offer_id=bare_offer(world)["id"])
    assert shown["volume_offers"] == []
    assert [step["tool"] for step in shown["next_steps"]] == ["search_offers"]


async def test_room_that_is_too_small_is_not_shown(client: Client, world: World) -> None:
    """A filter may be ignored; checked again here (docs/vast-api.md B.2)."""
    room, offer = room_and_offer(world)
    size = int(room["disk_space"]) + 1
    assert (await call(client, "search_volumes", offer_id=offer["id"], size_gb=size))[
        "volume_offers"
    ] == []
    body = {"offers": [{**room, "id": 1}, {**room, "id": 2, "machine_id": 1, "disk_space": 9e9}]}
    world.faults.add("search_volumes", "status", status=200, body=body)
    assert (await call(client, "search_volumes", offer_id=offer["id"], size_gb=size))[
        "volume_offers"
    ] == []


async def test_an_offer_that_is_gone_is_an_error(client: Client, world: World) -> None:
    """ "no room" would be the wrong answer."""
    error = (await call(client, "search_volumes", offer_id=1))["error"]
    assert (error["code"], error["offer_id"]) == ("offer_gone", 1)
    assert world.asked("search_volumes") == []


@pytest.mark.parametrize("arguments", [{}, {"offer_id": 1, "machine_id": 2}])
async def test_exactly_one_place_is_named(
    client: Client, world: World, arguments: dict[str, int]
) -> None:
    """Validation is pure and offline (docs/architecture.md)."""
    assert (await call(client, "search_volumes", **arguments))["error"]["code"] == "bad_arguments"
    assert world.requests == []
