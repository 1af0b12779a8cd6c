"""What leads on from a wait that came to nothing, the likeliest first."""

from __future__ import annotations

from vast_mcp.machines.phases import Reason
from vast_mcp.renting.bids import WHY_REBID, rebid_of
from vast_mcp.renting.replacing import search_instead
from vast_mcp.toolspec import Step, step
from vast_mcp.waiting.wait import Wait


def after(wait: Wait, reason: Reason) -> list[Step]:
    """What to do about a failure."""
    replace = [destroy(wait, "ends all billing; its disk goes"), _search(wait, reason)]
    match reason:
        case "outbid":
            return [*_rebid(wait), *replace]
        case "oci_error":
            return [logs(wait, daemon=True), *replace]
        case "exited":
            return [logs(wait), *replace]
        case "volume":
            return [step("show_volumes", "which volumes there are, and where"), *replace]
        case "scheduling":
            return [manage(wait, "cancels what is queued", "stop"), *replace]
        case "secrets":
            return [manage(wait, "one more try", "start"), *replace]
        case "frozen":
            why = "ends the GPU's charge; its disk bills on"
            return [manage(wait, why, "stop"), replace[0]]
        case "stopped":
            return [manage(wait, "starts it", "start"), replace[0]]
        case "vanished":
            return [step("show_instances", "see what exists"), replace[1]]
        case _:
            return replace


def destroy(wait: Wait, why: str) -> Step:
    return step("destroy_instance", why, instance_ids=[wait.instance_id])


def manage(wait: Wait, why: str, action: str) -> Step:
    return step("manage_instance", why, instance_id=wait.instance_id, action=action)


def logs(wait: Wait, **more: bool) -> Step:
    return step("show_logs", "what it says of itself", instance_id=wait.instance_id, **more)


def _rebid(wait: Wait) -> list[Step]:
    """A better bid, where the row tells what one is."""
    row = wait.row
    better = None if row is None else rebid_of(row, ours=wait.machine.is_ours)
    return [] if better is None else [step("manage_instance", WHY_REBID, **better)]


def _search(wait: Wait, reason: Reason) -> Step:
    return search_instead(wait.machine, reason)
