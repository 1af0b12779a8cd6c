"""The calls about templates (docs/vast-api.md E), and what a machine was launched with, of which a
template can be made.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, ClassVar, cast

from pydantic import Field, PlainValidator, ValidationInfo

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.vast import cells
from vast_mcp.vast.account import Template
from vast_mcp.vast.pages import rows_under
from vast_mcp.vast.replies import Reply
from vast_mcp.vast.requests import Requests
from vast_mcp.vast.rows import Listing, Row, row_of, rows_of

_PATH = "/api/v0/template/"
_NO_TEMPLATES = "no templates found"  # a search without a match, told as no success
_EXISTS = re.compile(r"existing template found: ([0-9]{1,18})\b", re.I)
_NOT_THERE = "invalid template id"


def _pairs(value: object, info: ValidationInfo) -> dict[str, str] | None:
    """The pairs that a row keeps its environment as (docs/vast-api.md A.4), with their values."""
    if value is None:
        return None
    found: dict[str, str] = {}
    for pair in cast("list[object]", value) if isinstance(value, list) else [value]:
        two = cast("list[object]", pair) if isinstance(pair, list) else []
        if len(two) == 2 and isinstance(two[0], str) and isinstance(two[1], str):
            found[two[0]] = two[1]
        else:
            cells.note(info, "extra_env")
    return found


class Launch(Row):
    """What an instance row says of how it was launched (docs/vast-api.md C.3): the one model that
    holds the values of variables, which are secrets until they are looked at.
    """

    what: ClassVar[str] = "Machine"

    id: cells.Id
    label: cells.Text = None
    image_uuid: cells.Text = None
    image_runtype: cells.Text = None
    image_args: Any = Field(default=None, repr=False)  # a list, or null
    extra_env: Annotated[dict[str, str] | None, PlainValidator(_pairs)] = Field(
        default=None, repr=False
    )
    onstart: cells.Text = Field(default=None, repr=False)
    disk_space: cells.Amount = None


class Templates(Requests):
    """The part of Vast.ai's API that is about templates."""

    async def template(self, hash_id: str) -> Template | None:
        """GET /template/ by hash: None where Vast says that no template has it."""
        listed = await self._templates({"hash_id": {"eq": hash_id}})
        for template in listed:
            if template.hash_id == hash_id:
                self.unread.note(template)
                return template
        if listed.total:
            raise errors.UnexpectedReply("Vast showed other templates than the one asked for.")
        return None

    async def template_numbered(self, template_id: int) -> Template | None:
        """GET /template/ by number, which an edit keeps: None where Vast shows none."""
        listed = await self._templates({"id": {"eq": template_id}})
        found = next((one for one in listed if one.id == template_id), None)
        if found is None and listed.total:
            raise errors.UnexpectedReply("Vast showed other templates than the one asked for.")
        return found

    async def search_templates(self, filters: Json) -> Listing[Template]:
        """GET /template/ with `select_filters`."""
        return self.unread.note_all(Template, await self._templates(filters))

    async def _templates(self, filters: Json) -> Listing[Template]:
        params = {"select_cols": '["*"]', "select_filters": json.dumps(filters)}
        try:
            reply = await self._read("templates", "GET", _PATH, params=params)
        except errors.NotFound as exc:
            if _NO_TEMPLATES in (exc.vast_message or "").lower():
                return Listing()
            raise
        return rows_of(Template, rows_under(reply, "templates"))

    async def create_template(self, content: Json) -> Template | int:
        """POST /template/: the template that was made, or the number of the one that has the same
        content already, which Vast tells as no success.
        """
        try:
            reply = await self._read("save_template", "POST", _PATH, body=content)
        except errors.InvalidRequest as exc:
            known = _EXISTS.search(exc.vast_message or "")
            if known is None:
                raise
            return int(known[1])
        return self._saved(reply)

    async def edit_template(self, hash_id: str, changes: Json) -> Template:
        """PUT /template/ with what changes: the template under its new hash."""
        body = {"hash_id": hash_id, **changes}
        return self._saved(await self._read("save_template", "PUT", _PATH, body=body))

    def _saved(self, reply: Reply) -> Template:
        template = row_of(Template, reply.body.get("template"))
        if template is None:
            self.deeds.doubt("save_template")
            raise errors.UnexpectedReply(
                "Vast did not confirm the template.", http_status=reply.status
            )
        return template

    async def delete_template(self, template_id: int) -> bool:
        """DELETE /template/ by number: True when Vast accepted it, False when it knows no such
        template of this account's.
        """
        body = {"template_id": template_id}
        try:
            await self._read("delete_template", "DELETE", _PATH, body=body)
        except (errors.InvalidRequest, errors.NotFound) as exc:
            if _NOT_THERE not in (exc.vast_message or "").lower():
                raise
            return False
        return True

    async def launch_of(self, instance_id: int) -> Launch | None:
        """GET /instances/{id}/ as what it was launched with: None where Vast shows no such
        instance.
        """
        path = f"/api/v0/instances/{instance_id}/"
        try:
            reply = await self._read("show", "GET", path, params={"owner": "me"})
        except (errors.NoSuchInstance, errors.NotFound):
            return None
        found = row_of(Launch, reply.body.get("instances"))
        if found is None or found.id != instance_id:
            raise errors.UnexpectedReply(
                "Vast's answer does not show the machine.", http_status=reply.status
            )
        return found
