"""What is known of the inside of a machine that is ready: whether its start script is done, and
whether the watchdog of its lease was seen. Its log is read once, where there is something to see.
"""

from __future__ import annotations

from vast_mcp.leases import guards, watchdog
from vast_mcp.leases.packing import BEGAN
from vast_mcp.vast.models import Instance
from vast_mcp.waiting.facts import Verdict
from vast_mcp.waiting.log import shown
from vast_mcp.waiting.wait import Wait

_FAILED = "Its start script failed; untrusted_log has what it said last."
_NOT_SEEN = (
    "The watchdog of its lease was not seen yet: its line is not in the log. show_logs looks again."
)


async def look(wait: Wait, row: Instance, verdict: Verdict) -> None:
    """Add to a verdict what the log says, where the machine has a watchdog or a script that writes
    there.
    """
    script = row.onstart if isinstance(row.onstart, str) else ""
    unseen = verdict.watchdog == "not_seen"
    speaks = BEGAN in script
    if unseen or speaks:
        await wait.read_log()
    if unseen:
        _add_watchdog(wait, row, verdict)
    if speaks:
        _add_onstart(wait, verdict)
    elif script and not watchdog.is_all_of(script):
        verdict.onstart = "unknown"


def _add_watchdog(wait: Wait, row: Instance, verdict: Verdict) -> None:
    started = guards.started(wait.log.lines)
    if started is None:
        verdict.warnings.append(_NOT_SEEN)
        return
    guards.learn(wait.call, row.id, speaks=started)
    verdict.watchdog = guards.watchdog_of(wait.call, row)
    verdict.warnings += guards.warnings_of(wait.call, row)


def _add_onstart(wait: Wait, verdict: Verdict) -> None:
    said = wait.log.onstart
    if said is None:
        return
    verdict.onstart, lines = said
    if verdict.onstart == "failed":
        verdict.untrusted_log = [line for line in map(shown, lines) if line]
        verdict.warnings.insert(0, _FAILED)
