"""What Vast refuses of acts on a machine, in its own words, is one error that leads on
(docs/vast-api.md C.5, C.7, D, F).
"""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from house import KEY_LINE, OTHER_KEY_LINE, an_offer, an_offer_to_bid_on, call
from vast_mcp.sandbox.world import World

CONTAINER = "Invalid instance id. Is the container started?"
NOT_RUNNING = {"success": False, "error": "invalid_id", "msg": CONTAINER}
ACTS = pytest.mark.parametrize(
    ("tool", "more"), [("manage_instance", {"action": "reboot"}), ("recycle_instance", {})]
)


async def a_machine(client: Client, world: World, **more: Any) -> int:
    asked = {"offer_id": an_offer(world)["id"], "disk": 16, **more}
    return (await call(client, "create_instance", **asked))["instance_id"]


@pytest.mark.parametrize("status", [200, 400])
@ACTS
async def test_a_reboot_of_a_stopped_machine_leads_to_its_start(
    client: Client, world: World, tool: str, more: dict[str, Any], status: int
) -> None:
    """The words are those for an id that is none (docs/vast-api.md C.7)."""
    world.not_running_status = status
    made = await a_machine(client, world)
    world.set_state(made, "stopped")
    error = (await call(client, tool, instance_id=made, **more))["error"]
    assert (error["code"], error["billing_possible"], error["instance_id"]) == (
        "not_running",
        False,
        made,
    )
    [step] = error["next_steps"]
    assert step["arguments"] == {"instance_id": made, "action": "start"}
    assert "error" not in await call(client, step["tool"], **step["arguments"])


@ACTS
async def test_a_reboot_that_was_lost_is_not_outranked_by_the_container_that_is_down(
    client: Client, world: World, tool: str, more: dict[str, Any]
) -> None:
    """The first try may have taken it down (docs/protocol.md)."""
    made = await a_machine(client, world)
    endpoint = more.get("action", "recycle")
    world.faults.add(endpoint, "drop")
    world.faults.add(endpoint, "status", times=None, status=200, body=NOT_RUNNING)
    error = (await call(client, tool, instance_id=made, **more))["error"]
    assert (error["code"], error["billing_possible"]) == ("outcome_unknown", True)


async def test_the_same_words_about_a_log_say_that_there_is_no_such_machine(
    client: Client, world: World
) -> None:
    """What `invalid_id` means depends on the request (docs/vast-api.md C.7)."""
    made = await a_machine(client, world)
    world.faults.add("logs", "status", times=None, status=404, body=NOT_RUNNING)
    error = (await call(client, "show_logs", instance_id=made))["error"]
    assert error["code"] == "no_such_instance"
    world.faults.clear()
    refused = {"success": False, "error": "not_authorized"}
    world.faults.add("logs", "status", times=None, status=403, body=refused)
    assert (await call(client, "show_logs", instance_id=made))["error"]["code"] == "forbidden"


async def test_a_start_without_credit_moved_nothing_and_says_what_bills_on(
    client: Client, world: World
) -> None:
    """400 missing_billing (docs/vast-api.md C.5)."""
    made = await a_machine(client, world)
    world.set_state(made, "stopped")
    world.credit = 0.0
    start = {"instance_id": made, "action": "start"}
    error = (await call(client, "manage_instance", **start))["error"]
    assert (error["code"], error["billing_possible"]) == ("billing_not_set_up", False)
    assert [one["tool"] for one in error["next_steps"]] == ["show_account"]
    world.credit = 5.0
    assert "error" not in await call(client, "manage_instance", **start)


