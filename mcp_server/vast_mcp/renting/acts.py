"""One skeleton for every act on a machine that exists, since each may cost money.

    limits and a person's yes → send → queued, refused, no answer → what it may cost now → a look

An act that Vast accepted is not done: it counts as done where a row shows it (docs/vast-api.md C.5,
C.7). An act that was not answered may have happened, and is told as unknown until a row shows it.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep
from vast_mcp.journal.records import Reservation
from vast_mcp.leases import lifetimes
from vast_mcp.machines import phases
from vast_mcp.renting import reserving
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.proposal import Proposal
from vast_mcp.renting.reserving import Change
from vast_mcp.renting.target import Target
from vast_mcp.session import Call
from vast_mcp.ssh import pins
from vast_mcp.vast.deeds import may_have_happened
from vast_mcp.vast.models import Instance

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast  # httpx is loaded by the first call

LOOKS = 3
SHOW_INSTANCES = NextStep("show_instances", {}, "its state")


class Act(ABC):
    """One act on one machine: what speaks against it, what it sends, and what in a row shows that
    it happened.

    `given` is all of the call: what a person's yes is for. `again` is the same call, as far as an
    answer may repeat it.
    """

    name: ClassVar[str]  # as a question and an error call it
    may_cost: ClassVar[bool] = False  # more, or for longer: limits and a person have a say
    restarts: ClassVar[bool] = False  # the container goes down, and `exited` is usual for minutes
    makes_anew: ClassVar[bool] = False  # the container, and with it the keys of its SSH server
    may_start: ClassVar[bool] = False  # a machine that stands still: what Vast may say it queued
    provable: ClassVar[bool] = True  # a row can prove it even where Vast gave no answer
    must_be_seen: ClassVar[bool] = False  # accepted and not seen is no success
    comes_later: ClassVar[bool] = False  # what it costs then, weeks after any look

    def __init__(self, call: Call, target: Target, given: Json, again: NextStep) -> None:
        self.call = call
        self.target = target
        self.given = given
        self.again = again

    @property
    def question(self) -> str:
        """What a person is asked, without the price, by what `check` has read."""
        return f"{self.name.capitalize()} {self.target.named}?"

    async def check(self) -> None:  # noqa: B027  nothing does, for most
        """Raises where something speaks against it; nothing is sent then."""

    def check_time_to_boot(self) -> None:
        """Raises LeaseOver where the machine would boot past its lease."""
        then = replace(self.again, why="then")
        lifetimes.check_time_to_boot(self.call, self.target.instance_id, self.target.row, then=then)

    def afterwards(self, row: Instance | None) -> float | None:
        """What the act makes a machine of this row cost while it runs, in $/h."""
        return reserving.at_its_rate(row)

    async def weigh(self) -> Change:
        """What the machine comes to cost. Raises OverLimit or PriceUnknown."""
        target = self.target
        return await reserving.weigh(self.call, target.instance_id, target.row, self.afterwards)

    def wants_yes(self, change: Change) -> bool:
        """Whether a person is asked, where the price is one to ask at: about what makes a machine
        dearer, or moves one that stands still, whatever that was asked to do.
        """
        return change.is_dearer or not phases.is_under_way(change.row)

    @abstractmethod
    async def send(self, vast: Vast) -> None:
        """Send the one request."""

    @abstractmethod
    def shows(self, row: Instance) -> bool:
        """Whether a row shows what was asked for."""

    def steps_if_unsure(self) -> list[NextStep]:
        """What leads on where nobody can tell whether it happened."""
        return [self.again, SHOW_INSTANCES]


@dataclass(frozen=True)
class Outcome:
    """What became of an act that Vast did not refuse.

    `row`: the machine at the last look that showed it. `done`: whether that row shows the act.
    `trouble`: why the last look had no answer.
    """

    row: Instance | None
    done: bool
    trouble: errors.VastMcpError | None = None


async def ask_first(act: Act) -> Consent:
    """Ask the person before a lock is taken that the act needs: they may read for minutes."""
    if not act.may_cost or act.call.settings.confirm_above is None:
        return _consent_to(act)
    await act.check()
    consent = _consent_to(act)
    await _agreed(act, consent)
    return consent


async def perform(act: Act, consent: Consent | None = None) -> Outcome:
    """Do it once, within the limits and with the person's yes, and look what came of it.

    `consent`: what the person said to this call before. Raises what act.check, act.weigh and
    confirm.ask raise, before anything is sent; StartQueued; OutcomeUnknown; and Vast's refusals.
    """
    call = act.call
    held: Reservation | None = None
    await act.check()
    consent = consent or _consent_to(act)
    if act.may_cost:
        held = reserving.announce(await _agreed(act, consent), consent)
    lost = await _send(act, consent, held)
    if act.restarts:
        call.session.mark_started(act.target.instance_id, time.time())
    if act.makes_anew:
        pins.forget(call.session, act.target.instance_id)
    outcome = await _look(act, answered=lost is None)
    reserving.settle(call, held, _counts_as(act, outcome))
    if not outcome.done and (lost is not None or act.must_be_seen):
        raise _unsure(act, lost)
    return outcome


def _counts_as(act: Act, outcome: Outcome) -> Literal["maybe", "agreed", "true"]:
    if act.comes_later:
        return "agreed"
    return "true" if outcome.done else "maybe"


def _consent_to(act: Act) -> Consent:
    again = act.again
    return Consent(act.call, Proposal(again.tool, act.given, act.question, again))


async def _agreed(act: Act, consent: Consent) -> Change:
    """The change that the limits allow and a person, where one is to be asked, agreed to.

    After a person has read, everything is looked at again.
    """
    while True:
        change = await act.weigh()
        if not act.wants_yes(change) or not await consent.ask(change.usd_per_hour):
            return change
        act.target = await Target.read(act.call, act.target.instance_id)
        await act.check()


async def _send(act: Act, consent: Consent, held: Reservation | None) -> errors.VastMcpError | None:
    """Send. Returns the error of an answer that refuses nothing: the act may have happened."""
    try:
        await act.send(act.call.vast)
    except errors.StartQueued as exc:
        reserving.settle(act.call, held, "maybe")
        if not act.may_start:
            return exc
        raise _queued(act, exc) from exc
    except errors.VastMcpError as exc:
        if may_have_happened(exc):
            return exc
        consent.give_back()
        reserving.settle(act.call, held, None)
        _lead_on(act.target, exc)
        raise
    return None


def _lead_on(target: Target, exc: errors.VastMcpError) -> None:
    """Add what leads on from a refusal that is said of this machine, or of the account's credit."""
    if isinstance(exc, errors.NotRunning):
        exc.next_steps = [target.start("starts it; a start bills")]
    elif isinstance(exc, errors.BillingNotSetUp | errors.InsufficientCredit):
        exc.next_steps = [NextStep("show_account", {}, "the credit; its disk bills on")]
    else:
        return
    exc.instance_id = target.instance_id


