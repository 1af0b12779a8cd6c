"""What waits have seen of machines, from one process to the next: a client that starts a process
for each call would else begin anew with every call, and wait for ever.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from vast_mcp.journal.database import Database
from vast_mcp.journal.records import holds

KEPT_S = 7 * 86_400.0  # no start takes a week


class Watched:
    """One text a machine, under the digest of address and key by which it was seen."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of(self, key_digest: str, instance_ids: Collection[int]) -> dict[int, str]:
        """What was kept of these machines."""
        found = self._db.rows("watched", key_digest=key_digest)
        return {
            row["instance_id"]: str(row["seen"])
            for row in found
            if row["instance_id"] in instance_ids
        }

    def keep(self, key_digest: str, seen: Mapping[int, str]) -> None:
        """Keep this of machines, instead of what was kept before; what is old goes. Raises
        JournalUnavailable, soon, where another process is writing.
        """
        now = time.time()
        with self._db.in_passing():
            self._db.write("forget_watched", before=now - KEPT_S)
            for one, text in seen.items():
                if holds(one):
                    self._db.write(
                        "keep_watched", key_digest=key_digest, instance_id=one, seen=text, now=now
                    )
