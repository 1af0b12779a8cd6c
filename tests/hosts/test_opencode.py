"""OpenCode itself, headless, with a stand-in for its model: what it hands over, and what it will
not do unasked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from served_sandbox import control
from stand_in import Json, StandIn, standing_in
from trial import (
    ALONE,
    KEY,
    Desk,
    a_desk,
    assert_one_rental_begun_and_ended,
    assert_the_key_stayed_where_it_was_put,
    assert_told_the_instructions,
    block,
    snapshot,
)
from vast_mcp_tools import CATALOGUE
from wires import Messages

PREFIX = "vast_"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as made:
        yield made


def write(desk: Desk, *names: str) -> None:
    """Blocks of the page, in the file that the page names."""
    folder = desk.home / ".config/opencode"
    folder.mkdir(parents=True, exist_ok=True)
    told: Json = {}
    for name in names:
        told |= json.loads(block(name))
    (folder / "opencode.json").write_text(json.dumps(told), encoding="utf-8")


def talk(desk: Desk, model: StandIn, *options: str, **env: str) -> str:
    """`opencode run`; what it says. The stand-in is told of where no file of the person's is."""
    provider = {"anthropic": {"options": {"baseURL": f"{model.url}/v1"}}}
    where = {
        "OPENCODE_CONFIG_CONTENT": json.dumps({"provider": provider}),
        "ANTHROPIC_API_KEY": "of-the-stand-in",
    }
    words = ("opencode", "run", "-m", "anthropic/claude-sonnet-4-5", *options, "Rent a 4090.")
    return desk.run(*words, **where, **ALONE, **env)


def tools(model: StandIn) -> dict[str, Json]:
    """The server's tools as the model is handed them."""
    handed = max((request.get("tools", []) for request in model.requests), key=len)
    return {
        tool["name"].removeprefix(PREFIX): tool
        for tool in handed
        if tool["name"].startswith(PREFIX)
    }


def test_opencode_plays_a_rental_with_the_key_in_the_official_clients_file(desk: Desk) -> None:
    """A block of settings, and the model is handed all that the server says
    (docs/hosts-more.md).
    """
    desk.type("key-file", said=KEY + "\n")
    write(desk, "opencode")
    with standing_in(Messages(PREFIX)) as model:
        said = talk(desk, model)
    assert_one_rental_begun_and_ended(desk, model.heard, said)
    assert [one.marked for one in model.heard] == ["error" in one.payload for one in model.heard]
    assert_told_the_instructions(json.dumps(model.requests[-1]["system"]).replace("\\n", "\n"))
    assert set(tools(model)) == {spec.name for spec in CATALOGUE}
    for name, handed in tools(model).items():
        published = snapshot(name)
        assert handed["description"] == published["description"]
        assert handed["input_schema"] == published["inputSchema"]
    assert_the_key_stayed_where_it_was_put(desk, model.requests, ".config/vastai/vast_api_key")


def test_opencode_passes_the_key_of_its_own_environment_on(desk: Desk) -> None:
    """Without a key file, `VAST_API_KEY` where it is started is enough (docs/hosts-more.md)."""
    write(desk, "opencode")
    with standing_in(Messages(PREFIX)) as model:
        said = talk(desk, model, VAST_API_KEY=KEY)
    assert_one_rental_begun_and_ended(desk, model.heard, said)
    assert_the_key_stayed_where_it_was_put(desk, model.requests)


@pytest.mark.parametrize("options", [(), ("--auto",)], ids=["as it is", "--auto"])
def test_with_the_permissions_only_what_looks_is_done_unasked(
    desk: Desk, options: tuple[str, ...]
) -> None:
    """Nobody is there to be asked, which is a no; `--auto` is a yes to everything that is asked
    (docs/hosts-more.md).
    """
    desk.type("key-file", said=KEY + "\n")
    write(desk, "opencode", "opencode-permissions")
    with standing_in(Messages(PREFIX)) as model:
        said = talk(desk, model, *options)
    if options:
        assert_one_rental_begun_and_ended(desk, model.heard, said)
        return
    searched, *refused = model.heard
    assert searched.payload["offers"]
    assert refused == []  # the conversation ends there
    assert "auto-rejecting" in said
    assert control(desk.sandbox, "ledger")["rentals"] == []


def test_opencode_cannot_ask_and_nothing_is_rented(desk: Desk) -> None:
    """With VAST_MCP_CONFIRM the code for a shell is in the error (docs/hosts-more.md)."""
    desk.type("key-file", said=KEY + "\n")
    write(desk, "opencode")
    with standing_in(Messages(PREFIX)) as model:
        talk(desk, model, VAST_MCP_CONFIRM="always")
    _, asked = model.heard
    assert asked.payload["error"]["code"] == "needs_confirmation"
    assert "vast-mcp approve " in json.dumps(asked.payload)
    assert control(desk.sandbox, "ledger")["rentals"] == []


def test_opencode_lists_the_server_as_connected(desk: Desk) -> None:
    """`opencode mcp list` starts it, and asks Vast nothing (docs/hosts-more.md)."""
    write(desk, "opencode")
    said = desk.run("opencode", "mcp", "list", **ALONE)
    assert "connected" in said
    assert control(desk.sandbox, "requests")["requests"] == []
