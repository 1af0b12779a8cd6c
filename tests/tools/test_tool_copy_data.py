"""copy_data: Vast copies between places, once, and says little of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from house import OURS, an_offer, call, lenient_world, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

S3 = {"id": 101, "cloud_type": "s3", "name": "mine"}


def machine(world: World, **more: Any) -> int:
    body = {"image": "a/b", "disk": 20, "label": OURS, **more}
    return world.rent(an_offer(world)["id"], body).id


def between(world: World) -> dict[str, Any]:
    return {"source": f"{machine(world)}:/data", "destination": f"{machine(world)}:/data"}


@pytest.fixture
def world() -> World:
    made = lenient_world()
    made.clouds = [S3]
    return made


async def test_a_copy_begins_once_and_the_same_call_follows_it(
    client: Client, world: World
) -> None:
    """Vast gives no name to a copy, and never says that one is done (docs/vast-api.md C.10)."""
    asked = between(world)
    first = await call(client, "copy_data", **asked)
    assert (first["copy_was"], first["state"]) == ("begun", "taken")
    [sent] = world.asked("copy")
    assert sent.body == {
        "client_id": "me",
        "src_id": "C." + asked["source"].partition(":")[0],
        "src_path": "/data",
        "dst_id": "C." + asked["destination"].partition(":")[0],
        "dst_path": "/data",
    }
    step = first["next_steps"][0]
    again = await call(client, step["tool"], **step["arguments"])
    assert (again["copy_was"], again["copy_name"]) == ("followed", first["copy_name"])
    assert "opying" in again["untrusted_destination_status"]
    assert len(world.asked("copy")) == 1
    other = await call(client, "copy_data", **asked, request_key="second")
    assert other["copy_was"] == "begun"
    assert len(world.committed("copy")) == 2


async def test_two_calls_at_once_send_one(client: Client, world: World) -> None:
    """The journal's transaction decides."""
    asked, was = between(world), list[str]()

    async def one() -> None:
        was.append((await call(client, "copy_data", **asked))["copy_was"])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one)
        tasks.start_soon(one)
    assert sorted(was) == ["begun", "followed"]
    assert len(world.asked("copy")) == 1


async def test_a_lost_reply_is_unknown_and_never_sent_again(client: Client, world: World) -> None:
    """Traffic would be paid twice."""
    asked = between(world)
    world.faults.add("copy", "drop", times=None, when="after")
    error = (await call(client, "copy_data", **asked))["error"]
    assert error["code"] == "outcome_unknown"
    world.faults.clear()
    again = await call(client, "copy_data", **asked)
    assert (again["copy_was"], again["state"]) == ("followed", "unknown")
    assert len(world.asked("copy")) == 1


async def test_a_refused_copy_begins_with_the_next_call(client: Client, world: World) -> None:
    """A refusal proves that nothing began."""
    asked = between(world)
    busy = {"success": False, "error": "invalid_args", "msg": "Invalid dst_id."}
    world.faults.add("copy", "status", status=400, body=busy)
    assert (await call(client, "copy_data", **asked))["error"]["code"] == "invalid_request"
    assert (await call(client, "copy_data", **asked))["copy_was"] == "begun"


@pytest.mark.parametrize("up", [True, False])
async def test_a_cloud_is_copied_to_and_from_by_its_connection(
    client: Client, world: World, up: bool
) -> None:
    """rclone, with paths at both ends (docs/vast-api.md C.10)."""
    made = machine(world)
    ends = [f"{made}:/data", "s3.101:bucket/data"]
    source, destination = ends if up else reversed(ends)
    found = await call(client, "copy_data", source=source, destination=destination)
    [sent] = world.asked("copy")
    assert (sent.path, sent.method) == ("/api/v0/commands/rclone/", "POST")
    assert sent.body["transfer"] == ("Instance To Cloud" if up else "Cloud To Instance")
    assert (sent.body["selected"], sent.body["instance_id"]) == ("101", str(made))
    assert found["traffic"].count("$/GB") == 1
    stopped = await call(client, "copy_data", source=source, destination=destination, stop=True)
    assert stopped["state"] == "stopping"
    assert world.asked("copy_cancel")[0].body["dst_id"] == str(made)


async def test_a_cloud_that_is_not_connected_is_refused_with_those_that_are(
    client: Client, world: World
) -> None:
    """A person connects clouds at Vast."""
    made = machine(world)
    error = (await call(client, "copy_data", source=f"{made}:/x", destination="drive.7:x"))["error"]
    assert (error["code"], world.asked("copy")) == ("bad_arguments", [])
    assert "s3.101" in str(error["problems"])


