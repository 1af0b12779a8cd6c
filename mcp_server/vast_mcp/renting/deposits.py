"""A payment ahead whose outcome is not known is settled by what Vast's balance of the machine says.

What a destroy gives back rises by nearly all of a payment, and falls by what the machine uses up;
the months that count for the discount rise by those that it pays for. A rise of either by half of
that proves the payment, as nothing else raises them. That neither rose proves that there was none,
as long as the machine cannot have used up as much since. One alone does not: a payment may raise
the discount of what is used up already, which a destroy does not give back (docs/vast-api.md C.8).
Absence is proven twice.
"""

from __future__ import annotations

import time
from typing import Literal

from vast_mcp.journal.deposits import Deposit
from vast_mcp.session import Call
from vast_mcp.vast.rates import Deposited
from vast_mcp.vast.storage import MONTH_H

SHOWS = 0.5  # of the payment, by which the balance rose
# For each $ that the machine has cost: it is used up, and its discount is not given back.
USED_UP = 1.5

Said = Literal["paid", "absent", "lacks", "undecided"]


def judged(
    deposit: Deposit, balance: Deposited, usd_per_hour: float | None, now: float
) -> Literal["paid", "lacks", "undecided"]:
    """What a balance says of a payment for a machine that costs so much at most, in $/h."""
    hours = max(0.0, now - deposit.made_at) / 3600
    rose = balance.refundable_usd - deposit.refundable_usd
    if rose >= SHOWS * deposit.usd:
        return "paid"
    if not usd_per_hour:
        return "undecided"
    lacks = rose < SHOWS * deposit.usd - USED_UP * usd_per_hour * hours
    if deposit.months is None or balance.months is None:
        # Before a first payment nothing was used up of one.
        return "lacks" if lacks and not deposit.refundable_usd else "undecided"
    paid_for = deposit.usd / (usd_per_hour * MONTH_H)
    gained = balance.months - deposit.months
    if gained >= SHOWS * paid_for:
        return "paid"
    return "lacks" if lacks and gained < SHOWS * paid_for - hours / MONTH_H else "undecided"


async def settle(call: Call, deposit: Deposit, usd_per_hour: float | None) -> Said:
    """Read the balance, and write down what it proves. Raises what keeps it from being read."""
    balance = await call.vast.deposit(deposit.instance_id)
    said = judged(deposit, balance, usd_per_hour, time.time())
    deposits, times = call.journal.deposits, call.times
    if said == "paid":
        deposits.settle(deposit, "paid")
        return said
    age = time.time() - deposit.made_at
    if said == "undecided":
        if age > times.taken_after_s:
            deposits.settle(deposit, "undecided")
        return said
    if deposit.lacked_at is None:
        deposits.note_lack(deposit)
        return said
    apart = time.time() - deposit.lacked_at
    if apart >= times.lists_apart_s and age >= times.absent_after_s:
        deposits.settle(deposit, "absent")
        return "absent"
    return said
