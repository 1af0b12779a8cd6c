"""One wish, one volume, as a machine is rented (docs/protocol.md): journal, looks, claim, one
request, its verdict, and looks again while it is in doubt.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import anyio

from vast_mcp import errors
from vast_mcp.account.volumes import learn_from_volumes
from vast_mcp.errors import Json
from vast_mcp.journal.records import Allowed, Notice
from vast_mcp.journal.volumes import MadeVolume, VolumeWish
from vast_mcp.machines.volumes import name_of
from vast_mcp.renting import limits
from vast_mcp.renting.attempt import check_file, has_time
from vast_mcp.renting.consent import Consent
from vast_mcp.renting.refusals import defect_after
from vast_mcp.renting.volume_doubt import SHOW_VOLUMES, Volumed, consider, elsewhere, settle
from vast_mcp.renting.volume_kept import check_volume
from vast_mcp.renting.volume_order import VolumeOrder, wish_of
from vast_mcp.renting.volume_terms import VolumeTerms, proposal_of, volume_terms
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.vast.deeds import may_have_happened

UNWRITTEN = "The journal could not be written: keep the volume id, and do not repeat this call."


async def make_volume(call: Call, order: VolumeOrder) -> Volumed:
    """Make the volume that the order asks for, once, or say what became of it. Raises a leaf of
    the error tree; every one that may have left a volume has its token.
    """
    wish = await wish_of(call, order)
    consent: Consent | None = None
    while True:
        listed = await call.vast.list_volumes()
        await learn_from_volumes(call, listed)
        verdict = consider(call, wish)
        if verdict.act == "replay" and verdict.made is not None:
            volumed = await _told(call, verdict.made, replayed=True)
            if all(one.id != verdict.made.volume_id for one in listed):
                volumed.warnings.append("The list does not show it at the moment.")
            return volumed
        if verdict.made is not None:
            made = await settle(call, order, verdict.made)
            if made is not None:
                return await _told(call, made, recovered=True)
            continue
        found = await elsewhere(call, wish, order, listed)
        if found is not None:
            return found
        terms = await volume_terms(call, order, listed, wish.account)
        consent = consent or Consent(call, proposal_of(terms, order.given))
        if await consent.ask(terms.usd_per_hour):
            continue  # minutes may have gone by
        outcome = await _attempt(call, wish, terms, consent)
        if outcome is not None:
            return outcome


async def _attempt(
    call: Call, wish: VolumeWish, terms: VolumeTerms, consent: Consent
) -> Volumed | None:
    """Claim and send; None where somebody was faster, or nothing came of it: look again."""
    order = terms.order
    async with call.session.one_at_a_time:
        await call.vast.turn_to_make_volume()
        if call.session.closing or not has_time(call):
            raise errors.NotRented(
                "This call has no time left to send the request. The same call is safe to repeat.",
                request_key=wish.key,
                next_steps=[order.again],
            )
        made = claim(call, wish, terms, consent)
        if made is None:
            return None
        # Neither a cancelled call nor the end of stdin parts the request from its verdict.
        volume_id: int | None = None
        with anyio.CancelScope(shield=True):
            try:
                volume_id = await _send(call, made, terms, consent)
            finally:
                call.journal.volumes.mark_landed(made)
    if volume_id is not None:
        made, warnings = _as_written(call, made, volume_id)
        volumed = await _told(call, made)
        volumed.warnings.extend(warnings)
        return volumed
    found = await settle(call, order, made)
    if found is None:
        call.deeds.settle("create_volume", "made_nothing")
        return None
    call.deeds.settle("create_volume", "accepted")
    return await _told(call, found, recovered=True)


def claim(call: Call, wish: VolumeWish, terms: VolumeTerms, consent: Consent) -> MadeVolume | None:
    """Announce the attempt, in the transaction that counts the limits and spends the yes; None
    where the journal has more to say to the wish than "send". The storm stops here.
    """
    journal = call.journal
    journal.take_ownership()
    with journal.alone():
        check_file(call, wish.file)
        journal.volumes.abandon_unsent(wish.account)
        if consider(call, wish).act != "send":
            return None
        room = terms.check_account(call, wish.account)
        consent.spend()
        made = journal.volumes.intend(
            wish,
            usd_per_hour=terms.usd_per_hour,
            lease_until=terms.lease_until,
            facts=terms.facts,
            allowed=Allowed(
                machine=limits.most_of_machine(call, terms.order.max_usd_per_hour),
                total=call.limits.max_total_usd_per_hour,
                counted=None if room is None else room.usd_per_hour,
            ),
        )
    call.session.telling.answering[made.token] = call.host and call.host.answer
    call.attempts.add(made.token)
    return made


async def _send(call: Call, made: MadeVolume, terms: VolumeTerms, consent: Consent) -> int | None:
    """Send the one request and write down what came of it: the volume's id, None where nobody
    knows. Raises Vast's refusals, and what kept it from leaving.
    """
    volumes, claimed = call.journal.volumes, time.monotonic()
    volumes.mark_sending(made)
    send = call.vast.make_volume if made.clone_of is None else call.vast.clone_volume
    try:
        volume_id = await send(
            _body(made, terms), may_leave=lambda: call.journal.may_leave(made, claimed)
        )
    except errors.OutcomeUnknown:
        _in_doubt(call, made)
        return None
    except errors.VastMcpError as exc:
        with journal_may_fail:
            volumes.mark_refused(made)
        if exc.never_left or not may_have_happened(exc):
            consent.give_back()
        raise _led_on(exc, terms.order, made) from exc
    except Exception as exc:
        _in_doubt(call, made)
        raise defect_after(exc) from exc
    _written(call, partial(volumes.mark_made, made, volume_id))
    return volume_id


def _body(made: MadeVolume, terms: VolumeTerms) -> Json:
    """The request (docs/vast-api.md F). The name of a copy is not ours to give."""
    if made.clone_of is not None:
        return {"src_id": made.clone_of, "dst_id": made.room_id, "size": terms.size_gb}
    name = name_of(made.token, terms.order.name)
    return {"id": made.room_id, "size": terms.size_gb, "name": name}


def _in_doubt(call: Call, made: MadeVolume) -> None:
    _written(call, partial(call.journal.volumes.mark_unknown, made))
    call.session.doubts.set()


def _written(call: Call, mark: Callable[[], None]) -> None:
    """Write a verdict down. Where that cannot be, the attempt stays one that is being sent by
    nobody, which is a doubt.
    """
    try:
        mark()
    except errors.JournalUnavailable:
        call.session.doubts.set()


def _led_on(exc: errors.VastMcpError, order: VolumeOrder, made: MadeVolume) -> errors.VastMcpError:
    """The refusal with what is known of the wish, and what leads on."""
    exc.request_key = made.wish
    if isinstance(exc, errors.OfferGone | errors.NotFound | errors.InvalidRequest):
        exc.next_steps = [SHOW_VOLUMES]
    elif isinstance(exc, errors.Unreachable | errors.RateLimited):
        exc.next_steps = [order.again]
    return exc


async def _told(
    call: Call, made: MadeVolume, *, replayed: bool = False, recovered: bool = False
) -> Volumed:
    """The volume of this wish, within its limits. Raises OverLimit where it was over one and was
    deleted.
    """
    warnings: list[str] = []
    if not replayed or (made.announce is not Notice.NOTHING and not made.judged):
        warnings = await check_volume(call, made)
    return Volumed(made, replayed=replayed, recovered=recovered, warnings=warnings)


def _as_written(call: Call, made: MadeVolume, volume_id: int) -> tuple[MadeVolume, list[str]]:
    """The volume that was made, as the journal has it, and what to say where it has not."""
    with journal_may_fail:
        now = call.journal.volumes.by_token(made.token)
        if now is not None and now.volume_id == volume_id:
            return now, []
    return replace(made, state="confirmed", volume_id=volume_id), [UNWRITTEN]
