"""The schema of the journal's file (schema.sql): it is made in a new file and migrated forward."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING

from vast_mcp import errors
from vast_mcp.journal.transactions import immediate

if TYPE_CHECKING:
    import sqlite3

VERSION = 2
_NEW_IN_2 = {"holds", "approvals"}


def migrate(db: sqlite3.Connection) -> None:
    """Bring the schema to VERSION, forward only: a newer one is left alone. Raises
    JournalUnavailable for that.
    """
    if _version(db) == VERSION:
        return
    with immediate(db):
        version = _version(db)
        if version > VERSION:
            raise errors.JournalUnavailable(
                f"The journal was written by a newer vast-mcp (version {version}, this one knows "
                f"{VERSION}); update it."
            )
        if version == 0:
            _create(db)
        if version == 1:
            _migrate_from_1(db)
        db.execute(f"PRAGMA user_version = {VERSION}")


def _version(db: sqlite3.Connection) -> int:
    """The version of the schema; 0 in a new file."""
    return db.execute("PRAGMA user_version").fetchone()[0]


def _create(db: sqlite3.Connection) -> None:
    for statement in _schema():
        db.execute(statement)


def _migrate_from_1(db: sqlite3.Connection) -> None:
    """Version 1 had neither the tables of _NEW_IN_2 nor the two columns."""
    for statement in _schema():
        name = statement.split()[2]
        if name in _NEW_IN_2:
            db.execute(statement)
    for column in ("usd_per_hour", "lease_until"):
        db.execute(f"ALTER TABLE intents ADD COLUMN {column} REAL")


def _schema() -> Iterator[str]:
    """Today's schema, statement by statement: executescript would end the transaction around
    it.
    """
    file = resources.files("vast_mcp.journal").joinpath("schema.sql")
    lines = file.read_text(encoding="utf-8").splitlines()
    script = "\n".join(line.partition("--")[0] for line in lines)
    for statement in script.split(";"):
        if statement.strip():
            yield statement.strip()
