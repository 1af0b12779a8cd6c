"""Every error leads on where something does: by the same call where that is safe, else by a look;
and by nothing irreversible that nobody asked for (docs/errors.md).
"""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from house import (
    CHECKS,
    KEY_LINE,
    an_offer,
    call,
    lenient_world,
    needed,
)
from vast_mcp import errors
from vast_mcp.host.arguments import arguments_of
from vast_mcp.host.failing import told
from vast_mcp.host.schema import input_schema
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp.toolspec import Arguments, ToolSpec
from vast_mcp.vast.deeds import Deeds
from vast_mcp_tools import CATALOGUE

LEAVES = [*errors.leaves().values()]
# There a person goes on, or the caller by other arguments.
NOBODYS = {
    "auth_failed",
    "bad_arguments",
    "cannot_reconcile",
    "declined",
    "endpoint_gone",
    "forbidden",
    "needs_confirmation",
    "no_api_key",
    "read_only",
    "redirected",
    "team_account",
    "two_factor_required",
    "unknown_tool",
}
AGAIN = {
    "unreachable",
    "rate_limited",
    "vast_unavailable",
    "incomplete_list",
    "unexpected_reply",
    "outcome_unknown",
    "not_rented",
}
IRREVERSIBLE = {"destroy_instance", "destroy_volume", "recycle_instance", "update_instance"}


@pytest.fixture
def world() -> World:
    return lenient_world()


def asked(spec: ToolSpec, world: World) -> Arguments:
    return arguments_of(spec, needed(spec.name, world), input_schema(spec))


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.name)
def test_every_kind_of_error_leads_on_from_every_tool(spec: ToolSpec, world: World) -> None:
    """All kinds, as one without a step of its own leaves the server."""
    args = asked(spec, world)
    for leaf in LEAVES:
        steps = told(leaf("It is so."), spec, args, Deeds(), Settings())["next_steps"]
        assert bool(steps) == (leaf.code not in NOBODYS), leaf.code
        for step in steps:
            CHECKS[step["tool"]].validate(step["arguments"])
            assert step["tool"] not in IRREVERSIBLE - {spec.name}
        if leaf.code in AGAIN and spec.name != "create_ssh_key":
            assert (steps[0]["tool"], steps[0]["arguments"]) == (spec.name, args.repeatable())


@pytest.mark.parametrize("tool", ["manage_instance", "recycle_instance"])
def test_an_act_that_may_have_been_done_is_not_done_twice_by_a_next_step(
    tool: str, world: World
) -> None:
    """A second reboot, and a second loss of a disk's content, are none that was asked for."""
    [spec] = [one for one in CATALOGUE if one.name == tool]
    deeds = Deeds()
    with deeds.one("manage", "/api/v0/instances/1/") as deed:
        deed.leaves()
    deeds.doubt("manage")
    shown = told(errors.Unreachable("It is so."), spec, asked(spec, world), deeds, Settings())
    assert [step["tool"] for step in shown["next_steps"]] == ["show_instances"]


def test_a_call_that_may_hold_secrets_is_not_repeated_by_a_next_step(world: World) -> None:
    """No message holds a value of the caller's (docs/architecture.md)."""
    secrets: dict[str, dict[str, Any]] = {
        "create_instance": {"offer_id": 1, "env": {"HF_TOKEN": "hf_hush"}},
        "create_ssh_key": {"public_key": KEY_LINE},
    }
    for spec in CATALOGUE:
        if spec.name in secrets:
            args = arguments_of(spec, secrets[spec.name], input_schema(spec))
            error = errors.Unreachable("It is so.")
            [step] = told(error, spec, args, Deeds(), Settings())["next_steps"]
            assert step["tool"] in {"show_instances", "show_ssh_keys"}


@pytest.mark.parametrize(
    ("tool", "argument", "leads_to"),
    [
        ("create_instance", "offer_id", "search_offers"),
        ("manage_instance", "instance_id", "show_instances"),
        ("attach_ssh_key", "key_id", "show_ssh_keys"),
        ("destroy_volume", "volume_id", "show_volumes"),
    ],
)
async def test_an_id_that_is_none_leads_to_where_ids_come_from(
    client: Client, tool: str, argument: str, leads_to: str
) -> None:
    """An id that was made up is looked up, and not guessed again."""
    rest = {"instance_id": 1} if argument == "key_id" else {}
    error = (await call(client, tool, **{argument: "the cheap one"}, **rest))["error"]
    assert [step["tool"] for step in error["next_steps"]] == [leads_to]


# ── nothing irreversible that nobody asked for ─────────────────────────────────────────────────


async def test_what_others_made_is_looked_at_before_the_guard_is_lifted_for_it_alone(
    client: Client, world: World
) -> None:
    """What vast-mcp made was asked for, and is no reason to lift a guard."""
    ours = needed("show_instance", world)["instance_id"]
    theirs = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20}).id
    error = (await call(client, "destroy_instance", instance_ids=[theirs, ours]))["error"]
    assert (error["code"], f"vast-mcp did not make {theirs}," in error["message"]) == (
        "not_ours",
        True,
    )
    assert error["problems"] == [
        {"field": "not_ours", "problem": f"true lifts this for {theirs}, if the person wants that"}
    ]
    assert [(step["tool"], step["arguments"]) for step in error["next_steps"]] == [
        ("show_instance", {"instance_id": theirs}),
        ("destroy_instance", {"instance_ids": [ours]}),
        ("destroy_instance", {"instance_ids": [theirs], "not_ours": True}),
    ]
    assert not world.asked("destroy")


async def test_a_machine_that_runs_is_not_destroyed_by_a_call_for_stopped_ones(
    client: Client, world: World
) -> None:
    """It may have been started since it was looked at."""
    runs, rests = (needed("show_instance", world)["instance_id"] for _ in range(2))
    world.set_state(rests, "stopped")
    for _ in range(3):
        await call(client, "show_instances")
    asked_for = {"instance_ids": [runs, rests], "only_if_stopped": True}
    error = (await call(client, "destroy_instance", **asked_for))["error"]
    assert error["code"] == "not_stopped"
    assert error["message"].startswith("Nothing was sent. Not stopped, by the list just read: ")
    assert str(runs) in error["message"]
    assert not world.asked("destroy")
    step = error["next_steps"][0]
    assert step["arguments"] == {"instance_ids": [rests], "only_if_stopped": True}
    done = await call(client, step["tool"], **step["arguments"])
    assert [one["instance_id"] for one in done["results"]] == [rests]


async def test_a_volume_left_behind_is_shown_and_not_deleted_by_a_next_step(
    client: Client, world: World
) -> None:
    """Its data may be what the machine was for."""
    room = next(one for one in world.volumes.rooms.values() if one["disk_space"] > 30)
    offer = an_offer(world, machine_id=room["machine_id"])
    info = {"create_new": True, "volume_id": room["id"], "size": 20, "mount_path": "/workspace"}
    wish = {"offer_id": offer["id"], "disk": 8, "volume_info": info}
    made = (await call(client, "create_instance", **wish))["instance_id"]
    [volume] = world.volumes.living
    held = (await call(client, "destroy_volume", volume_id=volume.id))["error"]
    assert [step["tool"] for step in held["next_steps"]] == ["show_instance", "destroy_volume"]
    gone = await call(client, "destroy_instance", instance_ids=[made])
    assert [step["tool"] for step in gone["next_steps"]] == ["show_volumes"]
