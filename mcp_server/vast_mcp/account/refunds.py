"""What is paid ahead for machines, and what their end gives back of it (docs/vast-api.md C.8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import anyio

from vast_mcp import errors
from vast_mcp.session import Call, journal_may_fail
from vast_mcp.vast.models import Instance

LOOK_S = 6.0  # the longest that an end waits to learn what it forfeits


@dataclass
class Refunds:
    """What a destroy gives back by Vast's balance just before, machine by machine, in $; None is
    not known. `warnings`: what it forfeits, in words.
    """

    usd: dict[int, float | None] = field(default_factory=dict[int, "float | None"])
    warnings: list[str] = field(default_factory=list[str])


async def refunds_of(call: Call, rows: Iterable[Instance]) -> Refunds:
    """Ask what the end of each that was paid ahead for gives back. Not being able to say never
    stops an end.
    """
    found = Refunds(dict.fromkeys(row.id for row in rows if is_paid_ahead(call, row)))
    discounts: dict[int, float | None] = {}
    with anyio.move_on_after(min(LOOK_S, (call.deadline - anyio.current_time()) / 4)):
        for instance_id in found.usd:
            try:
                there = await call.vast.deposit(instance_id)
            except errors.VastMcpError:
                continue
            found.usd[instance_id] = there.refundable_usd
            discounts[instance_id] = there.discount_usd
    for instance_id, usd in found.usd.items():
        found.warnings.append(_in_words(instance_id, usd, discounts.get(instance_id)))
    return found


def is_paid_ahead(call: Call, row: Instance) -> bool:
    """Whether the row, or a payment of ours, says so."""
    if row.credit_balance:
        return True
    with journal_may_fail:
        account = call.session.journalled_account()
        if account is not None:
            paid = call.journal.deposits.of(account, row.id)
            return any(one.may_be_paid for one in paid)
    return False


def _in_words(instance_id: int, usd: float | None, discount: float | None) -> str:
    if usd is None:
        return (
            f"Machine {instance_id} was paid ahead for, and what its end gives back could not be "
            "read: by Vast's rule the rest, less the discount received and less 5 %."
        )
    received = "the discount received" if discount is None else f"the discount of {discount:.2f} $"
    return (
        f"Machine {instance_id} was paid ahead for: by Vast's balance just before, its end gives "
        f"back {usd:.2f} $. Forfeited: {received} and 5 % of what was left."
    )
