"""A 4xx of no known form proves nothing: kept, and told as a refusal once its attempt is proven to
have made nothing.
"""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.errors import NextStep, clean
from vast_mcp.journal.answers import Answer
from vast_mcp.journal.records import Intent
from vast_mcp.masking import Mask
from vast_mcp.renting.request import Request
from vast_mcp.session import Call, journal_may_fail


def keep_answer(call: Call, request: Request, intent: Intent, outcome: errors.VastMcpError) -> None:
    """Keep the words of a 4xx that left the attempt in doubt."""
    status = outcome.http_status or 0
    if not isinstance(outcome, errors.OutcomeUnknown) or not 400 <= status < 500:
        return
    said = clean(Mask(request.order.secrets).hide(outcome.vast_message or "", cut=True))
    with journal_may_fail:
        call.journal.answers.keep(intent.token, status, said)


def refuse_if_answered(call: Call, request: Request, began: float) -> None:
    """Raises InvalidRequest where an attempt of this wish was answered so, and made nothing: it is
    not sent again by itself. A call that began after that was told sends it.
    """
    answer = call.journal.answers.of_absent(request.wish, began)
    if answer is None:
        return
    with journal_may_fail:
        call.journal.answers.mark_told(answer)
    raise _refused(request, answer)


def _refused(request: Request, answer: Answer) -> errors.InvalidRequest:
    return errors.InvalidRequest(
        f"Vast answered the request to rent with HTTP {answer.http_status}, which is no refusal "
        "that is known, and no machine came of it: whole lists lack it. The same call again sends "
        "it.",
        http_status=answer.http_status,
        vast_message=answer.said or None,
        offer_id=answer.offer_id,
        request_key=request.wish.request_key,
        token=answer.token,
        next_steps=[
            request.again,
            NextStep("search_offers", {}, "another offer"),
        ],
    )
