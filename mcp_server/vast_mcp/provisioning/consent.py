"""One question to a person covers a plan: what is wanted, at most at which price a machine, how
many machines and tries, and for how much in all. What comes to be dearer is asked about again.
"""

from __future__ import annotations

import contextlib

from vast_mcp import errors
from vast_mcp.errors import NextStep
from vast_mcp.journal.plan_records import Agreed, Bounds, PlanWish
from vast_mcp.journal.records import Approval
from vast_mcp.provisioning import handing
from vast_mcp.provisioning.candidates import Candidates, candidates
from vast_mcp.provisioning.requirement import TOOL, Requirement
from vast_mcp.renting import confirm, wording
from vast_mcp.renting.proposal import Proposal, shown_price
from vast_mcp.session import Call

MOST_KINDS = 4  # of GPUs, that a question names


async def agreed_to(
    call: Call, wish: PlanWish, requirement: Requirement, bounds: Bounds
) -> tuple[Agreed | None, Approval | None]:
    """What may be spent without another question, and the yes that is spent with it; None where the
    person wants to be asked of nothing. Raises as confirm.ask(), and what keeps the market from
    being read.
    """
    above = call.settings.confirm_above
    if above is None:
        return None, None
    found = await candidates(call, requirement, bounds)
    if not found.offers:
        return _up_to(above, bounds, asked=False), None
    dearest = max(one.usd_per_hour for one in found.offers)
    again = NextStep(TOOL, {"request_key": wish.key}, "the same call asks again")
    asked = {"wish": wish.key, "digest": wish.digest}
    words = question(requirement, bounds, found)
    with contextlib.suppress(errors.VastMcpError):  # what is not in the journal may be what lacks
        unguarded = await handing.unguarded(call, requirement.rental, bounds)
        words = " ".join(filter(None, (words, unguarded)))
    proposal = Proposal(TOOL, asked, words, again)
    agreement = await confirm.ask(call, proposal, dearest)
    if agreement.to is None:
        return _up_to(above, bounds, asked=False), None
    return _up_to(shown_price(dearest), bounds, asked=True), agreement.approval


def spend(call: Call, approval: Approval | None, name: str) -> None:
    """Use up what a person said in a shell, for the plan of this name. Raises NeedsConfirmation."""
    if approval is not None:
        call.journal.approvals.spend(approval, f"plan-{name}")


def _up_to(usd_per_hour: float, bounds: Bounds, *, asked: bool) -> Agreed:
    return Agreed(usd_per_hour, bounds.count, bounds.max_attempts, bounds.budget_usd, asked)


# ── the question ───────────────────────────────────────────────────────────────────────────────


def question(requirement: Requirement, bounds: Bounds, found: Candidates) -> str:
    """What a person is asked, without the price: no values of the caller but numbers and an image's
    plain name.
    """
    image = wording.image(requirement.rental.get("image"))
    return (
        f"Find {_machines(bounds.count)} on Vast.ai ({_gpus(found)}) with {image}, by renting "
        f"up to {bounds.max_attempts}, each ended where it does not work in "
        f"{bounds.give_up_s / 60:g} minutes? {_budget(bounds)} {_end(bounds)} The price is that of "
        "each machine."
    )


def _machines(count: int) -> str:
    return "one machine that works" if count == 1 else f"{count} machines that work"


def _gpus(found: Candidates) -> str:
    """The cards of the offers that fit, by the service's names."""
    kinds = {(one.offer.gpu_name, one.offer.num_gpus) for one in found.offers}
    if len(kinds) > MOST_KINDS:
        return f"of {len(kinds)} kinds of GPUs"
    return " or ".join(sorted(wording.gpus(name, count) for name, count in kinds))


def _budget(bounds: Bounds) -> str:
    if bounds.budget_usd is None:
        return "No budget bounds the search."
    return f"The search costs at most {bounds.budget_usd:g} $."


def _end(bounds: Bounds) -> str:
    if bounds.lease_hours is None:
        return "What works then runs until it is destroyed."
    return f"What works then ends by itself after {bounds.lease_hours:g} hours."
