"""What leads on from a wait, the likeliest first. Nothing is destroyed here that may hold anything
of anybody's.
"""

from __future__ import annotations

import time

from vast_mcp.leases import watchdog
from vast_mcp.machines.keyfiles import key_blob, local_keys
from vast_mcp.machines.phases import Reason
from vast_mcp.renting.next_calls import calls_for
from vast_mcp.renting.replacing import search_instead
from vast_mcp.ssh.tried import Answer
from vast_mcp.toolspec import Step, step
from vast_mcp.vast.models import Instance
from vast_mcp.waiting.wait import Wait

FRESH_S = 3600.0  # since it was rented: nobody has got in and put anything there


def after(wait: Wait, reason: Reason) -> list[Step]:
    """What to do about a failure."""
    row = wait.row
    if row is None or reason == "vanished":
        return [step("show_instances", "see what exists"), search_instead(wait.machine, reason)]
    return calls_for(wait.call, wait.reading(row))


def when_out_of_reach(wait: Wait, row: Instance) -> list[Step]:
    """What to do about a machine that runs and does not answer as it should."""
    answers: set[Answer] = {tried.answer for tried in wait.tries}
    was_in = wait.instance_id in wait.call.session.reached or any(t.pinned for t in wait.tries)
    if not answers:  # a program of the image's own, which may still be loading
        return [_logs(wait), again(wait, "waits on")]
    if "key_refused" in answers:
        return [*_attach(wait), _reboot(wait, row, "writes the keys anew"), _logs(wait)]
    if was_in:
        return [_reboot(wait, row, "it was entered before; its disk stays"), _logs(wait)]
    if _is_empty(wait, row) and not is_our_network(answers):
        why = "ends all billing; nobody was ever in it"
        end = step("destroy_instance", why, instance_ids=[wait.instance_id])
        return [end, search_instead(wait.machine, "no_progress")]
    return [_logs(wait), again(wait, "waits on")]


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
    """Whether nothing of anybody's can be in it: ours and fresh, nothing of the person's runs in it
    by itself, and no volume hangs on it.
    """
    born = wait.machine.born
    fresh = born is not None and time.time() - born < FRESH_S
    script = isinstance(row.onstart, str) and row.onstart and not watchdog.is_all_of(row.onstart)
    holds = script or row.volume_info or wait.machine.facts.get("asked", {}).get("volume")
    return bool(wait.reading(row).ours) and fresh and not holds


def is_our_network(answers: set[Answer]) -> bool:
    """Whether another machine would be as far away: no packet came back from anywhere."""
    return answers <= {"timed_out", "name_not_found", "not_tried"}


def _attach(wait: Wait) -> list[Step]:
    """Attach a key of this computer that the account has, where both are known."""
    local = local_keys(wait.call.ssh_dir)
    for key in wait.call.session.ssh_keys:
        if key_blob(key.public_key) in local and not wait.machine.is_vm:
            given = {"instance_id": wait.instance_id, "key_id": key.id}
            return [step("attach_ssh_key", "lets the key of this computer in", **given)]
    return []
