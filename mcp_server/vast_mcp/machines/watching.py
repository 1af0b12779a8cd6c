"""What this process saw of a machine, look after look, and when that proves a failure."""

from __future__ import annotations

from dataclasses import dataclass

from vast_mcp.machines.patience import Patience
from vast_mcp.machines.phases import REASONS, Phase, Reason, State, state_of
from vast_mcp.vast.models import Instance

LOOKS_TO_FAIL = 2  # a row can be missing or stale once


@dataclass
class Watch:
    """What this process saw of one machine; times in epoch seconds."""

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
        if self.phase is None or self.looks < LOOKS_TO_FAIL:
            return None
        if self._lasted(self.phase, born or 0.0) < _wanted(self.phase, patience):
            return None
        return REASONS.get(self.phase)

    def _lasted(self, phase: Phase, born: float) -> float:
        """Seconds that a sign of failure counts for, up to the last look."""
        if phase == "missing":
            return self.last - born
        if phase in {"stopped", "outbid"}:
            return self.last - self.started_at  # the row may still be that of before our start
        return self.last - max(self.since, self.started_at)


def _wanted(phase: Phase, patience: Patience) -> float:
    """Seconds that a phase must last before it is a failure."""
    match phase:
        case "missing" | "exited":
            return patience.exited
        case "stopped" | "outbid" | "offline" | "scheduling" | "frozen":
            return patience.sick
        case _:
            return 0.0


class Watches:
    """This process's memory of machines: it lets several calls see together what one is too short
    for.
    """

    def __init__(self) -> None:
        self._by_id: dict[int, Watch] = {}

    def of(self, instance_id: int) -> Watch:
        return self._by_id.setdefault(instance_id, Watch())

    def mark_started(self, instance_id: int, now: float) -> None:
        """A start or reboot was sent at `now`: `exited` means nothing for a while."""
        self._by_id[instance_id] = Watch(started_at=now, seen=True)

    def started_at(self, instance_id: int) -> float:
        """When this process last started a machine, in epoch seconds; 0 for never."""
        watch = self._by_id.get(instance_id)
        return 0.0 if watch is None else watch.started_at

    def state_of(self, row: Instance, now: float, patience: Patience) -> State:
        """The state of a machine by one look, with what this process did to it in mind. `now` in
        epoch seconds.
        """
        return state_of(row, now, patience, started_at=self.started_at(row.id))
