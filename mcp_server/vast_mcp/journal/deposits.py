"""What was paid ahead for machines: one row is one request at most, announced before it leaves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from vast_mcp.journal.database import Database

FLIGHT_S = 60.0  # no request lasts so long
COUNTED_S = 86_400.0  # that one in doubt counts against the credit

# sending and unknown are in doubt; undecided is one of which nothing can be learned any more.
State = Literal["sending", "unknown", "paid", "refused", "absent", "undecided"]


@dataclass(frozen=True)
class Deposit:
    """A payment ahead. `refundable_usd`: what a destroy would have given back before it was sent.
    `lacked_at`: when Vast's balance first did not show it. Times in epoch seconds.
    """

    id: int
    account: str
    instance_id: int
    usd: float
    state: State
    refundable_usd: float
    made_at: float
    lacked_at: float | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether nobody knows yet if the money left."""
        return self.state in {"sending", "unknown"}

    def may_fly(self, now: float) -> bool:
        """Whether its request may be on its way still."""
        return self.state == "sending" and now - self.made_at < FLIGHT_S


class Deposits:
    """Each machine has one payment in doubt at most: another is not announced beside it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def announce(
        self, account: str, instance_id: int, usd: float, refundable_usd: float
    ) -> Deposit:
        """Announce that it is about to be sent, in alone() where the credit is counted."""
        made_at = time.time()
        number = self._db.insert(
            "announce_deposit",
            account=account,
            instance_id=instance_id,
            usd=usd,
            refundable_usd=refundable_usd,
            made_at=made_at,
        )
        return Deposit(number, account, instance_id, usd, "sending", refundable_usd, made_at)

    def settle(self, deposit: Deposit, state: State) -> None:
        """What became of it is known, or that nothing is."""
        self._db.write("settle_deposit", id=deposit.id, state=state)

    def note_lack(self, deposit: Deposit) -> None:
        """Vast's balance did not show it, for the first time."""
        self._db.write("lacked_deposit", id=deposit.id, now=time.time())

    def of(self, account: str, instance_id: int) -> list[Deposit]:
        """The payments for a machine, the newest first."""
        rows = self._db.rows("deposits", account=account, instance_id=instance_id)
        return [_deposit(row) for row in rows]

    def in_doubt_usd(self, account: str) -> float:
        """What may have left the credit though no answer of Vast says so yet."""
        since = time.time() - COUNTED_S
        rows = self._db.rows("deposits_in_doubt", account=account, since=since)
        return sum(row["usd"] for row in rows)


def _deposit(row: dict[str, Any]) -> Deposit:
    return Deposit(**row)
