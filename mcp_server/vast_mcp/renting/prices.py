"""TODO: one line."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from vast_mcp.journal.records import Reservation
from vast_mcp.vast.models import Instance

ROUNDING = 1e-6  # $/h: prices are sums of floats


@dataclass(frozen=True)
class Price:
    """What a machine costs in $/h while it runs: GPU or bid, its disk, a volume made with it. None
    is not known.
    """

    gpu: float | None
    disk: float | None
    volume: float | None = 0.0

    @property
    def total(self) -> float | None:
        parts = (self.gpu, self.disk, self.volume)
        if (
            self.gpu is None
            or self.disk is None
            or self.volume is None
            or any((part or 0.0) < 0 for part in parts)
        ):
            return None  # below nothing is no price
        return round(self.gpu + self.disk + self.volume, 6)


def price_of_row(row: Instance) -> float | None:
    """What a listed machine may cost: the whole where it runs or was asked to, for it may any
    moment; else its disk.
    """
    if row.actual_status == "running" or row.intended_status != "stopped":
        return row.dph_total
    return row.disk_usd_per_hour()


def reserved_price(
    holds: Sequence[Reservation], row: Instance | None, young_s: float
) -> float | None:
    """What acts of ours may still make of a machine. Long after, the row tells; but what Vast
    queued or never answered may come true any day, so it counts for as long as the machine stands
    still.
    """
    counting: list[float] = []
    for hold in holds:
        old = time.time() - hold.made_at > young_s
        tells = row is not None and (hold.state == "true" or row.intended_status == "running")
        if not (old and tells):
            counting.append(hold.usd_per_hour)
    return max(counting, default=None)


def dearer(price: float | None, held: float | None) -> float | None:
    return price if held is None else held if price is None else max(price, held)
