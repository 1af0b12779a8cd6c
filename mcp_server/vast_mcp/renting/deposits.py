"""A payment ahead whose outcome is not known is settled by what Vast's balance of the machine says.

What a destroy gives back rises by nearly all of a payment, and falls by what the machine uses up.
So a rise by half of it proves the payment, as nothing else raises it; and no such rise proves that
there was none, as long as the machine cannot have used up as much since. Absence is proven twice.
"""

from __future__ import annotations

import time
from typing import Literal

from vast_mcp.journal.deposits import Deposit
from vast_mcp.session import Call

SHOWS = 0.5  # of the payment, by which the balance rose
# For each $ that the machine has cost: it is used up, and its discount is not given back.
USED_UP = 1.5

Said = Literal["paid", "absent", "lacks", "undecided"]


def judged(
    deposit: Deposit, refundable_usd: float, usd_per_hour: float | None, now: float
) -> Literal["paid", "lacks", "undecided"]:
    """What a balance says of a payment: what a destroy gives back now, of a machine that costs so
    much at most.
    """
    rose = refundable_usd - deposit.refundable_usd
    if rose >= SHOWS * deposit.usd:
        return "paid"
    if usd_per_hour is None:
        return "undecided"
    used = USED_UP * usd_per_hour * max(0.0, now - deposit.made_at) / 3600
    return "lacks" if rose < SHOWS * deposit.usd - used else "undecided"


async def settle(call: Call, deposit: Deposit, usd_per_hour: float | None) -> Said:
    """Read the balance, and write down what it proves. Raises what keeps it from being read."""
    refundable = (await call.vast.deposit(deposit.instance_id)).refundable_usd
    said = judged(deposit, refundable, usd_per_hour, time.time())
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
