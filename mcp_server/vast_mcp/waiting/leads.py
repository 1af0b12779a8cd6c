"""What leads on from a wait, the likeliest first. Nothing is destroyed here that may hold anything
of anybody's.
"""

from __future__ import annotations

from vast_mcp.machines.keyfiles import key_blob, local_keys
from vast_mcp.machines.phases import Reason
from vast_mcp.renting.emptiness import FRESH_S, came_bare
from vast_mcp.renting.next_calls import calls_for
from vast_mcp.renting.replacing import search_instead
from vast_mcp.ssh.tried import Answer
from vast_mcp.toolspec import Step, step
from vast_mcp.vast.models import Instance
from vast_mcp.waiting.entering import GOOD
from vast_mcp.waiting.wait import Wait


def after(wait: Wait, reason: Reason) -> list[Step]:
    """What to do about a failure."""
    row = wait.row
    if row is None or reason == "vanished":
        return [step("show_instances", "see what exists"), search_instead(wait.machine, reason)]
    steps = calls_for(wait.reading(row))
    if steps[0].tool != "wait_for_instance":
        return steps
    return [search_instead(wait.machine, reason), again(wait, "where it may come back")]


def when_out_of_reach(wait: Wait, row: Instance) -> list[Step]:
    """What to do about a machine that runs and does not answer as it should."""
    answers: set[Answer] = {tried.answer for tried in wait.tries}
    look = [_logs(wait), again(wait, "waits on")]
    if not answers or answers & GOOD:
        return look  # a program of its own, which may still be loading
    if "key_refused" in answers and not wait.machine.is_vm:
        return [*_attach(wait), _reboot(wait, row, "writes the keys anew"), _logs(wait)]
    if any(tried.here for tried in wait.tries):  # the machine may be sound
        return [again(wait, "once that is settled on this computer"), _logs(wait)]
    if wait.instance_id in wait.call.session.reached or any(t.pinned for t in wait.tries):
        return [_reboot(wait, row, "it answered before; its disk stays"), _logs(wait)]
    if is_our_network(answers) or not _is_empty(wait, row):
        return look
    end = step(
        "destroy_instance",
        "ends all billing; nobody was ever in it",
        instance_ids=[wait.instance_id],
    )
    return [end, search_instead(wait.machine, "no_progress")]


def again(wait: Wait, why: str) -> Step:
    """The same call."""
    return step("wait_for_instance", why, **wait.wish.given)


def _reboot(wait: Wait, row: Instance, why: str) -> Step:
    theirs = {} if wait.reading(row).ours else {"not_ours": True}
    given = {"instance_id": wait.instance_id, "action": "reboot", **theirs}
    return step("manage_instance", why, **given)


def _logs(wait: Wait) -> Step:
    return step("show_logs", "what it says of itself", instance_id=wait.instance_id)


def _is_empty(wait: Wait, row: Instance) -> bool:
    """Whether nothing of anybody's can be in it, for certain: it came bare, is fresh and on its
    first start.
    """
    return came_bare(wait.reading(row)) and _is_fresh(wait)


def _is_fresh(wait: Wait) -> bool:
    """Whether it was looked at since it was young, and has been started once."""
    watch, born = wait.watch, wait.machine.born
    if born is None or watch.started_at or watch.began != watch.first:
        return False
    return watch.first - born < wait.call.times.young_s and watch.last - born < FRESH_S


def is_our_network(answers: set[Answer]) -> bool:
    """Whether another machine may be as far away: nobody took a connection, which a firewall around
    this computer does too, and Vast's proxy takes one before the machine does.
    """
    return answers <= {"timed_out", "refused", "name_not_found", "not_tried"}


def _attach(wait: Wait) -> list[Step]:
    """Attach a key of this computer that the account has, where both are known."""
    local = local_keys(wait.call.ssh_dir)
    for key in wait.call.session.ssh_keys:
        if key_blob(key.public_key) in local and not wait.machine.is_vm:
            given = {"instance_id": wait.instance_id, "key_id": key.id}
            return [step("attach_ssh_key", "lets the key of this computer in", **given)]
    return []
