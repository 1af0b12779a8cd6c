"""What an act of ours may make a machine cost before any list shows it."""

from __future__ import annotations

import time
from typing import Literal

from vast_mcp.journal.database import Database
from vast_mcp.journal.records import Reservation

FLIGHT_S = 600.0  # no call lasts so long


class Reservations:
    def __init__(self, db: Database) -> None:
        self._db = db

    def announce(self, account: str, instance_id: int, usd_per_hour: float) -> Reservation:
        """Announce that a machine may come to cost this, in alone() where room for it is counted.

        Each act has a reservation of its own, and the dearest counts: of two that overtake each
        other, either may be last.
        """
        made_at = time.time()
        db = self._db.open()
        with self._db.guard():
            cursor = db.execute(
                "INSERT INTO holds (account, instance_id, usd_per_hour, made_at, state) VALUES (?, "
                "?, ?, ?, 'flying')",
                (account, instance_id, usd_per_hour, made_at),
            )
        return Reservation(
            cursor.lastrowid or 0, account, instance_id, usd_per_hour, made_at, "flying"
        )

    def settle(self, reservation: Reservation, state: Literal["maybe", "true"] | None) -> None:
        """Read back as asked, or not yet (queued by Vast, not answered); None: refused, and nothing
        comes of it.
        """
        if state is None:
            self._db.write("DELETE FROM holds WHERE id = ?", reservation.id)
        else:
            self._db.write("UPDATE holds SET state = ? WHERE id = ?", state, reservation.id)

    def release(self, account: str, instance_id: int) -> None:
        """The machine was seen to be stopped: what was announced before is over, but for what is
        still on its way. A call that began long ago is not: it was cut off before it could say what
        became of it.
        """
        self._db.write(
            "DELETE FROM holds WHERE account = ? AND instance_id = ? AND (state != 'flying' OR "
            "made_at < ?)",
            account,
            instance_id,
            time.time() - FLIGHT_S,
        )

    def of(self, account: str) -> dict[int, list[Reservation]]:
        """By machine."""
        db = self._db.open()
        with self._db.guard():
            rows = db.execute(
                "SELECT id, account, instance_id, usd_per_hour, made_at, state FROM holds WHERE "
                "account = ?",
                (account,),
            ).fetchall()
        found: dict[int, list[Reservation]] = {}
        for row in rows:
            found.setdefault(row[2], []).append(Reservation(*row))
        return found
