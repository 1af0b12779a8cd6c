"""The host keys by which machines are known again, shared by all servers of one user."""

from __future__ import annotations

import time

from vast_mcp.journal.database import Database
from vast_mcp.journal.records import holds

# A container that is made anew may answer with its old key for so long.
RENEWAL_S = 120.0


class HostKeys:
    """One key for each machine and way in, under the service whose machine it is: ids are that
    service's own, and whichever key asks, the machine is the same.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def of(self, service: str, instance_id: int, way: str) -> str | None:
        """The key that is kept, as `TYPE BASE64`."""
        if not holds(instance_id):
            return None
        rows = self._db.rows("host_key", service=service, instance_id=instance_id, way=way)
        return next((row["host_key"] for row in rows), None)

    def keep(self, service: str, instance_id: int, way: str, host_key: str) -> str | None:
        """Keep the first key of a machine. Returns the one that is kept, which another process may
        have been the first to see; None where the machine was made anew a moment ago.
        """
        if not holds(instance_id):
            return None
        now = time.time()
        self._db.write(
            "keep_host_key",
            service=service,
            instance_id=instance_id,
            way=way,
            host_key=host_key,
            now=now,
            renewed_before=now - RENEWAL_S,
        )
        return self.of(service, instance_id, way)

    def change(self, service: str, instance_id: int, way: str, old: str, new: str) -> bool:
        """Keep another key in place of this one; whether this one was still there."""
        given = {"service": service, "instance_id": instance_id, "way": way}
        return self._db.changes("change_host_key", **given, old=old, new=new, now=time.time())

    def forget(self, service: str, instance_id: int, way: str) -> None:
        """The machine is made anew, or gone: its next key is as good as its first."""
        if holds(instance_id):
            self._db.write(
                "forget_host_key",
                service=service,
                instance_id=instance_id,
                way=way,
                now=time.time(),
            )
