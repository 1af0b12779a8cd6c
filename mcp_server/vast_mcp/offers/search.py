"""One search of the market, as Vast is asked and as its rows are read (docs/vast-api.md B)."""

from __future__ import annotations

from dataclasses import dataclass

from vast_mcp.errors import Json
from vast_mcp.offers.filters import Filter, fits
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer

Order = tuple[str, str]  # the API's field, and asc or desc

# Vast's cap (B.1). Always asked for in full, because some rows fall to the second check.
ROWS = 64
ORDERS: dict[str, Order] = {
    "usd_per_hour": ("dph_total", "asc"),
    "score": ("score", "desc"),
    "reliability": ("reliability", "desc"),
    "available_hours": ("duration", "desc"),
}


@dataclass(frozen=True)
class Search:
    """What prices of a search are for: a kind of rental (on-demand, bid, reserved) and a disk."""

    type: str
    disk_gb: float

    async def offers(self, call: Call, filters: list[Filter], order: Order) -> list[Offer]:
        """The rows that bear every filter out, each with `dph_total` as the price of this disk and
        this kind of rental.
        """
        found: list[Offer] = []
        for row in await call.vast.search_offers(self._body(filters, order)):
            price = self._price(row)
            if price is None:  # without a price it is no offer
                continue
            offer = row.model_copy(update={"dph_total": price})
            if fits(offer, filters):
                found.append(offer)
        return found

    def _body(self, filters: list[Filter], order: Order) -> Json:
        """The flat body of POST /bundles/ (B.1)."""
        body: Json = {
            "type": self.type,
            "allocated_storage": self.disk_gb,
            "order": [list(order)],
            "limit": ROWS,
        }
        for one in filters:
            body[one.field] = {**body.get(one.field, {}), **one.ops}
        return body

    def _price(self, offer: Offer) -> float | None:
        """$/h with the disk, by the offer's own figures (A.6), else as Vast summed it up."""
        if self.type == "bid":
            if offer.min_bid is None:
                return None
            base = offer.min_bid
        else:
            base = offer.dph_base
        disk = offer.disk_usd_per_hour(self.disk_gb)
        if base is None or disk is None:
            return offer.dph_total
        return round(base + disk, 6)
