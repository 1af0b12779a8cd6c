"""How long a phase of a machine usually takes, and how long a sign of failure must last before it
is one.
"""

from __future__ import annotations

from dataclasses import dataclass

from vast_mcp.settings import Times

# A VM boots a whole system from an image of many gigabytes: this project's choice.
VM_FACTOR = 2.0


@dataclass(frozen=True)
class Patience:
    """How long a sign of failure must last before it is one, in seconds."""

    apart: float  # looks nearer to each other are one: a row may be stale for a moment
    exited: float  # after a start, `exited` is usual for minutes (docs/vast-api.md C.4)
    sick: float  # offline, scheduling and frozen, which may be a moment's
    network: float  # a host that does not reach the registry, which passes by itself (C.9)
    stuck: float  # nothing moves at all
    banner: float  # a container that runs and shows no SSH
    probe: float  # one try at an address
    proxy: float  # the proxy answers before the machine does: the direct way has this long alone
    start: float  # what a start usually takes
    service: float  # what a container that runs usually takes until SSH or its program answers

    @classmethod
    def of(cls, times: Times, *, vm: bool = False) -> Patience:
        """A second, 10 minutes, 1 minute, 5, 15 and 3 minutes, 5 seconds and 30 seconds; usual are
        3 minutes and 30 seconds. Shortened where all times are; a VM has twice as long to start
        and to answer.
        """
        minute = times.young_s / 10
        longer = VM_FACTOR if vm else 1.0
        return cls(
            apart=times.look_s / 2,
            exited=10 * minute,
            sick=minute,
            network=5 * minute,
            stuck=times.stuck_s * longer,
            banner=3 * minute * longer,
            probe=max(minute / 12, 0.1),
            proxy=minute / 2,
            start=3 * minute * longer,
            service=minute / 2 * longer,
        )

    def usual(self, phase: str) -> float | None:
        """How long a phase usually takes that leads to another; None for one that may last."""
        match phase:
            case "starting":
                return self.start
            case "exited":
                return self.exited / 5
            case "host_network" | "secrets" | "scheduling":
                return self.sick
            case _:
                return None
