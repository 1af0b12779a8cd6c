"""What waits have seen of machines, from one process to the next: a client that starts a process
for each call would else begin anew with every call, and wait for ever.
"""

from __future__ import annotations

import time

from vast_mcp.journal.database import Database
from vast_mcp.journal.records import holds

KEPT_S = 7 * 86_400.0  # no start takes a week


class Watched:
    """One text a machine, under the digest of address and key by which it was seen."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of(self, key_digest: str, instance_id: int) -> str | None:
        """What was kept of a machine."""
        if not holds(instance_id):
            return None
        rows = self._db.rows("watched", key_digest=key_digest, instance_id=instance_id)
        return next((str(row["seen"]) for row in rows), None)

    def keep(self, key_digest: str, instance_id: int, seen: str) -> None:
        """Keep this of a machine, instead of what was kept before; what is old goes."""
        if not holds(instance_id):
            return
        now = time.time()
        self._db.write("forget_watched", before=now - KEPT_S)
        self._db.write(
            "keep_watched", key_digest=key_digest, instance_id=instance_id, seen=seen, now=now
        )

    def drop(self, key_digest: str, instance_id: int) -> None:
        """A new start: what was seen says nothing of it."""
        if holds(instance_id):
            self._db.write("drop_watched", key_digest=key_digest, instance_id=instance_id)
