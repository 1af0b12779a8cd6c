"""A machine that works becomes the caller's: its short lease moves to the one that was asked for,
in its label, in the journal, and inside, where its watchdog was seen to have taken the new end.
"""

from __future__ import annotations

import logging

from vast_mcp import errors
from vast_mcp.account.extending import record_lease
from vast_mcp.errors import Json
from vast_mcp.journal.plan_records import Bounds, Plan, Try
from vast_mcp.leases import lifetimes, naming
from vast_mcp.leases.labels import ENDLESS, lease_of, utc
from vast_mcp.machines.phases import phase_of
from vast_mcp.provisioning import taken
from vast_mcp.renting import lease, reserving
from vast_mcp.renting.order import order_of
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance

log = logging.getLogger("vast_mcp")

LOOKS = 3  # for a label that was written
# What keeps a label from being moved now and may not later; the turn and the journal are no such.
_LATER = (
    errors.Rejected,
    errors.Unreachable,
    errors.OutcomeUnknown,
    errors.NoSuchInstance,
    errors.OverLimit,
    errors.PriceUnknown,
)


def short_lease_hours(bounds: Bounds) -> float:
    """The lease that a try is rented with, in hours: it covers the try and its end."""
    return bounds.lease_s / 3600


async def hand_over(call: Call, plan: Plan, one: Try) -> bool:
    """Give a machine that works the end that was asked for. True once it is handed over; False
    where that is to be tried again, in this process or another.

    Raises NotRented where the turn was lost, and JournalUnavailable.
    """
    try:
        row = await call.vast.show_instance(one.instance_id or 0)
        if row is None:
            return False
        until = _end_asked(call, plan, one, row)
        row = await _moved(call, row, until)
        if row is None or _is_down(row) or not await taken.took(call, row, one, until):
            return False
    except _LATER as exc:
        log.info("a machine is not handed over yet: %s", exc.code)
        return False
    return call.journal.plans.move(plan, one, "handed")  # unless it was cancelled meanwhile


async def keep_short(call: Call, plan: Plan, one: Try) -> bool:
    """Let a machine that works live on while others come up: its short lease begins anew once half
    of it is over, and its worst case with it. False where the budget has no room for that.

    Raises NotRented where the turn was lost, and JournalUnavailable.
    """
    instance_id, whole_s, now = one.instance_id or 0, plan.bounds.lease_s, call.now()
    end = lifetimes.surely_known(call, plan.account).end_of(instance_id, None)
    if end is None or end - now > whole_s / 2:
        return True
    hours = (now + whole_s - one.made_at) / 3600
    if not call.journal.plans.raise_worst(plan, one, one.usd_per_hour * hours + one.pull_usd):
        return False
    try:
        row = await call.vast.show_instance(instance_id)
        until = None if row is None else _allowed(call, plan, row, now + whole_s)
        if row is not None and until is not None and until > end:
            row = await _moved(call, row, until)
            if row is not None:
                await taken.took(call, row, one, until)
    except _LATER as exc:
        log.info("a machine's lease is not moved yet: %s", exc.code)
    return True


def ends_sentence(call: Call, plan: Plan, one: Try) -> str | None:
    """When a machine ends by itself, and what moves that; None for one that is ended, and once it
    is handed over. Raises JournalUnavailable.
    """
    instance_id = one.instance_id
    if instance_id is None or one.state not in {"begun", "ready"} or one.gone_at is not None:
        return None
    if one.state == "ready" and one.until is not None:
        ends = _ends(call, one, _end_unmoved(plan, one))
        return (
            f"Machine {instance_id} works, and {ends}, unless its watchdog takes its new end, "
            "which was not seen yet: the same call looks again."
        )
    end = lifetimes.surely_known(call, plan.account).end_of(instance_id, None)
    if end is None:
        return None
    if one.state == "begun":
        return f"Machine {instance_id} starts, and {_ends(call, one, end)}; that it works moves it."
    who = "the same call" if plan.told else "this answer, once it has arrived,"
    ends = _ends(call, one, end)
    return f"Machine {instance_id} works, and {ends}: {who} {_moves(plan.bounds.lease_hours)}."


