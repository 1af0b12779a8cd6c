"""A dry run of a plan: which offers it would try, in which order, and what it may cost."""

from __future__ import annotations

from vast_mcp.journal.plan_records import Bounds
from vast_mcp.machines import figures
from vast_mcp.provisioning import handing, otherwise
from vast_mcp.provisioning.asked import Asked
from vast_mcp.provisioning.candidates import Candidate, Candidates, candidates
from vast_mcp.provisioning.requirement import Wanted
from vast_mcp.provisioning.told import CENTS, PlanTold, Priced
from vast_mcp.renting import confirm
from vast_mcp.session import Call
from vast_mcp.toolspec import Step, step

MOST_SHOWN = 10  # offers


async def previewed(call: Call, asked: Asked, wanted: Wanted) -> PlanTold:
    """What a wish would do now; nothing is sent that acts. Raises what reading the market does."""
    found = await candidates(call, wanted.requirement, wanted.bounds)
    warnings = [*asked.notes, *found.warnings, *_left_out(found)]
    unguarded = await handing.unguarded(call, wanted.rental, wanted.bounds)
    if unguarded is not None:
        warnings.append(unguarded)
    dearest = max((one.usd_per_hour for one in found.offers), default=None)
    if dearest is not None and confirm.wanted(call, dearest):
        warnings.append("The person is asked before anything is rented (VAST_MCP_CONFIRM).")
    answer = PlanTold(
        said=_said(found, wanted.bounds),
        offers=[_priced(one) for one in found.offers[:MOST_SHOWN]],
        warnings=warnings,
        next_steps=[_next(asked, found)],
    )
    if found.offers:
        return answer
    return await otherwise.of_wish(call, asked, wanted.requirement, wanted.bounds, answer)


def _said(found: Candidates, bounds: Bounds) -> str:
    """How many there are to try, and what that may cost."""
    if not found.offers:
        return "Nothing was rented: no offer fits."
    tried = found.offers[: bounds.max_attempts]
    worst = sum(one.worst_usd for one in tried)
    most = f"at most {worst:.2f} $ if all of them fail"
    if bounds.budget_usd is not None and worst > bounds.budget_usd:
        most = f"never more than budget_usd, {bounds.budget_usd:g} $"
    return (
        f"Nothing was rented. {len(found.offers)} offers fit; up to {bounds.max_attempts} would be "
        f"tried in this order, the first at {found.offers[0].usd_per_hour:.4f} $/h: {most}."
    )


def _left_out(found: Candidates) -> list[str]:
    """What fits but for its price, or for what is not known of it."""
    said: list[str] = []
    if found.over_budget:
        least = min(one.worst_usd for one in found.over_budget)
        said.append(
            f"{len(found.over_budget)} more are never tried: their worst case is over budget_usd, "
            f"at least {least:.2f} $."
        )
    if found.unpriced:
        said.append(f"{len(found.unpriced)} more do not say what a try may cost, and are left out.")
    return said


def _priced(one: Candidate) -> Priced:
    offer = one.offer
    return Priced(
        offer_id=offer.ask_contract_id,
        machine_id=offer.machine_id,
        gpu=f"{offer.num_gpus or 1}x {offer.gpu_name}" if offer.gpu_name else None,
        usd_per_hour=figures.at_least(one.usd_per_hour),
        bid=one.bid,
        to_ready_usd=round(one.ready_usd, CENTS),
        worst_usd=round(one.worst_usd, CENTS),
        why=one.why or None,
    )


def _next(asked: Asked, found: Candidates) -> Step:
    """The same call in earnest, where an answer may repeat it."""
    if not found.offers:
        return step("search_offers", "what there is, and what to loosen")
    if asked.hides:
        return step("show_account", "what bills already; then this call without dry_run starts it")
    return step("provision", "starts it", **asked.spoken)
