"""Notes of looks in the journal wait for nobody, and stop no answer."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from house import an_offer, call, lenient_world, needed, served
from vast_mcp.journal.database import BUSY_S
from vast_mcp.sandbox.world import World
from vast_mcp.session import Session
from vast_mcp.settings import Settings


@contextmanager
def locked(state: Path) -> Generator[None]:
    """A neighbour writes, and does not come to an end."""
    with closing(sqlite3.connect(state / "journal.db", isolation_level=None)) as neighbour:
        neighbour.execute("BEGIN IMMEDIATE")
        yield


def kept(state: Path, table: str) -> list[str]:
    with closing(sqlite3.connect(state / "journal.db")) as db:
        return [seen for (seen,) in db.execute(f"SELECT seen FROM {table}")]  # noqa: S608


def test_a_note_does_not_wait_for_a_neighbour_and_is_kept_later(
    settings: Settings, tmp_path: Path
) -> None:
    """A watch says whether a machine ever ran, on which it rests whether its end is proposed."""
    session = Session(replace(settings, state_dir=tmp_path))
    session.key_digest()  # makes the file
    with locked(tmp_path):
        began = time.monotonic()
        session.keep_watch(7)
        assert time.monotonic() - began < BUSY_S / 2
        assert kept(tmp_path, "watched") == []
    session.keep_watch()
    assert len(kept(tmp_path, "watched")) == 1
    session.journal.close()


async def test_what_a_look_cost_is_kept_by_the_next_one_where_a_neighbour_wrote(
    settings: Settings, tmp_path: Path
) -> None:
    """What could not be written is not held to be."""
    world, there = lenient_world(), replace(settings, state_dir=tmp_path)
    async with served(world, there) as client:
        await call(client, "create_instance", **needed("create_instance", world))
        await call(client, "show_account")  # after which all is told
        made = world.rent(an_offer(world)["id"], {"image": "a/b", "disk": 20}).id
        before = len(kept(tmp_path, "metered"))
        with locked(tmp_path):
            assert "error" not in await call(client, "show_instance", instance_id=made)
            assert len(kept(tmp_path, "metered")) == before
        await call(client, "show_instance", instance_id=made)
        assert len(kept(tmp_path, "metered")) == before + 1


@pytest.mark.parametrize("seen", ["no JSON", "{}", "empty spans"])
async def test_a_note_that_somebody_edited_stops_no_look(
    settings: Settings, tmp_path: Path, seen: str
) -> None:
    """What cannot be read of it is unknown."""
    if seen == "empty spans":
        spans = [[1.0, 1.0, 0.5 + n, 0.1] for n in range(61)]
        seen = json.dumps({"spans": spans, "rate": 9.0, "born": 1.0, "last": 1.0, "kept": 1.0})
    world, there = lenient_world(), replace(settings, state_dir=tmp_path)
    made = await looked_at(world, there)
    with closing(sqlite3.connect(tmp_path / "journal.db")) as db:
        for table in ("metered", "watched"):
            db.execute(f"UPDATE {table} SET seen = ?", (seen,))  # noqa: S608
        db.commit()
    async with served(world, there) as client:
        for _ in range(2):
            assert "error" not in await call(client, "show_instance", instance_id=made)


async def looked_at(world: World, there: Settings) -> int:
    """A machine that a process has rented and looked at."""
    async with served(world, there) as client:
        asked = needed("create_instance", world)
        made: int = (await call(client, "create_instance", **asked))["instance_id"]
        await call(client, "show_instance", instance_id=made)
    return made
