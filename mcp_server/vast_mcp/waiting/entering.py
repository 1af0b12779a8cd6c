"""Whether a machine that runs lets this computer in by SSH: its own address first, then Vast's
proxy, which answers before the machine does.
"""

from __future__ import annotations

import anyio

from vast_mcp.ssh.tried import Answer, Tried, Way
from vast_mcp.ssh.trying import address_of, try_ssh
from vast_mcp.vast.models import Instance
from vast_mcp.waiting.wait import Wait

WAYS: tuple[Way, ...] = ("direct", "proxy")
GOOD: frozenset[Answer] = frozenset({"entered", "answers"})
NEVER: frozenset[Answer] = frozenset({"host_key_changed"})  # nothing but a person changes that


async def enter(wait: Wait, row: Instance) -> Tried | None:
    """The way by which this computer gets in, or hears that it could; None where there is none yet.
    What each way answered stands in the wait.
    """
    found: dict[Way, Tried] = {}

    async def ask(way: Way) -> None:
        found[way] = await try_ssh(wait.call, row, way, within_s=wait.login_s)

    async with anyio.create_task_group() as tasks:
        for way in _due(wait, row):
            tasks.start_soon(ask, way)
    wait.tries = [found[way] for way in WAYS if way in found]
    for tried in wait.tries:
        wait.seen[f"ssh {tried.way}"] = tried.answer.replace("_", " ")
    if is_barred(wait):
        return None
    return next((tried for tried in wait.tries if tried.answer in GOOD), None)


def _due(wait: Wait, row: Instance) -> list[Way]:
    """The ways to try in this look. The proxy answers before the machine does, so the direct way is
    given time alone.
    """
    due: list[Way] = [way for way in WAYS if address_of(wait.call, row, way) is not None]
    if "direct" in due and wait.runs_for < wait.patience.proxy:
        return ["direct"]
    return due


def is_barred(wait: Wait) -> bool:
    """Whether nothing but a person can open a way that was tried."""
    return any(tried.answer in NEVER for tried in wait.tries)
