"""Codex itself, headless, with a stand-in for its model: what it hands over, and what it will
not do unasked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from served_sandbox import control
from stand_in import Json, StandIn, play_a_plan, standing_in
from trial import (
    ALONE,
    KEY,
    Desk,
    a_desk,
    assert_one_plan_followed_to_its_machine,
    assert_one_rental_begun_and_ended,
    assert_the_key_stayed_where_it_was_put,
    assert_told_the_instructions,
    block,
    snapshot,
)
from vast_mcp_tools import CATALOGUE
from wires import Responses

LEFT_OUT = {
    "default",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "title",
}  # measured of 0.169.0 (docs/hosts.md, "input schemas")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as made:
        yield made


def talk(desk: Desk, model: StandIn, *settings: str, **env: str) -> str:
    """`codex exec`; what it says. Beside the page's lines, told of the sandbox and to wait for
    the server.
    """
    provider = (
        f'model_providers.stand-in={{name="stand-in", base_url="{model.url}/v1", '
        'wire_api="responses"}'
    )
    there = [f'mcp_servers.vast.env.VAST_URL="{desk.sandbox}"', "mcp_servers.vast.required=true"]
    options = ['model="stand-in"', 'model_provider="stand-in"', provider, *there, *settings]
    given = [word for option in options for word in ("-c", option)]
    return desk.run(
        "codex", "exec", "--skip-git-repo-check", *given, "Rent a 4090.", **ALONE, **env
    )


def write(desk: Desk, *names: str) -> None:
    """Blocks of the page, in the file that the page names."""
    path = desk.home / ".codex/config.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(block(name) for name in names), encoding="utf-8")


def tools(model: StandIn) -> Json:
    """The server's namespace as the model is handed it."""
    [found] = [tool for tool in model.requests[0]["tools"] if tool.get("name") == "mcp__vast"]
    return found


def assert_codex_handed_over_everything(model: StandIn) -> None:
    """Every tool and the instructions at once; of a schema, all that is not a default or a
    bound.
    """
    handed = tools(model)
    assert_told_the_instructions(handed["description"])
    assert {tool["name"] for tool in handed["tools"]} == {spec.name for spec in CATALOGUE}
    for tool in handed["tools"]:
        published = snapshot(tool["name"])
        assert tool["description"] == published["description"]
        parameters, schema = (
            tool["parameters"]["properties"],
            published["inputSchema"]["properties"],
        )
        assert {name: one.get("description") for name, one in parameters.items()} == {
            name: one.get("description") for name, one in schema.items()
        }
        assert tool["parameters"].get("required", []) == published["inputSchema"].get(
            "required", []
        )


def test_codex_plays_a_rental_with_the_key_in_the_official_clients_file(desk: Desk) -> None:
    """Two lines and an approval, and the model is handed all that the server says
    (docs/hosts.md).
    """
    desk.type("key-file", said=KEY + "\n")
    desk.type("codex")
    assert "[mcp_servers.vast]" in (desk.home / ".codex/config.toml").read_text(encoding="utf-8")
    with standing_in(Responses()) as model:
        said = talk(desk, model, 'mcp_servers.vast.default_tools_approval_mode="approve"')
    assert_one_rental_begun_and_ended(desk, model.heard, said)
    assert_codex_handed_over_everything(model)
    assert_the_key_stayed_where_it_was_put(desk, model.requests, ".config/vastai/vast_api_key")


def test_codex_follows_a_plan_to_a_machine_that_works(desk: Desk) -> None:
    """From words to a machine: one tool, followed by its name."""
    write(desk, "codex-env", "codex-unattended")
    with standing_in(Responses(play_a_plan)) as model:
        said = talk(desk, model, VAST_API_KEY=KEY)
    assert_one_plan_followed_to_its_machine(desk, model.heard, said)


def test_codex_passes_on_the_key_that_its_settings_name(desk: Desk) -> None:
    """`env_vars` names the key; `required` and `default_tools_approval_mode` are for
    scripts (docs/hosts.md).
    """
    write(desk, "codex-env", "codex-unattended")
    with standing_in(Responses()) as model:
        said = talk(desk, model, VAST_API_KEY=KEY)
    assert_one_rental_begun_and_ended(desk, model.heard, said)
    assert_the_key_stayed_where_it_was_put(desk, model.requests)


def test_codex_passes_no_key_on_that_its_settings_do_not_name(desk: Desk) -> None:
    """Codex starts servers without its own environment (docs/hosts.md)."""
    desk.type("codex")
    with standing_in(Responses()) as model:
        talk(desk, model, VAST_API_KEY=KEY)
    assert model.heard[0].payload["error"]["code"] == "no_api_key"
    assert control(desk.sandbox, "requests")["requests"] == []


def test_codex_exec_rents_nothing_that_its_settings_do_not_approve(desk: Desk) -> None:
    """Without an approval a tool that is not read-only is refused, and nobody is asked
    (docs/hosts.md).
    """
    desk.type("key-file", said=KEY + "\n")
    desk.type("codex")
    with standing_in(Responses()) as model:
        talk(desk, model)
    searched, refused = model.heard
    assert searched.payload["offers"]
    assert "requires approval" in refused.text
    assert control(desk.sandbox, "ledger")["rentals"] == []


def test_codex_exec_says_no_to_a_question_by_itself_and_nothing_is_rented(desk: Desk) -> None:
    """It says that it can ask, and declines (docs/hosts.md)."""
    desk.type("key-file", said=KEY + "\n")
    desk.type("codex")
    asking = 'mcp_servers.vast.env.VAST_MCP_CONFIRM="always"'
    with standing_in(Responses()) as model:
        talk(desk, model, asking, 'mcp_servers.vast.default_tools_approval_mode="approve"')
    _, asked = model.heard
    assert asked.payload["error"]["code"] == "declined"
    assert control(desk.sandbox, "ledger")["rentals"] == []


def test_what_codex_leaves_out_of_a_schema_is_said_in_words(desk: Desk) -> None:
    """Defaults and bounds do not arrive, so each is in the description that does
    (docs/hosts.md).
    """
    desk.type("codex")
    with standing_in(Responses()) as model:
        talk(desk, model)
    handed = json.dumps(tools(model)["tools"])
    assert not [word for word in LEFT_OUT if f'"{word}":' in handed]
