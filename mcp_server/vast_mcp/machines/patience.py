"""How long a sign of failure must last before it is one."""

from __future__ import annotations

from dataclasses import dataclass

from vast_mcp.settings import Times


@dataclass(frozen=True)
class Patience:
    """How long a sign of failure must last before it is one, in seconds."""

    exited: float  # after a start, `exited` is usual for minutes (docs/vast-api.md C.4)
    sick: float  # offline, scheduling and frozen, which may be a moment's
    network: float  # a host that does not reach the registry, which passes by itself (C.9)
    stuck: float  # nothing moves at all
    banner: float  # a container that runs and shows no SSH
    probe: float  # one try at an address
    proxy: float  # the proxy answers before the machine does: the direct way has this long alone

    @classmethod
    def of(cls, times: Times) -> Patience:
        """10 minutes, 1 minute, 5, 15 and 3 minutes, 5 seconds and 30 seconds, shortened where
        all times are.
        """
        minute = times.young_s / 10
        return cls(
            exited=10 * minute,
            sick=minute,
            network=5 * minute,
            stuck=times.stuck_s,
            banner=3 * minute,
            probe=max(minute / 12, 0.1),
            proxy=minute / 2,
        )
