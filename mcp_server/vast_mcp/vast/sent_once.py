"""A request that may cost money: sent once, on a connection of its own, never again by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import httpx

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.vast.departure import NOT_SENT, Departure
from vast_mcp.vast.replies import Reply
from vast_mcp.vast.requests import Requests

T = TypeVar("T")


class SendingOnce(Requests):
    """What renting a machine, making a volume and paying ahead have in common."""

    async def _done_once(
        self,
        kind: str,
        method: str,
        path: str,
        body: Json,
        may_leave: Callable[[], bool],
        verdict: Callable[[Reply], T],
    ) -> T:
        """Send it, and judge its answer. `may_leave`: asked as it leaves, since a process can be
        stopped anywhere. Raises NotRented where it was not to leave any more, Unreachable where no
        connection was made, OutcomeUnknown where no answer came, and what `verdict` raises.
        """
        departure = Departure(may_leave)
        departure.check()
        left_at = anyio.current_time()
        with self.deeds.one(kind, path) as deed:
            try:
                reply = await self._sent_once(method, path, body, departure)
            finally:
                self._link.pace.arrived(kind, left_at)
                self._link.shared.forget()
            deed.leaves()
            if reply is None:
                raise errors.OutcomeUnknown("No answer came that could be read.")
            self._heed(kind, reply)
            return verdict(reply)

    async def _sent_once(
        self, method: str, path: str, body: Json, departure: Departure
    ) -> Reply | None:
        """Send it on a fresh connection; None where it may have arrived and no answer did.

        Not cancelled by the caller's going away: the answer is worth more than the wait, `put_s`
        seconds at most.
        """
        times = self._link.settings.times
        limit = httpx.Timeout(times.put_s, connect=min(times.connect_s, times.put_s))
        http = self._link.fresh()
        reply: Reply | None = None
        with anyio.move_on_after(times.put_s, shield=True):
            try:
                async with http:
                    traced = {"trace": departure.trace}
                    reply = await self._link.ask(
                        http, method, path, json=body, timeout=limit, extensions=traced
                    )
            except NOT_SENT as exc:
                raise errors.Unreachable(
                    f"No connection to Vast was made ({type(exc).__name__})."
                ) from exc
            except errors.NotRented:
                raise
            except Exception:  # noqa: S110  whatever else went wrong, the request may have arrived
                pass
        if not departure.left:
            departure.check()
        return reply
