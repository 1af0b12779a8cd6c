"""A template that nobody rents any more is taken away, and seen to be gone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vast_mcp import errors
from vast_mcp.renting.template_own import own_template
from vast_mcp.renting.template_shown import TemplateRow, row_of
from vast_mcp.session import Call
from vast_mcp.toolspec import Arguments, Result, ToolSpec
from vast_mcp.vast.account import Template

STILL_THERE = "Vast accepted it, and the template was not seen to be gone."
NOT_KNOWN = "Vast says that there is no such template, and it was not seen to be gone."


class DeleteTemplate(Arguments):
    told_elsewhere = frozenset({"template_hash_id"})

    template_hash_id: str


class DeleteTemplateResult(Result):
    template_hash_id: str
    outcome: Annotated[
        Literal["deleted", "accepted", "unknown", "already_gone"],
        Field(description="accepted, unknown: not seen to be gone."),
    ]
    was: Annotated[TemplateRow | None, Field(description="To make it again.")] = None
    warnings: list[str] = []


async def delete_template(args: DeleteTemplate, call: Call) -> DeleteTemplateResult:
    """Deletes a template of your own, for good."""
    hash_id = args.template_hash_id
    if call.session.templates_now.get(hash_id, hash_id) is None:
        return DeleteTemplateResult(template_hash_id=hash_id, outcome="already_gone")
    template = await own_template(call, "delete_template", hash_id)
    known = await call.vast.delete_template(template.id or 0)
    result = DeleteTemplateResult(
        template_hash_id=hash_id, outcome="deleted", was=row_of(template, own=True)
    )
    if await _is_gone(call, template):
        call.session.templates_now[hash_id] = None
        return result
    result.outcome = "accepted" if known else "unknown"
    result.warnings = [STILL_THERE if known else NOT_KNOWN]
    return result


async def _is_gone(call: Call, template: Template) -> bool:
    """Whether Vast shows it no more. Not being able to say undoes nothing."""
    try:
        return await call.vast.template_numbered(template.id or 0) is None
    except errors.VastMcpError:
        return False


SPEC = ToolSpec(
    fn=delete_template,
    arguments=DeleteTemplate,
    result=DeleteTemplateResult,
    title="Delete a template",
    read_only=False,
    destructive=True,
    idempotent=True,
    open_world=True,
    sends=("delete_template",),
)
