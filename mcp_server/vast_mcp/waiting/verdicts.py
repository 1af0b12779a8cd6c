"""How a wait ends: ready, not yet, failed for good, or running where nobody can get in."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from pydantic import Field

from vast_mcp.account.access import Access, access_to
from vast_mcp.errors import clean_or_none
from vast_mcp.leases import guards, lifetimes
from vast_mcp.machines import costs, phases
from vast_mcp.machines.phases import Phase, Reason
from vast_mcp.machines.ways import Address
from vast_mcp.renting.over_limit import warning_of
from vast_mcp.toolspec import Part, Step, step
from vast_mcp.vast.models import Instance
from vast_mcp.waiting import leads
from vast_mcp.waiting.wait import Wait

Via = Literal["direct", "proxy_only"]
Outcome = Literal["ready", "still_starting", "failed", "running_not_reachable_from_here"]


class Facts(Part):
    """What the wait for one machine came to."""

    state: Outcome
    reason: Reason | None = None
    message: str
    status: str | None = None
    via: Annotated[Via | None, Field(description="The way SSH answered.")] = None
    access: Access | None = None
    usd_per_hour: float | None = None
    cost_estimate_usd: Annotated[
        float | None, Field(description="At most: hours since birth x the full rate.")
    ] = None
    lease_left_hours: Annotated[
        float | None, Field(description="Until it is destroyed by itself.")
    ] = None
    past_lease: bool | None = None
    untrusted_status: str | None = None
    warnings: list[str] = []
    next_steps: list[Step] = []


class Verdict(Facts):
    """The same, and of which machine."""

    instance_id: int


def doing(phase: Phase | None) -> str:
    """What the host is doing, in our words."""
    if phase == "running":
        return "its container runs; SSH does not answer yet"
    return phases.DOING[phase or "starting"]


async def ready(
    wait: Wait,
    row: Instance,
    message: str,
    *,
    via: Via | None = None,
    through: Address | None = None,
) -> Verdict:
    """It is of use."""
    end = leads.destroy(wait, "ends all billing when the work is done")
    verdict = _verdict(wait, "ready", message, [end])
    verdict.via = via
    return await _with_access(verdict, wait, row, through)


async def still_starting(wait: Wait) -> Verdict:
    """Not yet. Raises what kept every look from an answer."""
    if wait.trouble is not None and not wait.looked:
        raise wait.trouble
    wait.call.session.keep_watch(wait.instance_id)
    message = f"Not yet: {doing(wait.watch.phase)}."
    still = wait.watch.still(wait.watch.last)
    if wait.watch.phase != "running" and still >= wait.patience.sick:
        message += (
            f" Nothing has moved for {_span(still)}; after {_span(wait.patience.stuck)} this fails."
        )
    again = step("wait_for_instance", "waits on", **_again(wait))
    return _verdict(wait, "still_starting", message, [again])


async def failed(wait: Wait, reason: Reason) -> Verdict:
    """It never will be of use."""
    row = wait.row
    message = phases.FAILED[reason]
    if reason == "no_progress":
        message = f"{message} So for {_span(wait.watch.still(wait.watch.last))}."
    if row is not None and reason in phases.FAILURES:
        message = f"{message} {_bills(row)}"
    verdict = _verdict(wait, "failed", message, leads.after(wait, reason))
    verdict.reason = reason
    if row is not None and row.actual_status == "running":
        return await _with_access(verdict, wait, row, None)
    return verdict


async def not_reachable(wait: Wait, row: Instance) -> Verdict:
    """It runs and bills, and nobody gets in."""
    lasted = _span(wait.watch.last - wait.watch.since)
    message = (
        f"It has run for {lasted} or more and no SSH server answered from this "
        "computer. A firewall between, a host's blocked port, or an image without SSH does that; "
        "the machine bills."
    )
    steps = [
        leads.logs(wait),
        leads.manage(wait, "reboots it", "reboot"),
        leads.destroy(wait, "ends all billing"),
    ]
    verdict = _verdict(wait, "running_not_reachable_from_here", message, steps)
    return await _with_access(verdict, wait, row, None)


def _verdict(wait: Wait, state: Outcome, message: str, steps: list[Step]) -> Verdict:
    """What every end tells: costs, the lease, and the row's own words where there is a row."""
    machine = wait.machine
    usd = machine.usd_per_hour
    verdict = Verdict(
        instance_id=wait.instance_id,
        state=state,
        message=message,
        usd_per_hour=costs.rounded(usd, 4),
        cost_estimate_usd=costs.cost_so_far(machine.born, usd, machine.ended or time.time()),
        next_steps=steps,
    )
    verdict.lease_left_hours, verdict.past_lease = lifetimes.left(
        lifetimes.known(wait.call), wait.instance_id, machine.row
    )
    if machine.row is not None:
        verdict.warnings += guards.warnings_of(wait.call, machine.row)
        verdict.status = machine.row.actual_status
        verdict.untrusted_status = clean_or_none(machine.row.status_msg)
    return verdict


async def _with_access(
    verdict: Verdict, wait: Wait, row: Instance, through: Address | None
) -> Verdict:
    verdict.access, warnings = await access_to(
        wait.call,
        row,
        vm=wait.machine.is_vm,
        jupyter_token=wait.wish.jupyter_token,
        through=through,
    )
    verdict.warnings += [*warnings, *warning_of(row, wait.record)]
    return verdict


def _again(wait: Wait) -> dict[str, Any]:
    """The arguments of the same call."""
    return {"instance_id": wait.instance_id, **wait.wish.given}


def _bills(row: Instance) -> str:
    """What a machine that failed bills, and what a start would come to."""
    if row.actual_status == "running":
        return "Its container runs and bills; `nvidia-smi` inside says whether it is still so."
    if row.intended_status == "stopped":
        return "It is stopped, its disk bills on, and a start runs into the same."
    return "It bills on until it is destroyed."


def _span(seconds: float) -> str:
    """A time in words: seconds below two minutes."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
