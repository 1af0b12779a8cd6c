"""The calls about what machines will cost: higher prices that hosts ask for, what is paid ahead,
and announced maintenance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vast_mcp import errors
from vast_mcp.vast import cells, replies, verdicts
from vast_mcp.vast.announced import Maintenance, PriceIncrease
from vast_mcp.vast.pages import rows_under
from vast_mcp.vast.replies import Reply
from vast_mcp.vast.rows import Listing, rows_of
from vast_mcp.vast.sent_once import SendingOnce

_ACCEPT = "/api/v0/instances/accept-price-increase/"
_REJECT = "/api/v0/instances/reject-price-increase/"


@dataclass(frozen=True)
class Prepaid:
    """What a payment ahead brought: the months that it is worth, and the discount, 0 to 1."""

    months: float | None
    discount: float | None


@dataclass(frozen=True)
class Deposited:
    """What is paid ahead for a machine: what a destroy gives back and the discount received so
    far, in $, and the months that count for the discount.
    """

    refundable_usd: float
    discount_usd: float | None
    months: float | None


class Rates(SendingOnce):
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

    async def turn_to_prepay(self) -> None:
        """Wait for the published interval between two of them, before anything is announced."""
        await self._link.pace.turn("prepay", self._deadline, self._tell)

    async def prepay(
        self, instance_id: int, usd: float, *, may_leave: Callable[[], bool]
    ) -> Prepaid:
        """PUT /instances/prepay/{id}/ (docs/vast-api.md C.7), once: it is never repeated by
        itself, since a second one is paid as well. Raises as `rent` does, and Vast's refusals.
        """
        path = f"/api/v0/instances/prepay/{instance_id}/"
        return await self._done_once("prepay", "PUT", path, {"amount": usd}, may_leave, _prepaid)

    async def deposit(self, instance_id: int) -> Deposited:
        """GET /instances/balance/{id}/ (docs/vast-api.md C.7). Raises UnexpectedReply where it
        does not say what a destroy gives back.
        """
        reply = await self._read("balance", "GET", f"/api/v0/instances/balance/{instance_id}/")
        refundable = _amount(reply, "refundable_deposit")
        if refundable is None:
            raise errors.UnexpectedReply(
                "Vast did not say what was paid ahead for the machine.", http_status=reply.status
            )
        return Deposited(
            refundable, _amount(reply, "total_discount"), _amount(reply, "discount_months")
        )

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


def _prepaid(reply: Reply) -> Prepaid:
    error = verdicts.refusal(reply, "PUT")
    if error is not None:
        raise error
    return Prepaid(_amount(reply, "timescale"), _amount(reply, "discount_rate"))


def _amount(reply: Reply, name: str) -> float | None:
    """An amount of a reply; None where it has none that can be read."""
    try:
        return cells.amount(reply.body.get(name))
    except ValueError:
        return None
