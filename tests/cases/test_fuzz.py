"""Anything in any argument of any tool, over MCP: an answer of the one shape, and nothing that acts
is sent for what is refused.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from case import Seen
from house import an_offer, lenient_world, needed, sampled, served, so_many
from unhurried import run
from vast_mcp.errors import is_text
from vast_mcp.host.bookkeeping import ADDED
from vast_mcp.host.bounds import NUMBER
from vast_mcp.host.schema import published
from vast_mcp.host.synonyms import MEANINGS
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

NAMES = [spec.name for spec in CATALOGUE]
READ_ONLY = {spec.name for spec in CATALOGUE if spec.read_only}
SCHEMAS = {spec.name: published(spec).input_schema for spec in CATALOGUE}
LARGEST_ANSWER = 8_000  # characters of an error

ODD: list[Any] = [
    # numbers
    2**53, 2.0**53, 2**63, -(2**63) - 1, 2**64 + 1, 10**39, 10**400, NUMBER, NUMBER + 1, 1e308,
    -1e308, 5e-324, math.inf, -math.inf, math.nan, -1, 0, 0.0, -0.0, 1, 1.0, 1.5, True, False,
    # texts that look like others
    "", " ", "0", "1", "-1", "1.0", "1.5", "1e308", "1e3", "0x10", "1_000", "1,000", "+5", "007",
    "١٢", "NaN", "Infinity", "9" * 400, "50 GB", "$0.40", "true", "FALSE", "yes", "null", "None",
    "undefined", "nil", "[]", "{}", '""', "[1]", '["a"]', '{"a": 1}', "[", '{"a"', "<your-token>",
    "$HOME", "${X}", "%X%", "hf_xxxx", "gpu_name=RTX_4090 num_gpus>=2", "a=b", "-e A=1", "-p 1:1",
    # characters
    "a\0b", "\0", "\u202e", "\ud800", "\ufeff", "e\u0301", "🚀", "\r\n", "\x1b[2J", "\\", '"', "'",
    "../../etc/passwd", "; rm -rf /", "x" * 300,
    # containers
    None, [], {}, [None], [""], [[]], [{}], [0], [-1], [2**64], [1, "1", 1.0], ["a", None],
    {"": ""}, {"a": None}, {"a": {}}, {"a": []}, {"a": {"gte": 1e308}}, {"A": 1}, {"A": True},
    {"cpu_ram": {"gte": NUMBER}}, {"cpu_ram": {"gte": 10**30}}, {"gpu_name": {"in": [None, 1e308]}},
    {"create_new": None}, {"create_new": "false", "volume_id": "1"}, {"volume_id": []},
    # JSON in a text
    '["\\ud83d"]', '{"\\ud83d": "1"}', '{"A": "\\ud83d"}', '{"cpu_ram": {"gte": "\\ud83d"}}',
    '{"cpu_ram": {"gte": 1e999}}', '{"cpu_ram": {"gte": NaN}}', "[" + "9" * 5000 + "]",
    "[" * 3000, '{"a":' * 500,
]  # fmt: skip


def check(result: Any, seen: Seen, tool: str) -> None:
    """The one shape of an answer; what is refused sent nothing that acts."""
    [content] = result.content
    payload = result.structured_content
    text = json.dumps(payload, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    text.encode()
    assert content.text == text
    assert "Traceback" not in text
    assert result.is_error == ("error" in payload)
    if tool in READ_ONLY:
        assert seen.acts == []
    if result.is_error:
        error = payload["error"]
        assert len(text) < LARGEST_ANSWER
        assert error["code"] not in {"internal_error", ""}, error
        assert {"message", "retryable", "billing_possible", "next_steps"} <= error.keys()
        if error["code"] in {"bad_arguments", "unknown_tool"}:
            assert (seen.acts, error["billing_possible"]) == ([], False)


async def called_with(tool: str, calls: list[dict[str, Any]], settings: Settings) -> None:
    """Make the calls of a tool, each on what the ones before have left."""
    world = lenient_world()
    usual = needed(tool, world)
    async with served(world, settings) as client:
        for arguments in calls:
            before = len(world.requests)
            result = await client.call_tool(tool, usual | arguments)
            payload = result.structured_content
            check(result, Seen(payload, world, world.requests[before:]), tool)


@pytest.fixture
def watched(settings: Settings, caplog: pytest.LogCaptureFixture) -> Iterator[Settings]:
    """None of the calls ends with a defect in the log."""
    caplog.set_level(logging.INFO)
    yield settings
    assert "defect" not in caplog.text
    assert "Traceback" not in caplog.text


def planted(tool: str) -> Iterator[dict[str, Any]]:
    """Each odd value in each argument, in a list of one, and in each part of an object."""
    for argument, schema in SCHEMAS[tool]["properties"].items():
        for odd in ODD:
            yield {argument: odd}
            if schema.get("type") == "array":
                yield {argument: [odd]}
            for part in schema.get("properties", {}):
                yield {argument: {part: odd}}


@pytest.mark.parametrize("tool", NAMES)
async def test_an_odd_value_anywhere_is_answered_in_the_one_shape(
    tool: str, watched: Settings
) -> None:
    """What is no number, too large for 64 bits or half a character is no defect of ours."""
    await called_with(tool, list(sampled(list(planted(tool)), 16)), watched)


@pytest.mark.parametrize("tool", NAMES)
async def test_any_other_name_is_refused_whatever_it_holds(tool: str, watched: Settings) -> None:
    """Other words for arguments, and names like those that hosts add."""
    words = [word for meaning in MEANINGS for word in meaning.words.split()]
    unknown = [word for word in words if word not in SCHEMAS[tool]["properties"]]
    calls = [
        {word: ODD[at % len(ODD)]} for at, word in enumerate(unknown + [f"{one}_" for one in ADDED])
    ]
    await called_with(tool, list(sampled(calls, 24)), watched)


texts = st.text(max_size=20) | st.sampled_from([odd for odd in ODD if isinstance(odd, str)])
keys = texts.filter(is_text)  # the client itself can write no other
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def calls_of_a_tool(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """A tool, and calls with several arguments of it, and at times one that it does not have."""
    tool = draw(st.sampled_from(NAMES))
    names = st.sampled_from([*SCHEMAS[tool]["properties"], *sorted(ADDED), "id", "x"])
    calls = st.lists(st.dictionaries(names, values, max_size=5), min_size=5, max_size=5)
    return tool, draw(calls)


@examples(
    max_examples=so_many(100),
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(calls=calls_of_a_tool())
def test_whatever_is_given_is_answered_in_the_one_shape(
    calls: tuple[str, list[dict[str, Any]]], watched: Settings
) -> None:
    """Several arguments at once, of any kind."""
    run(called_with, *calls, watched)


@examples(
    max_examples=so_many(50),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(fields=st.dictionaries(st.sampled_from(list(SCHEMAS["create_instance"]["properties"])),
                              st.sampled_from([None, "", [], {}]), max_size=10))  # fmt: skip
def test_a_wish_with_empties_is_the_same_wish(fields: dict[str, Any], settings: Settings) -> None:
    """The same call with and without them rents once: the second finds the first."""
    run(rented_once, fields, settings)


async def rented_once(fields: dict[str, Any], settings: Settings) -> None:
    world = World()
    async with served(world, settings) as client:
        wish = {"offer_id": an_offer(world)["id"], "disk": 20}
        first = await client.call_tool("create_instance", wish)
        again = await client.call_tool("create_instance", fields | wish)
    assert first.structured_content["request_key"] == again.structured_content["request_key"]
    assert again.structured_content["replayed"]
    assert len(world.asked("create")) == 1
