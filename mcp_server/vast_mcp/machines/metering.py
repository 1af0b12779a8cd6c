"""What a machine has cost, by what looks at it have shown: an estimate that knows of stopped time.

Between two looks that show the same, the machine is taken to have gone on so. Between two that
differ nobody knows when it changed: the dearer counts, and the cheaper is kept beside it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import FiniteFloat, TypeAdapter, ValidationError

from vast_mcp.machines.costs import Bills

MOST_SPANS = 60  # of one machine; the oldest become one, which keeps their sum
KEPT_EVERY_S = 600.0  # a look that shows nothing new is kept for the next process
NEAR = 1e-9  # $/h that are the same


class Span(NamedTuple):
    """A time at a price in $/h: at most, and at least. Ends are epoch seconds."""

    start: FiniteFloat
    end: FiniteFloat
    most: FiniteFloat
    least: FiniteFloat

    def within(self, since: float, until: float) -> Span:
        """The part of it that lies there, perhaps none."""
        start, end = max(self.start, since), min(self.end, until)
        return Span(start, max(start, end), self.most, self.least)

    @property
    def hours(self) -> float:
        return (self.end - self.start) / 3600


@dataclass(frozen=True)
class Estimate:
    """What a time has cost in $, without traffic: at most, and at least."""

    most: float
    least: float


@dataclass
class Meter:
    """What one machine has cost up to the last look, and what it billed then in $/h."""

    spans: list[Span] = field(default_factory=list[Span])
    rate: FiniteFloat | None = None
    born: FiniteFloat | None = None  # epoch seconds, as all times; known by the first look
    last: FiniteFloat = 0.0
    kept: FiniteFloat = 0.0  # when the journal was last told

    def begin(self, bills: Bills, born: float, *, never_ran: bool, now: float) -> bool:
        """Take the first look. What it did before is not known, but where it never ran; whether
        its prices tell what that cost.
        """
        if bills.now is None or bills.running is None or bills.stopped is None:
            return False
        before = bills.stopped if never_ran else bills.running
        self.born, self.rate = born, bills.now
        self._enter(born, now, max(before, bills.now), min(bills.stopped, bills.now))
        return True

    def look(self, bills: Bills, now: float) -> bool:
        """Count up to another look; whether that is news for the next process. A look without a
        price counts nothing: the next one bridges it.
        """
        if self.rate is None or bills.now is None or now < self.last:
            return False
        changed = abs(self.rate - bills.now) > NEAR
        self._enter(self.last, now, max(self.rate, bills.now), min(self.rate, bills.now))
        self.rate = bills.now
        return changed or now - self.kept > KEPT_EVERY_S

    def _enter(self, start: float, end: float, most: float, least: float) -> None:
        self.last = end
        if end <= start:
            return
        if self.spans and self.spans[-1][1:] == (start, most, least):
            start = self.spans.pop().start
        self.spans.append(Span(start, end, most, least))
        if len(self.spans) > MOST_SPANS:
            self.spans[:2] = [_together(*self.spans[:2])]

    def spent(self, until: float, since: float = 0.0) -> Estimate | None:
        """What a time has cost, as if it went on from the last look as it was; None where no look
        has told.
        """
        if self.rate is None:
            return None
        going_on = Span(self.last, max(self.last, until), self.rate, self.rate)
        parts = [span.within(since, until) for span in [*self.spans, going_on]]
        return Estimate(
            sum(part.hours * part.most for part in parts),
            sum(part.hours * part.least for part in parts),
        )

    def as_json(self) -> str:
        """What the next process goes on with."""
        return _meters().dump_json(self).decode()

    @classmethod
    def of_json(cls, text: str) -> Meter | None:
        """The meter of an earlier process; None where the text is none of ours."""
        try:
            return _meters().validate_json(text)
        except ValidationError:
            return None


@functools.cache
def _meters() -> TypeAdapter[Meter]:
    """Read kept texts by this; it is built with the first, not while a host waits for the tools."""
    return TypeAdapter(Meter)


def _together(one: Span, other: Span) -> Span:
    """Both as one span that costs the same."""
    hours = (other.end - one.start) / 3600
    if hours <= 0:  # nothing of ours
        return other
    most = one.hours * one.most + other.hours * other.most
    least = one.hours * one.least + other.hours * other.least
    return Span(one.start, other.end, most / hours, least / hours)
