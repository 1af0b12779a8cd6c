"""The days that a sum of money is asked for: Vast charges by days of UTC, and so all are here,
whatever the computer's time zone is.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

DAY_S = 86_400


@dataclass(frozen=True)
class Period:
    """Whole days, the first and the last among them."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        """Every day, the last first."""
        count = (self.last - self.first).days + 1
        return [self.last - timedelta(days=back) for back in range(count)]

    @property
    def since(self) -> float:
        """When it begins, in epoch seconds."""
        return beginning(self.first)

    @property
    def until(self) -> float:
        """Its last second, in epoch seconds."""
        return beginning(self.last) + DAY_S - 1


def the_day(day: date) -> Period:
    """One day."""
    return Period(day, day)


def days_back(count: int, now: float) -> Period:
    """Today and the days before it, so many together. `now` in epoch seconds."""
    today = day_of(now)
    return Period(today - timedelta(days=count - 1), today)


def month_of(text: str, now: float) -> Period | None:
    """A month such as "2026-10", up to today; None where it has not begun, or is none."""
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    today = day_of(now)
    if first > today:
        return None
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return Period(first, min(last, today))


def day_of(moment: float) -> date:
    """The day of a moment in epoch seconds."""
    return datetime.fromtimestamp(moment, UTC).date()


def beginning(day: date) -> float:
    """The first second of a day, in epoch seconds."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