async def _look(act: Act, *, answered: bool) -> Outcome:
    """A few looks, until one shows what was asked for; or one, where no row could prove it."""
    row: Instance | None = None
    trouble: errors.VastMcpError | None = None
    for attempt in range(LOOKS):
        if attempt and not await act.call.another_look():
            break
        try:
            row = await act.call.vast.show_instance(act.target.instance_id) or row
        except errors.VastMcpError as exc:
            trouble = exc
            continue
        trouble = None
        if row is not None and (act.shows(row) or not act.provable):
            break
    done = row is not None and act.shows(row) and (act.provable or answered)
    return Outcome(row, done, trouble)


def _queued(act: Act, exc: errors.StartQueued) -> errors.StartQueued:
    """Nobody knows whether Vast keeps the wish: it may be granted days later, or never
    (docs/vast-api.md C.5).
    """
    return errors.StartQueued(
        f"{act.name} of machine {act.target.instance_id}: somebody else holds its GPU, and Vast "
        "says that it queued this. In six reports nothing stayed queued; in one, and by Vast's "
        "documentation, it waits, and the machine runs and bills once the GPU is free. Limits "
        "count it as running until it is stopped. Its disk bills.",
        http_status=exc.http_status,
        vast_message=exc.vast_message,
        instance_id=act.target.instance_id,
        next_steps=[
            *act.target.rebid(),
            act.target.stop("cancels what may be queued; keeps the disk, which bills"),
            act.target.show("whether it has happened"),
        ],
    )


def _unsure(act: Act, lost: errors.VastMcpError | None) -> errors.OutcomeUnknown:
    """Sent, and neither answered nor seen; or accepted, and not seen where it must be."""
    look = "a look afterwards does not show it" if act.provable else "no look can prove it"
    if isinstance(lost, errors.Redirected):
        look += "; it was answered with a redirect, which was not followed (is VAST_URL right?)"
    unknown = errors.OutcomeUnknown(
        f"{act.name} of machine {act.target.instance_id}: {look}. The machine bills by its state.",
        instance_id=act.target.instance_id,
        next_steps=act.steps_if_unsure(),
    )
    if lost is not None:
        unknown.http_status, unknown.vast_message = lost.http_status, lost.vast_message
    return unknown
