"""The look at an order's template, where something in the order rests on what the template holds
(docs/vast-api.md A.10).
"""

from __future__ import annotations

from vast_mcp import errors
from vast_mcp.errors import Json
from vast_mcp.renting.findings import LOOK_S
from vast_mcp.session import Call
from vast_mcp.vast.account import Template


async def template_of(call: Call, hash_id: str) -> Template | None:
    """A template by its hash, read once a call, since Vast spaces those reads by 3 s. A hash is of
    the template's content (docs/vast-api.md A.10).
    """
    if hash_id not in call.templates:
        call.templates[hash_id] = await call.within(LOOK_S).template(hash_id)
    return call.templates[hash_id]


async def template_if_needed(call: Call, body: Json, *, priced: bool) -> Template | None:
    """The template, where anything here rests on it. Raises NoSuchTemplate.

    Its image decides what a VM may be, and its disk is in the price; the merge is left to Vast
    (docs/vast-api.md A.10).
    """
    decides_image = bool(body.get("vm")) and "image" not in body
    decides_price = priced and "disk" not in body
    if "template_hash_id" not in body or not (decides_image or decides_price):
        return None
    template = await template_of(call, body["template_hash_id"])
    if template is None:
        raise errors.NoSuchTemplate(
            "No template has this template_hash_id; editing a template changes its hash."
        )
    return template


def disk_gb_wanted(body: Json, template: Template | None) -> float | None:
    """The disk that was asked for, else the template's; None where Vast picks."""
    if "disk" in body:
        return body["disk"]
    if template is not None and (template.recommended_disk_space or 0) > 0:
        return template.recommended_disk_space
    return None
