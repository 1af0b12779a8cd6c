"""The calls about what an account has beside machines, keys and templates: volumes, its credit."""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.vast.account import User
from vast_mcp.vast.keys import Keys
from vast_mcp.vast.pages import rows_under
from vast_mcp.vast.rows import Listing, row_of, rows_of
from vast_mcp.vast.storage import Volume, VolumeOffer
from vast_mcp.vast.templates import Templates

_EVERY_VOLUME = {"owner": "me", "type": "all_volume"}


class Holdings(Keys, Templates):
    """The half of Vast.ai's API that knows no machine (client.py)."""

    async def search_volumes(self, query: Json) -> Listing[VolumeOffer]:
        """POST /volumes/search/ (docs/vast-api.md F): a flat query, at most 64 rows."""
        reply = await self._read("search_volumes", "POST", "/api/v0/volumes/search/", body=query)
        found = rows_of(VolumeOffer, rows_under(reply, "offers"))
        return self.unread.note_all(VolumeOffer, found)

    async def list_volumes(self) -> Listing[Volume]:
        """GET /volumes/: every volume of the account (docs/vast-api.md F). Raises IncompleteList
        where there is no list.
        """
        reply = await self._read("volumes", "GET", "/api/v0/volumes/", params=_EVERY_VOLUME)
        return self.unread.note_all(Volume, rows_of(Volume, rows_under(reply, "volumes")))

    async def destroy_volume(self, volume_id: int) -> bool:
        """DELETE /volumes/ (docs/vast-api.md F): True when Vast accepted it, False when it knows no
        such volume. Raises VolumeInUse while a machine holds it.
        """
        try:
            await self._read("destroy_volume", "DELETE", "/api/v0/volumes/", body={"id": volume_id})
        except (errors.NotFound, errors.InvalidRequest) as exc:
            if exc.http_status != 404:
                raise
            return False
        return True

    async def user(self) -> User:
        """GET /users/current/ (docs/vast-api.md G): whose key this is, and what it can spend."""
        reply = await self._read("user", "GET", "/api/v0/users/current/")
        user = row_of(User, reply.body)
        if user is None:
            raise errors.UnexpectedReply(
                "Vast did not say whose key this is.", http_status=reply.status
            )
        self.unread.note(user)
        return user
