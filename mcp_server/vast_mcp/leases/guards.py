"""Whether a machine can end its own lease: its watchdog is looked for in the start script that its
row shows, and in the log that it writes to. An onstart may be dropped (docs/vast-api.md A.10), and
then a lease ends from outside alone.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Sequence
from typing import Literal

from vast_mcp.journal.records import Intent
from vast_mcp.leases import lifetimes, watchdog
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance

Watchdog = Literal["seen", "not_seen", "lacking"]
NOT_STORED = "its start script, as Vast shows it, lacks the watchdog"
NOT_SEEN_YET = (
    "Its lease's watchdog was not seen inside it yet: wait_for_instance looks for its line."
)
CALLED_OFF = "called_off"  # in the facts of an attempt: its machine had no end for a time
OFF = "its watchdog was called off when it had no end"
_SILENT = "its log lacks the line that the watchdog writes as it starts"
WRITES = "vast-mcp: "  # what all of its lines have
_WRITES = f"{WRITES}log "
_UNTIL = re.compile(r"vast-mcp: .*, until (\w{3} \w{3} [ 0-9]\d \d\d:\d\d:\d\d UTC \d{4})$")
_GIVES_UP = ("vast-mcp: no watchdog", "vast-mcp: no id or key")


def lacks_watchdog(row: Instance | None) -> bool:
    """Whether a row shows a start script, or none, without the watchdog. A row that does not say
    is no proof.
    """
    if row is None or "onstart" not in row.model_fields_set:
        return False
    return row.onstart is None or (isinstance(row.onstart, str) and not watchdog.is_in(row.onstart))


def was_called_off(record: Intent | None) -> bool:
    """Whether a machine had no end for a time, which its watchdog keeps to."""
    return record is not None and record.facts.get(CALLED_OFF) is True


def why_outside(call: Call, row: Instance | None) -> str | None:
    """Why the lease of a machine ends from outside alone; None where it has no lease, or nothing
    shows that it does.
    """
    if row is None or lifetimes.end_of(call, row.id, row) is None:
        return None
    return _lacks(call, row)


def _lacks(call: Call, row: Instance) -> str | None:
    if lacks_watchdog(row):
        return NOT_STORED
    if was_called_off(call.record_of(row.id)):
        return OFF
    return _SILENT if row.id in call.session.silent else None


def warnings_of(call: Call, row: Instance | None) -> list[str]:
    """What an answer says of a machine whose lease ends from outside alone."""
    why = why_outside(call, row) or _rests(call, row)
    if why is None:
        return []
    return [
        "Its lease ends from outside alone: a vast-mcp server must run then, or vast-mcp sweep "
        f"({why})."
    ]


def _rests(call: Call, row: Instance | None) -> str | None:
    """That nothing inside a machine can end its lease while it is stopped."""
    if row is None or row.intended_status != "stopped" or row.actual_status == "running":
        return None
    leased = lifetimes.end_of(call, row.id, row) is not None
    return "it is stopped, and its watchdog with it" if leased else None


def watchdog_of(call: Call, row: Instance) -> Watchdog:
    """What is known of the watchdog inside a machine with a lease: its line was seen in the log,
    or not yet, or it is lacking.
    """
    if _lacks(call, row) is not None:
        return "lacking"
    return "seen" if row.id in call.session.armed else "not_seen"


def started(lines: Sequence[str]) -> bool | None:
    """Whether the watchdog started, by the last that a log says of it; None where it says
    nothing.
    """
    for line in reversed(lines):
        if any(words in line for words in _GIVES_UP):
            return False
        if _WRITES in line:
            return True
    return None


def last_end(lines: Sequence[str]) -> float | None:
    """The latest end that the watchdog's lines name, in epoch seconds; None where there is none."""
    named = [_UNTIL.search(line) for line in lines]
    ends = [_time_of(found[1]) for found in named if found is not None]
    return max((end for end in ends if end is not None), default=None)


def _time_of(date: str) -> float | None:
    """What `date -u` says, in epoch seconds."""
    try:
        return float(calendar.timegm(time.strptime(date, "%a %b %d %H:%M:%S UTC %Y")))
    except ValueError:
        return None


def learn(call: Call, instance_id: int, *, speaks: bool) -> None:
    """Remember whether a machine's log has its watchdog's line."""
    told, other = call.session.armed, call.session.silent
    if not speaks:
        told, other = other, told
    told.add(instance_id)
    other.discard(instance_id)
