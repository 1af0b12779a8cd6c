"""The calls about what an account has beside machines: keys, templates, volumes, its credit."""

from __future__ import annotations

import json

from pydantic import ValidationError

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.vast import models, replies
from vast_mcp.vast.account import SshKey, Template, User
from vast_mcp.vast.pages import rows_under
from vast_mcp.vast.requests import Requests
from vast_mcp.vast.storage import Volume, VolumeOffer

_NO_TEMPLATES = "no templates found"  # a search without a match, told as no success
_EVERY_VOLUME = {"owner": "me", "type": "all_volume"}


class Holdings(Requests):
    """The half of Vast.ai's API that knows no machine (client.py)."""

    async def ssh_keys(self) -> list[SshKey]:
        """GET /ssh/ (docs/vast-api.md D). No keys answers 404, which is an empty list."""
        try:
            reply = await self._read("keys", "GET", "/api/v0/ssh/")
        except errors.NotFound:
            return []
        rows = (
            replies.as_objects(reply.data) or replies.as_objects(reply.body.get("ssh_keys")) or []
        )
        return [_ssh_key(row) for row in rows]

    async def create_ssh_key(self, public_key: str) -> SshKey:
        """POST /ssh/ (docs/vast-api.md D)."""
        reply = await self._read("keys", "POST", "/api/v0/ssh/", body={"ssh_key": public_key})
        key = replies.as_object(reply.body.get("key"))
        if key is None:
            raise errors.UnexpectedReply("Vast did not confirm the key.", http_status=reply.status)
        return _ssh_key(key)

    async def template(self, hash_id: str) -> Template | None:
        """GET /template/ by hash (docs/vast-api.md E): None where Vast says that no template has
        it.
        """
        rows = await self._template_rows({"hash_id": {"eq": hash_id}})
        for row in rows:
            if row.get("hash_id") == hash_id:
                return _template(row)
        if rows:
            raise errors.UnexpectedReply("Vast showed other templates than the one asked for.")
        return None

    async def search_templates(self, filters: Json) -> list[Template]:
        """GET /template/ with `select_filters` (docs/vast-api.md E)."""
        return models.rows_of(Template, await self._template_rows(filters))

    async def _template_rows(self, filters: Json) -> list[Json]:
        params = {"select_cols": '["*"]', "select_filters": json.dumps(filters)}
        try:
            reply = await self._read("templates", "GET", "/api/v0/template/", params=params)
        except errors.NotFound as exc:
            if _NO_TEMPLATES in (exc.vast_message or "").lower():
                return []
            raise
        return rows_under(reply, "templates")

    async def search_volumes(self, query: Json) -> list[VolumeOffer]:
        """POST /volumes/search/ (docs/vast-api.md F): a flat query, at most 64 rows."""
        reply = await self._read("search_volumes", "POST", "/api/v0/volumes/search/", body=query)
        return models.rows_of(VolumeOffer, rows_under(reply, "offers"))

    async def list_volumes(self) -> list[Volume]:
        """GET /volumes/: every volume of the account (docs/vast-api.md F). Raises IncompleteList
        where there is no list, or a row names no volume.
        """
        reply = await self._read("volumes", "GET", "/api/v0/volumes/", params=_EVERY_VOLUME)
        rows = rows_under(reply, "volumes")
        listed = models.rows_of(Volume, rows)
        if len(listed) < len(rows):
            raise errors.IncompleteList("A row of Vast's list of volumes could not be understood.")
        return listed

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
        try:
            return User.model_validate(reply.body)
        except ValidationError as exc:
            raise errors.UnexpectedReply(
                "Vast did not say whose key this is.", http_status=reply.status
            ) from exc


def _template(row: Json) -> Template:
    try:
        return Template.model_validate(row)
    except ValidationError as exc:
        raise errors.UnexpectedReply("Vast's template row could not be understood.") from exc


def _ssh_key(row: Json) -> SshKey:
    try:
        return SshKey.model_validate({"public_key": row.get("key"), **row})
    except ValidationError as exc:
        raise errors.UnexpectedReply("Vast's SSH key row could not be understood.") from exc
