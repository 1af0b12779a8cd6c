"""The one call that comes next for a machine, by what is known of it: the one home of these rules.

No first step destroys anything, but for a machine of ours that never ran and never will: nothing
of anybody's is in it, and whoever follows blindly to another one would pay for two. Of one that ran
and holds nothing, emptiness.py tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vast_mcp.account.reading import Reading
from vast_mcp.machines.phases import Reason
from vast_mcp.renting.bids import WHY_REBID, rebid_of
from vast_mcp.renting.replacing import search_instead
from vast_mcp.toolspec import Step, step

MOST_WAITED_FOR = 25  # in one call
WHY_WAIT = "waits until it is of use, or certain not to be"


def calls_for(reading: Reading) -> list[Step]:
    """What leads on from a machine, the one sensible call first."""
    match reading.phase:
        case "running":
            return [_logs(reading) if reading.reached else _wait(reading)]
        case "stopped" | "halted":
            return [_start(reading)]
        case "outbid":
            return _after_lost_bid(reading)
        case "frozen":
            return [_manage(reading, "ends the GPU's charge; its disk bills on", "stop")]
        case _:
            return _under_way(reading)


def calls_for_all(readings: Sequence[Reading]) -> list[Step]:
    """What leads on from a list, newest first: those that start, else the first that failed, else
    the newest, else an offer.
    """
    starting = [one for one in readings if one.state == "starting"]
    if len(starting) > 1:
        ids = [one.row.id for one in starting[:MOST_WAITED_FOR]]
        return [step("wait_for_instance", "waits for all that start", instance_ids=ids)]
    if starting:
        return [_wait(starting[0])]
    failed = next((one for one in readings if one.state == "failed"), None)
    if failed is not None:
        return calls_for(failed)
    if readings:
        return [step("show_instance", "the newest in full", instance_id=readings[0].row.id)]
    return [step("search_offers", "finds a machine to rent")]


def _under_way(reading: Reading) -> list[Step]:
    """What leads on from a start that goes on or has failed."""
    reason = reading.reason
    if reason is None:
        return [_wait(reading)]
    if reading.ours and reading.never_ran and reason != "secrets":  # which one more start mends
        return _replace(reading, reason)
    return [_reversible(reading, reason)]


def _after_lost_bid(reading: Reading) -> list[Step]:
    better = rebid_of(reading.row, ours=reading.ours)
    if better is not None:
        return [step("manage_instance", WHY_REBID, **better)]
    if reading.ours and reading.never_ran:
        return _replace(reading, "outbid")
    return [search_instead(reading.machine, "outbid")]


def _replace(reading: Reading, reason: Reason) -> list[Step]:
    why = "it never ran, and will not; ends all billing for it"
    end = step("destroy_instance", why, instance_ids=[reading.row.id])
    return [end, search_instead(reading.machine, reason)]


def _reversible(reading: Reading, reason: Reason) -> Step:
    """What may be tried with a machine that may hold somebody's work."""
    match reason:
        case "exited":
            return _logs(reading)
        case "oci_error" | "image" | "image_login":
            return _logs(reading, daemon=True)
        case "offline":
            return _wait(reading)
        case "secrets":
            return _start(reading)
        case "volume":
            return step("show_volumes", "which volumes there are, and where")
        case _ if reading.row.intended_status == "stopped":
            return _logs(reading, daemon=True)
        case _:
            return _manage(reading, "ends the attempt; its disk is kept, and bills", "stop")


def _start(reading: Reading) -> Step:
    return _manage(reading, why_start(reading.bills.running), "start")


def why_start(usd_per_hour: float | None) -> str:
    """What a start comes to, at what the machine then bills; None is not known."""
    price = "at a price not known" if usd_per_hour is None else f"{usd_per_hour:.4f} $/h"
    return f"starts it; it then bills {price}, traffic is extra"


def _wait(reading: Reading) -> Step:
    return step("wait_for_instance", WHY_WAIT, instance_id=reading.row.id)


def _logs(reading: Reading, **more: bool) -> Step:
    return step("show_logs", "what it says of itself", instance_id=reading.row.id, **more)


def _manage(reading: Reading, why: str, action: str) -> Step:
    theirs: dict[str, Any] = {} if reading.ours else {"not_ours": True}
    return step("manage_instance", why, instance_id=reading.row.id, action=action, **theirs)