def _end_unmoved(plan: Plan, one: Try) -> float:
    """The end that the watchdog keeps to while it has not taken a new one."""
    born, last = taken.end_inside(one), taken.last_short_end(one)
    return last if last - born > plan.bounds.lease_s / 2 else born


def _ends(call: Call, one: Try, end: float) -> str:
    minutes = max(0, round((end - call.now()) / 60))
    if one.intent is None or not lease.has_watchdog(one.intent):
        return f"is ended in {minutes} min, at {utc(end)}, by a running vast-mcp server"
    return f"ends by itself in {minutes} min, at {utc(end)}"


def _moves(hours: float | None) -> str:
    return "takes that end away" if hours is None else f"moves that to {hours:g} h from then"


async def unguarded(call: Call, rental: Json, bounds: Bounds) -> str | None:
    """What is to be said before machines are rented that may not end by themselves; None where
    nothing is known to speak against it. `rental`: arguments of create_instance, without an offer.
    Raises what is wrong with them.
    """
    given = {**rental, "offer_id": 1, "lease_hours": short_lease_hours(bounds)}
    made, _ = await lease.lease_of(call, order_of(given, call.settings))
    if made is None or made.watchdog_takes is None:
        why = "" if made is None else f" ({made.why_outside})"
        return (
            f"No watchdog can guard such a machine{why}: its short lease, and the one asked for, "
            "end it only while a vast-mcp server runs, or by vast-mcp sweep, and it bills until "
            "then, past any budget."
        )
    if made.bare is not None:
        return f"Such a machine ends by itself {' and '.join(made.needs)}."
    return None


def _is_down(row: Instance) -> bool:
    """Whether the last look shows a machine that works no more, and that nobody stopped: looks that
    follow say whether it failed.
    """
    return phase_of(row) not in {"running", "stopped", "halted"}


# ── the label ──────────────────────────────────────────────────────────────────────────────────


def _end_asked(call: Call, plan: Plan, one: Try, row: Instance) -> float:
    """When the machine ends once it is handed over, in epoch seconds: as it was announced first, or
    as it is announced now. Never before the end that it has: a watchdog takes later times alone.
    """
    hours, until = plan.bounds.lease_hours, one.until
    if until is None:
        until = float(ENDLESS) if hours is None else call.now() + hours * 3600
        present = lifetimes.surely_known(call, plan.account).end_of(row.id, row)
        until = float(int(max(until, present or 0.0)))
        until = call.journal.plans.promise_end(plan, one, until)
    return _allowed(call, plan, row, until)


def _allowed(call: Call, plan: Plan, row: Instance, until: float) -> float:
    """That end, within the longest life that the person of this process allows a machine."""
    leases = lifetimes.surely_known(call, plan.account)
    if leases.longest_s is None:
        return until
    return float(int(min(until, leases.birth_of(row.id, row) + leases.longest_s)))


async def _moved(call: Call, row: Instance, until: float) -> Instance | None:
    """The machine's row once it shows a label with this end; None where it does not. Raises what
    kept it from being written, OverLimit and PriceUnknown.
    """
    if _shows(row, until):
        record_lease(call.session, row.id, until)
        return row
    await reserving.weigh_longer(call, row.id, row)
    async with call.session.lease_lock():
        fresh = await call.vast.show_instance(row.id)
        if fresh is None:
            return None
        label = naming.with_lease(call, row.id, fresh, until)
        if not _shows(fresh, until):
            await call.vast.change_instance(row.id, {"label": label})
        seen = await _seen(call, row.id, until)
        if seen is not None:
            record_lease(call.session, row.id, until)
        return seen


def _shows(row: Instance, until: float) -> bool:
    """Whether a row's label has this end, or a later one."""
    return (lease_of(row.label) or 0.0) >= until


async def _seen(call: Call, instance_id: int, until: float) -> Instance | None:
    """A look that shows the label with this end; some are made."""
    for attempt in range(LOOKS):
        if attempt and not await call.another_look():
            return None
        row = await call.vast.show_instance(instance_id)
        if row is not None and _shows(row, until):
            return row
    return None
