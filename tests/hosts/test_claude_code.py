"""Claude Code itself, headless, with a stand-in for its model: what it hands over, and what it
will not do unasked.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from served_sandbox import control
from stand_in import USED, StandIn, play_a_plan, standing_in
from trial import (
    ALONE,
    KEY,
    ROOT,
    Desk,
    a_checkout,
    a_desk,
    assert_one_plan_followed_to_its_machine,
    assert_one_rental_begun_and_ended,
    assert_the_key_stayed_where_it_was_put,
    assert_told_the_instructions,
    block,
    snapshot,
    the_environment,
)
from vast_mcp_tools import CATALOGUE
from wires import Messages

ADDED, PLUGIN = "mcp__vast__", "mcp__plugin_vast-mcp_vast__"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as made:
        yield made


def talk(desk: Desk, model: StandIn, *options: str, **env: str) -> str:
    """`claude -p`; what it says."""
    where = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "of-the-stand-in"}
    return desk.run("claude", "-p", "Rent a 4090.", *options, **where, **env)


def allowing(prefix: str) -> list[str]:
    return ["--allowedTools", prefix.removesuffix("__")]


def assert_claude_code_handed_over_everything(model: StandIn, prefix: str) -> None:
    """Names and instructions once the server is up; description and schema, as published, when
    looked up.
    """
    last = model.requests[-1]
    transcript = json.dumps(last["messages"], ensure_ascii=False).replace("\\n", "\n")
    offered = {tool["name"]: tool for tool in last["tools"]}
    names = {prefix + spec.name for spec in CATALOGUE}
    assert {name for name in names if f"\n{name}\n" not in transcript} <= {
        prefix + name for name in USED
    }
    assert_told_the_instructions(transcript)
    for name in USED:
        assert offered[prefix + name]["description"] == snapshot(name)["description"]
        assert offered[prefix + name]["input_schema"] == snapshot(name)["inputSchema"]
    assert [one.marked for one in model.heard if "error" in one.payload] == [True, True]
    assert not any(one.marked for one in model.heard if "error" not in one.payload)


def test_claude_code_plays_a_rental_with_the_key_in_the_official_clients_file(desk: Desk) -> None:
    """Two lines, and the model is handed all that the server says (docs/hosts.md)."""
    desk.type("key-file", said=KEY + "\n")
    desk.type("claude-code")
    assert (
        "vast" in json.loads((desk.home / ".claude.json").read_text(encoding="utf-8"))["mcpServers"]
    )
    with standing_in(Messages(ADDED)) as model:
        said = talk(desk, model, *allowing(ADDED), **ALONE)
    assert_one_rental_begun_and_ended(desk, model.heard, said)
    assert_claude_code_handed_over_everything(model, ADDED)
    assert_the_key_stayed_where_it_was_put(desk, model.requests, ".config/vastai/vast_api_key")
    assert (desk.home / ".config/vastai/vast_api_key").stat().st_mode & 0o777 == 0o600


def test_claude_code_follows_a_plan_to_a_machine_that_works(desk: Desk) -> None:
    """From words to a machine: one tool, followed by its name."""
    desk.type("claude-code")
    wire = Messages(ADDED, play_a_plan, ("provision", "destroy_instance"))
    with standing_in(wire) as model:
        said = talk(desk, model, *allowing(ADDED), VAST_API_KEY=KEY, **ALONE)
    assert_one_plan_followed_to_its_machine(desk, model.heard, said)


def test_claude_code_passes_the_key_of_its_own_environment_on(desk: Desk) -> None:
    """Without a key file, `VAST_API_KEY` where Claude Code is started is enough (docs/hosts.md)."""
    desk.type("claude-code")
    with standing_in(Messages(ADDED)) as model:
        said = talk(desk, model, *allowing(ADDED), VAST_API_KEY=KEY, **ALONE)
    assert_one_rental_begun_and_ended(desk, model.heard, said)
    assert_the_key_stayed_where_it_was_put(desk, model.requests)


def test_the_plugin_brings_the_server_the_skill_and_a_place_for_the_key(
    desk: Desk, tmp_path: Path
) -> None:
    """From a checkout, with the key that Claude Code asks for (docs/hosts.md)."""
    checkout = a_checkout(tmp_path)
    desk.type("claude-plugin", cwd=checkout)
    desk.run("claude", "plugin", "install", "vast-mcp@vast-mcp", "--config", f"api_key={KEY}")
    with standing_in(Messages(PLUGIN)) as model:
        said = talk(desk, model, *allowing(PLUGIN))
    assert_one_rental_begun_and_ended(desk, model.heard, said)
    assert_claude_code_handed_over_everything(model, PLUGIN)
    assert "- vast-mcp:vast-mcp: Rent, use, watch and destroy" in json.dumps(
        model.requests[-1]["messages"]
    )
    assert_the_key_stayed_where_it_was_put(desk, model.requests, ".claude/.credentials.json")
    assert (desk.home / ".claude/.credentials.json").stat().st_mode & 0o777 == 0o600


def test_the_plugin_without_a_key_of_its_own_uses_the_official_clients(
    desk: Desk, tmp_path: Path
) -> None:
    """The plugin's question may stay unanswered (docs/hosts.md)."""
    desk.type("key-file", said=KEY + "\n")
    desk.type("claude-plugin", cwd=a_checkout(tmp_path))
    with standing_in(Messages(PLUGIN)) as model:
        said = talk(desk, model, *allowing(PLUGIN))
    assert_one_rental_begun_and_ended(desk, model.heard, said)


