"""What one row of Vast's says about a machine's state. Pure: nothing here asks anybody.

Three fields together tell the state (docs/vast-api.md C.4): `actual_status` is the container,
`intended_status` what was last asked for, `cur_state` the contract. One alone misleads: `exited`
is a crash, a stop, or the first minutes of a start. What the host says of a start that fails comes
before them (failures.py).
"""

from __future__ import annotations

from typing import Literal, get_args

from vast_mcp.machines.failures import PASSING, Failure, failure_in
from vast_mcp.machines.patience import Patience
from vast_mcp.vast.models import Instance

State = Literal["running", "starting", "stopped", "failed"]
Reason = Literal[
    Failure,
    "outbid",
    "offline",
    "scheduling",
    "vanished",
    "exited",
    "stopped",
    "frozen",
    "no_progress",
]
Phase = Literal[
    Failure,
    "missing",
    "stopped",
    "halted",
    "frozen",
    "outbid",
    "offline",
    "scheduling",
    "exited",
    "starting",
    "running",
]

FAILURES: frozenset[Reason] = frozenset({*get_args(Failure), "no_progress"})
# What was asked for is to blame, so that the same machine may be rented again.
BY_THE_REQUEST: frozenset[Reason] = frozenset({"image", "image_login", "oci_error", "volume"})

# What the container of a machine that lost its bid shows; after a stop that was asked for it shows
# `exited` (docs/vast-api.md C.4).
_NEVER_ASKED_TO_STOP = frozenset({None, "created", "loading", "scheduling", "stopped"})

# What a container's status says by itself, whatever the contract is.
_CONTAINER: dict[str, Phase] = {
    "scheduling": "scheduling",
    "offline": "offline",
    "unknown": "offline",
    "frozen": "frozen",
}
# What a machine shows whose container was never up; the last two tell of its host.
_NEVER_UP = frozenset({None, "created", "loading", "scheduling", "offline", "unknown"})
# Statuses beside which the host's text is one of before.
_ANEW = frozenset({"rebooting", "recycling"})

_BOOTING: frozenset[Phase] = frozenset({"starting", *PASSING})

DOING: dict[Phase, str] = {
    "missing": "Vast does not show it yet",
    "stopped": "it is asked to be stopped",
    "halted": "Vast stopped it",
    "frozen": "it is paused with its memory kept, and its GPU is charged",
    "outbid": "a higher bid holds its GPU",
    "image": "its image cannot be pulled",
    "image_login": "the registry refuses the login for its image",
    "pull_limit": "the registry throttles its host",
    "host_network": "its host does not reach the registry or Vast, which may pass",
    "disk_full": "there is no room for its image",
    "driver_too_old": "its image needs a newer CUDA than its host's driver has",
    "host_gpu": "its host reports that its GPU does not work",
    "host_docker": "its host's Docker is broken",
    "oci_error": "its container cannot be started",
    "volume": "its volume is not there",
    "vm": "its host runs no VMs",
    "secrets": "its host does not get the account's secrets, which may pass",
    "offline": "its host has not been heard from",
    "scheduling": "it waits for its GPU, which somebody else holds",
    "exited": "its container is down, as is usual in the first minutes of a start",
    "starting": "its host pulls the image or starts the container",
    "running": "its container runs",
}

# What a phase comes to when it lasts; a class of failure is a reason as it is.
REASONS: dict[Phase, Reason] = {
    "missing": "vanished",
    "starting": "no_progress",
    "stopped": "stopped",
    "halted": "stopped",
    "frozen": "frozen",
    "outbid": "outbid",
    "offline": "offline",
    "scheduling": "scheduling",
    "exited": "exited",
    **{failure: failure for failure in get_args(Failure)},
}

FAILED: dict[Reason, str] = {
    "image": "The image cannot be pulled: its name or tag does not exist, or it is private and "
    "needs image_login. No other machine can pull it either.",
    "image_login": "The registry refuses the login: image_login is missing, wrong, or not for "
    "this image. No other machine can pull it either.",
    "pull_limit": "The registry throttles this host's address. Another machine can pull the "
    "image, or image_login of an account of one's own.",
    "host_network": "For minutes the host has not reached the registry or Vast. It may recover; "
    "another machine is surer.",
    "disk_full": "There is no room for the image: disk was too small for it, or the host's is "
    "full. A machine's disk is fixed for life.",
    "driver_too_old": "The image needs a newer CUDA than this host's driver has. A machine with a "
    "higher cuda_max_good runs it, or an older tag of the image runs here.",
    "host_gpu": "The host reports that its GPU, or what leads to it, does not work.",
    "host_docker": "The host's Docker is broken or in its own way; the request is not to blame.",
    "oci_error": "The container cannot be started from this image with these arguments or this "
    "onstart: the program is not in it, may not be run, or is for another CPU.",
    "volume": "The volume that was asked for is not on this machine, or was deleted.",
    "vm": "The host cannot run this VM.",
    "secrets": "The host does not get the account's secrets from Vast. One more start may pass.",
    "outbid": "A higher bid holds the GPU; the machine is stopped and its disk bills on. A better "
    "bid gets it back, where one does.",
    "offline": "The host is not heard from; it is not charged for meanwhile and seldom comes back.",
    "scheduling": "Somebody else holds the GPU. By Vast's documentation the start waits, and bills "
    "when the GPU becomes free; six reports saw none that stayed queued.",
    "vanished": "Vast no longer shows the machine: destroyed, its contract over, or the account "
    "out of credit.",
    "exited": "The container is down and does not come up; its disk bills on.",
    "stopped": "The machine is stopped: by a person, a lost bid, or lack of credit. Its disk "
    "bills on.",
    "frozen": "The machine is paused with its memory kept; its GPU is charged on.",
    "no_progress": "The start stands still: neither its status nor what its host says has "
    "changed. Hosts that are dead or broken show that, and so does one very large layer.",
}


