"""The program itself: real processes, standard input and output, signals, exit statuses."""

from __future__ import annotations

import json
import select
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from house import DEAD, call
from processes import PATIENCE, an_offer, command, hello, ledger, line_of, post, process, ran
from vast_mcp.commands.cli import run
from vast_mcp_tools import CATALOGUE

pytestmark = pytest.mark.processes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a host starts the server: inside a stranger's repository, with traps."""
    folder = tmp_path / "repository"
    spring = (
        f"open({str(tmp_path / 'sprung')!r}, 'a').write(__name__)\nraise SystemExit('sprung')\n"
    )
    for package in ("tools", "mcp_server", "tests", "scripts"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text(spring, encoding="utf-8")
    for module in ("conftest", "create_instance", "settings", "errors", "cli"):
        (folder / f"{module}.py").write_text(spring, encoding="utf-8")
    return folder


@asynccontextmanager
async def a_process(
    mode: str, *arguments: str, env: dict[str, str], cwd: Path | None = None, log: Any = None
) -> AsyncIterator[Client]:
    """An MCP client on a process of its own."""
    first, *rest = command(*arguments)
    parameters = StdioServerParameters(command=first, args=rest, env=env, cwd=cwd)
    transport = stdio_client(parameters, errlog=log) if log else stdio_client(parameters)
    async with Client(transport, mode=mode, read_timeout_seconds=PATIENCE) as client:
        yield client


# ── both eras of the protocol ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("mode", "era"), [("legacy", "2025"), ("auto", "2026")])
async def test_a_rental_begins_and_ends_over_stdio_in_either_era(
    env: dict[str, str], folder: Path, tmp_path: Path, mode: str, era: str
) -> None:
    """Hosts of both eras exist; the same answers, and every one says that it is a sandbox
    (docs/hosts.md; docs/architecture.md).
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=tmp_path) as log:
        async with a_process(mode, "--sandbox", env=env, cwd=folder, log=log) as client:
            assert client.protocol_version.startswith(era)
            assert client.server_info.name == "vast"
            tools = (await client.list_tools()).tools
            assert [tool.name for tool in tools] == [spec.name for spec in CATALOGUE]
            assert all(tool.annotations and tool.description for tool in tools)
            refused = await call(client, "create_instance", offer_id=an_offer(), dsik=16)
            assert refused["error"]["code"] == "bad_arguments"
            made = await call(
                client, "create_instance", offer_id=an_offer(), disk=16, env={"A": "planted-value"}
            )
            shown = await call(client, "show_instances")
            assert [row["instance_id"] for row in shown["instances"]] == [made["instance_id"]]
            unknown = await call(client, "destroy_instance", instance_ids=[1])
            assert unknown["error"]["code"] == "no_such_instance"
            gone = await call(client, "destroy_instance", instance_ids=[made["instance_id"]])
            cost = pytest.approx(0, abs=made["running_usd_per_hour"] * PATIENCE / 3600)
            assert gone["results"] == [
                {
                    "instance_id": made["instance_id"],
                    "outcome": "destroyed",
                    "spent_usd": cost,
                    "spent_is": "estimate",
                }
            ]
            nothing = await call(client, "no_such_tool")
            assert nothing["error"]["code"] == "unknown_tool"
            assert all(
                one["sandbox"] is True for one in (refused, made, shown, unknown, gone, nothing)
            )
        log.seek(0)
        assert "planted-value" not in log.read()
    assert not (tmp_path / "sprung").exists()


async def test_without_a_key_the_tools_say_so_and_nothing_of_the_folder_is_used(
    env: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    """Never the working directory's .env; without a key tools answer no_api_key
    (docs/architecture.md).
    """
    del env["VAST_MCP_TIME_SCALE"]
    with socket.create_server(("127.0.0.1", 0)) as trap:
        address = f"http://127.0.0.1:{trap.getsockname()[1]}"
        for name in (".env", "vast.env", ".env.local"):
            (folder / name).write_text(
                f"VAST_URL={address}\nVAST_API_KEY=a-strangers-key\n", encoding="utf-8"
            )
        async with a_process("auto", env=env, cwd=folder) as client:
            for tool, arguments in (
                ("show_instances", {}),
                ("destroy_instance", {"instance_ids": [1]}),
                ("create_instance", {"offer_id": 1, "disk": 16}),
            ):
                error = (await call(client, tool, **arguments))["error"]
                assert (error["code"], error["billing_possible"]) == ("no_api_key", False)
                assert "VAST_API_KEY" in error["message"]
                assert "--sandbox" in error["message"]
        assert not select.select([trap], [], [], 0)[0]  # nobody ever connected
    assert not (tmp_path / "sprung").exists()


# ── stdin, stdout, signals ────────────────────────────────────────────────────────────────────────


def test_stdout_carries_the_protocol_only(env: dict[str, str], tmp_path: Path) -> None:
    """The MCP specification, stdio: the server writes nothing to stdout that is not a message."""
    with process("--sandbox", env=env, cwd=tmp_path) as started:
        assert hello(started)["result"]["serverInfo"]["name"] == "vast"
        rent = {"name": "create_instance", "arguments": {"offer_id": an_offer(), "disk": 16}}
        messages = [
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
            {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": rent},
        ]
        assert started.stdin is not None
        for message in messages:
            started.stdin.write(json.dumps(message).encode() + b"\n")
        started.stdin.flush()
        answered = {json.loads(line_of(started))["id"], json.loads(line_of(started))["id"]}
        rest, _ = started.communicate(timeout=PATIENCE)
    assert answered == {2, 3}
    assert [json.loads(line)["jsonrpc"] for line in rest.splitlines()] == []
    assert started.returncode == 0  # the end of stdin is the ordinary end


def test_an_interrupt_ends_the_process_within_a_second(env: dict[str, str], tmp_path: Path) -> None:
    """The SDK alone would hang until stdin closes, and hosts interrupt before they
    close it (docs/hosts.md).
    """
    with process("--sandbox", env=env, cwd=tmp_path) as started:
        hello(started)
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=1.0) == 130
        assert started.stderr is not None
        assert b"Traceback" not in started.stderr.read()


# ── the command ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "code", "arguments"),
    [
        pytest.param(0, None, ["--sandbox", "call", "show_instances"], id="success"),
        pytest.param(0, None, ["call", "show_instances", "{}", "--sandbox"], id="flag last"),
        pytest.param(1, "no_api_key", ["call", "show_instances"], id="no key"),
        pytest.param(
            1,
            "no_such_instance",
            ["--sandbox", "call", "destroy_instance", '{"instance_ids":[1]}'],
            id="no instance",
        ),
        pytest.param(2, "unknown_tool", ["--sandbox", "call", "show_machine"], id="no tool"),
        pytest.param(
            2,
            "bad_arguments",
            ["--sandbox", "call", "create_instance", '{"offer_id":"one"}'],
            id="bad argument",
        ),
        pytest.param(2, None, ["--sandbox", "call", "show_instances", "{"], id="no JSON"),
        pytest.param(2, None, ["--sandbox", "call", "show_instances", "[]"], id="no object"),
        pytest.param(
            2, None, ["--env-file", "missing.env", "call", "show_instances"], id="no env file"
        ),
    ],
)
def test_the_exit_status_tells_a_script_what_to_do(
    capsys: pytest.CaptureFixture[str], status: int, code: str | None, arguments: list[str]
) -> None:
    """`vast-mcp --help`: 0 success, 1 an error that bills nothing, 2 wrong usage, with the JSON
    alone on stdout.
    """
    assert run(arguments) == status
    out, err = capsys.readouterr()
    if status == 0 or code:
        assert json.loads(out).get("error", {}).get("code") == code
        assert err == ""
    else:
        assert out == ""
        assert err.startswith("vast-mcp")


@pytest.mark.parametrize("command", ["sweep", "reconcile"])
def test_the_sandbox_of_a_command_is_its_own(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """No address but the sandbox's is asked (docs/architecture.md)."""
    assert run(["--sandbox", command, "--json"]) == 0
    assert "error" not in json.loads(capsys.readouterr().out)


def test_arguments_nested_too_deep_are_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Never a traceback."""
    assert run(["--sandbox", "call", "show_instances", "[" * 100_000]) == 2
    assert capsys.readouterr().err.startswith("vast-mcp call: the arguments are no JSON")


def test_a_port_that_is_taken_is_an_error_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(["sandbox", "--port", str(taken.getsockname()[1])]) == 1
    assert "cannot be listened on" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["sandbox", "--port", "70000"],
        ["sandbox", "--port", "-1"],
        ["reconcile", "--wait", "nan"],
        ["reconcile", "--wait", "-5"],
        ["reconcile", "--wait", "soon"],
        ["approve", "K7QF-M2XR", "--sandbox"],
    ],
)
def test_an_option_that_makes_no_sense_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """`vast-mcp --help`: 2, and nothing on stdout. No sandbox of another process has a code to
    approve.
    """
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


@pytest.mark.thorough
def test_an_answer_reaches_an_output_that_knows_few_letters(
    env: dict[str, str], url: str, tmp_path: Path
) -> None:
    """The machine exists; a letter that a pipe cannot take must not hide it."""
    env |= {"VAST_URL": url, "VAST_API_KEY": "planted-key", "PYTHONIOENCODING": "cp1252"}
    wish = json.dumps({"offer_id": an_offer(), "disk": 16, "label": "日本 🚀"})
    status, out, err = ran("call", "create_instance", wish, env=env, cwd=tmp_path)
    assert (status, err) == (0, "")
    assert ledger(url)["living"] == [json.loads(out)["instance_id"]]
    assert json.loads(out)["label"].startswith("日本 🚀#")


@pytest.mark.thorough
def test_an_answer_that_cannot_be_written_is_no_failure_that_bills_nothing(
    env: dict[str, str], url: str, tmp_path: Path
) -> None:
    """`vast-mcp --help`: 3 is repeated, and repeating finds the machine."""
    env |= {"VAST_URL": url, "VAST_API_KEY": "planted-key"}
    wish = json.dumps({"offer_id": an_offer(), "disk": 16})
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("call", "create_instance", wish),
            env=env,
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=PATIENCE,
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (3, 1)
    status, out, _ = ran("call", "create_instance", wish, env=env, cwd=tmp_path)
    assert (status, json.loads(out)["replayed"]) == (0, True)


@pytest.mark.thorough
def test_a_state_folder_that_cannot_be_looked_into_stops_renting_only(
    env: dict[str, str], url: str, tmp_path: Path
) -> None:
    """Reads work on. A name too long stands in for rights that root always has
    (docs/protocol.md).
    """
    env |= {
        "VAST_URL": url,
        "VAST_API_KEY": "planted-key",
        "VAST_MCP_STATE_DIR": str(tmp_path / ("x" * 300)),
    }
    with process(env=env, cwd=tmp_path) as started:
        assert "result" in hello(started)
    status, out, _ = ran("call", "show_instances", env=env, cwd=tmp_path)
    assert (status, json.loads(out)["count"]) == (0, 0)
    status, out, _ = ran(
        "call", "create_instance", json.dumps({"offer_id": an_offer()}), env=env, cwd=tmp_path
    )
    assert (status, json.loads(out)["error"]["code"]) == (1, "journal_unavailable")


def test_a_command_that_does_not_exist_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """`vast-mcp --help`: 2, and nothing on stdout."""
    with pytest.raises(SystemExit) as ended:
        run(["rent"])
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


@pytest.mark.thorough
def test_the_command_rents_through_no_proxy_and_tells_what_may_bill(
    env: dict[str, str], url: str, folder: Path, tmp_path: Path
) -> None:
    """Loopback never goes through a proxy; `vast-mcp --help`: 3 where something may be billing
    (docs/architecture.md).
    """
    env |= {"VAST_URL": url, "VAST_API_KEY": "planted-key"}
    (folder / ".env").write_text(f"VAST_URL={DEAD}\nVAST_API_KEY=\n", encoding="utf-8")
    status, out, err = ran("call", "show_instances", env=env, cwd=folder)
    assert (status, err) == (0, "")
    assert json.loads(out)["count"] == 0
    stillborn = {"success": False, "error": "invalid_price", "new_contract": 30_000_001}
    post(
        f"{url}/_sandbox/faults",
        endpoint="create",
        kind="status",
        when="after",
        status=400,
        body=stillborn,
    )
    wish = json.dumps({"offer_id": an_offer(), "disk": 16})
    status, out, err = ran("call", "create_instance", wish, env=env, cwd=folder)
    error = json.loads(out)["error"]
    assert (status, error["code"], error["billing_possible"]) == (3, "created_stopped", True)
    assert ledger(url)["living"] == [error["instance_id"]]
    assert "planted-key" not in out + err
    assert not (tmp_path / "sprung").exists()
