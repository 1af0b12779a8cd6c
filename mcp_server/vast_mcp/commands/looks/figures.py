"""Figures as people read them: dollars, how long, and small pictures made of characters."""

from __future__ import annotations

import math
from collections.abc import Sequence

LEVELS = "▁▂▃▄▅▆▇█"
NOT_KNOWN = "not known"
NO_READING = "·"
_BAR = "█"
_LONG_H = 24 * 365


def dollars(value: float | None, digits: int | None = None) -> str:
    """An amount in $, with so many digits, or as many as tell two prices apart. What rounds to
    nothing has no sign.
    """
    if value is None:
        return NOT_KNOWN
    size = abs(value)
    if digits is None:
        if 0 < size < 0.00005:
            return "under $0.0001"
        digits = 2
        if 0 < size < 10:
            digits = 4 if size < 0.1 else 3
    sign = "-" if round(value, digits) < 0 else ""
    return f"{sign}${size:,.{digits}f}"


def hourly(value: float | None) -> str:
    """A price in $ an hour."""
    return NOT_KNOWN if value is None else f"{dollars(value)}/h"


def number(value: float | None) -> str:
    """A figure with no more digits than it has; nothing where there is none."""
    return "" if value is None else f"{value:,.10g}"


def lasting(seconds: float | None) -> str:
    """How long something lasts, in the unit that fits; nothing where it is not known."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole} s"
    if whole < 5_400:
        return f"{round(whole / 60)} min"
    if whole < 172_800:
        return f"{round(whole / 3_600)} h"
    if whole > _LONG_H * 3_600:
        return "over a year"
    return f"{whole / 86_400:,.1f} days"


def for_hours(hours: float | None) -> str:
    """The same of hours."""
    return lasting(None if hours is None else hours * 3_600)


def spark(values: Sequence[float | None], most: float | None = None) -> str:
    """A line of columns, the highest as `most` or the largest is; a point where there is no
    reading.
    """
    known = [value for value in values if value is not None]
    top = max(known, default=0.0) if most is None else most
    return "".join(_column(value, top) for value in values)


def _column(value: float | None, top: float) -> str:
    if value is None:
        return NO_READING
    if top <= 0 or value <= 0:
        return LEVELS[0]
    return LEVELS[min(len(LEVELS) - 1, math.ceil(value / top * len(LEVELS)) - 1)]


def bar(value: float | None, most: float, width: int) -> str:
    """A bar of at most so many characters; one at least where there is anything."""
    if value is None or value <= 0 or most <= 0:
        return ""
    return _BAR * max(1, round(min(1.0, value / most) * width))
