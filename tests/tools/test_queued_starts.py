"""A start that is said to be queued: the machine may start, and bill, or never does
(docs/vast-api.md C.5).
"""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from house import an_offer, call
from vast_mcp.sandbox.world import World

QUEUED = "Required resources are currently unavailable, state change queued."
FORMS: list[tuple[str, int]] = [
    ("plain", 200),  # live
    ("error", 200),
    ("success", 200),
    ("plain", 400),
    ("error", 409),
    ("error", 410),
]


async def stopped(client: Client, world: World) -> int:
    """A machine of ours that is stopped, and whose GPU somebody else has."""
    made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=16)
    world.set_state(made["instance_id"], "stopped")
    world.take_gpu(made["instance_id"])
    return made["instance_id"]


def steps(answer: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(one["tool"], one["arguments"]) for one in answer["next_steps"]]


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(("form", "status"), FORMS)
async def test_a_queued_start_in_any_form_says_what_was_seen_and_how_to_end_it(
    client: Client, world: World, form: str, status: int, waits: bool
) -> None:
    """Nothing stayed queued in six reports; one report and the documentation have it wait
    (docs/vast-api.md C.5). To stop it is a step; nobody asked for its end.
    """
    world.queued_as, world.queued_status, world.starts_wait = form, status, waits
    made = await stopped(client, world)
    error = (await call(client, "manage_instance", instance_id=made, action="start"))["error"]
    assert (error["code"], error["billing_possible"], error["instance_id"]) == (
        "start_queued",
        True,
        made,
    )
    assert "six reports nothing stayed queued" in error["message"]
    assert "documentation" in error["message"]
    stop = ("manage_instance", {"instance_id": made, "action": "stop"})
    assert steps(error) == [
        stop,
        ("show_instance", {"instance_id": made}),
    ]
    assert "error" not in await call(client, stop[0], **stop[1])
    world.free_gpu(made)
    assert world.committed("start") == []


@pytest.mark.parametrize("said", [{"success": True}, {}, {"success": True, "msg": "Noted."}])
async def test_a_queued_start_that_only_its_error_tells_of_is_one(
    client: Client, world: World, said: dict[str, Any]
) -> None:
    """Whatever `success` says (docs/vast-api.md C.5)."""
    made = await stopped(client, world)
    body = {**said, "error": "resources_unavailable"}
    world.faults.add("start", "status", status=200, body=body)
    error = (await call(client, "manage_instance", instance_id=made, action="start"))["error"]
    assert (error["code"], error["billing_possible"]) == ("start_queued", True)


@pytest.mark.parametrize("said", [{"success": True}, {"success": False}])
@pytest.mark.parametrize(("tool", "more"), [("reboot", {"action": "reboot"}), ("recycle", {})])
async def test_a_reboot_that_is_said_to_be_queued_is_no_success(
    client: Client, world: World, tool: str, more: dict[str, Any], said: dict[str, Any]
) -> None:
    """Whatever `success` says beside the words (docs/vast-api.md C.5)."""
    made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=16)
    machine = {"instance_id": made["instance_id"]}
    world.faults.add(tool, "status", status=200, body={**said, "msg": QUEUED})
    name = "manage_instance" if more else "recycle_instance"
    error = (await call(client, name, **machine, **more))["error"]
    assert (error["code"], error["billing_possible"]) == ("start_queued", True)
    assert [tool for tool, _ in steps(error)] == ["manage_instance", "show_instance"]


async def test_a_stop_that_is_said_to_be_queued_is_no_queued_start(
    client: Client, world: World
) -> None:
    """It counts where a row shows it, and is unknown where none does (docs/vast-api.md C.7)."""
    made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=16)
    stop = {"instance_id": made["instance_id"], "action": "stop"}
    queued = {"status": 200, "body": {"success": False, "msg": QUEUED}}
    world.faults.add("stop", "status", **queued)
    assert (await call(client, "manage_instance", **stop))["error"]["code"] == "outcome_unknown"
    world.faults.add("stop", "status", when="after", **queued)
    assert (await call(client, "manage_instance", **stop))["seen"] is True


async def test_a_start_that_is_accepted_in_other_words_is_a_success(
    client: Client, world: World
) -> None:
    """Only words of a queue make one (docs/vast-api.md C.7)."""
    made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=16)
    world.set_state(made["instance_id"], "stopped")
    said = {"success": True, "msg": "The instance is starting."}
    world.faults.add("start", "status", when="after", status=200, body=said)
    started = await call(client, "manage_instance", instance_id=made["instance_id"], action="start")
    assert started["seen"] is True


@pytest.mark.parametrize("text", ["Bad gateway: the request was queued for review.", ""])
async def test_a_gateway_that_speaks_of_a_queue_queues_no_start(
    client: Client, world: World, text: str
) -> None:
    """The words are the service's, and a page's are none (docs/vast-api.md A.11)."""
    made = await stopped(client, world)
    page = f"<html>{text}</html>"
    world.faults.add("start", "status", times=None, status=502, text=page)
    error = (await call(client, "manage_instance", instance_id=made, action="start"))["error"]
    assert error["code"] == "outcome_unknown"
