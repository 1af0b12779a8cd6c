"""What an answer says beside its result: machines that nobody may have heard of."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from typing import cast

from vast_mcp.errors import Json
from vast_mcp.journal.records import Intent, Notice
from vast_mcp.leases.labels import lease_notice
from vast_mcp.session import Session

log = logging.getLogger("vast_mcp")


def notices_of(session: Session, payload: Json, request: Hashable) -> list[str]:
    """Take what is to be told from the journal and from the sweep. It counts as told once the
    answer to this request has arrived (telling.py).

    An answer is worth more than what goes with it: where the journal fails there are no notices,
    and the next rent says what is wrong with it.
    """
    try:
        account = session.journalled_account()
        if account is None:
            return []
        unannounced = session.journal.unannounced(account)
    except Exception as exc:
        log.info("notices wait: %s", type(exc).__name__)
        return []
    heard = session.telling.heard()
    untold = [intent for intent in unannounced if intent.news not in heard]
    named = _named(payload)
    notices = [_notice(intent) for intent in untold if not _is_said(intent, named)]
    return notices + session.telling.answered(request, {intent.news for intent in untold})


def _named(payload: Json) -> set[int | None]:
    """The machines that the result or the error is about."""
    error = cast("Json", payload.get("error", {}))
    return {payload.get("instance_id"), error.get("instance_id")}


def _is_said(intent: Intent, named: set[int | None]) -> bool:
    """Whether the answer speaks of the machine anyway; of the end of its lease it does not."""
    return intent.instance_id in named and intent.announce is not Notice.ENDED


def _notice(intent: Intent) -> str:
    if intent.announce is Notice.ENDED:
        return lease_notice(intent.instance_id or 0, intent.lease_until or intent.gone_at or 0.0)
    state = "is stopped and bills its disk" if intent.stopped else "exists and bills"
    lost = "whose answer may not have arrived"
    if intent.announce is Notice.LATE:
        lost = "whose reply was lost"
    return (
        f"Machine {intent.instance_id} {state}: it came of an earlier create_instance {lost} "
        f"(offer {intent.offer_id}, token {intent.token})."
    )
