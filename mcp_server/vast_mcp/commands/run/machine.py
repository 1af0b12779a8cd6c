"""A machine that works, found by a plan (docs/provision.md), and the life that the budget has for
it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import anyio

from vast_mcp.commands.run.desk import Desk, Failed
from vast_mcp.commands.run.line import Line
from vast_mcp.commands.statuses import NO_MACHINE, OVER_BUDGET
from vast_mcp.errors import Json
from vast_mcp.journal.plan_records import Plan, PlanWish, Try
from vast_mcp.journal.runs import Run
from vast_mcp.settings import LONGEST_LEASE_H

# Of a machine that is handed over, until the budget's end is known: within what every try has left.
FIRST_LEASE_H = 0.16
HANDED_S = 120.0  # that a hand-over is waited for; the lease is moved without it then
SPARE_S = 60.0  # of the budget's life: an end takes its time
LEAST_CENTS = 0.005  # $ that are worth asking with
BRING_KEYS = frozenset({"onstart", "onstart_file", "template_hash_id"})
NO_KEY = (
    "the account has no SSH key, so that nobody could log in to a machine: register one by "
    """vast-mcp call create_ssh_key '{"public_key": "~/.ssh/id_ed25519.pub"}'"""
)
PLANS_LOST = frozenset({"unasked", "cancelled"})


@dataclass(frozen=True)
class Got:
    """A machine that works. `left_usd`: of the budget, as it began to, in epoch seconds."""

    instance_id: int
    usd_per_hour: float
    left_usd: float
    ready_at: float


class NoMachine(Exception):
    """There is none, and nothing of it bills: what the line ends with, and why."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


class Unenterable(Exception):
    """Nobody could log in to a machine."""


class PlanLost(Exception):
    """Its plan ended since this process, or its computer, stood still; the next one goes on."""


class Waits(Exception):
    """Nothing is rented before a person has said yes."""


async def found(desk: Desk, line: Line, run: Run) -> Got:
    """Find it, or go on finding it. Raises NoMachine, PlanLost, Waits, Failed."""
    if _left(line, run) < LEAST_CENTS:
        raise NoMachine(OVER_BUDGET, "the budget is used up")
    works_since: float | None = None
    while True:
        told = await desk.call("provision", **_asked(line, run))
        desk.say(told["said"])
        _check_goes_on(desk, run, told)
        one = _works(desk, run)
        if one is None:
            works_since = None
            continue
        works_since = works_since or anyio.current_time()
        if one.state == "handed" or anyio.current_time() - works_since > HANDED_S:
            return _got(desk, line, run, one)


def _asked(line: Line, run: Run) -> Json:
    """The arguments of the plan, the same in every call."""
    asked: Json = {
        "ready_when": "ssh",
        **line.wants,
        "budget_usd": _left(line, run),
        "lease_hours": FIRST_LEASE_H,
        "request_key": run.plan_key,
    }
    if line.max_usd_per_hour is not None:
        asked["max_usd_per_hour"] = line.max_usd_per_hour
    return asked


def _left(line: Line, run: Run) -> float:
    return line.budget_usd - run.spent_usd


def _check_goes_on(desk: Desk, run: Run, told: Json) -> None:
    """Raises NoMachine where the plan is over without one, PlanLost where that is because nobody
    asked after it, and Waits where it waits for a person.
    """
    if told["state"] == "asks":
        raise Waits(told["said"])
    plan = plan_of(desk, run)
    if told["state"] == "over" and plan is not None and plan.state == "over":
        if plan.outcome == "unasked":
            raise PlanLost
        over_budget = plan.outcome == "over_budget"
        raise NoMachine(OVER_BUDGET if over_budget else NO_MACHINE, told["said"])


def _works(desk: Desk, run: Run) -> Try | None:
    """The try whose machine works."""
    plan = plan_of(desk, run)
    tries = [] if plan is None else desk.session.journal.plans.tries(plan.name)
    return next((one for one in tries if one.state in {"ready", "handed"} and one.lives), None)


def _got(desk: Desk, line: Line, run: Run, one: Try) -> Got:
    ready_at = one.ready_at or one.made_at
    tries = desk.session.journal.plans.tries(one.plan)
    others = sum(each.counted_usd(time.time()) for each in tries if each.number != one.number)
    left = _left(line, run) - others - one.spent_usd(ready_at)
    return Got(one.instance_id or 0, one.usd_per_hour, max(0.0, left), ready_at)


def plan_of(desk: Desk, run: Run) -> Plan | None:
    """The plan of a run's machine, as the journal has it."""
    wish = PlanWish(desk.account, run.plan_key, "", derived=False)
    return desk.session.journal.plans.of_wish(wish)


def may_have_rented(desk: Desk, run: Run) -> bool:
    """Whether a machine may bill for a run's plan, by the journal."""
    plan = plan_of(desk, run)
    if plan is None:
        return False
    tries = desk.session.journal.plans.tries(plan.name)
    return any(one.bills or (one.state == "handed" and one.gone_at is None) for one in tries)


async def used_up(desk: Desk, run: Run) -> float | None:
    """What a run's plan cost in all, where it is over and gives no machine any more: nobody asked
    after it for long, or its machine's lease ended. None where the same call goes on with it.
    """
    plan = plan_of(desk, run)
    if plan is None or plan.state != "over":
        return None
    tries, now = desk.session.journal.plans.tries(plan.name), time.time()
    handed = [one for one in tries if one.state == "handed"]
    if plan.outcome not in PLANS_LOST and not (
        handed and await _is_gone(desk, handed[0].instance_id)
    ):
        return None
    return sum(one.spent_usd(min(now, one.until or now)) for one in tries)


async def _is_gone(desk: Desk, instance_id: int | None) -> bool:
    try:
        await desk.call("show_instance", instance_id=instance_id)
    except Failed as exc:
        return exc.code == "no_such_instance"
    return False


async def check_keys(desk: Desk, line: Line, run: Run) -> None:
    """Raises Unenterable where nobody could log in to what would be rented: the account has no SSH
    key, and nothing that the line wants may bring one along.
    """
    if plan_of(desk, run) is not None or not BRING_KEYS.isdisjoint(line.wants):
        return
    try:
        told = await desk.call("show_ssh_keys")
    except Failed:
        return  # not known: renting says so
    if not told["count"]:
        raise Unenterable(NO_KEY)


async def lengthen(desk: Desk, run: Run) -> None:
    """Let the machine live for as long as the budget lasts. What keeps it from that is said: then
    it ends sooner.
    """
    hours = min(LONGEST_LEASE_H, (life_ends_at(run) - SPARE_S - time.time()) / 3600)
    if hours <= 0:
        return
    try:
        await desk.call(
            "manage_instance",
            instance_id=run.instance_id,
            action="extend_lease",
            lease_hours=hours,
        )
    except Failed as exc:
        if exc.code not in {"bad_arguments", "over_limit"}:  # it has that end; no longer is allowed
            raise


def left_now(run: Run) -> float:
    """What is left of the budget now, in $."""
    hours = (time.time() - (run.ready_at or time.time())) / 3600
    return max(0.0, (run.left_usd or 0.0) - hours * (run.usd_per_hour or 0.0))


def life_ends_at(run: Run) -> float:
    """When the budget is used up, in epoch seconds."""
    if not run.usd_per_hour or run.ready_at is None:
        return float("inf")
    return run.ready_at + (run.left_usd or 0.0) / run.usd_per_hour * 3600
