"""recycle_instance: apart from the gentler acts, because a disk's content goes."""

from __future__ import annotations

from typing import Any

from mcp import Client

from house import call
from vast_mcp.sandbox.world import World
from vast_mcp_tools.recycle_instance import SPEC


async def ours(client: Client, world: World, **more: Any) -> int:
    offer = world.offer(disk_space=lambda free: free > 40)
    return (await call(client, "create_instance", offer_id=offer["id"], disk=16, **more))[
        "instance_id"
    ]


def theirs(world: World) -> int:
    """A machine that another client of the account made."""
    offer = world.offer(disk_space=lambda free: free > 40)
    return world.rent(offer["id"], {"image": "x", "disk": 8, "label": "thesis"}).id


async def test_a_recycled_machine_keeps_its_id_and_is_looked_at(
    client: Client, world: World
) -> None:
    """Recycle recreates the container and keeps the GPU (docs/vast-api.md C.7)."""
    made = await ours(client, world)
    result = await call(client, "recycle_instance", instance_id=made)
    assert (result["instance_id"], result["status"]) == (made, "recycling")
    assert [step["tool"] for step in result["next_steps"]] == ["wait_for_instance"]
    assert [entry.kind for entry in world.ledger] == ["rent", "recycle"]


def test_hosts_are_told_that_it_destroys() -> None:
    """Destructive, since it discards the container's disk."""
    assert (SPEC.destructive, SPEC.read_only, SPEC.idempotent) == (True, False, False)


async def test_a_machine_of_somebody_else_needs_their_word(client: Client, world: World) -> None:
    """Recycle of a machine that is not ours needs not_ours: true."""
    foreign = theirs(world)
    error = (await call(client, "recycle_instance", instance_id=foreign))["error"]
    assert error["code"] == "not_ours"
    assert world.asked("recycle") == []
    look, step = error["next_steps"]
    assert (look["tool"], look["arguments"]) == ("show_instance", {"instance_id": foreign})
    assert step["arguments"] == {"instance_id": foreign, "not_ours": True}
    assert (await call(client, step["tool"], **step["arguments"]))["instance_id"] == foreign
    assert len(world.committed("recycle")) == 1


async def test_an_unknown_id_is_an_error_that_names_the_living(
    client: Client, world: World
) -> None:
    """A mistyped id is not sent anywhere."""
    made = await ours(client, world)
    error = (await call(client, "recycle_instance", instance_id=4711))["error"]
    assert error["code"] == "no_such_instance"
    assert str(made) in error["message"]
    assert world.asked("recycle") == []


async def test_a_lost_reply_is_no_failure(client: Client, world: World) -> None:
    """No row proves a recycle, so silence stays unknown; the same call is no step, since it may
    lose a disk's content again.
    """
    made = await ours(client, world)
    world.faults.add("recycle", "drop", times=None, when="after")
    error = (await call(client, "recycle_instance", instance_id=made))["error"]
    assert (error["code"], error["instance_id"]) == ("outcome_unknown", made)
    assert "no look can prove it" in error["message"]
    assert [step["tool"] for step in error["next_steps"]] == ["show_instances"]


async def test_a_queued_recycle_is_an_error_with_the_step_that_cancels_it(
    client: Client, world: World
) -> None:
    """Vast keeps the wish and bills when it comes true (docs/vast-api.md C.5); the step works on a
    machine of somebody else too.
    """
    foreign = theirs(world)
    refusal = {"success": False, "error": "resources_unavailable", "msg": "state change queued."}
    world.faults.add("recycle", "status", status=200, body=refusal)
    error = (await call(client, "recycle_instance", instance_id=foreign, not_ours=True))["error"]
    assert (error["code"], error["billing_possible"], error["instance_id"]) == (
        "start_queued",
        True,
        foreign,
    )
    cancel = error["next_steps"][0]
    assert cancel["arguments"] == {"instance_id": foreign, "action": "stop", "not_ours": True}
    assert "error" not in await call(client, cancel["tool"], **cancel["arguments"])


async def test_a_look_that_fails_afterwards_does_not_undo_it(client: Client, world: World) -> None:
    """What Vast accepted is reported, with what could not be seen."""
    made = await ours(client, world)
    world.faults.add("show", "html502", times=None)
    result = await call(client, "recycle_instance", instance_id=made)
    assert "status" not in result
    assert "vast_unavailable" in result["warnings"][0]


async def test_a_machine_that_does_not_run_is_vasts_to_refuse(client: Client, world: World) -> None:
    """Nothing is reported as success that is not."""
    made = await ours(client, world)
    world.set_state(made, "stopped")
    assert "error" in await call(client, "recycle_instance", instance_id=made)
    assert world.committed("recycle") == []
