"""A meter enters what a rental is billed for, second by second (docs/vast-api.md C.8).

Compute bills while the container runs or is frozen, disk while its machine is there. No source says
what bills during a reboot, a recycle and while a host is `unknown`: here its GPU does, which it
keeps. Traffic is entered where a test lets some move.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

BILLED = frozenset({"running", "frozen", "rebooting", "restarting", "recycling", "unknown"})
AWAY = frozenset({"offline"})  # the machine itself is
HOUR = 3600
MONTH_HOURS = 720
# Months paid for ahead, and the discount that they bring (C.8); between them it grows evenly, which
# is ours.
DISCOUNTS = ((0.0, 0.0), (1.0, 0.2), (3.0, 0.3), (6.0, 0.4))
KEPT = 0.05  # of what is left of a deposit, when it is refunded


@dataclass(frozen=True)
class Span:
    """A span is a time during which one thing was billed at one price in $/h."""

    kind: str  # gpu or disk
    start: float
    end: float
    rate: float

    @property
    def hours(self) -> float:
        return (self.end - self.start) / HOUR

    @property
    def usd(self) -> float:
        return self.hours * self.rate

    def within(self, since: float, until: float) -> "Span":
        """Cut off what lies outside."""
        start, end = max(self.start, since), min(self.end, until)
        return Span(self.kind, start, max(start, end), self.rate)


@dataclass(frozen=True)
class Traffic:
    """Traffic is billed by the GB as it moves: bwd or bwu, at so many $/GB."""

    kind: str
    at: float
    gb: float
    rate: float

    @property
    def usd(self) -> float:
        return self.gb * self.rate


@dataclass
class Meter:
    """A meter has entered everything up to `at`."""

    at: float = 0.0
    spans: list[Span] = field(default_factory=list[Span])

    def enter(self, kind: str, start: float, end: float, rate: float) -> None:
        """Enter a time; one that goes on at the same price makes its span longer."""
        for number, last in enumerate(self.spans):
            if (last.kind, last.end, last.rate) == (kind, start, rate):
                self.spans[number] = Span(kind, last.start, end, rate)
                return
        if end > start:
            self.spans.append(Span(kind, start, end, rate))

    def shift(self, seconds: float) -> None:
        """Put everything so far back by some seconds."""
        self.at -= seconds
        self.spans = [
            Span(one.kind, one.start - seconds, one.end - seconds, one.rate) for one in self.spans
        ]

    def usd_since(self, since: float) -> float:
        """Sum up what was billed from then on."""
        return sum(one.within(since, self.at).usd for one in self.spans if one.end > since)


@dataclass
class Deposit:
    """A deposit was paid ahead for one machine (C.8)."""

    usd: float
    at: float
    months: float
    rate: float  # the discount, 0 to 1

    def received(self, spent: float) -> float:
        """The discount so far."""
        return min(spent, self.usd) * self.rate

    def refund(self, spent: float) -> float:
        """What comes back at a destroy: the rest, less the discount received, less 5 %."""
        rest = max(0.0, self.usd - spent * (1 - self.rate))
        return max(0.0, rest - self.received(spent) - KEPT * rest)


def discount_of(months: float) -> float:
    """The discount for so many months."""
    for (low, least), (high, most) in pairwise(DISCOUNTS):
        if months <= high:
            return least + (most - least) * (months - low) / (high - low)
    return DISCOUNTS[-1][1]


def moments(since: float, until: float, marks: Iterable[float]) -> list[tuple[float, float]]:
    """Split a time at these marks."""
    cuts = [since, *sorted(mark for mark in marks if since < mark < until), until]
    return list(pairwise(cuts))
