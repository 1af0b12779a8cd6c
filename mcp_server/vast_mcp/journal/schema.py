"""The schema of the journal's file (schema.sql). It only grows: what a file lacks is added as it is
opened, so that an older vast-mcp that has it open, or opens it later, goes on reading and writing.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING

from vast_mcp import errors
from vast_mcp.journal.transactions import immediate

if TYPE_CHECKING:
    import sqlite3

# What 0.1.0 calls its schema, and opens. It changes only where an older vast-mcp must not go on.
VERSION = 2


def complete(db: sqlite3.Connection) -> None:
    """Add the tables, columns and indexes that the file lacks. Raises JournalUnavailable where its
    version is a newer one.
    """
    if _is_known(db) and not list(_lacking(db)):
        return
    with immediate(db):
        _is_known(db)
        for statement in _lacking(db):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")


def carry_over(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Give a file in which nothing was rented yet all that an older one has. What cannot be read
    is left.
    """
    import sqlite3

    with contextlib.suppress(sqlite3.Error), immediate(new):
        if new.execute("SELECT 1 FROM intents LIMIT 1").fetchone():
            return
        have = _columns(old)
        for table, columns in itertools.groupby(_columns_of_today(), key=lambda one: one[0]):
            names = [name for _, name in columns if (table, name) in have]
            if names:
                rows = old.execute(f"SELECT {', '.join(names)} FROM {table}")  # noqa: S608
                marks = ", ".join("?" * len(names))
                new.executemany(
                    f"INSERT OR REPLACE INTO {table} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608
                    rows,
                )


def _is_known(db: sqlite3.Connection) -> bool:
    """Whether the file has this version; not, where it is new or older. Raises JournalUnavailable
    for a newer one.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise errors.JournalUnavailable(
            f"The journal was written by a newer vast-mcp (version {version}, this one knows "
            f"{VERSION}); update it."
        )
    return version == VERSION


def _lacking(db: sqlite3.Connection) -> Iterator[str]:
    """The statements that bring what is not there: a table before its columns, and an index after
    the columns that it is over.
    """
    there = _names(db)
    lacking = [text for text in _schema() if _name_of(text) not in there]
    yield from (text for text in lacking if text.startswith("CREATE TABLE"))
    yield from _lacking_columns(db, there)
    yield from (text for text in lacking if text.startswith("CREATE INDEX"))


def _lacking_columns(db: sqlite3.Connection, there: set[str]) -> Iterator[str]:
    have = _columns(db)
    for (table, column), definition in _columns_of_today().items():
        if table in there and (table, column) not in have:
            yield f"ALTER TABLE {table} ADD COLUMN {column} {definition}"


@functools.cache
def _columns_of_today() -> dict[tuple[str, str], str]:
    import sqlite3

    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        for statement in _schema():
            db.execute(statement)
        return _columns(db)


def _columns(db: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """Every column by table and name, with its definition: type, NOT NULL, default."""
    found = db.execute(
        'SELECT t.name, c.name, c.type, c."notnull", c.dflt_value '
        "FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'"
    )
    return {(table, name): _definition(*rest) for table, name, *rest in found}


def _definition(kind: str, not_null: int, default: str | None) -> str:
    parts = [kind]
    if not_null:
        parts.append("NOT NULL")
    if default is not None:
        parts.append(f"DEFAULT {default}")
    return " ".join(parts)


def _names(db: sqlite3.Connection) -> set[str]:
    """The names of all tables and indexes."""
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master")}


def _name_of(statement: str) -> str:
    """The name of the table or index that a statement creates."""
    return statement.split()[2]


@functools.cache
def _schema() -> tuple[str, ...]:
    """Today's schema, statement by statement: executescript would end the transaction around
    it.
    """
    file = resources.files("vast_mcp.journal").joinpath("schema.sql")
    lines = file.read_text(encoding="utf-8").splitlines()
    script = "\n".join(line.partition("--")[0] for line in lines)
    return tuple(statement.strip() for statement in script.split(";") if statement.strip())
