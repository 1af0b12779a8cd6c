"""run_command through MCP: who may run what where, and what is refused before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from mcp import Client
from pydantic import SecretStr

from house import OURS, a_machine, allowing, an_offer, call, lenient_world, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings


@pytest.fixture
def world() -> World:
    return lenient_world()


async def refused(client: Client, **arguments: Any) -> dict[str, Any]:
    return (await call(client, "run_command", **arguments))["error"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"command": "true"}, "instance_id"),
        ({"instance_id": 1}, "command"),
        ({"instance_id": 1, "command": "a\0b"}, "command"),
        ({"instance_id": 1, "command": "true", "env_from": ["NOT_KEPT"]}, "env_from.0"),
        ({"instance_id": 1, "job": "0123456789ab", "command": "true"}, "command"),
        ({"instance_ids": [1, 2], "job": "0123456789ab"}, "instance_ids"),
        ({"instance_id": 1, "instance_ids": [2], "command": "true"}, "instance_ids"),
        ({"instance_id": 1, "job": "../../etc"}, "job"),
    ],
)
async def test_arguments_that_do_not_go_together_are_refused_offline(
    client: Client, world: World, given: dict[str, Any], field: str
) -> None:
    error = await refused(client, **given)
    assert (error["code"], error["problems"][0]["field"]) == ("bad_arguments", field)
    assert world.requests == []


async def test_a_machine_that_we_did_not_make_is_entered_only_when_it_is_meant(
    client: Client, world: World
) -> None:
    theirs = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20}).id
    error = await refused(client, instance_id=theirs, command="true")
    assert error["code"] == "not_ours"
    again = error["next_steps"][-1]
    assert again["arguments"] == {"instance_id": theirs, "command": "true", "not_ours": True}
    assert (await refused(client, **again["arguments"]))["code"] == "not_entered"


async def test_a_machine_that_stands_still_runs_nothing_and_the_others_do_their_work(
    client: Client, world: World
) -> None:
    body = {"image": "a/b", "disk": 20, "label": OURS, "target_state": "stopped"}
    still = world.rent(an_offer(world)["id"], body).id
    error = await refused(client, instance_id=still, command="true")
    assert (error["code"], error["instance_id"]) == ("not_entered", still)
    answer = await call(
        client, "run_command", instance_ids=[still, a_machine(world)], command="true"
    )
    assert [one["state"] for one in answer["machines"]] == ["not_admitted"] * 2
    assert "Of 2 machines: 2 not_admitted" in answer["message"]


async def test_a_server_that_may_only_look_runs_nothing_and_lists_jobs(
    world: World, settings: Settings
) -> None:
    machine = a_machine(world)
    async with allowing(world, settings, read_only=True) as client:
        assert (await refused(client, instance_id=machine, command="true"))["code"] == "read_only"
        assert (await call(client, "show_jobs"))["count"] == 0


async def test_over_http_without_a_key_of_its_own_a_server_enters_nothing(
    world: World, settings: Settings
) -> None:
    machine = a_machine(world)
    async with served(world, replace(settings, ssh_dir=None)) as client:
        error = await refused(client, instance_id=machine, command="true")
    assert error["code"] == "no_ssh_key"
    assert "VAST_MCP_SSH_KEY" in error["message"]


async def test_a_key_that_named_another_command_is_not_used_for_this_one(
    world: World, settings: Settings
) -> None:
    """With request_key the same call follows for good, and another command is another wish."""
    machine = a_machine(world)
    kept = replace(settings, env_pass={"TOKEN": SecretStr("a-secret-of-the-person")})
    async with served(world, kept) as client:
        first = {"instance_id": machine, "command": "true", "request_key": "once"}
        assert (await refused(client, **first))["code"] == "not_entered"
        for other in ({"command": "false"}, {"env_from": ["TOKEN"]}):
            error = await refused(client, **{**first, **other})
            assert (error["code"], error["request_key"]) == ("key_reused", "once")
        assert (await refused(client, **first))["code"] == "not_entered"
        elsewhere = {**first, "instance_id": a_machine(world), "command": "false"}
        assert (await refused(client, **elsewhere))["code"] == "not_entered"
