"""What is paid ahead for a machine pays its hours before the credit does (docs/vast-api.md C.8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import anyio

from vast_mcp import errors
from vast_mcp.account.refunds import is_paid_ahead
from vast_mcp.machines import costs
from vast_mcp.session import Call
from vast_mcp.vast.models import Instance

LOOK_S = 4.0  # the longest that an answer waits for it: Vast spaces these reads by 3 s


@dataclass(frozen=True)
class Ahead:
    """What is left of a payment for one machine, in $, and what the machine bills now and once it
    is stopped, in $/h.
    """

    left_usd: float
    usd_per_hour: float
    stopped_usd_per_hour: float


@dataclass
class AllAhead:
    """Everything that is paid ahead: what the rows say was, in $, None where nothing was, and what
    is left of it. `warnings`: what is left of which could not be read, so that it is not counted.
    """

    paid_usd: float | None = None
    machines: list[Ahead] = field(default_factory=list[Ahead])
    warnings: list[str] = field(default_factory=list[str])

    @property
    def now(self) -> list[tuple[float, float]]:
        """What is left, and what it pays of, in $/h."""
        return [(one.left_usd, one.usd_per_hour) for one in self.machines]

    @property
    def if_stopped(self) -> list[tuple[float, float]]:
        """The same, with every machine stopped."""
        return [(one.left_usd, one.stopped_usd_per_hour) for one in self.machines]


async def ahead_of(call: Call, rows: Iterable[Instance]) -> AllAhead:
    """Ask what is left. What a destroy would give back is counted: the rest, less a little."""
    found = AllAhead()
    paid = [row for row in rows if is_paid_ahead(call, row)]
    known = [row.credit_balance for row in paid if row.credit_balance]
    found.paid_usd = round(sum(known), 2) if known else None
    unread = {row.id: "timeout" for row in paid}
    look = call.within(LOOK_S).recent
    with anyio.move_on_after(LOOK_S):
        for row in paid:
            try:
                left = (await look.deposit(row.id)).refundable_usd
            except errors.VastMcpError as exc:
                unread[row.id] = exc.code
                continue
            del unread[row.id]
            bills = costs.bills_of(row)
            found.machines.append(Ahead(left, bills.now or 0.0, bills.stopped or 0.0))
    found.warnings = [
        f"What is left of what was paid ahead for machine {instance_id} could not be read "
        f"({code}); hours_left does not count it."
        for instance_id, code in unread.items()
    ]
    return found


def lasts_h(usd: float, usd_per_hour: float, ahead: Sequence[tuple[float, float]]) -> float:
    """Hours that some money lasts at a rate, where some of that rate is paid ahead for: pairs of
    what is left of that and of the rate that it pays.
    """
    pays = sorted((left / rate, rate) for left, rate in ahead if left > 0 and rate > 0)
    hours, rate = 0.0, max(0.0, usd_per_hour - sum(one for _, one in pays))
    for end, more in pays:
        if rate > costs.ROUNDING and usd <= rate * (end - hours):
            break
        usd -= rate * (end - hours)
        hours, rate = end, rate + more
    return hours + costs.hours_of_credit(max(0.0, usd), rate)
