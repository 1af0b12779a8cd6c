"""What is said of a plan and its tries, in sentences of ours: codes of the journal become words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from vast_mcp.journal.plan_records import Outcome, Plan, Try

State = Literal["seeking", "ready", "over", "asks"]

ASKS = "needs_confirmation"  # a plan's detail while a person is to be asked

# Why a try is no machine of use, by its code; a code without words is told as it is.
_WHY = {
    "image": "its image was not found",
    "image_login": "its registry refused the login",
    "pull_limit": "its registry served no more pulls",
    "oci_error": "its container could not be made",
    "volume": "its volume could not be mounted",
    "disk_full": "its disk was full",
    "driver_too_old": "its driver was too old",
    "host_gpu": "its GPU failed",
    "no_progress": "its start stood still",
    "offline": "its host went offline",
    "scheduling": "it waited for its GPU",
    "outbid": "somebody bid more",
    "exited": "its container ended",
    "stopped": "somebody stopped it",
    "frozen": "it was frozen",
    "vanished": "it vanished",
    "gone": "it is gone",
    "not_reachable": "nobody could enter it from here",
    "unchecked": "it could not be compared with its offer",
    "gave_up": "it was not ready in time",
    "vm": "its host runs no VM",
    "host_docker": "its host's Docker failed",
    "host_network": "its host's network failed",
    "secrets": "Vast did not hand it its secrets",
    "late": "it appeared after its request was given up",
    "over_limit": "it cost more than is allowed",
    "created_stopped": "it was made and not started",
    "offer_gone": "somebody else took the offer",
    "cancelled": "the plan was cancelled",
    "unasked": "nobody asked after its plan",
    "attempts": "its plan gave up",
    "no_offer": "its plan gave up",
    "over_budget": "its plan gave up",
    "refused": "its plan gave up",
}
_OVER: dict[Outcome | None, str] = {
    "no_offer": "the market has no offer that fits",
    "over_budget": "no offer's worst case fits in what is left of the budget",
    "attempts": "as many machines failed as may be tried",
    "cancelled": "it was cancelled",
    "unasked": "nobody asked after it",
    "refused": "it may not go on",
    None: "it ended",
}
_WAITS = {
    ASKS: "the person's yes, which the same call with all its arguments asks for",
    "values": "the same call with all its arguments: this process does not know those that may be "
    "secret, which are not kept",
}


def why_of(code: str) -> str:
    """Why a try failed; behind a colon a code has what it is about."""
    code, _, about = code.partition(": ")
    if code == "worse":
        return f"less than its offer promised ({about})"
    return _WHY.get(code, code or "why is not known")


def became(one: Try) -> str:
    """What became of a try, in a few words."""
    if one.made_nothing:
        return f"nothing was rented: {why_of(one.why)}" if one.why else "nothing was rented"
    if one.in_doubt:
        return "its request is in doubt: a machine may exist and bill"
    match one.state:
        case "ready":
            return "works"
        case "handed":
            return "works, and is yours"
        case "begun":
            return "starts"
        case _:
            seen = "seen gone" if one.gone_at is not None else "its end is not seen yet"
            return f"failed: {why_of(one.why)}; {seen}"


def ended(plan: Plan, *, working: int) -> str:
    """Why a plan is over, or comes to its end."""
    if plan.outcome == "ready":
        return "Nothing is left to do: every machine of it works, and is yours."
    why = _OVER.get(plan.outcome, "it ended")
    more = f" ({plan.detail})" if plan.outcome == "refused" and plan.detail else ""
    found = "No machine was found" if not working else f"Only {working} of {plan.bounds.count} work"
    return f"{found}: {why}{more}."


def sought(plan: Plan, tries: Sequence[Try]) -> str:
    """How far a plan has come, in a sentence."""
    count, failed = plan.bounds.count, sum(one.state == "failed" for one in tries)
    works = sum(one.state in {"ready", "handed"} for one in tries)
    begun = [one for one in tries if one.state == "begun" and not one.made_nothing]
    said = [f"{works} of {count} work" if count > 1 else "Nothing works yet"]
    if begun:
        said.append(f"{len(begun)} {'starts' if len(begun) == 1 else 'start'}")
    if failed:
        said.append(f"{failed} of at most {plan.bounds.max_attempts} failed")
    return ", ".join(said) + "."


def waiting_for(plan: Plan, tries: Sequence[Try]) -> str | None:
    """What a plan that is not over waits for."""
    doubt = next((one for one in tries if one.in_doubt and not one.made_nothing), None)
    if doubt is not None:
        return f"a verdict on the request for offer {doubt.offer_id}; nothing is rented before"
    ending = [one for one in tries if one.state in {"failed", "void"} and one.bills]
    if plan.state == "ending":
        return "the end of its machines, which is to be seen" if ending else "its end"
    if ending and plan.bounds.overlap_usd <= 0:
        return f"the end of machine {ending[0].instance_id}, seen twice, before the next is rented"
    if plan.detail in _WAITS:
        return _WAITS[plan.detail]
    begun = [one.instance_id for one in tries if one.state == "begun" and one.instance_id]
    if begun:
        named = " and ".join(map(str, begun))
        return f"machine {named}, until it is {plan.wanted.get('ready_when') or 'ready'}"
    if all_work(plan, tries):
        return "this answer's arrival, after which its lease is moved"
    return f"the next offer ({plan.detail})" if plan.detail else "the next offer"


def state_of(plan: Plan, tries: Sequence[Try]) -> State:
    """How a plan stands. seeking: machines are looked for, or ended; ready: they work, handed over
    or not yet; asks: a person is asked; over: without a machine.
    """
    if plan.state == "over":
        return "ready" if plan.outcome == "ready" else "over"
    if plan.state == "open" and all_work(plan, tries):
        return "ready"
    return "asks" if plan.state == "open" and plan.detail == ASKS else "seeking"


def all_work(plan: Plan, tries: Sequence[Try]) -> bool:
    """Whether every machine that is wanted works."""
    works = sum(one.state in {"ready", "handed"} and one.gone_at is None for one in tries)
    return works >= plan.bounds.count


def doing(plan: Plan, tries: Sequence[Try]) -> str:
    """What goes on, for a person who watches the call."""
    waits = waiting_for(plan, tries)
    return sought(plan, tries) + ("" if waits is None else f" Waiting for {waits}.")
