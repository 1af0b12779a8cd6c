"""What a person approves in a shell: a question under a code, and a yes that is good once."""

from __future__ import annotations

import time
from collections.abc import Callable

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.journal.database import Database
from vast_mcp.journal.records import CODE_S, Approval, Question, question_of

QUESTIONS_KEPT_S = 86_400.0
ROUNDING = 1e-9  # $/h: a price that was written and read again is the same price


class Approvals:
    """Questions put to the person in a shell, and what became of them. An attempt that made
    nothing has used no approval: it was refused, never sent, or proven to have left no machine.
    """

    def __init__(self, db: Database, digest: Callable[[Json], str]) -> None:
        self._db = db
        self._digest = digest

    def ask(self, code: str, approval: Approval, said: str) -> None:
        """Keep a question under a code, of which only the digest is written. What a day has
        passed over is dropped.
        """
        now = time.time()
        code_digest = self._digest_of(code)
        self._db.write("drop_old_questions", before=now - QUESTIONS_KEPT_S)
        self._db.write(
            "ask",
            code_digest=code_digest,
            asked=approval.asked,
            usd_per_hour=approval.usd_per_hour,
            said=said,
            now=now,
        )

    def question(self, code: str) -> Question | None:
        """What was asked under a code."""
        for row in self._db.rows("question", code_digest=self._digest_of(code)):
            return question_of(row)
        return None

    def approve(self, code: str) -> bool:
        """The person says yes; False where there is nothing to say it to any more, or it was
        said.
        """
        now = time.time()
        return self._db.changes(
            "approve",
            now=now,
            code_digest=self._digest_of(code),
            asked_since=now - CODE_S,
        )

    def is_approved(self, approval: Approval) -> bool:
        """Whether a person said yes to this, at this price or a higher one, and the yes is not
        used.
        """
        return bool(self._db.rows("approved", **_good(approval)))

    def spend(self, approval: Approval, by: str) -> None:
        """Use the approval up, for the attempt with this token or an act of this name. Raises
        NeedsConfirmation if it is gone.
        """
        changed = self._db.write("spend", by=by, **_good(approval))
        if not changed:
            raise errors.NeedsConfirmation(
                "The person's approval was used by another call, or its time has "
                "ended. The same call asks again."
            )

    def give_back(self, by: str) -> None:
        """The act that used it was refused for certain: the person's yes still stands, while its
        time lasts.
        """
        self._db.write("give_back", by=by)

    def _digest_of(self, code: str) -> str:
        return self._digest({"code": code})


def _good(approval: Approval) -> dict[str, object]:
    """What a yes must be to be good for this: to the same, at no lower price, and lately."""
    return {
        "asked": approval.asked,
        "usd_per_hour": approval.usd_per_hour - ROUNDING,
        "approved_since": time.time() - CODE_S,
    }
