"""What comes first, by what became of a machine: the table that the test of fates goes by."""

from __future__ import annotations

# The tool of the first next step, with its action where it has one.
LOGS, WAIT, LIST = "show_logs", "wait_for_instance", "show_instances"
START, STOP, BID = "manage_instance start", "manage_instance stop", "manage_instance change_bid"
END, SEARCH, VOLUMES = "destroy_instance", "search_offers", "show_volumes"

# By fate: after one look, which is no proof of a failure, and after a wait has come to its verdict.
# Only a machine that never ran is ended, and then a search comes second.
FIRST: dict[str, tuple[str, ...]] = {
    "being_made": (WAIT, END),
    "being_loaded": (WAIT, END),
    "runs": (WAIT, LOGS),
    "slow": (WAIT, LOGS),
    "exited_first": (WAIT, LOGS),
    "stuck_null": (WAIT, END),
    "stuck_loading": (WAIT, END),
    "pulls": (WAIT, WAIT),
    "pulls_in_circles": (WAIT, END),
    "exits": (WAIT, LOGS),
    "outbid": (START, START),
    "offline": (WAIT, SEARCH),
    "unknown": (WAIT, SEARCH),
    "scheduling": (WAIT, END),
    "queued": (WAIT, STOP),
    "frozen": (STOP, STOP),
    "halted": (START, START),
    "stopped": (START, START),
    "vanishes": (WAIT, LIST),
    "never_seen_running": (WAIT, LIST),
    "pull_given_up": (WAIT, END),
    "flips": (WAIT, END),
    "gpu_breaks": (WAIT, STOP),
    "bad_image": (WAIT, END),
    "no_access": (WAIT, END),
    "bad_login": (WAIT, END),
    "pull_limit": (WAIT, END),
    "no_network": (WAIT, END),
    "disk_full": (WAIT, END),
    "driver_too_old": (WAIT, END),
    "broken_gpu": (WAIT, END),
    "broken_docker": (WAIT, END),
    "oci_error": (WAIT, END),
    "no_volume": (WAIT, END),
    "no_vm": (WAIT, END),
    "no_secrets": (WAIT, START, END),  # the last, where it stood still before that was certain
}
# Where a kind of rental makes a difference.
FIRST_OF: dict[tuple[str, str], tuple[str, ...]] = {
    ("outbid", "bid"): (BID, BID),
    ("halted", "bid"): (BID, BID),
}


def first_of(fate: str, kind: str) -> tuple[str, ...]:
    return FIRST_OF.get((fate, kind), FIRST[fate])
