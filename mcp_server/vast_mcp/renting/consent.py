"""A person's yes to an act on a machine that exists: asked for first, spent as the act is
announced, and given back where Vast refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from vast_mcp import errors
from vast_mcp.renting.confirm import Agreement, ask, ask_always, ask_command, ask_entry
from vast_mcp.renting.proposal import Proposal
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.vast.deeds import may_have_happened


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

    async def ask_entry(self) -> bool:
        """Ask as ask_entry() does, about what lets somebody in. Returns as ask does."""
        self.agreement = await ask_entry(self.call, self.proposal, self.agreement)
        return self.agreement.asked_now

    async def ask_always(self) -> bool:
        """Ask as ask_always() does, about what nobody but a person decides. Returns as ask does."""
        self.agreement = await ask_always(self.call, self.proposal, self.agreement)
        return self.agreement.asked_now

    async def ask_command(self) -> bool:
        """Ask as ask_command() does, about what is run in machines. Returns as ask does."""
        self.agreement = await ask_command(self.call, self.proposal, self.agreement)
        return self.agreement.asked_now

    @contextmanager
    def spent(self) -> Generator[None]:
        """Spend the yes for the one request inside, and give it back where Vast refused that.
        Raises NeedsConfirmation.
        """
        self.spend()
        try:
            yield
        except errors.VastMcpError as exc:
            if not may_have_happened(exc):
                self.give_back()
            raise

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
