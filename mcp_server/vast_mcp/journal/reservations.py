"""What an act of ours may make a machine cost before any list shows it."""

from __future__ import annotations

import time
from typing import Literal

from vast_mcp.journal.database import Database
from vast_mcp.journal.records import Reservation, reservation_of

FLIGHT_S = 600.0  # no call lasts so long


class Reservations:
    """Each act has a reservation of its own, and the dearest counts: of two that overtake each
    other, either may be last.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def announce(self, account: str, instance_id: int, usd_per_hour: float) -> Reservation:
        """Announce that a machine may come to cost this, in alone() where room for it is
        counted.
        """
        made_at = time.time()
        number = self._db.insert(
            "reserve",
            account=account,
            instance_id=instance_id,
            usd_per_hour=usd_per_hour,
            made_at=made_at,
        )
        return Reservation(number, account, instance_id, usd_per_hour, made_at, "flying")

    def settle(
        self, reservation: Reservation, state: Literal["maybe", "agreed", "true"] | None
    ) -> None:
        """The act is over: read back as asked ("true"), or not yet, since Vast queued it or did
        not answer ("maybe"), or since it begins later ("agreed"); None: refused, and nothing comes
        of it.
        """
        agreed = state == "agreed"
        if state is None:
            self._db.write("drop_reservation", id=reservation.id)
        else:
            kept = "maybe" if agreed else state
            self._db.write("settle_reservation", id=reservation.id, state=kept, agreed=agreed)

    def release(self, account: str, instance_id: int) -> None:
        """Drop the finished reservations of a machine that was seen to be stopped, but for what is
        agreed to. One still in flight stays, unless it is older than FLIGHT_S: its call was cut
        off.
        """
        self._db.write(
            "release_reservations",
            account=account,
            instance_id=instance_id,
            cut_off_before=time.time() - FLIGHT_S,
        )

    def drop(self, account: str, instance_id: int) -> None:
        """Drop every reservation of a machine that is gone."""
        self._db.write("drop_reservations_of", account=account, instance_id=instance_id)

    def of(self, account: str) -> dict[int, list[Reservation]]:
        """An account's reservations by machine."""
        found: dict[int, list[Reservation]] = {}
        for row in self._db.rows("reservations", account=account):
            reservation = reservation_of(row)
            found.setdefault(reservation.instance_id, []).append(reservation)
        return found
