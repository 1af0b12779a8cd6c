"""What the looks before a rental find, how long each may take, and what the machine then costs."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from vast_mcp.machines.costs import Price, rounded
from vast_mcp.renting.order import Order
from vast_mcp.vast.account import Template
from vast_mcp.vast.models import Offer

LOOK_S = 15.0  # seconds that each look may take, so that the PUT has its own time
MOMENT_S = 2.0  # after which a price that something rests on is read again before the request


@dataclass(frozen=True)
class Findings:
    """What the looks found: the offer where it is known, its price, and what to warn of."""

    offer: Offer | None
    counted_disk_gb: float  # the disk that the price counts
    price: Price
    price_unknown_because: str  # a sentence; empty where the price is known, or nobody knows why
    warnings: list[str]
    on_demand_usd: float | None = None  # $/h of its GPUs on demand, where that is known
    let_in: list[str] | None = None  # the SSH keys that it takes at birth; None: not known, or none
    before: str = ""  # a sentence on earlier rentals of its machine, where one failed by itself
    template: Template | None = None  # where the order has one, and it could be read
    priced_at: float | None = (
        None  # when the price was read that something rests on, on anyio's clock
    )

    @property
    def are_old(self) -> bool:
        """Whether something rests on the price, and it was read more than a moment ago."""
        return self.priced_at is not None and anyio.current_time() - self.priced_at > MOMENT_S

    @property
    def usd_per_hour(self) -> float | None:
        """$/h of the machine with its disk, without a volume."""
        return rounded(self.price.without_volume, 4)


def price_of(order: Order, offer: Offer | None, disk_gb: float, volume: float | None) -> Price:
    """What it costs by the offer's own figures (docs/vast-api.md A.6)."""
    if offer is None:
        return Price(gpu=order.bid, disk=None, volume=volume)
    disk = offer.disk_usd_per_hour(disk_gb)
    if order.bid is not None:
        return Price(order.bid, disk, volume)
    return Price(offer.dph_base, disk, volume)
