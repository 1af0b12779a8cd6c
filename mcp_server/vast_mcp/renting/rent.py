"""One wish, one machine: the protocol of docs/protocol.md, in the order in which it happens.

    journal read → looks → claim → sending → PUT → verdict → (in doubt: look until the deadline)

A call that comes again finds what the first one did. While anything is in doubt, nothing else is
rented.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from dataclasses import dataclass, replace

import anyio

from vast_mcp import errors
from vast_mcp.errors import Json, NextStep
from vast_mcp.journal.records import Intent, Wish
from vast_mcp.leases.labels import leased
from vast_mcp.renting import limits
from vast_mcp.renting.confirm import Agreement
from vast_mcp.renting.price_kept import check_price_kept
from vast_mcp.renting.refusals import (
    TAKEN,
    already_rented,
    hiding,
    in_doubt,
    key_reused,
    not_rented,
    with_next_steps,
)
from vast_mcp.renting.request import Rental, Request, request_of
from vast_mcp.renting.terms import Order, Terms, terms_of
from vast_mcp.session import Call

RESENDS = 2  # after no connection was made


WAIT_S = 0.05  # between looks at an attempt that another caller is making


@dataclass(frozen=True)
class Preview:
    """What an order would meet: what the journal has of it already, else the terms of renting
    it.
    """

    request: Request
    found: Intent | None
    terms: Terms | None
    warnings: list[str]


async def preview(call: Call, order: Order) -> Preview:
    """Every check and price of the real call; nothing is sent and no attempt is journalled."""
    request, warnings = await request_of(call, order)
    found = _standing_of(call, request.wish)
    if found is not None:
        return Preview(request, found, None, warnings)
    refuse_if_unannounced(call, request.wish)
    terms = await terms_of(call, order, request.wish.account)
    return Preview(request, None, terms, [*warnings, *terms.findings.warnings])


async def rent(call: Call, order: Order) -> Rental:
    """Rent what the order asks for, once, or say what became of it.

    Raises a leaf of the error tree; every one that may have left a machine has its token, and
    its id where it is known.
    """
    request, warnings = await request_of(call, order)
    wish, journal = request.wish, call.session.journal
    sends, waited = 0, False
    agreed: Agreement | None = None
    while True:
        if (found := await _already(call, request)) is not None:
            return replace(found, warnings=[*warnings, *found.warnings])
        refuse_if_unannounced(call, wish)
        _check_time(call, request)
        terms = await terms_of(call, order, wish.account, agreed)
        agreed = terms.agreement
        if agreed.asked_now:
            continue  # minutes may have gone by; look again at what there is, and what it costs
        warnings += terms.findings.warnings
        attempt = await _attempt(call, request, terms)
        if attempt is None:
            continue  # somebody was faster; look again at what there is
        intent, outcome = attempt
        sends += 1
        if isinstance(outcome, Rental):
            return await _made(call, order, terms, outcome, warnings)
        if (
            isinstance(outcome, errors.Unreachable)
            and sends <= RESENDS
            and _has_time(call, call.times.retry_s)
        ):
            await anyio.sleep(call.times.retry_s)
        elif (
            isinstance(outcome, errors.RateLimited)
            and not waited
            and _has_time(call, _pause(call, outcome))
        ):
            waited = True
            await anyio.sleep(_pause(call, outcome))
        elif isinstance(outcome, errors.OfferGone) and journal.was_absent(wish):
            # An earlier request of this wish may be who took the offer, unless that was too long
            # ago.
            if journal.reopen(wish, time.time() - call.times.taken_after_s):
                await _settle_own(call, request)
            if not any(
                living.request_key == wish.request_key for living in journal.living(wish.account)
            ):
                raise not_rented(request, TAKEN) from outcome
        elif isinstance(outcome, errors.OutcomeUnknown):
            try:
                await _settle_own(call, request, outcome)
                now = journal.by_token(intent.token) or intent
            except errors.JournalUnavailable as exc:
                raise with_next_steps(outcome, request, intent) from exc
            if now.state == "confirmed":
                found = replace(_rental(request, now, recovered=True), sent_here=True)
                return await _made(call, order, terms, found, warnings)
            warnings.append(
                "An earlier request of this call was lost and is proven to have made nothing."
            )
        else:
            raise with_next_steps(outcome, request, intent)


async def _made(
    call: Call, order: Order, terms: Terms, rental: Rental, warnings: list[str]
) -> Rental:
    """The rental that this very call sent for, and whether it kept its price."""
    moved = await check_price_kept(
        call, rental.instance_id, terms.price, asked=order.max_usd_per_hour
    )
    return replace(rental, warnings=[*warnings, *moved, *rental.warnings])


def _pause(call: Call, limited: errors.RateLimited) -> float:
    return call.times.rate_limit_s if limited.retry_after_s is None else limited.retry_after_s


# ── before sending ─────────────────────────────────────────────────────────────────────────────


async def _already(call: Call, request: Request) -> Rental | None:
    """The machine that this wish has already; None where it may be rented. Waits for whoever is
    sending, and settles what is in doubt, until the wish can be judged.
    """
    wish, session, journal = request.wish, call.session, call.session.journal
    while True:
        journal.abandon_unsent(wish.account)
        verdict = journal.consider(wish)
        intent = verdict.intent
        if intent is None:
            return None
        if verdict.act in {"replay", "already_rented"} and not await _lives(call, intent):
            return None
        if verdict.act == "replay":
            recovered = intent.token in session.recovered
            session.recovered.discard(intent.token)
            return _rental(request, intent, replayed=not recovered, recovered=recovered)
        if verdict.act == "already_rented":
            raise already_rented(wish, intent)
        if verdict.act == "reused":
            raise key_reused(wish, intent)
        if verdict.act == "reconcile":
            await session.reconciler.settle(
                call.vast,
                wish.account,
                call.deadline,
                request_key=intent.request_key,
                mine=_own(wish, intent),
            )
            after = journal.by_token(intent.token)
            if after is not None and after.state not in {"unknown", "sending"}:
                if after.state == "confirmed" and after.request_key == wish.request_key:
                    session.recovered.add(after.token)
                continue
        elif anyio.current_time() + WAIT_S < call.deadline:
            await anyio.sleep(WAIT_S)
            continue
        raise in_doubt(request, intent)


def _own(wish: Wish, intent: Intent) -> tuple[str, ...]:
    return (intent.token,) if intent.request_key == wish.request_key else ()


def _standing_of(call: Call, wish: Wish) -> Intent | None:
    """What a create of this wish would meet, judged by the journal alone: a machine, or a doubt;
    None: it would rent.

    Raises KeyReused and OfferAlreadyRented as the create would.
    """
    call.session.journal.abandon_unsent(wish.account)
    verdict = call.session.journal.consider(wish)
    if verdict.act == "already_rented" and verdict.intent is not None:
        raise already_rented(wish, verdict.intent)
    if verdict.act == "reused" and verdict.intent is not None:
        raise key_reused(wish, verdict.intent)
    return verdict.intent


async def _lives(call: Call, intent: Intent) -> bool:
    """Whether a confirmed machine still exists. A young one does: its row may not be readable
    yet.

    Raises RentalMissing when a whole list lacks it and the second one is not due within this
    call.
    """
    if call.session.journal.is_young(intent, call.times.young_s):
        return True
    while True:
        listed = await call.session.reconciler.look(call.vast, intent.account)
        if any(instance.id == intent.instance_id for instance in listed):
            return True
        now = call.session.journal.by_token(intent.token)
        if now is None or not now.lives:
            return False
        if anyio.current_time() + call.times.look_s > call.deadline:
            raise errors.RentalMissing(
                f"Machine {intent.instance_id} is not in the list of machines. It counts as "
                f"gone "
                f"when a second list, "
                f"{call.times.lists_apart_s:g} s after the first, lacks it too. Nothing was "
                f"sent.",
                instance_id=intent.instance_id,
                offer_id=intent.offer_id,
                request_key=intent.request_key,
                token=intent.token,
                retry_after_s=call.times.lists_apart_s,
                next_steps=[NextStep("show_instances", {}, "looks again")],
            )
        await anyio.sleep(call.times.look_s)


def _has_time(call: Call, pause: float) -> bool:
    return anyio.current_time() + pause + call.times.put_s <= call.deadline


def _check_time(call: Call, request: Request) -> None:
    """A PUT has its whole time or is not begun. What is in doubt is said before the lack of time
    is.
    """
    if _has_time(call, 0):
        return
    wish = request.wish
    verdict = call.session.journal.consider(wish)
    if verdict.intent is not None and verdict.act in {"wait", "reconcile"}:
        raise in_doubt(request, verdict.intent)
    refuse_if_unannounced(call, wish)
    raise not_rented(
        request, "what was in doubt is settled, and this call has no time left to send the request"
    )


# ── sending ────────────────────────────────────────────────────────────────────────────────────


async def _attempt(
    call: Call, request: Request, terms: Terms
) -> tuple[Intent, Rental | errors.VastMcpError] | None:
    """Claim and send, one at a time in this process; None where the journal now says something
    else.

    One at a time, since a request whose caller went away must be known of before the next one
    leaves.
    """
    wish, journal = request.wish, call.session.journal
    async with call.session.one_at_a_time:
        await call.vast.turn_to_rent()
        if call.session.closing:
            raise not_rented(request, "this server was asked to end")
        refuse_if_unannounced(call, wish)
        _check_time(call, request)
        intent = _claim(call, request, terms)
        if intent is None:
            return None
        # Neither a cancelled call nor the end of stdin parts the PUT from the record of its
        # verdict.
        with anyio.CancelScope(shield=True):
            try:
                return intent, await _put(call, terms.body, intent)
            except errors.VastMcpError as exc:
                return intent, hiding(exc, terms.body)
            finally:
                journal.mark_landed(intent)
    raise AssertionError("a shielded scope is not cancelled")


def _claim(call: Call, request: Request, terms: Terms) -> Intent | None:
    """Announce the attempt. What the limits count is counted in the same transaction, so that
    callers at the same time, in several processes, cannot each see room for one.
    """
    wish, journal = request.wish, call.session.journal
    journal.take_ownership()
    with journal.alone():
        journal.abandon_unsent(wish.account)
        if journal.consider(wish).act != "send":
            return None
        limits.check_account(call, terms.standing, wish.account, terms.price.total)
        return journal.intend(
            wish,
            leased(request.order.label, terms.lease_until),
            usd_per_hour=terms.price.total,
            lease_until=terms.lease_until,
            approval=terms.agreement.approval,
            facts=terms.facts,
        )


def refuse_if_unannounced(call: Call, wish: Wish) -> None:
    """Nothing new is rented while a machine bills whose answer never arrived: the caller may be
    replacing it.

    Raises EarlierRentalFound, whose answer tells of it, so that the same call again is meant.
    """
    if wish.allow_unresolved:
        return
    untold = [
        intent
        for intent in call.session.journal.unannounced(wish.account)
        if intent.lives
        and intent.request_key != wish.request_key
        and intent.token not in call.session.delivered
    ]
    if not untold:
        return
    ids = [intent.instance_id or 0 for intent in untold]
    names = ", ".join(map(str, ids))
    raise errors.EarlierRentalFound(
        f"Nothing was sent: machine {names} of an earlier create_instance, whose answer may not "
        f"have arrived, exists "
        "and bills. It may be what is wanted here. The same call again rents this one as well.",
        instance_id=ids[0],
        offer_id=untold[0].offer_id,
        request_key=untold[0].request_key,
        token=untold[0].token,
        results=[{"instance_id": i} for i in ids] if len(ids) > 1 else (),
        next_steps=[
            NextStep("show_instances", {"label": untold[0].token}, "the machine that there is"),
            NextStep("destroy_instance", {"instance_ids": ids}, "if it is not wanted"),
        ],
    )


async def _put(call: Call, body: Json, intent: Intent) -> Rental:
    journal = call.session.journal
    warnings: list[str] = []
    journal.mark_sending(intent)
    try:
        instance_id = await call.vast.rent(intent.offer_id, {**body, "label": intent.label})
    except errors.CreatedStopped as exc:
        with _recording(warnings):
            journal.mark_confirmed(intent, exc.instance_id or 0, stopped=True)
        raise
    except errors.OutcomeUnknown:
        with _recording(warnings):
            journal.mark_unknown(intent)
        call.session.reconciler.doubt(intent)
        call.session.doubts.set()
        raise
    except errors.VastMcpError as exc:
        with _recording(warnings):
            journal.mark_refused(intent, exc.code)
        raise
    with _recording(warnings):
        journal.mark_confirmed(intent, instance_id)
    return Rental(intent, instance_id, sent_here=True, warnings=warnings)


@contextlib.contextmanager
def _recording(warnings: list[str]) -> Generator[None]:
    """After money may have moved, a journal that fails is a warning: the id must reach the
    caller.
    """
    try:
        yield
    except errors.JournalUnavailable:
        warnings.append(
            "The journal could not be written: keep the instance id, and do not repeat this call."
        )


async def _settle_own(
    call: Call, request: Request, unknown: errors.OutcomeUnknown | None = None
) -> None:
    """Look for this wish's machine until there is a verdict or the budget ends. Raises
    OutcomeUnknown then.
    """
    wish = request.wish
    await call.session.reconciler.settle(
        call.vast,
        wish.account,
        call.deadline,
        request_key=wish.request_key,
        mine=call.session.journal.tokens_of(wish),
    )
    if still := call.session.reconciler.open_for(wish.account, wish.request_key):
        exc = unknown or errors.OutcomeUnknown(
            "The offer is taken, perhaps by an earlier request of this rental, whose machine is "
            "not visible yet."
        )
        raise with_next_steps(exc, request, still[0])


def _rental(
    request: Request, intent: Intent, *, replayed: bool = False, recovered: bool = False
) -> Rental:
    """A machine found instead of made. Raises CreatedStopped where it stands still although it
    was to run.
    """
    instance_id = intent.instance_id or 0
    if intent.stopped:
        raise with_next_steps(
            errors.CreatedStopped(
                "The machine exists and is stopped, though it was to run (a bid too low, or it "
                "could not start); it "
                "bills at least its disk until destroyed.",
                instance_id=instance_id,
            ),
            request,
            intent,
        )
    return Rental(intent, instance_id, replayed=replayed, recovered=recovered)
