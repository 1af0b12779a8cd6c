"""The file: opened late, one writer at a time, kept aside where it is damaged."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vast_mcp import errors
from vast_mcp.journal.failures import is_busy, is_damaged, unusable
from vast_mcp.journal.queries import statements
from vast_mcp.journal.schema import carry_over, complete
from vast_mcp.journal.transactions import immediate

# Loaded where it is used, with the first rental: a server that only lists its tools does not need
# it.
if TYPE_CHECKING:
    import sqlite3

log = logging.getLogger("vast_mcp")

BUSY_S = 5.0
_WAITS = "PRAGMA busy_timeout = {}"
PASSING_S = 0.1  # that a note waits for a neighbour, which is worth less than its answer
BUSY_LOOK_S = 0.01


class Database:
    """One connection. `folder` None keeps it in memory: the in-process sandbox's journal dies with
    its world.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._db: sqlite3.Connection | None = None
        # Where a damaged file went: from then on this process rents nothing more.
        self._damaged: str | None = None
        # The open file, by device and number. Whoever deletes or replaces it leaves us with one
        # that nobody else can see.
        self.file: tuple[int, int] | None = None
        self._beside: set[tuple[str, int]] = set()
        self.was_replaced = False

    @property
    def path(self) -> Path | None:
        """The file, where there is one."""
        if self.folder is None:
            return None
        return self.folder / "journal.db"

    def exists(self) -> bool:
        """Whether anything was ever written, without making it so. A damaged journal was, though
        its file is away.

        Raises JournalUnavailable where its folder may not be looked into.
        """
        if self._db is not None or self._damaged is not None:
            return True
        try:
            return self.path is not None and self.path.exists()
        except OSError as exc:
            raise unusable(exc) from exc

    def open(self) -> sqlite3.Connection:
        if self._damaged is not None:
            raise errors.JournalUnavailable(
                f"The journal of rentals was damaged and is kept as {self._damaged}. Look at "
                "show_instances; after a restart of this server a new journal begins."
            )
        if self._db is None:
            with self.guard():
                self._db, self.file = self._connect(), self._file_now()
                self._beside = self._beside_now()
        elif self._is_replaced():
            self._follow()
        return self._db

    def _file_now(self) -> tuple[int, int] | None:
        """The file at the path, by device and number; None where there is none."""
        if self.path is None:
            return None
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _beside_now(self) -> set[tuple[str, int]]:
        """The files that SQLite keeps beside it, by suffix and number."""
        found: set[tuple[str, int]] = set()
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(OSError):
                found.add((suffix, os.stat(f"{self.path}{suffix}").st_ino))
        return found

    def _is_replaced(self) -> bool:
        """Whether the path leads to the open file no more. Within a transaction it is too late to
        ask.
        """
        if self._db is None or self._db.in_transaction:
            return False
        try:
            return self._file_now() != self.file
        except OSError:
            return False

    def _follow(self) -> None:
        """Go on with the file at the path, made if need be. An empty one gets all that the open
        one held: its connection still reads it.
        """
        old = self._db
        with self.guard():
            for suffix, _ in self._beside & self._beside_now():
                os.unlink(f"{self.path}{suffix}")  # of the file that was here: not the new one's
            new = self._connect()
        if old is not None:
            carry_over(old, new)
            old.close()
        self._db, self.file, self.was_replaced = new, self._file_now(), True
        self._beside = self._beside_now()
        log.warning("the journal's file was deleted or replaced; a new one has its place")
        self.write("note_replaced", now=str(time.time()).encode())

    def replaced_since(self, since: float) -> bool:
        """Whether the file took the place of another one after that, by a clock that may have
        been set.
        """
        for row in self.rows("replaced_at"):
            try:
                return not float(row["value"]) < since
            except (TypeError, ValueError):
                return True
        return False

    def lost(self) -> str | None:
        """A sentence about the journal that was here before, where this one is not the first."""
        if self.was_replaced:
            return "The file of the journal of rentals was deleted or replaced while this ran."
        if self.folder is None or self.path is None:
            return None
        aside = sorted(path.name for path in self.folder.glob(f"{self.path.name}.damaged-*[0-9]"))
        if not aside:
            return None
        return f"An earlier journal of rentals was damaged and is kept as {aside[-1]}."

    def _connect(self) -> sqlite3.Connection:
        """A connection to the file as this version knows it. A neighbour may just be switching a
        new file to WAL, or closing it, and SQLite does not wait for that by itself.
        """
        self._make_file()
        give_up_at = time.monotonic() + BUSY_S
        while True:
            try:
                return self._connect_once()
            except BaseException as exc:
                if not is_busy(exc) or time.monotonic() > give_up_at:
                    raise
            time.sleep(BUSY_LOOK_S)

    def _make_file(self) -> None:
        """Create the file before SQLite opens it, so that it and its WAL are never readable by
        others.
        """
        path = self.path
        if path is None:
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))

    def _connect_once(self) -> sqlite3.Connection:
        import sqlite3

        db = sqlite3.connect(
            self.path or ":memory:", timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            complete(db)
        except BaseException:
            db.close()
            raise
        return db

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """The one writer among all processes of this folder: what is read inside still holds as it
        is committed.
        """
        db = self.open()
        with self.guard(), immediate(db):
            yield

    @contextlib.contextmanager
    def in_passing(self) -> Generator[None]:
        """The same, for a note that can be written later. Raises JournalUnavailable where a
        neighbour is writing.
        """
        db = self.open()
        with self.guard():
            db.execute(_WAITS.format(round(PASSING_S * 1000)))
            try:
                with self.alone():
                    yield
            finally:
                db.execute(_WAITS.format(round(BUSY_S * 1000)))

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def rows(self, name: str, **values: object) -> list[dict[str, Any]]:
        """Everything that a query of queries.sql finds, by the names of the columns."""
        db = self.open()
        with self.guard():
            cursor = db.execute(statements()[name], values)
            columns = [column[0] for column in cursor.description]
            return [dict(zip(columns, row, strict=True)) for row in cursor]

    def write(self, name: str, **values: object) -> int:
        """Run a command of queries.sql; how many rows it changed."""
        return self._run(name, values).rowcount

    def changes(self, name: str, **values: object) -> bool:
        """Run a command of queries.sql; whether it changed any row."""
        return self.write(name, **values) > 0

    def insert(self, name: str, **values: object) -> int:
        """Run a command of queries.sql that adds a row; the row's id."""
        return self._run(name, values).lastrowid or 0

    def _run(self, name: str, values: dict[str, object]) -> sqlite3.Cursor:
        db = self.open()
        with self.guard():
            return db.execute(statements()[name], values)

    @contextlib.contextmanager
    def guard(self) -> Generator[None]:
        """SQLite's and the disk's failures as the one error that stops a rental, and values that
        no database takes; a damaged file is kept aside.
        """
        import sqlite3

        try:
            yield
        except (sqlite3.Error, OSError, OverflowError, UnicodeError) as exc:
            if is_damaged(exc):
                self._keep_aside()
                self.open()  # says what happened
            raise unusable(exc) from exc

    def _keep_aside(self) -> None:
        """Move a damaged journal out of the way, for a person to look at."""
        if self._db is not None:
            self._db.close()
            self._db = None
        path = self.path
        if path is None:
            return
        aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.replace(f"{path}{suffix}", f"{aside}{suffix}")
        self._damaged = aside.name
