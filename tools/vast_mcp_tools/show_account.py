"""How long the money lasts: what can be spent, what bills at the moment, and what is in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.seen import learn_from
from vast_mcp.machines import costs
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Instance


class ShowAccount(Arguments):
    pass


class Burn(Part):
    running: float
    stopped: Annotated[float, Field(description="Disks of machines that do not run.")]
    volumes: Annotated[float | None, Field(description="Absent: not known.")] = None


class ShowAccountResult(Result):
    credit_usd: Annotated[float | None, Field(description="What can be spent.")] = None
    balance_usd: float | None = None
    usd_per_hour: Annotated[
        float | None, Field(description="What bills now. Absent: not known.")
    ] = None
    of_which: Burn | None = None
    starting_usd_per_hour: Annotated[
        float | None, Field(description="More, once what is starting runs.")
    ] = None
    hours_left: Annotated[
        float | None, Field(description="Credit over usd_per_hour, an estimate.")
    ] = None
    machines: int | None = None
    open_intents: Annotated[int | None, Field(description="Rentals in doubt: each may bill.")] = (
        None
    )
    warnings: list[str] = []
    next_steps: list[Step] = []


async def show_account(args: ShowAccount, call: Call) -> ShowAccountResult:  # noqa: ARG001  every tool has arguments
    """Shows the account's credit and balance in dollars, what bills per hour now (machines, stopped
    disks, volumes), how long the credit lasts at that, and how many rentals are in doubt. Never the
    email or any key.
    """
    user = await call.vast.user()
    result = ShowAccountResult(
        credit_usd=costs.rounded(user.credit, 2), balance_usd=costs.rounded(user.balance, 2)
    )
    try:
        listed = await call.vast.list_instances()
    except errors.VastMcpError as exc:
        result.warnings.append(
            f"The machines could not be listed ({exc.code}), so what bills is not known."
        )
        return result
    seen = await learn_from(call, listed)
    burn = _burn(listed)
    burn.volumes = await _volumes(call, result.warnings)
    now = burn.running + burn.stopped + (burn.volumes or 0.0)
    result.usd_per_hour, result.of_which = round(now, 5), burn
    result.starting_usd_per_hour = _starting(listed)
    result.hours_left = _hours(user.credit, now)
    result.machines, result.open_intents = len(listed), len(seen.open)
    if listed:
        result.next_steps.append(step("show_instances", "which machines bill"))
    if seen.open:
        result.next_steps = [
            step("show_instances", "which rentals are in doubt; looking helps to settle them")
        ]
    return result


def _burn(listed: Sequence[Instance]) -> Burn:
    """$/h now: the GPU bills only while running, the disk always (C.8)."""
    running = sum(costs.running_usd_per_hour(instance) for instance in listed)
    stopped = sum(costs.idle_usd_per_hour(instance) for instance in listed)
    return Burn(running=round(running, 5), stopped=round(stopped, 5))


def _starting(listed: Sequence[Instance]) -> float | None:
    """What machines that are asked to run, and hold their GPU, will bill on top of their disks."""
    starting = [
        i
        for i in listed
        if i.actual_status != "running"
        and i.intended_status == "running"
        and i.cur_state == "running"
    ]
    more = sum((i.dph_total or 0.0) - (i.disk_usd_per_hour() or 0.0) for i in starting)
    return round(more, 5) if starting else None


async def _volumes(call: Call, warnings: list[str]) -> float | None:
    try:
        listed = await call.vast.list_volumes()
    except errors.VastMcpError as exc:
        warnings.append(
            f"The volumes could not be read ({exc.code}); what they bill is not counted."
        )
        return None
    prices = [costs.volume_usd_per_hour(volume) for volume in listed]
    if None in prices:
        warnings.append(
            f"{prices.count(None)} of {len(prices)} volumes show no price and are not counted."
        )
    return round(costs.sum_of_known(prices), 5)


def _hours(credit: float | None, burn: float) -> float | None:
    if credit is None or burn <= 0:
        return None
    return round(costs.hours_of_credit(max(0.0, credit), burn), 1)


SPEC = ToolSpec(
    fn=show_account,
    arguments=ShowAccount,
    result=ShowAccountResult,
    title="Show credit and burn rate",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
