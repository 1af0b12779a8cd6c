"""Many machines are rented, changed and destroyed with one request (docs/vast-api.md A.11, C.7)."""

from typing import Any

import pytest

from sandbox_wire import Wire, a_world
from vast_mcp.sandbox.world import World

MACHINES = "/api/v0/instances/"


def free(world: World, count: int) -> list[int]:
    """The first free offers."""
    rows = [row for row in world.offers.values() if row["rentable"] and not row["external"]]
    return [row["id"] for row in rows[:count]]


async def many(wire: Wire, asks: Any, **body: Any) -> Any:
    return await wire.ask("POST", "/api/v0/asks/bulk/", {"image": "x/y", "ids": asks, **body})


async def rented(world: World, count: int) -> tuple[Wire, list[int]]:
    wire = Wire(world)
    return wire, (await many(wire, free(world, count))).json()["created"]


# Rented


async def test_one_body_rents_many_and_each_has_its_answer() -> None:
    """Those that cannot be had do not keep the others (docs/vast-api.md A.11)."""
    world = a_world()
    wire, asks = Wire(world), free(world, 3)
    world.take(asks[1])
    reply = await many(wire, [*asks, 1], label="mine")
    said = reply.json()
    assert (reply.status_code, said["success"]) == (200, True)
    assert [row["success"] for row in said["results"]] == [True, False, True, False]
    assert said["created"] == [row["new_contract"] for row in said["results"] if row["success"]]
    assert said["failed"] == [asks[1], 1]
    assert said["results"][1]["error"] == "no_such_ask"
    assert [one.label for one in world.living] == ["mine", "mine"]
    assert [entry.instance_id for entry in world.committed("rent")] == said["created"]
    assert [row["id"] for row in (await wire.page())["instances"]] == said["created"]


async def test_it_is_a_400_where_none_could_be_rented() -> None:
    """400 also when all fail (docs/vast-api.md A.11)."""
    world = a_world()
    reply = await many(Wire(world), [1, 2])
    assert (reply.status_code, reply.json()["success"], world.ledger) == (400, False, [])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "missings offer 'ids'"),
        ({"ids": []}, "no ask ids provided"),
        ({"ids": list(range(65))}, "max is 64"),
        ({"ids": ["1"]}, "integers"),
    ],
)
async def test_a_list_of_offers_that_is_none_is_refused(body: Any, words: str) -> None:
    """At most 64, and at least one (docs/vast-api.md A.11)."""
    world = a_world()
    reply = await Wire(world).ask("POST", "/api/v0/asks/bulk/", {"image": "x/y", **body})
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_args")
    assert words in reply.json()["msg"]


async def test_launch_rents_the_first_offer_of_its_search() -> None:
    """A create body with a search in it (docs/vast-api.md A.11)."""
    world = a_world()
    wire = Wire(world)
    query = {
        "gpu_name": {"eq": "RTX 4090"},
        "rentable": {"eq": True},
        "order": [["dph_total", "asc"]],
    }
    first = (await wire.ask("PUT", "/api/v0/search/asks/", {"q": query})).json()["offers"][0]
    body = {"image": "x/y", "disk": 10, "label": "mine", "q": query}
    reply = (await wire.ask("PUT", "/api/v0/launch_instance/", body)).json()
    [machine] = world.living
    assert (reply["success"], reply["new_contract"]) == (True, machine.id)
    assert (machine.offer_id, machine.label) == (first["id"], "mine")
    assert [entry.kind for entry in world.ledger] == ["rent"]


async def test_a_launch_that_finds_nothing_rents_nothing() -> None:
    """A 200 that is no success (docs/vast-api.md A.11)."""
    world = a_world()
    body = {"image": "x/y", "q": {"gpu_name": {"eq": "none"}}}
    reply = await Wire(world).ask("PUT", "/api/v0/launch_instance/", body)
    assert (reply.status_code, reply.json()["error"]) == (200, "offer_not_found")
    assert world.ledger == []
    missing = await Wire(world).ask("PUT", "/api/v0/launch_instance/", {"image": "x/y"})
    assert missing.status_code == 400


