"""What a person is asked to agree to, and the question as they read it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from vast_mcp.errors import Json, NextStep
from vast_mcp.session import Call


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
    setting: str | None = "VAST_MCP_CONFIRM"  # by which the person wants to be asked; None: always
    bills: str = " while it runs"  # when its price is billed


NO_PRICE = 0.0  # $/h, of what is asked about for another reason than its price


def question_of(call: Call, proposal: Proposal, usd_per_hour: float) -> str:
    """What a person reads: what it is, and at most how much it costs where it has a price."""
    said = proposal.what
    if usd_per_hour > NO_PRICE:
        said += (
            f" It costs at most {usd_per_hour:.4f} $ an hour{proposal.bills}, "
            f"{usd_per_hour * 24:.2f} $ a day; traffic is extra."
        )
    sandbox = "(Sandbox: no money moves.) " if call.session.pretended else ""
    return sandbox + call.settings.mask.hide(said)


def shown_price(usd_per_hour: float) -> float:
    """The price as a person reads it, never less than it is."""
    return math.ceil(usd_per_hour * 10_000 - 1e-6) / 10_000
