"""Price increases that hosts ask for: the one that waits for a machine, and its prices in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.errors import NextStep
from vast_mcp.leases.labels import utc
from vast_mcp.machines import costs
from vast_mcp.machines.increases import Increased
from vast_mcp.session import Call
from vast_mcp.toolspec import Part
from vast_mcp.vast.announced import PriceIncrease
from vast_mcp.vast.deeds import may_have_happened

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast  # httpx is loaded by the first call

UNANSWERED = "Unanswered or rejected, the price stays and the contract ends then."


class Increase(Part):
    """A price increase as answers show it: what does not change is left out."""

    from_usd_per_hour: Annotated[float | None, Field(description="Now, while it runs.")] = None
    to_usd_per_hour: Annotated[
        float | None, Field(description="While it runs; absent: not known, or as now.")
    ] = None
    from_stopped_usd_per_hour: float | None = None
    to_stopped_usd_per_hour: float | None = None
    from_usd_per_tb: Annotated[
        list[float] | None, Field(description="Traffic [down, up], or both in one.")
    ] = None
    to_usd_per_tb: list[float] | None = None
    applies_at: Annotated[
        str | None, Field(description="Not before: the end of its present contract, UTC.")
    ] = None
    then_until: Annotated[str | None, Field(description="The contract's end then, UTC.")] = None


async def waiting_for(call: Call, instance_id: int) -> PriceIncrease:
    """The increase that waits for this machine, by a list just read, which answers show from here
    on. Raises NotFound.
    """
    listed = await call.vast.price_increases()
    shown_until_now = call.session.announced.increases
    for one in listed:
        if one.contract_id == instance_id:
            shown_until_now[instance_id] = one
            return one
    hidden = not listed.is_whole or any(one.contract_id is None for one in listed)
    there = "Vast's list is cut off, and shows no" if hidden else "Vast has no"
    if not hidden:
        shown_until_now.pop(instance_id, None)
    raise errors.NotFound(
        f"{there} price increase that waits for an answer, for machine {instance_id}.",
        instance_id=instance_id,
        next_steps=[NextStep("show_instance", {"instance_id": instance_id}, "its price")],
    )


def shown(prices: Increased) -> Increase:
    """The increase for an answer."""
    now, then = prices.now, prices.then
    part = Increase()
    if _differs(now.running, then.running):
        part.from_usd_per_hour = costs.rounded(now.running, costs.DIGITS)
        part.to_usd_per_hour = costs.rounded(then.running, costs.DIGITS)
    if _differs(now.stopped, then.stopped):
        part.from_stopped_usd_per_hour = costs.rounded(now.stopped, costs.DIGITS)
        part.to_stopped_usd_per_hour = costs.rounded(then.stopped, costs.DIGITS)
    if now.usd_per_tb != then.usd_per_tb:
        part.from_usd_per_tb, part.to_usd_per_tb = now.usd_per_tb, then.usd_per_tb
    if prices.applies_at is not None:
        part.applies_at = utc(prices.applies_at)
    if prices.until is not None:
        part.then_until = utc(prices.until)
    return part


def _differs(now: float | None, then: float | None) -> bool:
    if now is None or then is None:
        return now is not then
    return abs(then - now) > costs.ROUNDING


def in_words(prices: Increased) -> str:
    """The increase as a person reads it: what changes, from when, and until when."""
    now, then = prices.now, prices.then
    changes: list[str] = []
    if _differs(now.running, then.running):
        changes.append(f"while it runs {_usd(now.running)} → {_usd(then.running)} $/h")
    if _differs(now.stopped, then.stopped):
        changes.append(f"stopped {_usd(now.stopped)} → {_usd(then.stopped)} $/h")
    if now.usd_per_tb != then.usd_per_tb:
        changes.append(f"traffic {_tb(now.usd_per_tb)} → {_tb(then.usd_per_tb)} $/TB [down, up]")
    since = "the end of its present contract"
    if prices.applies_at is not None:
        since += f" ({utc(prices.applies_at)})"
    until = "" if prices.until is None else f" until {utc(prices.until)}"
    return f"{', '.join(changes) or 'nothing that is known'}, from {since}{until}"


def _usd(value: float | None) -> str:
    return "an unknown price" if value is None else f"{value:.4f}"


def _tb(value: list[float] | None) -> str:
    return "unknown" if value is None else str(value)


async def decide(vast: Vast, asked: PriceIncrease | None, *, accept: bool) -> None:
    """Accept or reject it. Where no answer came, a list that has it waiting no more is the
    answer.
    """
    if asked is None:
        raise AssertionError("what nobody looked for is not decided")
    number = asked.pending_price_increase_id
    try:
        await vast.decide_increase(number, accept=accept)
    except errors.VastMcpError as exc:
        if not may_have_happened(exc) or await _waits(vast, number):
            raise


async def _waits(vast: Vast, number: int) -> bool:
    """Whether it waits still, as far as a list can be had."""
    try:
        listed = await vast.price_increases()
    except errors.VastMcpError:
        return True
    return not listed.is_whole or number in {one.pending_price_increase_id for one in listed}
