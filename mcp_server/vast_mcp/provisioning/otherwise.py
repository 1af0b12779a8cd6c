"""What an answer of provision says of the market, where too little of it fits."""

from __future__ import annotations

import contextlib

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.journal.plan_records import Bounds, Plan
from vast_mcp.machines import figures
from vast_mcp.provisioning.asked import Asked
from vast_mcp.provisioning.candidates import candidates
from vast_mcp.provisioning.instead import Instead, instead
from vast_mcp.provisioning.requirement import Requirement
from vast_mcp.provisioning.told import Otherwise, PlanTold
from vast_mcp.session import Call
from vast_mcp.toolspec import Step, step

ENDS = {"no_offer", "over_budget", "attempts"}  # of plans, that another wish may not come to
STEPS = 2  # changes that are next steps


async def of_plan(call: Call, asked: Asked, plan: Plan, told: PlanTold) -> PlanTold:
    """An answer about a plan, with what the market has instead where it ended without."""
    if plan.state != "over" or plan.outcome not in ENDS:
        return told
    return await of_wish(call, asked, Requirement.of_json(plan.wanted), plan.bounds, told)


async def of_wish(
    call: Call, asked: Asked, requirement: Requirement, bounds: Bounds, told: PlanTold
) -> PlanTold:
    """The same of a wish. What cannot be read now is left out."""
    changes: list[Instead] = []
    with contextlib.suppress(errors.VastMcpError):
        found = await candidates(call, requirement, bounds)
        changes = await instead(call, requirement, bounds, found)
    told.instead = [_otherwise(one) for one in changes] or None
    if asked.wanted is not None and not asked.hides:
        told.next_steps = [*(_step(asked, one) for one in changes[:STEPS]), *told.next_steps]
    return told


def _otherwise(one: Instead) -> Otherwise:
    usd = None if one.usd_per_hour is None else figures.at_least(one.usd_per_hour)
    return Otherwise(change=one.change, offers=one.offers, usd_per_hour=usd)


def _step(asked: Asked, one: Instead) -> Step:
    """What the same call with the change comes to: another wish, which has no key yet, and may cost
    more than anybody said yes to, so that nothing is rented by it.
    """
    given: Json = {name: value for name, value in asked.spoken.items() if name != "request_key"}
    changed = one.applied_to(given) | {"dry_run": True}
    return step("provision", f"shows what that comes to: {one.said}", **changed)
