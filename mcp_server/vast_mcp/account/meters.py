"""Every look at a machine counts what it has cost, whichever tool made it; the journal keeps that
for the next process.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from vast_mcp import errors
from vast_mcp.machines.costs import bills_of
from vast_mcp.machines.metering import Meter
from vast_mcp.session import Session, journal_may_fail
from vast_mcp.vast.models import Instance


def meter_of(session: Session, instance_id: int) -> Meter:
    """What looks have told of one machine."""
    return meters_of(session, [instance_id])[instance_id]


def meters_of(session: Session, ids: Collection[int]) -> dict[int, Meter]:
    """What looks have told of each, of this process or, where the journal has it, of another."""
    new = {one for one in ids if one not in session.meters}
    kept = _kept(session, new)
    for one in new:
        session.meters[one] = Meter.of_json(kept.get(one, "")) or Meter()
    return {one: session.meters[one] for one in ids}


def count(session: Session, rows: Sequence[Instance]) -> None:
    """Fresh rows of these machines were read."""
    now, news = time.time(), dict[int, str]()
    meters = meters_of(session, [row.id for row in rows])
    for row in rows:
        meter = meters[row.id]
        begun = meter.rate is None and _begin(session, meter, row, now)
        if begun or meter.look(bills_of(row), now):
            meter.kept = now
            news[row.id] = meter.as_json()
    _keep(session, news)


def _keep(session: Session, news: Mapping[int, str]) -> None:
    """Tell the journal; where it does not listen, the next look tries again."""
    try:
        if news and session.journal.exists():
            session.journal.metered.keep(session.key_digest(), news)
    except errors.JournalUnavailable:
        for one in news:
            session.meters[one].kept = 0.0


def _begin(session: Session, meter: Meter, row: Instance, now: float) -> bool:
    """Take the first look at what a machine costs, where its birth is known. One without a status
    was never taken up by a host (docs/vast-api.md C.4).
    """
    record = session.record_of(row.id)
    born, never_ran = session.births.get(row.id, row.start_date), row.actual_status is None
    if record is not None:
        born, never_ran = record.tried_at or born, never_ran or record.stopped
    return born is not None and meter.begin(bills_of(row), born, never_ran=never_ran, now=now)


def _kept(session: Session, ids: Collection[int]) -> dict[int, str]:
    with journal_may_fail:
        if ids and session.journal.exists():
            return session.journal.metered.of(session.key_digest(), ids)
    return {}
