"""A transaction that is the one writer of the journal's file from its first read on."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


@contextlib.contextmanager
def immediate(db: sqlite3.Connection) -> Generator[None]:
    """One writer at a time, from the first read on."""
    import sqlite3

    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise
