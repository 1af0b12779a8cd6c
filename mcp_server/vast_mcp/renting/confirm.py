"""A person's yes before money moves (VAST_MCP_CONFIRM): who is asked, what, and what an answer
is worth.

Asked is last, when nothing else speaks against the act, and before anything of it is written
down. Through the host, where it can (elicitation, in both eras); else by a code that the person
approves in a shell. A yes is good for exactly these arguments and at most this price, once.
After a person has read, everything is looked at again.

Where no question can be put a host answers by itself: `cancel` (claude -p) is nobody's answer,
`decline` is a no.
"""

from __future__ import annotations

import contextlib
import math
import re
import secrets
from typing import Annotated, Literal, cast

import anyio
from mcp.server.elicitation import CancelledElicitation, DeclinedElicitation, ElicitationResult
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resolve import Elicit, Resolve, build_resolver_plans, resolve_arguments
from mcp.shared.exceptions import MCPError
from mcp.types import InputRequiredResult
from pydantic import BaseModel, Field

from vast_mcp import errors
from vast_mcp.account.whose import account_of
from vast_mcp.errors import Json, NextStep, clean, redacted
from vast_mcp.journal.records import CODE_S, Approval
from vast_mcp.session import Call, InputNeeded, StartOver
from vast_mcp.vast.models import Instance

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that reads like something else


CODE_LENGTH = 8  # of 31 letters: 40 bits, for ten minutes


ASKED_REMEMBERED = 100


ROUNDING = 1e-9


# A registry, a path, a tag or digest: an image's name can say nothing else to a person.
_IMAGE = re.compile(r"[A-Za-z0-9._/:@-]{1,120}")


Answer = Literal["yes", "no", "nobody"]


class Agreement(BaseModel):
    """The one field of the question."""

    yes: Annotated[
        bool, Field(title="Yes, at this price", description="No answer and no mean the same.")
    ]


def wanted(call: Call, usd_per_hour: float | None) -> bool:
    """Whether a person is to be asked about an act at this price; one that is not known counts
    as any.
    """
    above = call.settings.confirm_above
    return above is not None and (
        above == 0 or usd_per_hour is None or usd_per_hour > above + ROUNDING
    )


async def ask(
    call: Call, tool: str, arguments: Json, usd_per_hour: float | None, what: str, again: NextStep
) -> Approval | None:
    """Returns where nobody is to be asked or a person agreed; an Approval is to be spent with
    the act.

    `arguments`: all of the call, kept as a digest. `usd_per_hour`: what the act makes the
    machine cost. `what`: the question's sentences, without the price. `again`: the same call, as
    far as an answer may repeat it. Raises Declined, NeedsConfirmation, PriceUnknown; StartOver
    and InputNeeded, which toolspec handles.
    """
    if not wanted(call, usd_per_hour):
        return None
    if usd_per_hour is None:
        raise errors.PriceUnknown(
            "Nothing was sent: what this machine costs cannot be learned, and the person wants to "
            "be asked at a price "
            "(VAST_MCP_CONFIRM)."
        )
    account = await account_of(call)
    asked = call.session.journal.digest({"account": account, "tool": tool, "arguments": arguments})
    approval = Approval(asked, _shown(usd_per_hour))
    if approval.usd_per_hour <= call.agreed.get(asked, -1.0) + ROUNDING:
        return None
    if call.session.journal.approvals.is_approved(approval):
        return approval
    answer = await _put(call, approval, what)
    if answer == "no":
        raise errors.Declined(
            "Nothing was sent: the answer to the question whether to do this was no. It is the "
            "person's to change."
        )
    if answer == "nobody":
        raise _by_code(call, approval, what, again)
    return None


class Consent:
    """A yes to an act on a machine that exists, in two steps: asked for, and spent as the act is
    announced.
    """

    def __init__(self, call: Call, tool: str, arguments: Json, what: str, again: NextStep) -> None:
        self._call, self._tool, self._arguments, self._what, self._again = (
            call,
            tool,
            arguments,
            what,
            again,
        )
        self._approval: Approval | None = None
        self._by = f"act-{secrets.token_hex(8)}"

    async def ask(self, usd_per_hour: float | None) -> None:
        """As ask() does."""
        self._approval = await ask(
            self._call, self._tool, self._arguments, usd_per_hour, self._what, self._again
        )

    def spend(self) -> None:
        """Immediately before the act, or in the transaction that announces it. Raises
        NeedsConfirmation.
        """
        if self._approval is not None:
            self._call.session.journal.approvals.spend(self._approval, self._by)

    def give_back(self) -> None:
        """The act was refused for certain. That the journal fails burns a yes and nothing else."""
        if self._approval is not None:
            with contextlib.suppress(errors.JournalUnavailable):
                self._call.session.journal.approvals.give_back(self._by)


