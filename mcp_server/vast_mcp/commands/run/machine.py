"""A machine that works, for no more than is left of the budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vast_mcp.commands.run.desk import Desk, Failed
from vast_mcp.commands.run.line import Line
from vast_mcp.commands.statuses import NO_MACHINE
from vast_mcp.errors import Json
from vast_mcp.journal.runs import Run

SEARCHED = frozenset({"gpu_name", "num_gpus"})
OFFER = "offer "  # how Run.said names the one that is rented


@dataclass(frozen=True)
class Got:
    """A machine that works, and what is left of the budget for it, in $."""

    instance_id: int
    usd_per_hour: float
    left_usd: float
    ready_at: float


class NoMachine(Exception):
    """There is none, and nothing of it bills: what the line ends with, and why."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


async def found(desk: Desk, line: Line, run: Run, note: Callable[..., Any]) -> Got:
    """Find it, or go on finding it. Raises NoMachine, Failed."""
    offer_id = await _offer(desk, line, run, note)
    rental = {name: value for name, value in line.wants.items() if name not in SEARCHED}
    if line.max_usd_per_hour is not None:
        rental["max_usd_per_hour"] = line.max_usd_per_hour
    left = line.budget_usd - run.spent_usd
    made = await desk.call(
        "create_instance",
        offer_id=offer_id,
        request_key=run.plan_key,
        lease_hours=max(0.2, left / (line.max_usd_per_hour or 1.0)),
        **rental,
    )
    instance_id: int = made["instance_id"]
    seen: Json = {"state": "still_starting"}
    while seen["state"] == "still_starting":
        seen = await desk.call("wait_for_instance", instance_id=instance_id)
    if seen["state"] != "ready":
        await desk.call("destroy_instance", instance_ids=[instance_id])
        raise NoMachine(NO_MACHINE, f"machine {instance_id} did not start to work")
    return Got(instance_id, made.get("running_usd_per_hour") or 0.0, left, time.time())


async def _offer(desk: Desk, line: Line, run: Run, note: Callable[..., Any]) -> int:
    """The offer that is rented, the same for every process."""
    if not run.said.startswith(OFFER):
        given = {name: value for name, value in line.wants.items() if name in SEARCHED}
        if line.max_usd_per_hour is not None:
            given["max_usd_per_hour"] = line.max_usd_per_hour
        offers = (await desk.call("search_offers", limit=1, **given))["offers"]
        if not offers:
            raise NoMachine(NO_MACHINE, "the market has none that fits")
        note(said=f"{OFFER}{offers[0]['offer_id']}")
        return offers[0]["offer_id"]
    return int(run.said.removeprefix(OFFER))


__all__ = ["Failed", "Got", "NoMachine", "found"]
