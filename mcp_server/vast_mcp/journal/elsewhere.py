"""Machines of the account that another journal rented, as far as lists have shown them."""

from __future__ import annotations

import time
from collections.abc import Collection

from vast_mcp.journal.database import Database
from vast_mcp.journal.records import holds

Stranger = tuple[str, int]  # the token of a machine that this journal did not make, and its id


class Elsewhere:
    """What is kept of them until they are proven gone: a wish that one of them may be meets it
    without a list of its own.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def of(self, account: str) -> set[Stranger]:
        """Those that were seen and not proven gone."""
        rows = self._db.rows("elsewhere", account=account)
        return {(str(row["token"]), int(row["instance_id"])) for row in rows}

    def keep(self, account: str, strangers: Collection[Stranger]) -> None:
        """Remember those that are new."""
        new = {one for one in strangers if holds(one[1])} - self.of(account)
        if not new:
            return
        with self._db.alone():
            for token, instance_id in new:
                self._db.write(
                    "keep_elsewhere",
                    token=token,
                    account=account,
                    instance_id=instance_id,
                    now=time.time(),
                )

    def drop(self, account: str, instance_id: int) -> None:
        """It is gone, or this journal knows it now."""
        self._db.write("drop_elsewhere", account=account, instance_id=instance_id)
