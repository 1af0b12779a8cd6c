"""A person's yes before money moves (VAST_MCP_CONFIRM): who is asked, what, and what an answer
is worth.

Asked is last, when nothing else speaks against the act, and before anything of it is written
down. Through the host, where it can (asking.py); else by a code that the person approves in a
shell. A yes is good for exactly these arguments and at most this price, once. After a person has
read, everything is looked at again.
"""

from __future__ import annotations

import math
import re
import secrets
from dataclasses import dataclass, field, replace

from vast_mcp import errors
from vast_mcp.account.whose import account_of
from vast_mcp.errors import Json, NextStep, redacted
from vast_mcp.journal.records import CODE_S, Approval
from vast_mcp.renting.asking import (
    Said,
    answer_to,
    ask_now,
    asked_before,
    asks_by_result,
    can_ask,
    question_for,
)
from vast_mcp.session import Call, journal_may_fail

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that reads like something else


ROUNDING = 1e-9  # of a float and no more: a hair above the threshold is asked about
CODE_LENGTH = 8  # of 31 letters: 40 bits, for ten minutes


def wanted(call: Call, usd_per_hour: float | None) -> bool:
    """Whether a person is to be asked about an act at this price; one that is not known counts
    as any.
    """
    above = call.settings.confirm_above
    return above is not None and (
        above == 0 or usd_per_hour is None or usd_per_hour > above + ROUNDING
    )


@dataclass(frozen=True)
class Proposal:
    """What a person is asked to agree to, without the price.

    `arguments`: all of the call, kept as a digest. `what`: the question's sentences. `again`: the
    same call, as far as an answer may repeat it.
    """

    tool: str
    arguments: Json = field(repr=False)
    what: str
    again: NextStep


@dataclass(frozen=True)
class Agreement:
    """Why an act may go on: nobody was to be asked, or a person said yes to it at this price.

    `approval`: the yes was given in a shell, and is to be spent with the act. `asked_now`: a person
    has read in the middle of this call, so that what was looked at before is to be looked at again.
    """

    to: Approval | None = None
    approval: Approval | None = None
    asked_now: bool = False

    def covers(self, wanted: Approval) -> bool:
        """Whether the person said yes in this call, to the same, at this price or a higher one."""
        if self.to is None or self.approval is not None:
            return False
        return is_covered(wanted, self.to)


def is_covered(wanted: Approval, by: Approval) -> bool:
    """Whether a yes to the same act is one at this price too: at most, so a fallen price is
    covered.
    """
    return wanted.asked == by.asked and wanted.usd_per_hour <= by.usd_per_hour + ROUNDING


async def ask(
    call: Call, proposal: Proposal, usd_per_hour: float | None, agreed: Agreement | None = None
) -> Agreement:
    """Returns where nobody is to be asked or a person agreed.

    `usd_per_hour`: what the act makes the machine cost. `agreed`: what this call was told before,
    which is not asked again. Raises Declined, NeedsConfirmation, PriceUnknown; InputNeeded, which
    is the answer to the call.
    """
    if not wanted(call, usd_per_hour):
        return Agreement()
    if usd_per_hour is None:
        raise errors.PriceUnknown(
            "Nothing was sent: what this machine costs cannot be learned, and the person wants to "
            "be asked at a price (VAST_MCP_CONFIRM)."
        )
    asked = _digest(call, proposal, await account_of(call))
    approval = Approval(asked, _shown(usd_per_hour))
    if agreed is not None and agreed.covers(approval):
        return Agreement(agreed.to)
    if call.journal.approvals.is_approved(approval):
        return Agreement(approval, approval)
    said, agreement = await _ask_host(call, proposal, approval)
    if said == "no":
        raise errors.Declined(
            "Nothing was sent: the answer to the question whether to do this was no. It is the "
            "person's to change."
        )
    if said == "nobody":
        raise _by_code(call, approval, proposal)
    return agreement


def _digest(call: Call, proposal: Proposal, account: str) -> str:
    """What a yes is given to: the whole call, on this account."""
    return call.journal.digest(
        {"account": account, "tool": proposal.tool, "arguments": proposal.arguments}
    )


async def _ask_host(call: Call, proposal: Proposal, approval: Approval) -> tuple[Said, Agreement]:
    """Ask through the host. Raises InputNeeded where the call ends with the question."""
    host, agreement = call.host, Agreement(approval)
    if host is None or not can_ask(host):
        return "nobody", agreement
    question = _question(call, proposal.what, approval.usd_per_hour)
    if not asks_by_result(host):
        said = await ask_now(call, host, question)
        return said, replace(agreement, asked_now=True)
    before = asked_before(call, host)
    if before is None or not is_covered(approval, before):
        raise question_for(call, approval, question)
    return answer_to(host), Agreement(before)


@dataclass
class Consent:
    """A yes to an act on a machine that exists, in two steps: asked for, and spent as the act is
    announced.
    """

    call: Call
    proposal: Proposal
    agreement: Agreement = field(default_factory=Agreement)
    by: str = field(default_factory=lambda: f"act-{secrets.token_hex(8)}")

    async def ask(self, usd_per_hour: float | None) -> bool:
        """Ask as ask() does. Returns whether a person has read just now, so that everything is to
        be looked at again before the act.
        """
        self.agreement = await ask(self.call, self.proposal, usd_per_hour, self.agreement)
        return self.agreement.asked_now

    def spend(self) -> None:
        """Immediately before the act, or in the transaction that announces it. Raises
        NeedsConfirmation.
        """
        approval = self.agreement.approval
        if approval is not None:
            self.call.journal.approvals.spend(approval, self.by)

    def give_back(self) -> None:
        """The act was refused for certain. That the journal fails burns a yes and nothing else."""
        if self.agreement.approval:
            with journal_may_fail:
                self.call.journal.approvals.give_back(self.by)


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


# ── by a code ──────────────────────────────────────────────────────────────────────────────────


def code_of(text: str) -> str:
    """A code as it was typed: capitals or not, with the hyphen or without."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def _new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def _by_code(call: Call, approval: Approval, proposal: Proposal) -> errors.NeedsConfirmation:
    """The question under a new code, for the person and a shell."""
    why = (
        "Nothing was sent: the person wants to be asked first (VAST_MCP_CONFIRM), and nobody "
        "answered here."
    )
    journal = call.journal
    if journal.path is None:
        return errors.NeedsConfirmation(
            f"{why} This sandbox keeps its journal in memory, so no shell can approve it either: "
            f"it takes a host that "
            "asks the person, or VAST_MCP_CONFIRM=never."
        )
    code = _new_code()
    journal.approvals.ask(code, approval, _question(call, proposal.what, approval.usd_per_hour))
    again = proposal.again
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
