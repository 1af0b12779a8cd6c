"""What some days have cost: by Vast's charges where the key may read them, else by what looks told.

Vast sums each machine up over the days that are asked for. So what is to be told of single days is
asked for day by day, as far as the call's time goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

import anyio

from vast_mcp import errors
from vast_mcp.account.bill import Bill, bill_of, sum_of
from vast_mcp.account.estimating import estimated_bill
from vast_mcp.account.periods import Period, day_of, the_day
from vast_mcp.session import Call
from vast_mcp.vast.charges import Charge, Payment
from vast_mcp.vast.client import Vast

MOST_DAYS = 31  # that are told one by one
SPLITTING_SHARE = 0.7  # of a call's time: what days may take that are asked for one by one
_CAME = ("credit", "transfer", "reserved", "refund", "payout")


@dataclass(frozen=True)
class Spending:
    """What a period has cost, and how that is known. Of `unsplit` days the cost is in the bill, and
    in no day of it.
    """

    bill: Bill
    by: Literal["charges", "estimate"]
    unsplit: list[date] = field(default_factory=list[date])
    warnings: list[str] = field(default_factory=list[str])
    known: bool = True  # False: nothing was found, and not everything could be looked at
    why: errors.VastMcpError | None = None  # what kept the charges from being read


async def spending_of(call: Call, period: Period) -> Spending:
    """What a period has cost."""
    try:
        charges = await call.vast.recent.every_charge(period.since, period.until)
    except (errors.AuthFailed, errors.TwoFactorRequired):
        raise
    except errors.VastMcpError as exc:
        if isinstance(exc, errors.Forbidden):
            call.session.charges_shut = True  # other tools need not ask for them
        return await _estimated(call, period, exc)
    call.session.charges_shut = False
    bill = bill_of(charges)
    warnings = [] if charges.is_whole else ["A charge that names no machine is in no sum."]
    warnings += _reaching_beyond(charges, period)
    return Spending(bill, "charges", await _split(call, period, bill), warnings)


def _reaching_beyond(charges: Iterable[Charge], period: Period) -> list[str]:
    """What to say of charges that hold other days, too: nobody knows how much of them."""
    count = sum(not _is_within(charge, period) for charge in charges)
    if not count:
        return []
    return [
        f"{count} of Vast's charges also hold days before {period.first} or after {period.last}: "
        "they are in the sum whole."
    ]


def _is_within(charge: Charge, period: Period) -> bool:
    start, end = charge.start, charge.end
    return (start is None or start >= period.since) and (end is None or end <= period.until + 1)


async def _estimated(call: Call, period: Period, why: errors.VastMcpError) -> Spending:
    bill, lacking = await estimated_bill(call, period)
    missing = "needs billing_read" if isinstance(why, errors.Forbidden) else f"failed: {why.code}"
    said = (
        f"Vast's charges were not read ({missing}): this is what machines that this computer "
        "looked at, and volumes that exist, have come to, without traffic."
    )
    known = bool(bill.lines) or not lacking
    return Spending(bill, "estimate", warnings=[said, *lacking], known=known, why=why)


# ── day by day ─────────────────────────────────────────────────────────────────────────────────


async def _split(call: Call, period: Period, bill: Bill) -> list[date]:
    """Ask for the days that charges of several cover, the last first; those that stay unknown."""
    unsplit = [day for day in period.days if day in bill.unsplit]
    if len(period.days) > MOST_DAYS:
        return unsplit
    left = call.deadline - anyio.current_time()
    vast = call.within(left * SPLITTING_SHARE)
    while unsplit:
        usd = await _usd_of(vast, unsplit[0])
        if usd is None:
            break
        bill.by_day[unsplit.pop(0)] = usd
    for day in unsplit:
        bill.by_day.pop(day, None)
    return unsplit


async def _usd_of(vast: Vast, day: date) -> Decimal | None:
    """What one day has cost; None where that is not known, or time is up."""
    asked = the_day(day)
    try:
        charges = await vast.every_charge(asked.since, asked.until)
    except errors.VastMcpError:
        return None
    if not all(_is_of(charge, day) for charge in charges):
        return None
    return sum_of(charges)


def _is_of(charge: Charge, day: date) -> bool:
    moments = (charge.start, charge.end)
    return all(moment is not None and day_of(moment) == day for moment in moments)


# ── paid ───────────────────────────────────────────────────────────────────────────────────────


def came_by_type(payments: Iterable[Payment]) -> dict[str, Decimal]:
    """What came to the account by Vast's word for it, below nothing where it left; `other` for
    words that are not known.
    """
    found: dict[str, Decimal] = {}
    for payment in payments:
        kind = payment.type if payment.type in _CAME else "other"
        found[kind] = found.get(kind, Decimal(0)) + (payment.came_usd or Decimal(0))
    return found
