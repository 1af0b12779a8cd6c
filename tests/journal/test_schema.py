"""The journal's schema only grows: an older vast-mcp reads and writes on, and what it wrote opens
whole.
"""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from house import GOLDEN, an_offer, call, lenient_world, puts, served
from vast_mcp.environment import load
from vast_mcp.journal import Journal, schema
from vast_mcp.journal.records import CODE_S
from vast_mcp.sandbox.world import World
from vast_mcp.settings import Settings

FIRST = (GOLDEN / "journal-0.1.0.sql").read_text(encoding="utf-8")
TABLES = ("facts", "accounts", "intents", "holds", "approvals")
COLUMNS = "SELECT name, type, \"notnull\", dflt_value FROM pragma_table_info('{}')"


@pytest.fixture
def world() -> World:
    return lenient_world()


@pytest.fixture
def short(tmp_path: Path, state: Path) -> Settings:
    made = load({}, home=tmp_path, sandbox=True)
    times = replace(made.times, budget_s=1.2, put_s=0.2, look_s=0.02, seen_apart_s=0.02)
    return replace(made, state_dir=state, times=times)


def columns(db: sqlite3.Connection, table: str) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(rest) for name, *rest in db.execute(COLUMNS.format(table))}


def as_0_1_0_has_it(journal: Path) -> None:
    """Write a journal anew, as 0.1.0 would have written the same."""
    now = journal.with_name("now.db")
    for suffix in ("", "-wal", "-shm"):
        if Path(f"{journal}{suffix}").exists():
            Path(f"{journal}{suffix}").replace(f"{now}{suffix}")
    with closing(sqlite3.connect(journal, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript(FIRST)
        db.execute("ATTACH ? AS now", [str(now)])
        for table in TABLES:
            names = ", ".join(columns(db, table))
            db.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM now.{table}")  # noqa: S608
        db.execute("PRAGMA user_version = 2")


@pytest.fixture
def first(state: Path) -> Path:
    """A journal as 0.1.0 makes it, empty."""
    state.mkdir()
    journal = state / "journal.db"
    with closing(sqlite3.connect(journal, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript(FIRST)
        db.execute("PRAGMA user_version = 2")
    return journal


def test_what_the_schema_has_beyond_the_first_one_stops_no_older_writer() -> None:
    """An older version inserts without the new columns, and into two tables without naming any."""
    with closing(sqlite3.connect(":memory:")) as first, closing(sqlite3.connect(":memory:")) as now:
        first.executescript(FIRST)
        schema.complete(now)
        for table in TABLES:
            was, today = columns(first, table), columns(now, table)
            assert list(today)[: len(was)] == list(was), "its columns stay, and stand first"
            assert {name: today[name] for name in was} == was
            added = {name: traits for name, traits in today.items() if name not in was}
            assert not added or table not in {"facts", "accounts"}
            for name, (_, not_null, default) in added.items():
                assert not not_null or default is not None, f"{table}.{name}"
        checks = now.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall()
        assert sum(sql.count("CHECK") for (sql,) in checks) >= FIRST.count("CHECK")
        for table in TABLES:
            assert checks_of(now, table) == checks_of(first, table)


def checks_of(db: sqlite3.Connection, table: str) -> list[str]:
    (sql,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", [table]).fetchone()
    return re.findall(r"CHECK \(.*?\)\)|UNIQUE|REFERENCES", sql)


@pytest.mark.parametrize("lost", ["holds", "approvals"])
def test_a_table_that_a_file_lacks_is_added(first: Path, lost: str) -> None:
    """Whatever the version that the file says it has."""
    with closing(sqlite3.connect(first)) as db:
        db.execute(f"DROP TABLE {lost}")
    journal = Journal(first.parent)
    assert lost in {row[0] for row in journal._db.open().execute("SELECT name FROM sqlite_master")}
    journal.close()


def test_a_column_and_an_index_that_a_file_lacks_are_added(first: Path) -> None:
    """With its type and default, and before the index over it."""
    with closing(sqlite3.connect(first)) as db:
        db.execute("DROP INDEX intents_announced")
        db.execute("ALTER TABLE intents DROP COLUMN announce")
        db.execute("ALTER TABLE intents DROP COLUMN usd_per_hour")
    journal = Journal(first.parent)
    have = columns(journal._db.open(), "intents")
    assert have["announce"] == ("INTEGER", 1, "0")
    assert have["usd_per_hour"] == ("REAL", 0, None)
    assert journal.unannounced("somebody") == []
    journal.close()


def test_a_file_that_has_more_than_we_know_is_left_as_it_is(first: Path) -> None:
    """A newer version may have the file open beside this one."""
    with closing(sqlite3.connect(first)) as db:
        db.execute("ALTER TABLE intents ADD COLUMN later TEXT")
    journal = Journal(first.parent)
    assert journal.latest("somebody", "a key") is None
    assert "later" in columns(journal._db.open(), "intents")
    journal.close()


def test_an_older_writer_with_the_file_open_goes_on_writing(first: Path) -> None:
    """Its statements stay good while ours are added under it."""
    with closing(sqlite3.connect(first, isolation_level=None)) as older:
        older.execute("PRAGMA journal_mode=WAL")
        announced = "UPDATE intents SET state = 'sending' WHERE token = 't' AND state = 'intended'"
        older.execute(announced)
        older.execute(
            "INSERT INTO intents (token, account, request_key, digest, offer_id, label, wanted,"
            " state, owner, made_at) VALUES ('t', 'a', 'k', 'd', 7, 'l#t', 'running', 'intended',"
            " 'o', 1.0)"
        )
        with closing(Journal(first.parent)) as journal:
            seen = journal.by_token("t")
            assert seen is not None
            assert older.execute(announced).rowcount == 1
            older.execute("INSERT OR REPLACE INTO accounts VALUES ('digest', 'a', 1.0)")
            older.execute("INSERT OR IGNORE INTO facts VALUES ('hmac_key', x'00')")
            older.execute("UPDATE intents SET state = 'confirmed', instance_id = 9, announce = 1")
            after = journal.by_token("t")
            assert after is not None
            assert (after.state, after.instance_id) == ("confirmed", 9)
            assert journal.account("digest") == "a"


def test_the_version_stays_the_one_that_an_older_vast_mcp_opens(state: Path) -> None:
    """0.1.0 refuses a higher one, and would start without its journal."""
    journal = Journal(state)
    opened = journal._db.open()
    assert opened.execute("PRAGMA user_version").fetchone()[0] == 2
    journal.close()


@pytest.mark.anyio
async def test_a_journal_of_0_1_0_opens_with_its_doubt_and_its_machine(
    world: World, short: Settings, first: Path, state: Path
) -> None:
    """The machine is replayed, and the doubt settled, as if the same version had written them."""
    first.unlink()
    known = {"offer_id": an_offer(world)["id"], "image": "a/b", "disk": 20, "request_key": "known"}
    async with served(world, short) as client:
        rented = await call(client, "create_instance", **known)
        doubt = {**known, "offer_id": an_offer(world)["id"], "request_key": "doubt"}
        world.faults.add("create", "drop", when="after")
        world.faults.add("list", "html504", times=None, skip=1)  # a new key costs a list
        lost = await call(client, "create_instance", **doubt)
        assert lost["error"]["code"] == "outcome_unknown"
    world.faults.clear()
    as_0_1_0_has_it(state / "journal.db")
    async with served(world, short) as client:
        again = await call(client, "create_instance", **known)
        found = await call(client, "create_instance", **doubt)
    assert (again["instance_id"], again["replayed"]) == (rented["instance_id"], True)
    assert found["instance_id"] != rented["instance_id"]
    assert puts(world) == 2


def test_a_lease_and_an_approval_of_0_1_0_hold(first: Path) -> None:
    """Read as they were written."""
    journal = Journal(first.parent)
    asked = journal.digest({"what": 1})
    code = journal.digest({"code": "CODE"})
    journal.close()
    now = time.time()
    with closing(sqlite3.connect(first)) as db:
        db.execute(
            "INSERT INTO intents (token, account, request_key, digest, offer_id, label, wanted,"
            " state, owner, made_at, instance_id, lease_until) VALUES ('t', 'a', 'k', 'd', 7,"
            " 'l#t', 'running', 'confirmed', 'o', 1.0, 9, 1795000000.5)"
        )
        db.execute(
            "INSERT INTO approvals (code_digest, asked, usd_per_hour, said, made_at, approved_at)"
            " VALUES (?, ?, 1.5, 'rent', ?, ?)",
            [code, asked, now, now],
        )
        db.commit()
    with closing(Journal(first.parent)) as later:
        assert later.lease_ends("a") == {9: 1795000000.5}
        question = later.approvals.question("CODE")
        assert question is not None
        assert not question.used
        assert not question.over(now + CODE_S)
