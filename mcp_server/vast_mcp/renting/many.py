"""One act on several machines: judged and announced together, sent with one request where Vast has
one, and looked up machine by machine.

Vast answers "success" to such a request where one of them worked, and names none
(docs/vast-api.md C.7): what became of each is what the list shows afterwards. Where a request of
its own says more (which start was queued, which label differs), each machine has its own.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from vast_mcp import errors
from vast_mcp.account.roll import roll
from vast_mcp.account.whose import account_of
from vast_mcp.journal.records import Reservation
from vast_mcp.renting import reserving
from vast_mcp.renting.acts import LOOKS, Act, Outcome
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.limits import check_machine, standing
from vast_mcp.renting.proposal import Proposal
from vast_mcp.renting.reserving import Change
from vast_mcp.renting.target import Target
from vast_mcp.session import Call
from vast_mcp.vast.deeds import may_have_happened
from vast_mcp.vast.models import Instance

# What sends the act to all: the error of each machine that has one of its own.
Send = Callable[[Sequence[Act]], Awaitable[dict[int, errors.VastMcpError]]]


@dataclass(frozen=True)
class One:
    """What became of the act on one machine; `error`: why it was refused, or is not known."""

    act: Act
    outcome: Outcome
    error: errors.VastMcpError | None = None


async def perform_many(acts: Sequence[Act], send: Send) -> list[One]:
    """Do it to each once, within the limits for all together and with one yes of the person.
    Raises before anything is sent what speaks against one of them, and Vast's refusal of all.
    """
    call = acts[0].call
    for act in acts:
        await act.check()
    consent = _consent_to(acts)
    held: dict[int, Reservation] = {}
    if acts[0].may_cost:
        held = _announce(call, await _agreed(acts, consent), consent)
    failed: dict[int, errors.VastMcpError] = {}
    try:
        failed = await send(acts)
    except errors.VastMcpError as exc:
        if not may_have_happened(exc):
            consent.give_back()
            for reservation in held.values():
                reserving.settle(call, reservation, None)
            raise
        failed = dict.fromkeys((act.target.instance_id for act in acts), exc)
    if acts[0].restarts:
        for act in acts:
            call.session.mark_started(act.target.instance_id, time.time())
    return [_settled(act, outcome, held, failed) for act, outcome in await _look(call, acts)]


def _consent_to(acts: Sequence[Act]) -> Consent:
    first = acts[0]
    named = ", ".join(act.target.named for act in acts)
    question = f"{first.name.capitalize()} {len(acts)} machines: {named}?"
    return Consent(first.call, Proposal(first.again.tool, first.given, question, first.again))


async def _agreed(acts: Sequence[Act], consent: Consent) -> list[Change]:
    """The changes that the limits allow, and the person where one is to be asked about one of
    them: at the price of all.
    """
    call = acts[0].call
    while True:
        changes = await _weigh(call, acts)
        pairs = zip(acts, changes, strict=True)
        if not any(act.wants_yes(change) for act, change in pairs):
            return changes
        prices = [change.usd_per_hour for change in changes]
        known = [usd for usd in prices if usd is not None]
        if not await consent.ask(sum(known) if len(known) == len(prices) else None):
            return changes
        there = await roll(call)
        for act in acts:
            act.target = Target(act.target.instance_id, there)
            await act.check()


async def _weigh(call: Call, acts: Sequence[Act]) -> list[Change]:
    """What each machine comes to cost, by the list just read, and beside what the limits count."""
    changes = [_change_of(call, act) for act in acts]
    if not call.limits.any_price:
        return changes
    account = await account_of(call)
    dearer = [change for change in changes if change.is_dearer]
    for change in dearer:
        check_machine(call, change.usd_per_hour, instance_id=change.instance_id)
    seen = await standing(call) if dearer else None
    return [replace(change, account=account, standing=seen) for change in changes]


def _change_of(call: Call, act: Act) -> Change:
    row = act.target.row
    usd = act.afterwards(row)
    dearer = reserving.is_more_than_now(usd, row)
    return Change(call, act.target.instance_id, row, usd, is_dearer=dearer)


def _announce(call: Call, changes: Sequence[Change], consent: Consent) -> dict[int, Reservation]:
    """Spend the yes and announce every price, in one transaction: each counts beside those before
    it. Raises OverLimit, PriceUnknown, NeedsConfirmation; nothing is announced then.
    """
    account = changes[0].account
    if account is None:
        consent.spend()
        return {}
    with call.journal.alone():
        held = {one.instance_id: reserving.announced(one, account) for one in changes}
        consent.spend()
    return held


async def _look(call: Call, acts: Sequence[Act]) -> list[tuple[Act, Outcome]]:
    """A few looks at the whole list, until it shows all that was asked for."""
    rows: dict[int, Instance] = {}
    trouble: errors.VastMcpError | None = None
    for attempt in range(LOOKS):
        if attempt and not await call.another_look():
            break
        try:
            rows |= {row.id: row for row in await call.in_passing().list_instances()}
        except errors.VastMcpError as exc:
            trouble = exc
            continue
        trouble = None
        if all(_shows(act, rows) for act in acts):
            break
    return [
        (act, Outcome(rows.get(act.target.instance_id), _shows(act, rows), trouble)) for act in acts
    ]


def _shows(act: Act, rows: dict[int, Instance]) -> bool:
    row = rows.get(act.target.instance_id)
    return row is not None and act.shows(row)


def _settled(
    act: Act,
    outcome: Outcome,
    held: dict[int, Reservation],
    failed: dict[int, errors.VastMcpError],
) -> One:
    """Settle the reservation by what was seen: what is not seen may come yet, unless it was refused
    for certain.
    """
    instance_id = act.target.instance_id
    error = None if outcome.done else failed.get(instance_id)
    refused = error is not None and not may_have_happened(error)
    refused = refused and not isinstance(error, errors.StartQueued)
    state = "true" if outcome.done else None if refused else "maybe"
    reserving.settle(act.call, held.get(instance_id), state)
    return One(act, outcome, error)
