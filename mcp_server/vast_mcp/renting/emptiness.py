"""Whether a machine that was entered can still hold nothing of anybody's: only then may its end be
the first thing that is proposed.
"""

from __future__ import annotations

import time

from vast_mcp import errors
from vast_mcp.account.reading import Reading
from vast_mcp.leases import watchdog
from vast_mcp.machines import ways
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance

FRESH_S = 3600.0  # a machine that is older may have been entered from elsewhere


def came_bare(reading: Reading) -> bool:
    """Whether it was made without anything that works by itself, or holds what was there before:
    ours, entered by SSH alone, without a volume or a start script. A browser may be in a notebook
    by Vast's proxy, and an image's own command is work.
    """
    row = reading.row
    return (
        reading.ours is True
        and reading.asked.volume is None
        and ways.takes_ssh(row)
        and not ways.has_jupyter(row)
        and _runs_nothing(row)
    )


def _runs_nothing(row: Instance) -> bool:
    """Whether its start script, as far as the row shows it, is none, or a watchdog alone."""
    if "onstart" not in row.model_fields_set:
        return False
    script: object = row.onstart
    return not script or (isinstance(script, str) and watchdog.is_all_of(script))


def holds_nothing(call: Call, reading: Reading) -> bool:
    """Whether a machine that runs holds nothing that anybody would miss, as far as can be known:
    it came bare and of no template, is fresh, and nothing was run or copied there by vast-mcp.
    """
    born = reading.machine.born
    if reading.machine.record is None or born is None or time.time() - born > FRESH_S:
        return False
    if not came_bare(reading) or reading.asked.template is not None:
        return False
    try:
        return not _worked_in(call, reading.row)
    except errors.JournalUnavailable:
        return False


def _worked_in(call: Call, row: Instance) -> bool:
    """Whether the journal has a job or a copy there, or cannot tell. Raises JournalUnavailable."""
    session = call.session
    account = session.journalled_account()
    if account is None or row.id in session.copied or row.machine_id is None:
        return True
    if call.journal.jobs.is_any_in(account, row.id):
        return True
    kept = call.journal.met.of(session.service())
    return any(one.what == "copied" and one.instance_id == row.id for one in kept)
