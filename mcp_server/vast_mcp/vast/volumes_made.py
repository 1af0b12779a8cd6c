"""The requests that make a volume (docs/vast-api.md F): each sent once, and judged by its words."""

from __future__ import annotations

from collections.abc import Callable

from vast_mcp.errors import Json
from vast_mcp.vast import verdicts
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
        return await self._done_once(KIND, method, path, body, may_leave, verdicts.volume_made)
