"""An account is shown by how long its money lasts: what can be spent, what bills at the moment, and
what is in doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account.seen import learn_from
from vast_mcp.account.volumes import held_in_rows, prices_of
from vast_mcp.machines import costs
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Instance
from vast_mcp.vast.rows import Listing

_WITHOUT_GPU = frozenset({"stopped", "unloaded"})  # states of a contract (docs/vast-api.md C.4)


class ShowAccount(Arguments):
    pass


class Burn(Part):
    running: float
    stopped: Annotated[float, Field(description="Disks of machines that do not run.")]
    volumes: Annotated[float | None, Field(description="Absent: not known.")] = None

    def total(self) -> float:
        """$/h of everything whose price is known."""
        return costs.sum_of_known([self.running, self.stopped, self.volumes])


class ShowAccountResult(Result):
    credit_usd: Annotated[float | None, Field(description="What can be spent.")] = None
    balance_usd: float | None = None
    usd_per_hour: Annotated[
        float | None, Field(description="What bills now. Absent: not all of it is known.")
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


async def show_account(_: ShowAccount, call: Call) -> ShowAccountResult:
    """Shows the account's credit and balance in dollars, what bills per hour now (machines, stopped
    disks, volumes), how long the credit lasts at that, and how many rentals are in doubt.
    """
    user = await call.vast.recent.user()
    result = ShowAccountResult(
        credit_usd=costs.rounded(user.credit, 2), balance_usd=costs.rounded(user.balance, 2)
    )
    look = call.vast.recent
    try:
        listed = await look.list_instances()
    except errors.VastMcpError as exc:
        result.warnings = [
            f"The machines could not be listed ({exc.code}), so what bills is not known."
        ]
        return result
    seen = await learn_from(call, listed, anew=not look.reused)
    burn = _burn(listed)
    burn.volumes, unknown = await _volumes(call, listed)
    result.warnings = [*_unpriced(listed), *unknown]
    result.of_which = burn
    if not result.warnings:
        result.usd_per_hour = round(burn.total(), 5)
        result.hours_left = _hours(user.credit, burn.total())
    result.starting_usd_per_hour = _starting(listed)
    result.machines = listed.total
    result.open_intents = len(seen.open)
    result.next_steps = _steps(result)
    return result


def _burn(listed: Sequence[Instance]) -> Burn:
    """$/h of machines now: a GPU bills only while it runs, a disk always (docs/vast-api.md C.8)."""
    running = costs.sum_of_known(map(costs.running_usd_per_hour, listed))
    stopped = costs.sum_of_known(map(costs.idle_usd_per_hour, listed))
    return Burn(running=round(running, 5), stopped=round(stopped, 5))


def _unpriced(listed: Listing[Instance]) -> list[str]:
    """A warning where machines bill nobody knows how much."""
    unknown = costs.unpriced(listed) + listed.nameless
    if not unknown:
        return []
    return [f"{unknown} of {listed.total} machines show no price and are not counted."]


def _starting(listed: Sequence[Instance]) -> float | None:
    """$/h that machines which are starting will bill on top of their disks."""
    starting = [instance for instance in listed if _is_starting(instance)]
    if not starting:
        return None
    return round(sum(map(_gpu_usd_per_hour, starting)), 5)


def _gpu_usd_per_hour(row: Instance) -> float:
    """What a machine that runs bills on top of its disk."""
    return (row.dph_total or 0.0) - (row.disk_usd_per_hour() or 0.0)


def _is_starting(row: Instance) -> bool:
    """Whether a machine was asked to run, may hold its GPU, and does not bill that yet."""
    asked_to_run = row.intended_status == "running" and row.cur_state not in _WITHOUT_GPU
    return asked_to_run and not costs.bills_gpu(row)


async def _volumes(call: Call, machines: Sequence[Instance]) -> tuple[float | None, list[str]]:
    """$/h of all volumes that no machine's price holds, None where they cannot be read, and what is
    not known of them.
    """
    try:
        listed = await call.vast.recent.list_volumes()
    except errors.VastMcpError as exc:
        unread = f"The volumes could not be read ({exc.code}); what they bill is not counted."
        return None, [unread]
    by_id = prices_of(call, listed)
    running = [row for row in machines if costs.bills_gpu(row)]
    held = held_in_rows(running, listed, by_id)
    prices = [usd for volume_id, usd in by_id.items() if volume_id not in held]
    prices += [None] * listed.nameless
    known = round(costs.sum_of_known(prices), 5)
    if None not in prices:
        return known, []
    unknown = f"{prices.count(None)} of {len(prices)} volumes show no price and are not counted."
    return known, [unknown]


def _hours(credit: float | None, burn: float) -> float | None:
    """Hours that the credit lasts; None where nothing bills, or the credit is not known."""
    if credit is None or burn <= 0:
        return None
    return round(costs.hours_of_credit(max(0.0, credit), burn), 1)


def _steps(result: ShowAccountResult) -> list[Step]:
    if result.open_intents:
        return [step("show_instances", "which rentals are in doubt; looking helps to settle them")]
    if result.machines:
        return [step("show_instances", "which machines bill")]
    return []


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
