"""Several machines with one request: each is looked up again, and a failure is told of its own."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from house import OURS, allowing, call, offers
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

REFUSED = {"success": False, "error": "forbidden", "msg": "needs instance_write"}


@pytest.fixture
def ids(world: World) -> list[int]:
    """Three machines of ours that run."""
    made = [
        world.rent(offer["id"], {"image": "a/b", "disk": 20, "label": OURS[:-1] + str(n)}).id
        for n, offer in enumerate(offers(world, 3))
    ]
    for one in made * 3:
        world.show(one)
    return made


async def manage(client: Client, ids: list[int], action: str, **more: Any) -> dict[str, Any]:
    return await call(client, "manage_instance", instance_ids=ids, action=action, **more)


def outcomes(told: dict[str, Any]) -> dict[int, str]:
    return {one["instance_id"]: one["outcome"] for one in told["results"]}


async def test_several_are_stopped_and_started_with_one_request_each(
    client: Client, world: World, ids: list[int]
) -> None:
    """And no other machine is (docs/vast-api.md C.7)."""
    two, other = ids[:2], ids[2]
    stopped = await manage(client, [*two, two[0]], "stop")
    assert outcomes(stopped) == dict.fromkeys(two, "done")
    assert [world.instances[one].intended for one in ids] == ["stopped", "stopped", "running"]
    started = await manage(client, two, "start")
    assert outcomes(started) == dict.fromkeys(two, "done")
    assert (len(world.asked("stop_many")), len(world.asked("start_many"))) == (1, 1)
    assert world.instances[other].intended == "running"


async def test_a_label_for_several_keeps_each_ones_token(
    client: Client, world: World, ids: list[int]
) -> None:
    """One request would give all the same label, and take what they are known by."""
    told = await manage(client, ids, "label", label="batch")
    assert outcomes(told) == dict.fromkeys(ids, "done")
    labels = [world.instances[one].label or "" for one in ids]
    assert [one.split("#")[0] for one in labels] == ["batch"] * 3
    assert len(set(labels)) == 3


async def test_a_start_that_is_not_seen_is_told_apart_and_counts_on(
    client: Client, world: World, ids: list[int]
) -> None:
    """Vast says "success" where one of them worked; the rest may be queued (docs/vast-api.md
    C.5).
    """
    await manage(client, ids, "stop")
    world.take_gpu(ids[1])
    told = await manage(client, ids, "start")
    assert outcomes(told) == {ids[0]: "done", ids[1]: "not_seen", ids[2]: "done"}
    assert str(ids[1]) in told["warnings"][0]
    assert told["next_steps"][0]["arguments"] == {"instance_id": ids[1], "action": "start"}


async def test_limits_count_all_of_them_together(
    world: World, settings: Settings, ids: list[int]
) -> None:
    """Each alone would fit: none is started, and nothing stays reserved."""
    prices = [world.instances[one].dph_total for one in ids]
    for one in ids:
        world.set_state(one, "stopped")
    async with allowing(world, settings, max_total_usd_per_hour=sum(prices) * 0.9) as client:
        error = (await manage(client, ids, "start"))["error"]
        assert (error["code"], world.asked("start_many")) == ("over_limit", [])
        assert "error" not in await manage(client, ids[:1], "start")


async def test_a_stop_that_is_not_seen_is_an_error_with_each_ones_outcome(
    client: Client, world: World, ids: list[int]
) -> None:
    """A machine believed stopped that runs is the bill nobody expects."""
    world.faults.add("stop_many", "success_false", times=None, when="before")
    assert "error" in await manage(client, ids, "stop")
    world.faults.clear()
    world.faults.add("stop_many", "drop", times=None, when="before")
    error = (await manage(client, ids, "stop"))["error"]
    assert (error["code"], error["billing_possible"]) == ("outcome_unknown", True)
    assert len(error["results"]) == 3


async def test_labels_of_which_one_is_lost_and_one_refused_are_each_told_as_they_are(
    client: Client, world: World, ids: list[int]
) -> None:
    """A step without its label would be refused, and what was refused is not done."""
    world.faults.add("label", "status", status=403, body=REFUSED)
    world.faults.add("label", "drop", when="before", times=None)
    error = (await manage(client, ids[:2], "label", label="batch"))["error"]
    assert error["code"] == "outcome_unknown"
    assert [one["outcome"] for one in error["results"]] == ["forbidden", "unreachable"]
    assert "others are done" not in error["message"]
    assert [step["tool"] for step in error["next_steps"]] == ["show_instances"]


async def test_a_label_that_is_refused_leads_on_without_repeating_it(
    client: Client, world: World, ids: list[int]
) -> None:
    """An answer repeats no label, and so no call that has one."""
    world.faults.add("label", "status", status=403, body=REFUSED)
    told = await manage(client, ids, "label", label="batch")
    assert sorted(outcomes(told).values()) == ["done", "done", "forbidden"]
    assert [step["tool"] for step in told["next_steps"]] == ["show_instances"]


@pytest.mark.parametrize(
    "given",
    [
        {"action": "stop"},
        {"action": "reboot", "instance_ids": [1, 2]},
        {"action": "stop", "instance_id": 1, "instance_ids": [2]},
    ],
)
async def test_one_machine_or_several_and_several_only_for_what_can_be(
    client: Client, given: dict[str, Any]
) -> None:
    """Nothing is guessed of which machine is meant."""
    error = (await call(client, "manage_instance", **given))["error"]
    assert error["code"] == "bad_arguments"


async def test_another_ones_machine_among_them_stops_all(
    client: Client, world: World, ids: list[int]
) -> None:
    """Never more than was asked, and theirs only by their word."""
    world.instances[ids[1]].label = "theirs"
    error = (await manage(client, ids, "stop"))["error"]
    assert (error["code"], world.asked("stop_many")) == ("not_ours", [])
    assert outcomes(await manage(client, ids, "stop", not_ours=True)) == dict.fromkeys(ids, "done")


async def test_several_are_destroyed_with_one_request(
    client: Client, world: World, ids: list[int]
) -> None:
    """Each is gone by two lists; the third one lives."""
    told = await call(client, "destroy_instance", instance_ids=ids[:2])
    assert outcomes(told) == dict.fromkeys(ids[:2], "destroyed")
    assert (len(world.asked("destroy_many")), world.asked("destroy")) == (1, [])
    assert [one.id for one in world.living] == ids[2:]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_answer_to_the_end_of_several_is_settled_by_looking(
    client: Client, world: World, ids: list[int], when: str
) -> None:
    """What the request left has one of its own."""
    world.faults.add("destroy_many", "drop", when=when)
    told = await call(client, "destroy_instance", instance_ids=ids)
    assert outcomes(told) == dict.fromkeys(ids, "destroyed")
    assert world.living == []
    assert len(world.asked("destroy")) == (3 if when == "before" else 0)


async def test_what_the_request_for_all_is_refused_is_asked_one_by_one(
    client: Client, world: World, ids: list[int]
) -> None:
    """So that each has its own answer."""
    world.faults.add("destroy_many", "status", status=403, body=REFUSED)
    told = await call(client, "destroy_instance", instance_ids=ids)
    assert outcomes(told) == dict.fromkeys(ids, "destroyed")
