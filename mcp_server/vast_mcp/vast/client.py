"""The calls: one method an endpoint, models out, leaves of the error tree raised.

Reads are repeated by retry.py. The PUT that rents goes out once, on a connection of its own, and
whatever is not a clear verdict is OutcomeUnknown.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence

import anyio

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.vast import models, verdicts
from vast_mcp.vast.billing import Billing
from vast_mcp.vast.errands import Errands
from vast_mcp.vast.holdings import Holdings
from vast_mcp.vast.models import Instance, Offer
from vast_mcp.vast.pages import Pages, rows_under
from vast_mcp.vast.rates import Rates
from vast_mcp.vast.retry import READ_TRIES
from vast_mcp.vast.rows import Listing, row_of, rows_of
from vast_mcp.vast.volumes_made import MakingVolumes

LIST_TRIES = 2

# It writes whole addresses at INFO, and a log's address is a secret of its own.
logging.getLogger("httpx").setLevel(logging.WARNING)


class Vast(Holdings, Billing, Rates, Errands, MakingVolumes):
    """Vast.ai's API as this server uses it, until a deadline on anyio's clock."""

    # ── offers ────────────────────────────────────────────────────────────────────────────────────

    async def search_offers(self, query: Json) -> Listing[Offer]:
        """POST /bundles/: a flat query, at most 64 rows (docs/vast-api.md B.1)."""
        reply = await self._read("search", "POST", "/api/v0/bundles/", body=query)
        return self.unread.note_all(Offer, models.offers_of(rows_under(reply, "offers")))

    async def find_offer(
        self, offer_id: int, *, bid: bool = False, disk_gb: float = 10.0
    ) -> Offer | None:
        """The offer now, free or taken, at prices with `disk_gb`; None where Vast lists none.
        Raises IncompleteList where a row that may be it has no id that can be read.
        """
        anything = {"in": [True, False]}
        query: Json = {
            # A filter on `id` finds nothing (docs/vast-api.md B.2).
            "ask_contract_id": {"eq": offer_id},
            "verified": anything,
            "external": anything,
            "rentable": anything,
            "rented": anything,
            "type": "on-demand",
            "allocated_storage": disk_gb,
            "limit": 1,
        }
        if bid:
            query["type"] = "bid"
        listed = await self.search_offers(query)
        for offer in listed:
            if offer.ask_contract_id == offer_id:
                return offer
        if not listed.is_whole:
            raise errors.IncompleteList("Vast's answer has an offer without an id.")
        return None

    async def gpu_names(self) -> list[str]:
        """GET /gpu_names/unique/ (docs/vast-api.md B.4): the display names that exist. Raises
        IncompleteList where there is no list of them, or something else in it.
        """
        reply = await self._read("gpu_names", "GET", "/api/v0/gpu_names/unique/")
        listed = rows_under(reply, "gpu_names")
        found = [name for name in listed if isinstance(name, str)]
        if len(found) < len(listed):
            raise errors.IncompleteList("Vast's list of GPU names could not be understood.")
        return found

    async def turn_to_rent(self) -> None:
        """Wait for the published interval between two rents, before anything is announced."""
        await self._link.pace.turn("create", self._deadline, self._tell)

    async def rent(
        self, offer_id: int, body: Json, *, may_leave: Callable[[], bool] = lambda: True
    ) -> int:
        """PUT /asks/{id}/, once: the id of the instance it made.

        Raises Unreachable only when no connection was made, NotRented when it was not to leave any
        more, and OutcomeUnknown where no answer came, or one without end; see verdicts.rented for
        the other verdicts. The storm stops here: it changes the body and the connection of this
        method (tests/storm/served.py).
        """
        path = f"/api/v0/asks/{offer_id}/"
        return await self._done_once("create", "PUT", path, body, may_leave, verdicts.rented)

    # ── instances ─────────────────────────────────────────────────────────────────────────────────

    async def list_instances(self) -> Listing[Instance]:
        """The whole v1 list, newest id first.

        Raises IncompleteList when a page is missing, repeated or inconsistent: half a list must not
        look like a list. A row without an id is counted, and the list then proves no absence.
        """
        for _ in range(1, LIST_TRIES):
            with contextlib.suppress(errors.IncompleteList):
                listed = await self._list_once()
                if listed.is_whole:
                    return self.unread.note_all(Instance, listed)
        listed = await self._anew._list_once()  # no page of which is another's
        return self.unread.note_all(Instance, listed)

    async def _list_once(self) -> Listing[Instance]:
        pages = Pages()
        while True:
            if anyio.current_time() >= self._deadline:
                raise errors.IncompleteList(
                    f"The list was not read to its end in time: {len(pages.found)} machines so far."
                )
            reply = await self._read("list", "GET", "/api/v1/instances/", params=pages.query())
            pages.add(rows_of(Instance, rows_under(reply, "instances")))
            if not pages.turn(reply):
                return pages.whole(reply)

    async def show_instance(self, instance_id: int) -> Instance | None:
        """GET /instances/{id}/ (docs/vast-api.md C.1): None where Vast shows no such instance."""
        try:
            reply = await self._read(
                "show", "GET", f"/api/v0/instances/{instance_id}/", params={"owner": "me"}
            )
        except (errors.NoSuchInstance, errors.NotFound):
            return None
        found: object = reply.body.get("instances", False)
        if found is None or found == []:
            return None
        # One row, or, in an older shape, a list with one row.
        row = row_of(Instance, found[0] if isinstance(found, list) else found)
        if row is None or row.id != instance_id:
            # Anything else is an answer about nothing, and must not prove that a machine is gone.
            raise errors.UnexpectedReply(
                "Vast's answer names no machine and no absence.", http_status=reply.status
            )
        self.unread.note(row)
        return row

    async def turn_to_destroy(self) -> None:
        """Wait the published interval between destroys, before the last look at what goes."""
        await self._link.pace.turn("destroy", self._deadline, self._tell)

    async def destroy_instance(self, instance_id: int, *, once: bool = False) -> bool:
        """DELETE /instances/{id}/: True when Vast accepted it, False when it knows no such
        instance (docs/vast-api.md C.7).

        `once`: now, in a turn already taken, and never repeated by itself: the caller looks again
        first.
        """
        path = f"/api/v0/instances/{instance_id}/"
        try:
            tries = 1 if once else READ_TRIES
            await self._read("destroy", "DELETE", path, body={}, tries=tries, in_turn=once)
        except (errors.NoSuchInstance, errors.NotFound):
            return False
        return True

    async def may_list(self) -> None:
        """One row of the list: raises Forbidden where the key may not."""
        await self._read("list", "GET", "/api/v1/instances/", params={"limit": "1"})

    async def change_instance(self, instance_id: int, change: Json) -> None:
        """PUT /instances/{id}/: {"state": "running" | "stopped"} or {"label": text}
        (docs/vast-api.md C.7).

        Raises StartQueued where the GPU is taken: it may run, and bill, later or never
        (docs/vast-api.md C.5).
        """
        await self._read("manage", "PUT", f"/api/v0/instances/{instance_id}/", body=change)

    async def change_instances(self, instance_ids: Sequence[int], change: Json) -> None:
        """PUT /instances/: the same to 64 at most (docs/vast-api.md C.7). A success is one of some,
        and names none: what became of each is looked up.
        """
        body = {"ids": list(instance_ids), **change}
        await self._read("manage_many", "PUT", "/api/v0/instances/", body=body)

    async def destroy_instances(self, instance_ids: Sequence[int]) -> None:
        """DELETE /instances/, once: accepted for all, or for some, which is looked up
        (docs/vast-api.md C.7).
        """
        body: Json = {"instance_ids": list(instance_ids)}
        await self._read("destroy", "DELETE", "/api/v0/instances/", body=body, tries=1)

    async def reboot_instance(self, instance_id: int) -> None:
        """PUT /instances/reboot/{id}/: stops and starts the container, keeping GPU and disk.
        Raises NotRunning.
        """
        path = f"/api/v0/instances/reboot/{instance_id}/"
        await self._read("manage", "PUT", path, body={}, means=verdicts.OF_A_CONTAINER)

    async def recycle_instance(self, instance_id: int) -> None:
        """PUT /instances/recycle/{id}/: a fresh container of a freshly pulled image; its disk's
        content goes. Raises NotRunning.
        """
        path = f"/api/v0/instances/recycle/{instance_id}/"
        await self._read("manage", "PUT", path, body={}, means=verdicts.OF_A_CONTAINER)

    async def change_bid(self, instance_id: int, price: float) -> None:
        """PUT /instances/bid_price/{id}/: $/h for the whole machine."""
        await self._read(
            "bid",
            "PUT",
            f"/api/v0/instances/bid_price/{instance_id}/",
            body={"client_id": "me", "price": price},
        )

    async def request_logs(
        self, instance_id: int, tail: int, *, words: str | None, daemon: bool
    ) -> str:
        """PUT /instances/request_logs/{id}/: the address the log will appear at, in Vast's word
        only (docs/vast-api.md C.7).
        """
        body: Json = {"tail": str(tail)}
        if words:
            body["filter"] = words
        if daemon:
            body["daemon_logs"] = "true"
        path = f"/api/v0/instances/request_logs/{instance_id}/"
        reply = await self._read("logs", "PUT", path, body=body, means=verdicts.OF_LOGS)
        address: object = reply.body.get("result_url")
        if not isinstance(address, str):
            raise errors.UnexpectedReply(
                "Vast did not say where the log is.", http_status=reply.status
            )
        return address
