"""How long a sign of failure must last before it is one."""

from __future__ import annotations

from dataclasses import dataclass

from vast_mcp.settings import Times


@dataclass(frozen=True)
class Patience:
    """How long a sign of failure must last before it is one, in seconds."""

    exited: float  # after a start, `exited` is usual for minutes (docs/vast-api.md C.4)
    sick: float  # offline, scheduling and frozen, which may be a moment's
    banner: float  # a container that runs and shows no SSH
    probe: float  # one try at an address
    proxy: float  # the proxy answers before the machine does: the direct way has this long alone

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
