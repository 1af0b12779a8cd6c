"""The sandbox has volumes and merges templates (docs/vast-api.md A.10, F)."""

from typing import Any

import pytest

from sandbox_wire import Wire, a_world, assert_golden
from vast_mcp.sandbox.world import World

CLI_QUERY = {
    "verified": {"eq": True},
    "external": {"eq": False},
    "disk_space": {"gte": 1},
    "order": [["score", "desc"]],
    "allocated_storage": 1.0,
}


def room_and_offer(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    """Find a volume offer, and a free machine that it stands on."""
    rooms = {room["machine_id"]: room for room in world.volumes.rooms.values()}
    offer = world.offer(machine_id=lambda machine: machine in rooms, ports=True)
    return rooms[offer["machine_id"]], offer


async def a_volume(world: World, wire: Wire, **more: Any) -> tuple[int, dict[str, Any]]:
    room, offer = room_and_offer(world)
    reply = await wire.ask("PUT", "/api/v0/volumes/", {"size": 15, "id": room["id"], **more})
    return reply.json()["volume_id"], offer


async def volumes(wire: Wire, kind: str = "all_volume") -> list[dict[str, Any]]:
    reply = await wire.ask("GET", "/api/v0/volumes/", owner="me", type=kind)
    return reply.json()["volumes"]


async def test_a_search_finds_rooms_near_an_offer() -> None:
    """machine_id ties a volume to a machine (docs/vast-api.md F)."""
    world = a_world()
    room, offer = room_and_offer(world)
    wire = Wire(world)
    query = {"machine_id": {"eq": offer["machine_id"]}}
    [row] = (await wire.ask("POST", "/api/v0/volumes/search/", query)).json()["offers"]
    assert (row["id"], row["geolocation"]) == (room["id"], offer["geolocation"])
    rows = (await wire.ask("POST", "/api/v0/volumes/search/", CLI_QUERY)).json()["offers"]
    assert 1 <= len(rows) <= 64
    assert all(row["verification"] == "verified" and not row["external"] for row in rows)
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert rows[0]["storage_total_cost"] == pytest.approx(rows[0]["storage_cost"] / 720)


@pytest.mark.parametrize(
    "query", [{"nonsense": {"eq": 1}}, {"limit": {"eq": 1}}, {"allocated_storage": "lots"}]
)
async def test_an_odd_volume_search_is_refused(query: dict[str, Any]) -> None:
    """A volume search refuses what an offer search refuses (docs/vast-api.md B.2)."""
    reply = await Wire(a_world()).ask("POST", "/api/v0/volumes/search/", query)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")


async def test_a_volume_is_rented_listed_and_deleted() -> None:
    """Both spellings of the list's path answer (docs/vast-api.md F)."""
    world = a_world()
    wire = Wire(world)
    number, offer = await a_volume(world, wire, name="data_1")
    [row] = await volumes(wire)
    assert (row["id"], row["label"], row["status"], row["instances"]) == (
        number,
        "data_1",
        "created",
        [],
    )
    assert (row["disk_space"], row["machine_id"]) == (15, offer["machine_id"])
    assert isinstance(row["start_date"], float)
    assert (await wire.ask("GET", "/api/v0/volumes/")).json()["volumes"] == [row]
    assert await volumes(wire, "network_volume") == []
    assert (await wire.ask("DELETE", "/api/v0/volumes/", {}, id=number)).json() == {"success": True}
    assert await volumes(wire) == []
    assert_golden(await wire.ask("DELETE", "/api/v0/volumes/", {"id": number}), "volume_gone")
    assert [entry.kind for entry in world.ledger] == ["volume", "volume_delete"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"size": 0}, 400),
        ({"size": 1e6}, 400),
        ({"size": None}, 400),
        ({"id": 5}, 404),
        ({"name": "a b"}, 422),
    ],
)
async def test_a_volume_out_of_bounds_is_refused(change: dict[str, Any], status: int) -> None:
    """The name's 422 is live (docs/vast-api.md F)."""
    world = a_world()
    room, _ = room_and_offer(world)
    reply = await Wire(world).ask(
        "PUT", "/api/v0/volumes/", {"size": 15, "id": room["id"], **change}
    )
    assert reply.status_code == status
    if status == 422:
        assert "invalid volume name" in reply.json()["msg"]
    assert world.ledger == []


