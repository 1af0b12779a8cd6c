"""An account is shown by how long its money lasts: what can be spent, what bills at the moment, and
what is in doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account import credit
from vast_mcp.account.ahead import ahead_of
from vast_mcp.account.burn import OfWhich, burn_of
from vast_mcp.account.seen import learn_from
from vast_mcp.account.volumes import doubt_words, volumes_in_doubt
from vast_mcp.machines import costs
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, Step, ToolSpec, step
from vast_mcp.vast.models import Instance

_WITHOUT_GPU = frozenset({"stopped", "unloaded"})  # states of a contract (docs/vast-api.md C.4)


class ShowAccount(Arguments):
    pass


class ShowAccountResult(Result):
    credit_usd: Annotated[float | None, Field(description="What can be spent.")] = None
    balance_usd: float | None = None
    total_usd_per_hour: Annotated[
        float | None,
        Field(description="What bills now, traffic is extra. Absent: not all of it is known."),
    ] = None
    of_which: OfWhich | None = None
    if_all_stopped_usd_per_hour: Annotated[
        float | None, Field(description="What would bill on: disks and volumes.")
    ] = None
    starting_usd_per_hour: Annotated[
        float | None, Field(description="More, once all that is asked to run does.")
    ] = None
    prepaid_usd: Annotated[
        float | None, Field(description="Paid ahead for machines, and out of the credit.")
    ] = None
    hours_left: Annotated[
        float | None,
        Field(
            description="Credit over the total, after what is left of prepaid_usd; an estimate "
            "without traffic."
        ),
    ] = None
    auto_billing: Annotated[
        str | None, Field(description="Absent: off, so that the credit is all there is.")
    ] = None
    warning_mail_at_usd: float | None = None
    machines: int | None = None
    open_intents: Annotated[
        int | None, Field(description="Rentals, volumes in doubt: each may bill.")
    ] = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def show_account(_: ShowAccount, call: Call) -> ShowAccountResult:
    """Shows the account's credit and balance, what bills per hour now (machines, stopped
    disks, volumes) and would bill with all stopped, how long the credit lasts, whether a card is
    charged by itself, and how many rentals are in doubt.
    """
    user = await call.vast.recent.user()
    result = ShowAccountResult(
        credit_usd=costs.rounded(user.credit, 2),
        balance_usd=costs.rounded(user.balance, 2),
        auto_billing=credit.auto_billing(user, None),
        warning_mail_at_usd=credit.warning_mail(user),
    )
    look = call.vast.recent
    try:
        listed = await look.list_instances()
    except errors.VastMcpError as exc:
        result.warnings = [
            f"The machines could not be listed ({exc.code}), so what bills is not known."
        ]
        result.next_steps = [step("show_instances", "lists them, or says what keeps it from that")]
        return result
    seen = await learn_from(call, listed, anew=not look.reused)
    burn = await burn_of(call, listed)
    result.of_which, result.warnings = burn.of_which, burn.unknown
    result.total_usd_per_hour = burn.total_usd_per_hour
    result.if_all_stopped_usd_per_hour = burn.if_all_stopped_usd_per_hour
    paid = await ahead_of(call, listed)
    result.prepaid_usd = paid.paid_usd
    result.hours_left = credit.hours_left(user.credit, burn.total_usd_per_hour, paid.now)
    result.auto_billing = credit.auto_billing(user, burn.total_usd_per_hour, paid.now)
    result.starting_usd_per_hour = _starting(listed)
    result.machines = listed.total
    doubts = volumes_in_doubt(call)
    result.open_intents = len(seen.open) + len(doubts)
    result.warnings = [*burn.unknown, *paid.warnings, *map(doubt_words, doubts)]
    result.next_steps = _steps(result)
    return result


def _starting(listed: Sequence[Instance]) -> float | None:
    """$/h that machines which are starting will bill on top of their disks."""
    starting = [costs.bills_of(row) for row in listed if _is_starting(row)]
    if not starting:
        return None
    return round(costs.sum_of_known(bills.on_start for bills in starting), costs.DIGITS)


def _is_starting(row: Instance) -> bool:
    """Whether a machine was asked to run, may hold its GPU, and does not bill that yet."""
    asked_to_run = row.intended_status == "running" and row.cur_state not in _WITHOUT_GPU
    return asked_to_run and not costs.bills_gpu(row)


def _steps(result: ShowAccountResult) -> list[Step]:
    if result.open_intents:
        return [step("show_instances", "which rentals are in doubt; looking helps to settle them")]
    steps: list[Step] = []
    if result.machines:
        steps.append(step("show_instances", "which machines bill"))
    if result.of_which is not None and result.of_which.volumes != 0:
        steps.append(step("show_volumes", "which volumes bill"))
    return steps or [step("search_offers", "what can be rented: nothing bills")]


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