def test_with_only_the_reading_tools_allowed_nothing_is_rented(desk: Desk) -> None:
    """The settings that let Claude Code look without asking let it do nothing else
    (docs/hosts.md).
    """
    desk.type("key-file", said=KEY + "\n")
    desk.type("claude-code")
    (desk.home / ".claude").mkdir(exist_ok=True)
    (desk.home / ".claude/settings.json").write_text(block("claude-permissions"), encoding="utf-8")
    with standing_in(Messages(ADDED)) as model:
        talk(desk, model, **ALONE)
    searched, refused = model.heard
    assert searched.payload["offers"]
    assert refused.marked is True
    assert "permission" in refused.text
    assert control(desk.sandbox, "ledger")["rentals"] == []


def test_nobody_answers_a_question_in_claude_p_and_nothing_is_rented(desk: Desk) -> None:
    """It says that it can ask and cancels by itself; the error holds the code for a
    shell (docs/hosts.md).
    """
    desk.type("key-file", said=KEY + "\n")
    desk.type("claude-code")
    with standing_in(Messages(ADDED)) as model:
        talk(desk, model, *allowing(ADDED), VAST_MCP_CONFIRM="always", **ALONE)
    _, asked = model.heard
    assert asked.payload["error"]["code"] == "needs_confirmation"
    assert "vast-mcp approve " in json.dumps(asked.payload)
    assert control(desk.sandbox, "ledger")["rentals"] == []


def test_the_sandbox_is_one_word_away(desk: Desk) -> None:
    """README: `--sandbox` after the command, and Claude Code finds the server well."""
    desk.run("bash", "-c", block("claude-code") + " --sandbox")
    assert "vast: vast-mcp --sandbox - ✔ Connected" in desk.run("claude", "mcp", "list")
    assert control(desk.sandbox, "requests")["requests"] == []


def test_claude_codes_own_validator_accepts_plugin_and_marketplace(
    desk: Desk, tmp_path: Path
) -> None:
    """Every warning counts; the part of the validator that needs no account (docs/hosts.md)."""
    said = desk.run("claude", "plugin", "validate", str(a_checkout(tmp_path)), "--strict")
    assert "Validation passed" in said
    assert "skills: vast-mcp:vast-mcp" in said


def test_the_lines_for_http_connect(desk: Desk) -> None:
    """README: a token, a server, and Claude Code told of both."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [found] = [
        lines
        for lines in re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
        if "serve --http" in lines
    ]
    key, make, serve, add = found.strip().splitlines()
    kept = "mkdir -p ~/.config/vastai; printf a-key >~/.config/vastai/vast_api_key"
    assert desk.run("bash", "-c", f"{kept}\n{key}\nprintf %s $VAST_API_KEY") == "a-key"
    token = desk.run("bash", "-c", f"{make}\nprintf %s $VAST_MCP_HTTP_TOKEN")
    command = [*shlex.split(serve.removesuffix(" &").replace(":8000", ":0")), "--sandbox"]
    env = the_environment(desk.folder) | {"VAST_MCP_HTTP_TOKEN": token}
    with subprocess.Popen(
        command, env=env, cwd=desk.work, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            url = re.search(r"http://\S+", process.stderr.readline())
            assert url is not None
            line = add.replace("http://127.0.0.1:8000/mcp", url[0])
            desk.run("bash", "-c", line, VAST_MCP_HTTP_TOKEN=token)
            assert f"vast: {url[0]} (HTTP) - ✔ Connected" in desk.run("claude", "mcp", "list")
        finally:
            process.terminate()
