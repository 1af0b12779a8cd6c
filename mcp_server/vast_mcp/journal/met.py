"""What became of the machines that were rented here, by the number that Vast gives the hardware:
offers name that one, and a rental's own id is gone with the rental.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from vast_mcp.journal.database import Database
from vast_mcp.journal.looks import DAY_S
from vast_mcp.journal.records import holds

What = Literal["rented", "ready", "copied", "failed", "check_passed", "check_failed"]

KEPT_S = 180 * DAY_S  # a host is mended, or sold, in half a year
MOST_KEPT = 5_000  # events, of which a rental has three or so
_CODES = re.compile(r"[a-z0-9_]{1,40}(?:, [a-z0-9_]{1,40}){0,9}")


@dataclass(frozen=True)
class Event:
    """What one rental of a machine was seen to come to. `detail`: codes of ours, never a stranger's
    words. `seconds`: from the rental on, where that is known. `at`: epoch seconds. Two that tell
    the same are equal, whenever it was.
    """

    machine_id: int
    instance_id: int
    what: What
    detail: str = ""
    seconds: float | None = field(default=None, compare=False)
    at: float = field(default=0.0, compare=False)

    @property
    def is_verdict(self) -> bool:
        """Whether it is of a check, of which the newest counts."""
        return self.what in {"check_passed", "check_failed"}


class Met:
    """Events under the service whose machines they are of, which is a digest of its address. Each
    rental has one of a kind: of being rented, ready and copied to the first holds, of the rest
    the newest.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def of(self, service: str) -> list[Event]:
        """All that is kept, the oldest first. What nobody here can have written is left out."""
        rows = self._db.rows("met", service=service, since=time.time() - KEPT_S)
        return [event for row in rows if (event := _read(row)) is not None]

    def keep(self, service: str, events: Sequence[Event]) -> None:
        """Keep these, but for what is kept as it is; what is old goes. Raises JournalUnavailable,
        soon, where another process is writing.
        """
        there = set(self.of(service))
        new = [one for one in events if one.is_verdict or one not in there]
        new = [one for one in new if holds(one.machine_id) and holds(one.instance_id)]
        if not new:
            return
        now = time.time()
        with self._db.in_passing():
            self._db.write("forget_met", before=now - KEPT_S)
            for one in new:
                self._db.write(
                    "keep_met",
                    service=service,
                    machine_id=one.machine_id,
                    instance_id=one.instance_id,
                    what=one.what,
                    detail=codes(one.detail),
                    seconds=one.seconds,
                    now=now,
                )
            self._db.write("trim_met", most=MOST_KEPT)


def _read(row: dict[str, Any]) -> Event | None:
    """An event as it was written; None for what somebody edited."""
    machine_id, instance_id, seconds = row["machine_id"], row["instance_id"], row["seconds"]
    if not (isinstance(machine_id, int) and isinstance(instance_id, int)):
        return None
    if row["what"] not in get_args(What) or not isinstance(row["noted_at"], float):
        return None
    known = isinstance(seconds, float) and 0 <= seconds <= KEPT_S
    return Event(
        machine_id,
        instance_id,
        row["what"],
        codes(str(row["detail"])),
        seconds if known else None,
        row["noted_at"],
    )


def codes(detail: str) -> str:
    """Codes of ours, separated by commas; nothing of a text that is none."""
    return detail if _CODES.fullmatch(detail) else ""
