"""How a wait ends: ready, not yet, failed for good, or running where nobody can get in."""

from __future__ import annotations

from vast_mcp.account.access import access_to
from vast_mcp.account.reading import fill
from vast_mcp.errors import clean_or_none
from vast_mcp.leases import guards, lifetimes
from vast_mcp.machines import costs, phases, ways
from vast_mcp.machines.phases import Phase, Reason
from vast_mcp.renting.next_calls import calls_for
from vast_mcp.renting.over_limit import warning_of
from vast_mcp.ssh.tried import Tried
from vast_mcp.toolspec import Step
from vast_mcp.vast.models import Instance
from vast_mcp.waiting import inside, leads, remember
from vast_mcp.waiting.facts import Outcome, Verdict
from vast_mcp.waiting.wait import Wait

_NETWORK = "No packet came back from anywhere: a firewall around this computer does that."


def doing(wait: Wait) -> str:
    """What the machine is doing, in our words."""
    phase: Phase = wait.watch.phase or "starting"
    if phase != "running":
        return phases.DOING[phase]
    if wait.wish.aim.kind == "log":
        return f"its container runs; {_log_so_far(wait)}"
    answered = ", ".join(f"{name}: {said}" for name, said in wait.seen.items())
    return f"its container runs; {answered or 'nothing answers yet'}"


def _log_so_far(wait: Wait) -> str:
    if wait.log.trouble is not None:
        return f"its log could not be read ({wait.log.trouble})"
    return "its log does not say so yet"


async def ready(
    wait: Wait,
    row: Instance,
    message: str,
    *,
    through: Tried | None = None,
    line: str | None = None,
    answered: bool = True,
) -> Verdict:
    """It is of use. `answered`: it was heard, and is not only said to run."""
    if answered:
        remember.ready(wait, row)  # with the time that it took, which no reading knows
        wait.call.session.reached.add(wait.instance_id)
    steps = calls_for(wait.reading(row))
    verdict = await _verdict(wait, "ready", message, steps, through)
    verdict.untrusted_line = line
    if through is not None:
        verdict.via = "direct" if through.way == "direct" else "proxy_only"
    await inside.look(wait, row, verdict)
    return verdict


async def still_starting(wait: Wait) -> Verdict:
    """Not yet. Raises what kept every look from an answer."""
    if wait.trouble is not None and not wait.looked:
        raise wait.trouble
    wait.call.session.keep_watch(wait.instance_id)
    message = f"Not yet: {doing(wait)}."
    still, left = wait.watch.still(wait.watch.last), wait.until_failure
    if left and still >= wait.patience.sick:
        message += f" Nothing has moved for {_span(still)}; {_span(left)} more, and this fails."
    verdict = await _verdict(wait, "still_starting", message, [leads.again(wait, "waits on")])
    if wait.watch.phase == "running":
        _add_times_of_service(verdict, wait)
    return verdict


async def failed(wait: Wait, reason: Reason) -> Verdict:
    """It never will be of use."""
    row = wait.row
    remember.failed(wait, reason)
    message = _why(wait, reason)
    if reason == "no_progress":
        message = f"{message} So for {_span(wait.watch.still(wait.watch.last))}."
    if row is not None and reason in phases.FAILURES:
        message = f"{message} {_bills(row)}"
    verdict = await _verdict(wait, "failed", message, leads.after(wait, reason))
    verdict.reason = reason
    verdict.warnings += remember.earlier(wait)
    return verdict


async def not_reachable(wait: Wait, row: Instance) -> Verdict:
    """It runs and bills, and does not answer as it should."""
    seen = "; ".join(f"{name}: {said}" for name, said in wait.seen.items())
    message = (
        f"It has run for {_span(wait.runs_for)} or more. Seen from here: {seen or 'no way in'}."
    )
    if wait.tries and all(_is_silent(tried) for tried in wait.tries):
        message = f"{message} {_NETWORK}"
    told = dict.fromkeys(tried.said for tried in wait.tries if tried.heard or tried.here)
    message = " ".join([message, *told])
    steps = leads.when_out_of_reach(wait, row)
    remember.not_reachable(wait, row, steps)
    return await _verdict(wait, _OUT_OF_REACH, f"{message} It bills.", steps)


def _is_silent(tried: Tried) -> bool:
    """Whether nothing at all came back, and nothing of the person's was in the way."""
    return tried.answer == "timed_out" and not (tried.heard or tried.here)


async def host_key_changed(wait: Wait) -> Verdict:
    """Somebody else may be answering in its place: nobody logs in before a person has looked."""
    changed = next(tried for tried in wait.tries if tried.answer == "host_key_changed")
    message = (
        f"{changed.said} It was {changed.pinned}, and is {changed.fingerprint} now. The machine "
        "bills."
    )
    steps = [leads.again(wait, "once the person has accepted the key")]
    return await _verdict(wait, _OUT_OF_REACH, message, steps)


_OUT_OF_REACH: Outcome = "running_not_reachable_from_here"


async def _verdict(
    wait: Wait, state: Outcome, message: str, steps: list[Step], through: Tried | None = None
) -> Verdict:
    """What every end tells: costs, times, the lease, the ways in, and the row's own words."""
    verdict = Verdict(
        instance_id=wait.instance_id,
        state=state,
        message=message,
        seen=wait.seen or None,
        waited_s=round(wait.waited_s),
        next_steps=steps,
    )
    row = wait.row
    if row is None:
        as_rented = wait.machine.usd_per_hour  # what it bills now, no row says
        verdict.running_usd_per_hour = costs.rounded(as_rented, costs.DIGITS)
        leases = lifetimes.known(wait.call)
        verdict.lease_left_hours, verdict.past_lease = lifetimes.left(
            leases, wait.instance_id, None
        )
        return verdict
    fill(verdict, wait.reading(row))
    verdict.asked = None  # no wait changes that; show_instance has it
    verdict.status = row.actual_status
    verdict.untrusted_status = clean_or_none(row.status_msg)
    verdict.warnings += guards.warnings_of(wait.call, row)
    await _add_access(verdict, wait, row, through)
    return verdict


def _add_times_of_service(verdict: Verdict, wait: Wait) -> None:
    """How long a container that runs has been waited for, and may be."""
    if wait.wish.aim.kind == "log":
        verdict.untrusted_line = wait.log.last_line
    if not wait.given_s:
        return  # it comes to no end by itself
    verdict.usual_s = round(wait.patience.service)
    verdict.longest_s = round(wait.given_s)


async def _add_access(verdict: Verdict, wait: Wait, row: Instance, through: Tried | None) -> None:
    """The ways in, as soon as the row has them."""
    verdict.warnings += warning_of(row, wait.record)
    if not ways.has_addresses(row, vm=wait.machine.is_vm):
        return
    verdict.access, warnings = await access_to(
        wait.call,
        row,
        vm=wait.machine.is_vm,
        jupyter_token=wait.wish.jupyter_token,
        through=through,
    )
    verdict.warnings += warnings


def _why(wait: Wait, reason: Reason) -> str:
    """What a failure is, by what is known of this machine."""
    if reason == "stopped" and wait.watch.stopped:
        return "The machine is stopped, as it was asked to be here. Its disk bills on."
    if reason == "offline" and wait.row is not None and not costs.is_away(wait.row):
        return (
            "The host is not heard from and seldom comes back; what it charges meanwhile is not "
            "known, and counts as its whole price."
        )
    return phases.FAILED[reason]


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
