"""A code under which a person approves in a shell what no host could ask (`vast-mcp approve`)."""

from __future__ import annotations

import re
import secrets

from vast_mcp import errors
from vast_mcp.errors import NextStep
from vast_mcp.journal.records import CODE_S, Approval
from vast_mcp.renting.proposal import NO_PRICE, Proposal, question_of
from vast_mcp.session import Call

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that reads like something else
CODE_LENGTH = 8  # of 31 letters: 40 bits, for ten minutes


def code_of(text: str) -> str:
    """A code as it was typed: capitals or not, with the hyphen or without."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def _new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def by_code(call: Call, approval: Approval, proposal: Proposal) -> errors.NeedsConfirmation:
    """The question under a new code, for the person and a shell."""
    why = f"The person wants to be asked first ({proposal.setting}), and nobody answered here."
    without = f", or a sandbox without {proposal.setting}"
    if proposal.setting is None:
        why, without = (
            f"A person is always asked first, and nobody answered here: {proposal.what}",
            "",
        )
    journal = call.journal
    if journal.path is None:
        return errors.NeedsConfirmation(
            f"{why} This sandbox keeps its journal in memory, so no shell can approve it either: "
            f"it takes a host that asks the person{without}."
        )
    code = _new_code()
    journal.approvals.ask(code, approval, question_of(call, proposal, approval.usd_per_hour))
    again = proposal.again
    # Where an answer may not repeat the call, `again` is a look without arguments, which
    # nobody's yes is needed for.
    steps = [NextStep(again.tool, again.arguments, "once approved; before, it makes a new code")]
    command = "vast-mcp --sandbox" if call.settings.shared else "vast-mcp"
    at = ""
    if approval.usd_per_hour > NO_PRICE:
        at = f", at {approval.usd_per_hour:.4f} $/h or less"
    return errors.NeedsConfirmation(
        f"{why} The person can run `{command} approve {code[:4]}-{code[4:]}` in a shell within "
        f"{CODE_S / 60:g} minutes; "
        f"the same call then goes through once{at}. The shell needs this server's "
        "VAST_MCP_STATE_DIR, where that is set.",
        next_steps=steps if again.arguments else [],
    )
