"""A question to the person through the host, in both eras of the protocol.

Until 2025-11-25 the server asks in the middle of a call, which waits. From 2026-07-28 on the call
ends with the question, and the host makes the same call again with the answer: the SDK seals the
question's number into the state that comes back, bound to the tool and its arguments, for ten
minutes.

A host that cannot put the question answers by itself: `cancel` (claude -p) is nobody's answer,
`decline` is a no (docs/hosts.md).
"""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

import anyio
from mcp.server.elicitation import render_elicitation_schema
from mcp.shared.exceptions import MCPError
from mcp.types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequests,
    InputRequiredResult,
)
from pydantic import BaseModel, Field, StrictBool, ValidationError

from vast_mcp.caller import Host, InputNeeded
from vast_mcp.journal.records import Approval
from vast_mcp.session import Call

ASKS_BY_RESULT = "2026-07-28"  # the first version in which a call ends with a question
QUESTION = "consent"  # its name in the result and beside the answer
REMEMBERED = 100  # questions whose answers are waited for

Said = Literal["yes", "no", "nobody"]


class Answer(BaseModel):
    """The one field of the question. Texts and numbers are no yes, whatever they say."""

    yes: Annotated[
        StrictBool, Field(title="Yes, do this", description="No answer and no mean the same.")
    ]


def can_ask(host: Host) -> bool:
    """Whether the host says that it puts questions to a person. A bare `elicitation: {}` does."""
    capabilities = host.session.client_capabilities
    if capabilities is None or capabilities.elicitation is None:
        return False
    ways = capabilities.elicitation
    return ways.form is not None or ways.url is None


def asks_by_result(host: Host) -> bool:
    """Whether the question ends the call, instead of being asked in its middle."""
    return host.session.protocol_version >= ASKS_BY_RESULT


async def ask_now(call: Call, host: Host, question: str) -> Said:
    """Ask in the middle of the call, and wait; the call goes on with the time that it had."""
    since = anyio.current_time()
    form = render_elicitation_schema(Answer)
    try:
        result = await host.session.elicit_form(question, form, host.request_id)
    except (MCPError, ValidationError):
        return "nobody"  # the host cannot ask, or failed
    call.resume(anyio.current_time() - since)
    return _said(result)


def asked_before(call: Call, host: Host) -> Approval | None:
    """What the question was about that this call brings an answer to. It is good for one answer."""
    if host.responses is None:
        return None
    return call.session.asked.pop(host.state or "", None)


def answer_to(host: Host) -> Said:
    """The answer that this call brings."""
    result = (host.responses or {}).get(QUESTION)
    return _said(result) if isinstance(result, ElicitResult) else "nobody"


def question_for(call: Call, about: Approval, question: str) -> InputNeeded:
    """The end of a call with a question, to be raised."""
    asked = call.session.asked
    number = secrets.token_hex(16)
    asked[number] = about
    for stale in list(asked)[:-REMEMBERED]:
        asked.pop(stale)
    form = ElicitRequestFormParams(
        message=question, requested_schema=render_elicitation_schema(Answer)
    )
    requests: InputRequests = {QUESTION: ElicitRequest(params=form)}
    return InputNeeded(InputRequiredResult(input_requests=requests, request_state=number))


def _said(result: ElicitResult) -> Said:
    if result.action == "decline":
        return "no"
    if result.action == "cancel":
        return "nobody"
    try:
        answer = Answer.model_validate(result.content)
    except ValidationError:
        return "nobody"  # its yes is not one: that is no agreement
    return "yes" if answer.yes else "no"
