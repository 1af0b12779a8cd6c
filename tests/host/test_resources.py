"""Resources and prompts, read the way a host reads them."""

from __future__ import annotations

import json

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from house import ROOT, call
from vast_mcp.sandbox.world import World

pytestmark = pytest.mark.anyio


async def test_the_machines_resource_is_what_the_tool_answers(client: Client, world: World) -> None:
    """One source: the resource is the tool's JSON."""
    await call(client, "create_instance", offer_id=world.offer()["id"], image="a/b", disk=20)
    read = await client.read_resource("vast://instances")
    shown = json.loads(read.contents[0].text)
    assert [row["instance_id"] for row in shown["instances"]] == [world.living[0].id]
    assert shown["sandbox"] is True


async def test_a_resource_that_cannot_be_read_is_an_error_and_no_text(
    client: Client, world: World
) -> None:
    """Nothing is reported as success that is not."""
    world.faults.add(
        "list",
        "status",
        times=None,
        status=401,
        body={"error": "auth_error", "msg": "Invalid user key"},
    )
    with pytest.raises(MCPError, match="auth_failed"):
        await client.read_resource("vast://instances")


async def test_the_skill_is_readable(client: Client) -> None:
    """The same file that hosts install."""
    read = await client.read_resource("vast://skill")
    assert read.contents[0].text == (ROOT / "SKILL.md").read_text(encoding="utf-8")


async def test_every_prompt_speaks_of_what_was_asked(client: Client) -> None:
    """rent, status, cost, cleanup."""
    names = {prompt.name for prompt in (await client.list_prompts()).prompts}
    assert names == {"rent", "status", "cost", "cleanup"}
    got = await client.get_prompt("rent", {"what": "two H100 for a day"})
    assert "two H100 for a day" in got.messages[0].content.text
