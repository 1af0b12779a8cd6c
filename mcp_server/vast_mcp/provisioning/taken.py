"""Whether the watchdog inside a machine knows of a new end: by its own file, written and read back
over SSH, by what it wrote into the log, or because it let the old end pass.
"""

from __future__ import annotations

import re

import anyio

from vast_mcp import errors
from vast_mcp.journal.plan_records import Try
from vast_mcp.leases import guards
from vast_mcp.leases.watchdog import FOLDER, USUAL
from vast_mcp.machines import ways
from vast_mcp.renting import lease
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance

APART = 10  # times look_s: between two looks into one machine
LOOK_S = 20.0  # that one of them may take
TAIL = 1_000  # lines of the log that are the watchdog's
MOST_HEARD = 4_096  # bytes of the script's output

# The watchdog reads its file at each look, and before it deletes: what stands there is taken. It is
# in the first of these folders that could be written (leases/watchdog.sh).
_TELL = """I={instance_id} U={until}
for d in {folder} "${{TMPDIR:-/tmp}}/vast-mcp"; do
[ -f "$d/pid-$I" ]||continue
L=
[ -f "$d/lease-until-$I" ]&&read -r L <"$d/lease-until-$I"
[ "${{L:-0}}" -ge $U ]||echo $U >"$d/lease-until-$I"
read -r L <"$d/lease-until-$I"&&echo "vast-mcp ends $L"
done
"""
_SAID = re.compile(r"^vast-mcp ends ([0-9]{1,10})$", re.MULTILINE)


async def took(call: Call, row: Instance, one: Try, until: float) -> bool:
    """Whether nothing inside a running machine ends it before `until`, in epoch seconds. What
    cannot be seen now is asked again later.
    """
    if one.intent is None or not lease.has_watchdog(one.intent) or guards.lacks_watchdog(row):
        return True
    if until <= end_inside(one) or _has_outlived(call, row, one):
        return True
    if not _is_due(call, row.id):
        return False
    return await _told_inside(call, row, until) or await _says_so(call, row.id, until)


def end_inside(one: Try) -> float:
    """When the watchdog ends a machine that took no later time: the end that it was rented with, in
    epoch seconds.
    """
    made = None if one.intent is None else lease.Lease.of_facts(one.intent.facts.get(lease.FACTS))
    return one.made_at if made is None else made.until


def last_short_end(one: Try) -> float:
    """The latest end that a try's machine was given while it waited, in epoch seconds: as far as
    its worst case reaches.
    """
    hours = (one.worst_usd - one.pull_usd) / one.usd_per_hour if one.usd_per_hour else 0.0
    return max(end_inside(one), one.made_at + hours * 3600)


def _has_outlived(call: Call, row: Instance, one: Try) -> bool:
    """Whether it runs on although each earlier end is over, and the tries to delete it too."""
    over = last_short_end(one) + USUAL.retry_s + USUAL.chunk_s
    return row.actual_status == "running" and call.now() > over


def _is_due(call: Call, instance_id: int) -> bool:
    """Whether it is time for another look; it is noted."""
    now, asked = anyio.current_time(), call.session.watchdogs_asked
    if now - asked.get(instance_id, -float("inf")) < APART * call.times.look_s:
        return False
    asked[instance_id] = now
    return True


async def _told_inside(call: Call, row: Instance, until: float) -> bool:
    """Whether its file says so, written there where this computer may log in."""
    from vast_mcp.ssh import LineLost
    from vast_mcp.ssh.entering import check_keys, entered

    if not ways.takes_ssh(row):
        return False
    try:
        check_keys(call)
        from vast_mcp.ssh.commands import run

        async with entered(call, row) as line:
            script = _TELL.format(instance_id=row.id, until=int(until), folder=FOLDER)
            ran = await run(line, "sh", stdin=script.encode(), most=MOST_HEARD, within_s=LOOK_S)
    except (errors.NoSshKey, errors.NotEntered, LineLost):
        return False
    said = _SAID.findall(ran.stdout.decode("ascii", "replace"))
    return any(int(end) >= until for end in said)


async def _says_so(call: Call, instance_id: int, until: float) -> bool:
    """Whether its log names that end, or says that it has no watchdog."""
    from vast_mcp.vast.log_text import plain_lines
    from vast_mcp.vast.logs import fetch_log

    deadline = anyio.current_time() + LOOK_S
    try:
        vast = call.within(LOOK_S)
        address = await vast.request_logs(instance_id, TAIL, words=guards.WRITES, daemon=False)
        found = await fetch_log(call.session.link, address, deadline, _no_word)
    except errors.VastMcpError:
        return False
    lines = plain_lines(found.text, call.settings.mask)
    if guards.started(lines) is False:
        guards.learn(call, instance_id, speaks=False)
        return True
    end = guards.last_end(lines)
    return end is not None and end >= until


async def _no_word() -> None:
    """Nobody waits for it."""
