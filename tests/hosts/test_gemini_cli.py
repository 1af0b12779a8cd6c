"""Gemini CLI itself, headless, with a stand-in for its model: what it hands over, and what it will
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
from wires import GenerateContent

# It holds arguments against the published schema before the server sees them.
MISSPELT = "params must NOT have additional properties"
ITS_OWN = "wait_for_previous"  # an argument that it adds to every tool, and hands on to the server
# What a person has who keyed a key of Google's in once.
SETTINGS = {"security": {"auth": {"selectedType": "gemini-api-key"}}}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as made:
        (made.home / ".gemini").mkdir()
        (made.home / ".gemini/settings.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
        yield made


def talk(desk: Desk, model: StandIn, *options: str, **env: str) -> str:
    """`gemini -p`; what it says. The model is named, or it asks another one which to take."""
    where = {"GOOGLE_GEMINI_BASE_URL": model.url, "GEMINI_API_KEY": "of-the-stand-in"}
    trusted = {"GEMINI_CLI_TRUST_WORKSPACE": "true"}
    words = ("gemini", "-m", "gemini-2.5-pro", "-p", "Rent a 4090.")
    return desk.run(*words, *options, **where, **trusted, **ALONE, **env)


def allow(desk: Desk, *names: str) -> None:
    """Rules of the page, in a file of the folder that the page names."""
    folder = desk.home / ".gemini/policies"
    folder.mkdir()
    (folder / "vast.toml").write_text("\n\n".join(map(block, names)), encoding="utf-8")


def tools(model: StandIn) -> dict[str, Json]:
    """The server's tools as the model is handed them."""
    handed = [one for tool in model.requests[0]["tools"] for one in tool["functionDeclarations"]]
    ours = [one for one in handed if one["name"].startswith(GenerateContent.prefix)]
    return {one["name"].removeprefix(GenerateContent.prefix): one for one in ours}


def test_gemini_plays_a_rental_with_the_key_in_the_official_clients_file(desk: Desk) -> None:
    """Two lines and a rule, and the model is handed all that the server says
    (docs/hosts-more.md).
    """
    desk.type("key-file", said=KEY + "\n")
    desk.type("gemini")
    allow(desk, "gemini-unattended")
    with standing_in(GenerateContent()) as model:
        said = talk(desk, model)
    assert_one_rental_begun_and_ended(desk, model.heard, said, MISSPELT)
    assert_told_the_instructions(json.dumps(model.requests[0]).replace("\\n", "\n"))
    assert set(tools(model)) == {spec.name for spec in CATALOGUE}
    for name, handed in tools(model).items():
        published, schema = snapshot(name), handed["parametersJsonSchema"]
        assert schema["properties"].pop(ITS_OWN)["type"] == "boolean"
        assert (handed["description"], schema) == (
            published["description"],
            published["inputSchema"],
        )
    assert_the_key_stayed_where_it_was_put(desk, model.requests, ".config/vastai/vast_api_key")


def test_gemini_passes_no_key_on_that_its_settings_do_not_name(desk: Desk) -> None:
    """It keeps variables from servers whose names look like a secret's (docs/hosts-more.md)."""
    desk.type("gemini")
    allow(desk, "gemini-policy")
    with standing_in(GenerateContent()) as model:
        talk(desk, model, VAST_API_KEY=KEY)
    assert model.heard[0].payload["error"]["code"] == "no_api_key"
    assert control(desk.sandbox, "requests")["requests"] == []


def test_gemini_passes_on_the_key_that_its_settings_name(desk: Desk) -> None:
    """By its name, so that no file holds its value (docs/hosts-more.md)."""
    desk.type("gemini-env", VAST_API_KEY=KEY)
    allow(desk, "gemini-unattended")
    with standing_in(GenerateContent()) as model:
        said = talk(desk, model, VAST_API_KEY=KEY)
    assert_one_rental_begun_and_ended(desk, model.heard, said, MISSPELT)
    assert_the_key_stayed_where_it_was_put(desk, model.requests)


def test_the_key_file_is_used_where_the_named_key_is_not_there(desk: Desk) -> None:
    """An unset name arrives as an empty value, which counts as none (docs/hosts-more.md)."""
    desk.type("key-file", said=KEY + "\n")
    desk.type("gemini-env")
    allow(desk, "gemini-policy")
    with standing_in(GenerateContent()) as model:
        talk(desk, model)
    assert model.heard[0].payload["offers"]


def test_gemini_p_hands_its_model_nothing_that_no_rule_allows(desk: Desk) -> None:
    """Nobody is there to be asked, and what would be asked about is not offered
    (docs/hosts-more.md).
    """
    desk.type("key-file", said=KEY + "\n")
    desk.type("gemini")
    with standing_in(GenerateContent()) as model:
        talk(desk, model)
    assert tools(model) == {}
    assert "not found" in model.heard[0].text
    assert control(desk.sandbox, "requests")["requests"] == []


def test_with_only_the_reading_tools_allowed_nothing_is_rented(desk: Desk) -> None:
    """The rule goes by what the server says of its tools (docs/hosts-more.md)."""
    desk.type("key-file", said=KEY + "\n")
    desk.type("gemini")
    allow(desk, "gemini-policy")
    with standing_in(GenerateContent()) as model:
        talk(desk, model)
    assert set(tools(model)) == {spec.name for spec in CATALOGUE if spec.read_only}
    searched, refused = model.heard
    assert searched.payload["offers"]
    assert "not found" in refused.text
    assert control(desk.sandbox, "ledger")["rentals"] == []


def test_naming_the_server_on_the_command_line_allows_all_of_it(desk: Desk) -> None:
    """`--allowed-mcp-server-names` chooses a server, and lets it act unasked
    (docs/hosts-more.md).
    """
    desk.type("key-file", said=KEY + "\n")
    desk.type("gemini")
    with standing_in(GenerateContent()) as model:
        said = talk(desk, model, "--allowed-mcp-server-names", "vast")
    assert_one_rental_begun_and_ended(desk, model.heard, said, MISSPELT)


def test_gemini_cannot_ask_and_nothing_is_rented(desk: Desk) -> None:
    """With VAST_MCP_CONFIRM the code for a shell is in the error (docs/hosts-more.md)."""
    desk.type("key-file", said=KEY + "\n")
    desk.type("gemini")
    allow(desk, "gemini-unattended")
    with standing_in(GenerateContent()) as model:
        talk(desk, model, VAST_MCP_CONFIRM="always")
    _, asked = model.heard
    assert asked.payload["error"]["code"] == "needs_confirmation"
    assert "vast-mcp approve " in json.dumps(asked.payload)
    assert control(desk.sandbox, "ledger")["rentals"] == []
