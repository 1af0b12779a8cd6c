"""What a person approves in a shell: a question under a code, and a yes that is good once."""

from __future__ import annotations

import time
from collections.abc import Callable

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.journal.database import Database
from vast_mcp.journal.records import CODE_S, Approval, Question

QUESTIONS_KEPT_S = 86_400.0

# An attempt that made nothing has used no approval: refused, never sent, or proven to have left
# no machine.
_UNUSED = (
    "(used_by IS NULL OR used_by IN (SELECT token FROM intents WHERE state IN ('refused', "
    "'abandoned', 'absent')))"
)
_APPROVED = f"asked = ? AND usd_per_hour >= ? AND approved_at >= ? AND {_UNUSED}"


class Approvals:
    def __init__(self, db: Database, digest: Callable[[Json], str]) -> None:
        self._db = db
        self._digest = digest

    def ask(self, code: str, approval: Approval, said: str) -> None:
        """Keep a question under a code, of which only the digest is written. What a day has
        passed over is dropped.
        """
        now = time.time()
        code_digest = self._digest({"code": code})
        self._db.write("DELETE FROM approvals WHERE made_at < ?", now - QUESTIONS_KEPT_S)
        self._db.write(
            "INSERT INTO approvals (code_digest, asked, usd_per_hour, said, made_at) VALUES (?, ?, "
            "?, ?, ?)",
            code_digest,
            approval.asked,
            approval.usd_per_hour,
            said,
            now,
        )

    def question(self, code: str) -> Question | None:
        """What was asked under a code."""
        code_digest = self._digest({"code": code})
        db = self._db.open()
        with self._db.guard():
            row = db.execute(
                f"SELECT said, usd_per_hour, made_at, approved_at, NOT {_UNUSED} FROM approvals "  # noqa: S608
                f"WHERE code_digest = ?",
                (code_digest,),
            ).fetchone()
        return Question(*row[:4], used=bool(row[4])) if row else None

    def approve(self, code: str) -> bool:
        """The person says yes; False where there is nothing to say it to any more, or it was
        said.
        """
        now = time.time()
        changed = self._db.write(
            "UPDATE approvals SET approved_at = ? WHERE code_digest = ? AND approved_at IS NULL "
            "AND made_at >= ?",
            now,
            self._digest({"code": code}),
            now - CODE_S,
        )
        return changed > 0

    def is_approved(self, approval: Approval) -> bool:
        """Whether a person said yes to this, at this price or a higher one, and the yes is not
        used.
        """
        db = self._db.open()
        with self._db.guard():
            row = db.execute(
                f"SELECT 1 FROM approvals WHERE {_APPROVED} LIMIT 1",  # noqa: S608
                _approving(approval),
            ).fetchone()
        return row is not None

    def spend(self, approval: Approval, by: str) -> None:
        """Use it up, for the attempt with this token or an act of this name. Raises
        NeedsConfirmation if it is gone.

        Whatever else was approved of the same goes with it: one yes, one act.
        """
        changed = self._db.write(
            f"UPDATE approvals SET used_by = ? WHERE asked = ? AND {_UNUSED} "  # noqa: S608
            f"AND EXISTS (SELECT 1 FROM approvals WHERE {_APPROVED})",
            by,
            approval.asked,
            *_approving(approval),
        )
        if not changed:
            raise errors.NeedsConfirmation(
                "Nothing was sent: the person's approval was used by another call, or its time has "
                "ended. The same "
                "call asks again."
            )

    def give_back(self, by: str) -> None:
        """The act that used it was refused for certain: the person's yes still stands, while its
        time lasts.
        """
        self._db.write("UPDATE approvals SET used_by = NULL WHERE used_by = ?", by)


def _approving(approval: Approval) -> tuple[object, ...]:
    return approval.asked, approval.usd_per_hour - 1e-9, time.time() - CODE_S
