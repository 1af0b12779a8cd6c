"""How much images took to be pulled, by a digest of each name: an offer's traffic is weighed by it
(provisioning/pulls.py).
"""

from __future__ import annotations

import time

from vast_mcp.journal.database import Database
from vast_mcp.journal.looks import DAY_S

KEPT_S = 180 * DAY_S  # a tag that goes on being pushed to grows


class Pulled:
    """Of each image the most that a machine had received when it was first of use, in GB: one that
    had parts of it before received less.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def of(self, service: str, image: str) -> float | None:
        """GB of the image of a digest; None where none was seen lately."""
        rows = self._db.rows("pulled", service=service, image=image, since=time.time() - KEPT_S)
        found = next((row["gb"] for row in rows), None)
        return found if isinstance(found, float) and found > 0 else None

    def keep(self, service: str, image: str, gb: float) -> None:
        """A machine was of use with this image, and had received so much. Raises
        JournalUnavailable, soon, where another process is writing.
        """
        now = time.time()
        with self._db.in_passing():
            self._db.write("forget_pulled", before=now - KEPT_S)
            self._db.write("keep_pulled", service=service, image=image, gb=gb, now=now)
