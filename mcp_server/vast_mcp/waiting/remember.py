"""What a wait came to is remembered of the machine, for those who may rent it again."""

from __future__ import annotations

import time
from collections.abc import Sequence

from vast_mcp.account import met, pulled
from vast_mcp.account.before import Before
from vast_mcp.journal.met import What
from vast_mcp.machines import ways
from vast_mcp.machines.phases import Reason
from vast_mcp.toolspec import Step
from vast_mcp.vast.models import Instance
from vast_mcp.waiting.wait import Wait

NOT_REACHABLE = "not_reachable"
UNSEEN_S = 60.0  # by which it may have been ready before it was found to be


def ready(wait: Wait, row: Instance) -> None:
    """It is of use, and after how long; what it received until then was its image."""
    seconds = _took(wait)
    _note(wait, row, "ready", seconds=seconds)
    if seconds is not None:
        pulled.note(wait.call, row)


def _took(wait: Wait) -> float | None:
    """Seconds from the rental on, where it was to run at once and somebody looked shortly before it
    was of use; None where that is not known.
    """
    born, now, record = wait.machine.born, time.time(), wait.record
    if born is None or wait.watch.started_at or (record and record.wanted == "stopped"):
        return None
    if now - max(wait.unready_at, born) > UNSEEN_S:
        return None
    return max(0.0, now - born)


def failed(wait: Wait, reason: Reason) -> None:
    """It never will be of use. A reading tells that of itself, but for a container that ends by
    itself although people were to enter it.
    """
    row = wait.row
    if row is not None and reason == "exited" and ways.takes_ssh(row) and not _was_ready(wait, row):
        _note(wait, row, "failed", reason)


def not_reachable(wait: Wait, row: Instance, steps: Sequence[Step]) -> None:
    """It runs, and nobody gets in: that is its own where its end is what comes next."""
    if steps[0].tool == "destroy_instance":
        _note(wait, row, "failed", NOT_REACHABLE)


def earlier(wait: Wait) -> list[str]:
    """What to warn of where another rental of this machine failed here too."""
    row = wait.row
    if row is None:
        return []
    told = met.before_on(wait.call.session, [row.machine_id])
    others = [
        Before([one for one in before.events if one.instance_id != row.id])
        for before in told.values()
    ]
    return [f"Another rental of this machine: {one.words}." for one in others if one.failed]


def _note(
    wait: Wait, row: Instance, what: What, detail: str = "", *, seconds: float | None = None
) -> None:
    if wait.reading(row).ours:
        met.note(wait.call, row.machine_id, row.id, what, detail, seconds=seconds)


def _was_ready(wait: Wait, row: Instance) -> bool:
    """Whether this rental was of use before, so that its end is its program's."""
    there = met.before_on(wait.call.session, [row.machine_id])
    return any(
        one.what == "ready" and one.instance_id == row.id
        for before in there.values()
        for one in before.events
    )
