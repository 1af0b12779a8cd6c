"""Whatever a call holds, however much of it: one shape of error, a short one, and no defect."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from house import WHOLE, call, sampled, served
from vast_mcp.host.schema import published
from vast_mcp.renting.env_grammar import ENV_BYTES, ENV_TEXT, env_of
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

LARGEST_ANSWER = 8_000  # characters
NAMES = [spec.name for spec in CATALOGUE]


@pytest.fixture
def world() -> Iterator[World]:
    """Its doors answer as SSH does."""
    made = World(ssh_banners=True)
    yield made
    made.close()


@pytest.fixture
async def client(
    world: World, settings: Settings, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Client]:
    """It ends with no defect in the log."""
    with caplog.at_level(logging.INFO):
        async with served(world, settings) as made:
            yield made
    assert "defect" not in caplog.text
    assert "Traceback" not in caplog.text


def check(payload: dict[str, Any]) -> dict[str, Any]:
    """JSON of any host's, short, and an error of the one shape; the error, or nothing."""
    text = json.dumps(payload, allow_nan=False, ensure_ascii=False)
    text.encode()
    error = payload.get("error", {})
    if error:
        assert len(text) < LARGEST_ANSWER
        assert error["code"] not in {"internal_error", ""}
        assert {"message", "retryable", "billing_possible", "next_steps"} <= error.keys()
    return error


def arguments_of(tool: str) -> dict[str, Any]:
    [spec] = [spec for spec in CATALOGUE if spec.name == tool]
    return published(spec).input_schema["properties"]


# ── size ─────────────────────────────────────────────────────────────────────────────────────────

MANY = 100_000
LARGE: dict[str, Any] = {
    "a text": "x" * 10_000_000,
    "flags": "-e A=1 " * MANY,
    "one long flag": "-e A=" + "x" * 1_000_000,
    "quotes": '-e A="' * MANY,
    "a list": ["x"] * MANY,
    "a list of long texts": ["x" * MANY] * 100,
    "an object": {str(number): "x" for number in range(MANY)},
    "an object of lists": {str(number): [number] * 100 for number in range(1000)},
    "a long name": {"x" * MANY: "x"},
    "JSON in a text": json.dumps([1] * MANY),
    "deep JSON in a text": "[" * MANY,
    "depth": json.loads("[" * 150 + "]" * 150),
}


@pytest.mark.parametrize("name", NAMES)
async def test_an_argument_of_any_size_is_refused_in_few_words(client: Client, name: str) -> None:
    """Every text and list of every tool has a bound, and an error never echoes what is long."""
    rows = [(argument, what) for argument in arguments_of(name) for what in LARGE]
    for argument, what in sampled(rows, 7):
        error = check(await call(client, name, **{argument: LARGE[what]}))
        assert error["code"] == "bad_arguments", (argument, what)
        assert error["billing_possible"] is False


@pytest.mark.parametrize("name", NAMES[:: 1 if WHOLE else 5])
async def test_unknown_arguments_are_counted_and_not_repeated(client: Client, name: str) -> None:
    """100,000 came back as 14 MB."""
    for many in ({f"argument_{n}": n for n in range(count)} for count in (500, MANY)):
        error = check(await call(client, name, **many))
        assert error["code"] == "bad_arguments"
        assert len(error["problems"]) <= 10
    long = check(await call(client, name, **{"x" * 1_000_000: 1}))
    assert long["code"] == "bad_arguments"


async def test_a_tool_of_a_long_name_is_unknown_in_few_words(client: Client) -> None:
    assert check(await call(client, "x" * 1_000_000))["code"] == "unknown_tool"
    assert check(await call(client, "create_instances"))["message"].count("create_instance") > 1


async def test_what_vast_takes_is_within_all_bounds(client: Client, world: World) -> None:
    """32 KiB of env in any spelling, an onstart of 65,536 characters that packs, 4,096 of args."""
    value = "x" * (ENV_BYTES - len('{"A":""}'))
    offer = world.offer()["id"]

    async def fits(**more: Any) -> None:
        checked = await call(client, "create_instance", offer_id=offer, dry_run=True, **more)
        assert checked["dry_run"]["would"] == "rent"

    for env in ({"A": value}, f"-e A={value}", [f"A={value}"], json.dumps({"A": value})):
        await fits(env=env)
    many = {f"A{number}": "" for number in range(2500)}
    await fits(env=many)
    script = "echo hello\n".ljust(65_536, "#")
    await fits(onstart=script)
    words = ["x"] * 4096
    await fits(args=words)
    await fits(args_str="x" * 4096)


def test_env_is_refused_before_it_is_split() -> None:
    """shlex takes the square of a word's length."""
    for large in ("-e A=" + "x" * ENV_TEXT, ["A=" + "x" * 100] * 1000):
        with pytest.raises(ValueError, match="characters; at most"):
            env_of(large)


async def test_a_prompt_takes_words_and_no_books(client: Client) -> None:
    for arguments in ({"what": "x" * 5000}, {"x" * 5000: "x"}, {}):
        with pytest.raises(MCPError) as refused:
            await client.get_prompt("rent", arguments)
        assert refused.value.error.code == -32602
        assert len(refused.value.error.message) < 300
        assert check(refused.value.error.data)["code"] == "bad_arguments"
    kept = await client.get_prompt("rent", {"what": "x" * 4096})
    assert "x" * 4096 in kept.messages[0].content.text


# ── addresses ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "odd",
    [
        "0",
        "-1",
        "1.5",
        "1e3",
        "٣",
        "007",
        "9" * 18,
        "9" * 400,
        "1" * 1_000_000,
        "1%2F2",
        "1/../2",
        "1/",
        "1?x=1",
        "1#x",
        "",
        " 1",
        "1\n",
        "\0",
        "{instance_id}",
    ],
)
async def test_a_machine_of_an_odd_id_is_refused_as_its_tool_does(client: Client, odd: str) -> None:
    with pytest.raises(MCPError) as refused:
        await client.read_resource(f"vast://instances/{odd}")
    error = refused.value.error
    assert error.code == -32602
    assert check(error.data)["code"] in {"bad_arguments", "no_such_instance"}
    assert check(error.data)["message"] in error.message
    assert len(json.dumps(error.data)) < 3000


@pytest.mark.parametrize("uri", ["vast://machines", "x" * 1_000_000, "file:///etc/passwd"])
async def test_an_unknown_resource_is_refused_in_the_one_shape(client: Client, uri: str) -> None:
    with pytest.raises(MCPError) as refused:
        await client.read_resource(uri)
    assert check(refused.value.error.data)["code"] == "bad_arguments"


async def test_a_machine_of_its_own_id_is_read(client: Client, world: World) -> None:
    made = await call(client, "create_instance", offer_id=world.offer()["id"], disk=20)
    read = await client.read_resource(f"vast://instances/{made['instance_id']}")
    assert json.loads(read.contents[0].text)["instance_id"] == made["instance_id"]
