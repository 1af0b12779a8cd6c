"""A plan is opened: nothing speaks against it, a person said yes to it, then it is written down.

Read only, up to there: an order that no offer could take, limits, the market as it is now.
"""

from __future__ import annotations

from dataclasses import replace

from vast_mcp import errors
from vast_mcp.errors import Problem
from vast_mcp.journal.plan_records import Plan, PlanWish
from vast_mcp.provisioning import consent
from vast_mcp.provisioning.asked import TOOL, Asked
from vast_mcp.provisioning.needs import needs_of, ports_in
from vast_mcp.provisioning.requirement import Wanted
from vast_mcp.renting.order import PRIVATE, order_of
from vast_mcp.renting.request import derived_key
from vast_mcp.session import Call
from vast_mcp.waiting.aims import aim_of


def wish_of(call: Call, account: str, asked: Asked) -> PlanWish:
    """What the journal knows the plan by."""
    digest = call.journal.digest(asked.wished)
    key = asked.request_key
    return PlanWish(account, key or derived_key(account, digest), digest, derived=key is None)


async def opened(
    call: Call, wish: PlanWish, wanted: Wanted, *, instead_of: Plan | None = None
) -> Plan:
    """The plan of a wish that has none, or one that is over (`instead_of`). Raises BadArguments,
    OverLimit, and what asking a person raises.
    """
    _check_bounded(call, wanted)
    _check_order(call, wanted)
    withheld = tuple(sorted(PRIVATE & wanted.rental.keys()))
    asked = wanted.requirement
    kept = {name: value for name, value in asked.rental.items() if name not in PRIVATE}
    requirement = replace(asked, rental=kept, withheld=withheld, ports=ports_in(wanted.rental))
    await needs_of(call, requirement, wanted.bounds)  # names, places and filters as they are read
    agreed, spent = await consent.agreed_to(call, wish, requirement, wanted.bounds)
    return call.journal.plans.opened(
        wish,
        requirement.as_json(),
        wanted.bounds,
        agreed,
        lambda name: consent.spend(call, spent, name),
        instead_of,
    )


def _check_bounded(call: Call, wanted: Wanted) -> None:
    """Raises BadArguments where neither a price nor a budget is set by anybody."""
    bounds, limits = wanted.bounds, call.limits
    caps = (bounds.max_usd_per_hour, bounds.budget_usd, limits.max_usd_per_hour)
    if all(cap is None for cap in caps):
        problem = Problem(
            "max_usd_per_hour",
            "set it, or budget_usd, or both: nothing else bounds what this may cost",
        )
        raise errors.bad(TOOL, [problem])


def _check_order(call: Call, wanted: Wanted) -> None:
    """Raises what is wrong with the rental, whatever the offer."""
    longest, short_h = call.limits.max_lease_hours, wanted.bounds.lease_s / 3600
    if longest is not None and short_h > longest:
        raise errors.OverLimit(
            f"Each machine would live for {short_h:g} hours while it is tried, and {longest:g} are "
            "allowed (VAST_MCP_MAX_LEASE_HOURS, set by the person).",
            problems=[Problem("give_up_after_minutes", "fewer")],
        )
    given = {
        **{name: value for name, value in wanted.rental.items() if name != "volume_info"},
        "offer_id": 1,
        "lease_hours": wanted.bounds.lease_s / 3600,
    }
    order_of(given, call.settings)
    try:
        aim_of(wanted.requirement.ready_when)
    except ValueError as exc:
        raise errors.bad(TOOL, [Problem("ready_when", str(exc))]) from exc
