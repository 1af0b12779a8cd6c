"""What machines and volumes cost: the one home of price arithmetic, in $/h where no name says else.

Vast prices storage by the GB and month, and a month has 720 hours (docs/vast-api.md A.6).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vast_mcp.errors import Json
from vast_mcp.journal.records import Reservation
from vast_mcp.machines import figures
from vast_mcp.vast.models import Instance
from vast_mcp.vast.storage import MONTH_H, Volume, VolumeOffer, storage_usd_per_hour

ROUNDING = 1e-6  # $/h: prices are sums of floats
DIGITS = 5  # of $/h in an answer about a machine: a small disk bills less than a cent an hour


def rounded(value: float | None, digits: int) -> float | None:
    """Round a figure that may be unknown, for an answer."""
    if value is None:
        return None
    return round(value, digits)


def is_dearer(usd: float, than: float) -> bool:
    """Whether one price is above another by more than sums of floats differ."""
    return usd > than + ROUNDING


def highest(*prices: float | None) -> float | None:
    """The highest of the prices that are known."""
    return max((usd for usd in prices if usd is not None), default=None)


def sum_of_known(prices: Iterable[float | None]) -> float:
    """All the prices that are known, together."""
    return sum(usd for usd in prices if usd is not None)


def per_day(usd_per_hour: float | None) -> float | None:
    """The price of 24 hours, in cents."""
    if usd_per_hour is None:
        return None
    return round(usd_per_hour * 24, 2)


def cost_of(hours: float | None, usd_per_hour: float | None) -> float | None:
    """The price of so many hours, in cents; None where one of them is not known."""
    if hours is None or usd_per_hour is None:
        return None
    return round(usd_per_hour * hours, 2)


def per_month(usd_per_hour: float | None) -> float | None:
    """The price of a month of 720 hours, in cents."""
    if usd_per_hour is None:
        return None
    return round(usd_per_hour * MONTH_H, 2)


# ── one that is to be rented ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Price:
    """What a machine costs while it runs: GPU or bid, its disk, a volume made with it. None is
    not known.
    """

    gpu: float | None
    disk: float | None
    volume: float | None = 0.0

    @property
    def total(self) -> float | None:
        """All of it; None where a part is not known."""
        return _sum_of_all(self.gpu, self.disk, self.volume)

    @property
    def stopped(self) -> float | None:
        """What bills on while the machine is stopped; None where a part is not known."""
        return _sum_of_all(self.disk, self.volume)

    @property
    def without_volume(self) -> float | None:
        """The machine with its disk; None where a part is not known."""
        return _sum_of_all(self.gpu, self.disk)


def _sum_of_all(*parts: float | None) -> float | None:
    """Every part together. A part below nothing is no price, so it counts as unknown."""
    known = [part for part in parts if part is not None and part >= 0]
    if len(known) < len(parts):
        return None
    return round(sum(known), 6)


# ── one that exists ────────────────────────────────────────────────────────────────────────────


# Without a container that runs; null is one that is not there yet (docs/vast-api.md C.4).
_GPU_FREE = frozenset({None, "created", "loading", "scheduling", "exited", "stopped", "offline"})


@dataclass(frozen=True)
class Bills:
    """What a machine bills: now, while it runs, and on while it is stopped. None is not known.

    `usd_per_tb`: its traffic, in $/TB as an offer's row has it, which is in none of the others.
    """

    now: float | None
    running: float | None
    stopped: float | None
    usd_per_tb: list[float] | None = None

    def shown(self) -> Json:
        """The fields of an answer: `usd_per_hour` is what bills now."""
        return {
            "usd_per_hour": rounded(self.now, DIGITS),
            "running_usd_per_hour": rounded(self.running_if_other, DIGITS),
            "stopped_usd_per_hour": rounded(self.stopped, DIGITS),
            "usd_per_tb": self.usd_per_tb,
        }

    @property
    def running_if_other(self) -> float | None:
        """What it bills while it runs, where that is not what it bills now."""
        return None if self.running == self.now else self.running

    @property
    def on_start(self) -> float | None:
        """What it will bill on top of now, once it runs."""
        if self.running is None or self.now is None:
            return None
        return self.running - self.now


def bills_of(row: Instance) -> Bills:
    """What a machine bills by its row: its whole price while it bills its GPU, else its disk, and
    nothing while its host is offline (docs/vast-api.md C.8). A volume is in it where it is in the
    row's whole price.
    """
    whole, disk = row.dph_total, row.disk_usd_per_hour()
    now = disk
    if bills_gpu(row):
        now = whole
    elif is_away(row):
        now = 0.0
    return Bills(now, whole, disk, figures.usd_per_tb(row.inet_down_cost, row.inet_up_cost))


def bills_gpu(row: Instance) -> bool:
    """Whether a machine bills its GPU now: it runs, or is frozen, or what it does is not known
    (docs/vast-api.md C.4, C.8).
    """
    return row.actual_status not in _GPU_FREE


def is_away(row: Instance) -> bool:
    """Whether its host is offline, so that nothing of it bills (docs/vast-api.md C.8)."""
    return row.actual_status == "offline"


def price_of_row(row: Instance) -> float | None:
    """What a listed machine may cost at any moment: the whole price where it bills its GPU, or was
    not surely asked to stop, else its disk's.
    """
    if bills_gpu(row) or row.intended_status != "stopped":
        return row.dph_total
    return row.disk_usd_per_hour()


def beside_gpu(row: Instance) -> float | None:
    """What a listed machine costs beside its GPU as it runs: its disk, and what else is in its
    whole price. None where the disk's price is not known.
    """
    disk = row.disk_usd_per_hour()
    if disk is None or row.dph_total is None or row.dph_base is None:
        return disk
    return max(disk, row.dph_total - row.dph_base)


def cost_with_volume(row: Instance, volume: float | None) -> float:
    """What a listed machine and the volume made with it cost at least: the volume is counted
    beside the row's price where that is plainly GPU and disk alone. 0 where no price is known.
    """
    usd = price_of_row(row)
    if usd is None:
        return 0.0
    parts = _sum_of_all(row.dph_base, storage_usd_per_hour(row.storage_cost, row.disk_space))
    if parts is None or is_dearer(abs(parts - usd), usd / 100):
        return usd
    return usd + (volume or 0.0)


def reserved_price(
    reservations: Sequence[Reservation], row: Instance | None, young_s: float
) -> float | None:
    """The highest price that our pending starts and bids, and accepted increases, may still cause.

    After `young_s` seconds the row is believed, except for a start that Vast queued or never
    answered: that counts until the machine runs; and for an accepted increase, which counts
    for as long as it is asked to run.
    """
    return highest(*(one.usd_per_hour for one in reservations if _counts(one, row, young_s)))


def _counts(reservation: Reservation, row: Instance | None, young_s: float) -> bool:
    if row is None or time.time() - reservation.made_at <= young_s:
        return True
    if reservation.is_agreed:
        return row.intended_status != "stopped"
    return reservation.state != "true" and row.intended_status != "running"


def hours(since: float | None, now: float) -> float | None:
    """Hours between two epoch seconds, never below 0; None where the first is not known."""
    if not since:
        return None
    return max(0.0, now - since) / 3600


# ── volumes and credit ─────────────────────────────────────────────────────────────────────────


def volume_usd_per_hour(volume: Volume) -> float | None:
    """What a volume bills, attached or not: the row's own figure, else storage arithmetic. A figure
    below nothing is no price, so it counts as unknown.
    """
    usd = volume.storage_total_cost
    if usd is None:
        usd = storage_usd_per_hour(volume.storage_cost, volume.disk_space)
    return _sum_of_all(usd)


def has_in_it(row: Instance, volumes_usd_per_hour: float) -> bool:
    """Whether a machine's whole price holds that of its volumes: it is so much over GPU and disk.
    That it may is all that is known (docs/vast-api.md A.6).
    """
    disk = row.disk_usd_per_hour()
    if row.dph_total is None or row.dph_base is None or disk is None:
        return False
    over = row.dph_total - row.dph_base - disk
    near = max(ROUNDING, volumes_usd_per_hour * 0.01)
    return volumes_usd_per_hour > near and abs(over - volumes_usd_per_hour) <= near


def room_usd_per_hour(offer: VolumeOffer, size_gb: float) -> float | None:
    """What a new volume of this size would bill."""
    return storage_usd_per_hour(offer.storage_cost, size_gb)


def hours_of_credit(credit: float, usd_per_hour: float) -> float:
    """How long a credit in $ lasts at a rate; for ever at none."""
    if usd_per_hour <= 0:
        return math.inf
    return credit / usd_per_hour
