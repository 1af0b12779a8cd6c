"""Whatever Vast puts in a reply, the answer is JSON of any host's, and no defect of ours."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from mcp import Client
from test_bounds import check
from test_toolspec import success_arguments

from house import call, sampled
from vast_mcp.host.server import build
from vast_mcp.sandbox.routes import create_app
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings
from vast_mcp_tools import CATALOGUE

PLACE = "@@here@@"

# JSON, or nearly
ODD = [
    "1e308",
    "-1e308",
    "1e999",
    "NaN",
    "-Infinity",
    "9" * 5000,
    str(2**64),
    str(10**30),
    "1e17",
    "-1e17",
    "-1",
    "0",
    "true",
    "null",
    "[]",
    "{}",
    "[null]",
    '"\\ud83d"',
    '"\\ude00 \\u0000"',
    '{"\\ud83d":"\\ud83d"}',
    '"\u0661\u0662"',
    '"nan"',
    '"1e999"',
]


class Spoiling:
    """Vast, with one value in the place of all that stand under a name; under any, where the name
    is a star.
    """

    def __init__(self, world: World) -> None:
        self._app = create_app(world)
        self.name, self.odd = "", "null"
        self.names: set[str] = set()  # of all replies so far

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def spoilt(message: Any) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message["headers"] if name != LENGTH]
                message = {**message, "headers": kept}
            elif message["type"] == "http.response.body":
                message = {**message, "body": self._spoilt(message["body"])}
            await send(message)

        await self._app(scope, receive, spoilt)

    def _spoilt(self, body: bytes) -> bytes:
        try:
            value = self._walked(json.loads(body))
        except ValueError:
            return body
        return json.dumps(value).replace(f'"{PLACE}"', self.odd).encode()

    def _walked(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._walked(item) for item in value]
        if not isinstance(value, dict):
            return value
        self.names |= value.keys()
        return {name: self._under(name, item) for name, item in value.items()}

    def _under(self, name: str, value: Any) -> Any:
        is_leaf = not isinstance(value, dict | list)
        if name == self.name or (self.name == "*" and is_leaf and name != "success"):
            return PLACE
        return self._walked(value)


LENGTH = b"content-length"


@pytest.fixture
def world() -> Iterator[World]:
    """Its doors answer as SSH does."""
    made = World(ssh_banners=True)
    yield made
    made.close()


@pytest.fixture
def vast(world: World) -> Spoiling:
    return Spoiling(world)


@pytest.fixture
async def client(
    vast: Spoiling, settings: Settings, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Client]:
    """It ends with no defect in the log."""
    with caplog.at_level(logging.INFO):
        async with Client(build(settings, CATALOGUE, vast)) as made:
            yield made
    assert "defect" not in caplog.text
    assert "Traceback" not in caplog.text


LOOKING = [spec.name for spec in CATALOGUE if spec.read_only and spec.name != "wait_for_instance"]


@pytest.mark.parametrize("name", [*LOOKING, "create_instance"])
async def test_an_odd_value_in_a_reply_is_unknown_and_no_defect(
    client: Client, vast: Spoiling, world: World, name: str
) -> None:
    """Numbers past all quantities, NaN, half an emoji, another type, under each name."""
    usual = await success_arguments(name, client, world)
    if name == "create_instance":
        usual |= {"dry_run": True, "max_usd_per_hour": 5}
    await call(client, name, **usual)
    rows = [(under, odd) for under in ["*", *sorted(vast.names)] for odd in ODD]
    for under, odd in sampled(rows, 97):
        vast.name, vast.odd = under, odd
        check(await call(client, name, **usual))


async def test_a_price_beyond_all_prices_is_no_price(
    client: Client, vast: Spoiling, world: World
) -> None:
    """1e308 became infinite where it was multiplied, and an answer that no schema allows."""
    usual = await success_arguments("search_volumes", client, world)
    await call(client, "search_volumes", **usual)
    for name in sorted(vast.names):
        for odd in ("1e308", "9" * 5000):
            vast.name, vast.odd = name, odd
            check(await call(client, "search_volumes", **usual))


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("status_msg", '"pulled \\ud83d"'),
        ("label", '"\\ude00"'),
        ("image_uuid", '"\\ud83d\\ud83d"'),
        ("gpu_util", "9" * 5000),
        ("disk_usage", "1e308"),
        ("dph_total", "1e308"),
        ("start_date", "-1e308"),
    ],
)
async def test_a_machine_with_an_odd_value_is_listed_and_can_be_ended(
    client: Client, vast: Spoiling, world: World, name: str, odd: str
) -> None:
    """A text that a machine writes itself hides no machine, its own or another."""
    made = await call(client, "create_instance", offer_id=world.offer()["id"], disk=20)
    vast.name, vast.odd = name, odd
    listed = await call(client, "show_instances")
    assert [row["instance_id"] for row in listed["instances"]] == [made["instance_id"]]
    gone = await call(client, "destroy_instance", instance_ids=[made["instance_id"]], not_ours=True)
    assert [one["outcome"] for one in gone["results"]] == ["destroyed"]


async def test_an_emoji_in_two_halves_is_an_emoji(
    client: Client, vast: Spoiling, world: World
) -> None:
    await call(client, "create_instance", offer_id=world.offer()["id"], disk=20)
    vast.name, vast.odd = "label", '"\\ud83d\\ude00 here"'
    [row] = (await call(client, "show_instances"))["instances"]
    assert row["untrusted_label"] == "😀 here"
