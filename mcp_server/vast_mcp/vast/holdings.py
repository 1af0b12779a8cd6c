"""The calls about what an account has beside machines: keys, templates, volumes, its credit."""

from __future__ import annotations

import json

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.vast.account import Template, User
from vast_mcp.vast.keys import Keys
from vast_mcp.vast.pages import rows_under
from vast_mcp.vast.rows import Listing, row_of, rows_of
from vast_mcp.vast.storage import Volume, VolumeOffer

_NO_TEMPLATES = "no templates found"  # a search without a match, told as no success
_EVERY_VOLUME = {"owner": "me", "type": "all_volume"}


class Holdings(Keys):
    """The half of Vast.ai's API that knows no machine (client.py)."""

    async def template(self, hash_id: str) -> Template | None:
        """GET /template/ by hash (docs/vast-api.md E): None where Vast says that no template has
        it.
        """
        listed = await self._templates({"hash_id": {"eq": hash_id}})
        for template in listed:
            if template.hash_id == hash_id:
                self.unread.note(template)
                return template
        if listed.total:
            raise errors.UnexpectedReply("Vast showed other templates than the one asked for.")
        return None

    async def search_templates(self, filters: Json) -> Listing[Template]:
        """GET /template/ with `select_filters` (docs/vast-api.md E)."""
        return self.unread.note_all(Template, await self._templates(filters))

    async def _templates(self, filters: Json) -> Listing[Template]:
        params = {"select_cols": '["*"]', "select_filters": json.dumps(filters)}
        try:
            reply = await self._read("templates", "GET", "/api/v0/template/", params=params)
        except errors.NotFound as exc:
            if _NO_TEMPLATES in (exc.vast_message or "").lower():
                return Listing()
            raise
        return rows_of(Template, rows_under(reply, "templates"))

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
