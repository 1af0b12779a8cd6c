"""The rules that hold of every tool that works in a machine: whose it is, its lease, its rest, the
person's limits. Refused is refused before anything is sent there, and the nearest call that is
allowed goes through.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import OURS, allowing, an_offer, call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

pytestmark = pytest.mark.anyio

# The least that each is asked for, beside the machine.
WORK: dict[str, dict[str, Any]] = {
    "run_command": {"command": "true"},
    "copy_files": {"direction": "up", "local": "sent.txt", "remote": "sent.txt"},
    "check_machine": {},
}
ENTERS = [name for name in WORK if name in {spec.name for spec in CATALOGUE}]
LOOKS = {"GET"}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """A folder whose files may be copied, and no key: what is let through ends at the login."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "sent.txt").write_text("sent\n", encoding="utf-8")
    return replace(settings, files=(folder,), state_dir=tmp_path / "state")


@pytest.fixture
async def client(world: World, settings: Settings) -> AsyncIterator[Client]:
    async with served(world, settings) as made:
        yield made


def made_for(world: World, label: str = OURS) -> int:
    """A machine that runs."""
    body = {"image": "a/b", "disk": 20, "label": label, "runtype": "ssh_direct"}
    return world.rent(an_offer(world, ports=True)["id"], body).id


def asked(tool: str, machine: int, settings: Settings) -> dict[str, Any]:
    given = {"instance_id": machine} | WORK[tool]
    if "local" in given:
        given["local"] = str(settings.files[0] / given["local"])
    return given


def code_of(answer: dict[str, Any]) -> str:
    return answer.get("error", {}).get("code", "")


@pytest.mark.parametrize("tool", ENTERS)
async def test_a_machine_of_somebody_else_is_entered_only_when_told(
    client: Client, world: World, settings: Settings, tool: str
) -> None:
    """It may hold their work. The step that means it too is ready, and goes through."""
    theirs = made_for(world, label="somebody's")
    given = asked(tool, theirs, settings)
    refused = await call(client, tool, **given)
    assert code_of(refused) == "not_ours"
    meant = [one for one in refused["error"]["next_steps"] if one["tool"] == tool]
    assert [one["arguments"] for one in meant] == [given | {"not_ours": True}]
    through = await call(client, tool, **meant[0]["arguments"])
    assert code_of(through) != "not_ours"
    ours = await call(client, tool, **asked(tool, made_for(world), settings))
    assert code_of(ours) != "not_ours"


@pytest.mark.parametrize("tool", ENTERS)
async def test_an_id_that_nobody_has_is_named(
    client: Client, world: World, settings: Settings, tool: str
) -> None:
    """A typing error may be another one's machine."""
    there = made_for(world)
    refused = await call(client, tool, **asked(tool, there + 77, settings))
    assert code_of(refused) == "no_such_instance"
    assert str(there) in refused["error"]["message"]


@pytest.mark.parametrize("tool", ENTERS)
async def test_a_machine_past_its_lease_is_not_worked_on_and_one_before_is(
    world: World, settings: Settings, tool: str
) -> None:
    """It is destroyed at any moment, and what is done there with it. The steps extend it first."""
    later = replace(settings, times=replace(settings.times, lease_margin_s=10 * 3600))
    async with served(world, later) as client:
        made = await call(
            client, "create_instance", offer_id=an_offer(world)["id"], disk=20, lease_hours=2
        )
        given = asked(tool, made["instance_id"], settings)
        world.clock = lambda: time.time() + 1.5 * 3600
        assert code_of(await call(client, tool, **given)) != "lease_over"
        world.clock = lambda: time.time() + 2.5 * 3600
        refused = await call(client, tool, **given)
        assert code_of(refused) == "lease_over"
        extend, again = refused["error"]["next_steps"]
        assert extend["arguments"]["action"] == "extend_lease"
        assert (again["tool"], again["arguments"]) == (tool, given)
        assert "error" not in await call(client, extend["tool"], **extend["arguments"])
        assert code_of(await call(client, tool, **again["arguments"])) != "lease_over"


@pytest.mark.parametrize("tool", ENTERS)
async def test_a_machine_at_rest_is_told_as_that_and_how_to_start_it(
    client: Client, world: World, settings: Settings, tool: str
) -> None:
    """Nothing answers there, and nobody starts it unasked: a start bills."""
    machine = made_for(world)
    world.set_state(machine, "stopped")
    refused = await call(client, tool, **asked(tool, machine, settings))
    assert code_of(refused) == "not_entered"
    assert refused["error"]["next_steps"][0]["arguments"]["action"] == "start"
    assert world.asked("start") == []


@pytest.mark.parametrize("tool", ENTERS)
async def test_over_http_no_key_of_the_computer_enters_a_machine(
    world: World, settings: Settings, tool: str
) -> None:
    """Whoever reaches the port is not who may use the person's keys (docs/ssh.md)."""
    machine = made_for(world)
    async with served(world, replace(settings, ssh_dir=None)) as client:
        refused = await call(client, tool, **asked(tool, machine, settings))
    assert code_of(refused) in {"no_ssh_key", "bad_arguments"}  # files are of no caller's either
    if tool != "copy_files":
        assert "VAST_MCP_SSH_KEY" in refused["error"]["message"]


@pytest.mark.parametrize("tool", ENTERS)
async def test_a_server_that_may_only_look_works_in_no_machine(
    world: World, settings: Settings, tool: str
) -> None:
    """VAST_MCP_READ_ONLY: by what a tool says of itself."""
    machine = made_for(world)
    async with allowing(world, settings, settings.state_dir, read_only=True) as client:
        refused = await call(client, tool, **asked(tool, machine, settings))
    assert code_of(refused) == "read_only"
    assert {one.method for one in world.requests} <= LOOKS
