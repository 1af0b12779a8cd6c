"""The calls about what machines will cost: higher prices that hosts ask for, what is paid ahead,
and announced maintenance.
"""

from __future__ import annotations

from collections.abc import Iterable

from vast_mcp import errors
from vast_mcp.vast import replies, verdicts
from vast_mcp.vast.announced import Maintenance, PriceIncrease
from vast_mcp.vast.pages import rows_under
from vast_mcp.vast.requests import Requests
from vast_mcp.vast.rows import Listing, rows_of

_ACCEPT = "/api/v0/instances/accept-price-increase/"
_REJECT = "/api/v0/instances/reject-price-increase/"


class Rates(Requests):
    """The part of Vast.ai's API about prices that move (client.py)."""

    async def price_increases(self) -> Listing[PriceIncrease]:
        """GET /instances/pending-price-increases/ (docs/vast-api.md C.7). One that Vast cut off
        is not whole.
        """
        path = "/api/v0/instances/pending-price-increases/"
        reply = await self._read("increases", "GET", path)
        found = rows_of(PriceIncrease, rows_under(reply, "pending_price_increases"))
        found.nameless += reply.body.get("truncated") is True
        return self.unread.note_all(PriceIncrease, found)

    async def decide_increase(self, increase_id: int, *, accept: bool) -> None:
        """PUT /instances/accept-price-increase/ or reject- (docs/vast-api.md C.7). Raises NotFound
        where none waits under that id.
        """
        path = _ACCEPT if accept else _REJECT
        body = {"pending_price_increase_id": increase_id}
        await self._read("decide", "PUT", path, body=body, means=verdicts.OF_AN_INCREASE)

    async def maintenances(self, machine_ids: Iterable[int]) -> Listing[Maintenance]:
        """POST /machines/maintenances (docs/vast-api.md C.11): what is announced for these. Raises
        IncompleteList where there is no list.
        """
        body = {"machine_ids": sorted(machine_ids)}
        reply = await self._read("maintenances", "POST", "/api/v0/machines/maintenances", body=body)
        rows = replies.as_list(reply.data)
        if rows is None:
            raise errors.IncompleteList(
                "Vast's answer holds no list of maintenances.", http_status=reply.status
            )
        return self.unread.note_all(Maintenance, rows_of(Maintenance, rows))
