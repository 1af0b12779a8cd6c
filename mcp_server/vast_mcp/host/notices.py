"""What an answer says beside its result: machines that nobody may have heard of."""

from __future__ import annotations

import logging
import time
from typing import cast

from vast_mcp import errors
from vast_mcp.account import sweep_volumes
from vast_mcp.errors import Json
from vast_mcp.journal.plan_records import Plan, name_of
from vast_mcp.journal.records import Intent, Notice
from vast_mcp.journal.volumes import MadeVolume
from vast_mcp.leases.labels import end_by, lease_notice
from vast_mcp.provisioning.words import all_work
from vast_mcp.renting import over_limit, volume_kept
from vast_mcp.session import Call, Session, Unwritten

log = logging.getLogger("vast_mcp")

MOST_PLANS = 20  # that are looked at, the newest
SAID_FOR_S = 3600.0  # after its end, in seconds
_WORK = "has machines that work and end by themselves soon, unless its own answer is read"
_OVER = "is over, and what it did not hand over is gone"
_VOLUME_STAYS = "The volume made with it bills until destroy_volume deletes it."


def notices_of(call: Call, payload: Json) -> list[str]:
    """Take what is to be told from the journal, and what else was not said yet. It counts as told
    once the answer to this call has arrived (telling.py).

    An answer is worth more than what goes with it: where the journal fails there are no notices,
    and the next rent says what is wrong with it.
    """
    return [*_of_unwritten(call.session, payload), *_of_journal(call, payload), *_of_plans(call)]


def _of_journal(call: Call, payload: Json) -> list[str]:
    session = call.session
    try:
        account = session.journalled_account()
        unannounced = session.journal.unannounced(account) if account is not None else []
        volumes = session.journal.volumes.unannounced(account) if account is not None else []
    except Exception as exc:
        log.info("notices wait: %s", type(exc).__name__)
        return []
    session.telling.look()
    untold = [intent for intent in unannounced if _is_untold(intent, call)]
    of_volumes = [one for one in volumes if _is_volume_untold(one, call)]
    named = _named(payload)
    token = cast("Json", payload.get("error", {})).get("token")
    said = {intent.token for intent in untold if _is_said(intent, named, token)}
    notices = [_notice(intent) for intent in untold if intent.token not in said]
    answer = call.host and call.host.answer
    notices += [_of_volume(one) for one in of_volumes if not _needs_no_notice(payload, one)]
    news = {intent.news for intent in untold} | {one.news for one in of_volumes} | call.ends
    return notices + session.telling.answered(answer, news)


def _is_volume_untold(made: MadeVolume, call: Call) -> bool:
    own = made.token in call.attempts
    return own or not call.session.telling.expects(made.news, call.began)


def _needs_no_notice(payload: Json, made: MadeVolume) -> bool:
    """Whether the answer is about the volume anyway, or it is gone by somebody's will; its end by
    itself is told, unless this is the error of its own attempt.
    """
    if made.announce is Notice.ENDED:
        token = cast("Json", payload.get("error", {})).get("token")
        return made.over_usd_per_hour is not None and made.token == token
    return made.gone_at is not None or payload.get("volume_id") == made.volume_id


def _of_volume(made: MadeVolume) -> str:
    if made.over_usd_per_hour is not None:
        return volume_kept.notice_of(made)
    if made.announce is Notice.ENDED:
        return sweep_volumes.notice_of(made.volume_id or 0, made.lease_until)
    lost = "may not have arrived" if made.announce is Notice.RENTED else "was lost"
    return (
        f"Volume {made.volume_id} exists and bills: the answer of the create_volume that made it "
        f"{lost} (token {made.token})."
    )


def _of_plans(call: Call) -> list[str]:
    """Plans whose machines work, or that came to their end, and whose own answer nobody has: that
    answer alone counts as one, so that it is told in every other until then; an end of nothing that
    bills is told once.
    """
    session = call.session
    try:
        account = session.journalled_account()
        found = session.journal.plans.of_account(account, MOST_PLANS) if account else []
        told = {name_of(news) for news, notice in call.ends if notice is Notice.PLAN}
        untold = [plan for plan in found if not plan.told and plan.name not in told]
        ready = [plan for plan in untold if plan.state == "open" and _works(session, plan)]
    except Exception as exc:
        log.info("notices of plans wait: %s", type(exc).__name__)
        return []
    over = [plan for plan in untold if plan.state == "over" and plan.name not in session.plans_said]
    over = [plan for plan in over if time.time() - (plan.over_at or 0.0) < SAID_FOR_S]
    session.plans_said.update(plan.name for plan in over)
    return [_of_plan(plan, _WORK) for plan in ready] + [_of_plan(plan, _OVER) for plan in over]


def _works(session: Session, plan: Plan) -> bool:
    return all_work(plan, session.journal.plans.tries(plan.name))


def _of_plan(plan: Plan, said: str) -> str:
    return f'Plan {plan.wish} {said}: provision {{"request_key": "{plan.wish}"}} says how.'


def _is_untold(intent: Intent, call: Call) -> bool:
    """Whether this answer is to tell of it: no other one has, or is just about to."""
    own = intent.token in call.attempts
    return own or not call.session.telling.expects(intent.news, call.began)


def _of_unwritten(session: Session, payload: Json) -> list[str]:
    """What is to be said of verdicts that the journal did not take, as long as it has none and
    the answer itself says nothing of the machine.
    """
    for token in [token for token in session.unwritten if _is_settled(session, token)]:
        del session.unwritten[token]
    named = _named(payload) - {None}
    return [
        _unwritten_notice(one) for one in session.unwritten.values() if one.instance_id not in named
    ]


def _is_settled(session: Session, token: str) -> bool:
    try:
        intent = session.journal.by_token(token)
    except errors.JournalUnavailable:
        return False
    return intent is not None and intent.state not in {"intended", "sending"}


def _unwritten_notice(one: Unwritten) -> str:
    machine = "a machine may exist and bill"
    if one.instance_id:
        machine = f"machine {one.instance_id} exists and bills"
    return (
        f"The journal of rentals could not be written after a request to rent (offer "
        f"{one.intent.offer_id}, token {one.intent.token}): {machine}. It settles by itself once "
        "the journal can be written; nothing else is rented meanwhile."
    )


def _named(payload: Json) -> set[int | None]:
    """The machines that the result or the error is about."""
    error = cast("Json", payload.get("error", {}))
    return {payload.get("instance_id"), error.get("instance_id")}


def _is_said(intent: Intent, named: set[int | None], token: object) -> bool:
    """Whether the answer speaks of the machine anyway; of its end, only the error of its own
    attempt does.
    """
    if intent.announce is Notice.ENDED:
        return intent.over_usd_per_hour is not None and intent.token == token
    return intent.instance_id in named


def _notice(intent: Intent) -> str:
    if intent.over_usd_per_hour is not None:
        return over_limit.notice_of(intent)
    if intent.announce is Notice.ENDED:
        ended_at = end_by(intent.lease_until) or intent.gone_at or 0.0
        ended = lease_notice(intent.instance_id or 0, ended_at)
        return f"{ended} {_VOLUME_STAYS}" if intent.makes_volume else ended
    state = "is stopped and bills its disk" if intent.stopped else "exists and bills"
    lost = "whose answer may not have arrived"
    if intent.announce is Notice.LATE:
        lost = "whose reply was lost"
    return (
        f"Machine {intent.instance_id} {state}: it came of an earlier create_instance {lost} "
        f"(offer {intent.offer_id}, token {intent.token})."
    )
