"""A lost bid reads as one in both forms that were seen, in every tool (docs/vast-api.md C.4)."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from house import an_offer, an_offer_to_bid_on, call
from vast_mcp.sandbox.world import World

FORMS = pytest.mark.parametrize("form", [True, False], ids=["all stopped", "asked to run"])


async def with_a_bid(client: Client, world: World) -> int:
    """A machine of ours with a bid, which runs."""
    offer = an_offer_to_bid_on(world)
    asked = {"offer_id": offer["id"], "disk": 16, "price": round(offer["min_bid"] * 1.2, 4)}
    return (await call(client, "create_instance", **asked))["instance_id"]


def _reason(row: dict[str, Any]) -> str | None:
    return "outbid" if row.get("phase") == "outbid" else None


async def looks(client: Client, instance_id: int) -> list[tuple[str, str | None, dict[str, Any]]]:
    """State, reason and first step by every tool that tells them."""
    machine = {"instance_id": instance_id}
    shown = await call(client, "show_instance", **machine)
    listed = await call(client, "show_instances")
    waited = await call(client, "wait_for_instance", **machine)
    [row] = listed["instances"]
    return [
        (shown["state"], _reason(shown), shown["next_steps"][0]),
        (row["state"], _reason(row), listed["next_steps"][0]),
        (waited["state"], waited.get("reason"), waited["next_steps"][0]),
    ]


@FORMS
async def test_a_lost_bid_is_told_by_every_tool_with_a_better_one_first(
    client: Client, world: World, form: bool
) -> None:
    """All three words "stopped" while it loads, or asked to run and standing still."""
    world.lost_bids_stop = form
    made = await with_a_bid(client, world)
    world.outbid(made)
    lost = world.instances[made].price
    for state, reason, first in await looks(client, made):
        assert (state, reason, first["tool"]) == ("failed", "outbid", "manage_instance")
        better = first["arguments"]
        assert better == {"instance_id": made, "action": "change_bid", "price": better["price"]}
        assert better["price"] > max(lost, world.instances[made].offer["min_bid"])
    raised = await call(client, first["tool"], **first["arguments"])
    assert "error" not in raised
    assert world.instances[made].has_gpu


async def test_a_floor_below_the_lost_bid_is_not_what_to_bid(client: Client, world: World) -> None:
    """`min_bid` is the host's floor, not the highest standing bid (docs/vast-api.md A.6)."""
    made = await with_a_bid(client, world)
    world.outbid(made)
    instance = world.instances[made]
    instance.offer["min_bid"] = instance.price / 2
    for _, reason, first in await looks(client, made):
        assert (reason, first["arguments"]["action"]) == ("outbid", "change_bid")
        assert first["arguments"]["price"] > instance.price


@FORMS
async def test_a_start_of_a_machine_whose_bid_is_lost_leads_to_a_better_bid(
    client: Client, world: World, form: bool
) -> None:
    """Whoever pays more holds the GPU, and the start is said to be queued (docs/vast-api.md
    C.5).
    """
    world.lost_bids_stop = form
    made = await with_a_bid(client, world)
    world.outbid(made)
    error = (await call(client, "manage_instance", instance_id=made, action="start"))["error"]
    assert error["code"] == "start_queued"
    assert [one["arguments"].get("action") for one in error["next_steps"]] == [
        "change_bid",
        "stop",
        None,
    ]


async def test_a_machine_with_a_bid_that_its_user_stopped_is_stopped(
    client: Client, world: World
) -> None:
    """A stop that was asked for ends in `exited` (docs/vast-api.md C.4, live)."""
    made = await with_a_bid(client, world)
    world.set_state(made, "stopped")
    for state, reason, first in await looks(client, made):
        assert (state, reason) in {("stopped", None), ("failed", "stopped")}
        assert first["arguments"].get("action") != "change_bid"


async def test_a_stop_of_ours_is_no_lost_bid_whatever_the_row_shows_next(
    client: Client, world: World
) -> None:
    """Stopped while it loads, its row is that of a lost bid for a while (docs/vast-api.md C.4)."""
    made = await with_a_bid(client, world)
    await call(client, "manage_instance", instance_id=made, action="stop")
    world.instances[made].set_course(("loading",), world.now)
    for state, reason, _ in await looks(client, made):
        assert (state, reason) in {("stopped", None), ("failed", "stopped")}


async def test_a_machine_without_a_bid_has_none_to_lose(client: Client, world: World) -> None:
    """On demand the same words are a stop, or a pull that failed (docs/vast-api.md C.4)."""
    made = await call(client, "create_instance", offer_id=an_offer(world)["id"], disk=16)
    instance = world.instances[made["instance_id"]]
    instance.stop(world.now, "loading")
    for _, reason, first in await looks(client, instance.id):
        assert reason != "outbid"
        assert first["arguments"].get("action") != "change_bid"


async def test_a_better_bid_that_starts_nothing_by_itself_is_told_with_the_start(
    client: Client, world: World
) -> None:
    """Nothing is known of what a better bid does for a machine that is asked to be stopped."""
    made = await with_a_bid(client, world)
    world.set_state(made, "stopped")
    bid = {"instance_id": made, "action": "change_bid", "price": world.instances[made].price * 2}
    raised = await call(client, "manage_instance", **bid)
    assert raised["seen"] is True
    start = {"instance_id": made, "action": "start"}
    assert ("manage_instance", start) in [
        (one["tool"], one["arguments"]) for one in raised["next_steps"]
    ]
