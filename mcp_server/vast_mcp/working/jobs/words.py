"""What an answer says of a job: how it stands, what it said last, and the call that leads on."""

from __future__ import annotations

import json
from typing import Any

from vast_mcp import errors
from vast_mcp.journal.jobs import Job
from vast_mcp.session import Call
from vast_mcp.toolspec import Step
from vast_mcp.vast.log_text import last, plain_lines
from vast_mcp.working.jobs.far import Seen
from vast_mcp.working.jobs.order import TOOL, Order
from vast_mcp.working.jobs.shown import LONGEST_STEP, OnMachine, State

OUT_BYTES, ERR_BYTES = 6_000, 2_500  # shown of each stream, as JSON text
PROGRESS_BYTES = 200
_NEVER_AGAIN = (
    "It is not begun again by itself: the same call with another request_key runs it anew."
)


def of_seen(
    call: Call, instance_id: int, job: Job, seen: Seen, *, began_now: bool, share: int
) -> OnMachine:
    """A job that was looked at. `share`: among how many machines an answer's room is divided."""
    state: State = "not_started" if seen.state == "unstarted" else seen.state
    kept = state == "lost" and job.ending in {"ended", "stopped"}
    out, out_cut = _shown(call, seen.out, OUT_BYTES // share)
    err, err_cut = _shown(call, seen.err, ERR_BYTES // share)
    return OnMachine(
        instance_id=instance_id,
        job=job.name,
        job_was=None if state == "not_started" else ("started" if began_now else "followed"),
        state="stopped" if kept and job.ending == "stopped" else ("ended" if kept else state),
        exit_status=job.exit_status if kept else seen.exit_status,
        duration_s=seen.took_s,
        untrusted_stdout=out,
        stdout_bytes=seen.out_bytes if out_cut or seen.out_bytes > len(seen.out) else None,
        untrusted_stderr=err or None,
        stderr_bytes=seen.err_bytes if err_cut or seen.err_bytes > len(seen.err) else None,
        message=_message(job, seen, kept=kept),
    )


def of_trouble(instance_id: int, job: Job, trouble: str, *, began_now: bool) -> OnMachine:
    """A job of which nothing could be read."""
    return OnMachine(
        instance_id=instance_id,
        job=job.name,
        job_was="started" if began_now else "followed",
        state="unknown",
        message=f"Machine {instance_id}: {trouble}. The job may have begun, and go on there; "
        "the same call follows it, and begins none a second time.",
    )


def of_unsent(instance_id: int, job: Job | None) -> OnMachine:
    """A job of which nothing was ever sent, looked at or stopped."""
    return OnMachine(
        instance_id=instance_id,
        job=None if job is None else job.name,
        state="not_started",
        message="Nothing of it was sent to the machine. A call with its command begins it.",
    )


def of_gone(instance_id: int, job: Job) -> OnMachine:
    """A job whose machine is gone."""
    known = job.ending in {"ended", "stopped"}
    before = " It had come to its end before." if known else " What it came to is not known."
    return OnMachine(
        instance_id=instance_id,
        job=job.name,
        job_was="followed",
        state=("stopped" if job.ending == "stopped" else "ended") if known else "lost",
        exit_status=job.exit_status,
        message=f"Machine {instance_id} is gone, and the job and its files with it.{before}",
    )


def of_error(instance_id: int, error: errors.VastMcpError) -> OnMachine:
    """A machine among several on which nothing was begun."""
    return OnMachine(
        instance_id=instance_id, state="not_admitted", error=error.code, message=error.message
    )


def last_line(out: bytes, call: Call) -> str:
    """The last line of an output, for whoever watches."""
    lines = plain_lines(out.decode("utf-8", "replace"), call.settings.mask)
    return errors.clean(lines[-1], PROGRESS_BYTES) if lines else ""


def steps(order: Order, found: list[OnMachine]) -> list[Step]:
    """The call that leads on, for those that are not over."""
    states = {one.state for one in found}
    if order.begins_none:
        states.discard("not_started")
    if states & {"unknown", "not_started"}:
        then = "ends it where it runs" if order.stop else "follows it, and begins it once"
        return [_again(order, found, f"the same call: {then}")]
    if "running" in states:
        return [_follow(order, found)]
    untold = [one for one in found if one.state in {"lost", "interrupted"}]
    if untold and not order.begins_none:
        return [_anew(order, untold)]
    if "lost" in states and order.job is not None:
        return [Step(tool="show_jobs", arguments={}, why="the jobs that this computer began")]
    return []


def _anew(order: Order, untold: list[OnMachine]) -> Step:
    """A new job, on those machines alone of which nobody knows what became of theirs."""
    changed: dict[str, Any] = {"request_key": f"again-{untold[0].job}"}
    if "instance_ids" in order.given:
        changed["instance_ids"] = [one.instance_id for one in untold]
    return _again(order, untold, "runs it anew, if that may happen twice", **changed)


def _again(order: Order, found: list[OnMachine], why: str, **changed: Any) -> Step:
    """The same call, where it is short enough to be repeated, or a look at the first job."""
    again = order.again(why, **changed)
    if len(json.dumps(again.arguments)) <= LONGEST_STEP:
        return Step(tool=TOOL, arguments=again.arguments, why=why)
    return _follow(order, found)


def _follow(order: Order, found: list[OnMachine]) -> Step:
    """What follows by the job's name where it is one, which is shorter than the command."""
    running = [one for one in found if one.state in {"running", "unknown"}] or found
    kept = {
        name: value for name, value in order.given.items() if name in {"not_ours", "until_done"}
    }
    if len(found) > 1:
        again = order.again("follows those that run; begins none again")
        if len(json.dumps(again.arguments)) <= LONGEST_STEP:
            return Step(tool=TOOL, arguments=again.arguments, why=again.why)
    given = {"instance_id": running[0].instance_id, "job": running[0].job, **kept}
    return Step(tool=TOOL, arguments=given, why="follows it; it is not begun again")


def _shown(call: Call, said: bytes, most: int) -> tuple[str, bool]:
    """The end of a stream, as it may be shown, and whether more was there. Secrets are hidden
    before anything is cut off.
    """
    lines = plain_lines(said.decode("utf-8", "replace"), call.settings.mask)
    shown = last(lines, most)
    return "\n".join(shown), shown != lines


def _message(job: Job, seen: Seen, *, kept: bool) -> str | None:
    """What is true of it, where its state does not say so."""
    if seen.state == "lost" and job.made_at is None:
        return "The machine has no job of this name (any more), and this computer began none."
    if kept:
        return "Its folder in the machine is gone, and what it said with it."
    if seen.left:
        return "It was over before; what it had left running was ended now."
    if seen.state == "running":
        return "It goes on in the machine, whoever watches."
    if seen.state == "unstarted":
        return (
            "Nothing was run: the machine took no file in ~/.vast-mcp. Its disk may be full "
            "(`df` shows it)."
        )
    if seen.state == "interrupted":
        why = "The machine was started anew since" if seen.restarted else "Its process is gone"
        return f"{why}, and left no exit status. {_NEVER_AGAIN}"
    if seen.state == "lost":
        return (
            "Its folder is not in the machine (any more): whether it ran, nobody can say. "
            f"{_NEVER_AGAIN}"
        )
    if seen.state == "unknown":
        return "The machine does not say how it stands."
    return None
