"""Routes have minimum intervals, and searches a quota of rows a day, when a world enforces them
(docs/vast-api.md H).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from . import too_often

DAY_S = 86_400


@dataclass(frozen=True)
class Limit:
    """A route bears one request in so many seconds, and so many at once after a rest.

    `written`: the seconds of the hand-written description, where they are others.
    """

    method: str
    path: str  # a pattern, without the last slash
    seconds: float
    burst: float = 1
    written: float | None = None

    def seconds_by(self, *, written: bool) -> float:
        if written and self.written is not None:
            return self.written
        return self.seconds

    def meets(self, method: str, path: str) -> bool:
        return self.method == method and re.fullmatch(self.path, path.rstrip("/")) is not None


_V0 = "/api/v0"
_ID = "[^/]+"

# The generated table, in its order. A route that it lacks is free; of searches a burst of five was
# seen (form 4). The first that meets a request counts it.
LIMITS: tuple[Limit, ...] = (
    Limit("PUT", f"{_V0}/asks/(?!bulk){_ID}", 4.5),
    Limit("POST", f"{_V0}/asks/bulk", 4.5),
    Limit("PUT", f"{_V0}/launch_instance", 2, written=5),
    Limit("PUT", f"{_V0}/instances/update_template/{_ID}", 2),
    Limit("PUT", f"{_V0}/instances/prepay/{_ID}", 2),
    Limit("GET", f"{_V0}/instances/pending-price-increases", 2),
    Limit("GET", "/api/v1/instances", 1),
    Limit("GET", f"{_V0}/instances", 20),
    Limit("PUT", f"{_V0}/instances", 4),
    Limit("DELETE", f"{_V0}/instances", 3),
    Limit("GET", f"{_V0}/instances/balance/{_ID}", 3),
    Limit("PUT", f"{_V0}/instances/bid_price/{_ID}", 5.5),
    Limit("PUT", f"{_V0}/instances/reboot/{_ID}", 1),
    Limit("PUT", f"{_V0}/instances/recycle/{_ID}", 1),
    Limit("PUT", f"{_V0}/instances/command/{_ID}", 1.5),
    Limit("GET", rf"{_V0}/instances/\d+", 2),
    Limit("PUT", rf"{_V0}/instances/\d+", 1),
    Limit("DELETE", rf"{_V0}/instances/\d+", 3),
    *(Limit(method, f"{_V0}/instances/{_ID}/ssh", 2) for method in ("GET", "POST")),
    Limit("DELETE", f"{_V0}/instances/{_ID}/ssh/{_ID}", 2),
    *(Limit(method, f"{_V0}/ssh(/{_ID})?", 1) for method in ("GET", "POST", "PUT", "DELETE")),
    Limit("POST", f"{_V0}/bundles", 2, burst=5),
    Limit("GET", f"{_V0}/bundles", 0.8, burst=5),
    Limit("PUT", f"{_V0}/bundles_bid_price/{_ID}", 0.8),
    Limit("POST", f"{_V0}/volumes/search", 2, written=5.5),
    Limit("GET", f"{_V0}/volumes", 2, written=5.5),
    Limit("DELETE", f"{_V0}/volumes", 2, written=5.5),
    Limit("PUT", f"{_V0}/volumes", 1, written=5.5),
    Limit("POST", f"{_V0}/volumes/copy", 1, written=5.5),
    *(Limit(method, f"{_V0}/template", 1.9, written=3) for method in ("GET", "POST", "PUT")),
    Limit("DELETE", f"{_V0}/template", 2, written=3),
    Limit("PUT", f"{_V0}/commands/transfer_credit", 2.5),
    *(Limit(method, f"{_V0}/commands/.+", 3.5) for method in ("GET", "PUT", "POST", "DELETE")),
    Limit("GET", f"{_V0}/secrets", 5),
    *(Limit(method, f"{_V0}/secrets", 3) for method in ("POST", "PUT", "DELETE")),
    Limit("GET", f"{_V0}/auth/apikeys(/{_ID})?", 1),
    *(Limit(method, f"{_V0}/auth/apikeys(/{_ID})?", 2) for method in ("POST", "PUT", "DELETE")),
    Limit("GET", "/api/v[01]/charges", 1),
    Limit("GET", "/api/v[01]/invoices", 3),
    Limit("GET", f"{_V0}/users/{_ID}/invoices", 3),
    Limit("GET", f"{_V0}/users/spend-rate", 2),
    Limit("GET", f"{_V0}/users/cloud(_integrations)?", 2.9),
    Limit("GET", f"{_V0}/users/{_ID}/ipaddrs", 2.9),
    Limit("GET", f"{_V0}/subaccounts", 2.1),
)


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


class RateLimits:
    """Each route has one bucket: the sandbox has one account and one address."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[Limit, Bucket] = {}
        self._rows = 0  # that searches of the day have shown
        self._day = 0

    def check(
        self, method: str, path: str, *, form: str = "json", scale: float = 1, written: bool = False
    ) -> None:
        """Let the request through, or refuse it in one of the forms of H."""
        limit = next((one for one in LIMITS if one.meets(method, path)), None)
        if limit is None:
            return
        seconds = limit.seconds_by(written=written) * scale
        now = self._clock()
        bucket = self._buckets.setdefault(limit, Bucket(seconds, limit.burst, limit.burst, now))
        bucket.seconds = seconds
        wait = bucket.take(now)
        if wait > 0:
            raise too_often.too_many(form, wait, seconds, now)

    def check_quota(self, rows_a_day: int) -> None:
        """Refuse a search where the day's rows are used up, in the fifth form."""
        if self._rows_today() >= rows_a_day:
            raise too_often.too_many_quota(self._clock(), rows_a_day)

    def count_rows(self, rows: int) -> None:
        """Count the rows that a search has shown."""
        self._rows = self._rows_today() + rows

    def _rows_today(self) -> int:
        """The rows of this day, which begins at 00:00 UTC."""
        day = int(self._clock() // DAY_S)
        if day != self._day:
            self._day, self._rows = day, 0
        return self._rows