async def test_a_copy_is_stopped_by_where_it_goes(client: Client, world: World) -> None:
    """Every copy to that place is (docs/vast-api.md C.10)."""
    asked = between(world)
    error = (await call(client, "copy_data", **asked, stop=True))["error"]
    assert error["code"] == "bad_arguments"
    await call(client, "copy_data", **asked)
    stopped = await call(client, "copy_data", **asked, stop=True)
    assert (stopped["state"], stopped["copy_was"]) == ("stopping", "followed")
    assert [one.endpoint for one in world.asked("copy_cancel")] == ["copy_cancel"]
    assert (await call(client, "copy_data", **asked))["state"] == "stopping"


@pytest.mark.parametrize(
    ("source", "destination", "words"),
    [
        ("{0}:/x", "{1}:/root", "/root"),
        ("{0}:/x", "{1}:/", "/root"),
        ("{0}:/x", "{1}:/root/", "/root"),
        ("{0}:/x", "{1}://root", "/root"),
        ("{0}:/x", "{1}://", "/root"),
        ("{0}:/x", "{1}", "path"),
        ("{0}", "{1}:/x", "path"),
        ("{0}:/x", "{0}:/x", "is the source"),
        ("{0}:x", "{1}:/x", "begin with /"),
        ("{0}:/x", "local:/x", "must be"),
        ("{0}:/../x", "{1}:/x", ".."),
        ("s3.101:x", "s3.101:y", "one of both"),
    ],
)
async def test_a_place_that_cannot_be_is_refused(
    client: Client, world: World, source: str, destination: str, words: str
) -> None:
    """Nothing is sent (docs/vast-api.md C.10)."""
    ids = machine(world), machine(world)
    error = (
        await call(
            client,
            "copy_data",
            source=source.format(*ids),
            destination=destination.format(*ids),
        )
    )["error"]
    assert (error["code"], world.asked("copy")) == ("bad_arguments", [])
    assert words in str(error["problems"])


async def test_a_vm_is_copied_whole_to_one_that_is_stopped(client: Client, world: World) -> None:
    """The whole disk, without a path (docs/vast-api.md C.10)."""
    vm = {"image": "docker.io/vastai/kvm:ubuntu_terminal", "vm": True}
    first, second = (
        world.rent(world.offer(vm=True, ports=True)["id"], {**vm, "disk": 20, "label": OURS}).id
        for _ in range(2)
    )
    asked = {"source": str(first), "destination": str(second)}
    error = (await call(client, "copy_data", **asked))["error"]
    assert "stop it first" in str(error["problems"])
    path = (await call(client, "copy_data", source=f"{first}:/x", destination=str(second)))["error"]
    assert "whole disk" in str(path["problems"])
    await call(client, "manage_instance", instance_id=second, action="stop")
    found = await call(client, "copy_data", **asked)
    assert found["state"] == "taken"
    assert world.asked("copy")[-1].body["src_path"] == "/"


async def test_traffic_is_told_at_both_ends_and_free_inside_a_machine(
    client: Client, world: World
) -> None:
    """Billed per GB both ways; inside one machine free (docs/vast-api.md C.8)."""
    asked = between(world)
    found = await call(client, "copy_data", **asked)
    assert "leaving machine" in found["traffic"]
    assert "arriving at machine" in found["traffic"]
    made = machine(world)
    inside = await call(client, "copy_data", source=f"{made}:/a", destination=f"{made}:/b")
    assert "free" in inside["traffic"]


async def test_what_somebody_else_made_needs_their_word(client: Client, world: World) -> None:
    """A copy reads what is on it, or writes over it."""
    asked = {
        "source": f"{machine(world)}:/x",
        "destination": f"{machine(world, label='thesis')}:/x",
    }
    error = (await call(client, "copy_data", **asked))["error"]
    assert (error["code"], world.asked("copy")) == ("not_ours", [])
    step = error["next_steps"][-1]
    assert (await call(client, step["tool"], **step["arguments"]))["state"] == "taken"


async def test_a_person_reads_what_it_costs_before_it_is_sent(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """Asked wherever a person wants to be asked, by code where the host cannot."""
    asks = replace(settings, confirm_above=5.0, state_dir=tmp_path)
    asked = between(world)
    async with served(world, asks) as client:
        error = (await call(client, "copy_data", **asked))["error"]
    assert (error["code"], world.asked("copy")) == ("needs_confirmation", [])


async def test_a_volume_is_a_place(client: Client, world: World) -> None:
    """Copies between a volume and a machine go by its id (docs/vast-api.md C.10)."""
    made = machine(world)
    room = next(iter(world.volumes.rooms.values()))
    name = "vast_mcp_0123456789abcdef"
    volume = world.volumes.rent(room["id"], 10, name, world.now)
    found = await call(client, "copy_data", source=f"V.{volume.id}:/x", destination=f"{made}:/y")
    assert found["state"] == "taken"
    assert world.asked("copy")[0].body["src_id"] == f"V.{volume.id}"
    assert "not known" in found["traffic"]
