"""Endpoints have minimum intervals, when a world enforces them (docs/vast-api.md H)."""

from collections.abc import Callable
from dataclasses import dataclass

from . import replies


@dataclass
class Bucket:
    """A bucket's tokens come back one per `seconds`, never more than `size`."""

    seconds: float
    size: float
    left: float
    at: float

    def take(self, now: float) -> float:
        """Take a token: 0 when one was there, else the seconds until one is."""
        self.left = min(self.size, self.left + (now - self.at) / self.seconds)
        self.at = now
        if self.left < 1:
            return (1 - self.left) * self.seconds
        self.left -= 1
        return 0.0


# (seconds per token, tokens at most); endpoints without a published threshold are free.
THRESHOLDS: dict[str, tuple[float, float]] = {
    "create": (4.5, 1),
    "search": (6.0, 10),
    "show": (2.0, 1),
    "list": (1.0, 1),
    "start": (1.0, 1),
    "stop": (1.0, 1),
    "label": (1.0, 1),
    "reboot": (1.0, 1),
    "recycle": (1.0, 1),
    "bid": (5.5, 1),
    "detach_key": (2.0, 1),
    "volumes": (5.5, 1),
    "search_volumes": (5.5, 1),
    "rent_volume": (5.5, 1),
    "delete_volume": (5.5, 1),
    "destroy": (3.0, 1),
    "templates": (3.0, 1),
}


class RateLimits:
    """Each endpoint has one bucket: the sandbox has one account and one address."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    def check(self, endpoint: str) -> None:
        """Let the request through, or refuse it in the live form, the fourth (H)."""
        if endpoint not in THRESHOLDS:
            return
        now = self._clock()
        seconds, size = THRESHOLDS[endpoint]
        bucket = self._buckets.setdefault(endpoint, Bucket(seconds, size, size, now))
        wait = bucket.take(now)
        if wait > 0:
            raise replies.too_many_json(wait, seconds, now)
