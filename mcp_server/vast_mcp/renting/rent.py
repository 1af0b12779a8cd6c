"""One wish, one machine: the protocol of docs/protocol.md, in the order in which it happens.

    journal read → looks → claim → sending → PUT → verdict → (in doubt: look until the deadline)

A call that comes again finds what the first one did. While anything is in doubt, nothing else is
rented.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import anyio

from vast_mcp import errors
from vast_mcp.account import met
from vast_mcp.journal.records import Intent
from vast_mcp.renting.answered import refuse_if_answered
from vast_mcp.renting.attempt import attempt, has_time
from vast_mcp.renting.confirm import Agreement
from vast_mcp.renting.earlier import refuse_if_unannounced, rental_found, rental_of
from vast_mcp.renting.elsewhere import rental_elsewhere
from vast_mcp.renting.order import Order
from vast_mcp.renting.over_limit import refuse_if_ended
from vast_mcp.renting.price_kept import check_price, check_untold
from vast_mcp.renting.refusals import defect_after, not_rented, taken, with_next_steps
from vast_mcp.renting.request import Rental, Request, request_of
from vast_mcp.renting.terms import Terms, agreed_terms, terms_unasked
from vast_mcp.session import Call

RESENDS = 2  # after no connection was made


async def rent(call: Call, order: Order) -> Rental:
    """Rent what the order asks for, once, or say what became of it.

    Raises a leaf of the error tree; every one that may have left a machine has its token, and
    its id where it is known.
    """
    request, warnings = await request_of(call, order)
    tries, agreed = _Tries(), Agreement()
    began = time.time()
    while True:
        refuse_if_ended(call, request.wish)
        rental = await rental_of(call, request)
        if rental is not None:
            kept = await _check_found(call, rental)
            return replace(rental, warnings=[*warnings, *kept, *rental.warnings])
        rental, lost = await rental_elsewhere(call, request)
        if rental is not None:
            return replace(rental, warnings=[*warnings, *rental.warnings])
        warnings += lost
        refuse_if_answered(call, request, began)
        await check_untold(call, request.wish.account)
        refuse_if_unannounced(call, request.wish)
        _check_time(call, request)
        terms = await terms_unasked(call, order, request.wish.account)
        if call.journal.consider(request.wish).act != "send":
            continue  # somebody was faster: there is nothing to ask a person
        terms = await agreed_terms(call, order, terms, agreed)
        agreed = terms.agreement
        if agreed.asked_now:
            continue  # minutes may have gone by; look again at what there is, and what it costs
        warnings += terms.findings.warnings
        made = await attempt(call, request, terms)
        if made is None:
            continue  # somebody was faster, or time ran out: look again at what there is
        intent, outcome = made
        if not isinstance(outcome, Rental):
            if await tries.waited_for_another(call, outcome):
                continue
            found = await _settled(call, request, intent, outcome)
            if found is None:
                warnings += _proven_absent(outcome)
                continue
            outcome = found
        _note_rented(call, terms, outcome)
        kept = await _check_kept(call, outcome)
        return replace(outcome, warnings=[*warnings, *kept, *outcome.warnings])


def _note_rented(call: Call, terms: Terms, rental: Rental) -> None:
    """Remember on which machine it is, where its offer says so; else a look at it does."""
    offer = terms.findings.offer
    if offer is not None:
        met.note(call, offer.machine_id, rental.instance_id, "rented")


def _check_time(call: Call, request: Request) -> None:
    """Raises NotRented where a PUT would not have its whole time."""
    if not has_time(call):
        raise not_rented(
            request,
            "what was in doubt is settled, and this call has no time left to send the request",
        )


async def _check_found(call: Call, rental: Rental) -> list[str]:
    """Warnings about the price of what was rented before, where nobody has looked at it yet."""
    if rental.intent.judged or not rental.intent.allowed.is_limited:
        return []
    return await _check_kept(call, rental)


async def _check_kept(call: Call, rental: Rental) -> list[str]:
    """Warnings about the price of what was rented. Raises OverLimit."""
    try:
        return await check_price(call, rental.intent, rental.instance_id)
    except errors.VastMcpError:
        raise
    except Exception as exc:
        return [f"Its price could not be checked: a defect of vast-mcp ({type(exc).__name__})."]


# ── after a request that made nothing, or nobody knows what ────────────────────────────────────


@dataclass
class _Tries:
    """How often this call may still send after a request that surely made nothing."""

    resends: int = RESENDS
    waits: int = 1

    async def waited_for_another(self, call: Call, refused: errors.VastMcpError) -> bool:
        """Pause where the same request may be sent once more; False where it may not."""
        if isinstance(refused, errors.Unreachable) and self.resends:
            self.resends -= 1
            pause_s = call.times.retry_s
        elif isinstance(refused, errors.RateLimited) and self.waits:
            self.waits -= 1
            pause_s = refused.retry_after_s
            if pause_s is None:
                pause_s = call.times.rate_limit_s
        else:
            return False
        if not has_time(call, pause_s):
            return False
        await anyio.sleep(pause_s)
        return True


async def _settled(
    call: Call, request: Request, intent: Intent, outcome: errors.VastMcpError
) -> Rental | None:
    """The machine of a request in doubt; None where the request is proven to have made nothing.

    Raises the outcome itself where there is no doubt in it.
    """
    journal = call.journal
    if isinstance(outcome, errors.OfferGone) and journal.was_absent(request.wish):
        await _reopen(call, request, outcome)
        return None
    if not isinstance(outcome, errors.OutcomeUnknown):
        raise with_next_steps(outcome, request, intent)
    try:
        await _settle_own(call, request, outcome)
        now = journal.by_token(intent.token)
    except errors.JournalUnavailable as exc:
        raise with_next_steps(outcome, request, intent) from exc
    except errors.VastMcpError:
        raise
    except Exception as exc:
        raise with_next_steps(defect_after(exc), request, intent) from exc
    if now is None or now.state != "confirmed":
        call.deeds.settle("create", "made_nothing")
        return None
    call.deeds.settle("create", "accepted")
    return rental_found(request, now, recovered=True)


async def _reopen(call: Call, request: Request, gone: errors.OfferGone) -> None:
    """Look again for an earlier request of this wish, which may be who took the offer, unless that
    was too long ago. Raises NotRented where it did not.
    """
    wish, journal = request.wish, call.journal
    if journal.reopen(wish, time.time() - call.times.taken_after_s):
        perhaps_ours = errors.OutcomeUnknown(
            "The offer is taken, perhaps by an earlier request of this rental, whose machine is "
            "not visible yet."
        )
        await _settle_own(call, request, perhaps_ours)
    keys = {living.request_key for living in journal.living(wish.account)}
    if wish.request_key not in keys:
        raise taken(request) from gone


def _proven_absent(outcome: errors.VastMcpError) -> list[str]:
    if not isinstance(outcome, errors.OutcomeUnknown):
        return []
    return ["An earlier request of this call was lost and is proven to have made nothing."]


async def _settle_own(call: Call, request: Request, unknown: errors.OutcomeUnknown) -> None:
    """Look for this wish's machine until there is a verdict. Raises `unknown` where the call's
    time ends first.
    """
    wish, session = request.wish, call.session
    await session.reconciler.settle(
        call.vast,
        wish.account,
        call.deadline,
        request_key=wish.request_key,
        mine=session.journal.tokens_of(wish),
    )
    still = session.reconciler.open_for(wish.account, wish.request_key)
    if still:
        raise with_next_steps(unknown, request, still[0])