async def test_a_linked_volume_is_in_use_and_bills_on_after_its_instance() -> None:
    """The list of instances empties, the volume stays (docs/vast-api.md A.8, F)."""
    world = a_world()
    wire = Wire(world)
    number, offer = await a_volume(world, wire)
    info = {"create_new": False, "volume_id": number, "mount_path": "/data"}
    instance = (await wire.rent(offer["id"], volume_info=info)).json()["new_contract"]
    row = await wire.show(instance) or {}
    assert [f"-v V.{number}:/data", "1"] in row["extra_env"]
    assert "volume_info" not in row
    [listed] = (await wire.page())["instances"]
    assert listed["volume_info"][0]["volume_id"] == number
    [held] = await volumes(wire)
    assert (held["status"], held["instances"]) == ("in-use", [instance])
    refused = await wire.ask("DELETE", "/api/v0/volumes/", {}, id=number)
    assert_golden(refused, "volume_in_use")
    await wire.ask("DELETE", f"/api/v0/instances/{instance}/")
    [free] = await volumes(wire)
    assert (free["status"], free["instances"]) == ("created", [])
    assert free["storage_total_cost"] > 0
    assert [volume.id for volume in world.volumes.living] == [number]


async def test_a_volume_lingers_after_a_destroy_when_told_to() -> None:
    """The service was seen to take about 30 s; here it is looks (docs/vast-api.md A.8)."""
    world = a_world(volume_lingers_looks=2)
    wire = Wire(world)
    number, offer = await a_volume(world, wire)
    info = {"create_new": False, "volume_id": number, "mount_path": "/data"}
    instance = (await wire.rent(offer["id"], volume_info=info)).json()["new_contract"]
    await wire.ask("DELETE", f"/api/v0/instances/{instance}/")
    assert [(await volumes(wire))[0]["status"] for _ in range(3)] == ["in-use", "in-use", "created"]


async def test_a_rental_can_make_its_volume() -> None:
    """create_new takes the id of a volume offer; 15 GB when nothing is said
    (docs/vast-api.md A.8).
    """
    world = a_world()
    wire = Wire(world)
    room, offer = room_and_offer(world)
    before = room["disk_space"]
    info = {"create_new": True, "volume_id": room["id"], "mount_path": "/data", "name": "mine"}
    instance = (await wire.rent(offer["id"], volume_info=info)).json()["new_contract"]
    [made] = await volumes(wire)
    assert (made["disk_space"], made["label"], made["instances"]) == (15, "mine", [instance])
    assert [entry.kind for entry in world.ledger] == ["rent", "volume"]
    assert before - room["disk_space"] == pytest.approx(15)
    assert ["-v mine:/data", "1"] in (await wire.show(instance) or {})["extra_env"]


async def test_a_volume_is_refused_elsewhere_in_use_too_big_or_badly_named() -> None:
    """A volume serves one machine, and one instance at a time (docs/vast-api.md A.8)."""
    world = a_world()
    wire = Wire(world)
    number, offer = await a_volume(world, wire)
    room, _ = room_and_offer(world)
    link = {"create_new": False, "volume_id": number, "mount_path": "/data"}
    new = {"create_new": True, "volume_id": room["id"], "mount_path": "/data"}
    elsewhere = world.offer(machine_id=lambda machine: machine != offer["machine_id"])["id"]
    assert (await wire.rent(offer["id"], volume_info=link)).status_code == 200
    world.rent_again = True
    for ask, info in (
        (offer["id"], link),
        (elsewhere, link),
        (elsewhere, new),
        (offer["id"], {**new, "size": 1e6}),
        (offer["id"], {**new, "name": "a b"}),
    ):
        reply = await wire.rent(ask, volume_info=info)
        assert reply.status_code in {400, 422}, info
    assert len(world.rentals) == 1


