"""What some days may have cost, where Vast's charges cannot be read: by what looks at machines told
(machines/metering.py), and by the volumes that exist.
"""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal

from vast_mcp import errors
from vast_mcp.account.bill import Bill, Line, Source
from vast_mcp.account.meters import meters_of
from vast_mcp.account.periods import DAY_S, Period, beginning
from vast_mcp.account.seen import learn_from
from vast_mcp.account.volumes import prices_of
from vast_mcp.machines import costs
from vast_mcp.machines.metering import Meter
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance
from vast_mcp.vast.rows import Listing

_THOUSANDTH = Decimal("0.001")


async def estimated_bill(call: Call, period: Period) -> tuple[Bill, list[str]]:
    """The bill as looks tell it, without traffic, and what is not in it since it could not be read.
    Of what is gone, and was not seen to go, it holds what was up to the last look.
    """
    bill = Bill()
    machines, lacking = await _machines(call)
    living = {row.id for row in machines}
    known, unread = _known(call)
    meters = meters_of(call.session, known | living)
    for instance_id, meter in meters.items():
        until = _end_of(call, instance_id, meter, living=instance_id in living)
        _enter(bill, Source("instance", instance_id), period, _Metered(meter, until))
    volumes, unseen = await _volumes(call)
    for volume_id, priced in volumes.items():
        _enter(bill, Source("volume", volume_id), period, priced)
    unpriced = [one for one in living if meters[one].rate is None]
    lost = _not_in_it(len(unpriced) + machines.nameless, "machines", machines.total)
    return bill, [*lacking, *unread, *lost, *unseen]


def _not_in_it(count: int, what: str, total: int) -> list[str]:
    """What to say of those whose price or birth is not known."""
    said = f"{count} of {total} {what} show no price or no birth and are not in it."
    return [said] if count else []


class _Metered:
    """A machine by its looks, up to its end."""

    def __init__(self, meter: Meter, until: float) -> None:
        self._meter, self._until = meter, until

    def usd(self, since: float, until: float) -> float:
        """What it cost between two moments, at most."""
        until = min(until, self._until)
        if until <= since:
            return 0.0
        found = self._meter.spent(until, since=since)
        return 0.0 if found is None else found.most


class _Flat:
    """A volume, which costs the same at all times."""

    def __init__(self, usd_per_hour: float, since: float, until: float) -> None:
        self._rate, self._since, self._until = usd_per_hour, since, until

    def usd(self, since: float, until: float) -> float:
        """What it cost between two moments."""
        seconds = min(until, self._until) - max(since, self._since)
        return max(0.0, seconds) / 3600 * self._rate


def _enter(bill: Bill, source: Source, period: Period, what: _Metered | _Flat) -> None:
    """Enter what something cost on each day."""
    days: dict[date, Decimal] = {}
    for day in period.days:
        begins = beginning(day)
        usd = Decimal(repr(what.usd(begins, begins + DAY_S))).quantize(_THOUSANDTH)
        if usd:
            days[day] = usd
            bill.by_day[day] = bill.by_day.get(day, Decimal(0)) + usd
    if days:
        line = Line(source, first=min(days), last=max(days))
        line.amounts.add(
            "volume" if source.kind == "volume" else "other", sum(days.values(), Decimal(0))
        )
        bill.lines[source] = line


async def _machines(call: Call) -> tuple[Listing[Instance], list[str]]:
    """The machines there are, and what to say where they cannot be read."""
    look = call.vast.recent
    try:
        listed = await look.list_instances()
    except errors.VastMcpError as exc:
        said = f"The machines could not be read ({exc.code}): each is in it up to the last look."
        return Listing(), [said]
    await learn_from(call, listed, anew=not look.reused)
    return listed, []


def _known(call: Call) -> tuple[set[int], list[str]]:
    """Every machine that looks have told of, here or in another process, and what to say where
    those of others cannot be read.
    """
    session = call.session
    seen = set(session.meters)
    try:
        if session.journal.exists():
            seen |= session.journal.metered.ids(session.key_digest())
    except errors.JournalUnavailable:
        said = (
            "The journal could not be read: machines that this process did not see are not in it."
        )
        return seen, [said]
    return seen, []


def _end_of(call: Call, instance_id: int, meter: Meter, *, living: bool) -> float:
    """Until when a machine is known to have been there."""
    if living:
        return time.time()
    record = call.record_of(instance_id)
    gone_at = None if record is None else record.gone_at
    return gone_at or meter.last


async def _volumes(call: Call) -> tuple[dict[int, _Flat], list[str]]:
    """The volumes that exist, whose price and birth are known, and what to say of others."""
    try:
        listed = await call.in_passing().recent.list_volumes()
    except errors.VastMcpError as exc:
        return {}, [f"The volumes could not be read ({exc.code}) and are not in it."]
    prices, now = prices_of(call, listed), time.time()
    found: dict[int, _Flat] = {}
    for volume in listed:
        usd = costs.rounded(prices[volume.id], 6)
        if usd is not None and volume.start_date is not None:
            found[volume.id] = _Flat(usd, volume.start_date, now)
    return found, _not_in_it(listed.total - len(found), "volumes", listed.total)
