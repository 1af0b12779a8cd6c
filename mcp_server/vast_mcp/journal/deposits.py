"""What was paid ahead for machines: one row is one request at most, announced before it leaves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from vast_mcp.journal.database import Database

LEAST_UNSENT_S = 1.0  # a busy computer needs so long to send, however short the times are made
COUNTED_S = 86_400.0  # that one in doubt counts against the credit

# sending and unknown are in doubt; undecided is one of which nothing can be learned any more.
State = Literal["sending", "unknown", "paid", "refused", "absent", "undecided"]


@dataclass(frozen=True)
class Deposit:
    """A payment ahead. `refundable_usd`: what a destroy would have given back before it was sent.
    `months`: that counted for the discount then. `lacked_at`: when Vast's balance first did not
    show it. Times in epoch seconds.
    """

    id: int
    account: str
    instance_id: int
    usd: float
    state: State
    refundable_usd: float
    made_at: float
    lacked_at: float | None = None
    months: float | None = None
    settled_at: float | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether nobody knows yet if the money left."""
        return self.state in {"sending", "unknown"}

    @property
    def may_be_paid(self) -> bool:
        """Whether it was paid, as far as anybody knows."""
        return self.state not in {"refused", "absent"}


class Deposits:
    """Each machine has one payment in doubt at most: another is not announced beside it. `put_s`:
    the longest that a request may take.
    """

    def __init__(self, db: Database, put_s: float) -> None:
        self._db = db
        self._put_s, self._unsent_s = put_s, max(put_s, LEAST_UNSENT_S)

    def announce(
        self,
        account: str,
        instance_id: int,
        usd: float,
        refundable_usd: float,
        months: float | None = None,
    ) -> Deposit:
        """Announce that it is about to be sent, in alone() where the credit is counted."""
        made_at = time.time()
        number = self._db.insert(
            "announce_deposit",
            account=account,
            instance_id=instance_id,
            usd=usd,
            refundable_usd=refundable_usd,
            months=months,
            made_at=made_at,
        )
        return Deposit(
            number, account, instance_id, usd, "sending", refundable_usd, made_at, months=months
        )

    def may_leave(self, deposit: Deposit, announced: float) -> bool:
        """Whether one of ours may still be sent: to all others it is in doubt soon. It was
        announced at `announced`, on the monotonic clock, which stands still while a computer
        sleeps; the other one may be set.
        """
        waited = max(abs(time.time() - deposit.made_at), time.monotonic() - announced)
        return waited <= self._unsent_s

    def may_fly(self, deposit: Deposit) -> bool:
        """Whether its request may be on its way still, by a clock that may have been set."""
        longest = self._unsent_s + self._put_s
        return deposit.state == "sending" and abs(time.time() - deposit.made_at) < longest

    def settle(self, deposit: Deposit, state: State) -> None:
        """What became of it is known, or that nothing is. What was certain before stays."""
        self._db.write("settle_deposit", id=deposit.id, state=state, now=time.time())

    def note_lack(self, deposit: Deposit) -> None:
        """Vast's balance did not show it, for the first time."""
        self._db.write("lacked_deposit", id=deposit.id, now=time.time())

    def of(self, account: str, instance_id: int) -> list[Deposit]:
        """The payments for a machine, the newest first."""
        rows = self._db.rows("deposits", account=account, instance_id=instance_id)
        return [_deposit(row) for row in rows]

    def off_credit_usd(self, account: str, read_at: float) -> float:
        """What has left, or may have left, a credit that was read then, in epoch seconds, though it
        does not say so.
        """
        since = time.time() - COUNTED_S
        rows = self._db.rows("deposits_off_credit", account=account, since=since, read_at=read_at)
        return sum(row["usd"] for row in rows)


def _deposit(row: dict[str, Any]) -> Deposit:
    return Deposit(**row)