async def test_an_unknown_volume_is_refused_only_by_switch() -> None:
    """Only a strict world checks ids, for other tests rent with invented ones."""
    world = a_world(rent_again=True)
    wire = Wire(world)
    for info in (
        {"create_new": False, "volume_id": 7, "mount_path": "/d"},
        {"create_new": True, "volume_id": 8, "mount_path": "/d"},
    ):
        world.strict_volumes = False
        assert (await wire.rent(world.offer()["id"], volume_info=info)).status_code == 200
        world.strict_volumes = True
        assert (await wire.rent(world.offer()["id"], volume_info=info)).status_code == 400
    assert len(world.rentals) == 2


# Templates


async def a_template(wire: Wire, **more: Any) -> dict[str, Any]:
    body = {
        "name": "mine",
        "image": "example/server",
        "env": "-e A=1 -e B='two words' -p 80:80",
        **more,
    }
    return (await wire.ask("POST", "/api/v0/template/", body)).json()["template"]


async def test_an_edit_changes_the_hash_keeps_the_id_and_the_old_hash_goes_stale() -> None:
    """The hash follows the content (docs/vast-api.md A.10, E)."""
    world = a_world()
    wire = Wire(world)
    old = await a_template(wire)
    reply = await wire.ask("PUT", "/api/v0/template/", {"hash_id": old["hash_id"], "env": "-e A=2"})
    new = reply.json()["template"]
    assert new["id"] == old["id"]
    assert new["hash_id"] != old["hash_id"]
    assert (
        await wire.rent(world.offer()["id"], template_hash_id=old["hash_id"])
    ).status_code == 400
    assert (
        await wire.rent(world.offer()["id"], template_hash_id=new["hash_id"])
    ).status_code == 200
    assert world.rentals[0].launch.env == {"A": "2"}
    again = await wire.ask("PUT", "/api/v0/template/", {"hash_id": old["hash_id"], "env": None})
    assert again.status_code == 400


async def test_a_templates_environment_merges_by_key_and_scalars_of_the_request_win() -> None:
    """A request wins, even with the disk of 10 that the official client always sends
    (docs/vast-api.md A.10).
    """
    world = a_world(rent_again=True)
    wire = Wire(world)
    hash_id = (
        await a_template(wire, recommended_disk_space="50", runtype="args", onstart="theirs")
    )["hash_id"]
    ask = world.offer(disk_space=lambda gb: gb > 60)["id"]
    path = f"/api/v0/asks/{ask}/"
    await wire.ask(
        "PUT", path, {"template_hash_id": hash_id, "env": {"A": "9"}, "disk": 10, "onstart": "mine"}
    )
    await wire.ask(
        "PUT", path, {"template_hash_id": hash_id, "env": None, "disk": None, "onstart": None}
    )
    one, two = (rental.launch for rental in world.rentals)
    assert one.env == {"A": "9", "B": "two words", "-p 80:80": "1"}
    assert (one.disk, one.onstart, one.runtype) == (10, "mine", "args")
    assert two.env == {"A": "1", "B": "two words", "-p 80:80": "1"}
    assert (two.disk, two.onstart, two.image) == (50, "theirs", "example/server")


async def test_a_templates_login_carries_over_and_is_in_no_row() -> None:
    """A template's login holds for its rentals, and no row shows it (docs/vast-api.md
    A.9, A.10).
    """
    world = a_world(rent_again=True)
    wire = Wire(world)
    hash_id = (await a_template(wire, docker_login_repo="-u me -p planted-token docker.io"))[
        "hash_id"
    ]
    ask = world.offer()["id"]
    await wire.ask("PUT", f"/api/v0/asks/{ask}/", {"template_hash_id": hash_id})
    await wire.ask(
        "PUT",
        f"/api/v0/asks/{ask}/",
        {"template_hash_id": hash_id, "image_login": "-u a -p b ghcr.io"},
    )
    logins = [rental.launch.image_login for rental in world.rentals]
    assert logins == ["-u me -p planted-token docker.io", "-u a -p b ghcr.io"]
    assert "planted-token" not in str(await wire.page())
