"""One reading of a machine, behind every tool that shows one: what it is, since when, what it
bills, what ends it, and what was asked for. Nothing here asks Vast.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account import met
from vast_mcp.account.asked import Asked, asked_of
from vast_mcp.account.looks import note_look
from vast_mcp.journal.met import Event
from vast_mcp.journal.records import Intent
from vast_mcp.leases import guards, lifetimes
from vast_mcp.leases.ends import Leases
from vast_mcp.leases.guards import Watchdog
from vast_mcp.machines import costs
from vast_mcp.machines.costs import Bills, bills_of
from vast_mcp.machines.machine import Machine
from vast_mcp.machines.patience import Patience
from vast_mcp.machines.phases import (
    FAILURES,
    Phase,
    Reason,
    State,
    has_run,
    phase_of,
    sign_of,
    unmoved_since,
)
from vast_mcp.machines.watching import Watch
from vast_mcp.session import Call
from vast_mcp.toolspec import Part
from vast_mcp.vast.models import Instance


@dataclass(frozen=True)
class Reading:
    """A machine at one look, with what was known of it before.

    `phase` is what a look shows and `reason` what it comes to, once that is certain. `state` is
    what the machine bills by. `longest_s`: how old the phase is when the verdict falls, if nothing
    moves until then. None is what is not known, and what there is not.
    """

    machine: Machine
    ours: bool | None  # None where its label, which would say so, is hidden
    phase: Phase
    state: State
    reason: Reason | None
    phase_for_s: float | None
    usual_s: float | None
    longest_s: float | None
    bills: Bills
    lease_left_hours: float | None
    past_lease: bool
    watchdog: Watchdog | None
    asked: Asked
    reached: bool  # heard to answer since it last started
    never_ran: bool  # for certain, so that nothing of anybody's can be in it

    @property
    def row(self) -> Instance:
        """The row that was read."""
        row = self.machine.row
        assert row is not None  # noqa: S101  made of a row
        return row


class Named(Part):
    """How an answer about a machine begins."""

    instance_id: int
    state: State


class Shown(Part):
    """The fields of a reading, as every answer shows them."""

    phase: Annotated[
        Phase | None, Field(description="What the state comes of; absent: the state says it.")
    ] = None
    phase_for_s: Annotated[
        int | None, Field(description="Seconds of this phase, as far as known.")
    ] = None
    usual_s: Annotated[int | None, Field(description="What this phase usually takes.")] = None
    longest_s: Annotated[
        int | None, Field(description="Its age when it counts as failed, if nothing moves.")
    ] = None
    usd_per_hour: Annotated[
        float | None, Field(description="What it bills now; traffic is extra.")
    ] = None
    running_usd_per_hour: Annotated[
        float | None, Field(description="What it bills while it runs, where that is not now's.")
    ] = None
    stopped_usd_per_hour: Annotated[
        float | None, Field(description="What it bills on when stopped. Absent in a list: as now.")
    ] = None
    usd_per_tb: Annotated[
        list[float] | None, Field(description="Traffic [down, up], on top of all of these.")
    ] = None
    lease_left_hours: Annotated[
        float | None, Field(description="Until it is destroyed by itself; absent without a lease.")
    ] = None
    past_lease: bool | None = None
    watchdog: Annotated[
        Watchdog | None,
        Field(description="Inside, of its lease: seen armed, not seen yet, or lacking."),
    ] = None
    asked: Annotated[Asked | None, Field(description="What it was rented as.")] = None


def fill(shown: Shown, reading: Reading) -> None:
    """Put a reading into an answer."""
    bills = reading.bills
    if reading.phase != reading.state:
        shown.phase = reading.phase
    shown.phase_for_s = _whole(reading.phase_for_s)
    shown.usual_s = _whole(reading.usual_s)
    shown.longest_s = _whole(reading.longest_s)
    shown.usd_per_hour = costs.rounded(bills.now, costs.DIGITS)
    shown.running_usd_per_hour = costs.rounded(bills.running_if_other, costs.DIGITS)
    shown.stopped_usd_per_hour = costs.rounded(bills.stopped, costs.DIGITS)
    shown.usd_per_tb = bills.usd_per_tb
    shown.lease_left_hours = reading.lease_left_hours
    shown.past_lease = reading.past_lease or None
    shown.watchdog = reading.watchdog
    shown.asked = reading.asked


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)


def read_machine(
    call: Call, row: Instance, record: Intent | None = None, *, fresh: bool = True
) -> Reading:
    """Read a machine by a row and what the journal has of it, which is looked for where it is not
    given. `fresh`: the row was read for this call, and is one look more.
    """
    if record is None:
        record = call.record_of(row.id)
    if fresh:
        note_look(call.session, row.id, row, record)
    reading = _reading(call, Machine(row, record), row, lifetimes.known(call))
    met.note_all(call, _came_to([reading]))
    return reading


def read_machines(call: Call, rows: Sequence[Instance]) -> list[Reading]:
    """The same for a whole list that was learnt from (seen.learn_from)."""
    records, leases = _records(call), lifetimes.known(call)
    readings = [_reading(call, Machine(row, records.get(row.id)), row, leases) for row in rows]
    met.note_all(call, _came_to(readings))
    return readings


def _came_to(readings: Sequence[Reading]) -> Iterator[Event]:
    """What these show of the machines that vast-mcp rented: that it did, that somebody was let in,
    and what failed of the machine's own. What a program or a person ended says nothing of it.
    """
    for one in readings:
        machine_id = one.row.machine_id
        if machine_id is None or not one.ours:
            continue
        yield Event(machine_id, one.row.id, "rented")
        if one.reached:
            yield Event(machine_id, one.row.id, "ready")
        if one.reason is not None and (one.reason in FAILURES or one.reason == "offline"):
            yield Event(machine_id, one.row.id, "failed", one.reason)


def _records(call: Call) -> Mapping[int | None, Intent]:
    """What the journal has of the living machines, by their ids; nothing where it cannot be
    read.
    """
    try:
        account = call.session.journalled_account()
        if account is None:
            return {}
        return {intent.instance_id: intent for intent in call.journal.living(account)}
    except errors.JournalUnavailable:
        return {}


def _reading(call: Call, machine: Machine, row: Instance, leases: Leases) -> Reading:
    watches, record = call.session.watches, machine.record
    watch, patience = watches.of(row.id), Patience.of(call.times, vm=machine.is_vm)
    phase = watches.judged(sign_of(row), row, record)
    look = _Look(watch, machine, row, patience, call.times.young_s, is_watched=watch.phase == phase)
    one_look = watches.judged(phase_of(row), row, record)
    state = watches.state_of(row, look.now, patience, one_look)
    if look.reason is not None and state == "starting":
        state = "failed"
    left, past = lifetimes.left(leases, row.id, row)
    return Reading(
        machine=machine,
        ours=True if row.id in call.session.created else machine.is_ours,
        phase=phase,
        state=state,
        reason=look.reason,
        phase_for_s=look.lasts,
        usual_s=patience.usual(phase),
        longest_s=look.longest if state in {"starting", "failed"} else None,
        bills=bills_of(row),
        lease_left_hours=left,
        past_lease=past is True,
        watchdog=None if left is None else guards.watchdog_of(call, row),
        asked=asked_of(machine, row),
        reached=row.id in call.session.reached,
        never_ran=look.never_ran and not call.session.has_run(row.id),
    )


@dataclass(frozen=True)
class _Look:
    """A look at a machine beside those that were before. `young_s`: how long a machine is young."""

    watch: Watch
    machine: Machine
    row: Instance
    patience: Patience
    young_s: float
    is_watched: bool  # the watch has this look's phase
    now: float = field(default_factory=time.time)

    @property
    def reason(self) -> Reason | None:
        """What the phase comes to, once that is certain."""
        if not self.is_watched:
            return None
        return self.watch.failure(self.machine.born, self.patience)

    @property
    def lasts(self) -> float | None:
        """How long the phase has lasted."""
        if not self.is_watched:
            return None
        return self.watch.lasts(self.now, self._began)

    @property
    def longest(self) -> float | None:
        """How old the phase is when the verdict falls; None where it has, or none comes."""
        if not self.is_watched or self.reason is not None:
            return None
        left = self.watch.until_failure(self.machine.born, self.patience)
        return left + (self.lasts or 0.0) if left else None  # at none, the next look tells

    @property
    def never_ran(self) -> bool:
        """Whether no container of it was ever up, by the looks of this process: it rented it, has
        looked at it since it was young and without a long gap, or no host ever took it up.
        """
        if self.watch.ran or has_run(self.row) or self.machine.record is None:
            return False
        return unmoved_since(self.row) is not None or self._from_birth

    @property
    def _from_birth(self) -> bool:
        """Whether the first look was at a young machine that this process has not started since."""
        born, watch = self.machine.born, self.watch
        return not watch.started_at and born is not None and watch.first - born < self.young_s

    @property
    def _began(self) -> float | None:
        """When the start began of which no look showed anything else, where that is known."""
        if self.watch.phase != "starting":
            return None
        if self.watch.started_at:
            return self.watch.started_at
        return self.machine.born if self._from_birth else unmoved_since(self.row)
