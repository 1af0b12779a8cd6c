"""The person's limits are shown beside what they count now, by the same counting as a rental meets
(limits.py); this refuses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from vast_mcp import errors
from vast_mcp.account.whose import account_of
from vast_mcp.machines.costs import hours_of_credit, sum_of_known
from vast_mcp.renting import limits
from vast_mcp.renting.standing import Standing, prices_of_others, prices_of_volumes
from vast_mcp.session import Call
from vast_mcp.settings import Limits, settings_of

_LONGEST_H = 1e6  # that a credit is said to last


@dataclass(frozen=True)
class Counted:
    """What the account's limits count now, in their units. None: not known."""

    machines: int | None = None
    usd_per_hour: float | None = None
    credit_hours: float | None = None
    unknown: list[str] = field(default_factory=list[str])  # why, in words


@dataclass(frozen=True)
class Limit:
    """A limit that is set: `now` is what it counts, where it counts what is there (`counts`)."""

    setting: str
    says: str
    limit: float
    unit: str
    now: float | None = None
    counts: bool = True
    at_least: bool = False


async def fullness_of(call: Call) -> tuple[list[Limit], list[str]]:
    """The limits that are set, and why something of them is not known. Reads nothing where none
    counts what is there. Raises nothing that Vast may say.
    """
    counted = await _counted(call) if call.limits.any_account else Counted()
    return list(_limits(call.limits, counted)), counted.unknown


async def _counted(call: Call) -> Counted:
    try:
        account = await account_of(call)
        seen = await limits.standing(call)
    except errors.VastMcpError as exc:
        return Counted(unknown=[f"What there is could not be read ({exc.code})."])
    if seen is None:
        return Counted()
    return _of_all(call, seen, account)


def _of_all(call: Call, seen: Standing, account: str) -> Counted:
    """As check_account counts, without one more machine."""
    others = prices_of_others(call, seen, account, None)
    priced = others | prices_of_volumes(call, seen, account)
    unknown = [name for name, usd in priced.items() if usd is None]
    if unknown and (call.limits.max_total_usd_per_hour or call.limits.min_credit_hours):
        shown = ", ".join(unknown[: limits.NAMED])
        return Counted(len(others), unknown=[f"The price of {shown} is not known."])
    total = sum_of_known(priced.values())
    credit = limits.credit_left(call, seen, account)
    hours = None if credit is None else hours_of_credit(credit, total)
    return Counted(len(others), total, hours)


def _limits(allowed: Limits, counted: Counted) -> Iterator[Limit]:
    known = settings_of(Limits)
    hours = counted.credit_hours
    if hours is not None and not math.isnan(hours):
        hours = round(max(0.0, min(hours, _LONGEST_H)), 1)
    total = None if counted.usd_per_hour is None else round(counted.usd_per_hour, 5)
    rows = (
        ("max_usd_per_hour", "$/h", None, False),
        ("max_total_usd_per_hour", "$/h", total, True),
        ("max_instances", "", counted.machines, True),
        ("min_credit_hours", "h", hours, True),
        ("max_lease_hours", "h", None, False),
    )
    for name, unit, now, counts in rows:
        most = getattr(allowed, name)
        if most is not None:
            yield Limit(
                setting=known[name].name,
                says=known[name].meaning,
                limit=most,
                unit=unit,
                now=now,
                counts=counts,
                at_least=name.startswith("min_"),
            )
