"""What was spent, and for how long the rest will do: a small answer for an account of any size."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from vast_mcp import errors
from vast_mcp.account import runway
from vast_mcp.account.bill import Amounts, Line
from vast_mcp.account.periods import Period, days_back, month_of
from vast_mcp.account.runway import Runway, runway_of
from vast_mcp.account.spending import MOST_DAYS, Spending, came_by_type, spending_of
from vast_mcp.errors import Problem, clean_or_none
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Part, Result, Step, ToolSpec, step

WEEK = "7"  # days
MOST_BACK = 366
_IN_A_ROW = {"gpu_usd", "disk_usd", "traffic_usd"}
SHOWN = 10  # rows


class ShowCosts(Arguments):
    told_elsewhere = frozenset({"limit"})

    period: Annotated[str | None, Field(description="days, 1 to 366, or 2026-10. Default 7")] = None
    limit: Annotated[int | None, Field(ge=1, le=50)] = None


class Kinds(Part):
    """$ by kind."""

    gpu_usd: float | None = None
    disk_usd: float | None = None
    traffic_usd: float | None = None
    volume_usd: float | None = None
    other_usd: Annotated[
        float | None, Field(description="Roundings of Vast's, and kinds without a name.")
    ] = None


class CostRow(Part):
    instance_id: int | None = None
    volume_id: int | None = None
    usd: float
    gpu_usd: float | None = None
    disk_usd: float | None = None
    traffic_usd: float | None = None
    first_day: str | None = None
    last_day: str | None = None
    source: Annotated[str | None, Field(description="What else it is: endpoint-7.")] = None
    untrusted_label: str | None = None


class DayCost(Part):
    day: str
    usd: float


class Rest(Part):
    """What is not shown row by row."""

    count: int
    usd: float


class Paid(Part):
    kind: str
    usd: float


class ShowCostsResult(Result):
    first_day: Annotated[str | None, Field(description="Days are UTC.")] = None
    last_day: str | None = None
    spent_usd: Annotated[float | None, Field(description="Absent: not known.")] = None
    spent_is: Annotated[
        Literal["charges", "estimate"] | None,
        Field(description="charges: by Vast, up to hours late; estimate: by what looks showed."),
    ] = None
    of_which: Kinds | None = None
    by_day: Annotated[list[DayCost], Field(description="The last first, without days of $0.")] = []
    rows: Annotated[list[CostRow], Field(description="The dearest first.")] = []
    not_shown: Rest | None = None
    payments: Annotated[
        list[Paid], Field(description="What came to the account; below 0: what left it.")
    ] = []
    credit_usd: float | None = None
    total_usd_per_hour: float | None = None
    hours_left: float | None = None
    if_all_stopped_usd_per_hour: float | None = None
    hours_left_if_all_stopped: float | None = None
    auto_billing: str | None = None
    warnings: list[str] = []
    next_steps: list[Step] = []


async def show_costs(args: ShowCosts, call: Call) -> ShowCostsResult:
    """What was spent by machine, UTC day and kind, and how long credit lasts."""
    period = _period(args, call)
    lasts = await runway_of(call)
    spending = await spending_of(call, period)
    result = _told(spending, period, args.limit or SHOWN)
    result.warnings = [*spending.warnings, *_undivided(spending, period), *lasts.warnings]
    _put_runway(result, lasts)
    _check_anything_known(result, spending)
    await _put_payments(result, spending, period, call)
    result.next_steps = _steps(result)
    return result


def _period(args: ShowCosts, call: Call) -> Period:
    asked = WEEK if args.period is None else args.period.strip()
    period = month_of(asked, call.now())
    if period is None and asked.isascii() and asked.isdecimal() and 1 <= int(asked) <= MOST_BACK:
        return days_back(int(asked), call.now())
    if period is None:
        problem = Problem(
            "period", f'days back, "1" to "{MOST_BACK}", or a month such as "2026-10"'
        )
        raise errors.bad("show_costs", [problem])
    return period


def _told(spending: Spending, period: Period, limit: int) -> ShowCostsResult:
    lines = spending.bill.dearest()
    amounts = spending.bill.amounts
    return ShowCostsResult(
        first_day=period.first.isoformat(),
        last_day=period.last.isoformat(),
        spent_usd=_usd(amounts.total) if spending.known else None,
        spent_is=spending.by if spending.known else None,
        of_which=_kinds(amounts) if spending.by == "charges" and amounts else None,
        by_day=_days(spending, period),
        rows=[_row(line, spending.by) for line in lines[:limit]],
        not_shown=_rest(lines[limit:]),
    )


def _days(spending: Spending, period: Period) -> list[DayCost]:
    if len(period.days) > MOST_DAYS:
        return []
    by_day = spending.bill.by_day
    return [
        DayCost(day=day.isoformat(), usd=_usd(by_day[day]))
        for day in period.days
        if by_day.get(day)
    ]


def _row(line: Line, by: str) -> CostRow:
    kind, number = line.source
    kinds = _kinds(line.amounts).model_dump(include=_IN_A_ROW) if by == "charges" else {}
    return CostRow(
        instance_id=number if kind == "instance" else None,
        volume_id=number if kind == "volume" else None,
        source=None if kind in {"instance", "volume"} else f"{kind}-{number}",
        usd=_usd(line.amounts.total),
        first_day=line.first and line.first.isoformat(),
        last_day=line.last and line.last.isoformat(),
        untrusted_label=clean_or_none(line.label, 64),
        **kinds,
    )


def _kinds(amounts: Amounts) -> Kinds:
    """The kinds that there is anything of."""
    return Kinds.model_validate({f"{kind}_usd": _usd(usd) for kind, usd in amounts.items() if usd})


def _rest(lines: Sequence[Line]) -> Rest | None:
    if not lines:
        return None
    return Rest(count=len(lines), usd=_usd(sum((one.amounts.total for one in lines), Decimal(0))))


def _usd(amount: Decimal) -> float:
    """An exact amount as JSON has it: Vast rounds to a thousandth of a $. Nothing has no sign."""
    return float(round(amount, 3)) + 0.0


def _undivided(spending: Spending, period: Period) -> list[str]:
    if len(period.days) > MOST_DAYS:
        return [f"Days are told of {MOST_DAYS} days at most: ask for a month."]
    if not spending.unsplit:
        return []
    first, last = spending.unsplit[-1], spending.unsplit[0]
    return [
        f"{len(spending.unsplit)} days from {first} to {last} are in the sum and not told one by "
        "one: Vast did not give each by itself in this call's time."
    ]


def _check_anything_known(result: ShowCostsResult, spending: Spending) -> None:
    """Raises what kept the charges from being read, where all else could not be read either."""
    known = (result.spent_usd, result.credit_usd, result.total_usd_per_hour)
    if spending.why is not None and all(one is None for one in known):
        raise spending.why


def _put_runway(result: ShowCostsResult, lasts: Runway) -> None:
    result.credit_usd = None if lasts.credit_usd is None else round(lasts.credit_usd, 2)
    result.total_usd_per_hour = runway.shown(lasts.total_usd_per_hour)
    result.if_all_stopped_usd_per_hour = runway.shown(lasts.if_all_stopped_usd_per_hour)
    result.hours_left = lasts.hours_left
    result.hours_left_if_all_stopped = lasts.hours_left_if_all_stopped
    result.auto_billing = lasts.auto_billing


async def _put_payments(
    result: ShowCostsResult, spending: Spending, period: Period, call: Call
) -> None:
    """What was paid; a key that may not read charges may not read that either."""
    if spending.by != "charges":
        return
    try:
        payments = await call.in_passing().recent.payments(period.since, period.until)
    except errors.VastMcpError as exc:
        result.warnings.append(f"Payments could not be read ({exc.code}).")
        return
    if not payments.is_whole or any(one.came_usd is None for one in payments):
        result.warnings.append("A payment that could not be read is in no sum.")
    came = came_by_type(payments)
    result.payments = [Paid(kind=kind, usd=_usd(usd)) for kind, usd in sorted(came.items())]


def _steps(result: ShowCostsResult) -> list[Step]:
    if result.total_usd_per_hour:
        return [step("show_account", "what of it bills now")]
    return []


SPEC = ToolSpec(
    fn=show_costs,
    arguments=ShowCosts,
    result=ShowCostsResult,
    title="Show what was spent",
    read_only=True,
    destructive=False,
    idempotent=True,
    open_world=True,
)
