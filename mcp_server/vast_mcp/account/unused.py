"""A machine that is destroyed before it ever ran is remembered as one that did not come up."""

from __future__ import annotations

import time
from collections.abc import Iterable

from vast_mcp.account.before import UNUSED
from vast_mcp.account.reading import Reading, read_machine
from vast_mcp.journal.met import Event
from vast_mcp.machines.patience import Patience
from vast_mcp.machines.phases import BY_THE_REQUEST, failure_of
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance

NEVER_RAN = "never_ran"


def never_ran(call: Call, rows: Iterable[Instance]) -> list[Event]:
    """What there is to remember of those among the machines that were to run and never did, for
    when they are gone. A failure that is certain is remembered already, with its reason.
    """
    readings = [read_machine(call, row, fresh=False) for row in rows]
    return [event for one in readings if (event := _of(call, one)) is not None]


def _of(call: Call, reading: Reading) -> Event | None:
    machine_id, born = reading.row.machine_id, reading.machine.born
    if machine_id is None or born is None or not (reading.ours and reading.never_ran):
        return None
    if reading.reason is not None or reading.state not in {"starting", "failed"}:
        return None
    age, patience = time.time() - born, Patience.of(call.times, vm=reading.machine.is_vm)
    failure, detail = failure_of(reading.row), NEVER_RAN
    if age < patience.start:
        detail = UNUSED
    elif failure in BY_THE_REQUEST:
        detail = failure
    return Event(machine_id, reading.row.id, "failed", detail, age)