def _shown(usd_per_hour: float) -> float:
    """The price as a person reads it, never less than it is."""
    return math.ceil(usd_per_hour * 10_000 - 1e-6) / 10_000


def _question(call: Call, what: str, usd_per_hour: float) -> str:
    said = (
        f"{what} It costs at most {usd_per_hour:.4f} $ an hour while it runs, "
        f"{usd_per_hour * 24:.2f} $ a day."
    )
    sandbox = "(Sandbox: no money moves.) " if call.settings.sandbox else ""
    return sandbox + redacted(said, call.settings.secrets())


def gpus(name: str | None, count: int | None) -> str:
    """A machine's GPUs as a question names them; the name is a stranger's text."""
    plain = re.sub(r"[^A-Za-z0-9 ._+-]", "", clean(name or "", 40)).strip()
    return f"{count or '?'}x {plain}" if plain else "a machine of unknown GPU"


def machine(instance_id: int, row: Instance | None) -> str:
    """A machine that exists as a question names it."""
    return f"machine {instance_id} ({gpus(row.gpu_name, row.num_gpus) if row else 'not listed'})"


def image(name: str | None) -> str:
    """An image as a question names it; a name that is none could say anything, and is not shown."""
    if name is None:
        return "the template's image"
    return f"image {name}" if _IMAGE.fullmatch(name) else "an image whose name cannot be shown"


# ── through the host ───────────────────────────────────────────────────────────────────────────


async def _put(call: Call, approval: Approval, what: str) -> Answer:
    """Ask through the host. Returns "yes" only where this very call brought the answer, to this
    very question.

    The SDK seals the question's digest into the state that comes back, bound to tool and
    arguments, for ten minutes.
    """
    host, session, asked = call.host, call.session, approval.asked
    if host is None:
        return "nobody"
    usd = approval.usd_per_hour
    before = session.asked.get(asked, 0.0)
    if host.input_responses is not None and usd <= before:
        usd = before  # the question as it was asked: a price that fell since is covered by it
    question = _question(call, what, usd)

    def consent() -> Elicit[Agreement]:
        return Elicit(question, Agreement)

    resolved = {"answer": (Resolve(consent), True)}
    since = anyio.current_time()
    try:
        outcome = await resolve_arguments(resolved, build_resolver_plans(resolved, set()), {}, host)
    except (ToolError, MCPError):
        return (
            # the host cannot ask, or failed, or its yes is not one: that is no agreement
            "nobody"
        )
    if isinstance(outcome, InputRequiredResult):
        session.asked.pop(asked, None)
        session.asked[asked] = usd
        for stale in list(session.asked)[:-ASKED_REMEMBERED]:
            session.asked.pop(stale)
        raise InputNeeded(outcome)
    answer = cast("ElicitationResult[Agreement]", outcome["answer"])
    if isinstance(answer, CancelledElicitation):
        return "nobody"
    if isinstance(answer, DeclinedElicitation) or not answer.data.yes:
        return "no"
    if host.input_responses is None:
        raise StartOver(asked, usd, anyio.current_time() - since)
    return "yes"


# ── by a code ──────────────────────────────────────────────────────────────────────────────────


def code_of(text: str) -> str:
    """A code as it was typed: capitals or not, with the hyphen or without."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def _by_code(
    call: Call, approval: Approval, what: str, again: NextStep
) -> errors.NeedsConfirmation:
    """The question under a new code, for the person and a shell."""
    why = (
        "Nothing was sent: the person wants to be asked first (VAST_MCP_CONFIRM), and nobody "
        "answered here."
    )
    journal = call.session.journal
    if journal.path is None:
        return errors.NeedsConfirmation(
            f"{why} This sandbox keeps its journal in memory, so no shell can approve it either: "
            f"it takes a host that "
            "asks the person, or VAST_MCP_CONFIRM=never."
        )
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    journal.approvals.ask(code, approval, _question(call, what, approval.usd_per_hour))
    # Where an answer may not repeat the call, `again` is a look without arguments, which
    # nobody's yes is needed for.
    steps = [NextStep(again.tool, again.arguments, "once approved; before, it makes a new code")]
    return errors.NeedsConfirmation(
        f"{why} The person can run `vast-mcp approve {code[:4]}-{code[4:]}` in a shell within "
        f"{CODE_S / 60:g} minutes; "
        f"the same call then goes through once, at {approval.usd_per_hour:.4f} $/h or less. The "
        f"shell needs this "
        "server's VAST_MCP_STATE_DIR, where that is set.",
        next_steps=steps if again.arguments else [],
    )
