"""One search of the market, as Vast is asked and as its rows are read (docs/vast-api.md B)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.offers.filters import Filter, fits
from vast_mcp.session import Call
from vast_mcp.vast.models import Offer
from vast_mcp.vast.rows import Listing

if TYPE_CHECKING:
    from vast_mcp.vast.client import Vast

Order = tuple[str, str]  # the API's field, and asc or desc

ROWS = 64  # Vast's cap (B.1)
FURTHER = 3  # pages that are asked for where Vast's filter is too coarse
LEAST_GB = 1.0
# Asked for with every filter on CUDA, which alone hid the H100 and H200 (B.2). Below every card's.
_ANY_COMPUTE_CAP: Json = {"gte": 1}
ORDERS: dict[str, Order] = {
    "usd_per_hour": ("dph_total", "asc"),
    "score": ("score", "desc"),
    "reliability": ("reliability", "desc"),
    "available_hours": ("duration", "desc"),
}


class Found(list[Offer]):
    """Offers that fit; `is_all`: no other does that Vast lists."""

    def __init__(self, offers: Iterable[Offer] = (), *, is_all: bool = False) -> None:
        super().__init__(offers)
        self.is_all = is_all


@dataclass(frozen=True)
class Search:
    """What prices of a search are for: a kind of rental (on-demand, bid, reserved) and a disk."""

    type: str
    disk_gb: float
    asked_gb: float | None = None  # what Vast is asked to price, where that is not this disk
    further: int = FURTHER

    def whatever_room(self) -> Search:
        """The same on one page, also of machines without room for the disk: Vast leaves out those
        that lack what it is asked to price (B.1). Prices are by the row's own figures, for this
        disk.
        """
        return replace(self, asked_gb=LEAST_GB, further=0)

    async def offers(
        self, call: Call, filters: list[Filter], order: Order, count: int = ROWS
    ) -> Found:
        """The first `count` rows that bear every filter out, or more, each with `dph_total` as the
        price of this disk and this kind of rental.

        No more rows are asked for than are wanted, since a day has its quota of them (H); where
        some of them fall to the second check, all that Vast shows are asked for once, and a few
        pages more where Vast cannot be asked for what is meant.
        """
        found, listed = Found(), Listing[Offer]()
        for rows in sorted({min(count, ROWS), ROWS}):
            try:
                listed = await self._ask(call, filters, order, rows)
            except errors.VastMcpError:
                if found:
                    return found
                raise
            found = Found(self._fitting(listed, filters), is_all=listed.total < rows)
            if len(found) >= count or found.is_all:
                return found
        if not any(one.is_coarse for one in filters):
            return found
        return await self._further(call, filters, order, count, found, listed)

    async def _further(
        self,
        call: Call,
        filters: list[Filter],
        order: Order,
        count: int,
        found: Found,
        listed: Listing[Offer],
    ) -> Found:
        """The same with the rows of a few pages after these (B.1)."""
        by_id = {offer.ask_contract_id: offer for offer in found}
        for _ in range(self.further):
            beyond = _beyond(listed, order)
            if beyond is None:
                break
            try:
                listed = await self._ask(call, [*filters, beyond], order, ROWS)
            except errors.VastMcpError:
                break
            by_id |= {one.ask_contract_id: one for one in self._fitting(listed, filters)}
            if len(by_id) >= count or listed.total < ROWS:
                return Found(by_id.values(), is_all=listed.total < ROWS)
        return Found(by_id.values())

    async def rows(self, vast: Vast, filters: list[Filter], order: Order, rows: int) -> list[Offer]:
        """So many rows at most, those that bear every filter out, priced alike; asked for once."""
        return self._fitting(await vast.search_offers(self._body(filters, order, rows)), filters)

    async def _ask(
        self, call: Call, filters: list[Filter], order: Order, rows: int
    ) -> Listing[Offer]:
        return await call.vast.shared.search_offers(self._body(filters, order, rows))

    def _fitting(self, listed: list[Offer], filters: list[Filter]) -> list[Offer]:
        found: list[Offer] = []
        for row in listed:
            price = self._price(row)
            if price is None:  # without a price it is no offer
                continue
            offer = row.model_copy(update={"dph_total": price})
            if fits(offer, filters):
                found.append(offer)
        return found

    def _body(self, filters: list[Filter], order: Order, rows: int) -> Json:
        """The flat body of POST /bundles/ (B.1)."""
        body: Json = {
            "type": self.type,
            "allocated_storage": self.disk_gb if self.asked_gb is None else self.asked_gb,
            "order": [list(order)],
            "limit": rows,
        }
        for one in filters:
            for column, (op, value) in product(one.columns, one.ops.items()):
                asked = body.setdefault(column, {})
                asked[op] = _tighter(op, asked.get(op), value)
        if "cuda_max_good" in body:
            body.setdefault("compute_cap", _ANY_COMPUTE_CAP)
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


def _beyond(listed: Listing[Offer], order: Order) -> Filter | None:
    """The bound by which Vast lists what comes after these rows; None where the last does not say
    where it stands.
    """
    field, way = order
    last = listed[-1].stated.get(field) if listed else None
    if not isinstance(last, int | float):
        return None
    return Filter(None, field, {"gte" if way == "asc" else "lte": last})


def _tighter(op: str, one: Any, other: Any) -> Any:
    """The narrower of two bounds of one kind, where both are numbers, or of two lists of what is
    not to be found; else the second.
    """
    if op == "notin":
        return [*(one or ()), *other]
    if not (isinstance(one, int | float) and isinstance(other, int | float)):
        return other
    match op:
        case "gte" | "gt":
            return max(one, other)
        case "lte" | "lt":
            return min(one, other)
        case _:
            return other
