"""What check_machine answers where nobody logs in: the line in the log, and nothing at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import OURS, an_offer, call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

SEEN = {"v": 1, "gpu": "127 no", "dev": "2 ls: no", "cpu": "0 1", "at": "0 1795987373"}


def by_args(world: World, said: str, **body: Any) -> int:
    """A machine without SSH that said this in its log."""
    given = {"image": "a/b", "disk": 20, "label": OURS, "runtype": "args"} | body
    made = world.rent(an_offer(world)["id"], given).id
    world.set_logs(made, said)
    return made


def line(**fields: str) -> str:
    return f"pulling\nvast-mcp: check {json.dumps(SEEN | fields)}\nready\n"


async def test_a_machine_without_ssh_is_judged_by_its_log(client: Client, world: World) -> None:
    told = await call(client, "check_machine", instance_id=by_args(world, line()))
    assert (told["seen_by"], told["verdict"]) == ("log", "worse")
    assert told["seen_s_ago"] > 0
    assert "There is no GPU in it" in told["said"]
    verdicts = {one["item"]: one["verdict"] for one in told["items"]}
    assert (verdicts["gpu_count"], verdicts["cpu_cores"]) == ("worse", "worse")
    assert [one["tool"] for one in told["next_steps"]] == ["search_offers", "destroy_instance"]


async def test_a_machine_that_nothing_was_put_into_has_no_check(
    client: Client, world: World
) -> None:
    refused = await call(client, "check_machine", instance_id=by_args(world, "ready\n"))
    error = refused["error"]
    assert (error["code"], error["next_steps"][0]["tool"]) == ("not_entered", "show_logs")
    assert "check: true" in error["message"]


async def test_a_verdict_is_remembered_for_the_next_search(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """What a check found belongs to the machine, whoever rents it next (docs/checks.md)."""
    offer = an_offer(world)
    async with served(world, replace(settings, state_dir=tmp_path / "state")) as client:
        starts = {"onstart": "/bin/bash", "args": ["-c", "exec serve"], "runtype": "args"}
        made = await call(client, "create_instance", offer_id=offer["id"], check=True, **starts)
        world.set_logs(made["instance_id"], line())
        told = await call(client, "check_machine", instance_id=made["instance_id"])
        assert (told["verdict"], told["warnings"]) == ("worse", [])
        same = {"machine_id": {"eq": offer["machine_id"]}, "rentable": "any"}
        found = await call(client, "search_offers", filters=same)
    assert "check failed (" in json.dumps(found)


async def test_a_line_that_nobody_put_there_is_warned_of_and_not_remembered(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """A program may log what strangers ask it, and would speak of the host."""
    offer = an_offer(world)
    async with served(world, replace(settings, state_dir=tmp_path / "state")) as client:
        made = await call(client, "create_instance", offer_id=offer["id"], runtype="args")
        world.set_logs(made["instance_id"], line())
        told = await call(client, "check_machine", instance_id=made["instance_id"])
        assert "No check is known to be in it" in told["warnings"][0]
        same = {"machine_id": {"eq": offer["machine_id"]}, "rentable": "any"}
        found = await call(client, "search_offers", filters=same)
    assert "check failed" not in json.dumps(found)


@pytest.mark.parametrize("state", ["stopped", "gone"])
async def test_a_machine_that_runs_nothing_is_not_looked_at(
    state: str, client: Client, world: World
) -> None:
    machine = by_args(world, line())
    if state == "stopped":
        world.set_state(machine, "stopped")
    else:
        world.destroy(machine)
    refused = await call(client, "check_machine", instance_id=machine)
    assert refused["error"]["code"] in {"not_entered", "no_such_instance"}
    assert world.asked("logs") == []
