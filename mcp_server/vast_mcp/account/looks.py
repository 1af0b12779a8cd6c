"""Looks at machines, whichever tool made them: together they tell since when a machine does what it
does, and when that proves a failure.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from vast_mcp.account import meters
from vast_mcp.journal.records import Intent
from vast_mcp.machines.machine import Machine
from vast_mcp.machines.patience import Patience
from vast_mcp.machines.phases import sign_of
from vast_mcp.session import Session
from vast_mcp.vast.models import Instance


def note_look(
    session: Session, instance_id: int, row: Instance | None, record: Intent | None
) -> None:
    """A fresh look at a machine showed this row, or none. `record`: what the journal has."""
    session.take_up([instance_id])
    if row is not None:
        meters.count(session, [row])
    session.keep_watch(*([instance_id] if _look(session, instance_id, row, record) else ()))


def note_looks(session: Session, rows: Sequence[Instance]) -> None:
    """A fresh list showed these machines."""
    meters.count(session, rows)
    session.take_up(row.id for row in rows)
    session.keep_watch(*(row.id for row in rows if _look(session, row.id, row, None)))


def _look(session: Session, instance_id: int, row: Instance | None, record: Intent | None) -> bool:
    """One look; whether it is the first that showed that the machine has run, which is kept."""
    watch = session.watches.of(instance_id)
    had_run = watch.ran
    sign = sign_of(row)
    if sign == "outbid" and record is None:
        record = session.record_of(instance_id)
    phase = session.watches.judged(sign, row, record)
    patience = Patience.of(session.times, vm=Machine(row, record).is_vm)
    watch.look(phase, time.time(), patience, row)
    if phase != "running":
        session.reached.discard(instance_id)
    if row is not None:
        session.note_seen(row)
    return watch.ran and not had_run
