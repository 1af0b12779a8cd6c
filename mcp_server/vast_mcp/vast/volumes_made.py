"""The requests that make a volume (docs/vast-api.md F): each sent once, and judged by its words."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.vast import verdicts
from vast_mcp.vast.departure import Departure
from vast_mcp.vast.sent_once import SendingOnce

KIND = "create_volume"  # whose pace both keep (pace.INTERVALS)


class MakingVolumes(SendingOnce):
    """The two requests after which one more volume bills."""

    async def turn_to_make_volume(self) -> None:
        """Wait for the published interval between two of them, before anything is announced."""
        await self._link.pace.turn(KIND, self._deadline, self._tell)

    async def make_volume(self, body: Json, *, may_leave: Callable[[], bool]) -> int:
        """PUT /volumes/ `{id, size, name}`, once: the id of the volume. Raises as `rent` does."""
        return await self._make("PUT", "/api/v0/volumes/", body, may_leave)

    async def clone_volume(self, body: Json, *, may_leave: Callable[[], bool]) -> int:
        """POST /volumes/copy/ `{src_id, dst_id, size}`, once: the id of the copy. Raises as `rent`
        does.
        """
        return await self._make("POST", "/api/v0/volumes/copy/", body, may_leave)

    async def _make(self, method: str, path: str, body: Json, may_leave: Callable[[], bool]) -> int:
        departure = Departure(may_leave)
        departure.check()
        left_at = anyio.current_time()
        with self.deeds.one(KIND, path) as deed:
            try:
                reply = await self._sent_once(method, path, body, departure)
            finally:
                self._link.pace.arrived(KIND, left_at)
                self._link.shared.forget()
            deed.leaves()
            if reply is None:
                raise errors.OutcomeUnknown("No answer came that could be read.")
            self._heed(KIND, reply)
            return verdicts.volume_made(reply)
