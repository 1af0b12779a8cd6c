"""Whether an answer says that it is the sandbox's, where the sandbox is an address like another."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from house import an_offer, call
from processes import line_of, next_line, process, ran
from vast_mcp.environment import load
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

LOOPBACK, REAL = "http://127.0.0.1:8733", "https://console.vast.ai"


class Marked:
    """A sandbox whose answers have its mark while it is `marked`."""

    def __init__(self, world: World) -> None:
        self._app = create_app(world)
        self.marked = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            if "headers" in message and not self.marked:
                kept = [one for one in message["headers"] if b"sandbox" not in one[0].lower()]
                message = {**message, "headers": kept}
            await send(message)

        await self._app(scope, receive, sent)


def settings_at(url: str, tmp_path: Path) -> Settings:
    made = load({"VAST_URL": url, "VAST_API_KEY": "planted-key"}, home=tmp_path)
    return replace(made, times=replace(made.times, pace=0.0))


@pytest.fixture
def service(world: World) -> Marked:
    return Marked(world)


@pytest.fixture
async def through_address(service: Marked, tmp_path: Path) -> AsyncIterator[Client]:
    """A server that knows the sandbox by VAST_URL alone."""
    async with Client(build(settings_at(LOOPBACK, tmp_path), CATALOGUE, service)) as client:
        yield client


async def test_a_sandbox_behind_vast_url_is_said_in_results_and_errors(
    world: World, through_address: Client
) -> None:
    """README, "The sandbox": every result from it says so, however it was reached."""
    made = await call(through_address, "create_instance", offer_id=an_offer(world)["id"], disk=10)
    gone = await call(through_address, "show_instance", instance_id=1)
    assert (made["sandbox"], gone["sandbox"], "error" in gone) == (True, True, True)


async def test_what_is_no_sandbox_any_more_is_not_called_one(
    service: Marked, through_address: Client
) -> None:
    """Another program may take the port: what it answers may cost money."""
    assert (await call(through_address, "show_account"))["sandbox"] is True
    service.marked = False
    assert "sandbox" not in await call(through_address, "show_account")


async def test_no_other_computer_is_believed_to_be_a_sandbox(
    service: Marked, tmp_path: Path
) -> None:
    """An answer of console.vast.ai that claims it would hide what costs money."""
    async with Client(build(settings_at(REAL, tmp_path), CATALOGUE, service)) as client:
        assert "sandbox" not in await call(client, "show_account")


@pytest.mark.processes
@pytest.mark.thorough
def test_the_sandbox_on_a_port_prints_what_is_to_be_pasted(
    env: dict[str, str], tmp_path: Path
) -> None:
    """stdout is an env file; what it makes goes as far as a banner at the door of a machine."""
    with process("sandbox", "--port", "0", env=env, cwd=tmp_path) as started:
        pasted = tmp_path / "pasted.env"
        pasted.write_bytes(line_of(started) + line_of(started))
        assert b"no money moves" in next_line(started.stderr)
        names = [line.partition("=")[0] for line in pasted.read_text().splitlines()]
        assert names == ["VAST_URL", "VAST_API_KEY"]

        def called(tool: str, **arguments: Any) -> Any:
            words = ("--env-file", str(pasted), "call", tool, json.dumps(arguments))
            status, out, err = ran(*words, env=env, cwd=tmp_path)
            assert status == 0, err
            return json.loads(out)

        offer = called("search_offers", limit=1, min_disk_gb=20)["offers"][0]
        made = called("create_instance", offer_id=offer["offer_id"], disk=10)
        ready = called("wait_for_instance", instance_id=made["instance_id"])
        assert (ready["state"], ready["sandbox"]) == ("ready", True)
