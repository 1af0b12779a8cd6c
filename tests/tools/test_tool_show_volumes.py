"""show_volumes: what goes on billing when every machine is gone."""

from __future__ import annotations

import json

import pytest
from mcp import Client

from house import call
from vast_mcp.sandbox.volumes import Volume
from vast_mcp.sandbox.world import World


def make_volume(world: World, gb: float = 20, name: str | None = None) -> Volume:
    room = next(room for room in world.volumes.rooms.values() if room["disk_space"] > gb)
    return world.volumes.rent(room["id"], gb, name, world.clock())


async def test_an_account_without_volumes_is_an_empty_list(client: Client) -> None:
    """No volumes is a list without rows (docs/vast-api.md F)."""
    shown = await call(client, "show_volumes")
    named = ("count", "volumes_usd_per_hour", "volumes", "next_steps")
    assert tuple(shown[name] for name in named) == (
        0,
        0.0,
        [],
        [],
    )


async def test_a_volume_says_where_it_is_and_what_it_bills(client: Client, world: World) -> None:
    """$/h is $/GB/month over 720 h; the ones attached to nothing come first
    (docs/vast-api.md F and A.6).
    """
    free, held = make_volume(world, 20, "data"), make_volume(world, 30)
    held.instances.append(30_000_001)
    shown = await call(client, "show_volumes")
    first, second = shown["volumes"]
    assert first == {
        "volume_id": free.id,
        "size_gb": 20.0,
        "machine_id": free.machine_id,
        "usd_per_hour": pytest.approx(free.usd_per_hour, abs=1e-5),
        "attached_to": [],
        "status": "created",
        "untrusted_label": "data",
    }
    assert (second["attached_to"], second["status"]) == ([30_000_001], "in-use")
    assert shown["volumes_usd_per_hour"] == pytest.approx(
        held.usd_per_hour + free.usd_per_hour, abs=1e-4
    )


async def test_the_step_leads_to_an_offer_of_its_machine(client: Client, world: World) -> None:
    """A volume is mounted on its own machine only (docs/vast-api.md A.8)."""
    free = make_volume(world)
    step, end = (await call(client, "show_volumes"))["next_steps"]
    assert (end["tool"], end["arguments"]) == ("destroy_volume", {"volume_id": free.id})
    assert (step["tool"], step["arguments"]) == (
        "search_offers",
        {"filters": f"machine_id={free.machine_id}"},
    )
    assert "error" not in await call(client, step["tool"], **step["arguments"])


async def test_the_ids_of_instances_are_read_in_every_form(client: Client, world: World) -> None:
    """The form of `instances` is not documented (docs/vast-api.md F)."""
    rows = [
        {"id": 1, "disk_space": 10, "instances": [5, "6", {"id": 7}, None, True, "x", [8]]},
        {"id": 2},
        {"id": 3, "instances": []},
    ]
    world.faults.add("volumes", "status", status=200, body={"volumes": rows})
    shown = await call(client, "show_volumes")
    assert {row["volume_id"]: row.get("attached_to") for row in shown["volumes"]} == {
        1: [5, 6, 7],
        2: None,
        3: [],
    }
    [step] = shown["next_steps"]  # none is free, and to use again
    assert (step["tool"], step["arguments"]) == ("show_instance", {"instance_id": 5})
    assert "3 of 3 show no price" in shown["warnings"][0]


async def test_many_volumes_are_counted_and_cut(client: Client, world: World) -> None:
    """Every result stays under a thousand tokens; the total is of all."""
    made = [make_volume(world, 1, f"volume_with_a_long_name_{n}") for n in range(60)]
    shown = await call(client, "show_volumes")
    assert (shown["count"], len(shown["volumes"])) == (60, 20)
    assert shown["volumes_usd_per_hour"] == pytest.approx(
        sum(one.usd_per_hour for one in made), abs=1e-4
    )
    assert "40 more" in shown["warnings"][0]
    assert len(json.dumps(shown)) < 4_500


async def test_a_list_that_is_none_is_an_error(client: Client, world: World) -> None:
    """A volume that bills must not look like no volume."""
    world.faults.add("volumes", "status", status=200, body={"success": True})
    assert (await call(client, "show_volumes"))["error"]["code"] == "incomplete_list"
