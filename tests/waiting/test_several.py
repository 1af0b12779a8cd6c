"""Several machines are waited for in one call, side by side."""

from __future__ import annotations

import pytest
from mcp import Client

from house import call
from vast_mcp.sandbox.world import World
from waits import rent, wait


async def test_several_are_ready_when_each_is(client: Client, world: World) -> None:
    """One list a round answers for all of them."""
    ids = [rent(world), rent(world), rent(world)]
    done = await wait(client, None, instance_ids=[*ids, ids[0]])
    assert done["state"] == "ready"
    assert [one["instance_id"] for one in done["machines"]] == ids
    assert {one["state"] for one in done["machines"]} == {"ready"}
    assert all(one["access"]["ssh"].startswith("ssh ") for one in done["machines"])
    assert done["usd_per_hour"] == round(sum(one["usd_per_hour"] for one in done["machines"]), 5)
    assert "instance_id" not in done
    assert world.asked("show") == []


@pytest.mark.usefixtures("key")
async def test_the_account_is_asked_for_its_keys_once_for_all_of_them(
    client: Client, world: World
) -> None:
    """They are tried at once, and none of them without keys."""
    done = await wait(client, None, instance_ids=[rent(world) for _ in range(4)])
    assert [one["seen"] for one in done["machines"]] == [{"ssh direct": "entered"}] * 4
    assert len(world.asked("keys")) == 1


async def test_what_one_comes_to_keeps_nobody_from_the_others(client: Client, world: World) -> None:
    """The state is of them all: while one starts, the same call waits on."""
    ready, failed, slow = rent(world), rent(world, "bad_image"), rent(world, "stuck_loading")
    ids = {"instance_ids": [ready, failed, slow]}
    done = await wait(client, None, timeout_s=1, **ids)
    states = {one["instance_id"]: one["state"] for one in done["machines"]}
    assert states == {ready: "ready", failed: "failed", slow: "still_starting"}
    assert done["state"] == "still_starting"
    [again] = done["next_steps"]
    assert (again["tool"], again["arguments"]) == ("wait_for_instance", {**ids, "timeout_s": 1})
    assert done["message"].startswith("Of 3 machines: 1 ready")


async def test_once_nothing_starts_any_more_what_failed_leads_on(
    client: Client, world: World
) -> None:
    """Nothing is reported as success that is not, and the first step is for what went wrong."""
    failed = rent(world, "bad_image")
    done = await wait(client, None, instance_ids=[rent(world), failed])
    assert done["state"] == "failed"
    assert done["next_steps"] == done["machines"][1]["next_steps"]


async def test_a_list_that_lacks_a_row_takes_no_machine_away(client: Client, world: World) -> None:
    """A row without an id may be the one that is waited for (docs/protocol.md)."""
    ids = [rent(world, "stuck_loading"), rent(world)]
    world.odd.add("instance", "id", None, row=ids[1], only="list")
    done = await wait(client, None, timeout_s=1, instance_ids=ids)
    assert [one["state"] for one in done["machines"]] == ["still_starting", "still_starting"]


async def test_an_id_that_nobody_ever_saw_is_an_error(client: Client, world: World) -> None:
    """A typing error must not look like a machine that vanished."""
    made = rent(world)
    error = (await call(client, "wait_for_instance", instance_ids=[made, 99]))["error"]
    assert error["code"] == "no_such_instance"
    assert "99" in error["message"]
