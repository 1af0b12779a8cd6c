"""The table and the sentence of a run, and whether its promises were kept."""

from __future__ import annotations

from collections.abc import Mapping

from storm.plans.judge import Verdict

PLAN, HAND, NEXT, ORACLE = "provision", "by hand", "next offer", "oracle"
OF_ORACLE = 1.5  # times its dollars, at most
OF_CALLS = 1 / 3  # of the calls of the loop that is played by hand
HEAD = (
    "callers",
    "wishes",
    "served",
    "$ until ready",
    "of traffic",
    "minutes",
    "host's calls",
    "where it hears of progress",
    "machines",
    "over budget",
    "two billing",
    "forgotten",
    "false ready",
    "missed",
    "lost",
)


def table(found: Mapping[str, Verdict]) -> str:
    """One line a kind of callers; $, minutes and calls are of one wish, from sums over all."""
    lines = [" | ".join(HEAD), " | ".join("---" for _ in HEAD)]
    lines += [" | ".join(map(str, _cells(kind, one))) for kind, one in found.items()]
    return "\n".join(f"| {line} |" for line in lines)


def _cells(kind: str, one: Verdict) -> tuple[object, ...]:
    wishes = max(1, one.wishes)
    return (
        kind,
        one.wishes,
        one.ready,
        f"{one.usd / wishes:.4f}",
        f"{one.of_traffic / wishes:.4f}",
        f"{one.seconds / wishes / 60:.1f}",
        f"{_ratio(one.calls - one.heard_calls, one.wishes - one.heard):.1f}",
        f"{_ratio(one.heard_calls, one.heard):.1f}",
        f"{one.machines / wishes:.2f}",
        one.over_budget,
        one.two_billing,
        one.unknown,
        one.false_ready,
        one.missed,
        one.lost,
    )


def _ratio(one: float, other: float) -> float:
    return one / other if other else 0.0


def sentence(found: Mapping[str, Verdict]) -> str:
    """The last line of a run."""
    plan = found.get(PLAN, Verdict())
    said = (
        f"{plan.wishes:,} plans, {plan.machines:,} machines: {plan.over_budget} over budget, "
        f"{plan.two_billing} with two billing, {plan.unknown} machines nobody knows of, "
        f"{plan.false_ready} falsely ready, {plan.missed} that a machine would have fitted, "
        f"{plan.lost} lost after they were told, {plan.endless} without an end"
    )
    if not {HAND, NEXT, ORACLE} <= set(found):
        return f"{said}."
    usd = {kind: _ratio(plan.usd, one.usd) for kind, one in found.items()}
    return (
        f"{said}; {usd[ORACLE]:.2f} times the dollars of who knows which machines work, "
        f"{usd[HAND]:.2f} of the loop by hand, {usd[NEXT]:.2f} of the next offer after any "
        f"error, {_ratio(plan.calls, found[HAND].calls):.2f} of the calls by hand."
    )


def is_good(found: Mapping[str, Verdict], *, strict: bool) -> bool:
    """Whether nothing went wrong, and the ratios hold where they must."""
    plan = found.get(PLAN, Verdict())
    if plan.bad:
        return False
    if not strict:
        return True
    return (
        plan.usd <= OF_ORACLE * found[ORACLE].usd
        and plan.usd < found[HAND].usd
        and plan.usd < found[NEXT].usd
        and plan.calls <= OF_CALLS * found[HAND].calls
    )
