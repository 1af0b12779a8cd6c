"""A journal that has seen years of rentals must not slow the next one down."""

from __future__ import annotations

import secrets
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from mcp import Client

from house import served
from vast_mcp.environment import load
from vast_mcp.journal import Journal
from vast_mcp.sandbox.world import World
from vast_mcp.settings import SANDBOX_URL

ROWS = 100_000
ROUNDS = 60

pytestmark = pytest.mark.timeout(180)


def fill(folder: Path, account: str) -> None:
    """A hundred thousand attempts that came to an end, in the shares in which they do."""
    journal = Journal(folder)
    journal.digest({})  # makes the file
    journal.close()
    states = ["confirmed"] * 7 + ["refused", "absent", "abandoned"]
    now = time.time()
    rows = [
        (
            secrets.token_hex(8),
            account,
            f"wish-{n}",
            "digest",
            20_000_000 + n % 500,
            "old",
            "running",
            states[n % 10],
            "dead",
            now - 9e6 + n,
            *((30_000_000 - n, now - 8e6) if n % 10 < 7 else (None, None)),
        )
        for n in range(ROWS)
    ]
    db = sqlite3.connect(folder / "journal.db")
    with db:
        db.executemany(
            "INSERT INTO intents (token, account, request_key, digest, offer_id, label, wanted, "
            "state, owner, made_at, "
            "instance_id, gone_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
    db.close()


class Counter:
    """A server with its own sandbox and journal, and how long each of its creates took."""

    def __init__(self, client: Client, world: World) -> None:
        self.client = client
        self.world = world
        self.seconds: list[float] = []

    async def rent(self) -> None:
        offer = self.world.offer()["id"]
        begun = time.perf_counter()
        made = (
            await self.client.call_tool("create_instance", {"offer_id": offer, "disk": 16})
        ).structured_content
        self.seconds.append(time.perf_counter() - begun)
        assert made is not None
        assert "error" not in made, made
        assert "recovered" not in made
        gone = (
            await self.client.call_tool("destroy_instance", {"instance_ids": [made["instance_id"]]})
        ).structured_content
        assert gone is not None
        assert "error" not in gone, gone


@pytest.fixture
async def counters(tmp_path: Path) -> AsyncIterator[tuple[Counter, Counter]]:
    """One with an empty journal, one with a full one."""
    fill(tmp_path / "full", f"{SANDBOX_URL}#4242")
    async with AsyncExitStack() as stack:
        made: list[Counter] = []
        for name in ("empty", "full"):
            settings = load({}, home=tmp_path, sandbox=True)
            settings = replace(
                settings, state_dir=tmp_path / name, times=replace(settings.times, pace=0.0)
            )
            world = World()
            client = served(world, settings)
            made.append(Counter(await stack.enter_async_context(client), world))
        yield made[0], made[1]


@pytest.mark.slow
async def test_a_hundred_thousand_rows_cost_a_create_less_than_a_tenth(
    counters: tuple[Counter, Counter],
) -> None:
    """Medians of interleaved creates, the best of three tries: a machine's moods hit both alike, or
    one try.
    """
    ratios: list[float] = []
    for _ in range(3):
        for counter in counters:
            counter.seconds.clear()
        for _ in range(ROUNDS):
            for counter in counters:
                await counter.rent()
        empty, full = (statistics.median(counter.seconds) for counter in counters)
        ratios.append(full / empty)
        if ratios[-1] <= 1.10:
            return
    pytest.fail(
        f"a create on {ROWS:,} rows takes {min(ratios):.2f} times as long as on none: {ratios}"
    )
