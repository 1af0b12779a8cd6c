"""TODO: one line."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Literal

from vast_mcp import errors
from vast_mcp.journal import Journal
from vast_mcp.journal.records import Intent
from vast_mcp.settings import Times
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


LOOKS_TO_FAIL = 2  # a row can be missing or stale once


# What Docker says of an image or a container that will never start (C.4), in lower case.
_IMAGE = (
    "manifest unknown",
    "pull access denied",
    "no matching manifest",
    "invalid reference format",
)


_OCI = ("oci runtime create failed", "executable file not found")


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
    "bills "
    "on.",
}


@dataclass(frozen=True)
class Patience:
    """How long a sign of failure must last before it is one, in seconds."""

    exited: float  # after a start, `exited` is usual for minutes (C.4, seen live)
    sick: float  # offline, scheduling and frozen, which may be a moment's
    banner: float  # a container that runs and shows no SSH
    probe: float  # one try at an address
    proxy: (
        # the proxy answers before the machine does, so the direct way gets this long alone
        float
    )

    @classmethod
    def of(cls, times: Times) -> Patience:
        """10 minutes, 1 minute, 3 minutes, 5 seconds and 30 seconds, shortened where all times
        are.
        """
        minute = times.young_s / 10
        return cls(
            exited=10 * minute,
            sick=minute,
            banner=3 * minute,
            probe=max(minute / 12, 0.1),
            proxy=minute / 2,
        )


def phase_of(row: Instance | None) -> Phase:
    """What one look shows, without regard to how long it has been so."""
    if row is None:
        return "missing"
    status = row.actual_status
    if row.intended_status == "stopped":
        return "stopped"
    if status != "running" and (broken := _broken(row.status_msg)):
        return broken
    if status == "scheduling":
        return "scheduling"
    if status in {"offline", "unknown"}:
        return "offline"
    if status is not None and row.cur_state == "stopped" and row.is_bid:
        return "outbid"
    if status in {"stopped", "frozen"}:
        return "frozen"
    if status == "exited" or (status is not None and row.cur_state == "stopped"):
        return "exited"
    return "running" if status == "running" else "starting"


def _broken(said: str | None) -> Literal["image", "oci_error"] | None:
    text = (said or "").lower()
    if any(words in text for words in _OCI):
        return "oci_error"
    return "image" if any(words in text for words in _IMAGE) else None


@dataclass
class Watch:
    """What this process saw of one machine, look after look; times in epoch seconds."""

    phase: Phase | None = None
    since: float = 0.0
    looks: int = 0
    last: float = 0.0
    started_at: float = 0.0  # when this process last started or rebooted it
    seen: bool = False  # its row was ever read

    def look(self, phase: Phase, now: float, patience: Patience) -> None:
        """Count on while the phase is the same; after a long gap anything may have happened
        meanwhile.
        """
        if phase != self.phase or now - self.last > patience.exited:
            self.phase, self.since, self.looks = phase, now, 0
        self.looks += 1
        self.last = now
        self.seen = self.seen or phase != "missing"

    def failure(self, born: float | None, patience: Patience) -> Reason | None:
        """The reason, once the sign of failure was seen often and long enough. `born` in epoch
        seconds.
        """
        phase = self.phase
        if phase is None or self.looks < LOOKS_TO_FAIL:
            return None
        if phase == "missing" and self.last - (born or 0.0) < patience.exited:
            return None
        lasted = self.last - max(self.since, self.started_at)
        if phase in {"stopped", "outbid"} and self.last - self.started_at < patience.sick:
            return None  # the row may still be that of before our start
        if phase == "exited" and lasted < patience.exited:
            return None
        if phase in {"offline", "scheduling", "frozen"} and lasted < patience.sick:
            return None
        return REASONS.get(phase)


_WATCHES: weakref.WeakKeyDictionary[object, dict[int, Watch]] = weakref.WeakKeyDictionary()


def watch_of(session: object, instance_id: int) -> Watch:
    """This process's memory of a machine: it lets several calls see together what one is too
    short for.
    """
    return _WATCHES.setdefault(session, {}).setdefault(instance_id, Watch())


def started(session: object, instance_id: int, now: float) -> None:
    """A start or reboot was sent: `exited` means nothing for a while."""
    _WATCHES.setdefault(session, {})[instance_id] = Watch(started_at=now, seen=True)


def started_at(session: object, instance_id: int) -> float:
    """When this process last started a machine, in epoch seconds; 0 for never."""
    watch = _WATCHES.get(session, {}).get(instance_id)
    return watch.started_at if watch else 0.0


def state_of(row: Instance, now: float, patience: Patience, *, started_at: float = 0.0) -> State:
    """The state by one look; `exited` counts as a start's first minutes for as long as the
    machine is that young.
    """
    phase = phase_of(row)
    if phase == "running":
        return "running"
    if phase in {"stopped", "frozen"}:
        return "stopped"
    if phase == "exited":
        return (
            "starting"
            if now - max(row.start_date or 0.0, started_at) < patience.exited
            else "failed"
        )
    return "starting" if phase in {"starting", "scheduling"} else "failed"


def record_of(journal: Journal, instance_id: int, account: str | None = None) -> Intent | None:
    """What the journal has of a machine, of one account where it is given; nothing where it
    cannot be read.
    """
    try:
        return journal.by_instance(instance_id, account) if journal.exists() else None
    except errors.JournalUnavailable:
        return None
