"""Resources and prompts, read the way a host reads them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from pydantic import SecretStr

from house import ROOT, call, served
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

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
    with pytest.raises(MCPError, match="auth_failed") as refused:
        await client.read_resource("vast://instances")
    tool = await call(client, "show_instances")
    assert refused.value.error.data == tool | {"uri": "vast://instances"}
    assert refused.value.error.message.endswith(tool["error"]["message"])


async def test_the_skill_is_readable(client: Client) -> None:
    """The same file that hosts install."""
    read = await client.read_resource("vast://skill")
    assert read.contents[0].text == (ROOT / "SKILL.md").read_text(encoding="utf-8")


NO_PROMPTS: list[tuple[str, dict[str, str] | None, str]] = [
    ("rent", None, "what"),
    ("rent", {}, "what"),
    ("rent", {"what": " "}, "what"),
    ("rent", {"what": "an H100", "budget": "1"}, "budget"),
    ("status", {"what": "all"}, "what"),
    ("stop", None, "name"),
    ("rent", {"what": "x" * 5000}, "what"),
]


@pytest.mark.parametrize(("name", "arguments", "field"), NO_PROMPTS)
async def test_a_prompt_that_cannot_be_made_is_an_error_of_the_one_shape(
    client: Client, name: str, arguments: dict[str, str] | None, field: str
) -> None:
    """Invalid parameters, in words and as the JSON that a tool would answer."""
    with pytest.raises(MCPError) as refused:
        await client.get_prompt(name, arguments)
    error = refused.value.error
    assert error.code == -32602
    told = error.data["error"]
    assert (told["code"], told["billing_possible"]) == ("bad_arguments", False)
    assert told["message"] == error.message
    assert [problem["field"] for problem in told["problems"]] == [field]


async def test_an_error_repeats_no_secret_of_the_persons(world: World, settings: Settings) -> None:
    """What a host puts into a name or an address may hold one (docs/architecture.md)."""
    key = "planted-secret-key-0123456789"
    kept = replace(settings, env_pass={"TOKEN": SecretStr(key)})
    async with served(world, kept) as client:
        for asked in (
            client.get_prompt("rent", {key: "x"}),
            client.read_resource(f"vast://instances/{key}"),
        ):
            with pytest.raises(MCPError) as refused:
                await asked
            assert key not in refused.value.error.model_dump_json()


async def test_what_is_empty_is_no_budget(client: Client) -> None:
    """Hosts fill what is not set with an empty text."""
    got = await client.get_prompt("rent", {"what": "an H100", "budget_usd_per_hour": ""})
    assert "dollars" not in got.messages[0].content.text


async def test_every_prompt_speaks_of_what_was_asked(client: Client) -> None:
    """rent, run, status, cost, cleanup."""
    names = {prompt.name for prompt in (await client.list_prompts()).prompts}
    assert names == {"rent", "run", "status", "cost", "cleanup"}
    got = await client.get_prompt("rent", {"what": "two H100 for a day"})
    assert "two H100 for a day" in got.messages[0].content.text
    got = await client.get_prompt("run", {"what": "python train.py", "machine": "30000001"})
    assert "machine (30000001): python train.py" in got.messages[0].content.text
