"""What one row of Vast's says about a machine's state. Pure: nothing here asks anybody.

Three fields together tell the state (docs/vast-api.md C.4): `actual_status` is the container,
`intended_status` what was last asked for, `cur_state` the contract. One alone misleads: `exited`
is a crash, a stop, or the first minutes of a start.
"""

from __future__ import annotations

from typing import Literal

from vast_mcp.machines.patience import Patience
from vast_mcp.vast.models import Instance

State = Literal["running", "starting", "stopped", "failed"]
Reason = Literal[
    "image", "oci_error", "outbid", "offline", "scheduling", "vanished", "exited", "stopped"
]
Phase = Literal[
    "missing",
    "stopped",
    "frozen",
    "outbid",
    "image",
    "oci_error",
    "offline",
    "scheduling",
    "exited",
    "starting",
    "running",
]

# What Docker says of an image or a container that will never start, in lower case
# (docs/vast-api.md C.4).
_IMAGE = (
    "manifest unknown",
    "pull access denied",
    "no matching manifest",
    "invalid reference format",
)
_OCI = ("oci runtime create failed", "executable file not found")

# What a container's status says by itself, whatever the contract is.
_CONTAINER: dict[str, Phase] = {
    "scheduling": "scheduling",
    "offline": "offline",
    "unknown": "offline",
}

DOING: dict[Phase, str] = {
    "missing": "Vast does not show it yet",
    "stopped": "it is asked to be stopped",
    "frozen": "Vast stopped it",
    "outbid": "a higher bid holds its GPU",
    "image": "its image cannot be pulled",
    "oci_error": "its container cannot be created",
    "offline": "its host has not been heard from",
    "scheduling": "it waits for its GPU, which somebody else holds",
    "exited": "its container is down, as it is in the first minutes of a start",
    "starting": "its host pulls the image or starts the container",
    "running": "its container runs",
}

# What a phase comes to when it lasts; the others are no failures.
REASONS: dict[Phase, Reason] = {
    "missing": "vanished",
    "stopped": "stopped",
    "frozen": "stopped",
    "outbid": "outbid",
    "image": "image",
    "oci_error": "oci_error",
    "offline": "offline",
    "scheduling": "scheduling",
    "exited": "exited",
}

FAILED: dict[Reason, str] = {
    "image": "The image cannot be pulled: its name or tag does not exist, or it needs a login.",
    "oci_error": "The container cannot be created from this image with these arguments or this "
    "onstart.",
    "outbid": "A higher bid took the GPU; the machine is stopped and its disk bills on.",
    "offline": "The host is not heard from; it is not charged for meanwhile and seldom comes back.",
    "scheduling": "Somebody else holds the GPU. The start stays queued and bills when the GPU "
    "becomes free.",
    "vanished": "Vast no longer shows the machine: destroyed, its contract over, or the account "
    "out of credit.",
    "exited": "The container is down and does not come up; its disk bills on.",
    "stopped": "The machine is stopped: by a person, a lost bid, or lack of credit. Its disk "
    "bills on.",
}


def phase_of(row: Instance | None) -> Phase:
    """What one look shows, without regard to how long it has been so."""
    if row is None:
        return "missing"
    if row.intended_status == "stopped":
        return "stopped"
    if row.actual_status == "running" and row.cur_state != "stopped":
        return "running"
    if row.actual_status != "running":
        broken = _broken(row.status_msg)
        if broken is not None:
            return broken
    if row.actual_status is None:
        return "starting"
    return _CONTAINER.get(row.actual_status) or _at_rest(row)


def is_under_way(row: Instance | None) -> bool:
    """Whether a machine runs, or boots as it was asked to: to start it then starts nothing. One
    that nobody sees, and one that stands still whatever it was asked for, is not.
    """
    if row is None or row.cur_state in {"stopped", "unloaded"}:
        return False
    phase = phase_of(row)
    return phase == "running" or (phase == "starting" and row.intended_status == "running")


def _at_rest(row: Instance) -> Phase:
    """The phase of a machine whose container says nothing special: the contract's state decides."""
    if row.cur_state == "stopped" and row.is_bid:
        return "outbid"
    if row.actual_status in {"stopped", "frozen"}:
        return "frozen"
    if row.actual_status == "exited" or row.cur_state == "stopped":
        return "exited"
    return "starting"


def _broken(said: str | None) -> Literal["image", "oci_error"] | None:
    text = (said or "").lower()
    if any(words in text for words in _OCI):
        return "oci_error"
    if any(words in text for words in _IMAGE):
        return "image"
    return None


def state_of(row: Instance, now: float, patience: Patience, *, started_at: float = 0.0) -> State:
    """The state by one look; `exited` counts as a start's first minutes for as long as the
    machine is that young. `started_at`: when this process started it, in epoch seconds.
    """
    phase = phase_of(row)
    match phase:
        case "running":
            return "running"
        case "starting" | "scheduling":
            return "starting"
        case "stopped" | "frozen":
            return "stopped"
        case "exited":
            age = now - max(row.start_date or 0.0, started_at)
            return "starting" if age < patience.exited else "failed"
        case _:
            return "failed"
