"""What machines have cost so far: as Vast charged it where the key may read that, else as looks at
them tell (machines/metering.py).

Vast's charges come late. What they do not reach yet is estimated and added.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.meters import meter_of
from vast_mcp.machines import costs
from vast_mcp.machines.machine import Machine
from vast_mcp.machines.metering import Estimate
from vast_mcp.session import Call
from vast_mcp.toolspec import Part
from vast_mcp.vast.charges import Charge
from vast_mcp.vast.rows import Listing

DAY_S = 86_400
YOUNG_S = 600.0  # a machine so young has no charges yet
SURE_USD, SURE_SHARE = 0.01, 0.05  # so much may an estimate, or a charge, be off

SpentIs = Literal["charges", "estimate", "at_most"]


class Cost(Part):
    """The fields of an answer."""

    spent_usd: Annotated[float | None, Field(description="So far. Absent: not known.")] = None
    spent_is: Annotated[
        SpentIs | None,
        Field(
            description="charges: by Vast, traffic included; estimate: by what looks showed, "
            "without traffic; at_most: nobody looked for long."
        ),
    ] = None


@dataclass(frozen=True)
class Spent:
    """What a machine has cost in $. By `charges` it is Vast's own figure, traffic included; by
    `estimate` that of looks, without traffic; `at_most` where nobody looked for long.
    """

    usd: float
    by: SpentIs


@dataclass(frozen=True)
class Charged:
    """What Vast has charged for a machine, up to a time in epoch seconds. `in_part`: what it
    charged of the day that begins then is in it, too, and nobody knows how much of that day.
    """

    usd: Decimal
    until: float
    in_part: bool = False


async def tell_costs(call: Call, answers: Mapping[int, Cost]) -> None:
    """Put into answers about machines, by their ids, what each has cost, where that is known.
    Charges are asked for once.
    """
    charged = await _charged(call, answers, time.time())
    for instance_id, answer in answers.items():
        spent = _spent(call, instance_id, charged.get(instance_id))
        if spent is not None:
            answer.spent_usd, answer.spent_is = round(spent.usd, 4), spent.by


def _spent(call: Call, instance_id: int, charged: Charged | None) -> Spent | None:
    """What a machine has cost, up to its end where that was seen."""
    meter, record = meter_of(call.session, instance_id), call.record_of(instance_id)
    now = time.time()
    if record is not None and record.gone_at:
        now = record.gone_at
    if charged is None:
        whole = meter.spent(now)
        if whole is None:
            return _as_rented(Machine(None, record), now)
        return Spent(whole.most, _kind(whole, whole.most))
    rest = meter.spent(now, since=charged.until)
    usd = float(charged.usd)
    if rest is None or rest.most <= _sure(usd):
        return Spent(usd, "charges")
    if charged.in_part:
        whole = meter.spent(now) or rest
        return _at_most(usd, min(usd + rest.most, max(usd, whole.most)))
    return Spent(usd + rest.most, _kind(rest, usd + rest.most))


def _as_rented(machine: Machine, now: float) -> Spent | None:
    """What a machine may have cost at the price that it was rented at, where no look ever showed
    another.
    """
    hours, usd = costs.hours(machine.born, now), machine.usd_per_hour
    if hours is None or usd is None:
        return None
    return Spent(hours * usd, "at_most")


def _at_most(charged: float, most: float) -> Spent:
    """What was charged, where it cannot be much more; else what it may have come to."""
    if most - charged <= _sure(charged):
        return Spent(charged, "charges")
    return Spent(most, "at_most")


def _kind(estimate: Estimate, usd: float) -> SpentIs:
    """Whether what nobody saw makes more of a difference than an estimate may."""
    return "at_most" if estimate.most - estimate.least > _sure(usd) else "estimate"


def _sure(usd: float) -> float:
    return max(SURE_USD, SURE_SHARE * usd)


# ── Vast's charges ─────────────────────────────────────────────────────────────────────────────


async def _charged(call: Call, ids: Collection[int], now: float) -> dict[int, Charged]:
    """What Vast has charged for each, by one request at most; nothing where that is not known."""
    births = {one: born for one in ids if (born := meter_of(call.session, one).born) is not None}
    births = {one: born for one, born in births.items() if now - born > YOUNG_S}
    if not births or call.session.charges_shut:
        return {}
    try:
        listed = await _read(call, min(births.values()), now)
    except (errors.Forbidden, errors.InvalidRequest):
        call.session.charges_shut = True  # this key may not, or this account has none
        return {}
    except errors.VastMcpError:
        return {}
    if not listed.is_whole:
        return {}
    found = {one: _sum_of(one, born, listed) for one, born in births.items()}
    return {one: charged for one, charged in found.items() if charged is not None}


async def _read(call: Call, born: float, now: float) -> Listing[Charge]:
    """The charges of the days from a birth to now: whole days, so that equal looks are equal."""
    since, until = born // DAY_S * DAY_S, (now // DAY_S + 1) * DAY_S
    return await call.in_passing().recent.charges(since, until)


def _sum_of(instance_id: int, born: float, listed: Iterable[Charge]) -> Charged | None:
    """What the rows of a machine come to, exactly; None where there is none, or one of them cannot
    be read.
    """
    rows = [row for row in listed if row.source == f"instance-{instance_id}"]
    ends = [row.end for row in rows if row.end is not None]
    amounts = [row.amount for row in rows if row.amount is not None]
    if not rows or len(ends) < len(rows) or len(amounts) < len(rows):
        return None
    usd = sum(amounts, Decimal(0))
    last = max(rows, key=lambda row: row.end or 0.0)
    return Charged(usd, *_reach(last, born, max(ends))) if usd >= 0 else None


def _reach(last: Charge, born: float, end: float) -> tuple[float, bool]:
    """Until when the last row reaches, and whether it holds a part of what comes after that. Its
    end is a day, by its beginning (docs/vast-api.md G): how much of that day it holds its disk
    tells, which is charged as long as a machine is there.
    """
    if end % DAY_S:
        return end, False
    hours = last.disk_hours
    if hours is None:
        return end, True
    until = max(born, last.start or born) + hours * 3600
    return min(max(until, end), end + DAY_S), False
