"""Figures of offers and machines as they are shown: short, and rounded to the side on which they
stay true.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context

# `gpu_ram` is what the driver reports, in units of 2**20 bytes; a card is sold in GB of 10**9.
# This conversion is exact and finds every card by its marketed size: 24564 and (with ECC) 23028
# for 24 GB, 46068 for 48, 81559 for 80, 15360 for 16, but not 22528 for 24 or 11264 for 12. The
# official client's 1000 would lose the ones with ECC.
MIB_PER_GB = 1e9 / 2**20
# Traffic is priced by the GB, and Vast's own price by the TB is 1024 times that
# (docs/vast-api.md B.4).
GB_PER_TB = 1024


def at_least(value: float) -> float:
    """Round to three digits, never below the value: a price, or a bid that must reach its floor.

    A ceiling that somebody wrote in three digits is never passed by a price shown so.
    """
    return _three_digits(value, ROUND_CEILING)


def at_most(value: float) -> float:
    """Round to three digits, never above the value: what a machine has."""
    return _three_digits(value, ROUND_FLOOR)


def _three_digits(value: float, rounding: str) -> float:
    context = Context(prec=3, rounding=rounding)
    # As it is written: the float of 8.26 is a little less.
    return float(context.create_decimal(repr(round(value, 9))))


def usd_per_tb(down: float | None, up: float | None) -> list[float] | None:
    """What traffic costs by the TB, of prices by the GB: [down, up], or one number where both are
    the same; None where one of them is not known.
    """
    if down is None or up is None:
        return None
    pair = [at_least(down * GB_PER_TB), at_least(up * GB_PER_TB)]
    return pair[:1] if pair[0] == pair[1] else pair


def driver_gb(mib: float) -> int:
    """GB of a GPU's memory as the driver counts them."""
    return round(mib / 1024)


def compute_cap(hundredfold: float | None) -> float | None:
    """A compute capability as people write it: 8.9 for 890; None where there is none."""
    return round(hundredfold / 100, 2) if hundredfold else None


def whole(value: float | None, unit: float = 1) -> int | None:
    """Whole units in a figure that may be unknown."""
    if value is None:
        return None
    return int(value / unit)


def tidy(value: float) -> float:
    """A number without its `.0`."""
    if value == int(value):
        return int(value)
    return value
