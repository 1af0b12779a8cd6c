"""What the service said to requests that it neither granted nor refused in words that are known."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vast_mcp.journal.database import Database
from vast_mcp.journal.records import Wish


@dataclass(frozen=True)
class Answer:
    """A 4xx of no known form, and its words: cleaned, bounded, and without secrets."""

    token: str
    offer_id: int
    http_status: int | None
    said: str


class Answers:
    """Each attempt has one answer at most, told once its machine is proven absent."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def keep(self, token: str, http_status: int, said: str) -> None:
        """Keep what was said to the attempt with this token."""
        self._db.write("keep_answer", token=token, http_status=http_status, said=said)

    def of_absent(self, wish: Wish, began: float) -> Answer | None:
        """The answer to the newest attempt of a wish that is proven to have made nothing, unless a
        call was told of it before this one `began`, in epoch seconds.
        """
        rows = self._db.rows(
            "answer_of_absent", account=wish.account, request_key=wish.request_key, began=began
        )
        if not rows:
            return None
        return _answer_of(rows[0])

    def mark_told(self, answer: Answer) -> None:
        """A call tells of it now: the next call of the wish may send it again."""
        self._db.write("mark_answer_told", token=answer.token, now=time.time())


def _answer_of(row: Mapping[str, Any]) -> Answer:
    status, said = row["http_status"], row["said"]
    return Answer(
        token=row["token"],
        offer_id=row["offer_id"],
        http_status=status if isinstance(status, int) else None,
        said=said if isinstance(said, str) else "",
    )