async def test_a_bid_is_recommended_as_a_bare_number() -> None:
    """By the row's bundle_id (docs/vast-api.md A.6)."""
    world = a_world()
    wire, row = Wire(world), world.offer()
    path = "/api/v0/bundles_bid_price"
    number = (await wire.ask("PUT", f"{path}/{row['bundle_id']}/", {})).json()
    assert number <= row["min_bid"]
    none = await wire.ask("PUT", f"{path}/1/", {})
    assert (none.status_code, none.json()["error"]) == (404, "no_such_ask")


# Changed


async def test_many_are_stopped_started_and_labelled() -> None:
    """One PUT with ids and a state or a label (docs/vast-api.md C.7)."""
    world = a_world()
    wire, ids = await rented(world, 3)
    stop = await wire.ask("PUT", MACHINES, {"ids": ids[:2], "state": "stopped"})
    assert stop.json() == {"success": True}
    assert [one.intended for one in world.living] == ["stopped", "stopped", "running"]
    await wire.ask("PUT", MACHINES, {"ids": [*ids[:1], 1], "state": "running"})
    await wire.ask("PUT", MACHINES, {"ids": ids, "label": "x"})
    assert [one.intended for one in world.living] == ["running", "stopped", "running"]
    assert {one.label for one in world.living} == {"x"}
    assert [one.endpoint for one in world.requests][1:] == ["stop_many", "start_many", "label_many"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"state": "stopped"}, 400, "ids list required"),
        ({"ids": [], "state": "stopped"}, 400, "ids list required"),
        ({"ids": list(range(65)), "state": "stopped"}, 400, "chunk length of 65 > 64"),
        ({"ids": [1, 2], "state": "stopped"}, 404, "Invalid instance ID list ids."),
        ({"ids": [1], "state": "frozen"}, 400, "Invalid target state"),
    ],
)
async def test_a_change_of_many_that_names_none_is_refused(
    body: Any, status: int, words: str
) -> None:
    """The refusals of the bulk route (docs/vast-api.md C.7)."""
    reply = await Wire(a_world()).ask("PUT", MACHINES, body)
    assert (reply.status_code, reply.json()["msg"]) == (status, words)


async def test_many_are_not_started_without_credit() -> None:
    """The bulk route has its own word for it (docs/vast-api.md C.5)."""
    world = a_world()
    wire, ids = await rented(world, 1)
    world.credit = 0
    reply = await wire.ask("PUT", MACHINES, {"ids": ids, "state": "running"})
    assert (reply.status_code, reply.json()["error"]) == (400, "insufficient_credit")
    stopped = await wire.ask("PUT", MACHINES, {"ids": ids, "state": "stopped"})
    assert stopped.json()["success"]


# Destroyed


async def test_many_are_destroyed() -> None:
    """One DELETE with instance_ids (docs/vast-api.md C.7)."""
    world = a_world()
    wire, ids = await rented(world, 3)
    reply = await wire.ask("DELETE", MACHINES, {"instance_ids": [ids[0], ids[2], 1]})
    assert reply.json() == {"success": True}
    assert [one.id for one in world.living] == [ids[1]]
    assert len(world.committed("destroy")) == 2


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "instance_ids array is required"),
        ({"instance_ids": "all"}, 400, "invalid request format"),
        ({"instance_ids": []}, 400, "invalid request format"),
        ({"instance_ids": [1]}, 404, "instances_not_found"),
    ],
)
async def test_a_destroy_of_none_is_refused(body: Any, status: int, words: str) -> None:
    """An empty list destroys nothing, and not everything (docs/vast-api.md C.7)."""
    world = a_world()
    wire, _ids = await rented(world, 2)
    reply = await wire.ask("DELETE", MACHINES, body)
    assert reply.status_code == status
    assert words in reply.text
    assert len(world.living) == 2


async def test_two_ways_to_say_how_a_machine_is_entered_are_one_too_many() -> None:
    """runtype and use_ssh together are refused, each alone is not (docs/vast-api.md A.2)."""
    world = a_world()
    wire, ask = Wire(world), world.offer()["id"]
    both = await wire.rent(ask, runtype="ssh", use_ssh=True)
    assert (both.status_code, both.json()["msg"]) == (
        400,
        "runtype and use_ssh cannot both be set",
    )
    assert (await wire.rent(ask, use_ssh=True)).status_code == 200
