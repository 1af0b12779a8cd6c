"""destroy_volume: only what is meant, never under a machine, believed when seen to be gone."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from house import OURS, an_offer, call
from vast_mcp.sandbox.volumes import Volume
from vast_mcp.sandbox.world import World


async def with_new_volume(client: Client, world: World, **more: Any) -> tuple[int, Volume]:
    """A machine of ours, and the volume that was made with it."""
    room = next(one for one in world.volumes.rooms.values() if one["disk_space"] > 30)
    offer = an_offer(world, machine_id=room["machine_id"])
    info = {"create_new": True, "volume_id": room["id"], "size": 20, "mount_path": "/workspace"}
    made = await call(
        client, "create_instance", offer_id=offer["id"], disk=8, volume_info=info, **more
    )
    return made["instance_id"], world.volumes.living[-1]


async def left_over(client: Client, world: World) -> Volume:
    """A volume of ours whose machine is gone."""
    made, volume = await with_new_volume(client, world)
    await call(client, "destroy_instance", instance_ids=[made])
    return volume


def theirs(world: World, name: str | None = "thesis") -> Volume:
    room = next(one for one in world.volumes.rooms.values() if one["disk_space"] > 30)
    return world.volumes.rent(room["id"], 2, name, world.clock())


async def test_a_destroyed_volume_was_looked_up_and_is_gone(client: Client, world: World) -> None:
    """The reply to a delete is no proof; gone is what no list shows (docs/vast-api.md F)."""
    volume, other = await left_over(client, world), theirs(world)
    result = await call(client, "destroy_volume", volume_id=volume.id)
    assert {key: result[key] for key in ("volume_id", "outcome", "size_gb", "usd_per_hour")} == {
        "volume_id": volume.id,
        "outcome": "destroyed",
        "size_gb": 20.0,
        "usd_per_hour": pytest.approx(volume.usd_per_hour, abs=1e-5),
    }
    assert world.volumes.living == [other]
    assert [one.endpoint for one in world.requests][-3:] == ["volumes", "delete_volume", "volumes"]
    assert world.asked("delete_volume")[0].body == {"id": volume.id}


async def test_a_machine_that_stays_hides_no_volume_of_one_that_is_gone(
    client: Client, world: World
) -> None:
    """Afterwards no list tells whose it was."""
    made, volume = await with_new_volume(client, world)
    stays = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 8, "label": OURS}).id
    refused = {"status": 403, "body": {"success": False, "error": "forbidden", "msg": "no"}}
    world.faults.add("destroy_many", "drop", when="before")
    world.faults.add("destroy", "status", skip=1, times=None, **refused)
    ids = [made, stays]
    error = (await call(client, "destroy_instance", instance_ids=ids))["error"]
    assert error["code"] == "destroy_unverified"
    assert [one.id for one in world.living] == [stays]
    assert {"volume_id": volume.id, "outcome": "bills"} in error["results"]
    assert error["next_steps"][0]["tool"] == "destroy_instance"
    assert "show_volumes" in [step["tool"] for step in error["next_steps"]]


async def test_destroying_a_machine_leads_to_its_volume_and_not_to_its_end(
    client: Client, world: World
) -> None:
    """A volume outlives its machine and bills (docs/vast-api.md F); its data may be wanted."""
    made, volume = await with_new_volume(client, world)
    ended = await call(client, "destroy_instance", instance_ids=[made])
    assert [left["volume_id"] for left in ended["volumes_still_billing"]] == [volume.id]
    [step] = ended["next_steps"]
    assert (step["tool"], step["arguments"]) == ("show_volumes", {})
    assert world.volumes.living == [volume]


async def test_a_volume_that_a_machine_holds_is_refused_with_who_holds_it(
    client: Client, world: World
) -> None:
    """Deletable only after the attached instances are destroyed (docs/vast-api.md F)."""
    made, volume = await with_new_volume(client, world)
    error = (await call(client, "destroy_volume", volume_id=volume.id))["error"]
    assert error["code"] == "volume_in_use"
    assert str(made) in error["message"]
    assert error["results"][0]["attached_to"] == [made]
    assert world.asked("delete_volume") == []
    assert world.volumes.living == [volume]
    assert [one.id for one in world.living] == [made]
    look, again = error["next_steps"]
    assert (look["tool"], look["arguments"]) == ("show_instance", {"instance_id": made})
    await call(client, "destroy_instance", instance_ids=[made])
    await call(client, again["tool"], **again["arguments"])
    assert (world.living, world.volumes.living) == ([], [])


async def test_a_volume_that_a_gone_machine_still_holds_is_destroyed_a_moment_later(
    client: Client, world: World
) -> None:
    """After a destroy the volume stays attached about 30 s (docs/vast-api.md A.8)."""
    world.volume_lingers_looks = 4
    volume = await left_over(client, world)
    assert volume.in_use
    error = await call(client, "destroy_volume", volume_id=volume.id)
    for _ in range(4):
        if "error" not in error:
            break
        error = error["error"]
        assert (error["code"], error["retryable"]) == ("destroy_unverified", True)
        assert error["results"] == [{"volume_id": volume.id, "outcome": "volume_in_use"}]
        [step] = error["next_steps"]
        error = await call(client, step["tool"], **step["arguments"])
    assert error["outcome"] == "destroyed"
    assert world.volumes.living == []


@pytest.mark.parametrize("name", [None, "vast_mcp_", "vast_mcp_0123456789abcdeX", "vast_mcp"])
async def test_a_volume_of_somebody_else_needs_their_word(
    client: Client, world: World, name: str | None
) -> None:
    """Data that vast-mcp did not store is not deleted by a guess at an id; its name is read
    strictly, as a machine's token is (docs/protocol.md).
    """
    foreign = theirs(world, name)
    error = (await call(client, "destroy_volume", volume_id=foreign.id))["error"]
    assert error["code"] == "not_ours"
    assert world.volumes.living == [foreign]
    look, step = error["next_steps"]
    assert look["tool"] == "show_volumes"
    assert step["arguments"] == {"volume_id": foreign.id, "not_ours": True}
    assert (await call(client, step["tool"], **step["arguments"]))["outcome"] == "destroyed"
    assert world.volumes.living == []


async def test_a_linked_volume_of_somebody_else_does_not_become_ours(
    client: Client, world: World
) -> None:
    """To mount a volume is not to make it."""
    foreign = theirs(world)
    offer = an_offer(world, machine_id=foreign.machine_id)
    info = {"volume_id": foreign.id, "mount_path": "/workspace"}
    made = await call(client, "create_instance", offer_id=offer["id"], disk=8, volume_info=info)
    await call(client, "destroy_instance", instance_ids=[made["instance_id"]])
    error = (await call(client, "destroy_volume", volume_id=foreign.id))["error"]
    assert error["code"] == "not_ours"


async def test_the_same_call_again_is_fine(client: Client, world: World) -> None:
    """What is gone already is done."""
    volume = await left_over(client, world)
    await call(client, "destroy_volume", volume_id=volume.id)
    again = await call(client, "destroy_volume", volume_id=volume.id)
    assert again["outcome"] == "already_gone"
    assert len(world.committed("volume_delete")) == 1


async def test_an_unknown_volume_is_an_error_that_names_what_there_is(
    client: Client, world: World
) -> None:
    """A mistyped id must not look like the end of a volume that goes on billing."""
    error = (await call(client, "destroy_volume", volume_id=4711))["error"]
    assert (error["code"], "no volumes" in error["message"]) == ("not_found", True)
    volume = await left_over(client, world)
    error = (await call(client, "destroy_volume", volume_id=4711))["error"]
    assert error["code"] == "not_found"
    assert str(volume.id) in error["message"]
    assert [step["tool"] for step in error["next_steps"]] == ["show_volumes"]
    assert world.asked("delete_volume") == []


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ({"status": 403, "body": {"error": "forbidden", "msg": "instance_write"}}, "forbidden"),
        ({"status": 401, "body": {"success": False, "msg": "Unauthorized"}}, "forbidden"),
        ({"status": 400, "body": {"success": False, "error": "invalid id"}}, "not_found"),
        ({"status": 404, "body": {"success": False, "error": "invalid id"}}, "still_there"),
        ({"status": 404, "text": "<html>", "content_type": "text/html"}, "unexpected_reply"),
        ({"status": 200, "body": {"success": True}}, "still_there"),
        ({"status": 409, "body": {"success": False, "msg": "volume in use"}}, "volume_in_use"),
        ({"status": 409, "body": {"success": False}}, "unexpected_reply"),
    ],
)
async def test_a_volume_that_stays_is_not_reported_as_gone(
    client: Client, world: World, reply: dict[str, Any], outcome: str
) -> None:
    """What is still shown may bill, whatever was answered (docs/vast-api.md F)."""
    volume = await left_over(client, world)
    world.faults.add("delete_volume", "status", times=None, **reply)
    error = (await call(client, "destroy_volume", volume_id=volume.id))["error"]
    assert (error["code"], error["billing_possible"]) == ("destroy_unverified", True)
    assert error["results"] == [{"volume_id": volume.id, "outcome": outcome}]
    assert error["next_steps"][0]["arguments"] == {"volume_id": volume.id}
    world.faults.clear()
    assert (await call(client, "destroy_volume", volume_id=volume.id))["outcome"] == "destroyed"


async def test_a_delete_whose_reply_is_lost_is_looked_up(client: Client, world: World) -> None:
    """Repeating a delete changes nothing, and the look decides."""
    volume = await left_over(client, world)
    world.faults.add("delete_volume", "drop", when="after")
    result = await call(client, "destroy_volume", volume_id=volume.id)
    assert result["outcome"] == "destroyed"
    assert len(world.committed("volume_delete")) == 1


async def test_a_look_that_fails_is_no_proof(client: Client, world: World) -> None:
    """What cannot be looked up is not known to be gone."""
    volume = await left_over(client, world)
    world.faults.add("volumes", "html502", skip=1, times=None)
    error = (await call(client, "destroy_volume", volume_id=volume.id))["error"]
    assert (error["code"], error["results"][0]["outcome"]) == ("destroy_unverified", "still_there")


@pytest.mark.parametrize("endpoint", ["volumes"])
async def test_nothing_is_deleted_while_a_list_cannot_be_read(
    client: Client, world: World, endpoint: str
) -> None:
    """Without the lists neither "unknown" nor "attached" can be told."""
    volume = await left_over(client, world)
    world.faults.add(endpoint, "html503", times=None)
    error = (await call(client, "destroy_volume", volume_id=volume.id))["error"]
    assert error["code"] == "vast_unavailable"
    assert world.asked("delete_volume") == []


async def test_an_id_that_cannot_be_one_is_refused_before_anything_is_asked(
    client: Client, world: World
) -> None:
    """The schema's bounds hold at run time, and a list of one is no one volume."""
    for wrong in (0, -1, "50000001.5", 1.5, True, [50000001], None):
        error = (await call(client, "destroy_volume", volume_id=wrong))["error"]
        assert error["code"] == "bad_arguments", wrong
    assert world.requests == []
