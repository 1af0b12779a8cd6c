"""What looks have told of machines, from one process to the next: a client that starts a process
for each call would else begin anew with every call, and wait for ever.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from vast_mcp.journal.database import Database
from vast_mcp.journal.records import holds

DAY_S = 86_400.0


@dataclass(frozen=True)
class Looks:
    """One text a machine, under the digest of address and key by which it was seen. `rows`, `write`
    and `forget` name its statements; `kept_s` counts from the last look at a machine.
    """

    db: Database
    rows: str
    write: str
    forget: str
    kept_s: float

    def of(self, key_digest: str, instance_ids: Collection[int]) -> dict[int, str]:
        """What was kept of these machines."""
        return {
            row["instance_id"]: str(row["seen"])
            for row in self.db.rows(self.rows, key_digest=key_digest)
            if row["instance_id"] in instance_ids
        }

    def ids(self, key_digest: str) -> set[int]:
        """The machines of which something was kept."""
        return {row["instance_id"] for row in self.db.rows(self.rows, key_digest=key_digest)}

    def keep(self, key_digest: str, seen: Mapping[int, str]) -> None:
        """Keep this of machines, instead of what was kept before; what is old goes. Raises
        JournalUnavailable, soon, where another process is writing.
        """
        now = time.time()
        with self.db.in_passing():
            self.db.write(self.forget, before=now - self.kept_s)
            for one, text in seen.items():
                if holds(one):
                    self.db.write(
                        self.write, key_digest=key_digest, instance_id=one, seen=text, now=now
                    )


def watched(db: Database) -> Looks:
    """What waits have seen of starts, none of which takes a week."""
    return Looks(db, "watched", "keep_watched", "forget_watched", 7 * DAY_S)


def metered(db: Database) -> Looks:
    """What machines have cost, for as long as somebody may ask."""
    return Looks(db, "metered", "keep_metered", "forget_metered", 90 * DAY_S)
