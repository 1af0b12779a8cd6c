"""One attempt to rent: announced in the journal, sent once, its verdict written down."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import anyio

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.journal.records import Allowed, Intent
from vast_mcp.leases.labels import leased
from vast_mcp.machines.volumes import named
from vast_mcp.renting import limits
from vast_mcp.renting.answered import keep_answer
from vast_mcp.renting.earlier import unannounced
from vast_mcp.renting.limits import Headroom
from vast_mcp.renting.refusals import defect_after, hiding, not_rented
from vast_mcp.renting.request import Rental, Request
from vast_mcp.renting.terms import Terms, terms_at_this_moment
from vast_mcp.session import Call, Unwritten

log = logging.getLogger("vast_mcp")

UNWRITTEN = "The journal could not be written: keep the instance id, and do not repeat this call."


def has_time(call: Call, pause_s: float = 0.0) -> bool:
    """Whether a PUT that begins after a pause still has its whole time."""
    return call.has_time_for(pause_s + call.times.put_s)


async def attempt(
    call: Call, request: Request, terms: Terms
) -> tuple[Intent, Rental | errors.VastMcpError] | None:
    """Claim and send. None where the journal, or the clock, now says something else: look again.

    One at a time in this process, since a request whose caller went away must be known of before
    the next one leaves.
    """
    async with call.session.one_at_a_time:
        await call.vast.turn_to_rent()
        now = await terms_at_this_moment(call, request.order, terms)
        if call.session.closing:
            raise not_rented(request, "this server was asked to end")
        if now is None or not has_time(call):
            return None
        intent = claim(call, request, now)
        if intent is None:
            return None
        # Neither a cancelled call nor the end of stdin parts the PUT from the record of its
        # verdict.
        with anyio.CancelScope(shield=True):
            try:
                return intent, await _put(call, now.body, intent)
            except errors.VastMcpError as exc:
                outcome = hiding(exc, now.body)
                keep_answer(call, request, intent, outcome)
                return intent, outcome
            finally:
                call.journal.mark_landed(intent)
    raise AssertionError("a shielded scope is not cancelled")


def claim(call: Call, request: Request, terms: Terms) -> Intent | None:
    """Announce the attempt; None where the journal has more to say to the wish than "send".

    What the limits count is counted in the same transaction, so that callers at the same time, in
    several processes, cannot each see room for one. The storm stops here, and removes this count to
    see that it is missed (tests/storm/served.py).
    """
    wish, journal = request.wish, call.journal
    journal.take_ownership()
    with journal.alone():
        check_file(call, request.file)
        journal.abandon_unsent(wish.account)
        if journal.consider(wish).act != "send" or unannounced(call, wish):
            return None
        room = limits.check_account(call, terms.standing, wish.account, terms.price.total)
        journal.mark_told(call.told)
        intent = journal.intend(
            wish,
            leased(request.order.label, terms.lease_until),
            usd_per_hour=terms.price.total,
            lease_until=terms.lease_until,
            approval=terms.agreement.approval,
            facts=terms.facts,
            allowed=_allowed(call, request, terms, room),
            born_at=call.now(),
            try_of=request.order.try_of,
        )
    call.session.telling.settled(call.told)
    call.session.telling.answering[intent.token] = call.host and call.host.answer
    call.attempts.add(intent.token)
    return intent


def _allowed(call: Call, request: Request, terms: Terms, room: Headroom | None) -> Allowed:
    """What the attempt is sent under, whoever finds its machine."""
    order = request.order
    return Allowed(
        machine=limits.most_of_machine(call, order.max_usd_per_hour),
        total=call.limits.max_total_usd_per_hour,
        counted=None if room is None else room.usd_per_hour,
        volume=terms.price.volume if order.volume_is_new else None,
    )


def check_file(call: Call, file: tuple[int, int] | None) -> None:
    """Raises JournalUnavailable where the journal's file is not the one that was asked before."""
    if call.journal.file != file:
        raise errors.JournalUnavailable(
            "The file of the journal of rentals was deleted or replaced during "
            "this call. Repeat the call."
        )


async def _put(call: Call, body: Json, intent: Intent) -> Rental:
    """Send the one request, and write down what came of it. After money may have moved, a journal
    that fails is a warning, and whatever else fails is a doubt: our own defects too.

    A process that stood still for the whole time of the request sends nothing: to all others it has
    been in doubt, or given up, for that long.
    """
    journal, claimed = call.journal, time.monotonic()
    journal.mark_sending(intent)
    try:
        # The storm stops before and after each mark, and sends without the token here.
        request = {**named(body, intent.token), "label": intent.label}
        instance_id = await call.vast.rent(
            intent.offer_id, request, may_leave=lambda: journal.may_leave(intent, claimed)
        )
    except errors.CreatedStopped as exc:
        made = exc.instance_id or 0
        mark = partial(journal.mark_confirmed, intent, made, stopped=True)
        written = _write(call, intent, mark, made)
        if intent.wanted != "stopped":
            raise
        return _stopped_as_asked(intent, exc, written=written)
    except errors.OutcomeUnknown:
        _write(call, intent, partial(journal.mark_unknown, intent))
        _doubt(call, intent)
        raise
    except errors.VastMcpError as exc:
        _write(call, intent, partial(journal.mark_refused, intent, exc.code))
        raise
    except Exception as exc:
        _write(call, intent, partial(journal.mark_unknown, intent))
        _doubt(call, intent)
        raise defect_after(exc) from exc
    if _write(call, intent, partial(journal.mark_confirmed, intent, instance_id), instance_id):
        return Rental(intent, instance_id)
    return Rental(intent, instance_id, warnings=[UNWRITTEN])


def _stopped_as_asked(intent: Intent, exc: errors.CreatedStopped, *, written: bool) -> Rental:
    """The machine that was to be stopped, and is (docs/vast-api.md A.11)."""
    warnings = [] if written else [UNWRITTEN]
    if exc.vast_message:
        status = exc.http_status
        warnings.append(f"Vast named an error beside its id (HTTP {status}); show_instance tells.")
    return Rental(replace(intent, stopped=True), exc.instance_id or 0, warnings=warnings)


def _write(
    call: Call, intent: Intent, mark: Callable[[], None], instance_id: int | None = None
) -> bool:
    """Write the verdict down; whether that could be done. Where it could not, every answer says
    so until looking has settled the attempt.
    """
    try:
        mark()
    except Exception as exc:
        log.error("a verdict could not be written: %s", type(exc).__name__)
        call.session.unwritten[intent.token] = Unwritten(intent, instance_id)
        _doubt(call, intent)
        return False
    return True


def _doubt(call: Call, intent: Intent) -> None:
    """The attempt is in doubt for this process, which goes to look for its machine."""
    call.reconciler.doubt(intent)
    call.session.doubts.set()
