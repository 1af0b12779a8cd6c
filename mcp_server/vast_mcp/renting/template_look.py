"""The look at an order's template, where something in the order rests on what the template holds
(docs/vast-api.md A.10).
"""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.renting.findings import LOOK_S
from vast_mcp.renting.template_hashes import no_such
from vast_mcp.session import Call
from vast_mcp.vast.account import Template


async def template_of(call: Call, hash_id: str) -> Template | None:
    """A template by its hash, read once a call, since Vast spaces those reads by 3 s; so is what
    kept it from being read. A hash is of the template's content (docs/vast-api.md A.10).
    """
    if hash_id not in call.templates:
        try:
            call.templates[hash_id] = await call.within(LOOK_S).template(hash_id)
        except errors.VastMcpError as exc:
            call.templates[hash_id] = exc
    found = call.templates[hash_id]
    if isinstance(found, errors.VastMcpError):
        raise found
    return found


async def template_in(call: Call, body: Json) -> tuple[Template | None, str]:
    """The order's template where it has one, and why it is not known where it could not be read
    (empty elsewhere). Raises NoSuchTemplate; and what kept it from being read, where it decides
    what a VM would be.

    What it adds to the request is left to Vast (docs/vast-api.md A.10).
    """
    hash_id = body.get("template_hash_id")
    if hash_id is None:
        return None, ""
    try:
        template = await template_of(call, hash_id)
    except errors.VastMcpError as exc:
        if body.get("vm") and "image" not in body:
            raise
        return None, f"The template could not be read ({exc.code}): what it brings is not known."
    if template is None:
        raise no_such(call.session, hash_id)
    return template, ""


def disk_gb_wanted(body: Json, template: Template | None) -> float | None:
    """The disk that was asked for, else the template's; None where Vast picks."""
    if "disk" in body:
        return body["disk"]
    if template is not None and (template.recommended_disk_space or 0) > 0:
        return template.recommended_disk_space
    return None
