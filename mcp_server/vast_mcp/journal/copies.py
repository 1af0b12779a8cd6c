"""What Vast was asked to copy between places: each wish once, written down before it is sent.

sent → taken → stopped. What was sent and not answered stays `sent`: whether it began nobody knows,
and nothing sends it a second time. What was refused is forgotten.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from vast_mcp.journal.database import Database
from vast_mcp.journal.looks import DAY_S

State = Literal["sent", "taken", "stopped"]

KEPT_S = 90 * DAY_S


@dataclass(frozen=True)
class CopyWish:
    """What is to be copied: for whose account, under which key, what."""

    account: str
    key: str
    digest: str


@dataclass(frozen=True)
class Copy:
    """One copy as the journal has it."""

    name: str
    digest: str
    state: State
    began_now: bool = False  # by the call that asks


class Copies:
    """Every copy that a server of this user had Vast make, or was about to."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of_wish(self, wish: CopyWish) -> Copy | None:
        """The newest copy of a wish; None where the same call begins one."""
        rows = self._db.rows("copy_of_wish", account=wish.account, wish=wish.key)
        return next(map(_copy_of, rows), None)

    def begin(self, wish: CopyWish) -> Copy:
        """Announce that it is sent now, where no call did before: of two with the same wish one
        sends it.
        """
        with self._db.alone():
            found = self.of_wish(wish)
            if found is not None:
                return found
            self._db.write("forget_copies", before=time.time() - KEPT_S)
            name = secrets.token_hex(6)
            self._db.write(
                "begin_copy",
                copy=name,
                account=wish.account,
                wish=wish.key,
                digest=wish.digest,
                now=time.time(),
            )
        return Copy(name, wish.digest, "sent", began_now=True)

    def mark(self, copy: Copy, state: State) -> None:
        """Vast took it, or was asked to stop it."""
        self._db.write("mark_copy", copy=copy.name, state=state)

    def forget(self, copy: Copy) -> None:
        """It was refused, or never left."""
        self._db.write("forget_copy", copy=copy.name)


def _copy_of(row: Mapping[str, Any]) -> Copy:
    """A row as a value. One that cannot be read may have begun, and nothing sends it again."""
    state = row["state"]
    known = cast("State", state if state in get_args(State) else "sent")
    return Copy(str(row["copy"]), str(row["digest"]), known)