def phase_of(row: Instance | None) -> Phase:
    """What one look shows, without regard to how long it has been so."""
    if row is None:
        return "missing"
    if row.actual_status == "running":
        return _up(row)
    failure = failure_of(row)
    if failure is not None:
        return failure
    if row.intended_status == "stopped":
        return "outbid" if _lost_its_bid(row) else "stopped"
    if row.actual_status is None:
        return "starting"
    return _CONTAINER.get(row.actual_status) or _at_rest(row)


def failure_of(row: Instance) -> Failure | None:
    """The class of failure that the host's words tell of, where they are of now: beside a
    container that runs only those of a GPU are, beside a stopped machine those that a start runs
    into again (docs/vast-api.md C.4, C.9).
    """
    if row.actual_status in _ANEW or row.actual_status == "frozen":
        return None
    failure = failure_in(row.status_msg)
    if row.actual_status == "running" and failure != "host_gpu":
        return None
    if row.intended_status == "stopped" and failure in PASSING:
        return None
    return failure


def sign_of(row: Instance | None) -> Phase:
    """The phase that somebody who waits goes by: a GPU that is told to be broken comes before a
    container that runs.
    """
    phase = phase_of(row)
    if row is None or phase != "running":
        return phase
    return failure_of(row) or phase


def shown_by(row: Instance | None) -> str:
    """What moves while a start goes on: the container's status and the host's words."""
    if row is None:
        return ""
    return f"{row.actual_status} {row.status_msg or ''}"


def unmoved_since(row: Instance | None) -> float | None:
    """Since when a row proves by itself that nothing moved, in epoch seconds: a machine has no
    status before its host first took it up (docs/vast-api.md C.4).
    """
    if row is None or row.actual_status is not None or row.status_msg:
        return None
    return row.start_date


def has_run(row: Instance | None) -> bool:
    """Whether a row proves that a container of its machine ran, or does not prove that none did:
    a fresh start's shows `exited` too.
    """
    return row is not None and row.actual_status not in _NEVER_UP


def _up(row: Instance) -> Phase:
    """The phase of a machine whose container is said to run."""
    if row.intended_status == "stopped":
        return "stopped"
    if row.cur_state != "stopped":
        return "running"
    return _at_rest(row)


def _lost_its_bid(row: Instance) -> bool:
    """Whether the service stopped it for a higher bid: all three words are "stopped", and its
    container says something else than after a stop that was asked for (docs/vast-api.md C.4).
    """
    words = {row.intended_status, row.cur_state, row.next_state or "stopped"}
    return bool(row.is_bid) and words == {"stopped"} and row.actual_status in _NEVER_ASKED_TO_STOP


def is_under_way(row: Instance | None) -> bool:
    """Whether a machine runs, or boots as it was asked to: to start it then starts nothing. One
    that nobody sees, and one that stands still whatever it was asked for, is not.
    """
    if row is None or row.cur_state in {"stopped", "unloaded"}:
        return False
    phase = phase_of(row)
    return phase == "running" or (phase in _BOOTING and row.intended_status == "running")


def _at_rest(row: Instance) -> Phase:
    """The phase of a machine whose container says nothing special: the contract's state decides."""
    if row.cur_state == "stopped" and row.is_bid:
        return "outbid"
    if row.actual_status == "stopped":
        return "halted"
    if row.actual_status == "exited" or row.cur_state == "stopped":
        return "exited"
    return "starting"


def state_of(
    row: Instance,
    now: float,
    patience: Patience,
    *,
    phase: Phase | None = None,
    started_at: float = 0.0,
) -> State:
    """The state by one look; `exited` counts as a start's first minutes for as long as the
    machine is that young. `phase`: where more is known than the row says. `started_at`: when this
    process started it, in epoch seconds.
    """
    match phase or phase_of(row):
        case "running" | "frozen":
            return "running"  # by what it bills (docs/vast-api.md C.4)
        case "starting" | "scheduling" | "host_network" | "secrets":
            return "starting"
        case "stopped" | "halted":
            return "stopped"
        case "exited":
            age = now - max(row.start_date or 0.0, started_at)
            return "starting" if age < patience.exited else "failed"
        case _:
            return "failed"
