"""Rows that somebody edited, or a disk spoilt: reading and ending never depend on them, and nothing
is rented twice for them.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from house import call, lenient_world, offers, puts, sampled, served
from processes import ran
from vast_mcp.environment import load
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

pytestmark = pytest.mark.anyio

BIG = 2**63 - 1
SPOILT: dict[str, list[Any]] = {
    "facts": [
        "no JSON",
        "[1]",
        "7",
        '{"usd_per_hour": "x", "disk_gb": []}',
        "[" * 5000,
        None,
        '{"lease_made": {}, "lease": 7}',
        '{"lease_made": {"until": 1e18, "watchdog_takes": "x"}}',
    ],
    "lease_until": [1e18, -1.0, 0.0, 1.0, "soon", None],
    "made_at": [1e18, -5.0, "then", None],
    "sent_at": [1e18, -5.0, "then", None],
    "gone_at": [None],
    "usd_per_hour": [1e308, -1.0, "dear", None],
    "offer_id": [-1, BIG, "x", None],
    "announce": [-1, 77, "x", None],
    "stopped": [5, "x", None],
    "owner": ["", "../../x", "a\x00b", "o" * 5000, None],
    "label": ["", "x" * 5000, "\ud800".encode("utf-8", "surrogatepass"), None],
    "wanted": ["", "asleep", None],
    "digest": ["", None],
    "reason": [7, "x" * 5000],
}
CASES = [(column, value) for column, values in SPOILT.items() for value in values]


@pytest.fixture
def world() -> World:
    return lenient_world()


@pytest.fixture
def short(tmp_path: Path, state: Path) -> Settings:
    made = load({}, home=tmp_path, sandbox=True)
    times = replace(
        made.times, budget_s=1.2, put_s=0.4, look_s=0.02, seen_apart_s=0.02, lists_apart_s=0.2
    )
    return replace(made, state_dir=state, times=times)


def spoil(state: Path, column: str, value: Any, table: str = "intents") -> None:
    """Write a value that the schema would not take: the file loses its types first, as in other
    hands.
    """
    with closing(sqlite3.connect(state / "journal.db", isolation_level=None)) as db:
        rows = db.execute("SELECT name FROM pragma_table_info(?)", [table])
        plain = ", ".join(name for (name,) in rows).replace("id,", "id INTEGER PRIMARY KEY,", 1)
        db.execute(f"ALTER TABLE {table} RENAME TO old")
        db.execute(f"CREATE TABLE {table} ({plain})")
        db.execute(f"INSERT INTO {table} SELECT * FROM old")  # noqa: S608
        db.execute("DROP TABLE old")
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        db.execute(f"UPDATE {table} SET {column} = ?", [value])  # noqa: S608


def wish(offer: int, **more: Any) -> dict[str, Any]:
    return {"offer_id": offer, "image": "a/b", "disk": 20, **more}


@pytest.mark.parametrize(("column", "value"), sampled(CASES, every=6))
async def test_a_spoilt_row_stops_neither_looking_nor_ending(
    world: World, short: Settings, state: Path, column: str, value: Any
) -> None:
    """Another process looks at the machine, waits for it, stops it, names it and destroys it; and
    the same wish is no second machine.
    """
    offer = offers(world, 1)[0]["id"]
    async with served(world, short) as client:
        rented = await call(client, "create_instance", **wish(offer, lease_hours=5))
    one = rented["instance_id"]
    spoil(state, column, value)
    async with served(world, short) as client:
        listed = await call(client, "show_instances")
        assert [row["instance_id"] for row in listed["instances"]] == [one]
        assert (await call(client, "show_instance", instance_id=one))["instance_id"] == one
        waited = await call(client, "wait_for_instance", instance_id=one)
        assert waited.get("error", {}).get("code") != "internal_error"
        again = await call(client, "create_instance", **wish(offer, lease_hours=5))
        assert again.get("error", {}).get("code") in {None, "key_reused"}
        assert again.get("instance_id", one) == one
        for action in ("extend_lease", "label", "stop"):
            more = {"extend_lease": {"lease_hours": 9}, "label": {"label": "mine"}}.get(action, {})
            acted = await call(client, "manage_instance", instance_id=one, action=action, **more)
            assert "error" not in acted, (action, acted)
        await call(client, "show_logs", instance_id=one)
        assert "error" not in await call(client, "show_account")
        ended = await call(client, "destroy_instance", instance_ids=[one])
        assert [row["outcome"] for row in ended["results"]] == ["destroyed"]
    assert puts(world) == 1


@pytest.mark.parametrize("value", [None, "x", -1, 0])
async def test_a_confirmed_attempt_that_lost_its_machine_is_a_doubt_and_finds_it_again(
    world: World, short: Settings, state: Path, value: Any
) -> None:
    """Without its id a wish has a machine all the same: it is looked for, and none is rented."""
    first, second, *_ = (offer["id"] for offer in offers(world, 3))
    async with served(world, short) as client:
        rented = await call(client, "create_instance", **wish(first))
    spoil(state, "instance_id", value)
    async with served(world, short) as client:
        world.living[0].hidden_looks = 1
        again = await call(client, "create_instance", **wish(first))
        with anyio.fail_after(100):
            while "error" in again:
                assert again["error"]["code"] == "outcome_unknown"
                again = await call(client, "create_instance", **wish(first))
        assert again["instance_id"] == rented["instance_id"]
        other = await call(client, "create_instance", **wish(second))
        assert other.get("error", {}).get("code") in {None, "earlier_rental_found"}
        ended = await call(client, "destroy_instance", instance_ids=[rented["instance_id"]])
        assert [row["outcome"] for row in ended["results"]] == ["destroyed"]


@pytest.mark.parametrize("value", [None, "text", b""])
async def test_without_the_key_of_its_digests_looking_and_ending_go_on(
    world: World, short: Settings, state: Path, value: Any
) -> None:
    """Nothing is rented then: no wish could be told from another."""
    offer = offers(world, 1)[0]["id"]
    async with served(world, short) as client:
        rented = await call(client, "create_instance", **wish(offer))
    spoil(state, "value", "" if value == b"" else value, "facts")
    async with served(world, short) as client:
        assert (await call(client, "show_instances"))["count"] == 1
        again = await call(client, "create_instance", **wish(offer))
        assert again["error"]["code"] == "journal_unavailable"
        ended = await call(client, "destroy_instance", instance_ids=[rented["instance_id"]])
        assert [row["outcome"] for row in ended["results"]] == ["destroyed"]
    assert puts(world) == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [("usd_per_hour", "x"), ("made_at", None), ("state", "odd"), ("instance_id", "x")],
)
async def test_a_spoilt_reservation_stops_neither_looking_nor_ending(
    world: World, short: Settings, state: Path, column: str, value: Any
) -> None:
    """What it holds cannot be read, and holds nothing."""
    offer = offers(world, 1)[0]["id"]
    async with served(world, short) as client:
        rented = await call(client, "create_instance", **wish(offer))
    one = rented["instance_id"]
    with closing(sqlite3.connect(state / "journal.db")) as db:
        db.execute(
            "INSERT INTO holds (account, instance_id, usd_per_hour, made_at, state)"
            " SELECT account, instance_id, 0.5, made_at, 'maybe' FROM intents"
        )
        db.commit()
    spoil(state, column, value, "holds")
    async with served(world, short) as client:
        assert (await call(client, "show_instances"))["count"] == 1
        assert "error" not in await call(client, "manage_instance", instance_id=one, action="stop")
        ended = await call(client, "destroy_instance", instance_ids=[one])
        assert [row["outcome"] for row in ended["results"]] == ["destroyed"]


# ── commands ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.processes
@pytest.mark.parametrize(
    ("column", "value"),
    sampled(
        [
            ("lease_until", 1e18),
            ("lease_until", "x"),
            ("made_at", -1.0),
            ("owner", "../x"),
            ("facts", "no JSON"),
            ("instance_id", None),
            ("account", None),
            ("state", "odd"),
        ]
    ),
)
@pytest.mark.thorough
def test_sweep_reconcile_and_doctor_work_on_spoilt_rows(
    url: str, env: dict[str, str], tmp_path: Path, state: Path, column: str, value: Any
) -> None:
    """A machine past the lease in its label ends, whatever the journal has become."""
    real = env | {
        "VAST_URL": url,
        "VAST_API_KEY": "planted-key",
        "VAST_MCP_STATE_DIR": str(state),
    }
    offer = offers(World(), 1)[0]["id"]
    arguments = json.dumps(wish(offer, lease_hours=0.2))
    status, said, _ = ran("call", "create_instance", arguments, env=real, cwd=tmp_path)
    assert status == 0, said
    spoil(state, column, value)
    status, said, wrong = ran("reconcile", "--json", "--wait", "5", env=real, cwd=tmp_path)
    assert (status in {0, 3}, "Traceback" in wrong) == (True, False), said + wrong
    status, said, wrong = ran("sweep", "--dry-run", "--json", env=real, cwd=tmp_path)
    assert (status, "Traceback" in wrong) == (0, False), said + wrong
    status, said, wrong = ran("doctor", "--json", env=real, cwd=tmp_path)
    assert ("Traceback" in wrong, "internal" in said) == (False, False), wrong
    assert json.loads(said)
