"""stdin: whatever a line is, it is answered, and the next one is served as if nothing had been."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st
from mcp.types import jsonrpc_message_adapter

from house import env_of, so_many
from messages import INVALID_REQUEST, LEGAL, NO_MESSAGES, PARSE_ERROR, asking
from processes import hello, line_of, process
from vast_mcp.host.lines import Stdin


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    """One server for all lines: what one of them breaks, the next would show."""
    folder = tmp_path_factory.mktemp("lines")
    with process("--sandbox", env=env_of(folder), cwd=folder) as started:
        hello(started)
        yield started


def said_to(server: subprocess.Popen[bytes], line: bytes) -> dict[str, Any]:
    assert server.stdin is not None
    server.stdin.write(line)
    return json.loads(line_of(server))


@pytest.mark.processes
@pytest.mark.parametrize(
    ("code", "line", "its_id"),
    [
        pytest.param(code, line, its_id, id=what)
        for what, (code, line, its_id) in NO_MESSAGES.items()
    ],
)
def test_a_line_that_is_no_message_is_answered_and_the_next_is_served(
    server: subprocess.Popen[bytes], code: int, line: bytes, its_id: Any
) -> None:
    """JSON-RPC 2.0, 5: an error, with the id where it can be read, and null where it cannot."""
    answer = said_to(server, line + b"\n")
    assert (answer["jsonrpc"], answer["id"], answer["error"]["code"]) == ("2.0", its_id, code)
    assert len(answer["error"]["message"]) < 150
    assert said_to(server, b'{"jsonrpc":"2.0","id":8,"method":"ping"}\n')["result"] == {}


@pytest.mark.processes
@pytest.mark.parametrize("line", LEGAL.values(), ids=LEGAL)
def test_the_nearest_line_that_is_a_message_reaches_its_tool(
    server: subprocess.Popen[bytes], line: bytes
) -> None:
    answer = said_to(server, line + b"\n")
    assert answer["id"] == json.loads(line.decode("utf-8-sig"))["id"]
    assert answer["result"]["structuredContent"]["error"]["code"] == "bad_arguments"


def asking_for(method: str, name: str, arguments: str) -> bytes:
    params = f'{{"name":"{name}","arguments":{arguments}}}'
    return f'{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}\n'.encode()


@pytest.mark.processes
@pytest.mark.parametrize("arguments", ["null", '""', '"{}"', "[]", '"[]"', "{}"])
def test_no_arguments_in_any_form_reach_their_tool(
    server: subprocess.Popen[bytes], arguments: str
) -> None:
    """PHP writes an empty object as [], and some hosts write objects as JSON text."""
    answer = said_to(server, asking_for("tools/call", "show_ssh_keys", arguments))
    assert answer["result"]["structuredContent"]["sandbox"] is True
    assert answer["result"]["isError"] is False


@pytest.mark.processes
@pytest.mark.parametrize(
    "arguments",
    [
        r'"{\"instance_id\": \"x\"}"',
        r'"{\"instance_id\": \"\\ud83d\"}"',
        json.dumps('{"instance_id": ' + "[" * 900 + "]" * 900 + "}"),
    ],
)
def test_arguments_as_json_text_reach_their_tool(
    server: subprocess.Popen[bytes], arguments: str
) -> None:
    answer = said_to(server, asking_for("tools/call", "show_instance", arguments))
    assert answer["result"]["structuredContent"]["error"]["code"] == "bad_arguments"


@pytest.mark.processes
def test_a_prompts_argument_that_is_null_is_none(server: subprocess.Popen[bytes]) -> None:
    """Where it is required that is said, and where it is not it is left out."""
    answer = said_to(server, asking_for("prompts/get", "rent", '{"what": null}'))
    assert answer["error"]["data"]["error"]["problems"] == [
        {"field": "what", "problem": "required"}
    ]
    words = '{"what": "an H100", "budget_usd_per_hour": null}'
    answer = said_to(server, asking_for("prompts/get", "rent", words))
    assert "dollars" not in answer["result"]["messages"][0]["content"]["text"]


@pytest.mark.processes
def test_a_last_line_without_an_end_is_answered(tmp_path: Path) -> None:
    with process("--sandbox", env=env_of(tmp_path), cwd=tmp_path) as started:
        hello(started)
        out, _ = started.communicate(b'{"jsonrpc":"2.0","id":7,"method":')
    assert (json.loads(out)["id"], started.returncode) == (7, 0)


async def read(lines: bytes) -> tuple[list[str], list[str]]:
    """What the server is given of these lines, and what it answers before."""
    answered: list[str] = []

    async def answer(line: str) -> None:
        answered.append(line)

    return [line async for line in Stdin(io.BytesIO(lines), answer)], answered


async def test_an_answer_to_a_question_of_ours_is_not_answered_but_tells_that_it_was_none() -> None:
    """The host knows that id from requests of its own; the call that asked waits for it."""
    given, answered = await read(
        b'{"jsonrpc":"2.0","id":3,"result":{"action":"accept","content":{"a":"\\ud83d"}}}\n'
        b'{"jsonrpc":"2.0","id":4,"result":"yes"}\n'
        b'{"jsonrpc":"2.0","id":5,"result":{"action":"decline"}}\n'
    )
    assert answered == []
    broken, wrong, good = (json.loads(line) for line in given)
    assert (broken["id"], broken["error"]["code"]) == (3, PARSE_ERROR)
    assert (wrong["id"], wrong["error"]["code"]) == (4, INVALID_REQUEST)
    assert good["result"] == {"action": "decline"}


SEED = asking("7", r'{"a":[1,"\"\\",{"b":null}],"c":"😀"}')


@trying(max_examples=so_many(400))
@given(
    st.integers(0, len(SEED)),
    st.integers(0, 12),
    st.binary(max_size=4)
    | st.sampled_from([b'"', b"\\", b"{", b"}", b"[", b"]", b",", b'"id":', b"\\ud83d"]),
)
def test_every_line_is_read_by_the_sdk_or_answered(at: int, cut: int, put: bytes) -> None:
    line = (SEED[:at] + put + SEED[at + cut :]).replace(b"\n", b"")
    given, answered = anyio.run(read, line + b"\n" + SEED)
    assert len(given) + len(answered) == (2 if line.strip() else 1)
    assert given[-1].encode() == SEED
    for message in given:
        jsonrpc_message_adapter.validate_json(message, by_name=False)
    for error in answered:
        assert json.loads(error)["id"] in (7, None)
