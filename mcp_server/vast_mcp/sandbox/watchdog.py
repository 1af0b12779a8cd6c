"""A start script may carry a watchdog, which ends its machine at a time. The script is not run:
what follows of it is told, in its log, its files and its machine's end.
"""

import re
import time
from collections.abc import Iterator

from .instances import Instance, Watchdog
from .state import State

MARK = "vast-mcp: no watchdog"  # stands in a start script that carries one
USUAL, ABSENT, DEAF = "usual", "absent", "deaf"  # deaf: its key may not read its label

_UNTIL = re.compile(r'sh -c "\$w" vast-mcp ([0-9]{1,10}) ')
_LABEL = re.compile(r" lease-until=([0-9]{1,10})(?:#[0-9a-f]{16})?\Z")


def begin(state: State, instance: Instance) -> None:
    """Let a start script that carries a watchdog start it."""
    script = instance.launch.onstart or ""
    found = _UNTIL.search(script)
    instance.watchdog = None
    if MARK not in script or found is None or state.watchdog == ABSENT:
        return
    instance.watchdog = Watchdog(float(found[1]), state.now)
    _say(state, instance, "log /var/tmp/vast-mcp")


def look(state: State, instance: Instance) -> None:
    """Let a watchdog look where it is time to: it takes a later end, and ends what is over."""
    dog, now = instance.watchdog, state.now
    if dog is None or instance.status(now) != "running":
        return
    if now < dog.until and now - dog.looked_at < state.watchdog_look_s:
        return
    dog.looked_at = now
    for where, until in _ends(state, instance):
        if until > dog.until:
            dog.until, dog.later = until, until
            _say(state, instance, f"{where} extends")
    if state.watchdogs_end and now >= dog.until:
        state.end(instance)
        state.write("destroy", instance)


def _ends(state: State, instance: Instance) -> Iterator[tuple[str, float]]:
    """The ends that it reads: of its file, and of its label."""
    yield "file", state.machines.told(instance.id)
    found = _LABEL.search(instance.label or "")
    if found is not None and state.watchdog != DEAF:
        yield "label", float(found[1])


def _say(state: State, instance: Instance, what: str) -> None:
    """Write a line in the log, and what is in its machine of it."""
    assert instance.watchdog is not None  # noqa: S101  who says something is there
    now, until = map(_date, (state.now, instance.watchdog.until))
    line = f"{now} vast-mcp: {what}, until {until}"
    instance.log.lines.append(line)
    instance.watchdog.log += f"{line}\n"
    state.machines.guard(instance)


def _date(at: float) -> str:
    """Tell a time as `date -u` does."""
    utc = time.gmtime(at)
    return time.strftime(f"%a %b {utc.tm_mday:2d} %H:%M:%S UTC %Y", utc)
