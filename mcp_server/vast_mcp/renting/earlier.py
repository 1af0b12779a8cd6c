"""What earlier calls left: the machine of this wish, a doubt, a machine that nobody heard of."""

from __future__ import annotations

import logging

import anyio

from vast_mcp import errors
from vast_mcp.journal.records import Intent, Verdict, Wish
from vast_mcp.renting.refusals import (
    already_rented,
    created_stopped,
    earlier_rental_found,
    in_doubt,
    key_reused,
    rental_missing,
)
from vast_mcp.renting.request import Rental, Request
from vast_mcp.session import Call

log = logging.getLogger("vast_mcp")

WAIT_S = 0.05  # between looks at an attempt that another caller is making


async def rental_of(call: Call, request: Request) -> Rental | None:
    """The machine that this wish has already; None where it may be rented.

    Waits for whoever is sending, and settles what is in doubt, until the wish can be judged. Raises
    KeyReused, OfferAlreadyRented, RentalMissing, CreatedStopped, and what in_doubt makes.
    """
    journal = call.journal
    while True:
        journal.abandon_unsent(request.wish.account)
        verdict = journal.consider(request.wish)
        intent = verdict.intent
        if intent is None:
            return None
        _refuse_if_reused(request.wish, verdict)
        match verdict.act:
            case "replay":
                if await lives(call, intent):
                    return _replayed(call, request, intent)
            case "already_rented":
                if await lives(call, intent):
                    raise already_rented(request.wish, intent)
            case "reconcile":
                await _settle(call, request, intent)
            case _:
                await _wait(call, request, intent)


def seen_of(call: Call, wish: Wish) -> Intent | None:
    """What a create of this wish would meet, judged by the journal alone: a machine, or a doubt;
    None where it would rent.

    Raises KeyReused and OfferAlreadyRented as the create would.
    """
    call.journal.abandon_unsent(wish.account)
    verdict = call.journal.consider(wish)
    _refuse_if_reused(wish, verdict)
    if verdict.act == "already_rented" and verdict.intent is not None:
        raise already_rented(wish, verdict.intent)
    return verdict.intent


def unannounced(call: Call, wish: Wish) -> list[Intent]:
    """Machines that bill and whose answers never arrived: the caller may be replacing one."""
    if wish.allow_unresolved:
        return []
    plans = call.journal.plans
    telling = call.session.telling
    telling.look()
    return [
        intent
        for intent in call.journal.unannounced(wish.account)
        if intent.lives
        and intent.request_key != wish.request_key
        and plans.try_with(intent.token) is None  # its plan tells of it
        and not telling.expects(intent.news, call.began)
    ]


def refuse_if_unannounced(call: Call, wish: Wish) -> None:
    """Raises EarlierRentalFound while such a machine bills. Its answer tells of the machine, so
    that the same call again is meant.
    """
    found = unannounced(call, wish)
    if found:
        raise earlier_rental_found(found)


def rental_found(request: Request, intent: Intent, *, recovered: bool) -> Rental:
    """A machine found instead of made. Raises CreatedStopped where it stands still although it was
    to run.
    """
    if intent.stopped and not intent.stopped_as_asked:
        raise created_stopped(request, intent)
    return Rental(intent, intent.instance_id or 0, replayed=not recovered, recovered=recovered)


# ── the verdicts ───────────────────────────────────────────────────────────────────────────────


def _refuse_if_reused(wish: Wish, verdict: Verdict) -> None:
    if verdict.act == "reused" and verdict.intent is not None:
        raise key_reused(wish, verdict.intent)


def _replayed(call: Call, request: Request, intent: Intent) -> Rental:
    recovered = call.session.take_recovered(intent.token)
    return rental_found(request, intent, recovered=recovered)


async def _settle(call: Call, request: Request, intent: Intent) -> None:
    """Look for the machine of an attempt in doubt. Raises what in_doubt makes, where the call's
    time ends first, the journal cannot be written, or a defect of ours is in the way.
    """
    own = intent.request_key == request.wish.request_key
    try:
        await call.reconciler.settle(
            call.vast,
            request.wish.account,
            call.deadline,
            request_key=intent.request_key,
            mine=[intent.token] if own else [],
        )
    except errors.JournalUnavailable as exc:
        raise in_doubt(request, intent) from exc
    except errors.VastMcpError:
        raise
    except Exception as exc:
        log.error("settling: defect: %s", type(exc).__name__)
        raise in_doubt(request, intent) from exc
    after = call.journal.by_token(intent.token)
    if after is None or after.state in {"unknown", "sending"}:
        raise in_doubt(request, intent)
    if after.state == "confirmed" and own:
        call.session.recovered.add(after.token)


async def _wait(call: Call, request: Request, intent: Intent) -> None:
    """Give whoever is sending a moment. Raises what in_doubt makes, where the call's time ends."""
    if anyio.current_time() + WAIT_S >= call.deadline:
        raise in_doubt(request, intent)
    await anyio.sleep(WAIT_S)


async def lives(call: Call, intent: Intent) -> bool:
    """Whether a confirmed machine still exists. A young one does, since its row may not be readable
    yet.

    Raises RentalMissing when a whole list lacks it and the second one is not due within this call.
    """
    session, times = call.session, call.times
    if session.journal.is_young(intent, times.young_s):
        return True
    while True:
        listed = await session.reconciler.look(call.vast, intent.account)
        if intent.instance_id in {row.id for row in listed}:
            return True
        now = session.journal.by_token(intent.token)
        if now is None or not now.lives:
            return False
        if not call.has_time_for(times.look_s):
            raise rental_missing(intent, times.lists_apart_s)
        await anyio.sleep(times.look_s)
