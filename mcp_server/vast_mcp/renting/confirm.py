"""A person's yes before money moves (VAST_MCP_CONFIRM): who is asked, what, and what an answer
is worth.

Asked is last, when nothing else speaks against the act, and before anything of it is written
down. Through the host, where it can (asking.py); else by a code that the person approves in a
shell (approval_codes.py). A yes is good for exactly these arguments and at most this price, once.
After a person has read, everything is looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from vast_mcp import errors
from vast_mcp.account.whose import account_of
from vast_mcp.journal.records import Approval
from vast_mcp.renting.approval_codes import by_code
from vast_mcp.renting.asking import (
    Said,
    answer_to,
    ask_now,
    asked_before,
    asks_by_result,
    can_ask,
    question_for,
)
from vast_mcp.renting.proposal import NO_PRICE, Proposal, question_of, shown_price
from vast_mcp.session import Call

ROUNDING = 1e-9  # of a float and no more: a hair above the threshold is asked about


def wanted(call: Call, usd_per_hour: float | None) -> bool:
    """Whether a person is to be asked about an act at this price; one that is not known counts
    as any.
    """
    above = call.settings.confirm_above
    return above is not None and (
        above == 0 or usd_per_hour is None or usd_per_hour > above + ROUNDING
    )


@dataclass(frozen=True)
class Agreement:
    """Why an act may go on: nobody was to be asked, or a person said yes to it at this price.

    `approval`: the yes was given in a shell, and is to be spent with the act. `asked_now`: a person
    has read in the middle of this call, so that what was looked at before is to be looked at again.
    """

    to: Approval | None = None
    approval: Approval | None = None
    asked_now: bool = False

    @classmethod
    def to_plan(cls, usd_per_hour: float | None) -> Agreement:
        """A yes to a plan, at most at this price: it is kept with the plan, and not spent."""
        return cls() if usd_per_hour is None else cls(Approval("", usd_per_hour))

    def is_at(self, usd_per_hour: float | None) -> bool:
        """Whether the person said yes to this price or a higher one."""
        if self.to is None or usd_per_hour is None:
            return False
        return shown_price(usd_per_hour) <= self.to.usd_per_hour + ROUNDING

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
    return await _agreement(call, proposal, usd_per_hour, agreed)


async def ask_entry(call: Call, proposal: Proposal, agreed: Agreement | None = None) -> Agreement:
    """Ask about what costs nothing and lets somebody into machines: wherever a person wants to be
    asked at all. Raises as ask() does.
    """
    if call.settings.confirm_above is None:
        return Agreement()
    return await _agreement(call, proposal, NO_PRICE, agreed)


async def ask_always(call: Call, proposal: Proposal, agreed: Agreement | None = None) -> Agreement:
    """Ask about what nobody but a person decides, whatever they set: in a shell where the host
    cannot. Raises as ask() does.
    """
    return await _agreement(call, proposal, NO_PRICE, agreed)


async def ask_command(call: Call, proposal: Proposal, agreed: Agreement | None = None) -> Agreement:
    """Ask about a command in machines, where the person wants to be asked of those. Raises as
    ask() does.
    """
    if not call.settings.confirm_commands:
        return Agreement()
    return await _agreement(call, proposal, NO_PRICE, agreed)


async def _agreement(
    call: Call, proposal: Proposal, usd_per_hour: float | None, agreed: Agreement | None
) -> Agreement:
    """What the person says to this, or said to it before."""
    if usd_per_hour is None:
        raise errors.PriceUnknown(
            "What this machine costs cannot be learned, and the person wants to "
            "be asked at a price (VAST_MCP_CONFIRM)."
        )
    asked = _digest(call, proposal, await account_of(call))
    approval = Approval(asked, shown_price(usd_per_hour))
    if agreed is not None and agreed.covers(approval):
        return Agreement(agreed.to)
    if call.journal.approvals.is_approved(approval):
        return Agreement(approval, approval)
    said, agreement = await _ask_host(call, proposal, approval)
    if said == "no":
        raise errors.Declined(
            "The answer to the question whether to do this was no. It is the person's to change."
        )
    if said == "nobody":
        raise by_code(call, approval, proposal)
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
    question = question_of(call, proposal, approval.usd_per_hour)
    if not asks_by_result(host):
        said = await ask_now(call, host, question)
        return said, replace(agreement, asked_now=True)
    before = asked_before(call, host)
    if before is None or not is_covered(approval, before):
        raise question_for(call, approval, question)
    return answer_to(host), Agreement(before)