async def test_a_start_that_was_lost_is_not_outranked_by_the_credit_that_is_gone(
    client: Client, world: World
) -> None:
    """A refusal of the second try proves nothing of the first (docs/protocol.md)."""
    made = await a_machine(client, world)
    world.set_state(made, "stopped")
    world.faults.add("start", "drop")
    world.credit = 0.0
    start = {"instance_id": made, "action": "start"}
    error = (await call(client, "manage_instance", **start))["error"]
    assert (error["code"], error["billing_possible"]) == ("outcome_unknown", True)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (
            {"error": "invalid_args", "msg": "Can't change price of on-demand contract."},
            "invalid_request",
        ),
        ({"error": "invalid_args", "msg": "Please set a bid price >= 0.001."}, "invalid_price"),
        ({"msg": "Could not find contract."}, "no_such_instance"),
        ({"msg": "Could not find machine."}, "not_found"),
    ],
)
async def test_a_bid_that_is_refused_is_one_error_and_not_a_doubt(
    client: Client, world: World, said: dict[str, Any], code: str
) -> None:
    """With and without an `error` (docs/vast-api.md C.7)."""
    offer = an_offer_to_bid_on(world)
    bid = {"price": offer["min_bid"] * 2}
    made = await a_machine(client, world, offer_id=offer["id"], **bid)
    world.faults.add("bid", "status", times=None, status=400, body={"success": False, **said})
    change = {"instance_id": made, "action": "change_bid", "price": offer["min_bid"] * 3}
    error = (await call(client, "manage_instance", **change))["error"]
    assert (error["code"], error["billing_possible"]) == (code, False)


async def test_a_400_that_has_words_and_no_error_leaves_an_act_in_doubt(
    client: Client, world: World
) -> None:
    """Words that nobody knows are no refusal, and the row has the last word (docs/protocol.md)."""
    made = await a_machine(client, world)
    stop = {"instance_id": made, "action": "stop"}
    world.faults.add("stop", "msg_only", msg="Something is not as it was.")
    error = (await call(client, "manage_instance", **stop))["error"]
    assert (error["code"], error["http_status"]) == ("outcome_unknown", 400)
    assert error["untrusted_vast_message"] == "Something is not as it was."
    world.faults.add("stop", "msg_only", when="after")
    assert (await call(client, "manage_instance", **stop))["seen"] is True


async def test_a_destroy_that_is_answered_without_a_body_is_looked_up_and_done(
    client: Client, world: World
) -> None:
    """204 (docs/vast-api.md C.7), and 204 for a machine that is still there is no success."""
    world.destroy_without_body = True
    first, second = await a_machine(client, world), await a_machine(client, world)
    done = await call(client, "destroy_instance", instance_ids=[first])
    assert done["results"][0]["outcome"] == "destroyed"
    world.faults.add("destroy", "status", times=None, status=204, text="")
    error = (await call(client, "destroy_instance", instance_ids=[second]))["error"]
    assert (error["code"], error["results"][0]["outcome"]) == ("destroy_unverified", "still_there")


async def test_a_list_without_a_body_is_no_empty_list(client: Client, world: World) -> None:
    """What could not be read is never told as none (docs/vast-api.md C.2)."""
    await a_machine(client, world)
    for endpoint, tool, more in (
        ("list", "show_instances", {}),
        ("search", "search_offers", {}),
        ("volumes", "show_volumes", {}),
        ("keys", "show_ssh_keys", {}),
        ("user", "show_account", {}),
    ):
        world.faults.clear()
        world.faults.add(endpoint, "status", times=None, status=204, text="")
        assert "error" in await call(client, tool, **more)


async def test_a_key_that_is_attached_already_is_attached(client: Client, world: World) -> None:
    """200 success:false without an `error`, live (docs/vast-api.md D); another key is new."""
    world.set_keys([KEY_LINE])
    made = await a_machine(client, world)
    other = await call(client, "create_ssh_key", public_key=OTHER_KEY_LINE)
    [first, *_] = world.keys
    for key_id in (first, other["key_id"]):
        answer = await call(client, "attach_ssh_key", instance_id=made, key_id=key_id)
        assert "error" not in answer
    refused = {"success": False, "error": "no_such_instance"}
    world.faults.add("attach_key", "status", times=None, status=200, body=refused)
    answer = await call(client, "attach_ssh_key", instance_id=made, key_id=first)
    assert answer["error"]["code"] == "no_such_instance"
